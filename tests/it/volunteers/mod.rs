//! Volunteers: they apply, are vetted by others, offer what they can, and leave.

mod leaving;

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, Case, change, fault, ids, invalid, refusal, stamp, told, uuid};

const COMMUNITY: &str = "360502002001";

fn application(members: Value) -> Value {
    hands::with(json!({"region_code": COMMUNITY, "skills": ["tap"], "origin": "citizen"}), members)
}

async fn apply(by: &User<'_>, members: Value) -> Answer {
    by.post("/volunteers", application(members)).await
}

async fn step(by: &User<'_>, id: &str, transition: &str) -> Answer {
    by.post(&format!("/volunteers/{id}/{transition}"), json!({})).await
}

/// A person of a region without an account.
async fn person(by: &User<'_>, region: &str) -> String {
    hands::made(by, "/persons", json!({"region_code": region, "name": "王建国"})).await
}

/// The regions at which somebody has the role of a volunteer.
async fn serves_at(user: &User<'_>) -> Vec<String> {
    let me = user.get("/me").await;
    let grants = me.body["grants"].as_array().unwrap().iter();
    let serving = grants.filter(|grant| grant["role"] == "volunteer");
    serving.map(|grant| grant["region_code"].as_str().unwrap().to_owned()).collect()
}

#[rstest]
#[actix_web::test]
async fn volunteers_keep_the_promises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let [one, other] = [person(&worker, COMMUNITY).await, person(&worker, COMMUNITY).await];
    let case = Case {
        collection: "/volunteers",
        bodies: [application(json!({"person_id": one})), application(json!({"person_id": other}))],
        member: ("skills", json!(["drain"]), json!(["tap", "drain"]), "/skills"),
        optional: None,
        required: "skills",
        reads: 1,
        put: false,
        unseen: None,
    };
    hands::keeps_the_promises(&server, &worker, &case).await;
}

#[rstest]
#[actix_web::test]
async fn one_applies_is_vetted_and_serves(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    let made = apply(&resident, json!({})).await;
    assert_eq!((made.status, made.text("/state"), made.text("/display_name")), (201, "applied", "胡桂兰"));
    assert_eq!((&made.body["orders_done"], &made.body["hours_served"]), (&json!(0), &json!("0.00")));
    assert_eq!(made.body["actions"], json!(["leave", "update"]));
    let id = made.text("/id");
    let path = format!("/volunteers/{id}");
    // he is none yet: no role, no order, no second application
    assert_eq!(serves_at(&resident).await, [""; 0]);
    let order = json!({"kind": "tap", "description": "水龙头", "region_code": COMMUNITY, "address": "桂花巷 3 号"});
    let order = worker.post("/service-orders", order).await.text("/id").to_owned();
    let dispatch =
        async || worker.post(&format!("/service-orders/{order}/dispatch"), json!({"volunteer_id": id})).await;
    assert_eq!(fault(&dispatch().await), invalid("/volunteer_id", "not-found"));
    assert_eq!(fault(&apply(&resident, json!({})).await), invalid("/person_id", "duplicate"));

    assert_eq!(worker.get(&path).await.body["actions"], json!(["approve", "refuse", "update"]));
    let approved = step(&worker, id, "approve").await;
    assert_eq!(
        (approved.status, approved.text("/state"), approved.body["version"].as_i64()),
        (200, "approved", Some(2))
    );
    // the token that he has is good for it at once
    assert_eq!(serves_at(&resident).await, [COMMUNITY]);
    assert_eq!(dispatch().await.status, 200);
    assert_eq!(resident.post(&format!("/service-orders/{order}/accept"), json!({})).await.status, 200);
    for transition in ["approve", "refuse"] {
        let late = step(&worker, id, transition).await;
        assert_eq!((refusal(&late), late.text("/current_state")), ((409, "invalid-transition"), "approved"));
    }
    assert_eq!(told(&worker, &path).await, ["volunteer.applied", "volunteer.approved"]);
}

#[rstest]
#[actix_web::test]
async fn who_is_refused_does_not_serve(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    let id = apply(&resident, json!({})).await.text("/id").to_owned();
    let refused = step(&worker, &id, "refuse").await;
    assert_eq!((refused.text("/state"), &refused.body["actions"]), ("refused", &json!(["approve"])));
    assert_eq!(serves_at(&resident).await, [""; 0]);
    // what his actions do not name is not done
    let path = format!("/volunteers/{id}");
    assert_eq!(resident.get(&path).await.body["actions"], json!([]));
    for (user, transition) in [(&worker, "refuse"), (&resident, "leave")] {
        assert_eq!(refusal(&step(user, &id, transition).await), (409, "invalid-transition"), "{transition}");
    }
    for user in [&worker, &resident] {
        let late = change(user, &path, 2, json!({"skills": ["drain"]})).await;
        assert_eq!((refusal(&late), late.text("/current_state")), ((409, "invalid-transition"), "refused"));
    }
    assert_eq!(step(&worker, &id, "approve").await.text("/state"), "approved");
    assert_eq!(serves_at(&resident).await, [COMMUNITY]);
}

