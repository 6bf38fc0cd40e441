//! Grants: nobody gives what he has not below him, two pairs of eyes see the greatest, and what is taken back is gone
//! everywhere.

use chrono::{DateTime, TimeDelta};
use domain::time::Instant;
use harness::{
    client::{Answer, User},
    database::Backend::{self, Postgres, Sqlite},
    program::Program,
    server::Server,
};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    LIANXIN,
    hands::{
        PASSWORD, account, appoint, content, enter, fault, faults, ids, invalid, own_id, refusal, remove, statements,
        uuid,
    },
};

/// 公园北村社区
const COMMUNITY: &str = "360502002001";

fn grant(user: &str, role: &str, region: &str) -> Value {
    json!({"user_id": user, "role": role, "region_code": region})
}

async fn give(by: &User<'_>, user: &str, role: &str, region: &str) -> Answer {
    by.post("/grants", grant(user, role, region)).await
}

/// Gives a role and says which grant it is.
async fn given(by: &User<'_>, user: &str, role: &str, region: &str) -> String {
    let answer = give(by, user, role, region).await;
    assert_eq!(answer.status, 201, "{role} at {region}: {:?}", answer.body);
    answer.text("/id").to_owned()
}

async fn own(user: &User<'_>) -> String {
    user.get("/me").await.text("/id").to_owned()
}

fn at(answer: &Answer, pointer: &str) -> Instant {
    DateTime::parse_from_rfc3339(answer.text(pointer)).unwrap().into()
}

