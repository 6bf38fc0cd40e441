//! Planted values are looked for where they must not be: in the database, in the log, in what refusals say.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use harness::{
    client::{Answer, Client, User},
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::Program,
    sql::Sql,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{LIANXIN, hands};

const COMMUNITY: &str = "360502002001";
/// Telephone numbers: of a person, of one for whom an order is placed, in a body that is refused, as a user name.
const PHONES: [&str; 4] = ["13987654871", "15812345067", "19987654320", "17712398760"];
/// The first 17 digits of ID numbers: of a person, in a body that is refused.
const NUMBERS: [&str; 2] = ["36050219580713682", "36050219641129357"];
/// Addresses: of a person, of a household, of orders.
const ADDRESSES: [&str; 4] = ["金丝雀楼 4871", "百灵鸟楼 5067", "画眉鸟楼 4320", "夜莺楼 8760"];
/// Texts that may be kept as they are, and may be in no log and no refusal.
const TEXTS: [&str; 3] = ["司马金雀", "上官百灵", "黄鹂鸣翠柳"];
const PASSWORD: &str = "一只金丝雀-4871";

fn numbers() -> [String; 2] {
    NUMBERS.map(hands::id_number)
}

/// A number whose check character is wrong.
fn wrong_number() -> String {
    let right = hands::id_number(NUMBERS[1]);
    format!("{}{}", &right[..17], if right.ends_with('5') { '6' } else { '5' })
}

/// What must be in no database, in each of the forms in which it could be.
fn secrets() -> Vec<(String, Vec<u8>)> {
    let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
    // 17 digits are found with any check character, eleven with any prefix
    for number in PHONES.iter().chain(&NUMBERS) {
        secrets.push(((*number).to_owned(), number.as_bytes().to_vec()));
    }
    for text in ADDRESSES.iter().chain(&[PASSWORD]) {
        secrets.push(((*text).to_owned(), text.as_bytes().to_vec()));
    }
    let open = hmac::Key::new(hmac::HMAC_SHA256, b"");
    let stored = PHONES.map(|phone| format!("+86{phone}")).into_iter().chain(numbers());
    for value in stored.chain(PHONES.map(str::to_owned)) {
        let hash = digest(&SHA256, value.as_bytes());
        secrets.push((format!("SHA-256 of {value}"), hash.as_ref()[..16].to_vec()));
        let tag = hmac::sign(&open, value.as_bytes());
        secrets.push((format!("HMAC without a key of {value}"), tag.as_ref()[..16].to_vec()));
    }
    secrets
}

/// All that a database holds: the bytes of its files, or its rows as text.
async fn held(backend: Backend, url: &str) -> Vec<u8> {
    match backend {
        Sqlite => {
            let file = Path::new(url.strip_prefix("sqlite://").unwrap());
            let files = fs::read_dir(file.parent().unwrap()).unwrap();
            files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
        }
        Postgres => {
            let sql = Sql::new(url);
            let tables = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'";
            let mut rows = Vec::new();
            for table in sql.all::<String>(tables, []).await {
                rows.extend(sql.all::<String>(&format!("SELECT t::text FROM {table} t"), []).await);
            }
            rows.join("\n").into_bytes()
        }
    }
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    // in PostgreSQL's text bytes stand in hexadecimal
    let hex = part.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let part_of = |part: &[u8]| all.windows(part.len()).any(|window| window == part);
    part_of(part) || part_of(hex.as_bytes())
}

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
        let all = json!({"fields": ["name", "phone", "id_number", "birth_date", "address"], "purpose": "service"});
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
        let bad = |members: Value| {
            let mut body = json!({"region_code": COMMUNITY, "name": TEXTS[0]});
            for (name, value) in members.as_object().unwrap() {
                body[name] = value.clone();
            }
            body
        };
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

/// Waits until the service has put all events in order.
async fn jobs_ran(sql: &Sql) {
    for _ in 0..200 {
        if sql.count("event_queue", []).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the events were not put in order");
}

#[rstest]
#[actix_web::test]
async fn no_personal_value_is_where_it_must_not_be(#[values(Sqlite, Postgres)] backend: Backend) {
    let database = TestDatabase::bare(backend).await;
    let program = Program::new(LIANXIN, &database.url).setting("LIANXIN_LOG", "debug");
    let process = program.serve(&["--demo"]).await;
    let worker = process.client.sign_in("worker").await;
    let volunteer = process.client.sign_in("volunteer").await;
    let mut used = Use { client: &process.client, refusals: String::new() };
    let (person, order) = used.taken(&worker, &volunteer).await;
    used.all_refused(&worker, &volunteer, (&person, &order)).await;
    let named = worker.send("GET", "/me", &[("x-request-id", "planted.on.purpose")], None).await;
    assert_eq!(named.status, 200);
    jobs_ran(&Sql::new(&database.url)).await;

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
    for said in [&log, &used.refusals] {
        for secret in PHONES.iter().chain(&NUMBERS).chain(&ADDRESSES).chain(&TEXTS).chain(&[PASSWORD]) {
            let place = said.find(secret).map(|at| said[..at].chars().rev().take(400).collect::<String>());
            let place = place.map(|place| place.chars().rev().collect::<String>());
            assert_eq!(place, None, "{secret} is told");
        }
    }
    for secret in [worker.token(), "lianxin-demo"] {
        assert!(!log.contains(secret), "the log holds a secret");
    }
}
