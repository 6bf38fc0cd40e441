//! Clients: other programs, each within its scopes and its region, never above the official who approved them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use harness::{
    client::{Answer, User},
    database::Backend::{self, Postgres, Sqlite},
    forge::{self, Forge},
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{appoint, change, content, fault, ids, invalid, own_id, refusal, remove, told, uuid, with};

const STREET: &str = "360502002";
const COMMUNITY: &str = "360502002001";
/// Within this time an end holds on every replica.
const SOON: TimeDelta = TimeDelta::seconds(5);

/// A client as whoever runs the system asks for it.
async fn wanted(server: &Server, scopes: &[&str], region: &str) -> Value {
    let organizations = server.sign_in("yushui").await.get("/organizations?limit=1").await;
    json!({"name": "12345 热线", "region_code": region, "organization_id": organizations.text("/items/0/id"),
           "scopes": scopes, "expires_at": "2026-09-01T00:00:00+08:00"})
}

/// Makes a client; its id and secret.
async fn made(server: &Server, scopes: &[&str], region: &str) -> (String, String) {
    let admin = server.sign_in("admin").await;
    let answer = admin.post("/clients", wanted(server, scopes, region).await).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    (answer.text("/id").to_owned(), answer.text("/client_secret").to_owned())
}

async fn approve(by: &User<'_>, client: &str) -> Answer {
    by.post(&format!("/clients/{client}/approve"), json!({})).await
}

/// An official of the county who is one of the street as well: he may do himself what programs may.
async fn approver<'a>(server: &'a Server) -> User<'a> {
    appoint(server, "approver", &[("official", "360502"), ("official", STREET)]).await.0
}

async fn token(server: &Server, (id, secret): &(String, String)) -> Answer {
    let answer = server.client_token(id, secret, "").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer
}

/// A client that works; its id and secret, and the caller that it is.
async fn working<'a>(server: &'a Server, scopes: &[&str], region: &str) -> ((String, String), User<'a>) {
    let client = made(server, scopes, region).await;
    assert_eq!(approve(&approver(server).await, &client.0).await.status, 200);
    let token = token(server, &client).await;
    (client, server.user(token.text("/access_token")))
}

#[rstest]
#[actix_web::test]
async fn a_client_works_once_it_is_approved(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    let (id, secret) = made(&server, &["compounds:read", "regions:read", "compounds:read"], STREET).await;
    let path = format!("/clients/{id}");
    let shown = admin.get(&path).await;
    assert_eq!((shown.text("/state"), &shown.body["scopes"]), ("pending", &json!(["regions:read", "compounds:read"])));
    assert_eq!((&shown.body["client_secret"], secret.len()), (&Value::Null, 43));
    assert_eq!(shown.body["actions"], json!(["delete", "disable", "rotate-secret", "update"]));
    let early = server.client_token(&id, &secret, "").await;
    assert_eq!((early.status, early.text("/error")), (401, "invalid_client"));

    let county = server.sign_in("yushui").await;
    assert_eq!(county.get(&path).await.body["actions"], json!(["approve"]));
    let approved = approve(&county, &id).await;
    assert_eq!((approved.status, approved.text("/state")), (200, "active"), "{:?}", approved.body);
    assert_eq!(approved.text("/approved_by"), county.get("/me").await.text("/id"));
    assert_eq!(refusal(&approve(&county, &id).await), (409, "invalid-transition"));

    let answer = server.client_token(&id, &secret, "").await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
    assert_eq!((answer.text("/token_type"), answer.body["expires_in"].as_i64()), ("Bearer", Some(600)));
    assert_eq!((answer.text("/scope"), &answer.body["refresh_token"]), ("regions:read compounds:read", &Value::Null));
    let claims = forge::claims(answer.text("/access_token"));
    assert_eq!((claims["sub"].as_str(), claims["client_id"].as_str()), (Some(id.as_str()), Some(id.as_str())));
    let client = server.user(answer.text("/access_token"));
    assert_eq!(client.get("/compounds?q=福园").await.status, 200);
    // it lasts ten minutes
    server.advance(TimeDelta::minutes(11));
    assert_eq!(refusal(&client.get("/compounds").await), (401, "invalid-token"));
    let admin = server.sign_in("admin").await;
    assert_eq!(told(&admin, &path).await, ["client.created", "client.approved"]);
}

