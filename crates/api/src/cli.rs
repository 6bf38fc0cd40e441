//! The command line.

use std::{path::PathBuf, sync::Arc, sync::atomic::Ordering, time::Duration};

use actix_web::{HttpServer, dev::ServerHandle, web::Data};
use chrono::TimeDelta;
use clap::{Parser, Subcommand};
use domain::{id::GrantId, time::Clock as _};
use persistence::{Database, Patience, Stamp};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt};

use crate::{
    app::{self, Served},
    backup,
    config::{Profile, Settings},
    console::{open, say},
    demo, identity, jobs,
    keys::{
        self, KeyFile,
        command::{self, KeysCommand},
        new_secret,
    },
    openapi,
    state::App,
    system::{SystemClock, SystemIds},
    watch::{self, listen::Metrics, traces::Traces},
};

/// How long requests are still taken after the program was told to stop: by then balancers have seen that it is not
/// ready, and send nobody any more.
const LEAVING: Duration = Duration::from_secs(5);
/// How many seconds requests that were begun may take to end.
const ENDING: u64 = 15;

/// 连心 Lianxin: the open backend for grassroots governance.
#[derive(Parser)]
#[command(name = "lianxin", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Migrate the database and serve the API
    #[command(after_help = Settings::help())]
    Serve {
        /// Fill an empty database with the demonstration data first
        #[arg(long)]
        demo: bool,
    },
    /// Bring the schema of the database up to date
    Migrate,
    /// Fill an empty database with the demonstration data
    Demo,
    /// Print the OpenAPI document
    Openapi {
        /// Print one line for each operation instead
        #[arg(long)]
        operations: bool,
    },
    /// Administration
    Admin {
        #[command(subcommand)]
        command: Admin,
    },
    /// Write all rows into a new sealed file, while the service goes on
    Backup {
        /// The file
        file: PathBuf,
    },
    /// Load a backup into an empty database, of either kind
    Restore {
        /// The file
        file: PathBuf,
        /// Only read it to its end and say what it holds
        #[arg(long)]
        check: bool,
    },
    /// Check the chain of events
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
}

#[derive(Subcommand)]
enum Admin {
    /// Print a code with which the first administrator makes his account, good for an hour
    FirstAdministrator,
    /// Approve a grant that waits for a second pair of eyes
    ApproveGrant {
        /// Its id
        id: uuid::Uuid,
    },
    /// Make, show, rotate and retire keys
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Find any event that was changed, removed or slipped in
    Verify,
}

/// Runs the command line.
///
/// # Errors
/// A sentence for the one who called it.
pub async fn run() -> Result<(), String> {
    let cli = Cli::parse();
    if let Command::Openapi { operations } = cli.command {
        let document = app::document("http://127.0.0.1:8080");
        return if operations {
            say(openapi::operations(&document).trim_end())
        } else {
            say(&serde_json::to_string_pretty(&document).map_err(|error| error.to_string())?)
        };
    }
    let with_demo = matches!(cli.command, Command::Demo | Command::Serve { demo: true });
    let settings = Settings::read(std::env::vars(), with_demo)?;
    start_log(&settings)?;
    for name in &settings.not_used {
        tracing::warn!(setting = name, "this setting is not used yet");
    }
    if let Command::Admin { command: Admin::Keys { command: KeysCommand::Init } } = cli.command {
        return command::init(&settings.keys_file);
    }
    let file = KeyFile::read(&settings.keys_file, settings.profile == Profile::Development)?;
    let keys = file.keys()?;
    if let Command::Restore { file, check } = &cli.command {
        return if *check { backup::check(&keys, file) } else { backup::restore(&settings, &keys, file).await };
    }
    // what is counted from the start has to be there before the database is opened
    let metrics = match cli.command {
        Command::Serve { .. } => watch::listen::open(&settings, SystemClock.now())?,
        _ => None,
    };
    persistence::migrate(&settings.database_url).await.map_err(|error| format!("LIANXIN_DATABASE_URL: {error}"))?;
    let patience = match cli.command {
        Command::Serve { .. } => Patience::OfRequests,
        _ => Patience::OfCommands,
    };
    let database = open(&settings, &keys, patience).await?;
    match cli.command {
        Command::Serve { demo } => serve(settings, database, file, metrics, demo).await,
        Command::Demo => fill(&settings, &database).await,
        Command::Admin { command: Admin::FirstAdministrator } => first_administrator(&database).await,
        Command::Admin { command: Admin::ApproveGrant { id } } => approve_grant(&database, id.into()).await,
        Command::Admin { command: Admin::Keys { command } } => {
            command::run(command, &settings.keys_file, &database).await
        }
        Command::Audit { command: Audit::Verify } => verify(&database).await,
        Command::Backup { file } => backup::write(&database, &keys, &file).await,
        Command::Migrate | Command::Openapi { .. } | Command::Restore { .. } => Ok(()),
    }
}

