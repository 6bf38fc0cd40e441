//! The order loop from outside, with users of the demonstration.

mod clocks;
mod closing;
mod edits;
mod handing;
mod lists;
mod placing;
mod races;
mod statements;
mod telling;
mod together;
mod working;

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::hands;

/// Those who bring an order from one end of the loop to the other.
struct People<'a> {
    resident: User<'a>,
    worker: User<'a>,
    volunteer: User<'a>,
    volunteer_id: String,
}

impl<'a> People<'a> {
    async fn sign_in(server: &'a Server) -> Self {
        let resident = server.sign_in("resident").await;
        let worker = server.sign_in("worker").await;
        let volunteer = server.sign_in("volunteer").await;
        let volunteer_id = volunteer.volunteer_id().await;
        Self { resident, worker, volunteer, volunteer_id }
    }

    /// The dispatcher opens to claims whatever the volunteer holds or was asked to do.
    async fn take_all_from_the_volunteer(&self) {
        let open = self.volunteer.get("/service-orders?state=dispatched,accepted,in_progress,on_hold&limit=200").await;
        for order in open.body["items"].as_array().unwrap() {
            if order["assignee"]["volunteer_id"] == self.volunteer_id.as_str() {
                let id = order["id"].as_str().unwrap();
                done(&self.worker, id, "transfer", json!({"open": true, "reason": "搬走了"})).await;
            }
        }
    }

    /// An order that was brought to a state on the straight way.
    async fn order(&self, state: &str) -> String {
        let id = placed(&self.resident, json!({})).await;
        self.bring(&id, state).await;
        id
    }

    /// Brings an order that was just placed, or dispatched to the volunteer, to a state.
    async fn bring(&self, id: &str, state: &str) {
        let answers = json!({"solved": true, "satisfaction": 5});
        let steps = [
            (&self.worker, "dispatch", json!({"volunteer_id": self.volunteer_id}), "dispatched"),
            (&self.volunteer, "accept", json!({}), "accepted"),
            (&self.volunteer, "start", json!({}), "in_progress"),
            (&self.volunteer, "complete", json!({"outcome": "solved"}), "completed"),
            (&self.resident, "confirm", answers, "confirmed"),
        ];
        let now = self.worker.get(&format!("/service-orders/{id}")).await.text("/state").to_owned();
        let taken = steps.iter().position(|(.., after)| *after == now).map_or(0, |at| at + 1);
        let wanted = steps.iter().position(|(.., after)| *after == state).map_or(0, |at| at + 1);
        for (who, transition, body, _) in &steps[taken..wanted] {
            done(who, id, transition, body.clone()).await;
        }
    }
}

/// Places an order for a tap; members that are given are added to it or replace the usual ones.
async fn placed(by: &User<'_>, members: Value) -> String {
    let answer = place(by, members).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    answer.text("/id").to_owned()
}

async fn place(by: &User<'_>, members: Value) -> Answer {
    let order = json!({"kind": "tap", "description": "厨房水龙头漏水", "compound_id": by.compound("福园小区").await});
    by.post("/service-orders", hands::with(order, members)).await
}

async fn step(by: &User<'_>, id: &str, transition: &str, body: Value) -> Answer {
    by.post(&format!("/service-orders/{id}/{transition}"), body).await
}

/// A step that is taken.
async fn done(by: &User<'_>, id: &str, transition: &str, body: Value) -> Answer {
    let answer = step(by, id, transition, body).await;
    assert_eq!(answer.status, 200, "{transition}: {:?}", answer.body);
    answer
}

/// A step that is refused, with the code of the refusal and the first member at fault.
async fn refused(by: &User<'_>, id: &str, transition: &str, body: Value) -> (u16, String, String) {
    let answer = step(by, id, transition, body).await;
    let text = |pointer| answer.text(pointer).to_owned();
    (
        answer.status,
        text("/errors/0/pointer"),
        if answer.status == 422 { text("/errors/0/code") } else { text("/code") },
    )
}

fn refusal(status: u16, pointer: &str, code: &str) -> (u16, String, String) {
    (status, pointer.to_owned(), code.to_owned())
}

async fn get(by: &User<'_>, id: &str) -> Answer {
    by.get(&format!("/service-orders/{id}")).await
}

