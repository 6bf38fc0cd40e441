//! How an order ends: answers by telephone, silence, and asking for more.

use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::json;

use super::{People, done, get, placed, refusal, refused, step, told};

const ALMOST_A_WEEK: TimeDelta = TimeDelta::milliseconds(7 * 86_400_000 - 1);
const MOMENT: TimeDelta = TimeDelta::milliseconds(1);

#[rstest]
#[actix_web::test]
async fn who_has_no_account_answers_by_telephone(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let caller = json!({"on_behalf_of": {"name": "何秀英", "phone": "13900139001"}});
    let id = placed(&people.worker, caller).await;
    people.bring(&id, "completed").await;
    assert_eq!(get(&people.worker, &id).await.body["actions"], json!(["confirm", "reopen"]));
    // it is not the resident's to answer for her, nor the holder's
    let answers = json!({"solved": true, "satisfaction": 4, "comment": "师傅很耐心"});
    assert_eq!(step(&people.resident, &id, "confirm", answers.clone()).await.status, 404);
    assert_eq!(step(&people.volunteer, &id, "confirm", answers.clone()).await.status, 403);
    for (body, pointer, code) in [
        (json!({"solved": true}), "/satisfaction", "required"),
        (json!({"satisfaction": 5}), "/solved", "required"),
        (json!({"solved": true, "satisfaction": 0}), "/satisfaction", "too-small"),
        (json!({"solved": true, "satisfaction": 6}), "/satisfaction", "too-large"),
    ] {
        assert_eq!(refused(&people.worker, &id, "confirm", body).await, refusal(422, pointer, code));
    }
    let confirmed = done(&people.worker, &id, "confirm", answers).await;
    assert_eq!(confirmed.text("/confirmation/confirmed_by"), "by_telephone");
    assert_eq!(confirmed.body["confirmation"]["satisfaction"], 4);
    let person = confirmed.text("/requester/id").to_owned();
    let for_her = "SELECT kind FROM events WHERE subject_id = $1 AND CAST(acting_for AS TEXT) IS NOT NULL \
                   ORDER BY subject_version";
    let kinds: Vec<String> = server.sql.all(for_her, [id.clone().into()]).await;
    assert_eq!(kinds, ["service_order.placed", "service_order.confirmed"]);
    // she calls again
    let reopened = done(&people.worker, &id, "reopen", json!({"reason": "又漏了"})).await;
    assert_eq!(
        (reopened.text("/state"), reopened.text("/assignee/volunteer_id")),
        ("dispatched", people.volunteer_id.as_str())
    );
    assert_eq!(reopened.text("/requester/id"), person);
    assert_eq!(reopened.body.get("outcome"), None);
    assert_eq!(reopened.body.get("closed_at"), None);
}

#[rstest]
#[actix_web::test]
async fn a_week_of_silence_confirms(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    // what the demonstration left unanswered has its own week
    server.run_jobs().await;
    let (solved, partly) = (people.order("completed").await, people.order("in_progress").await);
    done(&people.volunteer, &partly, "complete", json!({"outcome": "partly", "note": "缺一个配件"})).await;
    server.advance(ALMOST_A_WEEK);
    server.run_jobs().await;
    let resident = server.sign_in("resident").await;
    assert_eq!(get(&resident, &solved).await.text("/state"), "completed");
    server.advance(MOMENT);
    server.run_jobs().await;
    for (id, is_solved, outcome) in [(&solved, true, "solved"), (&partly, false, "partly")] {
        let order = get(&resident, id).await;
        assert_eq!((order.text("/state"), order.text("/outcome")), ("confirmed", outcome));
        assert_eq!(order.text("/confirmation/confirmed_by"), "system");
        assert_eq!(order.body["confirmation"]["solved"], is_solved);
        // nobody answered, so there is no mark
        assert_eq!(order.body["confirmation"].get("satisfaction"), None);
        assert_eq!(order.text("/closed_at"), "2026-03-19T09:30:00.000+08:00");
        let events = resident.get(&format!("/service-orders/{id}/events")).await;
        let last = &events.body["items"][5];
        assert_eq!(last["kind"], "service_order.confirmed");
        assert_eq!(last["data"]["confirmed_by"], "system");
        assert_eq!(last["actor"].get("user_id"), None);
    }
    // once
    let version = get(&resident, &solved).await.body["version"].clone();
    server.run_jobs().await;
    assert_eq!(get(&resident, &solved).await.body["version"], version);
    let counts = server.sign_in("worker").await.get("/service-orders/counts?by=state").await;
    let states = counts.body["items"].as_array().unwrap().iter().map(|count| count["state"].as_str().unwrap());
    assert!(!states.collect::<Vec<_>>().contains(&"completed"), "{:?}", counts.body);
}

