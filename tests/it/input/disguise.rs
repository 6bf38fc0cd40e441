//! A request that is not allowed stays so, whatever it is dressed as.

use harness::{
    database::Backend::Sqlite,
    server::{Server, User},
    wire::{Raw, Wire, request},
};
use serde_json::json;

use super::{NOTHING, operations, rows};

/// What a resident may do with what is his own; everything else that is no reading he may not.
const RESIDENT_MAY: [&str; 13] = [
    "readNotification",
    "readAllNotifications",
    "beginSecondFactor",
    "confirmSecondFactor",
    "createVolunteer",
    "createServiceOrder",
    "putServiceOrder",
    "updateServiceOrder",
    "findSimilarServiceOrders",
    "cancelServiceOrder",
    "confirmServiceOrder",
    "reopenServiceOrder",
    "joinServiceOrder",
];
/// What he may not read.
const HIDDEN: [&str; 2] = ["listServiceOrderCandidates", "countServiceOrders"];

/// A placed order of the resident's own.
async fn own_order(resident: &User<'_>) -> String {
    let compound = resident.compound("福园小区").await;
    let order = json!({"kind": "tap", "description": "水管", "compound_id": compound});
    resident.post("/service-orders", order).await.text("/id").to_owned()
}

fn ask(server: &Server, token: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Raw {
    let bearer = format!("Bearer {token}");
    let own = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let own = if token.is_empty() { &own[1..] } else { &own[..] };
    Wire::to(server).ask(&request(method, path, &[own, headers].concat(), body.as_bytes()))
}

#[actix_web::test]
async fn a_resident_is_refused_what_is_not_his() {
    let server = Server::start(Sqlite).await;
    let resident = server.sign_in("resident").await;
    let id = own_order(&resident).await;
    let before = rows(&server).await;
    let mut refused = 0;
    for operation in operations() {
        let is_reading = operation.method == "GET" && !HIDDEN.contains(&operation.id.as_str());
        let is_auth = operation.path.starts_with("/api/v1/auth/");
        if is_reading || is_auth || RESIDENT_MAY.contains(&operation.id.as_str()) {
            continue;
        }
        let path = operation.path.replace(NOTHING, &id);
        let body = if operation.example.is_null() { json!({}) } else { operation.example.clone() };
        let sort = if operation.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let bearer = format!("Bearer {}", resident.token());
        let headers = [("authorization", bearer.as_str()), ("content-type", sort), ("if-match", "\"1\"")];
        let body = body.to_string();
        let answer = Wire::to(&server).ask(&request(&operation.method, &path, &headers, body.as_bytes()));
        let at = format!("{}: {}", operation.id, answer.json());
        match answer.status {
            403..=405 => refused += 1,
            // whose body has no example is refused for that first
            422 => assert!(operation.example.is_null(), "{at}"),
            _ => panic!("{at}"),
        }
    }
    assert!(refused >= 10, "only {refused} were refused");
    assert_eq!(rows(&server).await, before);
}

#[actix_web::test]
async fn no_header_makes_another_request_of_it() {
    let server = Server::start(Sqlite).await;
    let resident = server.sign_in("resident").await;
    let id = own_order(&resident).await;
    let path = format!("/api/v1/service-orders/{id}/dispatch");
    let counts = "/api/v1/service-orders/counts";
    for (name, value) in [
        ("x-http-method-override", "GET"),
        ("x-http-method", "GET"),
        ("x-method-override", "GET"),
        ("x-original-url", "/api/v1/me"),
        ("x-original-uri", "/api/v1/me"),
        ("x-rewrite-url", "/api/v1/me"),
        ("x-forwarded-path", "/api/v1/me"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("forwarded", "for=127.0.0.1;host=localhost"),
        ("x-real-ip", "127.0.0.1"),
        ("x-user-id", "018c20f5-5c00-7c1a-a123-eb54d44020ba"),
        ("x-role", "community_worker"),
        ("cookie", "role=community_worker; session=1"),
    ] {
        let answer = ask(&server, resident.token(), "POST", &path, &[(name, value)], r#"{"open": true}"#);
        assert_eq!(answer.status, 403, "{name}");
        assert_eq!(ask(&server, resident.token(), "GET", counts, &[(name, value)], "").status, 403, "{name}");
        // and what one may read does not become a write
        let overridden = [(name, value), ("x-http-method-override", "DELETE"), ("x-original-url", path.as_str())];
        assert_eq!(ask(&server, resident.token(), "GET", "/api/v1/me", &overridden, "").status, 200, "{name}");
    }
    assert_eq!(resident.get(&format!("/service-orders/{id}")).await.text("/state"), "placed");
}

#[actix_web::test]
async fn no_spelling_of_an_address_is_another_way_in() {
    let server = Server::start(Sqlite).await;
    let resident = server.sign_in("resident").await;
    let id = own_order(&resident).await;
    let spellings = |path: &str| {
        let below = path.trim_start_matches("/api/v1/");
        vec![
            format!("/{path}"),
            format!("{path}/"),
            format!("{path}//"),
            format!("{path};x=1"),
            format!("{path}%2f"),
            format!("{path}%00"),
            format!("{path}%20"),
            format!("{path}."),
            format!("{path}.json"),
            format!("/api/v1//{below}"),
            format!("/api//v1/{below}"),
            format!("/api/v1/./{below}"),
            format!("/api/v1/%2e/{below}"),
            format!("/api/v1/auth/../{below}"),
            format!("/api/v1/auth/%2e%2e/{below}"),
            format!("/api/v1/auth%2f..%2f{below}"),
            format!("/api/v1/auth/..%2f{below}"),
            format!("/docs/../api/v1/{below}"),
            format!("/API/v1/{below}"),
            format!("/Api/V1/{below}"),
            format!("/%61pi/v1/{below}"),
            format!("/api%2fv1/{below}"),
            format!("/api/%76%31/{below}"),
            format!("\\api\\v1\\{below}").replacen('\\', "/", 1),
            format!("http://localhost/%61pi/v1/{below}"),
            format!("http://elsewhere.example/api/v1/auth/../{below}"),
            path.replacen("service", "Service", 1),
            path.replacen("service", "%73ervice", 1),
        ]
    };
    let before = rows(&server).await;
    for path in [format!("/api/v1/service-orders/{id}/dispatch"), "/api/v1/service-orders/counts".to_owned()] {
        let (method, body) = if path.ends_with("counts") { ("GET", "") } else { ("POST", r#"{"open": true}"#) };
        for spelling in spellings(&path) {
            let answer = ask(&server, resident.token(), method, &spelling, &[], body);
            assert!(
                matches!(answer.status, 400 | 401 | 403 | 404 | 405),
                "{spelling}: {} {}",
                answer.status,
                answer.json()
            );
        }
    }
    // without a token there is no way to anything behind the guard
    for path in ["/api/v1/service-orders", "/api/v1/service-kinds?x=service", "/api/v1/me?x=service"] {
        for spelling in spellings(path).into_iter().chain([path.to_owned()]) {
            let answer = ask(&server, "", "GET", &spelling, &[], "");
            assert!(matches!(answer.status, 400 | 401 | 404 | 405), "{spelling}: {} {}", answer.status, answer.json());
        }
    }
    assert_eq!(rows(&server).await, before);
}