fn start_log(settings: &Settings) -> Result<(), String> {
    log_to(std::io::stderr, &settings.log)?.try_init().map_err(|error| error.to_string())
}

/// A log of one JSON object a line, whatever its values hold.
fn log_to<W>(writer: W, filter: &str) -> Result<impl SubscriberInitExt, String>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("LIANXIN_LOG: {error}"))?;
    Ok(tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(writer).finish())
}

async fn fill(settings: &Settings, database: &Database) -> Result<(), String> {
    if !demo::may_load(database).await.map_err(|error| error.to_string())? {
        return say("The database holds data already; nothing was added.");
    }
    let hash = identity::hash(&settings.demo_password).map_err(|problem| problem.to_string())?;
    let bar = indicatif::ProgressBar::new(0);
    let progress = |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    demo::load(database, SystemClock.now(), &hash, &progress).await.map_err(|error| error.to_string())?;
    bar.finish_and_clear();
    Ok(())
}

async fn first_administrator(database: &Database) -> Result<(), String> {
    let code = new_secret()?;
    let now = SystemClock.now();
    let failed = |error: persistence::Error| error.to_string();
    let tx = database.begin_write(Stamp::system(now, "admin first-administrator")).await.map_err(failed)?;
    if tx.has_users().await.map_err(failed)? {
        return Err("There are users already: the first administrator is made in an empty system.".to_owned());
    }
    let digest = identity::code_digest(&code);
    tx.insert_one_time_code(digest, identity::FIRST_ADMINISTRATOR, now + TimeDelta::hours(1)).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    say(&code)
}

async fn approve_grant(database: &Database, id: GrantId) -> Result<(), String> {
    let now = SystemClock.now();
    let failed = |error: persistence::Error| error.to_string();
    let tx = database.begin_write(Stamp::system(now, "admin approve-grant")).await.map_err(failed)?;
    let grant = tx.rows().grants().for_command_line(id).await.map_err(failed)?;
    let outcome = grant.approve_by_command_line(now).map_err(|refusal| refusal.to_string())?;
    tx.update(outcome).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    say("Approved.")
}

async fn verify(database: &Database) -> Result<(), String> {
    let bar = indicatif::ProgressBar::new_spinner();
    let result = database.verify_events(|done| bar.set_position(done)).await.map_err(|error| error.to_string())?;
    bar.finish_and_clear();
    match result {
        Ok(count) => say(&format!("{count} events, the chain is whole.")),
        Err(fault) => Err(fault.to_string()),
    }
}

