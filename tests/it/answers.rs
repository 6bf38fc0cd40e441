//! What all answers have in common: problems, and the languages that they are told in.

use actix_web::{App, HttpResponse, HttpServer, middleware::from_fn, web};
use api::http::envelope::envelope;
use harness::{
    client::Answer,
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
    wire::{Raw, Wire, head, request},
};
use rstest::rstest;
use serde_json::{Value, json};

/// What no answer may give away.
const INSIDE: [&str; 12] = [
    "SELECT",
    "INSERT",
    "sqlx",
    "sea_orm",
    "sqlite",
    "postgres",
    ".rs",
    "panicked",
    "/src/",
    "constraint",
    "Error(",
    "stack",
];

/// Holds an answer to RFC 9457 and to the catalog.
fn check_problem(status: u16, path: &str, content_type: Option<&str>, body: &Value) {
    let at = format!("{status} {path}: {body}");
    assert_eq!(content_type, Some("application/problem+json"), "{at}");
    let code = body["code"].as_str().unwrap_or_else(|| panic!("{at}"));
    let known = api::problem::CODES.iter().find(|(known, ..)| *known == code).unwrap_or_else(|| panic!("{at}"));
    assert_eq!((known.1, &body["status"]), (status, &json!(status)), "{at}");
    assert_eq!(body["type"], format!("/problems/{code}"), "{at}");
    assert_eq!(body["title"], known.2, "{at}");
    assert_eq!(body["instance"], path, "{at}");
    assert_eq!(body["trace_id"].as_str().map(str::len), Some(32), "{at}");
    let text = body.to_string();
    assert_eq!(INSIDE.iter().find(|word| text.contains(*word)), None, "{at}");
}

fn check(path: &str, status: u16, answer: &Answer) {
    assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
    let plain = path.split('?').next().unwrap();
    check_problem(status, &format!("/api/v1{plain}"), answer.header("content-type"), &answer.body);
}

#[rstest]
#[actix_web::test]
async fn every_refusal_is_a_problem(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, resident) = (server.sign_in("worker").await, server.sign_in("resident").await);
    let order = json!({"kind": "tap", "description": "水管", "region_code": "360502002001", "address": "桂花巷"});
    let id = worker.post("/service-orders", order.clone()).await.text("/id").to_owned();
    let one = format!("/service-orders/{id}");
    let step = |name: &str| format!("{one}/{name}");
    let send = async |user: &User<'_>, status, method: &str, path: &str, headers: &[(&str, &str)], body: Value| {
        let body = Some(&body).filter(|body| !body.is_null());
        check(path, status, &user.send(method, path, headers, body).await);
    };
    send(&worker, 400, "GET", "/service-orders?limit=0", &[], Value::Null).await;
    send(&worker, 400, "GET", "/service-orders?cursor=a.b", &[], Value::Null).await;
    send(&worker, 400, "POST", "/service-orders", &[("idempotency-key", "a b")], order.clone()).await;
    send(&server.user("x"), 401, "GET", "/me", &[], Value::Null).await;
    send(&resident, 403, "GET", "/service-orders/counts", &[], Value::Null).await;
    send(&worker, 404, "GET", "/nothing", &[], Value::Null).await;
    send(&worker, 404, "GET", "/service-orders/nothing", &[], Value::Null).await;
    send(&resident, 404, "GET", &one, &[], Value::Null).await;
    send(&worker, 405, "DELETE", "/service-orders", &[], Value::Null).await;
    send(&worker, 406, "GET", "/me", &[("accept", "text/html")], Value::Null).await;
    send(&worker, 409, "POST", &step("resume"), &[], json!({})).await;
    send(&worker, 412, "PATCH", &one, &[("if-match", "\"7\"")], json!({"description": "x"})).await;
    send(&worker, 422, "POST", "/service-orders", &[], json!({"kind": 1})).await;
    send(
        &worker,
        422,
        "POST",
        "/service-orders",
        &[],
        json!({"kind": "nothing", "description": "x",
        "region_code": "360502002001", "address": "y"}),
    )
    .await;
    send(&worker, 428, "PATCH", &one, &[], json!({"description": "x"})).await;
    let key = [("idempotency-key", "one")];
    assert_eq!(worker.send("POST", "/service-orders", &key, Some(&order)).await.status, 201);
    send(
        &worker,
        422,
        "POST",
        "/service-orders",
        &key,
        json!({"kind": "tap", "description": "x",
        "region_code": "360502002001", "address": "y"}),
    )
    .await;
    let wrong = server.log_in("worker", "wrong").await;
    check("/auth/login", 401, &wrong);
    let refresh = json!({"refresh_token": "x"});
    check("/auth/refresh", 400, &server.send("POST", "/api/v1/auth/refresh", &[], Some(&refresh)).await);
    // the database refuses, and says why to the log only
    server.sql.break_at("UPDATE ON service_orders").await;
    let change = json!({"description": "水龙头"});
    send(&worker, 500, "PATCH", &one, &[("if-match", "\"1\"")], change.clone()).await;
    server.sql.mend("service_orders").await;
    assert_eq!(worker.send("PATCH", &one, &[("if-match", "\"1\"")], Some(&change)).await.status, 200);
}

