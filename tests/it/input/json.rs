//! Bodies: how large, how deep, and what counts as JSON.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use harness::{
    database::Backend::Sqlite,
    server::Server,
    wire::{Raw, Wire, chunk, head, request},
};
use serde_json::json;

/// The largest body.
const LIMIT: usize = 1 << 20;
/// Tells the test below that it is the process with the server.
const HOST_VARIABLE: &str = "LIANXIN_TEST_HOST";

fn headers(bearer: &str) -> Vec<(&str, &str)> {
    vec![("authorization", bearer), ("content-type", "application/json")]
}

fn code(answer: &Raw) -> String {
    answer.json()["code"].as_str().unwrap_or_default().to_owned()
}

/// An order that fills so many bytes, most of them white space.
fn order(bytes: usize) -> Vec<u8> {
    let order = json!({
        "kind": "tap", "description": "水管", "region_code": "360502002001", "address": "桂花巷 3 号",
    });
    let order = order.to_string();
    format!("{}{order}", " ".repeat(bytes - order.len())).into_bytes()
}

#[actix_web::test]
async fn a_body_is_taken_up_to_its_limit() {
    let server = Server::start(Sqlite).await;
    let bearer = format!("Bearer {}", server.sign_in("worker").await.token());
    let place = |headers: &[(&str, &str)], body: &[u8]| {
        Wire::to(&server).ask(&request("POST", "/api/v1/service-orders", headers, body))
    };
    assert_eq!(place(&headers(&bearer), &order(LIMIT)).status, 201);
    let answer = place(&headers(&bearer), &order(LIMIT + 1));
    assert_eq!((answer.status, code(&answer).as_str()), (413, "body-too-large"));
    // in pieces, so that nobody knows beforehand
    let pieces = [&headers(&bearer)[..], &[("transfer-encoding", "chunked")]].concat();
    for (bytes, status) in [(LIMIT, 201), (LIMIT + 1, 413)] {
        let mut sent = head("POST", "/api/v1/service-orders", &pieces);
        order(bytes).chunks(1 << 16).for_each(|piece| sent.extend(chunk(piece)));
        sent.extend(chunk(b""));
        assert_eq!(Wire::to(&server).ask(&sent).status, status, "{bytes} in pieces");
    }
    for coding in ["gzip", "br", "deflate", "zstd", "gzip, identity"] {
        let coded = [&headers(&bearer)[..], &[("content-encoding", coding)]].concat();
        let answer = place(&coded, &order(200));
        assert_eq!((answer.status, code(&answer).as_str()), (415, "unsupported-media-type"), "{coding}");
    }
    assert_eq!(place(&[&headers(&bearer)[..], &[("content-encoding", "identity")]].concat(), &order(200)).status, 201);
}

/// Sends a head and then a piece of its body, again and again, while it waits for the answer.
fn flood(address: &str, head: &[u8], piece: &[u8], times: usize) -> Raw {
    let mut wire = Wire::to_address(address);
    wire.write(head);
    let mut writer = wire.again();
    std::thread::scope(|scope| {
        let written = scope.spawn(move || (0..times).take_while(|_| writer.write(piece)).count());
        let answer = wire.answer();
        // the server has read what it wants to
        let _written = written.join().unwrap();
        answer
    })
}

/// The most memory that a process has had since the last call, in KiB.
fn most_memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

