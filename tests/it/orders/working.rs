//! The work: pauses, hours, and how to reach the resident.

use chrono::{DateTime, SecondsFormat, TimeDelta};
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{People, done, get, placed, refusal, refused, step};

fn pause(server: &Server, ahead: TimeDelta) -> Value {
    let until = (server.now() + ahead).to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({"reason": "等配件", "until": until})
}

#[rstest]
#[actix_web::test]
async fn a_pause_ends_within_ninety_days(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = people.order("accepted").await;
    let day = TimeDelta::days(1);
    let moment = TimeDelta::milliseconds(1);
    for (ahead, code) in
        [(TimeDelta::zero(), "not-in-future"), (-day, "not-in-future"), (day * 90 + moment, "too-far-ahead")]
    {
        let body = pause(&server, ahead);
        assert_eq!(refused(&people.volunteer, &id, "hold", body).await, refusal(422, "/until", code), "{ahead}");
    }
    let vague = json!({"reason": "等配件", "until": "2026-03-14T09:30:00"});
    assert_eq!(refused(&people.volunteer, &id, "hold", vague).await.0, 422);
    let held = done(&people.volunteer, &id, "hold", pause(&server, day * 90)).await;
    assert_eq!((held.text("/state"), held.text("/hold/reason")), ("on_hold", "等配件"));
    let until: DateTime<chrono::Utc> = held.text("/hold/until").parse().unwrap();
    assert_eq!(until, server.now() + day * 90);
    // the resident is told why
    assert_eq!(get(&people.resident, &id).await.text("/remarks/0/text"), "等配件");
    assert_eq!(step(&people.volunteer, &id, "complete", json!({"outcome": "solved"})).await.status, 409);
    let resumed = done(&people.volunteer, &id, "resume", json!({})).await;
    assert_eq!((resumed.text("/state"), resumed.body.get("hold")), ("accepted", None));
    done(&people.volunteer, &id, "start", json!({})).await;
    // the dispatcher may pause and resume as well
    done(&people.worker, &id, "hold", pause(&server, moment)).await;
    server.advance(day);
    let worker = server.sign_in("worker").await;
    assert_eq!(done(&worker, &id, "resume", json!({})).await.text("/state"), "in_progress");
}

async fn served(by: &User<'_>) -> (String, i64) {
    let row = by.get(&format!("/volunteers/{}", by.volunteer_id().await)).await;
    (row.text("/hours_served").to_owned(), row.body["orders_done"].as_i64().unwrap())
}

#[rstest]
#[actix_web::test]
async fn work_that_stops_at_once_goes_on(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let (hours, _) = served(&people.volunteer).await;
    let id = people.order("in_progress").await;
    // no time passes
    done(&people.volunteer, &id, "hold", pause(&server, TimeDelta::days(1))).await;
    assert_eq!(done(&people.volunteer, &id, "resume", json!({})).await.text("/state"), "in_progress");
    server.advance(TimeDelta::minutes(6));
    let volunteer = server.sign_in("volunteer").await;
    done(&volunteer, &id, "complete", json!({"outcome": "solved"})).await;
    assert_eq!(served(&volunteer).await.0, format!("{:.2}", hours.parse::<f64>().unwrap() + 0.1));
}

