//! What tests of single resources do again and again, and the promises that all resources keep.

use std::time::Duration;

use chrono::TimeDelta;
use domain::time::Instant;
use harness::server::{Answer, Server, User};
use serde_json::{Value, json};

/// Waits until something holds that the service does by itself, for ten seconds at most.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..2_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what}: that does not come");
}

/// The password of the accounts that tests make.
pub const PASSWORD: &str = "correct horse battery";

/// Changes a resource from a version on.
pub async fn change(user: &User<'_>, path: &str, version: i64, patch: Value) -> Answer {
    user.send("PATCH", path, &[("if-match", &format!("\"{version}\""))], Some(&patch)).await
}

/// Creates under the client's own id, or replaces from a version on.
pub async fn put(user: &User<'_>, path: &str, version: Option<i64>, body: &Value) -> Answer {
    let tag = version.map(|version| format!("\"{version}\""));
    let headers: Vec<(&str, &str)> = tag.iter().map(|tag| ("if-match", tag.as_str())).collect();
    user.send("PUT", path, &headers, Some(body)).await
}

/// Removes a version of something.
pub async fn remove(user: &User<'_>, path: &str, version: i64) -> Answer {
    user.send("DELETE", path, &[("if-match", &format!("\"{version}\""))], None).await
}

/// An id of the client's own: UUIDv7, another one for each number.
pub fn own_id(number: u64) -> String {
    format!("019cdfaa-49c0-7c3e-9d41-{number:012x}")
}

/// Pointers and codes of the faults of an answer, sorted.
pub fn faults(answer: &Answer) -> Vec<(String, String)> {
    let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or_default().to_owned();
    let mut faults: Vec<_> = answer.body["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|fault| (text(fault, "pointer"), text(fault, "code")))
        .collect();
    faults.sort();
    faults
}

/// The only fault of a refused body.
pub fn fault(answer: &Answer) -> (u16, String, String) {
    let mut faults = faults(answer);
    assert_eq!(faults.len(), 1, "{} {:?}", answer.status, answer.body);
    let (pointer, code) = faults.remove(0);
    (answer.status, pointer, code)
}

/// As [`fault`] gives it.
pub fn invalid(pointer: &str, code: &str) -> (u16, String, String) {
    (422, pointer.to_owned(), code.to_owned())
}

/// Status and code of a refusal.
pub fn refusal(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.text("/code"))
}

/// What an answer says apart from the request that it answers.
pub fn content(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("trace_id");
        members.remove("instance");
    }
    (answer.status, body)
}

/// The ids of all items of a list, over all its pages.
pub async fn ids(user: &User<'_>, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = Some(format!("{path}{}limit=3", if path.contains('?') { '&' } else { '?' }));
    while let Some(path) = next {
        let page = user.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {:?}", page.body);
        ids.extend(page.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        next = page.body["page"]["next"].as_str().map(|url| url.split_once("/api/v1").unwrap().1.to_owned());
    }
    ids
}

/// A body with members added to it or put in place of its own; `null` removes one.
pub fn with(mut body: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            body.as_object_mut().unwrap().remove(name);
        } else {
            body[name] = value.clone();
        }
    }
    body
}

/// The id of a resource that is created.
pub async fn made(by: &User<'_>, collection: &str, body: Value) -> String {
    let answer = by.post(collection, body).await;
    assert_eq!(answer.status, 201, "{collection}: {:?}", answer.body);
    answer.text("/id").to_owned()
}

/// Version and time of the last change of a resource, as the database has them.
pub async fn stamp(server: &Server, path: &str) -> (i64, Instant) {
    let (collection, id) = path.trim_start_matches('/').split_once('/').unwrap();
    let (key, id): (_, sea_orm::Value) = match collection {
        "regions" => ("code", id.into()),
        _ => ("id", uuid(id).into()),
    };
    let row = format!("FROM {} WHERE {key} = $1", collection.replace('-', "_"));
    let version = server.sql.one(&format!("SELECT version {row}"), [id.clone()]).await;
    (version, server.sql.one(&format!("SELECT updated_at {row}"), [id]).await)
}

/// The kinds of the events of a resource, from the first.
pub async fn told(by: &User<'_>, path: &str) -> Vec<String> {
    let events = by.get(&format!("{path}/events")).await;
    let items = events.body["items"].as_array().unwrap().iter();
    items.map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
}

/// The version of a resource.
pub async fn version(user: &User<'_>, path: &str) -> i64 {
    user.get(path).await.body["version"].as_i64().unwrap()
}

/// Signs in with the password of accounts that tests make.
pub async fn enter<'a>(server: &'a Server, username: &str) -> User<'a> {
    let tokens = server.log_in(username, PASSWORD).await;
    assert_eq!(tokens.status, 200, "{username}: {:?}", tokens.body);
    server.user(tokens.text("/access_token"))
}

/// The one-time password of a secret, so many steps of thirty seconds from now.
pub fn one_time(secret: &str, now: Instant, steps: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(now.timestamp() + 30 * steps).unwrap()).to_string()
}

