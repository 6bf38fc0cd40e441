//! Runs a command with a PostgreSQL server for its tests:
//!
//! ```text
//! cargo run --bin with-postgres -- cargo test --workspace
//! ```
//!
//! The server is the one named by `LIANXIN_TEST_PG_URL`, or else a throw-away one that all test
//! processes of the command share and that stops with it. Where `LIANXIN_TEST_PGBOUNCER` names a PgBouncer, the service
//! reaches the server through it. The exit code is the command's.

use std::{
    env,
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitCode, ExitStatus},
};

use harness::{
    database::{Backend, TestDatabase, postgres_version},
    debian::say,
    nested::forget_cargo,
    pooler::{PROGRAM_VARIABLE, Pooler, QUERY_VARIABLE, SETTINGS_VARIABLE},
    postgres::{POOLER_VARIABLE, Server, THROWAWAY_VARIABLE, URL_VARIABLE},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(status) => exit_code(status),
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitStatus, String> {
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next().ok_or("usage: with-postgres COMMAND [ARGUMENT]...")?;
    let server = Server::find()?;
    let version = postgres_version(server.url.as_str()).await.map_err(|error| format!("{}: {error}", server.origin))?;
    say(&format!("PostgreSQL {version}, {}", server.origin));
    // where nothing must be left, the template goes with its last copy: this one outlasts the others
    let _last_copy = if server.throwaway { None } else { Some(TestDatabase::new(Backend::Postgres).await) };

    let mut command = Command::new(&program);
    forget_cargo(command.args(arguments));
    command.env(URL_VARIABLE, server.url.as_str());
    if server.throwaway {
        command.env(THROWAWAY_VARIABLE, "1");
    }
    let pooler = pooler(&server)?;
    if let Some(pooler) = &pooler {
        let query = env::var(QUERY_VARIABLE).map(|query| format!("&{query}")).unwrap_or_default();
        command.env(POOLER_VARIABLE, pooler.url("postgres") + &query);
    }
    command.status().map_err(|error| format!("cannot run {}: {error}", program.display()))
}

/// The pooler that is asked for.
fn pooler(server: &Server) -> Result<Option<Pooler>, String> {
    let Some(program) = env::var_os(PROGRAM_VARIABLE) else { return Ok(None) };
    let settings = env::var(SETTINGS_VARIABLE).unwrap_or_default();
    let settings: Vec<&str> = settings.split(';').filter(|setting| !setting.trim().is_empty()).collect();
    say(&format!("the service reaches it through {}", program.display()));
    Pooler::start(program.as_ref(), &server.url, &settings).map(Some)
}

/// The command's exit code, or what a shell makes of the signal that ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
