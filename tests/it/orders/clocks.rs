//! The clocks of orders: what is due when, what is paused and extended, and how what is overdue rises.
//!
//! The clock of the tests stands at half past nine on Thursday 12 March 2026. A tap has four hours of business time until
//! somebody accepts, and two working days until it is done.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{People, done, get, members, patch, place, placed, refusal, refused, step, told};
use crate::hands;

fn clock<'a>(order: &'a Answer, kind: &str) -> &'a Value {
    let clocks = order.body["clocks"].as_array().unwrap();
    clocks.iter().find(|clock| clock["clock"] == kind).unwrap_or(&Value::Null)
}

/// State and due date, the year and the offset left out.
fn stands(order: &Answer, kind: &str) -> String {
    let clock = clock(order, kind);
    let due = clock["due_at"].as_str().unwrap_or_default();
    assert!(due.starts_with("2026-") && due.ends_with(":00.000+08:00"), "{due}");
    format!("{} {}", clock["state"].as_str().unwrap(), &due[5..16])
}

/// Lets time pass until an hour of a day in March, and does what is done by itself.
async fn until(server: &Server, day: i64, hour: i64, minute: i64) {
    let start = chrono::DateTime::parse_from_rfc3339("2026-03-01T00:00:00+08:00").unwrap();
    let then = start + TimeDelta::days(day - 1) + TimeDelta::hours(hour) + TimeDelta::minutes(minute);
    server.advance(then.to_utc() - server.now());
    server.run_jobs().await;
}

fn more(clock: &str, until: &str) -> Value {
    json!({"clock": clock, "until": until, "reason": "配件要到省城订货"})
}

async fn events(by: &User<'_>, id: &str, kind: &str) -> Vec<Value> {
    let events = by.get(&format!("/service-orders/{id}/events?limit=100")).await;
    let kind = format!("service_order.{kind}");
    let items = events.body["items"].as_array().unwrap();
    items.iter().filter(|event| event["kind"] == kind).map(|event| event["data"].clone()).collect()
}

#[rstest]
#[actix_web::test]
async fn both_clocks_run_from_the_placing(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let order = place(&people.resident, json!({})).await;
    assert_eq!(stands(&order, "response"), "running 03-12T15:30");
    assert_eq!(stands(&order, "resolution"), "running 03-16T09:30");
    assert_eq!(clock(&order, "response")["overdue"], false);
    // who is not told what it is about is not told when it is due
    assert_eq!(
        server.sign_in("yushui").await.get("/service-orders?limit=1").await.body["items"][0].get("clocks"),
        None
    );

    let id = order.text("/id");
    people.bring(id, "dispatched").await;
    server.advance(TimeDelta::minutes(9));
    let accepted = done(&people.volunteer, id, "accept", json!({})).await;
    assert_eq!(stands(&accepted, "response"), "met 03-12T15:30");
    assert_eq!(clock(&accepted, "response")["ended_at"], "2026-03-12T09:39:00.000+08:00");
    done(&people.volunteer, id, "start", json!({})).await;
    let completed = done(&people.volunteer, id, "complete", json!({"outcome": "solved"})).await;
    assert_eq!(
        (stands(&completed, "resolution"), clock(&completed, "resolution")["overdue"].clone()),
        ("met 03-16T09:30".into(), json!(false))
    );
    // more work is another matter: both begin anew
    let reopened = done(&people.resident, id, "reopen", json!({"reason": "又漏了"})).await;
    assert_eq!(stands(&reopened, "response"), "running 03-12T15:39");
    assert_eq!(stands(&reopened, "resolution"), "running 03-16T09:39");

    let other = placed(&people.resident, json!({})).await;
    let cancelled = done(&people.resident, &other, "cancel", json!({})).await;
    assert_eq!(clock(&cancelled, "response")["state"], "stopped");
    assert_eq!(clock(&cancelled, "resolution")["state"], "stopped");
}

#[rstest]
#[actix_web::test]
async fn time_is_counted_by_the_calendar_of_the_place(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let official = server.sign_in("yushui").await;
    for (date, kind) in [("2026-03-13", "holiday"), ("2026-03-15", "make_up_day")] {
        let day = json!({"date": date, "kind": kind, "name": "换一天", "region_code": "360502"});
        assert_eq!(official.post("/calendar-days", day).await.status, 201);
    }
    server.run_jobs().await;
    let order = place(&server.sign_in("resident").await, json!({})).await;
    assert_eq!(stands(&order, "resolution"), "running 03-16T09:30", "Friday off, Sunday worked");
    let day = json!({"date": "2026-03-16", "kind": "holiday", "name": "再一天", "region_code": "360502002001"});
    assert_eq!(official.post("/calendar-days", day).await.status, 201);
    server.run_jobs().await;
    let order = place(&server.sign_in("resident").await, json!({})).await;
    assert_eq!(stands(&order, "resolution"), "running 03-17T09:30");
}

