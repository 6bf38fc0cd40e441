//! Appointments: who holds which post on which day, who fills it, and how it ends.

mod hand_over;
mod terms;

use futures_util::future::join_all;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands::{self, content, fault, faults, ids, invalid, put, refusal, told, uuid};

const COMMUNITY: &str = "360502002001";
const GRID: &str = "360502002001001";

async fn person(by: &User<'_>, region: &str, name: &str) -> String {
    hands::made(by, "/persons", json!({"region_code": region, "name": name})).await
}

/// An appointment of a mediator in the community, with other members.
fn post(person: &str, members: Value) -> Value {
    let own = json!({"person_id": person, "post": "mediator", "region_code": COMMUNITY, "valid_from": "2026-03-12"});
    hands::with(own, members)
}

async fn appoint(by: &User<'_>, person: &str, members: Value) -> Answer {
    by.post("/appointments", post(person, members)).await
}

async fn appointed(by: &User<'_>, person: &str, members: Value) -> String {
    let made = appoint(by, person, members).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    made.text("/id").to_owned()
}

async fn end(by: &User<'_>, id: &str, on: &str) -> Answer {
    by.post(&format!("/appointments/{id}/end"), json!({"on": on, "reason": "resigned"})).await
}

/// The first building of 福园小区 and the first of its units.
async fn inside(by: &User<'_>) -> (String, String, String) {
    let compound = by.compound("福园小区").await;
    let seen = by.get(&format!("/compounds/{compound}")).await;
    (compound, seen.text("/buildings/0/id").to_owned(), seen.text("/buildings/0/units/0/id").to_owned())
}

#[rstest]
#[actix_web::test]
async fn a_post_is_held_from_a_day_to_before_a_day(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    let made = appoint(&street, &one, json!({"valid_from": "2026-03-01", "valid_until": "2027-03-01"})).await;
    let id = made.text("/id");
    let path = format!("/appointments/{id}");
    assert_eq!((made.status, made.text("/state"), made.text("/display_name")), (201, "active", "丁小梅"));
    assert_eq!(made.body["actions"], json!(["end", "hand-over"]));
    let on = async |day: &str| ids(&street, &format!("/appointments?on={day}&post=mediator&place={COMMUNITY}")).await;
    let held = vec![id.to_owned()];
    for (day, there) in [("2026-02-28", false), ("2026-03-01", true), ("2027-02-28", true), ("2027-03-01", false)] {
        assert_eq!(on(day).await == held, there, "{day}");
    }
    let ended = end(&street, id, "2026-03-20").await;
    assert_eq!((ended.status, ended.text("/state"), ended.text("/end_reason")), (200, "active", "resigned"));
    assert_eq!((ended.text("/valid_until"), ended.text("/ended_on")), ("2027-03-01", "2026-03-20"));
    for (day, there) in [("2026-02-28", false), ("2026-03-19", true), ("2026-03-20", false), ("2027-02-28", false)] {
        assert_eq!(on(day).await == held, there, "{day}");
    }
    // it ends earlier than was foreseen, never later
    assert_eq!(fault(&end(&street, id, "2026-03-21").await), invalid("/on", "too-far-ahead"));
    assert_eq!(end(&street, id, "2026-03-18").await.text("/ended_on"), "2026-03-18");
    assert_eq!(told(&street, &path).await, ["appointment.created", "appointment.ended", "appointment.ended"]);
    server.advance(chrono::TimeDelta::days(6));
    let street = server.sign_in("street").await;
    let over = street.get(&path).await;
    assert_eq!((over.text("/state"), &over.body["actions"]), ("ended", &json!([])));
    // what is past is settled
    for day in ["2026-03-15", "2026-03-18"] {
        let again = end(&street, id, day).await;
        assert_eq!((refusal(&again), again.text("/current_state")), ((409, "invalid-transition"), "ended"), "{day}");
    }
}

