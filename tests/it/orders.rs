//! The order loop, and what it refuses.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::without_trace;

pub async fn placed(resident: &User<'_>) -> String {
    let compound = resident.compound("福园小区").await;
    let order = json!({"kind": "tap", "description": "厨房水龙头漏水", "compound_id": compound});
    let answer = resident.post("/service-orders", order).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    answer.text("/id").to_owned()
}

#[rstest]
#[actix_web::test]
async fn the_loop(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    let (volunteer, other) = (server.sign_in("volunteer").await, server.sign_in("volunteer2").await);
    let id = placed(&resident).await;
    let path = |transition: &str| format!("/service-orders/{id}/{transition}");

    let to = json!({"volunteer_id": volunteer.volunteer_id().await});
    let answer = worker.post(&path("dispatch"), to.clone()).await;
    assert_eq!((answer.status, answer.text("/state")), (200, "dispatched"));
    assert_eq!(worker.post(&path("dispatch"), to).await.status, 409);
    // the second volunteer does not see what is dispatched to the first one
    assert_eq!(other.post(&path("accept"), json!({})).await.status, 404);
    assert_eq!(volunteer.post(&path("contact"), json!({})).await.status, 403);
    assert_eq!(volunteer.post(&path("accept"), json!({})).await.text("/state"), "accepted");
    let late = volunteer.post(&path("accept"), json!({})).await;
    assert_eq!((late.status, late.text("/current_state")), (409, "accepted"));
    assert!(volunteer.post(&path("contact"), json!({})).await.text("/phone").starts_with("+86"));
    assert_eq!(volunteer.post(&path("start"), json!({})).await.text("/state"), "in_progress");
    let done = volunteer.post(&path("complete"), json!({"outcome": "solved"})).await;
    assert_eq!(done.text("/outcome"), "solved");
    let answers = json!({"solved": true, "satisfaction": 5});
    // for one who has an account only he himself answers
    assert_eq!(worker.post(&path("confirm"), answers.clone()).await.status, 403);
    let confirmed = resident.post(&path("confirm"), answers).await;
    assert_eq!(confirmed.text("/confirmation/confirmed_by"), "resident");
    let reopened = resident.post(&path("reopen"), json!({"reason": "又漏了"})).await;
    assert_eq!((reopened.text("/state"), reopened.body["reopened_count"].as_i64()), ("dispatched", Some(1)));

    let events = resident.get(&path("events")).await;
    let kinds: Vec<&str> =
        events.body["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    let told = ["placed", "dispatched", "accepted", "contact_read", "started", "completed", "confirmed", "reopened"];
    assert_eq!(kinds, told.map(|kind| format!("service_order.{kind}")));
}

#[rstest]
#[actix_web::test]
async fn out_of_sight_is_not_found(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let id = placed(&server.sign_in("resident").await).await;
    for (user, status) in [("worker2", 404), ("resident2", 404), ("volunteer", 404), ("yushui", 403), ("admin", 403)] {
        let user_ = server.sign_in(user).await;
        let seen = user_.get(&format!("/service-orders/{id}")).await;
        assert_eq!(seen.status, status, "{user}");
        if status == 404 {
            let unknown = user_.get("/service-orders/019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10").await;
            assert_eq!(without_trace(&seen.body), without_trace(&unknown.body), "{user}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_key_makes_one_order(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let compound = resident.compound("福园小区").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": compound});
    let key = [("idempotency-key", "\"one\"")];
    let first = resident.send("POST", "/service-orders", &key, Some(&order)).await;
    let again = resident.send("POST", "/service-orders", &key, Some(&order)).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let other = json!({"kind": "tap", "description": "另一个", "compound_id": compound});
    let reused = resident.send("POST", "/service-orders", &key, Some(&other)).await;
    assert_eq!((reused.status, reused.text("/code")), (422, "idempotency-key-reused"));
}

#[rstest]
#[actix_web::test]
async fn one_of_many_accepts_wins(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (resident, worker) = (server.sign_in("resident").await, server.sign_in("worker").await);
    let (volunteer, other) = (server.sign_in("volunteer").await, server.sign_in("volunteer2").await);
    let id = placed(&resident).await;
    let path = |transition: &str| format!("/service-orders/{id}/{transition}");
    assert_eq!(worker.post(&path("dispatch"), json!({"open": true})).await.status, 200);
    let claims = (0..20).map(async |n| {
        let who = if n % 2 == 0 { &volunteer } else { &other };
        who.post(&path("claim"), json!({})).await.status
    });
    let mut statuses = futures_join(claims).await;
    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
}

/// Polls all of them at once on this thread.
async fn futures_join<F: Future<Output = u16>>(futures: impl Iterator<Item = F>) -> Vec<u16> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in &mut pending {
            if done.is_none()
                && let std::task::Poll::Ready(status) = future.as_mut().poll(context)
            {
                *done = Some(status);
            }
        }
        if pending.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    pending.into_iter().filter_map(|(_, done)| done).collect()
}

#[rstest]
#[actix_web::test]
async fn bad_input_names_each_field_and_stores_nothing(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let count = async || resident.get("/service-orders?count=exact&limit=1").await.body["page"]["total"].clone();
    let before = count().await;
    let bad = json!({"kind": 5, "description": "\u{0}", "state": "placed", "version": 9, "wished_at": "tomorrow"});
    let answer = resident.post("/service-orders", bad).await;
    assert_eq!(answer.status, 422);
    let pointers: Vec<&str> =
        answer.body["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in ["/kind", "/description", "/state", "/version", "/wished_at"] {
        assert!(pointers.contains(&pointer), "{pointer} of {pointers:?}");
    }
    assert_eq!(count().await, before);
}

#[rstest]
#[actix_web::test]
async fn statements_are_few_and_do_not_grow(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let volunteer = server.sign_in("volunteer").await;
    let to = json!({"volunteer_id": volunteer.volunteer_id().await});
    let resident = server.sign_in("resident").await;
    let id = placed(&resident).await;
    let _warm = worker.get("/me").await;
    let counted = async |what: &str, most: u64, request: &dyn AsyncRequest| {
        let before = server.app.database.statements();
        request.run(&worker).await;
        let taken = server.app.database.statements() - before;
        assert!(taken <= most, "{what} took {taken} statements");
    };
    counted("get", 1, &Get(format!("/service-orders/{id}"))).await;
    counted("short list", 2, &Get("/service-orders?limit=1&count=exact".to_owned())).await;
    counted("long list", 2, &Get("/service-orders?limit=100&count=exact".to_owned())).await;
    counted("dispatch", 8, &Post(format!("/service-orders/{id}/dispatch"), to)).await;
}

trait AsyncRequest {
    fn run<'a>(&'a self, user: &'a User<'_>) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;
}

struct Get(String);
struct Post(String, Value);

impl AsyncRequest for Get {
    fn run<'a>(&'a self, user: &'a User<'_>) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async { assert_eq!(user.get(&self.0).await.status, 200) })
    }
}

impl AsyncRequest for Post {
    fn run<'a>(&'a self, user: &'a User<'_>) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async {
            let key = [("idempotency-key", "counted")];
            assert_eq!(user.send("POST", &self.0, &key, Some(&self.1)).await.status, 200);
        })
    }
}
