//! Planted values are looked for where they must not be: in the database, in the log, in what refusals say.

mod canaries;

use std::fmt::Write as _;

use harness::{
    client::{Answer, Client, User},
    collector::Collector,
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::{Program, free_address},
    sql::Sql,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{LIANXIN, hands, watching::metrics};
use canaries::{ADDRESSES, NUMBERS, PASSWORD, PHONES, TEXTS, contains, held, numbers, secrets, wrong_number};

const COMMUNITY: &str = "360502002001";

/// The service and what it refused.
struct Use<'a> {
    client: &'a Client,
    refusals: String,
}

impl Use<'_> {
    /// A request that is refused.
    fn refused(&mut self, answer: Answer, status: u16) {
        assert_eq!(answer.status, status, "{:?}", answer.body);
        writeln!(self.refusals, "{:?} {}", answer.headers, answer.body).unwrap();
    }

    /// Everything that holds a planted value and is taken.
    async fn taken(&self, worker: &User<'_>, volunteer: &User<'_>) -> (String, String) {
        let person = json!({
            "region_code": COMMUNITY, "name": TEXTS[0], "phone": PHONES[0], "id_number": numbers()[0], "address": ADDRESSES[0],
        });
        let key = [("idempotency-key", "canary")];
        let made = worker.send("POST", "/persons", &key, Some(&person)).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        assert_eq!(
            worker.send("POST", "/persons", &key, Some(&person)).await.header("idempotency-replayed"),
            Some("true")
        );
        let path = format!("/persons/{}", made.text("/id"));
        assert_eq!(hands::change(worker, &path, 1, json!({"tags": ["lives_alone"]})).await.status, 200);
        let all = json!({"fields": ["name", "phone", "id_number", "birth_date", "address"], "purpose": "service", "note": "上门维修"});
        let shown = worker.send("POST", &format!("{path}/reveal"), &key, Some(&all)).await;
        assert_eq!((shown.text("/address"), shown.text("/id_number")), (ADDRESSES[0], numbers()[0].as_str()));
        for search in [json!({"phone": PHONES[0]}), json!({"id_number": numbers()[0]})] {
            assert_eq!(worker.post("/persons/search", search).await.text("/items/0/id"), made.text("/id"));
        }
        let home = json!({"region_code": COMMUNITY, "address": ADDRESSES[1]});
        let household = worker.post("/households", home).await;
        let member = json!({"person_id": made.text("/id"), "relation": "head"});
        let joined = worker.post(&format!("/households/{}/members", household.text("/id")), member).await;
        assert_eq!(joined.status, 200, "{:?}", joined.body);

        let order = json!({
            "kind": "tap", "description": TEXTS[2], "region_code": COMMUNITY, "address": ADDRESSES[2],
            "on_behalf_of": {"name": TEXTS[1], "phone": PHONES[1]},
        });
        let placed = worker.send("POST", "/service-orders", &key, Some(&order)).await;
        assert_eq!(placed.status, 201, "{:?}", placed.body);
        let order = format!("/service-orders/{}", placed.text("/id"));
        assert_eq!(hands::change(worker, &order, 1, json!({"address": ADDRESSES[3]})).await.status, 200);
        let to = json!({"volunteer_id": volunteer.volunteer_id().await});
        assert_eq!(worker.post(&format!("{order}/dispatch"), to).await.status, 200);
        assert_eq!(volunteer.post(&format!("{order}/accept"), json!({})).await.status, 200);
        let contact = volunteer.send("POST", &format!("{order}/contact"), &key, None).await;
        assert_eq!(
            (contact.text("/address"), contact.text("/phone")),
            (ADDRESSES[3], format!("+86{}", PHONES[1]).as_str())
        );
        (made.text("/id").to_owned(), order)
    }

    /// Everything that holds a planted value and is refused.
    async fn all_refused(&mut self, worker: &User<'_>, volunteer: &User<'_>, (person, order): (&str, &str)) {
        let wrong = wrong_number();
        let bad = |members: Value| hands::with(json!({"region_code": COMMUNITY, "name": TEXTS[0]}), members);
        let right = hands::id_number(NUMBERS[1]);
        for members in [
            json!({"id_number": wrong, "phone": PHONES[2]}),
            json!({"id_number": right, "birth_date": "1964-11-28"}),
            json!({"id_number": numbers()[0]}),
            json!({"id_number": [right]}),
            json!({"phone": {"number": PHONES[2]}}),
            json!({"phone": format!("{}0", PHONES[2]), "address": ADDRESSES[0]}),
            json!({"sex": PHONES[2], "political_status": TEXTS[0]}),
            json!({"name": format!("{}{}", TEXTS[1], PHONES[2])}),
            json!({"compound_id": PHONES[2]}),
            json!({"region_code": PHONES[2]}),
        ] {
            let answer = worker.post("/persons", bad(members)).await;
            self.refused(answer, 422);
        }
        let there = format!("/persons/{person}");
        self.refused(hands::change(worker, &there, 1, json!({"phone": PHONES[2]})).await, 412);
        self.refused(hands::change(worker, &there, 2, json!({"id_number": wrong})).await, 422);
        self.refused(hands::change(volunteer, &there, 2, json!({"phone": PHONES[2]})).await, 404);
        for search in [json!({"id_number": wrong}), json!({"phone": format!("{}0", PHONES[2])})] {
            self.refused(worker.post("/persons/search", search).await, 422);
        }
        self.refused(volunteer.post("/persons/search", json!({"phone": PHONES[2]})).await, 403);
        self.refused(worker.get(&format!("/persons?id_number={}", numbers()[0])).await, 400);
        self.refused(worker.get(&format!("/service-orders?state={}", PHONES[2])).await, 400);
        let (key, other) = ([("idempotency-key", "canary")], bad(json!({"phone": PHONES[2]})));
        self.refused(worker.send("POST", "/persons", &key, Some(&other)).await, 422);
        self.refused(volunteer.post(&format!("{order}/accept"), json!({"note": PHONES[2]})).await, 422);
        self.refused(volunteer.post(&format!("{order}/accept"), json!({})).await, 409);
        let order = json!({"kind": "tap", "description": TEXTS[2], "region_code": COMMUNITY, "address": ADDRESSES[2]});
        let mut far = order.clone();
        far["on_behalf_of"] = json!({"name": TEXTS[1], "phone": format!("{}0", PHONES[2])});
        self.refused(worker.post("/service-orders", far).await, 422);
        for (username, password) in [(PHONES[3], PASSWORD), ("worker", PASSWORD), (PHONES[3], PHONES[3])] {
            self.refused(self.client.log_in(username, password).await, 401);
        }
        let account = json!({"username": format!("u{}", PHONES[3]), "password": "short", "display_name": TEXTS[0]});
        self.refused(worker.post("/users", account).await, 422);
        self.broken(worker).await;
    }

    /// Bodies that cannot be read, and planted values in a path.
    async fn broken(&mut self, worker: &User<'_>) {
        let bearer = format!("Bearer {}", worker.token());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = |path: &str| format!("{}/api/v1{path}", self.client.url);
        let half = format!("{{\"phone\": \"{}\", ", PHONES[2]);
        let request = http.post(url("/persons")).header("authorization", &bearer);
        let answer = request.header("content-type", "application/json").body(half).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400);
        self.refusals.push_str(&answer.text().await.unwrap());
        let answer = http.get(url(&format!("/persons/{}", PHONES[2]))).header("authorization", &bearer).send().await;
        assert_eq!(answer.unwrap().status().as_u16(), 404);
    }
}

