//! To whom an order is handed: candidates, teams, transfers, declines.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{People, done, get, members, placed, refusal, refused, step, told};
use crate::hands;

async fn team(by: &User<'_>, name: &str) -> String {
    by.get(&format!("/volunteer-teams?q={name}")).await.text("/items/0/id").to_owned()
}

#[rstest]
#[actix_web::test]
async fn candidates_are_ordered_and_can_be_chosen(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({})).await;
    let path = format!("/service-orders/{id}/candidates");
    let list = people.worker.get(&path).await;
    let candidates = list.body["items"].as_array().unwrap();
    let rank = |one: &Value| {
        let rating = one["satisfaction"].as_f64().unwrap_or(3.0);
        let hundredths = format!("{:03.0}", 900.0 - rating * 100.0);
        (one["skilled"] == false, one["distance"].as_i64(), one["open_orders"].as_i64(), hundredths)
    };
    assert!(candidates.len() > 5 && candidates.is_sorted_by_key(rank), "{candidates:#?}");
    assert!(candidates[0]["skilled"] == true && candidates[0]["distance"] == 0);
    // one serves the whole street, and is one of them
    let of_street = candidates.iter().find(|one| one["region_code"] == "360502002").unwrap();
    for one in [&candidates[0], of_street] {
        let id = placed(&people.resident, json!({})).await;
        let to = json!({"volunteer_id": one["volunteer_id"]});
        assert_eq!(
            done(&people.worker, &id, "dispatch", to).await.body["assignee"]["volunteer_id"],
            one["volunteer_id"]
        );
    }
    // who takes no orders at present is not proposed, and can be asked all the same
    let volunteer = format!("/volunteers/{}", people.volunteer_id);
    let tag = people.volunteer.get(&volunteer).await.header("etag").unwrap().to_owned();
    let rest = json!({"available": false});
    assert_eq!(people.volunteer.send("PATCH", &volunteer, &[("if-match", &tag)], Some(&rest)).await.status, 200);
    let list = people.worker.get(&path).await;
    assert!(!members(&list, "volunteer_id").contains(&people.volunteer_id.as_str()));
    done(&people.worker, &id, "dispatch", json!({"volunteer_id": people.volunteer_id})).await;

    for (user, status) in [("resident", 403), ("volunteer", 403), ("yushui", 403), ("auditor", 403), ("worker2", 404)] {
        assert_eq!(server.sign_in(user).await.get(&path).await.status, status, "{user}");
    }
}

#[rstest]
#[actix_web::test]
async fn a_target_is_one_who_serves_there(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let id = placed(&people.resident, json!({})).await;
    // of another street, and of nowhere: told alike
    let far = server.sign_in("volunteer7").await.volunteer_id().await;
    for unknown in [far.as_str(), "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10"] {
        let to = json!({"volunteer_id": unknown});
        assert_eq!(refused(&people.worker, &id, "dispatch", to).await, refusal(422, "/volunteer_id", "not-found"));
        let to = json!({"team_id": unknown});
        assert_eq!(refused(&people.worker, &id, "dispatch", to).await, refusal(422, "/team_id", "not-found"));
    }
    for (body, code) in [
        (json!({}), "required"),
        (json!({"open": false}), "required"),
        (json!({"open": true, "volunteer_id": people.volunteer_id}), "not-together"),
    ] {
        assert_eq!(refused(&people.worker, &id, "dispatch", body).await, refusal(422, "", code));
    }
    // a team of the whole street serves its communities
    let vanguard = team(&server.sign_in("street").await, "机关党员先锋队").await;
    let to = json!({"team_id": vanguard, "note": "请尽快", "priority": "urgent"});
    let order = done(&people.worker, &id, "dispatch", to).await;
    assert_eq!((order.text("/team/team_id"), order.text("/priority")), (vanguard.as_str(), "urgent"));
    let member = server.sign_in("volunteer5").await;
    assert_eq!(done(&member, &id, "accept", json!({})).await.text("/remarks/0/text"), "请尽快");
    // notes between those who serve him are not the resident's
    assert_eq!(get(&people.resident, &id).await.body["remarks"], json!([]));
}

