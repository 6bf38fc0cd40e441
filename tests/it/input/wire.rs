//! Requests that two parsers could read in two ways, and heads that are too long.

use harness::{
    database::Backend::Sqlite,
    server::Server,
    wire::{Wire, head},
};
use serde_json::json;

const PLACE: &str = "POST /api/v1/service-orders HTTP/1.1\r\nhost: lianxin\r\ncontent-type: application/json\r\n";
/// What would be a request of its own if the one before it ended earlier.
const HIDDEN: &str = "0\r\n\r\nGET /livez HTTP/1.1\r\nhost: lianxin\r\n\r\n";

/// Sends bytes: everything that comes back until the other side closes.
fn everything(server: &Server, bytes: &[u8]) -> String {
    let mut wire = Wire::to(server);
    wire.write(bytes);
    let (answer, closed) = wire.rest();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(closed, "{:?} is still open after {answer}", String::from_utf8_lossy(bytes));
    answer
}

#[actix_web::test]
async fn what_can_be_read_in_two_ways_is_not_read() {
    let server = Server::start(Sqlite).await;
    let lengths = [
        "content-length: 49\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 49\r\n",
        "content-length: 49\r\ncontent-length: 49\r\n",
        "content-length: 49\r\ncontent-length: 5\r\n",
        "content-length: 49, 49\r\n",
        "content-length: +49\r\n",
        "content-length: 0x31\r\n",
        "content-length: -1\r\n",
        "content-length: 99999999999999999999\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding : chunked\r\n",
        "transfer-encoding:\u{b}chunked\r\n",
        "content-length: 5\r\n transfer-encoding: chunked\r\n",
    ];
    for length in lengths {
        let answer = everything(&server, format!("{PLACE}{length}\r\n{HIDDEN}").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{length:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{length:?}: {answer}");
    }
    let heads = [
        "GET /livez HTTP/1.1\r\nhost: lianxin\r\nx-a: 1\r\n 2\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: lianxin\r\nx-a: 1\r2\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: lianxin\r\nx-a: 1\u{0}2\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost : lianxin\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET /livez HTTP/1.1\r\nx-a: 1\r\n\r\n",
        "GET /livez HTTP/1.1\r\n: 1\r\nhost: lianxin\r\n\r\n",
        "GET  /livez HTTP/1.1\r\nhost: lianxin\r\n\r\n",
        "GET /livez HTTP/2.0\r\nhost: lianxin\r\n\r\n",
        "GET /livez HTTP/1.1 x\r\nhost: lianxin\r\n\r\n",
        "G\u{1}T /livez HTTP/1.1\r\nhost: lianxin\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for head in heads {
        let answer = everything(&server, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
    }
}

#[actix_web::test]
async fn a_broken_piece_ends_the_connection() {
    let server = Server::start(Sqlite).await;
    let token = server.sign_in("worker").await.token().to_owned();
    let order = r#"{"kind":"tap","description":"x","region_code":"360502002001","address":"y"}"#;
    let before = super::rows(&server).await;
    let size = format!("{:x}", order.len());
    for pieces in [
        format!("{size}\n{order}\r\n0\r\n\r\n"),
        format!("{size}\r\n{order}\n0\r\n\r\n"),
        format!("{size}\r\n{order}0\r\n\r\n"),
        format!("zz\r\n{order}\r\n0\r\n\r\n"),
        format!("-1\r\n{order}\r\n0\r\n\r\n"),
        format!("fffffffffffffffff\r\n{order}\r\n0\r\n\r\n"),
        format!("{size};\u{0}\r\n{order}\r\n0\r\n\r\n"),
    ] {
        let sent = format!("{PLACE}authorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n{pieces}");
        let answer = everything(&server, sent.as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{pieces:?}: {answer}");
    }
    assert_eq!(super::rows(&server).await, before);
    // the same in order: the way there is open
    let whole = format!("{size}\r\n{order}\r\n0\r\n\r\n");
    let sent = format!("{PLACE}authorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n{whole}");
    assert_eq!(Wire::to(&server).ask(sent.as_bytes()).status, 201);
}

#[actix_web::test]
async fn heads_have_a_longest_length() {
    let server = Server::start(Sqlite).await;
    let address = |length: usize| format!("/livez?{}", "a".repeat(length - "/livez?".len()));
    let ask = |bytes: &[u8]| Wire::to(&server).ask(bytes);
    assert_eq!(ask(&head("GET", &address(8192), &[])).status, 200);
    for length in [8193, 20_000] {
        let answer = ask(&head("GET", &address(length), &[]));
        assert_eq!((answer.status, &answer.json()["code"]), (414, &json!("uri-too-long")), "{length}");
    }
    // name, value and what separates them; the host has its share
    let filler = |length: usize| "a".repeat(length - "/livez".len() - "host: lianxin\r\n".len() - "x-a: \r\n".len());
    assert_eq!(ask(&head("GET", "/livez", &[("x-a", &filler(16_384))])).status, 200);
    for length in [16_385, 100_000] {
        let answer = ask(&head("GET", "/livez", &[("x-a", &filler(length))]));
        assert_eq!((answer.status, &answer.json()["code"]), (431, &json!("head-too-long")), "{length}");
    }
    // beyond that it is not even read to the end
    for sent in [head("GET", &address(1 << 20), &[]), head("GET", "/livez", &[("x-a", &filler(1 << 20))])] {
        assert!(everything(&server, &sent).starts_with("HTTP/1.1 431 "));
    }
    let many: Vec<(String, &str)> = (0..200).map(|n| (format!("x-{n}"), "a")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert!(everything(&server, &head("GET", "/livez", &many)).starts_with("HTTP/1.1 431 "));
}
