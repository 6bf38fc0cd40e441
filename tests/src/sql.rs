//! The way to the rows past the service: to look at what it left, and to tamper with it.

use std::time::{Duration, Instant};

use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, ExecResult, Statement, TryGetable,
    Value,
};
use tokio::sync::OnceCell;

/// A connection of the test's own to a database. Placeholders are `$1`, `$2` … on both databases.
pub struct Sql {
    url: String,
    connection: OnceCell<DatabaseConnection>,
}

impl Sql {
    /// The way to the database at this URL, opened when it is used first.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), connection: OnceCell::new() }
    }

    /// The connection.
    pub async fn connection(&self) -> &DatabaseConnection {
        let open = async || {
            let mut options = ConnectOptions::new(&self.url);
            // one, so that what is set on it holds for the next statement
            options.max_connections(1).sqlx_logging(false);
            Database::connect(options).await
        };
        self.connection.get_or_try_init(open).await.unwrap_or_else(|error| panic!("the database: {error}"))
    }

    /// Closes the connection, so that nothing of it is left in the database's files.
    pub async fn close(self) {
        let Some(connection) = self.connection.into_inner() else { return };
        connection.close().await.unwrap_or_else(|error| panic!("the database: {error}"));
    }

    /// Runs a statement; the error is what the database says.
    pub async fn attempt(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<ExecResult, String> {
        let connection = self.connection().await;
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        connection.execute_raw(statement).await.map_err(|error| error.to_string())
    }

    /// Runs a statement; how many rows it touched.
    pub async fn run(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> u64 {
        self.attempt(sql, values).await.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
    }

    /// The first column of all rows.
    pub async fn all<T: TryGetable>(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Vec<T> {
        let connection = self.connection().await;
        let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
        let rows = connection.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let first = |row: &sea_orm::QueryResult| row.try_get_by_index(0);
        rows.iter().map(|row| first(row).unwrap_or_else(|error| panic!("{sql}: {error}"))).collect()
    }

    /// The first column of the first row.
    pub async fn one<T: TryGetable>(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> T {
        self.all(sql, values).await.into_iter().next().unwrap_or_else(|| panic!("{sql}: there is no row"))
    }

    /// How many rows of a table, or of `table WHERE …`, there are.
    pub async fn count(&self, of: &str, values: impl IntoIterator<Item = Value>) -> i64 {
        self.one(&format!("SELECT count(*) FROM {of}"), values).await
    }

    /// Does the work while rows are locked (`SELECT … FOR UPDATE`), until so many of its statements wait for them at
    /// once: whatever they had read before, they had all read then. For PostgreSQL; SQLite has one writer at a time.
    pub async fn meeting<T>(&self, lock: &str, waiting: i64, work: impl Future<Output = T>) -> T {
        self.run("BEGIN", []).await;
        self.run(lock, []).await;
        let release = async {
            self.until_waiting(waiting).await;
            self.run("COMMIT", []).await;
        };
        futures_util::future::join(work, release).await.0
    }

    /// Until so many statements wait for rows that others have locked, or for two seconds. For PostgreSQL.
    pub async fn until_waiting(&self, waiting: i64) {
        let watch = Self::new(&self.url);
        let wait = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let begun = Instant::now();
        while watch.count(wait, []).await < waiting && begun.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes the database refuse something, such as `INSERT ON events`, until [`Self::mend`].
    pub async fn break_at(&self, what: &str) {
        match self.connection().await.get_database_backend() {
            DbBackend::Sqlite => {
                let trigger = format!("CREATE TRIGGER broken BEFORE {what} BEGIN SELECT RAISE(ABORT, 'broken'); END");
                self.run(&trigger, []).await;
            }
            _ => {
                let function = "CREATE OR REPLACE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
                                $$ BEGIN RAISE EXCEPTION 'broken'; END $$";
                self.run(function, []).await;
                let trigger = format!("CREATE TRIGGER broken BEFORE {what} FOR EACH ROW EXECUTE FUNCTION broken()");
                self.run(&trigger, []).await;
            }
        }
    }

    /// Makes PostgreSQL refuse to commit what it took before.
    pub async fn break_at_commit(&self, what: &str) {
        self.break_at(what).await;
        let table = what.rsplit(' ').next().unwrap_or_default();
        self.run(&format!("DROP TRIGGER broken ON {table}"), []).await;
        let trigger = format!(
            "CREATE CONSTRAINT TRIGGER broken AFTER {what} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
             EXECUTE FUNCTION broken()"
        );
        self.run(&trigger, []).await;
    }

    /// Ends what [`Self::break_at`] began, on the same table.
    pub async fn mend(&self, table: &str) {
        match self.connection().await.get_database_backend() {
            DbBackend::Sqlite => self.run("DROP TRIGGER broken", []).await,
            _ => self.run(&format!("DROP TRIGGER broken ON {table}"), []).await,
        };
    }
}
