//! Opening a database, bringing its schema up to date, and asking how it is.

mod columns;
mod file;
mod pool;
mod transaction;
mod wire;

use std::{
    fs, iter,
    net::IpAddr,
    num::NonZero,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::available_parallelism,
    time::{Duration, Instant},
};

pub(crate) use columns::{Columns, Read};
use domain::id::IdSource;
use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, FromQueryResult, RuntimeErr, Statement,
    TransactionTrait as _,
    sqlx::{
        ConnectOptions as _,
        postgres::{PgConnectOptions, PgSslMode},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use tokio::sync::Mutex;
pub use transaction::{Reader, Transaction};

use self::{
    file::File,
    pool::{Pool, Watched, within},
    wire::Options,
};
use crate::{
    error::{Error, Result},
    notes::Notes,
    rows::Rows,
    tx::{Stamp, Tx},
    vault::Vault,
    watch::{self, Connections, Statements},
};

/// How long SQLite waits for a writer of another program.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A database, its keys, and where new ids come from.
#[derive(Clone)]
pub struct Database {
    /// Those of the first thread that asks, and of all where it is an SQLite file.
    pool: Reader,
    /// A connection to PostgreSQL answers to the thread that opened it, and is slow to wake another one. So each thread
    /// has some of its own, as far as there are enough.
    other_pools: Arc<[Reader]>,
    vault: Arc<Vault>,
    ids: Arc<dyn IdSource>,
    watched: Arc<Watched>,
    turn: Option<Arc<Mutex<()>>>,
    /// How long one waits to write.
    patience: Duration,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({:?})", self.connection().get_database_backend())
    }
}

/// How long one waits for a connection, or to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Two seconds: whoever sent a request is told to come back later.
    OfRequests,
    /// A minute: an administrator has nobody to come back to.
    OfCommands,
}

impl Patience {
    fn limit(self) -> Duration {
        match self {
            Self::OfRequests => Duration::from_secs(2),
            Self::OfCommands => Duration::from_mins(1),
        }
    }
}

/// How a database is.
#[derive(Debug, Clone)]
pub struct Health {
    /// The newest step of its schema.
    pub schema: String,
    /// Events that have no position yet.
    pub unsequenced_events: i64,
}

/// What a connection to PostgreSQL asks for when it is opened.
const SESSION: [(&str, &str); 5] = [
    // no statement runs longer, or waits longer for a lock
    ("statement_timeout", "5000"),
    ("lock_timeout", "4000"),
    ("timezone", "UTC"),
    // each filter has a text of its own, whose plan fits all its values: to plan takes longer than to run
    ("plan_cache_mode", "force_generic_plan"),
    // on the disks of today a page read at random costs little more than the next one
    ("random_page_cost", "1.1"),
];
/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 256;

/// Whether a URL says how many prepared statements a connection keeps. The driver reads it by itself.
fn says_how_many(url: &str) -> bool {
    url.contains("statement-cache-capacity=")
}

/// How the connections of a database are opened.
fn options(url: &str, patience: Duration) -> Result<Options> {
    let failed = |error| Error::Unavailable(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))));
    if sqlite_path(url).is_some() {
        let options: SqliteConnectOptions = url.parse().map_err(failed)?;
        return Ok(Options::Sqlite(Box::new(for_file(options, patience))));
    }
    let options: PgConnectOptions = url.parse().map_err(failed)?;
    Ok(Options::Postgres(Box::new(for_session(options, says_how_many(url)))))
}

fn for_file(options: SqliteConnectOptions, patience: Duration) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // with NORMAL a power cut would lose acknowledged commits
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT.max(patience))
        .foreign_keys(true)
        // what was written goes into the file proper every 32 MiB, not every four, with one wait for the disk each time
        .pragma("wal_autocheckpoint", "8000")
        .statement_cache_capacity(STATEMENTS)
        .optimize_on_close(true, None)
        .disable_statement_logging()
}

fn for_session(options: PgConnectOptions, says_how_many: bool) -> PgConnectOptions {
    let options = options.application_name("lianxin").options(SESSION).disable_statement_logging();
    if says_how_many { options } else { options.statement_cache_capacity(STATEMENTS) }
}

