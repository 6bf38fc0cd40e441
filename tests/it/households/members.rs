//! Who belongs to a household on which day.

use chrono::{NaiveDate, TimeDelta};
use futures_util::future::join_all;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{COMMUNITY, household, join, joined, leave, person};
use crate::hands::{self, fault, invalid, refusal, remove, told, uuid};

const TODAY: &str = "2026-03-12";

/// Who belongs to a household on a day, as what.
async fn on(by: &User<'_>, household: &str, day: &str) -> Vec<(String, String)> {
    let day: NaiveDate = day.parse().unwrap();
    let date = |member: &Value, name: &str| member[name].as_str().map(|day| day.parse::<NaiveDate>().unwrap());
    let text = |member: &Value, name: &str| member[name].as_str().unwrap().to_owned();
    let seen = by.get(household).await;
    let all = seen.body["members"].as_array().unwrap().iter();
    let there = all.filter(|member| {
        date(member, "valid_from").unwrap() <= day && date(member, "valid_until").is_none_or(|until| day < until)
    });
    there.map(|member| (text(member, "person_id"), text(member, "relation"))).collect()
}

#[rstest]
#[actix_web::test]
async fn who_belongs_to_it_is_known_for_each_day(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let [home, new] = [household(&worker, COMMUNITY).await, household(&worker, COMMUNITY).await];
    let [old, wife, son] =
        [person(&worker, COMMUNITY).await, person(&worker, COMMUNITY).await, person(&worker, COMMUNITY).await];
    joined(&worker, &home, &old, "head", Some("2019-05-01")).await;
    joined(&worker, &home, &wife, "spouse", Some("2020-10-01")).await;
    joined(&worker, &home, &son, "child", None).await;
    let is = |person: &str, relation: &str| (person.to_owned(), relation.to_owned());
    for (day, there) in [
        ("2019-04-30", vec![]),
        ("2019-05-01", vec![is(&old, "head")]),
        ("2020-10-01", vec![is(&old, "head"), is(&wife, "spouse")]),
        (TODAY, vec![is(&old, "head"), is(&wife, "spouse"), is(&son, "child")]),
    ] {
        assert_eq!(on(&worker, &home, day).await, there, "{day}");
    }
    // ten days later the head moves out, and his wife takes his place
    server.advance(TimeDelta::days(10));
    let worker = server.sign_in("worker").await;
    leave(&worker, &home, &old).await;
    leave(&worker, &home, &wife).await;
    joined(&worker, &home, &wife, "head", None).await;
    joined(&worker, &new, &old, "head", None).await;
    for (day, there, elsewhere) in [
        (TODAY, vec![is(&old, "head"), is(&wife, "spouse"), is(&son, "child")], vec![]),
        ("2026-03-21", vec![is(&old, "head"), is(&wife, "spouse"), is(&son, "child")], vec![]),
        ("2026-03-22", vec![is(&son, "child"), is(&wife, "head")], vec![is(&old, "head")]),
    ] {
        assert_eq!(on(&worker, &home, day).await, there, "{day}");
        assert_eq!(on(&worker, &new, day).await, elsewhere, "{day}");
    }
    let kinds =
        ["created", "member_added", "member_added", "member_added", "member_ended", "member_ended", "member_added"];
    assert_eq!(told(&worker, &home).await, kinds.map(|kind| format!("household.{kind}")));
}

#[rstest]
#[actix_web::test]
async fn nobody_belongs_to_two_on_one_day(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let [home, new] = [household(&worker, COMMUNITY).await, household(&worker, COMMUNITY).await];
    let [one, other] = [person(&worker, COMMUNITY).await, person(&worker, COMMUNITY).await];
    joined(&worker, &home, &one, "head", Some("2024-01-01")).await;
    let twice = invalid("/person_id", "duplicate");
    assert_eq!(fault(&join(&worker, &home, &one, "other", None).await), twice);
    assert_eq!(fault(&join(&worker, &new, &one, "head", None).await), twice);
    assert_eq!(fault(&join(&worker, &home, &other, "head", None).await), invalid("/relation", "duplicate"));
    assert_eq!(
        fault(&join(&worker, &home, &other, "spouse", Some("2026-03-13")).await),
        invalid("/valid_from", "in-future")
    );
    leave(&worker, &home, &one).await;
    // from today on he is free, and he was not before
    for before in ["2024-01-01", "2023-01-01", "2026-03-11"] {
        assert_eq!(fault(&join(&worker, &new, &one, "head", Some(before)).await), twice, "{before}");
        assert_eq!(fault(&join(&worker, &home, &one, "head", Some(before)).await), twice, "{before}");
        let head = join(&worker, &home, &other, "head", Some(before)).await;
        assert_eq!(fault(&head), invalid("/relation", "duplicate"), "{before}");
    }
    joined(&worker, &new, &one, "head", None).await;
    joined(&worker, &home, &other, "head", None).await;
    let gone = remove(&worker, &format!("{home}/members/{one}"), hands::version(&worker, &home).await).await;
    assert_eq!(gone.status, 404);
}

#[rstest]
#[actix_web::test]
async fn a_mistake_of_today_is_corrected_today(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let home = household(&worker, COMMUNITY).await;
    let one = person(&worker, COMMUNITY).await;
    joined(&worker, &home, &one, "child", None).await;
    let path = format!("{home}/members/{one}");
    assert_eq!(refusal(&worker.send("DELETE", &path, &[], None).await), (428, "precondition-required"));
    assert_eq!(refusal(&remove(&worker, &path, 1).await), (412, "version-mismatch"));
    leave(&worker, &home, &one).await;
    assert_eq!(worker.get(&home).await.body["members"], json!([]));
    joined(&worker, &home, &one, "parent", None).await;
    assert_eq!(on(&worker, &home, TODAY).await, [(one, "parent".to_owned())]);
}

#[rstest]
#[actix_web::test]
async fn of_many_at_once_one_household_gets_him(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let one = person(&worker, COMMUNITY).await;
    let mut homes = Vec::new();
    for _ in 0..6 {
        homes.push(household(&worker, COMMUNITY).await);
    }
    let all = join_all(homes.iter().map(|home| join(&worker, home, &one, "head", None)));
    // on PostgreSQL all of them have begun before the first gets on
    let lock = "SELECT 1 FROM persons FOR UPDATE";
    let answers = if backend == Postgres { server.sql.meeting(lock, 6, all).await } else { all.await };
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 422).count();
    assert_eq!((taken, refused), (1, 5));
    assert_eq!(server.sql.count("household_members WHERE person_id = $1", [uuid(&one).into()]).await, 1);
}