#[rstest]
#[actix_web::test]
async fn a_client_does_what_its_scopes_say_in_its_region(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (_, client) = working(&server, &["service_orders:read"], COMMUNITY).await;
    let worker = server.sign_in("worker").await;
    // exactly the orders of its region
    let mut own = ids(&client, "/service-orders").await;
    let mut all = ids(&worker, "/service-orders").await;
    own.sort();
    all.sort();
    assert!(!own.is_empty());
    assert_eq!(own, all);
    let shown = client.get(&format!("/service-orders/{}", own[0])).await;
    assert!(shown.text("/requester/display_name").contains('*'), "{:?}", shown.body);
    assert_eq!(shown.body["actions"], json!([]));
    assert_eq!(client.get("/service-orders/counts?by=state").await.status, 200);
    // nothing else of it, and nothing elsewhere
    let nobodys = content(&client.get(&format!("/service-orders/{}", own_id(1))).await);
    let elsewhere = server.sign_in("worker2").await;
    let other = ids(&elsewhere, "/service-orders").await;
    assert_eq!(content(&client.get(&format!("/service-orders/{}", other[0])).await), nobodys);
    assert_eq!(client.get("/service-orders?region=360121").await.status, 404);
    for path in ["/persons", "/households", "/compounds", "/organizations", "/regions", "/service-kinds", "/volunteers"]
    {
        assert_eq!(refusal(&client.get(path).await), (403, "forbidden"), "{path}");
    }
    for path in ["/me", "/users", "/grants", "/sessions", "/clients"] {
        assert_eq!(refusal(&client.get(path).await), (403, "forbidden"), "{path}");
    }
    // and it writes nothing
    let order = json!({"kind": "tap", "description": "水", "region_code": COMMUNITY, "address": "1 号",
                       "on_behalf_of": {"name": "丁一", "phone": "13900139000"}});
    assert_eq!(refusal(&client.post("/service-orders", order).await), (403, "forbidden"));
    let dispatch = format!("/service-orders/{}/dispatch", own[0]);
    assert_eq!(refusal(&client.post(&dispatch, json!({"open": true})).await), (403, "forbidden"));
}

#[rstest]
#[actix_web::test]
async fn what_a_client_writes_is_its_own_doing(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let ((id, _), client) = working(&server, &["service_orders:write"], STREET).await;
    let order = json!({"kind": "tap", "description": "水龙头", "region_code": COMMUNITY, "address": "1 号",
                       "on_behalf_of": {"name": "丁一", "phone": "13900139000"}});
    let key = [("idempotency-key", "one")];
    let placed = client.send("POST", "/service-orders", &key, Some(&order)).await;
    assert_eq!(placed.status, 201, "{:?}", placed.body);
    let again = client.send("POST", "/service-orders", &key, Some(&order)).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &placed.body));
    // it acts for its unit, never for itself as a person
    let own = client.post("/service-orders", with(order.clone(), json!({"on_behalf_of": null}))).await;
    assert_eq!(fault(&own), invalid("/on_behalf_of", "required"));
    let far = with(order, json!({"region_code": "360121100001"}));
    assert_eq!(refusal(&client.post("/service-orders", far).await), (403, "forbidden"));
    let by = "events WHERE kind = 'service_order.placed' AND subject_id = $1 AND actor_user_id = $2";
    assert_eq!(server.sql.count(by, [placed.text("/id").into(), uuid(&id).into()]).await, 1);
    // whoever reads its timeline reads the client's name, in full
    let worker = server.sign_in("worker").await;
    let events = worker.get(&format!("/service-orders/{}/events", placed.text("/id"))).await;
    assert_eq!(events.text("/items/0/actor/display_name"), "12345 热线");
}