#[rstest]
#[actix_web::test]
async fn nobody_gives_what_is_not_below_him(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (keeper, keeping) = appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    let (county, worker) = (server.sign_in("yushui").await, server.sign_in("worker").await);
    let (street, resident) = (server.sign_in("street").await, server.sign_in("resident").await);
    let cadre = server.sign_in("cadre").await;
    let somebody = account(&keeper, "somebody", COMMUNITY).await;
    let (of_county, of_worker) = (own(&county).await, own(&worker).await);
    let before = server.sql.count("grants", []).await;
    let refused: &[(&User<'_>, &str, &str, &[&str])] = &[
        // his own level, above it, beside it
        (&keeper, &somebody, "region_administrator", &["360502", "3605", "36", "360121"]),
        (&keeper, &somebody, "official", &["360502", "3605", "360121100"]),
        (&keeper, &somebody, "community_worker", &["360121100001", "3605", "36"]),
        (&keeper, &somebody, "auditor", &["360502", COMMUNITY]),
        (&county, &somebody, "official", &["360502", "3605", "360121100"]),
        (&county, &somebody, "region_administrator", &["360502", COMMUNITY]),
        (&county, &somebody, "auditor", &[COMMUNITY]),
        (&county, &somebody, "community_worker", &["360121100001"]),
        (&street, &somebody, "official", &["360502002", "360502001", "360502"]),
        (&street, &somebody, "forest_chief", &["360502002"]),
        (&street, &somebody, "community_worker", &["360502001001"]),
        (&worker, &somebody, "community_worker", &[COMMUNITY]),
        (&worker, &somebody, "cadre", &[COMMUNITY]),
        (&worker, &somebody, "volunteer", &["360502001001", "360502002"]),
        (&worker, &somebody, "official", &["360502002001001"]),
        // himself, whatever it is
        (&keeper, &keeping, "community_worker", &[COMMUNITY]),
        (&keeper, &keeping, "region_administrator", &["360502002"]),
        (&county, &of_county, "cadre", &[COMMUNITY]),
        (&worker, &of_worker, "volunteer", &[COMMUNITY]),
        // who gives nothing at all
        (&resident, &somebody, "resident", &[COMMUNITY]),
        (&cadre, &somebody, "volunteer", &["360121100001"]),
    ];
    for (by, user, role, regions) in refused {
        for region in *regions {
            let answer = give(by, user, role, region).await;
            assert_eq!(refusal(&answer), (403, "forbidden"), "{role} at {region}: {:?}", answer.body);
        }
    }
    let system = json!({"user_id": somebody, "role": "system_administrator"});
    assert_eq!(refusal(&keeper.post("/grants", system).await), (403, "forbidden"));
    assert_eq!(server.sql.count("grants", []).await, before);
    for (by, role, region) in [
        (&keeper, "region_administrator", "360502002"),
        (&county, "official", "360502002"),
        (&street, "official", COMMUNITY),
        (&worker, "resident", COMMUNITY),
    ] {
        given(by, &somebody, role, region).await;
    }
}

#[rstest]
#[actix_web::test]
async fn a_role_has_its_place(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let user = account(&county, "somebody", COMMUNITY).await;
    let compound = county.compound("福园小区").await;
    let organization = county.get("/organizations?kind=property_company").await.text("/items/0/id").to_owned();
    let before = server.sql.count("grants", []).await;
    let elsewhere = server.sign_in("nanchang").await.get("/organizations").await.text("/items/0/id").to_owned();
    let foreign = server.sign_in("worker2").await.compound("邮政局小区").await;
    let (nobody, outside) = (own_id(1), own(&server.sign_in("nanchang").await).await);
    for (body, pointer, code) in [
        (json!({"role": "cadre"}), "/region_code", "required"),
        (json!({"role": "cadre", "compound_id": compound}), "/role", "contradicts-member"),
        (json!({"role": "cadre", "organization_id": organization}), "/role", "contradicts-member"),
        (json!({"role": "property_staff", "region_code": COMMUNITY}), "/role", "contradicts-member"),
        (json!({"role": "department_handler", "region_code": "360502"}), "/role", "contradicts-member"),
        (json!({"role": "system_administrator", "region_code": "360502"}), "/role", "contradicts-member"),
        (json!({"role": "cadre", "region_code": COMMUNITY, "compound_id": compound}), "/region_code", "not-together"),
        (
            json!({"role": "cadre", "organization_id": organization, "compound_id": compound}),
            "/organization_id",
            "not-together",
        ),
        (json!({"role": "cadre", "region_code": "360502009"}), "/region_code", "not-found"),
        (json!({"role": "cadre", "region_code": "3605021"}), "/region_code", "region-code-format"),
        (json!({"role": "department_handler", "organization_id": elsewhere}), "/organization_id", "not-found"),
        (json!({"role": "king", "region_code": COMMUNITY}), "/role", "not-found"),
        (json!({"role": "cadre", "region_code": COMMUNITY, "user_id": nobody}), "/user_id", "not-found"),
        (json!({"role": "cadre", "region_code": COMMUNITY, "user_id": outside}), "/user_id", "not-found"),
        (json!({"role": "cadre", "region_code": COMMUNITY, "pending": false}), "/pending", "unknown-member"),
        (json!({"role": "cadre", "region_code": COMMUNITY, "school_id": nobody}), "/school_id", "unknown-member"),
    ] {
        let mut whole = json!({"user_id": user});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        assert_eq!(fault(&county.post("/grants", whole).await), invalid(pointer, code), "{body}");
    }
    // a compound that the giver cannot see does not exist for him
    let (worker, lives) = (server.sign_in("worker").await, json!({"user_id": user, "role": "resident"}));
    let mut unseen = lives.clone();
    unseen["compound_id"] = json!(foreign);
    assert_eq!(fault(&worker.post("/grants", unseen.clone()).await), invalid("/compound_id", "not-found"));
    unseen["compound_id"] = json!(own_id(2));
    assert_eq!(fault(&worker.post("/grants", unseen).await), invalid("/compound_id", "not-found"));
    assert_eq!(server.sql.count("grants", []).await, before);
    for body in [
        json!({"user_id": user, "role": "committee_member", "compound_id": compound}),
        json!({"user_id": user, "role": "department_handler", "organization_id": organization}),
    ] {
        let made = county.post("/grants", body).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        assert!(made.text("/region_code").starts_with("360502"));
    }
    let again =
        county.post("/grants", json!({"user_id": user, "role": "committee_member", "compound_id": compound})).await;
    assert_eq!(fault(&again), invalid("/role", "duplicate"));
}

#[rstest]
#[actix_web::test]
async fn a_grant_holds_for_its_time(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let id = account(&county, "somebody", COMMUNITY).await;
    let usual = give(&county, &id, "cadre", COMMUNITY).await;
    assert_eq!(at(&usual, "/valid_from"), server.now());
    assert_eq!(at(&usual, "/valid_until"), server.now() + TimeDelta::days(365));
    let now = "2026-03-12T09:30:00+08:00";
    for (from, until) in [
        (Some("2026-05-01T00:00:00+08:00"), Some("2026-04-30T00:00:00+08:00")),
        (Some("2026-05-01T00:00:00+08:00"), Some("2026-05-01T00:00:00+08:00")),
        (None, Some(now)),
        (Some("2026-01-01T00:00:00+08:00"), Some("2026-02-01T00:00:00+08:00")),
        (Some("2024-01-01T00:00:00+08:00"), None),
    ] {
        let mut body = grant(&id, "mediator", COMMUNITY);
        [("valid_from", from), ("valid_until", until)].iter().for_each(|(name, time)| body[*name] = json!(time));
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let answer = county.post("/grants", body).await;
        let code = "end-before-start".to_owned();
        let expected = vec![("/valid_from".to_owned(), code.clone()), ("/valid_until".to_owned(), code)];
        assert_eq!((answer.status, faults(&answer)), (422, expected), "{from:?} {until:?}");
    }
    let mut body = grant(&id, "community_worker", COMMUNITY);
    body["valid_from"] = json!("2026-03-12T09:31:00+08:00");
    body["valid_until"] = json!("2026-03-12T09:32:00+08:00");
    let coming = county.post("/grants", body).await;
    assert_eq!((coming.status, coming.text("/state")), (201, "coming"));
    let path = format!("/grants/{}", coming.text("/id"));
    let (here, there) = (enter(&server, "somebody").await, server.replica());
    let there = here.at(&there);
    for (seconds, status, state) in [(59, 403, "coming"), (1, 200, "active"), (59, 200, "active"), (1, 403, "ended")] {
        server.advance(TimeDelta::seconds(seconds));
        for user in [&here, &there] {
            assert_eq!(user.get("/households").await.status, status, "{state}");
        }
        assert_eq!(county.get(&path).await.text("/state"), state);
    }
    let late = remove(&county, &path, 1).await;
    assert_eq!((refusal(&late), late.text("/current_state")), ((409, "invalid-transition"), "ended"));
}

#[rstest]
#[actix_web::test]
async fn a_key_gives_one_grant(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let id = account(&county, "somebody", COMMUNITY).await;
    let (key, body) = ([("idempotency-key", "one")], grant(&id, "cadre", COMMUNITY));
    let _known = county.get("/me").await;
    let (taken, first) = statements(&server, county.send("POST", "/grants", &key, Some(&body))).await;
    assert_eq!(first.status, 201, "{:?}", first.body);
    assert!(taken <= 8, "giving took {taken} statements");
    let again = county.send("POST", "/grants", &key, Some(&body)).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = grant(&id, "mediator", COMMUNITY);
    let reused = county.send("POST", "/grants", &key, Some(&other)).await;
    assert_eq!(refusal(&reused), (422, "idempotency-key-reused"));
    assert_eq!(server.sql.count("grants WHERE user_id = $1", [uuid(&id).into()]).await, 1);
    let path = format!("/grants/{}", first.text("/id"));
    for (path, most) in [(path.as_str(), 1), ("/grants?limit=100&count=exact", 2)] {
        let (taken, read) = statements(&server, county.get(path)).await;
        assert_eq!(read.status, 200);
        assert!(taken <= most, "{path} took {taken} statements");
    }
}

#[rstest]
#[actix_web::test]
async fn an_office_needs_a_long_password(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let body =
        json!({"username": "somebody", "password": "eight888", "display_name": "某人", "region_code": COMMUNITY});
    let id = county.post("/users", body).await.text("/id").to_owned();
    let office = give(&county, &id, "cadre", COMMUNITY).await;
    assert_eq!(fault(&office), invalid("/user_id", "password-too-short"));
    given(&county, &id, "resident", COMMUNITY).await;
    given(&county, &id, "volunteer", COMMUNITY).await;
    let longer = json!({"password": PASSWORD, "current_password": "eight888"});
    let user = server.user(server.log_in("somebody", "eight888").await.text("/access_token")).token().to_owned();
    let reset = server.user(&user).post(&format!("/users/{id}/reset-password"), longer).await;
    assert_eq!(reset.status, 200, "{:?}", reset.body);
    given(&county, &id, "cadre", COMMUNITY).await;
    // and keeps it
    let shorter = json!({"password": "eight888", "current_password": PASSWORD});
    let user = enter(&server, "somebody").await;
    let answer = user.post(&format!("/users/{id}/reset-password"), shorter).await;
    assert_eq!(fault(&answer), invalid("/password", "password-too-short"));
}

#[rstest]
#[actix_web::test]
async fn what_is_taken_back_is_gone_everywhere(#[values(Sqlite, Postgres)] backend: Backend) {
    let one = Server::start(backend).await;
    let other = one.replica();
    let county = one.sign_in("yushui").await;
    let id = account(&county, "somebody", COMMUNITY).await;
    let grant = given(&county, &id, "community_worker", COMMUNITY).await;
    let (here, path) = (enter(&one, "somebody").await, format!("/grants/{grant}"));
    let there = here.at(&other);
    for user in [&here, &there] {
        assert_eq!(user.get("/persons").await.status, 200);
    }
    assert_eq!(refusal(&county.send("DELETE", &path, &[], None).await), (428, "precondition-required"));
    assert_eq!(refusal(&remove(&county, &path, 2).await), (412, "version-mismatch"));
    assert_eq!(here.get("/persons").await.status, 200);
    let _known = county.get("/me").await;
    let (taken, removed) = statements(&one, remove(&county, &path, 1)).await;
    assert_eq!(removed.status, 204);
    assert!(taken <= 8, "taking it back took {taken} statements");
    assert_eq!(refusal(&here.get("/persons").await), (403, "forbidden"));
    one.advance(TimeDelta::seconds(5));
    for user in [&here, &there] {
        assert_eq!(refusal(&user.get("/persons").await), (403, "forbidden"));
        assert_eq!(user.get("/me").await.body["grants"], json!([]));
    }
    let unknown = content(&county.get(&format!("/grants/{}", own_id(3))).await);
    assert_eq!((unknown.0, content(&county.get(&path).await)), (404, unknown.clone()));
    assert_eq!(content(&here.get(&path).await), unknown);
    assert_eq!(content(&remove(&county, &path, 2).await), unknown);
    assert!(!ids(&county, &format!("/grants?user_id={id}")).await.contains(&grant));
    let kinds: Vec<String> =
        one.sql.all("SELECT kind FROM events WHERE subject_id = $1 ORDER BY subject_version", [grant.into()]).await;
    assert_eq!(kinds, ["grant.created", "grant.revoked"]);
    // it can be given again
    given(&county, &id, "community_worker", COMMUNITY).await;
    assert_eq!(here.get("/persons").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn only_who_could_have_given_it_takes_it_back(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let grant_of = async |user: &User<'_>, role: &str| {
        let grants = county.get(&format!("/grants?user_id={}&role={role}", own(user).await)).await;
        format!("/grants/{}", grants.text("/items/0/id"))
    };
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let (of_worker, of_street) = (grant_of(&worker, "community_worker").await, grant_of(&street, "official").await);
    let of_county = grant_of(&county, "official").await;
    let other = server.sign_in("worker2").await;
    for (by, path, status) in [
        (&worker, &of_worker, 403),
        (&street, &of_street, 403),
        (&county, &of_county, 403),
        (&worker, &of_street, 404),
        (&other, &of_worker, 404),
        (&server.sign_in("auditor").await, &of_worker, 403),
        (&server.sign_in("resident").await, &of_worker, 404),
    ] {
        assert_eq!(remove(by, path, 1).await.status, status, "{path}");
    }
    assert_eq!(server.sql.count("grants WHERE revoked_at IS NOT NULL", []).await, 0);
    assert_eq!(remove(&street, &of_worker, 1).await.status, 204);
    assert_eq!(remove(&county, &of_street, 1).await.status, 204);
}

/// Two administrators of the system, and somebody whom the first of them has made an auditor.
async fn waiting<'a>(server: &'a Server) -> (User<'a>, User<'a>, User<'a>, String) {
    let first = server.sign_in("admin").await;
    let (second, _) = appoint(server, "second", &[("system_administrator", "36")]).await;
    let id = account(&first, "somebody", "360502").await;
    let mut body = grant(&id, "auditor", "360502");
    // the command line goes by the clock on the wall
    body["valid_until"] = json!("2999-01-01T00:00:00+08:00");
    let pending = first.post("/grants", body).await;
    assert_eq!((pending.status, pending.text("/state")), (201, "pending"), "{:?}", pending.body);
    let receiver = enter(server, "somebody").await;
    (first, second, receiver, format!("/grants/{}", pending.text("/id")))
}

#[rstest]
#[actix_web::test]
async fn four_eyes_see_the_greatest(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (first, second, receiver, path) = waiting(&server).await;
    let approve = format!("{path}/approve");
    assert_eq!(refusal(&receiver.get("/persons").await), (403, "forbidden"));
    assert_eq!(receiver.get("/me").await.body["grants"], json!([]));
    for by in [&first, &receiver] {
        assert_eq!(refusal(&by.post(&approve, json!({})).await), (403, "forbidden"));
        assert_eq!(by.get(&path).await.text("/state"), "pending");
    }
    assert_eq!(first.get(&path).await.body["actions"], json!(["delete"]));
    assert_eq!(second.get(&path).await.body["actions"], json!(["approve", "delete"]));
    // an administrator of regions gives no auditors, so he approves none
    let (keeper, _) = appoint(&server, "keeper", &[("region_administrator", "3605")]).await;
    assert_eq!(refusal(&keeper.post(&approve, json!({})).await), (403, "forbidden"));
    assert_eq!(receiver.get("/persons").await.status, 403);
    let _known = second.get("/me").await;
    let (taken, approved) = statements(&server, second.post(&approve, json!({}))).await;
    assert_eq!((approved.status, approved.text("/state")), (200, "active"), "{:?}", approved.body);
    assert!(taken <= 8, "approving took {taken} statements");
    assert_eq!(approved.text("/approved_by"), own(&second).await);
    assert_eq!(receiver.get("/persons").await.status, 200);
    let again = second.post(&approve, json!({})).await;
    assert_eq!((refusal(&again), again.text("/current_state")), ((409, "invalid-transition"), "active"));
    for (role, region, pending) in
        [("official", "360502", true), ("official", "3605", true), ("region_administrator", "360121", false)]
    {
        let id = account(&first, &format!("{role}-{region}").replace('_', "-"), "36").await;
        let answer = give(&first, &id, role, region).await;
        assert_eq!(answer.text("/state"), if pending { "pending" } else { "active" }, "{role} at {region}");
    }
}

#[rstest]
#[actix_web::test]
async fn four_eyes_see_who_works_in_a_department(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let county = server.sign_in("yushui").await;
    let id = account(&county, "somebody", COMMUNITY).await;
    let organization = county.get("/organizations?limit=1").await;
    let body =
        json!({"user_id": id, "role": "department_handler", "organization_id": organization.text("/items/0/id")});
    let given = county.post("/grants", body).await;
    assert_eq!((given.status, given.text("/state")), (201, "pending"), "{:?}", given.body);
    let path = format!("/grants/{}", given.text("/id"));
    let at = given.text("/region_code").to_owned();
    let approve = async |by: &User<'_>| by.post(&format!("{path}/approve"), json!({})).await;
    let receiver = enter(&server, "somebody").await;
    assert_eq!(refusal(&receiver.get("/service-orders").await), (403, "forbidden"));
    // who gave it, who gets it, who gives no such role, and who only reads
    let (system, _) = appoint(&server, "system2", &[("system_administrator", "36")]).await;
    for by in [&county, &receiver, &system, &server.sign_in("auditor").await] {
        assert_eq!(refusal(&approve(by).await), (403, "forbidden"));
    }
    // elsewhere nobody sees it
    for username in ["nanchang", "resident"] {
        assert_eq!(approve(&server.sign_in(username).await).await.status, 404, "{username}");
    }
    let (keeper, _) = appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    let approved = approve(&keeper).await;
    assert_eq!((approved.status, approved.text("/state")), (200, "active"), "{at}: {:?}", approved.body);
    assert_eq!(receiver.get("/service-orders").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn whoever_gives_a_role_has_signed_in_lately(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (_, second, receiver, path) = waiting(&server).await;
    let county = server.sign_in("yushui").await;
    let id = own(&receiver).await;
    server.advance(TimeDelta::seconds(601));
    for answer in
        [give(&county, &id, "cadre", COMMUNITY).await, second.post(&format!("{path}/approve"), json!({})).await]
    {
        assert_eq!(refusal(&answer), (401, "reauthentication-required"));
        let told = answer.header("www-authenticate").unwrap();
        assert!(told.contains("error=\"insufficient_user_authentication\""), "{told}");
    }
    assert_eq!(server.sql.count("grants WHERE user_id = $1 AND NOT pending", [uuid(&id).into()]).await, 0);
    given(&server.sign_in("yushui").await, &id, "cadre", COMMUNITY).await;
    let second = enter(&server, "second").await;
    assert_eq!(second.post(&format!("{path}/approve"), json!({})).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn the_command_line_is_a_pair_of_eyes(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (first, _, receiver, path) = waiting(&server).await;
    let program = Program::new(LIANXIN, &server.app.settings.database_url);
    let id = path.rsplit('/').next().unwrap();
    let unknown = program.run(&["admin", "approve-grant", &own_id(4)]);
    assert!(!unknown.status.success());
    assert_eq!(receiver.get("/persons").await.status, 403);
    let approved = program.run(&["admin", "approve-grant", id]);
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    server.advance(TimeDelta::seconds(5));
    assert_eq!(receiver.get("/persons").await.status, 200);
    let shown = first.get(&path).await.body;
    assert_eq!((&shown["state"], shown.get("approved_by")), (&json!("active"), None));
    let event = "SELECT data FROM events WHERE kind = 'grant.approved' AND subject_id = $1 AND actor_user_id IS NULL";
    let data: Value = server.sql.one(event, [id.into()]).await;
    assert_eq!(data["by_command_line"], json!(true));
    assert!(!program.run(&["admin", "approve-grant", id]).status.success());
}

#[rstest]
#[actix_web::test]
async fn who_runs_the_system_does_not_audit_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let admin = server.sign_in("admin").await;
    for (name, roles) in [("one", ["auditor", "system_administrator"]), ("two", ["system_administrator", "auditor"])] {
        let id = account(&admin, name, "36").await;
        let body = |role: &str| {
            let mut body = grant(&id, role, "360502");
            if role == "system_administrator" {
                body.as_object_mut().unwrap().remove("region_code");
            }
            body
        };
        assert_eq!(admin.post("/grants", body(roles[0])).await.status, 201);
        let both = admin.post("/grants", body(roles[1])).await;
        assert_eq!(fault(&both), invalid("/role", "incompatible-roles"), "{roles:?}");
        assert_eq!(server.sql.count("grants WHERE user_id = $1", [uuid(&id).into()]).await, 1);
    }
}

#[rstest]
#[actix_web::test]
async fn of_two_that_exclude_each_other_one_is_given(#[values(Sqlite, Postgres)] backend: Backend) {
    let one = Server::start(backend).await;
    let other = one.replica();
    let admin = one.sign_in("admin").await;
    let (second, _) = appoint(&one, "second", &[("system_administrator", "36")]).await;
    let second = second.at(&other);
    for round in 0..8 {
        let id = account(&admin, &format!("somebody{round}"), "36").await;
        let system = json!({"user_id": id, "role": "system_administrator"});
        let both = futures_util::future::join(give(&admin, &id, "auditor", "360502"), second.post("/grants", system));
        let (auditor, system) = both.await;
        let mut statuses = [auditor.status, system.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 422], "round {round}");
        assert_eq!(one.sql.count("grants WHERE user_id = $1", [uuid(&id).into()]).await, 1);
    }
}

#[rstest]
#[actix_web::test]
async fn who_runs_the_system_sees_no_persons(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (system, _) = appoint(&server, "second", &[("system_administrator", "36")]).await;
    let (keeper, _) = appoint(&server, "keeper", &[("region_administrator", "36")]).await;
    let person: Uuid = server.sql.one("SELECT id FROM persons ORDER BY id LIMIT 1", []).await;
    for user in [&system, &keeper] {
        for path in ["/persons", "/households", "/service-orders", "/volunteers"] {
            assert_eq!(refusal(&user.get(path).await), (403, "forbidden"), "{path}");
        }
        for path in
            [format!("/persons/{person}"), format!("/persons/{person}/events"), format!("/persons/{}", own_id(5))]
        {
            assert_eq!(refusal(&user.get(&path).await), (403, "forbidden"), "{path}");
        }
        let search = user.post("/persons/search", json!({"name": "丁"})).await;
        assert_eq!(refusal(&search), (403, "forbidden"));
        let reveal = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修"});
        assert_eq!(refusal(&user.post(&format!("/persons/{person}/reveal"), reveal).await), (403, "forbidden"));
    }
}

#[rstest]
#[actix_web::test]
async fn an_auditor_writes_nothing(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let auditor = server.sign_in("auditor").await;
    let id = own(&auditor).await;
    let before = server.sql.count("events WHERE result = 'ok'", []).await;
    let own_account = format!("/users/{id}");
    assert_eq!(auditor.get(&own_account).await.body["actions"], json!([]));
    let mut tried = 0;
    for collection in [
        "users",
        "grants",
        "organizations",
        "persons",
        "households",
        "volunteers",
        "volunteer-teams",
        "service-kinds",
        "service-orders",
    ] {
        let first = auditor.get(&format!("/{collection}?limit=1")).await.text("/items/0/id").to_owned();
        assert!(!first.is_empty(), "{collection}");
        let patch = json!({});
        for path in [format!("/{collection}/{first}"), own_account.clone()] {
            if !path.starts_with("/grants") {
                let answer = auditor.send("PATCH", &path, &[("if-match", "*")], Some(&patch)).await;
                assert_eq!(refusal(&answer), (403, "forbidden"), "PATCH {path}");
                tried += 1;
            }
        }
    }
    let grant = auditor.get("/grants?limit=1").await.text("/items/0/id").to_owned();
    let person = auditor.get("/persons?limit=1").await.text("/items/0/id").to_owned();
    let order = auditor.get("/service-orders?state=placed&limit=1").await.text("/items/0/id").to_owned();
    assert_eq!(refusal(&remove(&auditor, &format!("/grants/{grant}"), 1).await), (403, "forbidden"));
    for (path, body) in [
        (format!("{own_account}/reset-password"), json!({"password": PASSWORD, "current_password": "lianxin-demo"})),
        (format!("{own_account}/disable"), json!({})),
        (format!("/grants/{grant}/approve"), json!({})),
        (
            format!("/persons/{person}/reveal"),
            json!({"fields": ["phone"], "purpose": "verification", "note": "上门维修"}),
        ),
        ("/persons/search".to_owned(), json!({"name": "丁"})),
        (format!("/service-orders/{order}/dispatch"), json!({"open": true})),
        (format!("/service-orders/{order}/cancel"), json!({})),
        ("/grants".to_owned(), self::grant(&id, "resident", COMMUNITY)),
        ("/regions".to_owned(), json!({"code": "360502003", "name": "新街道", "kind": "street"})),
        ("/persons".to_owned(), json!({"name": "丁", "region_code": COMMUNITY})),
        ("/households".to_owned(), json!({"region_code": COMMUNITY})),
        ("/volunteers".to_owned(), json!({"region_code": COMMUNITY, "origin": "citizen"})),
    ] {
        assert_eq!(refusal(&auditor.post(&path, body).await), (403, "forbidden"), "POST {path}");
    }
    assert_eq!((tried, server.sql.count("events WHERE result = 'ok'", []).await), (16 + 1, before));
}