/// One connection for the steps of the schema.
async fn connect(url: &str) -> Result<DatabaseConnection> {
    let says_how_many = says_how_many(url);
    let patience = Patience::OfRequests.limit();
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .acquire_timeout(patience)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(move |sqlite| for_file(sqlite, patience))
        .map_sqlx_postgres_opts(move |postgres| for_session(postgres, says_how_many));
    sea_orm::Database::connect(options).await.map_err(Error::Unavailable)
}

/// A pooler between the program and PostgreSQL may keep to itself what a connection asks for. Then the limits have to
/// come from elsewhere, or one slow statement would hold a connection, and those who wait for it, for ever.
async fn holds_limits(pool: &Reader) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Row {
        statement: String,
        lock: String,
    }
    if pool.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let sql = "SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock";
    let row = Row::find_by_statement(Statement::from_string(DbBackend::Postgres, sql)).one(pool).await?;
    let Row { statement, lock } = row.ok_or(Error::NotFound)?;
    let missing =
        [("statement_timeout", statement), ("lock_timeout", lock)].into_iter().find(|(_, value)| value == "0");
    missing.map_or(Ok(()), |(name, _)| Err(Error::Unlimited { name }))
}

/// The path of an SQLite database, if the URL names one.
fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or(path);
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
}

/// Whether what is said to the database at this URL stays on the machine, or goes to a server whose certificate is
/// checked. The driver is asked, because a host can stand in several parts of a URL, and in the environment.
#[must_use]
pub fn is_private(url: &str) -> bool {
    if sqlite_path(url).is_some() {
        return true;
    }
    let Ok(options) = url.parse::<PgConnectOptions>() else { return false };
    let host = options.get_host().trim_matches(['[', ']']);
    let is_here = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_here || matches!(options.get_ssl_mode(), PgSslMode::VerifyCa | PgSslMode::VerifyFull)
}

/// Brings a schema up to date. Of several programs that start at once one migrates, the others wait for it.
///
/// # Errors
/// If the database cannot be reached or a step fails.
pub async fn migrate(url: &str) -> Result<()> {
    migrate_alone(url, None).await
}

/// Brings the schema of a new database as far as this step, as it was when the step was the newest one.
///
/// # Errors
/// [`Error::Schema`] if there is no such step or the schema is past it.
pub async fn migrate_as_far_as(url: &str, step: &str) -> Result<()> {
    let place = Migrator::migrations().iter().position(|known| known.name() == step);
    let place = place.ok_or_else(|| Error::Schema(format!("step {step} of the schema")))?;
    migrate_alone(url, Some(place + 1)).await
}

/// Runs the steps up to a number of them, or all.
async fn migrate_alone(url: &str, steps: Option<usize>) -> Result<()> {
    const LOCK: i64 = 0x4c_69_61_6e_78_69_6e;
    if let Some(path) = sqlite_path(url) {
        // whoever opens a new file writes to it, and finds it locked where others do so too
        let lock = fs::File::create(path.with_extension("migrating"))?;
        let lock =
            tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.map_err(std::io::Error::other)??;
        let connection = connect(url).await?;
        Migrator::up(&connection, missing(&connection, steps).await?).await?;
        connection.close().await?;
        drop(lock);
    } else {
        let connection = connect(url).await?;
        // one transaction for all steps: lock and limits end with it, however this program ends, and nothing of them
        // stays on a connection that a pooler gives to somebody else
        let transaction = connection.begin().await?;
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
        Migrator::up(&transaction, missing(&transaction, steps).await?).await?;
        transaction.commit().await?;
        connection.close().await?;
    }
    Ok(())
}

/// How many steps are missing until there are so many; `None` is all.
async fn missing<C: ConnectionTrait>(connection: &C, steps: Option<usize>) -> Result<Option<u32>> {
    let Some(steps) = steps else { return Ok(None) };
    let done = Migrator::get_applied_migrations(connection).await?.len();
    let missing = steps.checked_sub(done).ok_or_else(|| Error::Schema("how to undo steps of the schema".to_owned()))?;
    Ok(Some(u32::try_from(missing).unwrap_or(u32::MAX)))
}