#[rstest]
#[actix_web::test]
async fn a_holder_hands_an_order_over(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let other = server.sign_in("volunteer2").await;
    let id = people.order("in_progress").await;
    let to = |target: Value| hands::with(json!({"reason": "家里有事"}), target);
    let nobody = to(json!({"volunteer_id": "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10"}));
    assert_eq!(refused(&people.volunteer, &id, "transfer", nobody).await, refusal(422, "/volunteer_id", "not-found"));
    let silent = json!({"open": true});
    assert_eq!(refused(&people.volunteer, &id, "transfer", silent).await, refusal(422, "/reason", "required"));
    let target = to(json!({"volunteer_id": other.volunteer_id().await}));
    // only the holder and the dispatcher
    assert_eq!(step(&people.resident, &id, "transfer", target.clone()).await.status, 403);
    assert_eq!(step(&other, &id, "transfer", target.clone()).await.status, 404);
    let transferred = done(&people.volunteer, &id, "transfer", target).await;
    assert_eq!((transferred.text("/state"), transferred.body.get("accepted_at")), ("dispatched", None));
    // it is out of his hands, and so is the resident's number
    assert_eq!(get(&people.volunteer, &id).await.status, 404);
    assert_eq!(step(&people.volunteer, &id, "contact", json!({})).await.status, 404);
    assert_eq!(step(&other, &id, "contact", json!({})).await.status, 403);
    assert_eq!(done(&other, &id, "accept", json!({})).await.text("/state"), "accepted");

    let repairs = team(&other, "红色工匠").await;
    let to_team = done(&other, &id, "transfer", to(json!({"team_id": repairs}))).await;
    assert_eq!(to_team.text("/team/team_id"), "", "he answers for himself no longer, so he is told no more of it");
    let open = done(&people.worker, &id, "transfer", to(json!({"open": true}))).await;
    assert_eq!((open.text("/state"), open.body["open"].as_bool()), ("dispatched", Some(true)));
    let claimed = done(&people.volunteer, &id, "claim", json!({})).await;
    assert_eq!((claimed.text("/state"), claimed.body["open"].as_bool()), ("accepted", Some(false)));
    done(&people.volunteer, &id, "hold", to(json!({"until": "2026-03-14T09:30:00+08:00"}))).await;
    let on = done(&people.worker, &id, "transfer", to(json!({"volunteer_id": people.volunteer_id}))).await;
    assert_eq!((on.text("/state"), on.body.get("hold")), ("dispatched", None));
}

#[rstest]
#[actix_web::test]
async fn a_team_declines_when_all_of_it_have(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let people = People::sign_in(&server).await;
    let street = server.sign_in("street").await;
    // a team of two with accounts
    let new = json!({"name": "二人队", "region_code": "360502002001", "origin": "citizen"});
    let made = people.worker.post("/volunteer-teams", new).await;
    let team = made.text("/id").to_owned();
    let (one, other) = (server.sign_in("volunteer5").await, server.sign_in("volunteer6").await);
    for member in [&one, &other] {
        let body = json!({"volunteer_id": member.volunteer_id().await});
        assert_eq!(people.worker.post(&format!("/volunteer-teams/{team}/members"), body).await.status, 200);
    }
    let id = placed(&people.resident, json!({})).await;
    done(&people.worker, &id, "dispatch", json!({"team_id": team})).await;
    // not one of them
    assert_eq!(step(&people.volunteer, &id, "decline", json!({"reason": "出差"})).await.status, 404);
    assert_eq!(done(&one, &id, "decline", json!({"reason": "出差"})).await.text("/state"), "dispatched");
    // he spoke for himself: the order is the other one's to take, and his no more
    assert_eq!(step(&one, &id, "accept", json!({})).await.status, 404);
    assert_eq!(get(&other, &id).await.body["actions"], json!(["accept", "decline"]));
    assert_eq!(done(&other, &id, "decline", json!({"reason": "有事"})).await.text("/state"), "placed");
    let order = get(&street, &id).await;
    let reasons: Vec<_> = order.body["remarks"].as_array().unwrap().iter().map(|remark| &remark["text"]).collect();
    assert_eq!(reasons, ["出差", "有事"]);
    assert!(order.body.get("team").is_none());

    // dispatched again, all of them are asked again; once one has it, the other comes too late
    done(&people.worker, &id, "dispatch", json!({"team_id": team})).await;
    done(&one, &id, "accept", json!({})).await;
    let late = step(&other, &id, "decline", json!({"reason": "有事"})).await;
    assert_eq!((late.status, late.text("/current_state")), (409, "accepted"));
    assert_eq!(done(&one, &id, "decline", json!({"reason": "出差"})).await.text("/state"), "placed");
    let kinds = ["placed", "dispatched", "declined", "declined", "dispatched", "accepted", "declined"];
    assert_eq!(told(&street, &id).await, kinds);
}
