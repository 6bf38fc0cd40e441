//! All rows as text, for backups: read as they stand at one point in time, loaded in one transaction. Both databases
//! write and read the same text, so that what one has written the other can load.

mod tables;

use domain::{
    access::ResourceKind,
    event::{Datum, EventDraft, Subject},
};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
pub use tables::{Row, Table};

use self::tables::{not_json, quoted};
use crate::{
    connect::{Database, Transaction},
    error::{Error, Result},
    tx::{Stamp, Tx},
};

/// All rows as they stand at one point in time, whoever writes meanwhile.
pub struct Snapshot {
    conn: Transaction,
    /// The tables, in the order in which they are to be loaded.
    pub tables: Vec<Table>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshot({} tables)", self.tables.len())
    }
}

impl Database {
    /// Holds all rows as they are now.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        let conn = self.begin_reading().await?;
        conn.take_time().await?;
        let tables = Table::all(&conn).await?;
        Ok(Snapshot { conn, tables })
    }

    /// Writes that all rows were copied, before they are: the copy holds the event too.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn record_backup(&self, stamp: Stamp) -> Result<()> {
        let tx = self.begin_write(stamp).await?;
        tx.record(&[EventDraft::new("database.backed_up", subject(), None)])?;
        tx.commit().await
    }

    /// Begins to load a database without rows. What steps of the schema have filled in is replaced.
    ///
    /// # Errors
    /// [`Error::NotEmpty`] if it holds accounts or events.
    pub async fn begin_loading(&self, stamp: Stamp) -> Result<Loading> {
        #[derive(FromQueryResult)]
        struct Found {
            rows: i64,
        }
        let tx = self.begin_write(stamp).await?;
        let backend = tx.conn.get_database_backend();
        let sql = "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM events) AS rows";
        let found = Found::find_by_statement(Statement::from_string(backend, sql)).one(&tx.conn).await?;
        if found.is_none_or(|found| found.rows > 0) {
            return Err(Error::NotEmpty);
        }
        tx.conn.take_time().await?;
        judge_references_at_the_end(&tx.conn).await?;
        let tables = Table::all(&tx.conn).await?;
        Ok(Loading { tx, tables })
    }
}

impl Snapshot {
    /// Gives all rows of a table, in the order of its primary key.
    ///
    /// # Errors
    /// If the database does not answer, or the receiver does not take one.
    pub async fn read(&self, table: &Table, take: impl FnMut(Row) -> std::io::Result<()>) -> Result<()> {
        read(&self.conn, table, take).await
    }
}

/// Rows on their way into a database.
#[derive(Debug)]
pub struct Loading {
    tx: Tx,
    /// The tables that there are.
    pub tables: Vec<Table>,
}

impl Loading {
    /// Makes a table empty.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn empty(&self, table: &Table) -> Result<()> {
        self.tx.conn.execute_raw(table.delete(self.tx.conn.get_database_backend())).await?;
        Ok(())
    }

    /// Adds rows to a table.
    ///
    /// # Errors
    /// If the database does not take one of them.
    pub async fn add(&self, table: &Table, rows: &[Row]) -> Result<()> {
        self.tx.conn.execute_raw(table.insert(self.tx.conn.get_database_backend(), rows)?).await?;
        Ok(())
    }

    /// Reads a table back.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read(&self, table: &Table, take: impl FnMut(Row) -> std::io::Result<()>) -> Result<()> {
        read(&self.tx.conn, table, take).await
    }

    /// Ends all sessions, because some were ended after the backup was taken, and keeps everything; how many ended.
    ///
    /// # Errors
    /// If a row names another one that is not there, or the database does not take it.
    pub async fn finish(self) -> Result<u64> {
        judge_references_as_before(&self.tx.conn).await?;
        let ended = self.tx.end_all_sessions("restored").await?;
        let event = EventDraft::new("database.restored", subject(), None)
            .with("sessions_ended", Datum::Count(i64::try_from(ended).unwrap_or(i64::MAX)));
        self.tx.record(&[event])?;
        self.tx.commit().await?;
        Ok(ended)
    }
}

fn subject() -> Subject {
    Subject { kind: ResourceKind::Database, id: String::new(), version: 0 }
}

async fn read(conn: &Transaction, table: &Table, mut take: impl FnMut(Row) -> std::io::Result<()>) -> Result<()> {
    let rows = table.select(conn.get_database_backend());
    conn.each(&rows, |row| {
        let text: String = row.try_get_by_index(0)?;
        Ok(take(serde_json::from_str(&text).map_err(not_json)?)?)
    })
    .await
}

/// Rows of a table may name others that are loaded after them.
async fn judge_references_at_the_end(conn: &Transaction) -> Result<()> {
    if conn.get_database_backend() != DbBackend::Postgres {
        conn.execute_unprepared("PRAGMA defer_foreign_keys = ON").await?;
        return Ok(());
    }
    alter_references(conn, "DEFERRABLE INITIALLY DEFERRED").await
}

async fn judge_references_as_before(conn: &Transaction) -> Result<()> {
    if conn.get_database_backend() == DbBackend::Postgres {
        conn.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await?;
        alter_references(conn, "NOT DEFERRABLE").await?;
    }
    Ok(())
}

async fn alter_references(conn: &Transaction, how: &str) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Found {
        relation: String,
        name: String,
    }
    let sql = "SELECT CAST(c.relname AS text) AS relation, CAST(k.conname AS text) AS name FROM pg_constraint k \
               JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE k.contype = 'f' AND n.nspname = current_schema() ORDER BY 1, 2";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    for Found { relation, name } in Found::find_by_statement(statement).all(conn).await? {
        let sql = format!("ALTER TABLE {} ALTER CONSTRAINT {} {how}", quoted(&relation), quoted(&name));
        conn.execute_unprepared(&sql).await?;
    }
    Ok(())
}
