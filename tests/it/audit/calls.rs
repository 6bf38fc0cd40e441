//! Calls of operations, each held to the events that it must leave.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use harness::server::{Answer, Server, User};
use serde_json::Value;

/// Operations that change nothing by a call that succeeds, and so leave no event.
const SILENT: [(&str, &str); 2] = [
    ("findSimilarServiceOrders", "it only reads; it is a POST because a body says what is about to be placed"),
    ("refreshTokens", "it goes on with a session whose beginning and end are told; a token used twice is told"),
];

/// A way to change something.
pub struct Operation {
    method: String,
    path: String,
}

/// The operations of `openapi/operations.txt` that are not GET, by their ids.
fn operations() -> BTreeMap<String, Operation> {
    let text = include_str!("../../../openapi/operations.txt");
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words[1] != "GET")
        .map(|words| (words[3].to_owned(), Operation { method: words[1].to_owned(), path: words[2].to_owned() }))
        .collect()
}

/// Calls operations by their ids, each first as an auditor, who may change nothing.
pub struct Calls<'a> {
    server: &'a Server,
    auditor: Option<User<'a>>,
    pub operations: BTreeMap<String, Operation>,
    pub called: RefCell<BTreeSet<String>>,
    /// How often the auditor was refused, by operation.
    pub refused: RefCell<BTreeMap<String, i64>>,
    number: Cell<usize>,
}

impl<'a> Calls<'a> {
    pub fn new(server: &'a Server, auditor: Option<User<'a>>) -> Self {
        let (called, refused) = (RefCell::default(), RefCell::default());
        Self { server, auditor, operations: operations(), called, refused, number: Cell::new(0) }
    }

    /// A request under a name of its own, by which its events are found.
    async fn request(
        &self,
        by: Option<&User<'_>>,
        operation: &Operation,
        ids: &[&str],
        tag: Option<i64>,
        body: &Value,
    ) -> (Answer, String) {
        self.number.set(self.number.get() + 1);
        let name = format!("call-{}", self.number.get());
        let path = ids.iter().fold(operation.path.clone(), |path, id| {
            let (before, after) = path.split_once('{').unwrap();
            format!("{before}{id}{}", after.split_once('}').unwrap().1)
        });
        let tag = tag.map(|version| format!("\"{version}\""));
        // some need a key
        let mut headers = vec![("x-request-id", name.as_str()), ("idempotency-key", name.as_str())];
        headers.extend(tag.as_deref().map(|tag| ("if-match", tag)));
        let body = Some(body).filter(|body| !body.is_null());
        let answer = match by {
            Some(user) => user.send(&operation.method, path.trim_start_matches("/api/v1"), &headers, body).await,
            None => self.server.send(&operation.method, &path, &headers, body).await,
        };
        (answer, name)
    }

    /// A call that succeeds, after the auditor has tried the same.
    pub async fn call(&self, by: &User<'_>, id: &str, ids: &[&str], tag: Option<i64>, body: Value) -> Answer {
        let operation = &self.operations[id];
        if let Some(auditor) = &self.auditor {
            let (refused, name) = self.request(Some(auditor), operation, ids, tag, &body).await;
            assert_eq!(refused.status, 403, "{id} by an auditor: {:?}", refused.body);
            assert_eq!(self.events(&name).await, 0, "{id}: a refused call left an event of a change");
            let line = format!("{} {}", operation.method, operation.path);
            *self.refused.borrow_mut().entry(line).or_default() += 1;
        }
        self.open(Some(by), id, ids, tag, body).await
    }

    /// A call that succeeds.
    pub async fn open(&self, by: Option<&User<'_>>, id: &str, ids: &[&str], tag: Option<i64>, body: Value) -> Answer {
        let operation = &self.operations[id];
        let (answer, name) = self.request(by, operation, ids, tag, &body).await;
        assert!((200..300).contains(&answer.status), "{id}: {} {:?}", answer.status, answer.body);
        let events = self.events(&name).await;
        let silent = SILENT.iter().any(|(known, _)| *known == id);
        assert_eq!(events == 0, silent, "{id} left {events} events");
        self.called.borrow_mut().insert(id.to_owned());
        answer
    }

    /// How many events a request left that say who did it, from where, by which operation and with which result.
    async fn events(&self, request: &str) -> i64 {
        let all = self.server.sql.count("events WHERE request_id = $1", [request.into()]).await;
        let whole = "events WHERE request_id = $1 AND result = 'ok' AND address = '127.0.0.1' \
                     AND operation LIKE '% /api/v1/%' AND subject_type <> '' AND \
                     ((actor_user_id IS NOT NULL AND session_id IS NOT NULL) OR operation LIKE '%/auth/%')";
        assert_eq!(self.server.sql.count(whole, [request.into()]).await, all, "{request} left an event with gaps");
        all
    }
}
