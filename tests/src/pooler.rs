//! PgBouncer between the service and the PostgreSQL of the tests, as `deploy/pgbouncer.ini` sets it up.

use std::{
    fs,
    os::unix::{fs::chown, net::UnixStream},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use sea_orm::sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::{daemon::Daemon, debian, postgres::server_user, program::Scratch};

/// Names a PgBouncer through which the suite is to reach PostgreSQL: its program, 1.21 or later.
pub const PROGRAM_VARIABLE: &str = "LIANXIN_TEST_PGBOUNCER";
/// More of its settings, in the words of its file and separated by semicolons; later ones count.
pub const SETTINGS_VARIABLE: &str = "LIANXIN_TEST_PGBOUNCER_SETTINGS";
/// What is added to the URLs of databases behind it, such as `statement-cache-capacity=0`.
pub const QUERY_VARIABLE: &str = "LIANXIN_TEST_PGBOUNCER_QUERY";

const SHIPPED: &str = include_str!("../../deploy/pgbouncer.ini");
/// How long it may take to listen.
const READY: Duration = Duration::from_secs(10);

/// A running PgBouncer. It stops when the value is dropped.
pub struct Pooler {
    directory: Scratch,
    _daemon: Daemon,
}

impl Pooler {
    /// Starts this program before the PostgreSQL at this URL, with settings in the place of those that are shipped.
    pub fn start(program: &Path, server: &Url, settings: &[&str]) -> Result<Self, String> {
        let directory = Scratch::default();
        let path = directory.path().display();
        let user = server_user()?;
        if let Some((uid, gid)) = user {
            chown(directory.path(), Some(uid), Some(gid)).map_err(|error| format!("{path}: {error}"))?;
        }
        let file = directory.path().join("pgbouncer.ini");
        let own = format!("unix_socket_dir = {path}");
        // whoever reaches the socket is let in, as the user of the tests; and tests that watch how others wait need
        // connections beside theirs
        let all = [&[own.as_str(), "auth_type = any", "default_pool_size = 60"], settings].concat();
        let text = with_settings(&SHIPPED.replacen("host=/var/run/postgresql port=5432", &place(server)?, 1), &all);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        let log = directory.path().join("log");
        let daemon = Daemon::start(&[program, file.as_path()], "TERM", user, &log)?;
        let pooler = Self { directory, _daemon: daemon };
        let begun = Instant::now();
        while UnixStream::connect(pooler.directory.path().join(".s.PGSQL.6432")).is_err() {
            if begun.elapsed() > READY {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("PgBouncer from {} does not start: {said}", program.display()));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(pooler)
    }

    /// The URL of a database behind it.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("postgres://lianxin@localhost:6432/{name}?host={}", self.directory.path().display())
    }

    /// The PgBouncer of Debian, installed where root can.
    pub fn of_debian() -> Result<PathBuf, String> {
        let find =
            || debian::search_path().into_iter().map(|folder| folder.join("pgbouncer")).find(|file| file.is_file());
        debian::find_or_install("PgBouncer", find, || debian::install(&["pgbouncer"]))?
            .ok_or_else(|| "there is no PgBouncer: install it (on Debian: apt-get install pgbouncer)".to_owned())
    }
}

/// Where a server is and who we are there, in the words of PgBouncer.
pub fn place(server: &Url) -> Result<String, String> {
    let options: PgConnectOptions = server.as_str().parse().map_err(|error| format!("a database URL: {error}"))?;
    let host = options.get_socket().map_or_else(|| options.get_host().to_owned(), |path| path.display().to_string());
    let password = server.password().map(|password| format!(" password={password}")).unwrap_or_default();
    Ok(format!("host={host} port={} user={}{password}", options.get_port(), options.get_username()))
}

/// A file with other settings in the place of its own, and those that it does not have at its end. One without a value
/// takes the line away.
fn with_settings(text: &str, settings: &[&str]) -> String {
    let name = |line: &str| line.split_once('=').map(|(name, _)| name.trim().to_owned());
    let other = |line: &str| settings.iter().rev().find(|setting| name(line).is_some() && name(setting) == name(line));
    let own = text.lines().map(|line| other(line).copied().unwrap_or(line));
    let is_new = |setting: &&str| !text.lines().any(|line| name(line) == name(setting));
    let new = settings.iter().copied().filter(is_new);
    let has_value = |line: &&str| !line.trim_end().ends_with('=');
    own.chain(new).filter(has_value).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_replaces_the_line_of_its_name() {
        let text = "[pgbouncer]\n; pool_mode\npool_mode = transaction\nlisten_port = 1\n\n";
        let made = with_settings(text, &["pool_mode = session", "verbose = 1", "listen_port ="]);
        assert_eq!(made, "[pgbouncer]\n; pool_mode\npool_mode = session\n\nverbose = 1\n");
    }
}
