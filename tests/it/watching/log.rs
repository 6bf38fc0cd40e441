//! The lines of the log: one JSON object each, by the ids of the request, whatever somebody sends.

use harness::{
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::{Process, Program},
    wire::{Wire, head, request},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::LIANXIN;

/// What the program has logged.
pub fn lines(process: &Process) -> Vec<Value> {
    let said = process.said();
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    said.lines().map(read).collect()
}

/// The lines of requests.
pub fn requests(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["message"] == "request").collect()
}

/// The operations that were logged of a trace.
pub fn of_trace(lines: &[Value], trace_id: &str) -> Vec<String> {
    let of = lines.iter().filter(|line| line["trace_id"] == trace_id);
    of.map(|line| line["operation"].as_str().unwrap_or_default().to_owned()).collect()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

async fn running(backend: Backend) -> (TestDatabase, Program, Process) {
    let database = TestDatabase::new(backend).await;
    let program = Program::new(LIANXIN, &database.url).setting("LIANXIN_LOG", "info");
    let process = program.serve(&[]).await;
    (database, program, process)
}

#[rstest]
#[actix_web::test]
async fn one_id_joins_problem_and_log(#[values(Sqlite, Postgres)] backend: Backend) {
    let (_database, _program, process) = running(backend).await;
    let ask = async |header: &str| {
        let answer = process.client.send("GET", "/api/v1/me", &[("traceparent", header)], None).await;
        assert_eq!(answer.status, 401);
        answer.text("/trace_id").to_owned()
    };
    for known in
        [format!("00-{TRACE}-{SPAN}-01"), format!("00-{TRACE}-{SPAN}-00"), format!("01-{TRACE}-{SPAN}-01-more")]
    {
        assert_eq!(ask(&known).await, TRACE, "{known}");
    }
    assert_eq!(of_trace(&lines(&process), TRACE), ["GET /api/v1/me"; 3]);
    let mut seen = vec![TRACE.to_owned(), "0".repeat(32)];
    for malformed in [
        String::new(),
        TRACE.to_owned(),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{}-{SPAN}-01", "0".repeat(32)),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-01-more"),
        format!("00-{TRACE}{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}"),
        format!("00-{}-{SPAN}-01", "g".repeat(32)),
        "00-".repeat(3000),
    ] {
        let own = ask(&malformed).await;
        assert!(own.len() == 32 && own.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{own}");
        assert!(!seen.contains(&own), "{malformed} is called {own}");
        assert_eq!(of_trace(&lines(&process), &own), ["GET /api/v1/me"]);
        seen.push(own);
    }
}

#[rstest]
#[actix_web::test]
async fn nobody_writes_lines_of_his_own(#[values(Sqlite, Postgres)] backend: Backend) {
    let (_database, _program, process) = running(backend).await;
    let here = process.client.url.trim_start_matches("http://").to_owned();
    let forged = "{\"level\":\"ERROR\",\"message\":\"forged\"}";
    let before = requests(&lines(&process)).len();
    let mut asked = 0;
    let mut ask = |sent: Vec<u8>| {
        let answer = Wire::to_address(&here).ask(&sent);
        asked += usize::from(answer.header("x-request-id").is_some());
        answer
    };
    for (id, kept) in
        [("one.two-3_4", true), ("a b", false), ("\u{9b}31m", false), (&"a".repeat(129), false), (forged, false)]
    {
        let answer = ask(head("GET", "/livez", &[("x-request-id", id)]));
        assert_eq!(answer.header("x-request-id") == Some(id), kept, "{id}");
        assert_eq!(answer.status, 200);
    }
    // control characters end the head or are refused within a path; what is left is told as a value
    for control in ["\r\n", "\n", "\r", "\u{1b}[31m", "\0"] {
        let text = format!("a{control}{forged}");
        ask(head("GET", "/livez", &[("x-request-id", &text)]));
        ask(head("GET", "/livez", &[("traceparent", &text)]));
        ask(head("GET", "/livez", &[("user-agent", &text), ("x-forwarded-for", &text)]));
        let path: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        ask(head("GET", &format!("/problems/{path}"), &[]));
        ask(head("GET", &format!("/api/v1/me?q={path}"), &[]));
        let body = json!({"username": text, "password": text, text.as_str(): text}).to_string();
        ask(request("POST", "/api/v1/auth/login", &[("content-type", "application/json")], body.as_bytes()));
    }
    let after = lines(&process);
    assert_eq!(requests(&after).len(), before + asked, "{after:#?}");
    assert!(asked >= 20, "{asked}");
    let said = process.said();
    assert!(!said.contains("forged") && !said.bytes().any(|byte| byte.is_ascii_control() && byte != b'\n'));
}