#[rstest]
#[actix_web::test]
async fn what_is_overdue_rises(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = placed(&server.sign_in("resident").await, json!({})).await;
    until(&server, 12, 14, 29).await;
    let worker = server.sign_in("worker").await;
    assert_eq!(told(&worker, &id).await, ["placed"]);
    let in_time = worker.get("/service-orders?overdue=false&limit=200").await;
    assert!(members(&in_time, "id").contains(&id.as_str()));

    until(&server, 12, 14, 30).await;
    assert_eq!(told(&worker, &id).await, ["placed", "warned"]);
    assert_eq!(
        events(&worker, &id, "warned").await,
        [json!({"state": "placed", "clock": "response", "due_at": "2026-03-12T07:30:00Z"})]
    );
    until(&server, 12, 15, 30).await;
    until(&server, 12, 15, 40).await;
    let worker = server.sign_in("worker").await;
    assert_eq!(told(&worker, &id).await, ["placed", "warned", "overdue", "risen"]);
    assert_eq!(events(&worker, &id, "risen").await[0]["region_code"], "360502002001");
    let order = get(&worker, &id).await;
    assert_eq!(clock(&order, "response")["risen_to"], "community");
    assert_eq!((clock(&order, "response")["overdue"].clone(), order.body["version"].clone()), (json!(true), json!(3)));

    until(&server, 13, 9, 29).await;
    let street = server.sign_in("street").await;
    assert!(!members(&street.get("/service-orders?risen_to=township&limit=200").await, "id").contains(&id.as_str()));
    until(&server, 13, 9, 30).await;
    assert!(members(&street.get("/service-orders?risen_to=township&limit=200").await, "id").contains(&id.as_str()));
    for (filter, found) in [("overdue=true", true), ("overdue=false", false), ("risen_to=community", false)] {
        let list = street.get(&format!("/service-orders?{filter}&limit=200")).await;
        assert_eq!(members(&list, "id").contains(&id.as_str()), found, "{filter}");
    }
    assert_eq!(events(&street, &id, "risen").await[1]["region_code"], "360502002");
    // what has risen is still his to dispatch, and nothing more is told of that clock
    let worker = server.sign_in("worker").await;
    done(&worker, &id, "dispatch", json!({"open": true})).await;
    done(&server.sign_in("volunteer").await, &id, "claim", json!({})).await;
    let order = get(&worker, &id).await;
    assert_eq!(
        (clock(&order, "response")["state"].clone(), clock(&order, "response")["overdue"].clone()),
        (json!("met"), json!(true))
    );
    let list = street.get("/service-orders?overdue=true&limit=200").await;
    assert!(!members(&list, "id").contains(&id.as_str()), "what is late and done is no longer overdue");
    until(&server, 14, 12, 0).await;
    assert_eq!(told(&server.sign_in("worker").await, &id).await.iter().filter(|kind| *kind == "risen").count(), 2);
}

