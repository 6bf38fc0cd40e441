//! What a caller of the service has in hand: who he is, and the answers that he gets.

use serde_json::Value;

use crate::server::Server;

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body; null if it is empty.
    pub body: Value,
}

impl Answer {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A member of the body as text.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

/// Somebody who is signed in.
pub struct User<'a> {
    pub(crate) server: &'a Server,
    pub(crate) token: String,
}

impl User<'_> {
    /// The same user, with the same token, at a replica.
    #[must_use]
    pub fn at<'a>(&self, server: &'a Server) -> User<'a> {
        User { server, token: self.token.clone() }
    }

    /// His access token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request with a body.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        self.server.send(method, &format!("/api/v1{path}"), &headers, body).await
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    /// Creates, or makes a transition.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], Some(&body)).await
    }

    /// His row as a volunteer.
    pub async fn volunteer_id(&self) -> String {
        self.get("/me").await.text("/volunteer_id").to_owned()
    }

    /// The first compound that a search finds.
    pub async fn compound(&self, name: &str) -> String {
        self.get(&format!("/compounds?q={name}")).await.text("/items/0/id").to_owned()
    }
}