#[actix_web::test]
async fn so_is_what_no_client_sends() {
    let server = Server::start(Sqlite).await;
    let bearer = format!("Bearer {}", server.sign_in("worker").await.token());
    let orders = "/api/v1/service-orders";
    let json_body = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let large = vec![b' '; (1 << 20) + 1];
    let long = format!("/{}", "a".repeat(9000));
    let asked: [(u16, &str, Vec<u8>); 11] = [
        (400, orders, request("POST", orders, &json_body, b"{")),
        (400, "/a%00", head("GET", "/a%00", &[])),
        (401, orders, head("GET", orders, &[])),
        (404, "/", head("GET", "/", &[])),
        (404, "/docs/nothing.js", head("GET", "/docs/nothing.js", &[])),
        (404, "/problems/nothing", head("GET", "/problems/nothing", &[])),
        (413, orders, request("POST", orders, &json_body, &large)),
        (414, &long, head("GET", &long, &[])),
        (415, orders, request("POST", orders, &json_body[..1], b"{}")),
        (415, orders, request("POST", orders, &[&json_body[..], &[("content-encoding", "gzip")]].concat(), b"{}")),
        (431, "/livez", head("GET", "/livez", &[("x-a", &"a".repeat(20_000))])),
    ];
    for (status, path, sent) in asked {
        let answer = Wire::to(&server).ask(&sent);
        assert_eq!(answer.status, status, "{path}");
        check_problem(status, path, answer.header("content-type"), &answer.json());
        dressed(&answer);
    }
}

fn dressed(answer: &Raw) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let policy = answer.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.header("server"), None);
    assert_eq!(answer.header("x-powered-by"), None);
}

#[actix_web::test]
async fn a_panic_is_a_problem_and_the_next_request_is_served() {
    async fn panics() -> HttpResponse {
        panic!("SELECT secret FROM stack at src/inside.rs");
    }
    let app = || {
        App::new()
            .route("/panics", web::get().to(panics))
            .route("/serves", web::get().to(HttpResponse::Ok))
            .wrap(from_fn(envelope))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
    let address = server.addrs()[0].to_string();
    let running = server.run();
    let handle = running.handle();
    actix_web::rt::spawn(running);
    let asked = actix_web::web::block(move || {
        for _ in 0..3 {
            let answer = Wire::to_address(&address).ask(&head("GET", "/panics", &[("x-request-id", "one")]));
            check_problem(500, "/panics", answer.header("content-type"), &answer.json());
            assert_eq!((answer.status, answer.header("x-request-id")), (500, Some("one")));
            dressed(&answer);
            assert_eq!(Wire::to_address(&address).ask(&head("GET", "/serves", &[])).status, 200);
        }
    });
    asked.await.unwrap();
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start(Sqlite).await;
    let bearer = format!("Bearer {}", server.sign_in("worker").await.token());
    let document = api::app::document("http://127.0.0.1:8080");
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10").replace("{code}", "36");
        let mut known: Vec<String> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        known.sort();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if known.iter().any(|known| known == method) {
                continue;
            }
            let answer = Wire::to(&server).ask(&request(method, &path, &[("authorization", &bearer)], b""));
            // what has a name of its own is not what the pattern beside it means
            let shadowed = ["/service-orders/counts", "/service-orders/similar"].iter().any(|end| path.ends_with(end));
            if shadowed && matches!(method, "GET" | "PUT" | "PATCH") {
                continue;
            }
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(known.join(", ").as_str()), "{method} {path}");
            check_problem(405, &path, answer.header("content-type"), &answer.json());
        }
    }
}