#[rstest]
#[actix_web::test]
async fn nobody_vets_himself(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let made = apply(&worker, json!({})).await;
    assert_eq!((made.status, made.text("/state")), (201, "applied"));
    let id = made.text("/id");
    assert_eq!(made.body["actions"], json!(["update"]));
    for transition in ["approve", "refuse"] {
        assert_eq!(refusal(&step(&worker, id, transition).await), (403, "forbidden"), "{transition}");
    }
    // nor does he write himself down as another one would
    let me = worker.get("/me").await.text("/person_id").to_owned();
    assert_eq!(server.sql.count("volunteers WHERE person_id = $1 AND state = 'applied'", [uuid(&me).into()]).await, 1);
    let (colleague, _) = hands::appoint(&server, "colleague", &[("community_worker", COMMUNITY)]).await;
    assert_eq!(step(&colleague, id, "approve").await.text("/state"), "approved");
}

#[rstest]
#[actix_web::test]
async fn who_vets_writes_down_his_own_community(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, other) = (server.sign_in("worker").await, server.sign_in("worker2").await);
    let here = person(&worker, COMMUNITY).await;
    let far = person(&other, "360502001001").await;
    let before = server.sql.count("volunteers", []).await;
    let unseen = apply(&worker, json!({"person_id": far})).await;
    assert_eq!(fault(&unseen), invalid("/person_id", "not-found"));
    for region in ["360502001001", "360502002", "360502"] {
        let refused = apply(&worker, json!({"person_id": here, "region_code": region})).await;
        assert_eq!(refusal(&refused), (403, "forbidden"), "{region}");
    }
    for wrong in ["3605", "360502999"] {
        let refused = apply(&worker, json!({"person_id": here, "region_code": wrong})).await;
        assert_eq!((refused.status, refused.text("/errors/0/pointer")), (422, "/region_code"), "{wrong}");
    }
    // a resident speaks for himself, wherever he wants to serve
    let resident = server.sign_in("resident").await;
    assert_eq!(fault(&apply(&resident, json!({"person_id": here})).await), invalid("/person_id", "not-found"));
    for username in ["street", "yushui", "auditor", "cadre", "volunteer", "property", "admin"] {
        assert_eq!(refusal(&apply(&server.sign_in(username).await, json!({})).await), (403, "forbidden"), "{username}");
    }
    for counted in ["orders_done", "hours_served", "state", "user_id"] {
        let typed = apply(&worker, json!({"person_id": here, counted: 7})).await;
        assert_eq!(fault(&typed), invalid(&format!("/{counted}"), "unknown-member"));
    }
    assert_eq!(server.sql.count("volunteers", []).await, before);
    let made = apply(&worker, json!({"person_id": here})).await;
    assert_eq!((made.status, made.text("/state")), (201, "approved"));
    assert_eq!(apply(&resident, json!({"region_code": "360121"})).await.text("/region_code"), "360121");
}

#[rstest]
#[actix_web::test]
async fn out_of_reach_nothing_is_decided(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let id = apply(&resident, json!({})).await.text("/id").to_owned();
    let path = format!("/volunteers/{id}");
    let before = stamp(&server, &path).await;
    server.advance(TimeDelta::seconds(1));
    for (username, status) in [
        ("worker2", 404),
        ("resident2", 404),
        ("volunteer", 404),
        ("street", 403),
        ("auditor", 403),
        ("yushui", 403),
        ("admin", 403),
        ("property", 403),
    ] {
        let user = server.sign_in(username).await;
        for transition in ["approve", "refuse", "leave"] {
            assert_eq!(step(&user, &id, transition).await.status, status, "{username} {transition}");
        }
        assert_eq!(change(&user, &path, 1, json!({"skills": []})).await.status, status, "{username}");
    }
    assert_eq!(refusal(&step(&resident, &id, "approve").await), (403, "forbidden"));
    assert_eq!(stamp(&server, &path).await, before);
    for fixed in [json!({"region_code": "360502"}), json!({"origin": "agency_cadre"}), json!({"state": "approved"})] {
        assert_eq!(change(&resident, &path, 1, fixed).await.status, 422);
    }
    let changed = change(&resident, &path, 1, json!({"available": false, "skills": ["drain"]})).await;
    assert_eq!((&changed.body["available"], &changed.body["skills"]), (&json!(false), &json!(["drain"])));
}

#[rstest]
#[actix_web::test]
async fn filters_find_what_the_caller_may_see(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, resident) = (server.sign_in("worker").await, server.sign_in("resident").await);
    let id =
        apply(&resident, json!({"skills": ["piano", "tap_dance"], "available": false})).await.text("/id").to_owned();
    for query in
        ["state=applied", "state=applied,refused", "skill=piano", "available=false", "q=胡桂", "skill=tap_dance"]
    {
        assert_eq!(ids(&worker, &format!("/volunteers?{query}")).await, [id.as_str()], "{query}");
    }
    for query in ["state=approved", "skill=tap", "skill=dance", "available=true", "q=王"] {
        assert!(!ids(&worker, &format!("/volunteers?{query}")).await.contains(&id), "{query}");
    }
    // who has figures only finds nothing out by filtering
    let county = server.sign_in("yushui").await;
    for query in ["skill=piano", "available=false", "q=胡", "team_id=019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10"] {
        assert_eq!(refusal(&county.get(&format!("/volunteers?{query}")).await), (400, "field-not-allowed"), "{query}");
    }
    let bare = county.get("/volunteers?state=applied").await.body["items"][0].clone();
    let keys: Vec<_> = bare.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["actions", "created_at", "id", "region_code", "state", "updated_at", "version"]);
    assert_eq!(refusal(&county.get(&format!("/volunteers/{id}")).await), (403, "access-approval-required"));
}
