//! Characters: those that nothing may hold, and those that must come back as they were sent.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
    wire::{Wire, request},
};
use rstest::rstest;
use serde_json::json;

use super::{faults, operations, rows};

/// C0, C1 and DEL at their edges, line separators, and what turns the direction of writing.
const FORBIDDEN: [char; 12] = [
    '\u{0}', '\u{1}', '\u{8}', '\u{b}', '\r', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}', '\u{2028}', '\u{202e}',
    '\u{2067}',
];

#[rstest]
#[actix_web::test]
async fn no_member_of_any_body_holds_a_control_character(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let before = rows(&server).await;
    for operation in operations() {
        let texts = operation.members.iter().filter(|(_, types)| types.contains("string")).map(|(name, _)| name);
        for (name, character) in texts.zip(FORBIDDEN.into_iter().cycle()) {
            let mut body = operation.example.as_object().cloned().unwrap_or_default();
            body.insert(name.clone(), format!("a{character}b").into());
            let answer = operation.send(&worker, &body.into()).await;
            let at = format!("{} {name} {character:?}: {:?}", operation.id, answer.body);
            assert_eq!(answer.status, 422, "{at}");
            assert!(faults(&answer).contains(&(&format!("/{name}"), "control-character")), "{at}");
        }
    }
    assert_eq!(rows(&server).await, before);
}

#[rstest]
#[actix_web::test]
async fn nor_does_anything_within_a_member(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let before = rows(&server).await;
    for character in FORBIDDEN {
        let text = format!("水{character}管");
        let order = json!({
            "kind": "tap", "description": text, "address": text, "region_code": "360502002001",
            "on_behalf_of": {"name": text, "phone": "13800138000"},
            "answers": {"a": text, "b": [text], text.clone(): "c"},
        });
        let answer = worker.post("/service-orders", order).await;
        assert_eq!(answer.status, 422);
        let named = ["/description", "/address", "/on_behalf_of/name", "/answers/a", "/answers/b/0"];
        let key = format!("/answers/{text}");
        for pointer in named.into_iter().chain([key.as_str()]) {
            assert!(faults(&answer).contains(&(pointer, "control-character")), "{pointer} {:?}", answer.body);
        }
    }
    assert_eq!(rows(&server).await, before);
}

#[actix_web::test]
async fn a_line_is_one_line() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    let order = |description: &str, name: &str, address: &str| {
        json!({
            "kind": "tap", "description": description, "address": address, "region_code": "360502002001",
            "on_behalf_of": {"name": name, "phone": "13800138000"},
        })
    };
    let long = worker.post("/service-orders", order("第一行\n\t第二行", "丁一", "桂花巷 3 号")).await;
    assert_eq!((long.status, long.text("/description")), (201, "第一行\n\t第二行"));
    for broken in ["桂花\n巷", "桂花\t巷"] {
        let answer = worker.post("/service-orders", order("水管", "丁一", broken)).await;
        assert_eq!((answer.status, faults(&answer).first().map(|fault| fault.0)), (422, Some("/address")));
        let answer = worker.post("/service-orders", order("水管", broken, "桂花巷 3 号")).await;
        assert_eq!((answer.status, faults(&answer).first().map(|fault| fault.0)), (422, Some("/on_behalf_of/name")));
    }
}

