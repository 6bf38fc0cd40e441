//! Migrates a database and dies after so many statements, as by `kill -9`: `migrate-and-die URL STATEMENTS`. It ends well
//! only if there are no more.

use std::sync::atomic::{AtomicU64, Ordering};

use migrations::{Migrator, MigratorTrait as _};
use sea_orm::{ConnectOptions, Database, sqlx::sqlite::SqliteJournalMode};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// Counts the statements that the driver tells of when it has done them.
struct Death {
    after: u64,
    done: AtomicU64,
}

impl<S: Subscriber> Layer<S> for Death {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" && self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.after {
            std::process::abort();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), String> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(statements)) = (arguments.next(), arguments.next()) else {
        return Err("migrate-and-die URL STATEMENTS".to_owned());
    };
    let after = statements.parse().map_err(|_| format!("{statements} is not a number"))?;
    tracing_subscriber::registry().with(Death { after, done: AtomicU64::new(0) }).init();
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .sqlx_logging(true)
        .map_sqlx_sqlite_opts(|sqlite| sqlite.journal_mode(SqliteJournalMode::Wal));
    let connection = Database::connect(options).await.map_err(|error| error.to_string())?;
    Migrator::up(&connection, None).await.map_err(|error| error.to_string())
}
