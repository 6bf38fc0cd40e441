//! Migrates a database and dies after so many statements, as by `kill -9`: `migrate-and-die URL STATEMENTS`. It ends well
//! only if there are no more. Only statements that the library counts are seen: those that keep the books around each step,
//! not those within it.

use std::sync::atomic::{AtomicU64, Ordering};

use migrations::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectOptions, Database, sqlx::sqlite::SqliteJournalMode};

#[tokio::main]
async fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(statements)) = (arguments.next(), arguments.next()) else {
        return Err("migrate-and-die URL STATEMENTS".to_owned());
    };
    let statements: u64 = statements.parse().map_err(|_| format!("{statements} is not a number"))?;
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|sqlite| sqlite.journal_mode(SqliteJournalMode::Wal));
    let mut connection = Database::connect(options).await.map_err(|error| error.to_string())?;
    let done = AtomicU64::new(0);
    connection.set_metric_callback(move |_| {
        if done.fetch_add(1, Ordering::Relaxed) + 1 == statements {
            std::process::abort();
        }
    });
    Migrator::up(&connection, None).await.map_err(|error| error.to_string())
}