impl Database {
    /// Opens a database whose schema is up to date, with as many connections for a thread.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn open(
        url: &str,
        connections: u32,
        patience: Patience,
        vault: Vault,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self> {
        let patience = patience.limit();
        let is_file = sqlite_path(url).is_some();
        // those that serve, and the one that does the rest
        let threads = if is_file { 1 } else { available_parallelism().map_or(2, NonZero::get) + 1 };
        let options = options(url, patience)?;
        let watched = Arc::new(Watched { count: AtomicU64::new(0), times: Statements::new() });
        let open = || {
            let file = match &options {
                Options::Sqlite(file) => Some(File::new(file.clone(), connections, patience, Arc::clone(&watched))),
                Options::Postgres(_) => None,
            };
            Reader::new(Pool::new(options.clone(), connections, patience, Arc::clone(&watched)), file.map(Arc::new))
        };
        // the first one tells whether the database is there
        let pool = open();
        holds_limits(&pool).await?;
        let other_pools: Vec<Reader> = (1..threads).map(|_| open()).collect();
        // SQLite lets any writer be the next one and makes the others wait on their connections, which readers need:
        // they wait here instead, and the first comes first
        let turn = is_file.then(Arc::default);
        Ok(Self { pool, other_pools: other_pools.into(), vault: Arc::new(vault), ids, watched, turn, patience })
    }

    /// How many statements it has been sent since it was opened, transaction control aside.
    #[must_use]
    pub fn statements(&self) -> u64 {
        self.watched.count.load(Ordering::Relaxed)
    }