#[rstest]
#[actix_web::test]
async fn a_resident_asks_for_more_within_a_week(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    // before he answers, and unsolved after he has
    let id = people.order("completed").await;
    let reason = json!({"reason": "又漏了"});
    assert_eq!(refused(&people.resident, &id, "reopen", json!({})).await, refusal(422, "/reason", "required"));
    let reopened = done(&people.resident, &id, "reopen", reason.clone()).await;
    assert_eq!(reopened.body["reopened_count"], 1);
    server.advance(MOMENT);
    people.bring(&id, "accepted").await;
    assert_eq!(get(&people.volunteer, &id).await.text("/remarks/0/text"), "又漏了");
    people.bring(&id, "completed").await;
    let unsolved = done(&people.resident, &id, "confirm", json!({"solved": false, "satisfaction": 1})).await;
    assert_eq!(
        (unsolved.text("/state"), unsolved.body["confirmation"]["solved"].as_bool()),
        ("confirmed", Some(false))
    );
    server.advance(ALMOST_A_WEEK);
    let resident = server.sign_in("resident").await;
    assert_eq!(get(&resident, &id).await.body["actions"], json!(["reopen"]));
    let again = done(&resident, &id, "reopen", reason.clone()).await;
    assert_eq!(
        (again.body["reopened_count"].as_i64(), again.text("/assignee/volunteer_id")),
        (Some(2), people.volunteer_id.as_str())
    );
    // a new clock: what is completed anew waits a week anew
    let people = People::sign_in(&server).await;
    people.bring(&id, "completed").await;
    server.advance(ALMOST_A_WEEK);
    server.run_jobs().await;
    let people = People::sign_in(&server).await;
    people.bring(&id, "confirmed").await;
    server.advance(ALMOST_A_WEEK + MOMENT);
    let resident = server.sign_in("resident").await;
    let late = step(&resident, &id, "reopen", reason).await;
    assert_eq!((late.status, late.text("/current_state"), &late.body["actions"]), (409, "confirmed", &json!([])));
    let kinds = told(&resident, &id).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "reopened").count(), 2);
}

#[rstest]
#[actix_web::test]
async fn a_resident_calls_it_off_before_somebody_takes_it(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    for state in ["placed", "dispatched"] {
        let id = people.order(state).await;
        assert_eq!(step(&people.worker, &id, "cancel", json!({})).await.status, 403);
        let off = done(&people.resident, &id, "cancel", json!({"reason": "修好了"})).await;
        assert_eq!(
            (off.text("/state"), off.text("/outcome"), &off.body["actions"]),
            ("cancelled", "withdrawn", &json!([]))
        );
        assert_eq!(off.text("/closed_at"), "2026-03-12T09:30:00.000+08:00");
    }
    let id = people.order("accepted").await;
    assert_eq!(step(&people.resident, &id, "cancel", json!({})).await.status, 409);
    // only the resident withdraws; the holder says what came of it
    let withdrawn = json!({"outcome": "withdrawn"});
    assert_eq!(refused(&people.volunteer, &id, "complete", withdrawn).await, refusal(422, "/outcome", "not-found"));
}

#[rstest]
#[actix_web::test]
async fn what_is_asked_of_one_who_left_comes_back_to_the_dispatcher(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = people.order("completed").await;
    people.take_all_from_the_volunteer().await;
    let left = people.volunteer.post(&format!("/volunteers/{}/leave", people.volunteer_id), json!({})).await;
    assert_eq!(left.status, 200, "{:?}", left.body);
    let reopened = done(&people.resident, &id, "reopen", json!({"reason": "又漏了"})).await;
    assert_eq!((reopened.text("/state"), reopened.body["reopened_count"].as_i64()), ("placed", Some(1)));
    assert_eq!(reopened.body.get("assignee"), None);
    let again = get(&people.worker, &id).await;
    assert!(again.body["actions"].as_array().unwrap().contains(&json!("dispatch")), "{:?}", again.body);
}