#[rstest]
#[actix_web::test]
async fn replicas_tell_everything_once(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(placed(&resident, json!({})).await);
    }
    let replica = server.replica();
    server.advance(TimeDelta::hours(30));
    for _ in 0..3 {
        futures_util::future::join(server.run_jobs(), replica.run_jobs()).await;
        // a replica that died is replaced once its lease is over
        server.advance(TimeDelta::seconds(11));
    }
    let worker = server.sign_in("worker").await;
    for id in &ids {
        assert_eq!(told(&worker, id).await, ["placed", "overdue", "risen", "risen", "warned"], "{id}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_pause_moves_what_is_due(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = people.order("accepted").await;
    let pause = json!({"reason": "等配件", "until": "2026-03-13T12:00:00+08:00"});
    let held = done(&people.volunteer, &id, "hold", pause).await;
    assert_eq!(stands(&held, "resolution"), "paused 03-17T12:00");
    // nobody resumes, and time counts again
    until(&server, 13, 12, 0).await;
    let worker = server.sign_in("worker").await;
    let order = get(&worker, &id).await;
    assert_eq!((order.text("/state"), stands(&order, "resolution")), ("on_hold", "running 03-17T12:00".to_owned()));
    done(&worker, &id, "resume", json!({})).await;
    let pause = json!({"reason": "等配件", "until": "2026-03-20T12:00:00+08:00"});
    done(&worker, &id, "hold", pause).await;
    until(&server, 13, 15, 0).await;
    let worker = server.sign_in("worker").await;
    let resumed = done(&worker, &id, "resume", json!({})).await;
    assert_eq!(stands(&resumed, "resolution"), "running 03-17T15:00", "one hour of the office was paused");
}

#[rstest]
#[actix_web::test]
async fn the_holder_asks_and_the_dispatcher_grants(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = people.order("accepted").await;
    let asked = done(&people.volunteer, &id, "extend", more("resolution", "2026-03-18T12:00:00+08:00")).await;
    assert_eq!(stands(&asked, "resolution"), "running 03-16T09:30");
    assert_eq!(clock(&asked, "resolution")["requested_until"], "2026-03-18T12:00:00.000+08:00");
    assert!(get(&people.worker, &id).await.body["actions"].as_array().unwrap().contains(&json!("refuse-extension")));
    assert_eq!(
        step(&people.volunteer, &id, "refuse-extension", json!({"clock": "resolution", "reason": "不"})).await.status,
        403
    );
    let no = json!({"clock": "resolution", "reason": "请先借用"});
    let refusal_ = done(&people.worker, &id, "refuse-extension", no.clone()).await;
    assert_eq!(clock(&refusal_, "resolution").get("requested_until"), None);
    assert_eq!(refused(&people.worker, &id, "refuse-extension", no).await, refusal(409, "", "invalid-transition"));

    done(&people.volunteer, &id, "extend", more("resolution", "2026-03-18T12:00:00+08:00")).await;
    let granted = done(&people.worker, &id, "extend", more("resolution", "2026-03-17T18:00:00+08:00")).await;
    assert_eq!(stands(&granted, "resolution"), "running 03-17T18:00");
    assert_eq!(clock(&granted, "resolution")["extended_until"], "2026-03-17T18:00:00.000+08:00");
    assert_eq!(clock(&granted, "resolution").get("requested_until"), None);
    // the person concerned is told until when and why
    let order = get(&people.resident, &id).await;
    assert_eq!(stands(&order, "resolution"), "running 03-17T18:00");
    assert_eq!(order.body["remarks"].as_array().unwrap().last().unwrap()["text"], "配件要到省城订货");
    let kinds = told(&people.worker, &id).await;
    assert_eq!(kinds[3..], ["extension_requested", "extension_refused", "extension_requested", "extended"]);
    assert!(events(&people.worker, &id, "extended").await[0]["requested_by"].is_string());
}

#[rstest]
#[actix_web::test]
async fn more_time_is_given_in_time(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = people.order("dispatched").await;
    for (until, code) in [
        ("2026-03-12T15:30:00+08:00", "not-later"),
        ("2026-03-01T12:00:00+08:00", "not-later"),
        ("2026-06-10T09:30:00.001+08:00", "too-far-ahead"),
    ] {
        let answer = refused(&people.worker, &id, "extend", more("response", until)).await;
        assert_eq!(answer, refusal(422, "/until", code), "{until}");
    }
    let granted = done(&people.worker, &id, "extend", more("response", "2026-03-12T20:00:00+08:00")).await;
    assert_eq!(stands(&granted, "response"), "running 03-12T20:00");
    done(&people.volunteer, &id, "accept", json!({})).await;
    let late = more("response", "2026-03-13T20:00:00+08:00");
    assert_eq!(refused(&people.worker, &id, "extend", late.clone()).await, refusal(422, "/clock", "clock-expired"));
    // he who asks does not answer himself, whatever else he is
    let street = server.sign_in("street").await;
    let me = people.volunteer.get("/me").await;
    let grant = json!({"user_id": me.text("/id"), "role": "community_worker", "region_code": "360502002001"});
    assert_eq!(street.post("/grants", grant).await.status, 201);
    server.advance(TimeDelta::seconds(4));
    let asked = done(&people.volunteer, &id, "extend", more("resolution", "2026-03-18T12:00:00+08:00")).await;
    assert_eq!(stands(&asked, "resolution"), "running 03-16T09:30");
    until(&server, 16, 9, 30).await;
    let worker = server.sign_in("worker").await;
    assert!(!get(&worker, &id).await.body["actions"].as_array().unwrap().contains(&json!("extend")));
    let late = more("resolution", "2026-03-18T12:00:00+08:00");
    assert_eq!(refused(&worker, &id, "extend", late).await, refusal(409, "", "invalid-transition"));
}

#[rstest]
#[actix_web::test]
async fn a_priority_has_its_own_limits(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({})).await;
    let urgent = json!({"open": true, "priority": "urgent"});
    let order = done(&people.worker, &id, "dispatch", urgent).await;
    assert_eq!(stands(&order, "response"), "running 03-12T10:30", "an hour, day and night");
    assert_eq!(stands(&order, "resolution"), "running 03-12T17:30");
    let order = patch(&people.worker, &id, 2, json!({"priority": "low"})).await;
    assert_eq!(stands(&order, "response"), "running 03-12T15:30", "nothing is said of it, so it is as usual");
    // the catalog may change; what was promised stays
    let kinds = people.worker.get("/service-kinds?code=tap").await;
    assert_eq!(kinds.body["items"][0]["limits"][1]["counting"], "business_time");
    let own = json!({"code": "tap", "region_code": "360502002001", "name": "水龙头", "limits": [
        {"priority": "normal", "response_minutes": 30, "counting": "all_time"}]});
    hands::made(&server.sign_in("street").await, "/service-kinds", own).await;
    assert_eq!(stands(&get(&people.worker, &id).await, "response"), "running 03-12T15:30");
    let other = place(&people.resident, json!({})).await;
    assert_eq!(stands(&other, "response"), "running 03-12T10:00");
    assert_eq!(*clock(&other, "resolution"), Value::Null, "what has no limit is not measured");
}