/// Begins and confirms a second factor; its secret and the recovery codes.
pub async fn second_factor(server: &Server, user: &User<'_>) -> (String, Vec<String>) {
    let begun = user.post("/me/second-factor", json!({})).await;
    assert_eq!(begun.status, 200, "{:?}", begun.body);
    let secret = begun.text("/secret").to_owned();
    let code = one_time(&secret, server.now(), 0);
    let confirmed = user.post("/me/second-factor/confirm", json!({ "code": code })).await;
    assert_eq!(confirmed.status, 200, "{:?}", confirmed.body);
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

/// Makes an account that is kept in a region.
pub async fn account(maker: &User<'_>, username: &str, region: &str) -> String {
    let body = json!({"username": username, "password": PASSWORD, "display_name": username, "region_code": region});
    let made = maker.post("/users", body).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    made.text("/id").to_owned()
}

/// Makes an account with roles at regions, which hold at once, and signs in. Its id comes with it.
pub async fn appoint<'a>(server: &'a Server, username: &str, roles: &[(&str, &str)]) -> (User<'a>, String) {
    let admin = server.sign_in("admin").await;
    let id = account(&admin, username, roles.iter().map(|(_, region)| *region).next().unwrap_or("36")).await;
    for (role, region) in roles {
        let mut grant = json!({"user_id": id, "role": role});
        if *role != "system_administrator" {
            grant["region_code"] = json!(region);
        }
        let given = admin.post("/grants", grant).await;
        assert_eq!(given.status, 201, "{role} at {region}: {:?}", given.body);
    }
    let user = uuid(&id);
    server.sql.run("UPDATE grants SET pending = $1 WHERE user_id = $2", [false.into(), user.into()]).await;
    (enter(server, username).await, id)
}

/// An id as the database takes it.
pub fn uuid(id: &str) -> uuid::Uuid {
    id.parse().unwrap()
}

/// The ID number of these 17 digits (GB 11643-1999): the check character is put behind them.
pub fn id_number(digits: &str) -> String {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
    format!("{digits}{}", char::from(b"10X98765432"[usize::try_from(sum % 11).unwrap()]))
}

/// How many statements a request takes once its caller is known.
pub async fn statements(server: &Server, request: impl Future<Output = Answer>) -> (u64, Answer) {
    let before = server.app.database.statements();
    let answer = request.await;
    (server.app.database.statements() - before, answer)
}

/// A kind of resource to hold to what all resources promise.
pub struct Case<'a> {
    /// Its collection, such as `/persons`.
    pub collection: &'a str,
    /// Two bodies that create one.
    pub bodies: [Value; 2],
    /// A member that can be changed, two other values of it, and where an answer shows them.
    pub member: (&'a str, Value, Value, &'a str),
    /// A member that can be removed.
    pub optional: Option<&'a str>,
    /// A member that cannot be removed.
    pub required: &'a str,
    /// Statements that reading one may take.
    pub reads: u64,
    /// Whether clients may choose the id.
    pub put: bool,
    /// An id that exists out of the caller's sight.
    pub unseen: Option<String>,
}

/// Holds a kind of resource to what all of them promise: keys, versions, merge patches, conditions, few statements.
pub async fn keeps_the_promises(server: &Server, user: &User<'_>, case: &Case<'_>) {
    let path = is_created_once(server, user, case).await;
    is_read_cheaply(server, user, case, &path).await;
    is_changed_by_version(server, user, case, &path).await;
    if case.put {
        is_put(server, user, case).await;
    }
}

async fn is_created_once(server: &Server, user: &User<'_>, case: &Case<'_>) -> String {
    let key = [("idempotency-key", "\"a-key-of-its-own\"")];
    let make = async |body: &Value| user.send("POST", case.collection, &key, Some(body)).await;
    let (taken, first) = statements(server, make(&case.bodies[0])).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    assert!(taken <= 8, "creating took {taken} statements");
    let path = format!("{}/{}", case.collection, first.text("/id"));
    assert!(first.header("location").unwrap().ends_with(&format!("/api/v1{path}")));
    assert!(first.header("etag").unwrap().starts_with("\"1-"));
    let again = make(&case.bodies[0]).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!((again.header("location"), again.header("etag")), (first.header("location"), first.header("etag")));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
    assert_eq!(refusal(&make(&case.bodies[1]).await), (422, "idempotency-key-reused"));
    assert_eq!(events(server, first.text("/id")).await, 1);
    path
}

/// How many events of a resource there are.
async fn events(server: &Server, id: &str) -> i64 {
    server.sql.count("events WHERE subject_id = $1", [id.into()]).await
}

