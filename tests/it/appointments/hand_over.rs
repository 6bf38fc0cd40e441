//! All posts of a person handed over to another one, or none.

use futures_util::future::join_all;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{COMMUNITY, GRID, appointed, inside, person};
use crate::hands::{self, fault, faults, ids, invalid, refusal, told};

async fn hand_over(by: &User<'_>, from: &str, to: &str, members: Value) -> Answer {
    let body = json!({"from_person_id": from, "to_person_id": to, "on": "2026-03-12"});
    by.post("/appointments/hand-over", hands::with(body, members)).await
}

/// Two persons, and three posts of the first: one of them past, one still to come.
async fn three(server: &Server) -> (String, String, [String; 3]) {
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let (one, two) = (person(&worker, COMMUNITY, "丁小梅").await, person(&worker, COMMUNITY, "王强").await);
    let ids = [
        appointed(&street, &one, json!({"valid_from": "2025-01-01", "valid_until": "2027-01-01"})).await,
        appointed(&street, &one, json!({"post": "visiting_cadre", "valid_from": "2025-06-01"})).await,
        appointed(&street, &one, json!({"post": "grid_member", "region_code": GRID, "valid_from": "2026-03-12"})).await,
    ];
    appointed(&street, &one, json!({"post": "ranger", "valid_from": "2020-01-01", "valid_until": "2021-01-01"})).await;
    appointed(&street, &one, json!({"post": "center_manager", "valid_from": "2026-09-01"})).await;
    (one, two, ids)
}

#[rstest]
#[actix_web::test]
async fn what_runs_on_the_day_goes_over_at_once(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (one, two, held) = three(&server).await;
    let street = server.sign_in("street").await;
    let answer = hand_over(&street, &one, &two, json!({})).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let items = answer.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    for item in items {
        let (id, before) = (item["id"].as_str().unwrap(), item["preceded_by"].as_str().unwrap());
        assert!(held.contains(&before.to_owned()));
        let old = street.get(&format!("/appointments/{before}")).await.body;
        assert_eq!((&old["succeeded_by"], &old["ended_on"]), (&json!(id), &json!("2026-03-12")));
        assert_eq!((&old["end_reason"], &old["state"]), (&json!("handed_over"), &json!("ended")));
        for same in ["post", "region_code", "valid_until"] {
            assert_eq!(item.get(same), old.get(same), "{same}");
        }
        assert_eq!((&item["person_id"], &item["display_name"]), (&json!(two), &json!("王强")));
        assert_eq!((&item["valid_from"], &item["state"]), (&json!("2026-03-12"), &json!("active")));
        assert_eq!(
            told(&street, &format!("/appointments/{before}")).await,
            ["appointment.created", "appointment.handed_over"]
        );
        assert_eq!(told(&street, &format!("/appointments/{id}")).await, ["appointment.created"]);
    }
    let on =
        async |person: &str, day: &str| ids(&street, &format!("/appointments?person_id={person}&on={day}")).await.len();
    assert_eq!((on(&one, "2026-03-11").await, on(&two, "2026-03-11").await), (2, 0));
    assert_eq!((on(&one, "2026-03-12").await, on(&two, "2026-03-12").await), (0, 3));
    assert_eq!((on(&one, "2026-09-01").await, on(&one, "2020-06-01").await), (1, 1));
    assert_eq!(fault(&hand_over(&street, &one, &two, json!({})).await), invalid("/from_person_id", "holds-no-post"));
}

#[rstest]
#[actix_web::test]
async fn chosen_ones_go_and_the_others_stay(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (one, two, held) = three(&server).await;
    let street = server.sign_in("street").await;
    for (ids, pointer, code) in [
        (json!([held[0], hands::own_id(1)]), "/appointment_ids/1", "not-found"),
        (json!([held[0], held[0]]), "/appointment_ids/1", "duplicate"),
        (json!([]), "/appointment_ids", "too-short"),
        (json!(["x"]), "/appointment_ids/0", "format"),
    ] {
        let refused = hand_over(&street, &one, &two, json!({"appointment_ids": ids})).await;
        assert_eq!(fault(&refused), invalid(pointer, code), "{ids}");
    }
    let answer = hand_over(&street, &one, &two, json!({"appointment_ids": [held[1]], "on": "2026-04-01"})).await;
    assert_eq!((answer.status, answer.text("/items/0/preceded_by")), (200, held[1].as_str()));
    assert_eq!((answer.text("/items/0/state"), answer.body["items"].as_array().unwrap().len()), ("coming", 1));
    assert_eq!(street.get(&format!("/appointments/{}", held[0])).await.body["version"], 1);
}

