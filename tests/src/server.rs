//! A server on a database of its own, with a clock that the test moves.

use std::{
    net::TcpListener,
    ops::Deref,
    sync::{Arc, atomic::Ordering, mpsc},
};

use actix_web::{
    HttpServer,
    dev::ServerHandle,
    rt::{self, System},
    web::Data,
};
use api::{
    app::{self, Served},
    config::Settings,
    demo, jobs,
    keys::{KeyFile, Keys},
    state::App,
};
use chrono::TimeDelta;
use domain::time::{Clock as _, Instant};
use persistence::{Database, Patience, Vault};

pub use crate::client::{Answer, Client, User};
use crate::{
    database::{Backend, TestDatabase},
    sql::Sql,
    world::{TestClock, TestIds},
};

/// A running server, used through its [`Client`]. Its background jobs run when the test says so ([`Server::run_jobs`]).
pub struct Server {
    /// The way to it.
    pub client: Client,
    /// What it holds, to count statements.
    pub app: Data<App>,
    /// Its keys, to forge what it checks.
    pub keys: Keys,
    /// Its rows.
    pub sql: Sql,
    /// Its clock, which its replicas share.
    pub clock: Arc<TestClock>,
    ids: Arc<TestIds>,
    running: Running,
    database: Arc<TestDatabase>,
}

/// How a server starts.
#[derive(Clone, Default)]
pub struct Setup {
    settings: Vec<(String, String)>,
    empty: bool,
}

impl Setup {
    /// With a setting (`LIANXIN_…`).
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without the demonstration data: there is not even a user.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.empty = true;
        self
    }

    /// Starts it on a fresh database.
    pub async fn start(self, backend: Backend) -> Server {
        let database = Arc::new(TestDatabase::new(backend).await);
        let keys = KeyFile::generate().and_then(|file| file.keys()).unwrap_or_else(|error| panic!("{error}"));
        let clock = Arc::new(TestClock::default());
        let ids = Arc::new(TestIds::new(Arc::clone(&clock)));
        Server::of(self, database, keys, clock, ids)
    }
}

impl Server {
    /// Starts a server on a fresh database with the demonstration data.
    pub async fn start(backend: Backend) -> Self {
        Setup::default().start(backend).await
    }

    /// Another one on the same database, with the same keys, settings and clock.
    #[must_use]
    pub fn replica(&self) -> Self {
        let setup = Setup { settings: self.running.settings.clone(), empty: true };
        let (clock, ids) = (Arc::clone(&self.clock), Arc::clone(&self.ids));
        Self::of(setup, Arc::clone(&self.database), self.keys.clone(), clock, ids)
    }

    fn of(setup: Setup, database: Arc<TestDatabase>, keys: Keys, clock: Arc<TestClock>, ids: Arc<TestIds>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no port is to be had: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let url = format!("http://{address}");
        let demo = !setup.empty;
        let mut settings = vec![
            ("LIANXIN_DATABASE_URL".to_owned(), database.url.clone()),
            // replicas have one, under which all of them issue tokens
            ("LIANXIN_PUBLIC_URL".to_owned(), url.clone()),
        ];
        settings.extend(setup.settings);
        let listen = ("LIANXIN_LISTEN".to_owned(), address.to_string());
        // a later one of the same name replaces the former
        let read = Settings::read(settings.iter().cloned().chain([listen]), true);
        let read = read.unwrap_or_else(|error| panic!("{error}"));
        let (started, wait) = mpsc::channel();
        let host = Host { settings: read, keys: keys.clone(), clock: Arc::clone(&clock), ids: Arc::clone(&ids), demo };
        std::thread::spawn(move || System::new().block_on(host.run(listener, started)));
        let (app, handle, system) = wait.recv().unwrap_or_else(|error| panic!("the server did not start: {error}"));
        let sql = Sql::new(&database.url);
        let running = Running { handle, system, settings };
        Self { client: Client::new(url), app, keys, sql, clock, ids, running, database }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// Does something within the service: where its database lives, not on the thread of the test.
    pub async fn within<T, W>(&self, work: impl FnOnce(Data<App>) -> W + Send + 'static) -> T
    where
        T: Send + 'static,
        W: Future<Output = T> + 'static,
    {
        let (done, wait) = tokio::sync::oneshot::channel();
        let app = self.app.clone();
        self.running.system.arbiter().spawn_fn(move || {
            rt::spawn(async move {
                let _received = done.send(work(app).await);
            });
        });
        wait.await.unwrap_or_else(|error| panic!("it was not done: {error}"))
    }

    /// Does what the service does by itself from time to time.
    pub async fn run_jobs(&self) {
        let ended = self.within(async |app: Data<App>| {
            let ended = jobs::tend(&app, app.now()).await;
            let ended = ended.and(jobs::sequence_all(&app).await);
            ended.and(jobs::tell_people(&app, app.now()).await)
        });
        ended.await.unwrap_or_else(|problem| panic!("the jobs failed: {problem}"));
    }
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// What the thread of a server needs.
struct Host {
    settings: Settings,
    keys: Keys,
    clock: Arc<TestClock>,
    ids: Arc<TestIds>,
    demo: bool,
}

type Started = (Data<App>, ServerHandle, System);

impl Host {
    async fn run(self, listener: TcpListener, started: mpsc::Sender<Started>) {
        let app = self.app().await.unwrap_or_else(|error| panic!("{error}"));
        let served = Served::new(app.clone());
        let server = HttpServer::new(move || app::build(served.clone()))
            .workers(2)
            .disable_signals()
            .listen(listener)
            .unwrap_or_else(|error| panic!("{error}"))
            .run();
        let _received = started.send((app, server.handle(), System::current()));
        let _ended = server.await;
    }

    async fn app(self) -> Result<Data<App>, String> {
        let Self { settings, keys, clock, ids, demo } = self;
        let said = |error: persistence::Error| error.to_string();
        let vault = Vault::new(&keys.vault)?;
        let database =
            Database::open(&settings.database_url, 8, Patience::OfRequests, vault, ids.clone()).await.map_err(said)?;
        if demo {
            let hash = api::hash_password(&settings.demo_password).map_err(|problem| problem.to_string())?;
            demo::load(&database, clock.now(), &hash, &|_, _| {}).await.map_err(said)?;
        }
        let app = Data::new(App::new(settings, database, &keys, clock, ids)?);
        app.read_calendar().await.map_err(|problem| problem.to_string())?;
        app.ready.store(true, Ordering::Release);
        jobs::sequence_all(&app).await.map_err(|problem| problem.to_string())?;
        Ok(app)
    }
}

/// Stops a server when it is dropped.
struct Running {
    handle: ServerHandle,
    system: System,
    settings: Vec<(String, String)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // it is told at once; nobody waits until it is done
        drop(self.handle.stop(false));
    }
}