#[rstest]
#[actix_web::test]
async fn no_personal_value_is_where_it_must_not_be(#[values(Sqlite, Postgres)] backend: Backend) {
    let database = TestDatabase::bare(backend).await;
    let (collector, numbers) = (Collector::default(), free_address().to_string());
    let program = Program::new(LIANXIN, &database.url)
        .setting("LIANXIN_LOG", "debug")
        .setting("LIANXIN_METRICS_LISTEN", &numbers)
        .setting("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url())
        .setting("OTEL_BSP_SCHEDULE_DELAY", "100");
    let process = program.serve(&["--demo"]).await;
    let worker = process.client.sign_in("worker").await;
    let volunteer = process.client.sign_in("volunteer").await;
    let mut used = Use { client: &process.client, refusals: String::new() };
    let (person, order) = used.taken(&worker, &volunteer).await;
    used.all_refused(&worker, &volunteer, (&person, &order)).await;
    let named = worker.send("GET", "/me", &[("x-request-id", "planted.on.purpose")], None).await;
    assert_eq!(named.status, 200);
    let rows = Sql::new(&database.url);
    hands::until("the order of events", async || rows.count("event_queue", []).await == 0).await;

    // what may be there is found, so that what must not be would be
    let all = held(backend, &database.url).await;
    for text in TEXTS {
        assert!(contains(&all, text.as_bytes()), "{text} is not found where it is");
    }
    let index = "SELECT phone_index FROM persons WHERE phone_index IS NOT NULL LIMIT 1";
    let index: Vec<u8> = Sql::new(&database.url).one(index, []).await;
    assert!(contains(&all, &index), "bytes are not found");
    for (name, secret) in secrets() {
        assert!(!contains(&all, &secret), "the database holds {name}");
    }

    let log = process.said();
    assert!(log.contains("planted.on.purpose") && log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let numbers = metrics(&numbers).await;
    assert!(numbers.contains("/api/v1/persons/{id}/reveal"));
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    worker.send("GET", "/me", &[("traceparent", &parent)], None).await;
    collector.trace(trace, 1).await;
    let spans = format!("{:?}", collector.kept());
    assert!(spans.contains("/api/v1/persons/{id}/reveal"));
    for said in [&log, &used.refusals, &numbers, &spans] {
        for secret in PHONES.iter().chain(&NUMBERS).chain(&ADDRESSES).chain(&TEXTS).chain(&[PASSWORD]) {
            let place = said.find(secret).map(|at| said[..at].chars().rev().take(400).collect::<String>());
            let place = place.map(|place| place.chars().rev().collect::<String>());
            assert_eq!(place, None, "{secret} is told");
        }
    }
    for secret in [worker.token(), "lianxin-demo"] {
        assert!(![&log, &numbers, &spans].iter().any(|said| said.contains(secret)), "a secret is told");
    }
    // nor does what is counted and traced know of anybody
    for id in [person.as_str(), order.rsplit('/').next().unwrap(), "planted.on.purpose", "127.0.0.1"] {
        assert!(![&numbers, &spans].iter().any(|said| said.contains(id)), "{id} is told");
    }
}
