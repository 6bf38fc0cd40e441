//! Headers: what may be kept, who may read it.

use std::collections::BTreeMap;

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, Setup},
    wire::{Raw, Wire, head, request},
};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[actix_web::test]
async fn what_is_kept_is_asked_for_again(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let order =
        json!({"kind": "tap", "description": "水".repeat(1500), "region_code": "360502002001", "address": "巷"});
    let id = worker.post("/service-orders", order).await.text("/id").to_owned();
    let compound = worker.compound("福园小区").await;
    let kind = worker.get("/service-kinds?limit=1").await.text("/items/0/id").to_owned();
    let kept = BTreeMap::from([
        ("/service-orders?limit=1".to_owned(), "private, no-cache"),
        (format!("/service-orders/{id}"), "private, no-cache"),
        (format!("/service-orders/{id}/events"), "private, no-cache"),
        ("/regions".to_owned(), "private, max-age=300"),
        ("/regions/36".to_owned(), "private, max-age=300"),
        ("/compounds".to_owned(), "private, max-age=300"),
        (format!("/compounds/{compound}"), "private, max-age=300"),
        ("/service-kinds".to_owned(), "private, max-age=300"),
        (format!("/service-kinds/{kind}"), "private, max-age=300"),
    ]);
    let bearer = format!("Bearer {}", worker.token());
    let ask = |path: &str, headers: &[(&str, &str)]| {
        let mut wire = Wire::to(&server);
        let own = [("authorization", bearer.as_str())];
        wire.write(&head("GET", &format!("/api/v1{path}"), &[&own, headers].concat()));
        wire.head()
    };
    let mut coded = 0;
    for (path, caching) in kept {
        for coding in ["identity", "gzip", "br"] {
            let first = ask(&path, &[("accept-encoding", coding)]);
            let etag = first.header("etag").unwrap_or_else(|| panic!("{path} has no tag"));
            assert_eq!((first.status, first.header("cache-control")), (200, Some(caching)), "{path}");
            let varies = first.header("vary").unwrap_or_default();
            for on in ["Accept-Language", "Accept-Encoding", "Authorization", "Origin"] {
                assert!(varies.split(", ").any(|known| known == on), "{path}: {varies}");
            }
            // a compressed form is another thing than the plain one
            if let Some(used) = first.header("content-encoding") {
                assert!(used == coding && etag.ends_with(&format!("-{coding}\"")), "{path} {used} {etag}");
                coded += 1;
            }
            let again = ask(&path, &[("accept-encoding", coding), ("if-none-match", etag)]);
            assert_eq!((again.status, again.header("cache-control")), (304, Some(caching)), "{path} {coding} {etag}");
            assert_eq!((again.header("content-type"), again.header("content-length")), (None, None), "{path}");
            for other in ["\"0-00000000\"", "W/\"p-00000000\"", "\"1\""] {
                let other = ask(&path, &[("accept-encoding", coding), ("if-none-match", other)]);
                assert_eq!(other.status, 200, "{path}");
            }
        }
        assert_eq!(ask(&path, &[("if-none-match", "*")]).status, 304, "{path}");
    }
    assert!(coded >= 6, "only {coded} answers were compressed");
    // another caller sees less of it, so it is another thing
    let seen = server.sign_in("resident").await.get("/service-orders?limit=1").await;
    assert_ne!(seen.header("etag"), worker.get("/service-orders?limit=1").await.header("etag"));
}

#[actix_web::test]
async fn secrets_are_not_kept() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    let tokens = server.log_in("worker", "lianxin-demo").await;
    let refresh = json!({"refresh_token": tokens.text("/refresh_token")});
    let renewed = server.send("POST", "/api/v1/auth/refresh", &[], Some(&refresh)).await;
    for answer in [tokens, renewed, worker.get("/me").await, worker.get("/nothing").await] {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{:?}", answer.body);
    }
}

const FRONTEND: &str = "https://app.example";
const STRANGERS: [&str; 9] = [
    "https://other.example",
    "null",
    "https://app.example.other.example",
    "http://app.example",
    "https://app.example:443",
    "https://app.example:8443",
    "https://APP.example",
    "https://app.example/",
    "https://sub.app.example",
];

#[actix_web::test]
async fn only_known_origins_are_let_in() {
    let origins = format!("{FRONTEND}, https://second.example");
    let server = Setup::default().setting("LIANXIN_CORS_ORIGINS", &origins).start(Sqlite).await;
    let bearer = format!("Bearer {}", server.sign_in("worker").await.token());
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        Wire::to(&server).ask(&request(method, path, headers, b""))
    };
    let allowed = |answer: &Raw| answer.header("access-control-allow-origin").map(str::to_owned);
    for path in ["/api/v1/me", "/api/v1/nothing", "/openapi.json"] {
        for known in [FRONTEND, "https://second.example"] {
            let answer = ask("GET", path, &[("authorization", &bearer), ("origin", known)]);
            assert_eq!(allowed(&answer).as_deref(), Some(known), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            let shown = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
            for header in ["etag", "location", "link", "retry-after", "idempotency-replayed", "x-request-id"] {
                assert!(shown.contains(header), "{header} of {shown}");
            }
        }
        for stranger in STRANGERS {
            let answer = ask("GET", path, &[("authorization", &bearer), ("origin", stranger)]);
            assert_eq!(allowed(&answer), None, "{path} {stranger}");
        }
        assert_eq!(allowed(&ask("GET", path, &[("authorization", &bearer)])), None, "{path}");
    }
    // a refusal must be readable for the frontend too
    let answer = ask("GET", "/api/v1/me", &[("origin", FRONTEND)]);
    assert_eq!((answer.status, allowed(&answer).as_deref()), (401, Some(FRONTEND)));
    let preflight = |origin: &str, method: &str| {
        let wanted = [
            ("origin", origin),
            ("access-control-request-method", method),
            ("access-control-request-headers", "authorization, content-type, if-match, idempotency-key"),
        ];
        ask("OPTIONS", "/api/v1/service-orders", &wanted)
    };
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = preflight(FRONTEND, method);
        assert_eq!((answer.status, allowed(&answer).as_deref()), (200, Some(FRONTEND)), "{method}");
        let methods = answer.header("access-control-allow-methods").unwrap_or_default();
        assert!(methods.split(", ").any(|known| known == method), "{methods}");
        let headers = answer.header("access-control-allow-headers").unwrap_or_default().to_ascii_lowercase();
        assert!(headers.contains("idempotency-key"), "{headers}");
    }
    assert_eq!(allowed(&preflight(FRONTEND, "TRACE")), None);
    for stranger in STRANGERS {
        let answer = preflight(stranger, "POST");
        assert_eq!((answer.status, allowed(&answer)), (400, None), "{stranger}");
        assert_eq!(answer.header("access-control-allow-methods"), None, "{stranger}");
    }
}

#[actix_web::test]
async fn without_origins_nobody_is_let_in_and_without_tls_nothing_is_promised() {
    let server = Server::start(Sqlite).await;
    let ask = |server: &Server| Wire::to(server).ask(&request("GET", "/livez", &[("origin", FRONTEND)], b""));
    let answer = ask(&server);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("strict-transport-security"), None);
    let secure = Setup::default().setting("LIANXIN_PUBLIC_URL", "https://lx.example").start(Sqlite).await;
    let answer = ask(&secure);
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"));
}