#[rstest]
#[actix_web::test]
async fn nobody_approves_more_than_he_may(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (writes, _) = made(&server, &["service_orders:write"], STREET).await;
    let (reads, _) = made(&server, &["service_orders:read"], STREET).await;
    let path = format!("/clients/{writes}");
    // a county reads orders and places none
    let county = server.sign_in("yushui").await;
    assert_eq!(county.get(&path).await.body["actions"], json!([]));
    assert_eq!(refusal(&approve(&county, &writes).await), (403, "forbidden"));
    // elsewhere, or below the county, nobody sees it
    let unknown = content(&server.sign_in("nanchang").await.get(&format!("/clients/{}", own_id(1))).await);
    for username in ["nanchang", "linchuan"] {
        let other = server.sign_in(username).await;
        assert_eq!(content(&approve(&other, &reads).await), unknown, "{username}");
    }
    for username in ["street", "worker", "resident", "wangshang"] {
        let other = server.sign_in(username).await;
        assert_eq!(refusal(&approve(&other, &reads).await), (403, "forbidden"), "{username}");
    }
    // nor does whoever asked for it
    let admin = server.sign_in("admin").await;
    assert_eq!(refusal(&approve(&admin, &reads).await), (403, "forbidden"));
    let (both, id) = appoint(&server, "both", &[("official", "360502")]).await;
    let ask = "UPDATE clients SET requested_by = $1 WHERE id = $2";
    assert_eq!(server.sql.run(ask, [uuid(&id).into(), uuid(&reads).into()]).await, 1);
    assert_eq!(refusal(&approve(&both, &reads).await), (403, "forbidden"));
    assert_eq!(approve(&county, &reads).await.status, 200);
    assert_eq!(approve(&approver(&server).await, &writes).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn whoever_makes_or_approves_has_signed_in_lately(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (admin, county) = (server.sign_in("admin").await, server.sign_in("yushui").await);
    let (id, _) = made(&server, &["regions:read"], STREET).await;
    let body = wanted(&server, &["regions:read"], STREET).await;
    server.advance(TimeDelta::minutes(10) + TimeDelta::seconds(1));
    for answer in [
        admin.post("/clients", body).await,
        admin.post(&format!("/clients/{id}/rotate-secret"), json!({})).await,
        approve(&county, &id).await,
    ] {
        assert_eq!(refusal(&answer), (401, "reauthentication-required"));
    }
}

#[rstest]
#[actix_web::test]
async fn another_scope_waits_again(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let ((id, secret), client) = working(&server, &["compounds:read"], STREET).await;
    assert_eq!(client.at(&replica).get("/compounds").await.status, 200);
    let admin = server.sign_in("admin").await;
    let path = format!("/clients/{id}");
    let more = change(&admin, &path, 2, json!({"scopes": ["compounds:read", "service_orders:read"]})).await;
    assert_eq!((more.status, more.text("/state"), &more.body["approved_by"]), (200, "pending", &Value::Null));
    server.advance(SOON);
    for server in [&server, &replica] {
        assert_eq!(refusal(&client.at(server).get("/compounds").await), (401, "invalid-token"));
        assert_eq!(server.client_token(&id, &secret, "").await.status, 401);
    }
    // name and place are said once; who answers for it may change
    for (member, value) in [("name", json!("另一个")), ("region_code", json!("360502"))] {
        let answer = change(&admin, &path, 3, json!({ member: value })).await;
        assert_eq!(answer.status, 422, "{member}");
    }
    assert_eq!(approve(&server.sign_in("yushui").await, &id).await.status, 200);
    let other = server.sign_in("yushui").await.get("/organizations?limit=2").await.text("/items/1/id").to_owned();
    let changed = change(&admin, &path, 4, json!({"organization_id": other})).await;
    assert_eq!((changed.status, changed.text("/state")), (200, "active"));
}

#[rstest]
#[actix_web::test]
async fn a_closed_client_is_out_on_every_replica(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("disabled", "deleted", "expired", "retired")] how: &str,
) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let (client, caller) = working(&server, &["compounds:read"], STREET).await;
    for server in [&server, &replica] {
        assert_eq!(caller.at(server).get("/compounds").await.status, 200);
    }
    let admin = server.sign_in("admin").await;
    let path = format!("/clients/{}", client.0);
    let close = format!("UPDATE clients SET expires_at = $1 WHERE id = '{}'", client.0);
    let retire = format!("UPDATE client_secrets SET retires_at = $1 WHERE client_id = '{}'", client.0);
    let soon = server.now() + SOON;
    match how {
        "disabled" => assert_eq!(admin.post(&format!("{path}/disable"), json!({})).await.text("/state"), "disabled"),
        "deleted" => assert_eq!(remove(&admin, &path, 2).await.status, 204),
        how => {
            let by_id = if how == "expired" { close } else { retire };
            let by_id = by_id.replace(&format!("'{}'", client.0), "$2");
            assert_eq!(server.sql.run(&by_id, [soon.into(), uuid(&client.0).into()]).await, 1);
        }
    }
    server.advance(SOON);
    for server in [&server, &replica] {
        assert_eq!(refusal(&caller.at(server).get("/compounds").await), (401, "invalid-token"), "{how}");
        let refused = server.client_token(&client.0, &client.1, "").await;
        assert_eq!((refused.status, refused.text("/error")), (401, "invalid_client"), "{how}");
    }
    if how == "disabled" {
        let rotated = admin.post(&format!("{path}/rotate-secret"), json!({})).await;
        assert_eq!((refusal(&rotated), rotated.text("/current_state")), ((409, "invalid-transition"), "disabled"));
    }
    if how == "deleted" {
        assert_eq!(admin.get(&path).await.status, 404);
        assert_eq!(ids(&admin, "/clients").await, [""; 0]);
    }
}