#[rstest]
#[actix_web::test]
async fn states_and_places_filter(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let (compound, building, unit) = inside(&worker).await;
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    let past = appointed(&street, &one, json!({"valid_from": "2020-01-01", "valid_until": "2021-01-01"})).await;
    let coming = appointed(&street, &one, json!({"valid_from": "2026-05-01"})).await;
    let office = json!({"name": "调委会", "kind": "residents_committee", "region_code": COMMUNITY});
    let office = hands::made(&street, "/organizations", office).await;
    let here = appointed(&street, &one, json!({"region_code": null, "organization_id": office})).await;
    let head = json!({"post": "unit_head", "region_code": null, "compound_id": compound, "building_id": building, "unit_id": unit});
    let head = appointed(&worker, &one, head).await;
    let mine = format!("/appointments?person_id={one}");
    for (query, expected) in [
        ("state=coming".to_owned(), vec![&coming]),
        ("state=active".to_owned(), vec![&here, &head]),
        ("state=ended".to_owned(), vec![&past]),
        ("state=ended,coming".to_owned(), vec![&past, &coming]),
        ("post=unit_head,building_head".to_owned(), vec![&head]),
        (format!("place={office}"), vec![&here]),
        (format!("place={compound}"), vec![&head]),
        (format!("place={building}"), vec![&head]),
        (format!("place={unit}"), vec![&head]),
        (format!("place={one}"), vec![]),
        ("place=360502".to_owned(), vec![&past, &coming, &here, &head]),
        (format!("place={GRID}"), vec![]),
        ("region=360502002&on=2020-06-01".to_owned(), vec![&past]),
    ] {
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        expected.sort();
        assert_eq!(ids(&street, &format!("{mine}&{query}")).await, expected, "{query}");
    }
    for query in ["place=360502002001099", "region=360502002001099"] {
        assert_eq!(street.get(&format!("/appointments?{query}")).await.status, 404, "{query}");
    }
    for query in ["place=3605021", "place=x", "on=2026-3-1", "on=2026-02-30", "state=past", "post=king", "person_id=1"]
    {
        let answer = street.get(&format!("/appointments?{query}")).await;
        let name = query.split('=').next().unwrap();
        assert_eq!((answer.status, answer.text("/errors/0/parameter")), (400, name), "{query}");
    }
}

#[rstest]
#[actix_web::test]
async fn everybody_sees_the_post_and_few_the_person(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    let id = appointed(&street, &one, json!({"valid_from": "2026-01-01"})).await;
    assert_eq!(end(&street, &id, "2026-03-01").await.status, 200);
    let path = format!("/appointments/{id}");
    let public = [
        "actions",
        "created_at",
        "display_name",
        "ended_on",
        "id",
        "post",
        "region_code",
        "state",
        "updated_at",
        "valid_from",
        "version",
    ];
    for username in ["resident", "volunteer", "property", "worker2", "nanchang", "province", "department", "teacher"] {
        let user = server.sign_in(username).await;
        let seen = user.get(&path).await;
        let names: Vec<_> = seen.body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((seen.text("/display_name"), names), ("丁小梅", public.to_vec()), "{username}");
        assert_eq!(user.get(&format!("{path}/events")).await.status, 200);
        // by filtering nobody finds out who it is
        let found = user.get(&format!("/appointments?person_id={one}")).await;
        match found.status {
            200 => assert_eq!(found.body["items"], json!([]), "{username}"),
            status => assert_eq!((status, found.text("/code")), (400, "field-not-allowed"), "{username}"),
        }
    }
    for username in ["worker", "street", "yushui", "auditor", "admin"] {
        let user = server.sign_in(username).await;
        let seen = user.get(&path).await;
        assert_eq!((seen.text("/person_id"), seen.text("/end_reason")), (one.as_str(), "resigned"), "{username}");
        assert_eq!(ids(&user, &format!("/appointments?person_id={one}")).await, [id.as_str()], "{username}");
    }
    // his own posts everybody finds
    let resident = server.sign_in("resident").await;
    let me = resident.get("/me").await.text("/person_id").to_owned();
    let own = appointed(&street, &me, json!({})).await;
    assert!(ids(&resident, &format!("/appointments?person_id={me}")).await.contains(&own));
    assert_eq!(resident.get(&format!("/appointments/{own}")).await.text("/person_id"), me);
}

#[rstest]
#[actix_web::test]
async fn a_community_fills_the_posts_of_its_compounds(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let (compound, building, unit) = inside(&worker).await;
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    let seats = [
        json!({"post": "building_head", "region_code": null, "compound_id": compound, "building_id": building}),
        json!({"post": "unit_head", "region_code": null, "compound_id": compound, "building_id": building, "unit_id": unit}),
        json!({"post": "legal_helper", "profession": "judge", "region_code": null, "compound_id": compound}),
        json!({"post": "grid_member", "region_code": GRID}),
        json!({"post": "visiting_cadre"}),
        json!({"post": "ranger"}),
        json!({"post": "mediator"}),
        json!({"post": "center_manager"}),
        json!({"post": "forest_chief"}),
    ];
    for (username, from, statuses) in [
        ("worker", "2026-01-01", [201, 201, 403, 403, 403, 403, 403, 403, 403]),
        ("street", "2027-01-01", [201; 9]),
        ("yushui", "2028-01-01", [201; 9]),
        ("admin", "2029-01-01", [201; 9]),
        ("province", "2030-01-01", [403; 9]),
        ("resident", "2030-01-01", [403; 9]),
        ("auditor", "2030-01-01", [403; 9]),
        ("cadre", "2030-01-01", [403; 9]),
    ] {
        let user = server.sign_in(username).await;
        let until = format!("{}-12-01", &from[..4]);
        for (seat, status) in seats.iter().zip(statuses) {
            let days = json!({"valid_from": from, "valid_until": until});
            let made = appoint(&user, &one, hands::with(seat.clone(), days)).await;
            assert_eq!(made.status, status, "{username} {seat}: {:?}", made.body);
        }
    }
    // a worker ends what he may fill, and nothing else
    let worker = server.sign_in("worker").await;
    for (query, actions) in [("post=unit_head", json!(["end", "hand-over"])), ("post=mediator", json!([]))] {
        let found = worker.get(&format!("/appointments?person_id={one}&state=coming,active&{query}")).await;
        assert_eq!(found.body["items"][0]["actions"], actions, "{query}");
        let id = found.text("/items/0/id");
        let ended = end(&worker, id, found.text("/items/0/valid_from")).await.status;
        assert_eq!(ended, if actions == json!([]) { 403 } else { 200 }, "{query}");
    }
}