#[actix_web::test]
async fn only_resources_ask_what_is_accepted() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    for (accept, status) in [
        ("application/json", 200),
        ("application/*", 200),
        ("*/*", 200),
        ("text/html, */*;q=0.1", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("", 200),
        ("text/html", 406),
        ("application/xml, text/csv", 406),
        ("application/json;q=0", 406),
        ("application/jsonp", 406),
        ("nonsense", 406),
    ] {
        assert_eq!(worker.send("GET", "/me", &[("accept", accept)], None).await.status, status, "{accept}");
    }
    for path in ["/livez", "/readyz", "/docs/", "/openapi.json", "/.well-known/jwks.json", "/problems/not-found"] {
        let answer = Wire::to(&server).ask(&head("GET", path, &[("accept", "image/png")]));
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn people_are_answered_in_their_language() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    let ask = async |language: Option<&str>| {
        let headers: Vec<_> = language.map(|language| ("accept-language", language)).into_iter().collect();
        worker.send("POST", "/service-orders", &headers, Some(&json!({}))).await
    };
    let chinese = [
        None,
        Some("zh-CN"),
        Some("zh"),
        Some("zh-Hant-TW"),
        Some("*"),
        Some(""),
        Some("xx"),
        Some("de, fr;q=0.5"),
        Some("en;q=0.5, zh;q=0.9"),
        Some("en;q=0"),
        Some(";;;,,q=,=1"),
        Some("中文"),
        Some("en;q=abc;q=0, zh"),
    ];
    let english = [Some("en"), Some("en-GB"), Some("EN-us"), Some("de, en;q=0.1"), Some("zh;q=0.5, en")];
    for (tag, title, detail, languages) in [
        ("zh-CN", "提交的数据未通过校验", "必须填写", &chinese[..]),
        ("en", "What was sent is not valid", "is required", &english[..]),
    ] {
        for language in languages {
            let answer = ask(*language).await;
            let told = (answer.header("content-language"), answer.text("/title"), answer.text("/errors/0/detail"));
            assert_eq!(told, (Some(tag), title, detail), "{language:?}");
            assert_eq!((answer.text("/code"), answer.text("/errors/0/code")), ("validation-failed", "required"));
        }
    }
}

#[actix_web::test]
async fn every_code_has_its_words() {
    for (code, status, chinese, english) in api::problem::CODES {
        assert!((400..600).contains(status) && !chinese.is_empty() && !english.is_empty(), "{code}");
        assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{code}");
        assert!(!chinese.is_ascii() && english.is_ascii(), "{code}");
    }
    for (code, chinese, english) in api::problem::FIELD_CODES {
        assert!(!chinese.is_ascii() && english.is_ascii() && !english.is_empty(), "{code}");
    }
}

#[actix_web::test]
async fn the_type_of_a_problem_leads_to_what_it_means() {
    let server = Server::start(Sqlite).await;
    let problem = server.sign_in("worker").await.post("/service-orders", json!({})).await;
    let page = |accept: &str| head("GET", problem.text("/type"), &[("accept", accept)]);
    let json = Wire::to(&server).ask(&page("application/json"));
    assert_eq!((json.status, json.header("content-type")), (200, Some("application/json")));
    let meaning = json.json();
    assert_eq!(meaning["title"]["zh-CN"], problem.body["title"]);
    let codes: Vec<&str> =
        meaning["errors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&problem.text("/errors/0/code")), "{codes:?}");
    // who follows the link in a browser reads it
    let html = Wire::to(&server).ask(&page("text/html,application/xhtml+xml,*/*;q=0.8"));
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let html = String::from_utf8(html.body).unwrap();
    for word in [problem.text("/title"), "validation-failed", problem.text("/errors/0/code"), "is required"] {
        assert!(html.contains(word), "{word}: {html}");
    }
}