#[actix_web::test]
async fn a_body_too_large_takes_no_memory() {
    if env::var_os(HOST_VARIABLE).is_some() {
        return host().await;
    }
    let name = "input::json::a_body_too_large_takes_no_memory";
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(HOST_VARIABLE, "1");
    let mut host = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(host.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.find_map(|line| Some(line.strip_prefix("host=")?.to_owned())).unwrap();
    let (address, bearer) = said.split_once(' ').unwrap();
    let mebibyte = vec![b' '; 1 << 20];
    let declared = |bytes: &str| {
        head("POST", "/api/v1/service-orders", &[&headers(bearer)[..], &[("content-length", bytes)]].concat())
    };
    let pieces = |more: &[(&str, &str)]| {
        let more = [&headers(bearer)[..], &[("transfer-encoding", "chunked")], more].concat();
        head("POST", "/api/v1/service-orders", &more)
    };
    // what one body of the largest size takes is no waste
    let full = [declared(&LIMIT.to_string()), order(LIMIT)].concat();
    assert_eq!(Wire::to_address(address).ask(&full).status, 201);
    most_memory(host.id());
    let before = most_memory(host.id());
    let floods = [
        (flood(address, &declared("67108864"), &mebibyte, 64), 413),
        (flood(address, &pieces(&[]), &chunk(&mebibyte), 64), 413),
        (flood(address, &pieces(&[("content-encoding", "gzip")]), &chunk(&mebibyte), 64), 415),
        (
            flood(
                address,
                &head("POST", "/api/v1/nowhere", &[("transfer-encoding", "chunked")]),
                &chunk(&mebibyte),
                64,
            ),
            401,
        ),
    ];
    let grown = most_memory(host.id()).saturating_sub(before);
    for (answer, status) in floods {
        assert_eq!(answer.status, status);
    }
    assert!(grown < 5 * 1024, "{grown} KiB");
    drop(host.stdin.take());
    assert!(host.wait().unwrap().success());
}

/// A process with nothing but a server, until its standard input ends.
async fn host() {
    let server = Server::start(Sqlite).await;
    let bearer = format!("Bearer {}", server.sign_in("worker").await.token());
    let said = format!("\nhost={} {bearer}\n", server.url.trim_start_matches("http://"));
    io::stdout().write_all(said.as_bytes()).unwrap();
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[actix_web::test]
async fn what_is_no_json_is_told_from_what_is_not_wanted() {
    let server = Server::start(Sqlite).await;
    let bearer = format!("Bearer {}", server.sign_in("worker").await.token());
    let place = |body: &str| {
        let sent = Instant::now();
        let sent_to = request("POST", "/api/v1/service-orders", &headers(&bearer), body.as_bytes());
        (Wire::to(&server).ask(&sent_to), sent.elapsed())
    };
    let digits = "1".repeat(400);
    let large = [
        // deep
        "[".repeat(100_000),
        format!("{{\"kind\": {}", "[".repeat(100_000)),
        "{\"a\":".repeat(100_000),
        format!("{}{}", "[".repeat(1000), "]".repeat(1000)),
        // numbers that no number holds
        format!("{{\"kind\": {digits}}}"),
        format!("{{\"kind\": -{digits}.5}}"),
        "{\"kind\": 1e999}".to_owned(),
        "{\"kind\": -1E+400}".to_owned(),
        // what no number is
        "{\"kind\": 01}".to_owned(),
        "{\"kind\": +1}".to_owned(),
        "{\"kind\": .5}".to_owned(),
        "{\"kind\": NaN}".to_owned(),
        "{\"kind\": Infinity}".to_owned(),
        // members that stand twice, at the top and below
        r#"{"kind": "tap", "kind": "tap"}"#.to_owned(),
        r#"{"kind": "tap", "kin\u0064": "drain"}"#.to_owned(),
        r#"{"on_behalf_of": {"name": "甲", "name": "乙"}}"#.to_owned(),
        // more than one value, or less
        r#"{"kind": "tap"} {}"#.to_owned(),
        r#"{"kind": "tap"}x"#.to_owned(),
        r#"{"kind": "tap"}"#.replace('}', "").to_owned(),
        r#"{"kind": "tap",}"#.to_owned(),
        String::new(),
        " ".to_owned(),
        // other notations
        "{'kind': 'tap'}".to_owned(),
        "{kind: \"tap\"}".to_owned(),
        "/* */ {}".to_owned(),
        "\u{feff}{}".to_owned(),
        "kind=tap".to_owned(),
    ];
    for body in &large {
        let shown: String = body.chars().take(40).collect();
        let (answer, _) = place(body);
        assert_eq!((answer.status, code(&answer).as_str()), (400, "invalid-json"), "{shown}");
        // the best of three, for the machine has other things to do
        let taken = (0..3).map(|_| place(body).1).min().unwrap();
        assert!(taken < Duration::from_millis(100), "{shown}: {taken:?}");
    }
    for body in ["[]", "[null, null]", "\"x\"", "7", "true", "null"] {
        let (answer, _) = place(body);
        let errors = json!([{"pointer": "", "code": "wrong-type", "detail": "类型不正确"}]);
        assert_eq!((answer.status, &answer.json()["errors"]), (422, &errors), "{body}");
    }
}

#[actix_web::test]
async fn many_faults_are_not_answered_at_length() {
    let server = Server::start(Sqlite).await;
    let worker = server.sign_in("worker").await;
    let many: serde_json::Map<_, _> = (0..50_000).map(|n| (format!("k{n}"), json!(1))).collect();
    for order in [
        json!(many),
        json!({"kind": "tap", "description": "水管", "region_code": "360502002001",
                                      "address": "桂花巷", "answers": many}),
    ] {
        let answer = worker.post("/service-orders", order).await;
        assert_eq!((answer.status, answer.body["errors"].as_array().unwrap().len()), (422, 100));
        assert!(answer.text("/detail").starts_with("500"), "the count is told: {}", answer.text("/detail"));
    }
}