async fn is_read_cheaply(server: &Server, user: &User<'_>, case: &Case<'_>, path: &str) {
    let (taken, read) = statements(server, user.get(path)).await;
    assert!(taken <= case.reads, "reading took {taken} statements");
    let etag = read.header("etag").unwrap().to_owned();
    let held = user.send("GET", path, &[("if-none-match", &etag)], None).await;
    assert_eq!((held.status, held.header("etag")), (304, Some(etag.as_str())));
    assert_eq!(user.send("GET", path, &[("if-none-match", "\"0-00\"")], None).await.status, 200);
    for limit in [1, 100] {
        let list = format!("{}?limit={limit}&count=exact", case.collection);
        let (taken, page) = statements(server, user.get(&list)).await;
        assert_eq!(page.status, 200);
        assert!(taken <= case.reads + 1, "a list of {limit} took {taken} statements");
    }
}

async fn is_changed_by_version(server: &Server, user: &User<'_>, case: &Case<'_>, path: &str) {
    let (name, value, other, shown) = &case.member;
    let id = path.rsplit('/').next().unwrap();
    let before = user.get(path).await.body;
    let patch = json!({ *name: value });
    assert_eq!(refusal(&user.send("PATCH", path, &[], Some(&patch)).await), (428, "precondition-required"));
    assert_eq!(refusal(&user.send("PATCH", path, &[], Some(&json!({}))).await), (428, "precondition-required"));
    let stale = change(user, path, 9, patch.clone()).await;
    assert_eq!((refusal(&stale), stale.body["current_version"].as_i64()), ((412, "version-mismatch"), Some(1)));
    let nulled = change(user, path, 1, json!({ case.required: null })).await;
    assert_eq!(nulled.status, 422, "{:?}", nulled.body);
    assert_eq!(faults(&nulled)[0].0, format!("/{}", case.required));
    assert_eq!(change(user, path, 1, json!({})).await.body["version"], 1);
    assert_eq!(user.get(path).await.body, before);
    assert_eq!(events(server, id).await, 1);

    server.advance(TimeDelta::seconds(1));
    let _known = user.get("/me").await;
    let (taken, changed) = statements(server, change(user, path, 1, patch)).await;
    assert_eq!((changed.status, changed.body["version"].as_i64()), (200, Some(2)), "{:?}", changed.body);
    assert!(taken <= 8, "changing took {taken} statements");
    assert_eq!(changed.body.pointer(shown), Some(value));
    assert_eq!(events(server, id).await, 2);
    // what the patch did not name is as it was
    let unchanged = |body: &Value| {
        let mut body = body.clone();
        let members = body.as_object_mut().unwrap();
        for changing in ["version", "updated_at", shown.split('/').nth(1).unwrap()] {
            members.remove(changing);
        }
        body
    };
    assert_eq!(unchanged(&changed.body), unchanged(&before));
    assert_eq!(change(user, path, 1, json!({ *name: other })).await.status, 412);
    assert_eq!(change(user, path, 2, json!({ *name: value })).await.body["version"], 2);
    if let Some(optional) = case.optional {
        let removed = change(user, path, 2, json!({ optional: null })).await;
        assert_eq!((removed.status, removed.body["version"].as_i64()), (200, Some(3)), "{:?}", removed.body);
    }
}

async fn is_put(server: &Server, user: &User<'_>, case: &Case<'_>) {
    let (name, value, other, shown) = &case.member;
    let (id, body) = (own_id(77), &case.bodies[1]);
    let path = format!("{}/{id}", case.collection);
    let made = put(user, &path, None, body).await;
    assert_eq!((made.status, made.text("/id")), (201, id.as_str()), "{:?}", made.body);
    assert!(made.header("location").unwrap().ends_with(&path));
    let again = put(user, &path, None, body).await;
    assert_eq!((again.status, &again.body), (200, &made.body));
    assert_eq!(events(server, &id).await, 1);
    let mut changed = body.clone();
    changed[*name] = value.clone();
    assert_eq!(refusal(&put(user, &path, None, &changed).await), (428, "precondition-required"));
    assert_eq!(refusal(&put(user, &path, Some(7), &changed).await), (412, "version-mismatch"));
    let (taken, replaced) = statements(server, put(user, &path, Some(1), &changed)).await;
    assert_eq!((replaced.status, replaced.body["version"].as_i64()), (200, Some(2)), "{:?}", replaced.body);
    assert!(taken <= 8, "replacing took {taken} statements");
    assert_eq!(replaced.body.pointer(shown), Some(value));
    changed[*name] = other.clone();
    assert_eq!(put(user, &path, Some(1), &changed).await.status, 412);
    let fourth = format!("{}/9f3c1d3e-52a4-4c0b-8d43-0d6a0f0c9b1a", case.collection);
    assert_eq!(put(user, &fourth, None, body).await.status, 422);
    assert_eq!(user.get(&fourth).await.status, 404);
    if let Some(unseen) = &case.unseen {
        let path = format!("{}/{unseen}", case.collection);
        let nobodys = user.get(&format!("{}/{}", case.collection, own_id(404))).await;
        for answer in [put(user, &path, None, body).await, put(user, &path, Some(1), body).await] {
            assert_eq!(content(&answer), content(&nobodys));
        }
        assert_eq!(content(&change(user, &path, 1, json!({ *name: value })).await), content(&nobodys));
        assert_eq!(events(server, unseen).await, 1);
    }
}