#[rstest]
#[actix_web::test]
async fn nobody_appoints_out_of_his_reach(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, other) = (server.sign_in("worker").await, server.sign_in("worker2").await);
    let street = server.sign_in("street").await;
    let (here, far) = (person(&worker, COMMUNITY, "丁小梅").await, person(&other, "360502001001", "王强").await);
    let before = server.sql.count("appointments", []).await;
    let unknown = appoint(&street, &hands::own_id(1), json!({})).await;
    assert_eq!(fault(&unknown), invalid("/person_id", "not-found"));
    let unseen = appoint(&street, &far, json!({})).await;
    assert_eq!(content(&unseen), content(&unknown));
    for region in ["360502001001", "360502", "360121"] {
        let refused = appoint(&street, &here, json!({"region_code": region})).await;
        assert_eq!(refusal(&refused), (403, "forbidden"), "{region}");
    }
    // who may fill posts of a county finds people and places of the county, although he sees neither otherwise
    let (keeper, _) = hands::appoint(&server, "keeper", &[("region_administrator", "360502")]).await;
    assert_eq!(keeper.get(&format!("/persons/{here}")).await.status, 403);
    let beyond = hands::made(
        &server.sign_in("wangshang").await,
        "/organizations",
        json!({"name": "调委会", "kind": "residents_committee", "region_code": "360121100001"}),
    )
    .await;
    let refused = appoint(&keeper, &here, json!({"region_code": null, "organization_id": beyond})).await;
    assert_eq!(fault(&refused), invalid("/organization_id", "not-found"));
    assert_eq!(server.sql.count("appointments", []).await, before);
    let (compound, building, _) = inside(&worker).await;
    let head = json!({"post": "building_head", "region_code": null, "compound_id": compound, "building_id": building});
    assert_eq!(appoint(&keeper, &here, head).await.status, 201);
    assert_eq!(appoint(&keeper, &far, json!({})).await.status, 201);
}

#[rstest]
#[actix_web::test]
async fn a_seat_fits_the_post(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let (compound, building, unit) = inside(&worker).await;
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    for (members, pointer, code) in [
        (json!({"post": "building_head"}), "/compound_id", "required"),
        (json!({"post": "building_head", "region_code": null, "compound_id": compound}), "/building_id", "required"),
        (json!({"post": "grid_member"}), "/region_code", "contradicts-member"),
        (json!({"post": "forest_chief", "region_code": GRID}), "/region_code", "contradicts-member"),
        (json!({"region_code": null, "compound_id": compound}), "/compound_id", "contradicts-member"),
        (json!({"profession": "judge"}), "/profession", "contradicts-member"),
        (json!({"post": "legal_helper", "region_code": null, "compound_id": compound}), "/profession", "required"),
        (json!({"region_code": null}), "/region_code", "required"),
        (json!({"compound_id": compound}), "/region_code", "not-together"),
        (json!({"region_code": "360502002001099"}), "/region_code", "not-found"),
        (
            json!({"post": "unit_head", "region_code": null, "compound_id": compound, "unit_id": unit}),
            "/unit_id",
            "not-found",
        ),
        (
            json!({"post": "building_head", "region_code": null, "compound_id": compound, "building_id": unit}),
            "/building_id",
            "not-found",
        ),
        (json!({"post": "emperor"}), "/post", "not-found"),
        (json!({"valid_from": null}), "/valid_from", "required"),
        (json!({"valid_from": "2026-02-30"}), "/valid_from", "format"),
        (json!({"valid_from": "1949-09-30"}), "/valid_from", "implausible"),
        (json!({"valid_from": "2031-03-13"}), "/valid_from", "too-far-ahead"),
        (json!({"valid_until": "2056-03-13"}), "/valid_until", "too-far-ahead"),
        (json!({"valid_until": "2026-03-12"}), "/valid_from", "end-before-start"),
        (json!({"ended_on": "2026-03-12"}), "/ended_on", "unknown-member"),
    ] {
        let refused = appoint(&street, &one, members.clone()).await;
        let first = faults(&refused).into_iter().find(|(at, _)| at == pointer);
        assert_eq!((refused.status, first), (422, Some((pointer.to_owned(), code.to_owned()))), "{members}");
    }
    let id = appointed(&street, &one, json!({"valid_until": "2026-12-01"})).await;
    for (on, code) in [("2026-03-11", "before-start"), ("2026-12-02", "too-far-ahead")] {
        assert_eq!(fault(&end(&street, &id, on).await), invalid("/on", code), "{on}");
    }
    assert_eq!(fault(&worker.post("/appointments", post(&building, json!({}))).await).1, "/person_id");
}