#[rstest]
#[actix_web::test]
async fn one_that_cannot_go_keeps_all(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (one, two, held) = three(&server).await;
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let count = async || server.sql.count("appointments", []).await;
    let events = async || server.sql.count("events WHERE subject_type = 'appointment'", []).await;
    // he holds one of them already, from a day of the term on
    appointed(&street, &two, json!({"valid_from": "2026-12-01"})).await;
    let before = (count().await, events().await);
    let refused = hand_over(&street, &one, &two, json!({})).await;
    assert_eq!(fault(&refused), invalid("/from_person_id", "duplicate"));
    assert_eq!(refused.body["appointment_ids"], json!([held[0]]));
    let chosen = json!({"appointment_ids": [held[1], held[0]]});
    let refused = hand_over(&street, &one, &two, chosen).await;
    assert_eq!(fault(&refused), invalid("/appointment_ids/1", "duplicate"));
    // one that is not the caller's to fill
    let (compound, building, _) = inside(&worker).await;
    let head = json!({"post": "building_head", "region_code": null, "compound_id": compound, "building_id": building});
    let head = appointed(&worker, &one, head).await;
    let before = (before.0 + 1, before.1 + 1);
    let refused = hand_over(&worker, &one, &two, json!({"appointment_ids": [head, held[1]]})).await;
    assert_eq!(refusal(&refused), (403, "forbidden"));
    assert_eq!(faults(&refused), [("/appointment_ids/1".to_owned(), "not-permitted".to_owned())]);
    assert_eq!(refusal(&hand_over(&worker, &one, &two, json!({})).await), (403, "forbidden"));
    assert_eq!((count().await, events().await), before);
    assert_eq!(hand_over(&worker, &one, &two, json!({"appointment_ids": [head]})).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn only_who_fills_posts_hands_them_over(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (one, two, _) = three(&server).await;
    for (username, expected) in [
        ("resident", (403, "forbidden")),
        ("auditor", (403, "forbidden")),
        ("province", (403, "forbidden")),
        ("worker2", (422, "validation-failed")),
        ("wangshang", (422, "validation-failed")),
    ] {
        let refused = hand_over(&server.sign_in(username).await, &one, &two, json!({})).await;
        assert_eq!(refusal(&refused), expected, "{username}");
    }
    let street = server.sign_in("street").await;
    assert_eq!(fault(&hand_over(&street, &one, &one, json!({})).await), invalid("/to_person_id", "contradicts-member"));
    let far = person(&server.sign_in("worker2").await, "360502001001", "远人").await;
    assert_eq!(fault(&hand_over(&street, &one, &far, json!({})).await), invalid("/to_person_id", "not-found"));
}

#[rstest]
#[actix_web::test]
async fn two_hand_overs_at_once_leave_one_holder(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let (one, two, held) = three(&server).await;
    let worker = server.sign_in("worker").await;
    let three = person(&worker, COMMUNITY, "李三").await;
    let street = server.sign_in("street").await;
    let streets = [street.at(&server), street.at(&replica)];
    let all = [(&one, &two), (&one, &three), (&two, &one), (&three, &one)];
    let all = join_all(all.iter().enumerate().map(|(number, (from, to))| {
        let street = &streets[number % 2];
        async move { hand_over(street, from, to, json!({})).await }
    }));
    let answers = all.await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 422)), "{answers:?}");
    assert!(answers.iter().any(|answer| answer.status == 200));
    for post in ["mediator", "visiting_cadre", "grid_member"] {
        let place = if post == "grid_member" { GRID } else { COMMUNITY };
        let mut holders = 0;
        for someone in [&one, &two, &three] {
            let path = format!("/appointments?person_id={someone}&post={post}&place={place}&on=2026-03-12");
            holders += ids(&street, &path).await.len();
        }
        assert_eq!(holders, 1, "{post} of {held:?}");
    }
}