#[rstest]
#[actix_web::test]
async fn what_becomes_urgent_is_measured_from_then_on(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let own = json!({"code": "tap", "region_code": "360502002001", "name": "水龙头", "limits": [
        {"priority": "urgent", "response_minutes": 30, "resolution_minutes": 120, "counting": "all_time"}]});
    hands::made(&server.sign_in("street").await, "/service-kinds", own).await;
    let urgent = json!({"priority": "urgent"});
    let waiting = place(&people.resident, json!({})).await;
    assert_eq!(waiting.body["clocks"], json!([]));
    let (waiting, taken) = (waiting.text("/id").to_owned(), placed(&people.resident, json!({})).await);
    server.advance(TimeDelta::minutes(10));
    let order = patch(&people.worker, &waiting, 1, urgent.clone()).await;
    assert_eq!(stands(&order, "response"), "running 03-12T10:10");
    assert_eq!(stands(&order, "resolution"), "running 03-12T11:40");
    // nobody waits for somebody to accept what is in hands already; and a pause is one for this clock too
    let to = json!({"volunteer_id": people.volunteer.volunteer_id().await});
    done(&people.worker, &taken, "dispatch", to).await;
    done(&people.volunteer, &taken, "accept", json!({})).await;
    let pause = json!({"reason": "等配件", "until": "2026-03-12T12:00:00+08:00"});
    let held = done(&people.volunteer, &taken, "hold", pause).await;
    let version = held.body["version"].as_i64().unwrap();
    let order = patch(&people.worker, &taken, version, urgent).await;
    assert_eq!(*clock(&order, "response"), Value::Null);
    assert_eq!(stands(&order, "resolution"), "paused 03-12T14:00");
}

#[rstest]
#[actix_web::test]
async fn limits_of_a_kind_make_sense(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let street = server.sign_in("street").await;
    let normal =
        json!({"priority": "normal", "response_minutes": 60, "resolution_minutes": 120, "counting": "all_time"});
    let write = async |limits: Value| {
        let kind = json!({"code": "fan", "region_code": "360502002001", "name": "风扇", "limits": limits});
        street.post("/service-kinds", kind).await
    };
    let twice = write(json!([normal, normal])).await;
    assert_eq!(hands::fault(&twice), hands::invalid("/limits/1/priority", "duplicate"));
    let backwards = write(json!([hands::with(normal.clone(), json!({"resolution_minutes": 59}))])).await;
    let faults = hands::faults(&backwards);
    assert_eq!(faults.len(), 2, "{faults:?}");
    let endless = write(json!([hands::with(normal.clone(), json!({"response_minutes": 525_601}))])).await;
    assert_eq!(hands::fault(&endless), hands::invalid("/limits/0/response_minutes", "too-large"));
    let made = write(json!([normal])).await;
    assert_eq!((made.status, &made.body["limits"]), (201, &json!([normal])));
}