#[rstest]
#[actix_web::test]
async fn nobody_holds_a_post_twice_on_one_day(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    let id = appointed(&street, &one, json!({"valid_from": "2026-01-01", "valid_until": "2027-01-01"})).await;
    let twice = invalid("/person_id", "duplicate");
    for (from, until) in [("2025-06-01", "2026-01-02"), ("2026-06-01", "2026-07-01"), ("2026-12-31", "2028-01-01")] {
        let refused = appoint(&street, &one, json!({"valid_from": from, "valid_until": until})).await;
        assert_eq!(fault(&refused), twice, "{from}");
    }
    appointed(&street, &one, json!({"valid_from": "2025-06-01", "valid_until": "2026-01-01"})).await;
    appointed(&street, &one, json!({"valid_from": "2027-01-01"})).await;
    // another post, another place, another person
    appointed(&street, &one, json!({"post": "visiting_cadre"})).await;
    appointed(&street, &one, json!({"region_code": "360502002"})).await;
    let two = person(&worker, COMMUNITY, "王强").await;
    appointed(&street, &two, json!({})).await;
    // a mistake ends on its first day, and leaves no day to be held twice
    assert_eq!(end(&street, &id, "2026-01-01").await.text("/state"), "ended");
    appointed(&street, &one, json!({"valid_from": "2026-01-01", "valid_until": "2027-01-01"})).await;
}

#[rstest]
#[actix_web::test]
async fn of_two_at_once_one_is_told_of_the_other(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    let streets = [street.at(&server), street.at(&replica)];
    let all = join_all((0..6_usize).map(|number| {
        let (one, street) = (&one, &streets[number % 2]);
        async move { appoint(street, one, json!({"valid_from": format!("2026-03-{:02}", 10 + number)})).await }
    }));
    let lock = "SELECT 1 FROM persons FOR UPDATE";
    let answers = if backend == Postgres { server.sql.meeting(lock, 6, all).await } else { all.await };
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert!(made >= 1 && answers.iter().all(|answer| matches!(answer.status, 201 | 422)), "{answers:?}");
    // terms are open, so whoever came first and latest in time decides; no day has two
    let held = "SELECT count(*) FROM appointments a JOIN appointments b ON a.person_id = b.person_id AND a.id < b.id \
                WHERE a.person_id = $1 AND a.post = b.post";
    let doubles: i64 = server.sql.one(held, [uuid(&one).into()]).await;
    assert_eq!((made, doubles), (1, 0));
}

#[rstest]
#[actix_web::test]
async fn a_repeated_put_changes_nothing_and_another_one_is_refused(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let one = person(&worker, COMMUNITY, "丁小梅").await;
    let path = format!("/appointments/{}", hands::own_id(5));
    let body = post(&one, json!({"valid_until": "2027-01-01"}));
    let made = put(&street, &path, None, &body).await;
    assert_eq!((made.status, made.text("/id")), (201, hands::own_id(5).as_str()));
    let again = put(&street, &path, None, &body).await;
    assert_eq!((again.status, &again.body), (200, &made.body));
    let other = put(&street, &path, Some(1), &post(&one, json!({"valid_until": "2028-01-01"}))).await;
    assert_eq!(fault(&other), invalid("/valid_until", "not-changeable"));
    let key = [("idempotency-key", "one-appointment")];
    let body = post(&one, json!({"post": "ranger"}));
    let first = street.send("POST", "/appointments", &key, Some(&body)).await;
    let second = street.send("POST", "/appointments", &key, Some(&body)).await;
    assert_eq!((first.status, &first.body), (201, &second.body));
    assert_eq!(told(&street, &path).await, ["appointment.created"]);
}