async fn patch(by: &User<'_>, id: &str, version: i64, body: Value) -> Answer {
    let tag = format!("\"{version}\"");
    by.send("PATCH", &format!("/service-orders/{id}"), &[("if-match", &tag)], Some(&body)).await
}

/// The kinds of the events of an order, without the name of the resource.
async fn told(by: &User<'_>, id: &str) -> Vec<String> {
    let events = by.get(&format!("/service-orders/{id}/events?limit=100")).await;
    let kind = |event: &Value| event["kind"].as_str().unwrap().replace("service_order.", "");
    events.body["items"].as_array().unwrap().iter().map(kind).collect()
}

/// The members of a list's items.
fn members<'a>(list: &'a Answer, name: &str) -> Vec<&'a str> {
    list.body["items"].as_array().unwrap().iter().map(|item| item[name].as_str().unwrap_or_default()).collect()
}

fn without_trace(body: &Value) -> Value {
    let mut body = body.clone();
    for member in ["trace_id", "instance"] {
        body.as_object_mut().unwrap().remove(member);
    }
    body
}

#[rstest]
#[actix_web::test]
async fn the_loop(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let People { resident, worker, volunteer, volunteer_id } = People::sign_in(&server).await;
    let other = server.sign_in("volunteer2").await;
    let id = placed(&resident, json!({})).await;

    let to = json!({"volunteer_id": volunteer_id});
    assert_eq!(done(&worker, &id, "dispatch", to.clone()).await.text("/state"), "dispatched");
    // the second volunteer does not see what is dispatched to the first one
    assert_eq!(step(&other, &id, "accept", json!({})).await.status, 404);
    assert_eq!(step(&volunteer, &id, "contact", json!({})).await.status, 403);
    assert_eq!(done(&volunteer, &id, "accept", json!({})).await.text("/state"), "accepted");
    assert!(done(&volunteer, &id, "contact", json!({})).await.text("/phone").starts_with("+86"));
    assert_eq!(done(&volunteer, &id, "start", json!({})).await.text("/state"), "in_progress");
    assert_eq!(done(&volunteer, &id, "complete", json!({"outcome": "solved"})).await.text("/outcome"), "solved");
    let answers = json!({"solved": true, "satisfaction": 5});
    // for one who has an account only he himself answers
    assert_eq!(step(&worker, &id, "confirm", answers.clone()).await.status, 403);
    let confirmed = done(&resident, &id, "confirm", answers).await;
    assert_eq!(confirmed.text("/confirmation/confirmed_by"), "resident");
    let reopened = done(&resident, &id, "reopen", json!({"reason": "又漏了"})).await;
    assert_eq!((reopened.text("/state"), reopened.body["reopened_count"].as_i64()), ("dispatched", Some(1)));
    let kinds = ["placed", "dispatched", "accepted", "contact_read", "started", "completed", "confirmed", "reopened"];
    assert_eq!(told(&resident, &id).await, kinds);
}

#[rstest]
#[actix_web::test]
async fn out_of_sight_is_not_found(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = placed(&server.sign_in("resident").await, json!({})).await;
    for (user, status) in [("worker2", 404), ("resident2", 404), ("volunteer", 404), ("yushui", 403), ("admin", 403)] {
        let user_ = server.sign_in(user).await;
        let seen = get(&user_, &id).await;
        assert_eq!(seen.status, status, "{user}");
        if status == 404 {
            let unknown = get(&user_, "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10").await;
            assert_eq!(without_trace(&seen.body), without_trace(&unknown.body), "{user}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_right_is_judged_before_a_version(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = people.order("accepted").await;
    let auditor = server.sign_in("auditor").await;
    let (path, stale) = (format!("/service-orders/{id}"), [("if-match", "\"1\"")]);
    let body = json!({"description": "水龙头和水管"});
    for headers in [&stale[..], &[]] {
        assert_eq!(auditor.send("PATCH", &path, headers, Some(&body)).await.status, 403);
        assert_eq!(auditor.send("POST", &format!("{path}/start"), headers, None).await.status, 403);
    }
    // who may do it is told that it is another one by now
    let late = people.volunteer.send("POST", &format!("{path}/start"), &stale, None).await;
    assert_eq!((late.status, late.body["current_version"].as_i64()), (412, Some(3)));
    let right = [("if-match", "\"3\"")];
    assert_eq!(people.volunteer.send("POST", &format!("{path}/start"), &right, None).await.status, 200);
}
