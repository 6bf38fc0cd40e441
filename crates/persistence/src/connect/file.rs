//! Reading an SQLite file where the rows are needed. The driver has a thread for each connection, which copies every value of a
//! row and hands the rows over one by one: for a page of orders that takes longer than to read them.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::SecondsFormat;
use rusqlite::{
    OpenFlags, ToSql,
    ffi::ErrorCode,
    params_from_iter,
    types::{ToSqlOutput, ValueRef},
};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, Statement, Value, sqlx::sqlite::SqliteConnectOptions};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    STATEMENTS,
    columns::Columns,
    pool::{Watched, within},
};
use crate::watch::Connections;

/// As many bytes of the file are read where the kernel has them, without a copy: as many as SQLite can.
const MAPPED: i64 = 0x7fff_0000;

/// Connections that read a file.
pub(super) struct File {
    options: Box<SqliteConnectOptions>,
    max: u32,
    /// How long one waits for a connection.
    patience: Duration,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<rusqlite::Connection>>,
    watched: Arc<Watched>,
}

impl File {
    pub fn new(options: Box<SqliteConnectOptions>, max: u32, patience: Duration, watched: Arc<Watched>) -> Self {
        let permits = Arc::new(Semaphore::new(max.try_into().unwrap_or(Semaphore::MAX_PERMITS)));
        Self { options, max, patience, permits, idle: Mutex::default(), watched }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<rusqlite::Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn connections(&self) -> Connections {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let idle = count(self.idle().len());
        let in_use = self.max.saturating_sub(count(self.permits.available_permits()));
        Connections { max: self.max, open: idle + in_use, idle }
    }

    /// All rows of a query, each as it is read.
    pub async fn read<T, F>(self: &Arc<Self>, statement: Statement, read: F) -> Result<Vec<T>, DbErr>
    where
        T: Send + 'static,
        F: Fn(&mut Columns<'_>) -> Result<T, DbErr> + Send + 'static,
    {
        let closed = |_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed);
        let permit = within(self.patience, Arc::clone(&self.permits).acquire_owned()).await?.map_err(closed)?;
        let file = Arc::clone(self);
        let reading = spawn_blocking(move || {
            let begun = Instant::now();
            let rows = file.read_now(&statement, read);
            file.watched.note(begun.elapsed(), rows.is_err());
            drop(permit);
            rows
        });
        reading.await.map_err(|error| DbErr::Custom(error.to_string()))?
    }

    fn read_now<T>(
        &self,
        statement: &Statement,
        read: impl Fn(&mut Columns<'_>) -> Result<T, DbErr>,
    ) -> Result<Vec<T>, DbErr> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| self.open(), Ok).map_err(failed)?;
        let rows = rows_of(&connection, statement, read);
        if !self.permits.is_closed() {
            self.idle().push(connection);
        }
        rows
    }

    fn open(&self) -> rusqlite::Result<rusqlite::Connection> {
        // one that may only read could not open a file that nobody else has open
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = rusqlite::Connection::open_with_flags(self.options.get_filename(), flags)?;
        connection.busy_timeout(self.patience)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "mmap_size", MAPPED)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    /// Closes all connections, once they are free.
    pub async fn close(&self) {
        drop(within(self.patience, self.permits.acquire_many(self.max)).await);
        self.permits.close();
        self.idle().clear();
    }
}

fn rows_of<T>(
    connection: &rusqlite::Connection,
    statement: &Statement,
    read: impl Fn(&mut Columns<'_>) -> Result<T, DbErr>,
) -> Result<Vec<T>, DbErr> {
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(failed)?;
    let values = statement.values.iter().flat_map(|values| &values.0).map(Bound);
    let mut rows = prepared.query(params_from_iter(values)).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        found.push(read(&mut Columns::of_file(row))?);
    }
    Ok(found)
}

/// What the driver says of the same failure.
fn failed(error: rusqlite::Error) -> DbErr {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DiskFull | ErrorCode::CannotOpen) => {
            DbErr::Conn(RuntimeErr::Internal(error.to_string()))
        }
        _ => DbErr::Query(RuntimeErr::Internal(error.to_string())),
    }
}

/// A value as the driver writes it.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        fn text(text: &impl ToString) -> ToSqlOutput<'static> {
            text.to_string().into()
        }
        let bound = match self.0 {
            Value::Bool(value) => value.map(ToSqlOutput::from),
            Value::Int(value) => value.map(ToSqlOutput::from),
            Value::BigInt(value) => value.map(ToSqlOutput::from),
            Value::String(value) => value.as_deref().map(ToSqlOutput::from),
            Value::Uuid(value) => value.map(|id| id.into_bytes().to_vec().into()),
            Value::ChronoDate(value) => value.as_ref().map(text),
            Value::ChronoDateTimeUtc(value) => value.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, false).into()),
            other => return Err(rusqlite::Error::ToSqlConversionFailure(format!("{other:?} as a parameter").into())),
        };
        Ok(bound.unwrap_or(ToSqlOutput::Borrowed(ValueRef::Null)))
    }
}

#[cfg(test)]
mod tests {
    use domain::time::Instant;
    use sea_orm::DbBackend;
    use uuid::Uuid;

    use super::*;

    fn read(sql: &str, values: impl IntoIterator<Item = Value>) -> Result<Vec<(Uuid, String, Instant)>, DbErr> {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE a (id BLOB, b TEXT, c TEXT)").unwrap();
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        rows_of(&connection, &statement, |columns| Ok((columns.next()?, columns.next()?, columns.next()?)))
    }

    #[test]
    fn what_is_bound_is_read_again() {
        let id = Uuid::from_u128(7);
        let at: Instant = "2026-03-12T15:59:59.120Z".parse().unwrap();
        let rows = read("SELECT $1, $2, $3", [id.into(), "王".into(), at.into()]).unwrap();
        assert_eq!(rows, [(id, "王".to_owned(), at)]);
    }

    /// As the driver writes them: both compare them as text.
    #[test]
    fn times_are_written_alike() {
        for (at, text) in [
            ("2026-03-12T15:59:59.120Z", "2026-03-12T15:59:59.120+00:00"),
            ("2026-03-12T15:59:59Z", "2026-03-12T15:59:59+00:00"),
        ] {
            let at: Instant = at.parse().unwrap();
            let id = Uuid::from_u128(7);
            assert_eq!(read("SELECT $1, $2, $2 WHERE $2 = $3", [id.into(), at.into(), text.into()]).unwrap().len(), 1);
        }
    }

    #[test]
    fn what_is_no_such_value_is_told() {
        assert!(read("SELECT $1, 'b', 'c'", [1.into()]).is_err());
        assert!(read("SELECT $1, NULL, 'c'", [Uuid::from_u128(7).into()]).is_err());
        assert!(read("SELECT $1, 'b', 'c'", [Value::Double(Some(1.5))]).is_err());
        assert!(read("SELECT id FROM a LIMIT 1", []).unwrap().is_empty());
    }
}
