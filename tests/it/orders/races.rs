//! What two do at one instant.

use futures_util::future::{join, join_all};
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, Setup},
};
use rstest::rstest;
use serde_json::json;

use super::{People, done, get, place, placed, step};

fn times(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|other| **other == status).count()
}

#[rstest]
#[actix_web::test]
async fn one_of_many_claims_wins(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let other = server.sign_in("volunteer2").await;
    let id = placed(&people.resident, json!({})).await;
    done(&people.worker, &id, "dispatch", json!({"open": true})).await;
    let claims = (0..20).map(async |n| {
        let who = if n % 2 == 0 { &people.volunteer } else { &other };
        step(who, &id, "claim", json!({})).await.status
    });
    let statuses = join_all(claims).await;
    assert_eq!((times(&statuses, 200), times(&statuses, 409)), (1, 19), "{statuses:?}");
    assert_eq!(get(&people.worker, &id).await.body["version"], 3);
}

#[rstest]
#[actix_web::test]
async fn the_second_dispatcher_is_told_who_was_chosen(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let official = server.sign_in("street").await;
    let id = placed(&people.resident, json!({})).await;
    done(&people.worker, &id, "dispatch", json!({"volunteer_id": people.volunteer_id})).await;
    let late = step(&official, &id, "dispatch", json!({"open": true})).await;
    assert_eq!((late.status, late.text("/current_state")), (409, "dispatched"));
    assert_eq!(late.body["current_version"], 2);
    assert_eq!(late.text("/assignee/volunteer_id"), people.volunteer_id);
    assert_eq!(late.body["actions"], json!(["extend", "merge", "reject", "transfer", "update"]));
}

#[rstest]
#[actix_web::test]
async fn who_comes_too_late_is_told_why(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = people.order("dispatched").await;
    done(&people.resident, &id, "cancel", json!({"reason": "修好了"})).await;
    let late = step(&people.volunteer, &id, "accept", json!({})).await;
    assert_eq!((late.status, late.text("/current_state")), (409, "cancelled"));
    let id = placed(&people.resident, json!({})).await;
    done(&people.worker, &id, "dispatch", json!({"open": true})).await;
    done(&people.worker, &id, "reject", json!({"reason": "不属于社区"})).await;
    let late = step(&people.volunteer, &id, "claim", json!({})).await;
    assert_eq!((late.status, late.text("/current_state")), (409, "rejected"));
    // for that one call: he sees it no longer
    assert_eq!(get(&people.volunteer, &id).await.status, 404);
}

#[rstest]
#[actix_web::test]
async fn a_resident_places_no_more_in_a_day_than_he_may(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Setup::default().setting("LIANXIN_ORDERS_PER_RESIDENT_PER_DAY", "5").start(backend).await;
    // what the demonstration has of today is not of tomorrow
    server.advance(chrono::TimeDelta::days(1));
    let resident = server.sign_in("resident").await;
    let orders = join_all((0..12).map(async |_| place(&resident, json!({})).await)).await;
    let statuses: Vec<u16> = orders.iter().map(|answer| answer.status).collect();
    assert_eq!((times(&statuses, 201), times(&statuses, 429)), (5, 7), "{statuses:?}");
    let refused = orders.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.text("/code"), "quota-exceeded");
    assert_eq!(refused.body["violated-policies"], json!(["orders-per-day"]));
    // the day ends at midnight in China, 14.5 hours after half past nine
    assert_eq!(refused.header("retry-after"), Some("52200"));
    // a community worker places for many
    let worker = server.sign_in("worker").await;
    for n in 0..7 {
        let caller = json!({"on_behalf_of": {"name": "何秀英", "phone": format!("139001390{n:02}")}});
        placed(&worker, caller).await;
    }
    server.advance(chrono::TimeDelta::seconds(52_199));
    let resident = server.sign_in("resident").await;
    assert_eq!(place(&resident, json!({})).await.status, 429);
    server.advance(chrono::TimeDelta::seconds(1));
    assert_eq!(place(&resident, json!({})).await.status, 201);
}

#[rstest]
#[actix_web::test]
async fn two_orders_are_not_folded_into_each_other(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    for _ in 0..5 {
        let (one, other) = (placed(&people.resident, json!({})).await, placed(&people.resident, json!({})).await);
        let pairs = [(&one, &other), (&other, &one)];
        let merges = pairs.into_iter().cycle().take(6);
        let statuses = join_all(
            merges.map(async |(from, into)| step(&people.worker, from, "merge", json!({"into": into})).await.status),
        )
        .await;
        // the others find one of them closed: the one to be folded in (409), or the one to go on (422)
        assert_eq!(times(&statuses, 200), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 409 | 422)), "{statuses:?}");
    }
}

/// On PostgreSQL the volunteer is past the look at his orders when one is handed to him.
#[rstest]
#[actix_web::test]
async fn nothing_is_handed_to_one_who_is_leaving(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    people.take_all_from_the_volunteer().await;
    let id = placed(&people.resident, json!({})).await;
    let path = format!("/volunteers/{}/leave", people.volunteer_id);
    let leave = people.volunteer.post(&path, json!({}));
    let dispatch = async {
        if backend == Postgres {
            server.sql.until_waiting(1).await;
        }
        step(&people.worker, &id, "dispatch", json!({"volunteer_id": people.volunteer_id})).await
    };
    let both = join(leave, dispatch);
    let (left, dispatched) = match backend {
        Postgres => server.sql.meeting("SELECT 1 FROM grants FOR UPDATE", 2, both).await,
        Sqlite => both.await,
    };
    let statuses = (left.status, dispatched.status);
    if backend == Postgres {
        assert_eq!(statuses, (200, 422), "{:?} {:?}", left.body, dispatched.body);
        assert_eq!(dispatched.text("/errors/0/pointer"), "/volunteer_id");
    } else {
        assert!([(200, 422), (409, 200)].contains(&statuses), "{statuses:?}");
    }
}