#[rstest]
#[actix_web::test]
async fn an_old_secret_is_taken_for_a_day(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (client, caller) = working(&server, &["compounds:read"], STREET).await;
    let admin = server.sign_in("admin").await;
    let path = format!("/clients/{}/rotate-secret", client.0);
    let key = [("idempotency-key", "rotate")];
    let rotated = admin.send("POST", &path, &key, None).await;
    let newer = (client.0.clone(), rotated.text("/client_secret").to_owned());
    assert!(newer.1.len() == 43 && newer.1 != client.1);
    assert_eq!(rotated.header("cache-control"), Some("no-store"));
    // the answer is kept without it
    let again = admin.send("POST", &path, &key, None).await;
    assert_eq!((again.header("idempotency-replayed"), &again.body["client_secret"]), (Some("true"), &Value::Null));
    assert_eq!(caller.get("/compounds").await.status, 200);
    let by_newer = server.user(token(&server, &newer).await.text("/access_token")).token().to_owned();
    server.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    let last = token(&server, &client).await;
    let last = server.user(last.text("/access_token"));
    assert_eq!(last.get("/compounds").await.status, 200);
    server.advance(TimeDelta::seconds(1));
    assert_eq!(server.client_token(&client.0, &client.1, "").await.status, 401);
    assert_eq!(refusal(&last.get("/compounds").await), (401, "invalid-token"));
    assert_ne!(token(&server, &newer).await.text("/access_token"), by_newer);
    // neither is anywhere in the database
    for secret in [&client.1, &newer.1] {
        let kept = "client_secrets WHERE secret_hash = $1";
        assert_eq!(server.sql.count(kept, [secret.as_bytes().to_vec().into()]).await, 0);
    }
}

#[rstest]
#[actix_web::test]
async fn a_token_may_have_fewer_scopes(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (client, all) = working(&server, &["compounds:read", "regions:read"], STREET).await;
    let fewer = server.client_token(&client.0, &client.1, "&scope=regions:read").await;
    assert_eq!((fewer.status, fewer.text("/scope")), (200, "regions:read"));
    let fewer = server.user(fewer.text("/access_token"));
    assert_eq!((fewer.get("/regions").await.status, fewer.get("/compounds").await.status), (200, 403));
    assert_eq!((all.get("/regions").await.status, all.get("/compounds").await.status), (200, 200));
    for scope in ["service_orders:read", "persons:read", "regions:read+compounds:write", "regions:read++", "x"] {
        let refused = server.client_token(&client.0, &client.1, &format!("&scope={scope}")).await;
        assert_eq!((refused.status, refused.text("/error")), (400, "invalid_scope"), "{scope}");
    }
    // a token cannot say that it has more than the client
    let forge = Forge::new(&server.keys.signing[0]);
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": forge.id()}).to_string();
    let mut claims = forge::claims(all.token());
    claims["scope"] = json!("compounds:read service_orders:read");
    let forged = server.user(&forge.sign(&header, &claims.to_string())).token().to_owned();
    let forged = server.user(&forged);
    assert_eq!((forged.get("/compounds").await.status, forged.get("/service-orders").await.status), (200, 403));
    // nor be another client's, or somebody's
    claims["sub"] = json!(own_id(1));
    let forged = forge.sign(&header, &claims.to_string());
    assert_eq!(server.user(&forged).get("/compounds").await.status, 401);
}

