//! Fuzzes the service by its own OpenAPI document, with Schemathesis on PostgreSQL:
//!
//! ```text
//! cargo build -p api && cargo run --bin fuzz -- --examples 1000
//! ```
//!
//! Each user has a run of his own, on a fresh database with the demonstration data, so that what one run does to
//! accounts and sessions is not another one's trouble. A run passes if Schemathesis finds nothing, and the service
//! still serves, ends as it should and leaves a whole chain of events.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{ExitCode, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use harness::{
    database::{Backend, TestDatabase},
    debian::{self, say},
};
use tokio::{
    process::{Child, Command},
    sync::Semaphore,
    task::JoinSet,
};

/// Who fuzzes if nobody else is named: together they may do nearly everything.
const USERS: &str = "worker,resident,volunteer,yushui,admin";
const USAGE: &str = "usage: fuzz [--examples NUMBER] [--seed NUMBER] [--users NAME,...]";
const REQUIREMENTS: &str = include_str!("../../schemathesis/requirements.txt");
const CONFIGURATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis");
/// Runs at a time: each keeps about a core busy.
const AT_A_TIME: usize = 2;
/// How long the service may take to be ready.
const READY: Duration = Duration::from_secs(60);

struct Options {
    /// For each operation.
    examples: u32,
    seed: u32,
    users: String,
}

/// What every run needs.
struct Tools {
    options: Options,
    service: PathBuf,
    schemathesis: PathBuf,
    /// Where runs leave what they said.
    directory: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let options = Options::read(env::args().skip(1))?;
    let users: Vec<String> = options.users.split(',').map(str::to_owned).collect();
    let tools = Arc::new(Tools::find(options)?);
    let turns = Arc::new(Semaphore::new(AT_A_TIME));
    let mut runs = JoinSet::new();
    for user in users {
        let (tools, turns) = (Arc::clone(&tools), Arc::clone(&turns));
        runs.spawn(async move {
            let _turn = turns.acquire_owned().await;
            fuzz(&tools, &user).await.map_err(|error| format!("as {user}: {error}"))
        });
    }
    let mut failed = 0;
    while let Some(ended) = runs.join_next().await {
        match ended.map_err(|error| error.to_string()).flatten() {
            Ok(summary) => say(&summary),
            Err(error) => {
                failed += 1;
                say(&error);
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} runs failed; see {}", tools.directory.display())) }
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { examples: 25, seed: 1, users: USERS.to_owned() };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(USAGE)?;
            match name.as_str() {
                "--examples" => options.examples = value.parse().map_err(|_| USAGE)?,
                "--seed" => options.seed = value.parse().map_err(|_| USAGE)?,
                "--users" => options.users = value,
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }
}

impl Tools {
    fn find(options: Options) -> Result<Self, String> {
        let own = env::current_exe().map_err(|error| error.to_string())?;
        let built = own.parent().ok_or("the program is nowhere")?;
        let service = built.join("lianxin");
        if !service.is_file() {
            return Err(format!("{} is missing: cargo build -p api", service.display()));
        }
        let directory = built.parent().unwrap_or(built).join("schemathesis");
        let schemathesis = environment(&directory.join("venv"))?.join("bin/schemathesis");
        Ok(Self { options, service, schemathesis, directory })
    }
}

/// A virtual environment of Python with what is required.
fn environment(directory: &Path) -> Result<&Path, String> {
    let failed = |error| format!("{}: {error}", directory.display());
    let complete = directory.join("complete");
    if fs::read_to_string(&complete).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(directory);
    }
    let has_venv = || debian::run("python3", &["-c", "import ensurepip, venv"]).ok();
    debian::find_or_install("venv for Python", has_venv, || debian::install(&["python3-venv"]))?
        .ok_or("there is no Python with venv: install it (on Debian: apt-get install python3-venv)")?;
    say("installing Schemathesis");
    if directory.exists() {
        fs::remove_dir_all(directory).map_err(failed)?;
    }
    let required = format!("{CONFIGURATION}/requirements.txt");
    debian::run("python3", &["-m", "venv", &directory.to_string_lossy()])?;
    let pip = directory.join("bin/pip");
    debian::run(&pip.to_string_lossy(), &["install", "--quiet", "--no-deps", "--requirement", &required])?;
    fs::write(complete, REQUIREMENTS).map_err(failed)?;
    Ok(directory)
}

/// One run; the answer sums it up.
async fn fuzz(tools: &Tools, user: &str) -> Result<String, String> {
    let directory = tools.directory.join(user);
    let failed = |error| format!("{}: {error}", directory.display());
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(failed)?;
    }
    fs::create_dir_all(&directory).map_err(failed)?;
    let database = TestDatabase::new(Backend::Postgres).await;
    let mut service = Service::start(tools, &directory, &database.url).await?;
    let begun = Instant::now();
    let output = service.fuzz(tools, user).await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    fs::write(directory.join("report.txt"), &said).map_err(failed)?;
    if !output.status.success() {
        return Err(format!("{said}\nSchemathesis ended with {}", output.status));
    }
    service.end().await?;
    let audit = service.command(tools, &["audit", "verify"]).output().await.map_err(|error| error.to_string())?;
    if !audit.status.success() {
        return Err(format!("the chain of events: {}", String::from_utf8_lossy(&audit.stderr)));
    }
    let cases = said.lines().find(|line| line.contains(" generated")).unwrap_or_default().trim();
    Ok(format!("as {user}: {cases}, in {} s", begun.elapsed().as_secs()))
}

