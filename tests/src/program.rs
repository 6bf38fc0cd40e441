//! The program itself, in processes of its own: what a test in the same process cannot see.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use api::keys::KeyFile;
use uuid::Uuid;

use crate::client::Client;

/// How long the program may take to be ready.
const READY: Duration = Duration::from_secs(60);

/// How long a command may take that is no service. What it says fits into a pipe.
const LONGEST_RUN: Duration = Duration::from_secs(30);

/// A directory that is removed when the value is dropped.
pub struct Scratch(PathBuf);

impl Default for Scratch {
    fn default() -> Self {
        let path = std::env::temp_dir().join(format!("lianxin-scratch-{}", Uuid::new_v4().simple()));
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }
}

impl Scratch {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// A port that nobody has at the moment.
#[must_use]
pub fn free_address() -> SocketAddr {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    port.unwrap_or_else(|error| panic!("no port is to be had: {error}"))
}

/// The program with its settings, and nothing else of the environment but what the tests are told.
pub struct Program {
    path: PathBuf,
    settings: Vec<(String, String)>,
    scratch: Scratch,
}

impl Program {
    /// The program at this path with nothing set.
    #[must_use]
    pub fn bare(path: &str) -> Self {
        Self { path: path.into(), settings: Vec::new(), scratch: Scratch::default() }
    }

    /// The program at this path on this database, with keys of its own and without metrics: many run at a time.
    #[must_use]
    pub fn new(path: &str, database_url: &str) -> Self {
        let program = Self::bare(path);
        let keys = program.file("lianxin.keys");
        let file = KeyFile::generate().unwrap_or_else(|error| panic!("{error}"));
        let text = serde_json::to_string(&file).unwrap_or_else(|error| panic!("{error}"));
        fs::write(&keys, text).unwrap_or_else(|error| panic!("{}: {error}", keys.display()));
        program
            .setting("LIANXIN_DATABASE_URL", database_url)
            .setting("LIANXIN_KEYS_FILE", &keys.display().to_string())
            .setting("LIANXIN_LOG", "warn")
            .setting("LIANXIN_METRICS_LISTEN", "off")
    }

    /// With a setting; a later one of the same name counts.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without limits to requests and orders, for those who write as fast as they can.
    #[must_use]
    pub fn unlimited(self) -> Self {
        self.setting("LIANXIN_RATE_LIMIT", "0").setting("LIANXIN_ORDERS_PER_RESIDENT_PER_DAY", "0")
    }

    /// A file of its own.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        let told = std::env::vars().filter(|(name, _)| name.starts_with("LIANXIN_TEST_"));
        command
            .args(arguments)
            .env_clear()
            .envs(told)
            .envs(settings)
            .current_dir(self.scratch.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end, which must come soon.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        let begun = Instant::now();
        let Running(mut child) = self.begin(arguments);
        while child.try_wait().unwrap_or_else(|error| panic!("{arguments:?}: {error}")).is_none() {
            if begun.elapsed() > LONGEST_RUN {
                let _killed = child.kill();
                let _waited = child.wait();
                panic!("{arguments:?} still runs after {LONGEST_RUN:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.wait_with_output().unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }

    /// Starts a command that the test does not wait for here.
    #[must_use]
    pub fn begin(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.path.display())))
    }

    /// Starts it as a service on a port of its own, and does not wait until it is ready.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Process {
        // somebody else may take the port before the program does; then it says so and ends
        self.start_at(free_address(), arguments)
    }

    /// The same at an address that is known to others.
    #[must_use]
    pub fn start_at(&self, address: SocketAddr, arguments: &[&str]) -> Process {
        let log = self.file(&format!("{}.log", address.port()));
        let said = fs::File::create(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let mut command = self.command(&[&["serve"], arguments].concat());
        command.env("LIANXIN_LISTEN", address.to_string()).stdout(Stdio::null()).stderr(said);
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        Process { client: Client::new(format!("http://{address}")), child, log }
    }

    /// Starts it as a service and waits until it is ready.
    pub async fn serve(&self, arguments: &[&str]) -> Process {
        for _ in 0..3 {
            let mut process = self.start(arguments);
            if process.becomes_ready().await {
                return process;
            }
            let said = process.said();
            assert!(said.contains("LIANXIN_LISTEN"), "the service ended: {said}");
        }
        panic!("no port stays free");
    }
}

/// A command that runs beside the test. What it says fits into a pipe.
pub struct Running(Child);

impl Running {
    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap_or_else(|error| panic!("the command: {error}")).is_some()
    }

    /// Waits for its end, which must come soon.
    pub async fn ends(mut self) -> Output {
        let begun = Instant::now();
        while !self.has_ended() {
            assert!(begun.elapsed() < LONGEST_RUN, "the command still runs after {LONGEST_RUN:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.0.wait_with_output().unwrap_or_else(|error| panic!("the command: {error}"))
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.0.kill().and_then(|()| self.0.wait()).unwrap_or_else(|error| panic!("the command: {error}"));
    }
}

/// The program as a running service. It is killed when the value is dropped.
pub struct Process {
    /// The way to it.
    pub client: Client,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Waits until it is ready; `false` if it ended instead.
    pub async fn becomes_ready(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if self.ended().is_some() {
                return false;
            }
            if self.client.probe("/readyz").await.is_ok_and(|answer| answer.status == 200) {
                return true;
            }
            assert!(begun.elapsed() < READY, "the service is not ready: {}", self.said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What it said to standard error.
    #[must_use]
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("/bin/sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal {name} was not sent");
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap_or_else(|error| panic!("the service: {error}"))
    }

    /// Waits for its end, so long at most; how it ended and when.
    pub async fn ends_within(&mut self, limit: Duration) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return (status, begun.elapsed());
            }
            assert!(begun.elapsed() < limit, "the service still runs after {limit:?}: {}", self.said());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}
