//! A server with the demonstration data on a database of its own, and a client that holds every answer to the
//! OpenAPI document.

use std::{
    net::TcpListener,
    path::PathBuf,
    sync::{Arc, atomic::Ordering, mpsc},
};

use actix_web::{HttpServer, web::Data};
use api::{
    app::{self, Served},
    config::Settings,
    demo, jobs,
    keys::{KeyFile, Keys},
    state::App,
    system::{SystemClock, SystemIds},
};
use domain::time::Clock as _;
use persistence::{Database, Vault};
use serde_json::{Value, json};

use crate::{
    contract::Contract,
    database::{Backend, TestDatabase},
};

const PASSWORD: &str = "lianxin-demo";

/// A running server.
pub struct Server {
    /// Its address.
    pub url: String,
    /// What it holds, to count statements and look at rows.
    pub app: Data<App>,
    contract: Contract,
    client: reqwest::Client,
    _database: TestDatabase,
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
    server: &'a Server,
    token: String,
}

impl Server {
    /// Starts a server on a fresh database with the demonstration data.
    pub async fn start(backend: Backend) -> Self {
        let database = TestDatabase::new(backend).await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no port is to be had: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let keys = KeyFile::generate().and_then(|file| file.keys()).unwrap_or_else(|error| panic!("{error}"));
        let settings = Settings::read(
            [
                ("LIANXIN_LISTEN".to_owned(), address.to_string()),
                ("LIANXIN_DATABASE_URL".to_owned(), database.url.clone()),
                ("LIANXIN_KEYS_FILE".to_owned(), PathBuf::new().display().to_string()),
            ],
            true,
        )
        .unwrap_or_else(|error| panic!("{error}"));
        let app = serve(listener, settings, keys);
        let contract = Contract::new(app::document(&app.settings.public_url)).unwrap_or_else(|error| panic!("{error}"));
        Self { url: format!("http://{address}"), app, contract, client: reqwest::Client::new(), _database: database }
    }

    /// Sends a request and holds its answer to the document.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let method_name = method.parse().unwrap_or(reqwest::Method::GET);
        let mut request = self.client.request(method_name, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        if let Some(body) = body {
            request = request.header("content-type", media_type).body(body.to_string());
        }
        let response = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = response.status().as_u16();
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let bytes = response.bytes().await.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let plain = path.split('?').next().unwrap_or(path);
        let sent = body.map(|_| media_type);
        if let Err(fault) = self.contract.check(method, plain, sent, status, &headers, &bytes) {
            panic!("{method} {path}: {fault}\n{}", String::from_utf8_lossy(&bytes));
        }
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// Signs in as a demonstration user.
    pub async fn sign_in(&self, username: &str) -> User<'_> {
        let answer = self.log_in(username, PASSWORD).await;
        assert_eq!(answer.status, 200, "{username}: {:?}", answer.body);
        User { server: self, token: answer.text("/access_token").to_owned() }
    }

    /// Tries to sign in.
    pub async fn log_in(&self, username: &str, password: &str) -> Answer {
        let body = json!({"username": username, "password": password});
        self.send("POST", "/api/v1/auth/login", &[], Some(&body)).await
    }
}

fn serve(listener: TcpListener, settings: Settings, keys: Keys) -> Data<App> {
    let (ready, started) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let vault = Vault::new(&keys.vault).unwrap_or_else(|error| panic!("{error}"));
            let database = Database::open(&settings.database_url, 8, vault, Arc::new(SystemIds))
                .await
                .unwrap_or_else(|error| panic!("{error}"));
            let hash = api::hash_password(&settings.demo_password).unwrap_or_else(|error| panic!("{error}"));
            demo::load(&database, SystemClock.now(), &hash, &|_, _| {}).await.unwrap_or_else(|error| panic!("{error}"));
            let app = App::new(settings, database, &keys, Arc::new(SystemClock), Arc::new(SystemIds))
                .unwrap_or_else(|error| panic!("{error}"));
            app.ready.store(true, Ordering::Release);
            let app = Data::new(app);
            jobs::sequence_all(&app).await.unwrap_or_else(|error| panic!("{error}"));
            let served = Served::new(app.clone());
            let server = HttpServer::new(move || app::build(served.clone()))
                .workers(2)
                .disable_signals()
                .listen(listener)
                .unwrap_or_else(|error| panic!("{error}"))
                .run();
            let _received = ready.send(app);
            let _ended = server.await;
        });
    });
    started.recv().unwrap_or_else(|error| panic!("the server did not start: {error}"))
}

impl User<'_> {
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