#[rstest]
#[actix_web::test]
async fn faults_are_told_as_the_standard_says(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let ((id, secret), _) = working(&server, &["regions:read"], STREET).await;
    let ask = async |headers: &[(&str, &str)], form: &str| server.form("/api/v1/oauth/token", headers, form).await;
    let basic = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let grant = "grant_type=client_credentials";
    let own = format!("client_id={id}&client_secret={secret}");
    let right = basic(&id, &secret);
    assert_eq!(ask(&[("authorization", &right)], grant).await.status, 200);
    for (headers, form, status, error) in [
        (&[][..], "", 400, "invalid_request"),
        (&[], &own, 400, "invalid_request"),
        (&[], &format!("{grant}&{grant}&{own}"), 400, "invalid_request"),
        (&[], &format!("grant_type=password&{own}"), 400, "unsupported_grant_type"),
        (&[("authorization", right.as_str())], &format!("{grant}&{own}"), 400, "invalid_request"),
        (&[], grant, 401, "invalid_client"),
        (&[], &format!("{grant}&client_id={id}&client_secret=x"), 401, "invalid_client"),
        (&[], &format!("{grant}&client_id={}&client_secret={secret}", own_id(1)), 401, "invalid_client"),
        (&[], &format!("{grant}&client_id=worker&client_secret=lianxin-demo"), 401, "invalid_client"),
        (&[("authorization", "Basic !")], grant, 401, "invalid_client"),
        (&[("authorization", "Bearer x")], grant, 401, "invalid_client"),
    ] {
        let answer = ask(headers, form).await;
        assert_eq!((answer.status, answer.text("/error")), (status, error), "{form}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
        assert!(answer.header("content-type").unwrap().starts_with("application/json"));
    }
    let json = server.send("POST", "/api/v1/oauth/token", &[], Some(&json!({"grant_type": "x"}))).await;
    assert_eq!((json.status, json.text("/error")), (400, "invalid_request"));
    // nobody signs in with the account that stands for it
    let username = format!("client:{id}");
    for password in ["", &secret, "x"] {
        assert!(matches!(server.log_in(&username, password).await.status, 401 | 422), "{password}");
    }
    assert_eq!(server.sign_in("admin").await.get(&format!("/users/{id}")).await.status, 404);
    let users = server.sign_in("admin").await.get("/users?q=client:&count=exact").await;
    assert_eq!(users.body["page"]["total"], 0);
}

#[rstest]
#[actix_web::test]
async fn what_is_asked_for_is_held_to_the_rules(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    let body = wanted(&server, &["regions:read"], STREET).await;
    for (member, value, code) in [
        ("expires_at", json!("2026-03-12T09:30:00+08:00"), "not-in-future"),
        ("expires_at", json!("2027-03-14T09:30:00+08:00"), "too-far-ahead"),
        ("organization_id", json!(own_id(1)), "not-found"),
        ("region_code", json!("999999"), "not-found"),
        ("scopes", json!([]), "too-short"),
    ] {
        let answer = admin.post("/clients", with(body.clone(), json!({ member: value }))).await;
        assert_eq!(fault(&answer), invalid(&format!("/{member}"), code), "{member} {value}");
    }
    for scope in ["persons:read", "regions:write", "regions", "*"] {
        let answer = admin.post("/clients", with(body.clone(), json!({"scopes": [scope]}))).await;
        assert_eq!(fault(&answer), invalid("/scopes/0", "not-found"), "{scope}");
    }
    assert_eq!(server.sql.count("clients", []).await, 0);
    assert_eq!(server.sql.count("users WHERE kind = 'client'", []).await, 0);
    for username in ["yushui", "street", "auditor", "resident"] {
        let other = server.sign_in(username).await;
        assert_eq!(refusal(&other.post("/clients", body.clone()).await), (403, "forbidden"), "{username}");
    }
}
