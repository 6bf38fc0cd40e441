//! How much of a person is shown to whom.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::{COMMUNITY, written};
use crate::hands::{self, change, faults, refusal};

/// Values that no answer about somebody else shows.
const PLAIN: [&str; 7] = ["欧阳小梅", "13987650123", "36050219510203", "1951-02-03", "7 栋 1903", "+86139", "0123456"];

fn all() -> Value {
    json!({
        "name": "欧阳小梅",
        "phone": "13987650123",
        "id_number": hands::id_number("36050219510203402"),
        "address": "7 栋 1903",
        "political_status": "party_member",
        "tags": ["lives_alone"],
    })
}

fn keys(body: &Value) -> Vec<&str> {
    body.as_object().unwrap().keys().map(String::as_str).collect()
}

fn item<'a>(list: &'a Answer, id: &str) -> &'a Value {
    list.body["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap()
}

fn hides(answer: &Answer) {
    let text = answer.body.to_string();
    for plain in PLAIN {
        assert!(!text.contains(plain), "{plain} is shown: {text}");
    }
}

#[rstest]
#[actix_web::test]
async fn others_see_masks(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let mut body = all();
    body["region_code"] = json!(COMMUNITY);
    let made = worker.post("/persons", body.clone()).await;
    assert_eq!(made.status, 201);
    let (id, number) = (made.text("/id").to_owned(), hands::id_number("36050219510203402"));
    let path = format!("/persons/{id}");
    let changed = change(&worker, &path, 1, json!({"tags": []})).await;
    let put = hands::put(&worker, &path, Some(2), &body).await;
    let mut shown = vec![made, changed, put];
    let search = json!({"phone": "13987650123"});
    for username in ["worker", "street", "auditor"] {
        let user = server.sign_in(username).await;
        shown.push(user.get(&path).await);
        let list = user.get("/persons?limit=200&sort=-id").await;
        hides(&list);
        let one = item(&list, &id).clone();
        shown.push(Answer { body: one, ..list });
        if username != "auditor" {
            let mut found = user.post("/persons/search", search.clone()).await;
            hides(&found);
            found.body = item(&found, &id).clone();
            shown.push(found);
        }
        hides(&user.get(&format!("{path}/events")).await);
    }
    for answer in shown {
        hides(&answer);
        let text = |pointer| answer.text(pointer);
        let masks = [text("/display_name"), text("/phone_masked"), text("/id_number_masked"), text("/sex")];
        let ends = format!("3****************{}", number.chars().last().unwrap());
        assert_eq!(masks, ["欧**", "139****0123", ends.as_str(), "female"]);
        assert_eq!((answer.status, answer.body["birth_year"].as_i64()), (answer.status, Some(1951)));
        for hidden in ["name", "phone", "id_number", "birth_date", "address"] {
            assert_eq!(answer.body.get(hidden), None, "{hidden}");
        }
    }
}

#[rstest]
#[actix_web::test]
async fn a_short_name_shows_its_first_character(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    for (name, mask) in [("王", "王*"), ("王强", "王*"), ("𠮷野家", "𠮷**"), ("买买提·艾合买提", "买**")]
    {
        let id = written(&worker, json!({"name": name})).await;
        assert_eq!(worker.get(&format!("/persons/{id}")).await.text("/display_name"), mask);
    }
}

#[rstest]
#[actix_web::test]
async fn who_needs_less_sees_less(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let property = server.sign_in("property").await;
    let compound = property.compound("深港明珠小区").await;
    let (worker, _) = hands::appoint(&server, "worker3", &[("community_worker", "360502002002")]).await;
    let mut body = all();
    body["compound_id"] = json!(compound);
    let made = worker.post("/persons", body).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let id = made.text("/id");
    let path = format!("/persons/{id}");
    // the company sees that somebody lives there, not who he is
    let of_compound =
        ["actions", "compound_id", "created_at", "display_name", "id", "region_code", "updated_at", "version"];
    let seen = property.get(&path).await;
    hides(&seen);
    assert_eq!((keys(&seen.body), seen.text("/display_name")), (of_compound.to_vec(), "欧**"));
    let list = property.get("/persons?limit=200").await;
    assert_eq!(item(&list, id), &seen.body);
    assert_eq!(refusal(&property.post("/persons/search", json!({"name": "欧"})).await), (403, "forbidden"));
    // who has figures only sees what a figure is made of
    let bare = ["actions", "created_at", "id", "region_code", "updated_at", "version"];
    for username in ["yushui", "province"] {
        let user = server.sign_in(username).await;
        let list = user.get("/persons?limit=200&region=360502002002").await;
        assert_eq!(keys(item(&list, id)), bare, "{username}");
        assert_eq!(refusal(&user.get(&path).await), (403, "access-approval-required"), "{username}");
        assert_eq!(refusal(&user.get(&format!("{path}/events")).await), (403, "access-approval-required"));
        let filtered = user.get(&format!("/persons?compound_id={compound}")).await;
        assert_eq!(refusal(&filtered), (400, "field-not-allowed"), "{username}");
    }
    for (username, status) in [("resident", 404), ("worker", 404), ("volunteer", 404), ("admin", 403)] {
        assert_eq!(server.sign_in(username).await.get(&path).await.status, status, "{username}");
    }
}

async fn own(user: &User<'_>) -> String {
    user.get("/me").await.text("/person_id").to_owned()
}

#[rstest]
#[actix_web::test]
async fn ones_own_row_is_shown_in_full(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    // whatever his office is
    for username in
        ["resident", "volunteer", "committee", "worker", "property", "cadre", "teacher", "ranger", "guardian"]
    {
        let user = server.sign_in(username).await;
        let me = user.get("/me").await;
        let path = format!("/persons/{}", own(&user).await);
        let row = user.get(&path).await;
        assert_eq!((row.status, row.text("/display_name")), (200, me.text("/name")), "{username}: {:?}", row.body);
        assert_eq!(row.text("/phone"), me.text("/phone"));
        assert!(row.text("/phone").starts_with("+86") && row.text("/birth_date").len() == 10, "{username}");
        let list = user.get("/persons?limit=200").await;
        assert_eq!(item(&list, row.text("/id")), &row.body, "{username}");
    }
}

#[rstest]
#[actix_web::test]
async fn one_corrects_how_one_is_reached(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let path = format!("/persons/{}", own(&resident).await);
    let version = hands::version(&resident, &path).await;
    let changed =
        change(&resident, &path, version, json!({"phone": "+86 139 8765 0123", "address": "7 栋 1903"})).await;
    assert_eq!((changed.text("/phone"), changed.text("/address")), ("+8613987650123", "7 栋 1903"));
    assert_eq!(resident.get("/me").await.text("/phone"), "+8613987650123");
    // who he is and where he belongs others say
    for (member, value) in [
        ("name", json!("王强")),
        ("sex", json!("male")),
        ("birth_date", json!("1951-05-17")),
        ("tags", json!(["low_income"])),
        ("id_number", json!(hands::id_number("36050219510516002"))),
    ] {
        let refused = change(&resident, &path, version + 1, json!({member: value})).await;
        let expected = (format!("/{member}"), "not-changeable".to_owned());
        assert_eq!((refused.status, faults(&refused)), (422, vec![expected]), "{member}");
    }
    let home = json!({"compound_id": null, "region_code": COMMUNITY});
    assert_eq!(change(&resident, &path, version + 1, home).await.status, 422);
    let other = own(&server.sign_in("resident2").await).await;
    assert_eq!(change(&resident, &format!("/persons/{other}"), 1, json!({"phone": null})).await.status, 404);
}