#[rstest]
#[actix_web::test]
async fn hours_are_those_in_progress(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let pass = |minutes| server.advance(TimeDelta::minutes(minutes));
    let people = People::sign_in(&server).await;
    let (hours, orders) = served(&people.volunteer).await;
    let id = people.order("accepted").await;
    // before it begins nothing counts
    pass(5);
    done(&people.volunteer, &id, "start", json!({})).await;
    pass(30);
    let volunteer = server.sign_in("volunteer").await;
    done(&volunteer, &id, "hold", pause(&server, TimeDelta::days(1))).await;
    pass(5 * 60);
    let volunteer = server.sign_in("volunteer").await;
    done(&volunteer, &id, "resume", json!({})).await;
    pass(60);
    let volunteer = server.sign_in("volunteer").await;
    done(&volunteer, &id, "complete", json!({"outcome": "solved"})).await;
    pass(60);
    let volunteer = server.sign_in("volunteer").await;
    let hours: f64 = hours.parse().unwrap();
    assert_eq!(served(&volunteer).await, (format!("{:.2}", hours + 1.5), orders + 1));
    // reopened and handed over in the middle of the work: each has his own part
    let resident = server.sign_in("resident").await;
    done(&resident, &id, "reopen", json!({"reason": "又漏了"})).await;
    done(&volunteer, &id, "accept", json!({})).await;
    done(&volunteer, &id, "start", json!({})).await;
    pass(15);
    let (volunteer, other) = (server.sign_in("volunteer").await, server.sign_in("volunteer2").await);
    let (other_hours, _) = served(&other).await;
    let to = json!({"volunteer_id": other.volunteer_id().await, "reason": "家里有事"});
    done(&volunteer, &id, "transfer", to).await;
    pass(60);
    let other = server.sign_in("volunteer2").await;
    done(&other, &id, "accept", json!({})).await;
    done(&other, &id, "start", json!({})).await;
    pass(6);
    let (volunteer, other) = (server.sign_in("volunteer").await, server.sign_in("volunteer2").await);
    done(&other, &id, "complete", json!({"outcome": "partly"})).await;
    assert_eq!(served(&volunteer).await, (format!("{:.2}", hours + 1.75), orders));
    let other_hours: f64 = other_hours.parse().unwrap();
    assert_eq!(served(&other).await.0, format!("{:.2}", other_hours + 0.1));
}

#[rstest]
#[actix_web::test]
async fn the_holder_reaches_the_resident_until_a_week_after(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({"address": "3楼302室"})).await;
    let ask = async |by: &User<'_>| step(by, &id, "contact", json!({})).await;
    people.bring(&id, "dispatched").await;
    assert_eq!(ask(&people.volunteer).await.status, 403);
    for state in ["accepted", "in_progress", "completed", "confirmed"] {
        people.bring(&id, state).await;
        let contact = ask(&people.volunteer).await;
        assert_eq!((contact.text("/name"), contact.text("/address")), ("胡桂兰", "3楼302室"), "{state}");
        assert!(contact.text("/phone").starts_with("+8613800138"));
        assert_eq!(contact.header("cache-control"), Some("no-store"));
        for nobody in [&people.worker, &people.resident] {
            assert_eq!(ask(nobody).await.status, 403, "{state}");
        }
    }
    assert_eq!(get(&people.volunteer, &id).await.text("/address_masked"), "*楼***室");
    let looks = "events WHERE kind = 'service_order.contact_read' AND subject_id = $1 AND acting_for IS NOT NULL";
    assert_eq!(server.sql.count(looks, [id.clone().into()]).await, 4);
    server.advance(TimeDelta::days(7) - TimeDelta::milliseconds(1));
    assert_eq!(ask(&server.sign_in("volunteer").await).await.status, 200);
    server.advance(TimeDelta::milliseconds(1));
    let late = ask(&server.sign_in("volunteer").await).await;
    assert_eq!((late.status, late.text("/current_state")), (409, "confirmed"));
    assert_eq!(server.sql.count(looks, [id.clone().into()]).await, 5);
}

#[rstest]
#[actix_web::test]
async fn a_kept_contact_is_not_given_again(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = people.order("accepted").await;
    let path = format!("/service-orders/{id}/contact");
    let key = [("idempotency-key", "contact")];
    assert_eq!(people.volunteer.send("POST", &path, &key, None).await.status, 200);
    assert_eq!(people.volunteer.send("POST", &path, &key, None).await.header("idempotency-replayed"), Some("true"));
    done(&people.volunteer, &id, "decline", json!({"reason": "出差"})).await;
    assert_eq!(people.volunteer.send("POST", &path, &key, None).await.status, 404);
}