    /// How many connections there are, over all threads.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let of_files = self.pools().filter_map(Reader::file).map(|file| file.connections());
        self.pools().map(|pool| pool.pool().connections()).chain(of_files).fold(Connections::default(), |all, one| {
            Connections { max: all.max + one.max, open: all.open + one.open, idle: all.idle + one.idle }
        })
    }

    fn pools(&self) -> impl Iterator<Item = &Reader> {
        iter::once(&self.pool).chain(&*self.other_pools)
    }

    /// The keys.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Begins to note what is written with [`Self::write`].
    #[must_use]
    pub fn note(&self, stamp: Stamp) -> Notes {
        Notes::new(Arc::clone(&self.vault), Arc::clone(&self.ids), stamp)
    }

    /// Reads outside any transaction.
    #[must_use]
    pub fn rows(&self) -> Rows<'_, Reader> {
        Rows::new(self.connection(), &self.vault)
    }

    /// Begins to write. Dropping the guard undoes what was written.
    ///
    /// # Errors
    /// If it cannot begin in time.
    pub async fn begin_write(&self, stamp: Stamp) -> Result<Tx> {
        let span = watch::span(self.connection().get_database_backend(), &stamp.operation);
        Ok(Tx::new(self.begin().await?, self.note(stamp), span))
    }

    pub(crate) async fn begin(&self) -> std::result::Result<Transaction, DbErr> {
        let begin = async {
            let turn = match &self.turn {
                Some(turn) => Some(Arc::clone(turn).lock_owned().await),
                None => None,
            };
            let pool = Arc::clone(self.connection().pool());
            if turn.is_none() {
                return pool.begin("BEGIN").await;
            }
            // who gives up here does not give up the turn: SQLite would still be waiting, and so would the next one,
            // each on a connection
            let begin = tokio::spawn(async move {
                // a deferred transaction that reads first and writes later fails at once when another one writes
                let mut lease = pool.begin("BEGIN IMMEDIATE").await?;
                lease.hold(turn);
                Ok(lease)
            });
            begin.await.map_err(|error| DbErr::Custom(error.to_string()))?
        };
        let waiting = Instant::now();
        let begun = self.before_long(begin).await;
        watch::note_wait(waiting.elapsed(), begun.is_ok());
        Ok(Transaction::new(begun??, self.connection().get_database_backend()))
    }

    /// Waits for something as long as one waits to write.
    pub(crate) async fn before_long<T>(&self, work: impl Future<Output = T>) -> std::result::Result<T, DbErr> {
        within(self.patience, work).await
    }

    /// Begins to read all rows as they are now.
    pub(crate) async fn begin_reading(&self) -> Result<Transaction> {
        let pool = self.connection().pool();
        let sql = match pool.backend() {
            DbBackend::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            _ => "BEGIN",
        };
        Ok(Transaction::new(pool.begin(sql).await?, pool.backend()))
    }

    /// A connection of this thread.
    pub(crate) fn connection(&self) -> &Reader {
        let number = thread_number() % (self.other_pools.len() + 1);
        number.checked_sub(1).and_then(|number| self.other_pools.get(number)).unwrap_or(&self.pool)
    }

    /// Asks the database how it is.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn health(&self) -> Result<Health> {
        #[derive(FromQueryResult)]
        struct Row {
            version: Option<String>,
            waiting: i64,
        }
        let sql = "SELECT (SELECT max(version) FROM seaql_migrations) AS version, \
                   (SELECT count(*) FROM event_queue) AS waiting";
        let statement = Statement::from_string(self.connection().get_database_backend(), sql);
        let row = Row::find_by_statement(statement).one(self.connection()).await?;
        let row = row.ok_or(Error::NotFound)?;
        Ok(Health { schema: row.version.unwrap_or_default(), unsequenced_events: row.waiting })
    }

    /// The version of the schema that this program knows.
    #[must_use]
    pub fn known_schema() -> String {
        migrations::newest()
    }

    /// Whether it holds any user: a database without one is new.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn is_empty(&self) -> Result<bool> {
        #[derive(FromQueryResult)]
        struct Row {
            users: i64,
        }
        let statement = Statement::from_string(
            self.connection().get_database_backend(),
            "SELECT count(*) AS users FROM (SELECT 1 FROM users LIMIT 1) AS found",
        );
        let row = Row::find_by_statement(statement).one(self.connection()).await?;
        Ok(row.is_none_or(|row| row.users == 0))
    }

    /// What each connection of an SQLite pool reports of its settings; empty on PostgreSQL. It takes them all at
    /// once, so that each is asked, and fails where one is in use for long.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn pragmas(&self) -> Result<Vec<Vec<(&'static str, String)>>> {
        if self.connection().get_database_backend() != DbBackend::Sqlite {
            return Ok(Vec::new());
        }
        let pool = self.connection().pool();
        let mut leases = Vec::new();
        for _ in 0..pool.connections().max {
            leases.push(pool.lease().await?);
        }
        let mut reports = Vec::new();
        for lease in &mut leases {
            let mut report = Vec::new();
            for name in ["journal_mode", "synchronous", "foreign_keys", "busy_timeout"] {
                let statement = Statement::from_string(DbBackend::Sqlite, format!("PRAGMA {name}"));
                let row = lease.all(&statement).await?.into_iter().next().ok_or(Error::NotFound)?;
                let number = row.try_get_by_index::<i64>(0).map(|number| number.to_string());
                report.push((name, number.or_else(|_| row.try_get_by_index(0))?));
            }
            reports.push(report);
        }
        Ok(reports)
    }

    /// Closes all connections.
    ///
    /// # Errors
    /// If one does not close.
    pub async fn close(self) -> Result<()> {
        for pool in self.pools() {
            if let Some(file) = pool.file() {
                file.close().await;
            }
            pool.pool().close().await?;
        }
        Ok(())
    }
}

/// The number of this thread among those that have asked for a database.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    OWN.with(|number| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_says_how_many_statements_are_kept() {
        for (query, kept) in [("", 256), ("?statement-cache-capacity=7", 7), ("?statement-cache-capacity=0", 0)] {
            let url = format!("postgres://lianxin@localhost/lianxin{query}");
            let options = for_session(url.parse().unwrap(), says_how_many(&url));
            let shown = format!("{options:?}");
            assert!(shown.contains(&format!("statement_cache_capacity: {kept},")), "{shown}");
        }
    }
}