async fn serve(
    settings: Settings,
    database: Database,
    file: KeyFile,
    metrics: Option<Metrics>,
    with_demo: bool,
) -> Result<(), String> {
    if with_demo {
        fill(&settings, &database).await?;
    }
    let traces = settings.traces.as_deref().map(Traces::start).transpose()?;
    let listen = settings.listen;
    let url = settings.public_url.clone();
    let signals = Signals::listen().map_err(|error| error.to_string())?;
    let keys = file.keys()?;
    let mut app = App::new(settings, database, &keys, Arc::new(SystemClock), Arc::new(SystemIds))?;
    app.tracer = traces.as_ref().map(Traces::tracer);
    let app = Data::new(app);
    app.read_calendar().await.map_err(|problem| problem.to_string())?;
    app.ready.store(true, Ordering::Release);
    let served = Served::new(app.clone());
    let server = HttpServer::new(move || app::build(served.clone()))
        .bind(listen)
        .map_err(|error| format!("LIANXIN_LISTEN: {listen}: {error}"))?
        .client_request_timeout(Duration::from_secs(5))
        .max_connections(2_000)
        .shutdown_timeout(ENDING)
        .disable_signals()
        .run();
    let metrics = metrics.map(|metrics| metrics.serve(app.clone())).transpose().map_err(|error| error.to_string())?;
    let metrics = metrics.map(|server| (server.handle(), actix_web::rt::spawn(server)));
    let background = actix_web::rt::spawn(jobs::run(app.clone()));
    let watch = actix_web::rt::spawn(keys::watch(app.clone(), file));
    say(&format!("Lianxin serves {url}\nAPI reference: {url}/docs/"))?;
    if with_demo {
        say(&format!(
            "Users: worker, volunteer, volunteer2, resident, resident2, street, yushui, auditor, admin …\n\
             curl -s {url}/api/v1/auth/login -H 'Content-Type: application/json' \
             -d '{{\"username\": \"resident\", \"password\": \"…\"}}'   (LIANXIN_DEMO_PASSWORD, by default lianxin-demo)"
        ))?;
    }
    actix_web::rt::spawn(stop_when_told(signals, app.clone(), server.handle()));
    server.await.map_err(|error| error.to_string())?;
    background.abort();
    watch.abort();
    if let Some((metrics, _)) = metrics {
        metrics.stop(false).await;
    }
    let database = open(&app.settings, &keys, Patience::OfRequests).await?;
    let finished = jobs::finish(&app, &database).await.map_err(|problem| problem.to_string());
    if let Some(traces) = traces {
        traces.end().await;
    }
    finished
}

/// At the first signal it leaves in good order; at the second it is gone.
async fn stop_when_told(mut signals: Signals, app: Data<App>, server: ServerHandle) {
    let Some(told) = signals.next().await else { return };
    app.ready.store(false, Ordering::Release);
    actix_web::rt::spawn(async move {
        if told == Told::Terminate {
            tokio::time::sleep(LEAVING).await;
        }
        server.stop(true).await;
    });
    // the server hears of nothing else until the last request has ended, so it cannot be told
    if signals.next().await.is_some() {
        tracing::warn!("told to stop a second time: what was not finished is lost");
        std::process::exit(1);
    }
}

/// What tells the program to stop.
#[derive(PartialEq)]
enum Told {
    /// Whoever runs it; balancers may still send requests.
    Terminate,
    /// Somebody at a terminal, who does not want to wait.
    Interrupt,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on signals do not end the program by themselves.
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> Option<Told> {
        tokio::select! {
            told = self.terminate.recv() => told.map(|()| Told::Terminate),
            told = self.interrupt.recv() => told.map(|()| Told::Interrupt),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// What is logged, where all may write.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_stays_one_whatever_it_holds() {
        let lines = Lines::default();
        let writer = lines.clone();
        let _until_here = log_to(move || writer.clone(), "info").unwrap().set_default();
        let hostile = "a\r\nb\u{1b}[31m\u{2028}\u{0}\", \"level\": \"none";
        tracing::info!(request_id = hostile, error = %hostile, user = ?hostile, "{hostile}");
        let bytes = lines.0.lock().unwrap().clone();
        assert!(bytes.ends_with(b"}\n"));
        assert_eq!(bytes.iter().filter(|byte| byte.is_ascii_control()).count(), 1, "{bytes:?}");
        let line: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for member in ["request_id", "error", "message"] {
            assert_eq!(line[member], hostile, "{member}");
        }
        assert_eq!(line["level"], "INFO");
    }
}