#[actix_web::test]
async fn half_a_surrogate_pair_is_no_text() {
    let server = Server::start(Sqlite).await;
    let bearer = format!("Bearer {}", server.sign_in("worker").await.token());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let ask = |body: &[u8]| Wire::to(&server).ask(&request("POST", "/api/v1/service-orders", &headers, body));
    for text in [r"\ud800", r"\udc00", r"\udc00\ud800", r"\ud83d\ud83d\ude00", r"\ud83dx"] {
        for body in [format!("{{\"kind\": \"{text}\"}}"), format!("{{\"{text}\": 1}}")] {
            let answer = ask(body.as_bytes());
            assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("invalid-json")), "{body}");
        }
    }
    // bytes that are no UTF-8: half a pair, a cut character, one that is longer than it need be
    for bytes in [&b"\xed\xa0\x80"[..], b"\xe6\xb0", b"\xc0\x80", b"\xff"] {
        assert_eq!(ask(&[b"{\"kind\": \"", bytes, b"\"}"].concat()).status, 400, "{bytes:?}");
    }
    // a whole pair is a character
    assert_eq!(ask(br#"{"kind": "\ud83d\ude00"}"#).status, 422);
}

#[rstest]
#[actix_web::test]
async fn queries_and_paths_hold_none_either(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    for operation in operations().iter().filter(|operation| operation.method == "GET") {
        let path = operation.path.trim_start_matches("/api/v1");
        for coded in ["%00", "%1F", "%C2%85", "%E2%80%AE", "%0A", "%FF"] {
            for name in &operation.parameters {
                let answer = worker.get(&format!("{path}?{name}=a{coded}b")).await;
                let at = format!("{} {name} {coded}: {:?}", operation.id, answer.body);
                assert_eq!((answer.status, faults(&answer)), (400, vec![(name.as_str(), "control-character")]), "{at}");
            }
            if !operation.parameters.is_empty() {
                assert_eq!(worker.get(&format!("{path}?a{coded}b=1")).await.status, 400, "{} {coded}", operation.id);
            }
        }
    }
    for (path, coded) in [("/regions/36", "%00"), ("/service-orders/", "%01"), ("/regions/36", "%FF"), ("/", "%0A")] {
        let answer = Wire::to(&server).ask(&request("GET", &format!("/api/v1{path}{coded}"), &[], b""));
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("bad-request")), "{path}{coded}");
    }
}

#[rstest]
#[actix_web::test]
async fn rare_characters_come_back_in_normal_form(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let volunteer = server.sign_in("volunteer").await;
    // a family of joiners, flags, rare Han characters, a letter in two parts, Uyghur and Tibetan
    let sent = "𠮷㛃 👨‍👩‍👧‍👦 🇨🇳 cafe\u{301} ئۇيغۇرچە བོད་སྐད";
    let kept = sent.replace("e\u{301}", "é");
    for (name, phone) in [("买买提·艾合买提", "13800138101"), ("𠮷田㛃", "13800138102"), ("Zoe\u{308}", "13800138103")]
    {
        let order = json!({
            "kind": "tap", "description": sent, "region_code": "360502002001", "address": "𠮷巷 3 号",
            "on_behalf_of": {"name": name, "phone": phone},
        });
        let placed = worker.post("/service-orders", order).await;
        assert_eq!((placed.status, placed.text("/description")), (201, kept.as_str()), "{:?}", placed.body);
        let id = placed.text("/id");
        assert_eq!(worker.get(&format!("/service-orders/{id}")).await.text("/description"), kept);
        let to = json!({"volunteer_id": volunteer.volunteer_id().await});
        assert_eq!(worker.post(&format!("/service-orders/{id}/dispatch"), to).await.status, 200);
        assert_eq!(volunteer.post(&format!("/service-orders/{id}/accept"), json!({})).await.status, 200);
        let contact = volunteer.post(&format!("/service-orders/{id}/contact"), json!({})).await;
        assert_eq!(contact.text("/name"), name.replace("e\u{308}", "ë"));
        assert_eq!(contact.text("/address"), "𠮷巷 3 号");
    }
}

#[rstest]
#[actix_web::test]
async fn length_is_counted_in_characters(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let place = async |member: &str, text: String| {
        let mut order = json!({
            "kind": "tap", "description": "水管", "region_code": "360502002001", "address": "桂花巷 3 号",
            "on_behalf_of": {"name": "丁一", "phone": "13800138000"},
        });
        *order.pointer_mut(member).unwrap() = text.into();
        worker.post("/service-orders", order).await
    };
    for (member, most, character) in [
        ("/description", 2000, "😀"),
        ("/description", 2000, "𠮷"),
        ("/address", 200, "巷"),
        ("/on_behalf_of/name", 50, "㛃"),
    ] {
        assert_eq!(place(member, character.repeat(most)).await.status, 201, "{member} {most}");
        let answer = place(member, character.repeat(most + 1)).await;
        assert_eq!((answer.status, faults(&answer)), (422, vec![(member, "too-long")]));
    }
    for blank in [" ", "\u{3000}", "\n\u{2003}\u{a0}"] {
        let answer = place("/description", blank.to_owned()).await;
        assert_eq!((answer.status, faults(&answer).first().map(|fault| fault.0)), (422, Some("/description")));
    }
}
