//! A connection on which a test writes bytes as it likes, where a client would not.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

use crate::server::Server;

/// The longest wait for bytes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a server.
pub struct Wire(TcpStream);

/// An answer as it came.
#[derive(Debug)]
pub struct Raw {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Raw {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A request with a body of known length.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut bytes = head(method, path, &[headers, &[("content-length", length.as_str())]].concat());
    bytes.extend_from_slice(body);
    bytes
}

/// The head of a request.
#[must_use]
pub fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nhost: lianxin\r\n{headers}\r\n").into_bytes()
}

/// A piece of a chunked body.
#[must_use]
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

impl Wire {
    /// Connects.
    #[must_use]
    pub fn to(server: &Server) -> Self {
        Self::to_address(server.url.trim_start_matches("http://"))
    }

    /// Connects to an address.
    #[must_use]
    pub fn to_address(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let set = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        set.unwrap_or_else(|error| panic!("{address}: {error}"));
        Self(stream)
    }

    /// The same connection, to write on while another reads.
    #[must_use]
    pub fn again(&self) -> Self {
        Self(self.0.try_clone().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Sends bytes and reads the answer.
    pub fn ask(&mut self, bytes: &[u8]) -> Raw {
        self.write(bytes);
        self.answer()
    }

    /// Sends bytes; whether the other side took them all.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Reads an answer, which must have a length.
    pub fn answer(&mut self) -> Raw {
        let mut raw = self.head();
        let length = raw.header("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        raw.body.resize(length, 0);
        self.0.read_exact(&mut raw.body).unwrap_or_else(|error| panic!("{raw:?}: the body: {error}"));
        raw
    }

    /// Reads the head of an answer; its body stays where it is.
    pub fn head(&mut self) -> Raw {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.0.read(&mut byte) {
                Ok(1) => head.extend_from_slice(&byte),
                other => panic!("no answer: {other:?} after {:?}", String::from_utf8_lossy(&head)),
            }
        }
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Raw { status: status.unwrap_or_default(), headers, body: Vec::new() }
    }

    /// Everything that comes until the other side closes the connection, and whether it does.
    pub fn rest(&mut self) -> (Vec<u8>, bool) {
        let (mut all, mut some) = (Vec::new(), [0; 4096]);
        loop {
            match self.0.read(&mut some) {
                Ok(0) => return (all, true),
                Ok(read) => all.extend(some.iter().take(read)),
                Err(error) => return (all, error.kind() == ErrorKind::ConnectionReset),
            }
        }
    }
}
