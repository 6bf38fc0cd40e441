//! A client of the service that holds every answer to the OpenAPI document.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::{Value, json};

use crate::contract::Contract;

const PASSWORD: &str = "lianxin-demo";
/// No answer of any test takes longer.
const LONGEST: Duration = Duration::from_secs(60);

/// The way to a running service.
pub struct Client {
    /// Its address.
    pub url: String,
    contract: Arc<Contract>,
    http: reqwest::Client,
}

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
    client: &'a Client,
    token: String,
}

impl Client {
    /// The way to the service at this address.
    #[must_use]
    pub fn new(url: String) -> Self {
        // a request that never ends fails its test instead of holding up all of them
        let http = reqwest::Client::builder().no_proxy().timeout(LONGEST).build();
        Self { url, contract: contract(), http: http.unwrap_or_else(|error| panic!("no client: {error}")) }
    }

    /// Sends a request and holds its answer to the document.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let answer = self.attempt(method, path, headers, body).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Sends a form and holds its answer to the document.
    pub async fn form(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let sent = ("application/x-www-form-urlencoded", form.to_owned());
        let answer = self.exchange("POST", path, headers, Some(sent)).await;
        answer.unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// The same where there may be no answer, because the service or the way to it is broken.
    pub async fn attempt(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        self.exchange(method, path, headers, body.map(|body| (media_type, body.to_string()))).await
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, String)>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.http.request(method.parse().unwrap_or_default(), format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = body.as_ref().map(|(media_type, _)| *media_type);
        if let Some((media_type, body)) = body {
            request = request.header("content-type", media_type).body(body);
        }
        let (answer, bytes) = received(request.send().await?).await?;
        if let Err(fault) = self.contract.check(method, path, sent, answer.status, &answer.headers, &bytes) {
            panic!("{method} {path}: {fault}\n{}", String::from_utf8_lossy(&bytes));
        }
        Ok(answer)
    }

    /// Reads something that the document does not describe, such as `/readyz`.
    pub async fn probe(&self, path: &str) -> Result<Answer, reqwest::Error> {
        let (answer, _) = received(self.http.get(format!("{}{path}", self.url)).send().await?).await?;
        Ok(answer)
    }

    /// Signs in as a demonstration user.
    pub async fn sign_in(&self, username: &str) -> User<'_> {
        let answer = self.log_in(username, PASSWORD).await;
        assert_eq!(answer.status, 200, "{username}: {:?}", answer.body);
        self.user(answer.text("/access_token"))
    }

    /// Whoever holds this access token.
    #[must_use]
    pub fn user(&self, token: &str) -> User<'_> {
        User { client: self, token: token.to_owned() }
    }

    /// Gets a token as a client, with more parameters of the form.
    pub async fn client_token(&self, id: &str, secret: &str, more: &str) -> Answer {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}{more}");
        self.form("/api/v1/oauth/token", &[], &form).await
    }

    /// Tries to sign in.
    pub async fn log_in(&self, username: &str, password: &str) -> Answer {
        let body = json!({"username": username, "password": password});
        self.send("POST", "/api/v1/auth/login", &[], Some(&body)).await
    }
}

async fn received(response: reqwest::Response) -> Result<(Answer, Vec<u8>), reqwest::Error> {
    let status = response.status().as_u16();
    let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let bytes = response.bytes().await?.to_vec();
    Ok((Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }, bytes))
}

/// One document and what was compiled of it serve all servers: it differs in the address only.
fn contract() -> Arc<Contract> {
    static CONTRACT: OnceLock<Arc<Contract>> = OnceLock::new();
    let read = || Contract::new(api::app::document("http://127.0.0.1:8080")).unwrap_or_else(|error| panic!("{error}"));
    Arc::clone(CONTRACT.get_or_init(|| Arc::new(read())))
}

impl User<'_> {
    /// The same user, with the same token, at a replica.
    #[must_use]
    pub fn at<'a>(&self, replica: &'a Client) -> User<'a> {
        User { client: replica, token: self.token.clone() }
    }

    /// His access token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request with a body.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let answer = self.attempt(method, path, headers, body).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same where there may be no answer.
    pub async fn attempt(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let bearer = format!("Bearer {}", self.token);
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        self.client.attempt(method, &format!("/api/v1{path}"), &headers, body).await
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