/// The program as a running service. It is killed when the value is dropped.
struct Service {
    url: String,
    database_url: String,
    directory: PathBuf,
    child: Option<Child>,
}

impl Service {
    async fn start(tools: &Tools, directory: &Path, database_url: &str) -> Result<Self, String> {
        // somebody else may take the port before the program does; then it says so and ends
        for _ in 0..3 {
            let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let address = port.map_err(|error| format!("no port is to be had: {error}"))?;
            let mut service = Self {
                url: format!("http://{address}"),
                database_url: database_url.to_owned(),
                directory: directory.to_owned(),
                child: None,
            };
            let log = fs::File::create(directory.join("service.log")).map_err(|error| error.to_string())?;
            let mut command = service.command(tools, &["serve", "--demo"]);
            command.env("LIANXIN_LISTEN", address.to_string()).stdout(Stdio::null()).stderr(log);
            service.child = Some(command.spawn().map_err(|error| format!("{}: {error}", tools.service.display()))?);
            if service.becomes_ready().await? {
                return Ok(service);
            }
        }
        Err(format!("the service does not start, see {}", directory.join("service.log").display()))
    }

    fn command(&self, tools: &Tools, arguments: &[&str]) -> Command {
        let mut command = Command::new(&tools.service);
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null()).kill_on_drop(true);
        command.env_clear().env("LIANXIN_DATABASE_URL", &self.database_url).env("LIANXIN_KEYS_FILE", "lianxin.keys");
        command.env("LIANXIN_TRUSTED_PROXIES", "127.0.0.1").env("LIANXIN_METRICS_LISTEN", "off");
        command
    }

    /// Waits until it is ready; `false` if it ended instead.
    async fn becomes_ready(&mut self) -> Result<bool, String> {
        let begun = Instant::now();
        while !self.is_ready().await {
            let child = self.child.as_mut().ok_or("the service was not started")?;
            if child.try_wait().map_err(|error| error.to_string())?.is_some() {
                return Ok(false);
            }
            if begun.elapsed() > READY {
                return Err("the service is not ready".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(true)
    }

    async fn is_ready(&self) -> bool {
        reqwest::get(format!("{}/readyz", self.url)).await.is_ok_and(|answer| answer.status().is_success())
    }

    async fn fuzz(&self, tools: &Tools, user: &str) -> Result<Output, String> {
        let Options { examples, seed, users: _ } = &tools.options;
        let mut command = Command::new(&tools.schemathesis);
        command
            .args(["--config-file", &format!("{CONFIGURATION}/schemathesis.toml"), "run"])
            .arg(format!("{}/openapi.json", self.url))
            // Python 3.11 parses code in one thread at a time only
            .args(["--workers", "1", "--no-color", "--request-timeout", "30"])
            .args(["--max-examples", &examples.to_string(), "--seed", &seed.to_string()]);
        // in CI Hypothesis would take settings of its own
        command.env_remove("CI").env("PYTHONPATH", CONFIGURATION).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("LIANXIN_TEST_URL", &self.url).env("LIANXIN_TEST_USER", user);
        command.env("LIANXIN_TEST_PASSWORD", "lianxin-demo").env("PYTHONUTF8", "1");
        command.current_dir(&self.directory).stdin(Stdio::null()).kill_on_drop(true);
        command.output().await.map_err(|error| format!("{}: {error}", tools.schemathesis.display()))
    }

    /// Ends it as an operator does.
    async fn end(&mut self) -> Result<(), String> {
        if !self.is_ready().await {
            return Err("the service does not serve any more".to_owned());
        }
        let mut child = self.child.take().ok_or("the service was not started")?;
        let id = child.id().ok_or("the service has ended")?.to_string();
        debian::run("/bin/sh", &["-c", "kill -s TERM \"$1\"", "sh", &id])?;
        let status = child.wait().await.map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the service ended with {status}")) }
    }
}
