//! Test databases: each fresh, migrated and empty, copied from a template that is migrated once.
//!
//! A test is isolated by its database and not by a transaction that is rolled back: the code under
//! test begins and commits its own.

use std::{
    env,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    thread,
};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbErr, Statement};
use tokio::{runtime::Builder, sync::OnceCell};
use uuid::Uuid;

use crate::{debian::say, postgres::Server};

/// The databases Lianxin runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file of its own.
    Sqlite,
    /// A database of its own on the server of [`crate::postgres`].
    Postgres,
}

/// A database for one test, removed when the value is dropped.
pub struct TestDatabase {
    /// What the service connects to.
    pub url: String,
    place: Place,
}

/// What is to be removed.
enum Place {
    /// The database's file and whatever else is made beside it.
    Directory(PathBuf),
    /// The database of this name.
    Server(String),
}

impl TestDatabase {
    /// A fresh, migrated, empty database.
    pub async fn new(backend: Backend) -> Self {
        let made = match backend {
            Backend::Sqlite => sqlite().await,
            Backend::Postgres => postgres().await,
        };
        made.unwrap_or_else(|error| panic!("no {backend:?} test database: {error}"))
    }

    /// A fresh database without any table.
    pub async fn bare(backend: Backend) -> Self {
        let made = match backend {
            Backend::Sqlite => sqlite_file().map(|(database, _)| database),
            Backend::Postgres => bare_postgres().await,
        };
        made.unwrap_or_else(|error| panic!("no bare {backend:?} test database: {error}"))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let removed = match &self.place {
            Place::Directory(directory) => {
                fs::remove_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))
            }
            Place::Server(name) => wait_for(remove(name)).map_err(|error| format!("database {name}: {error}")),
        };
        if let Err(error) = removed {
            say(&format!("a test left something behind: {error}"));
        }
    }
}

/// Runs asynchronous work from a destructor. It gets a thread of its own, because the present one
/// may belong to a runtime and must not enter another.
fn wait_for(work: impl Future<Output = Result<(), String>> + Send) -> Result<(), String> {
    let run = || {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(work)
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap_or_else(|_| Err("panicked".to_owned()))
}

/// The version of the PostgreSQL at this URL, in the server's words.
pub async fn postgres_version(url: &str) -> Result<String, String> {
    let connection = connect(url).await?;
    let version = ask(&connection, "SELECT current_setting('server_version')").await?;
    close(connection).await?;
    version.ok_or_else(|| "the server does not know its version".to_owned())
}

// SQLite: the bytes of a migrated file

async fn sqlite() -> Result<TestDatabase, String> {
    static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
    let template = TEMPLATE.get_or_try_init(migrated_bytes).await?;
    let (database, file) = sqlite_file()?;
    fs::write(&file, template).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(database)
}

async fn migrated_bytes() -> Result<Vec<u8>, String> {
    let (database, file) = sqlite_file()?;
    migrate(&database.url).await?;
    // what is still in the write-ahead log would be missing from a copy of the file
    let connection = connect(&database.url).await?;
    let busy: Option<i32> = ask(&connection, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
    close(connection).await?;
    if busy != Some(0) {
        return Err("the migration did not close its connections".to_owned());
    }
    fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))
}

/// An empty file in a new directory that only this user can enter.
fn sqlite_file() -> Result<(TestDatabase, PathBuf), String> {
    let directory = env::temp_dir().join(format!("lianxin-sqlite-{}", Uuid::new_v4().simple()));
    let cannot = |error| format!("cannot make {}: {error}", directory.display());
    DirBuilder::new().mode(0o700).create(&directory).map_err(cannot)?;
    let file = directory.join("lianxin.db");
    let url = format!("sqlite://{}", file.display());
    let database = TestDatabase { url, place: Place::Directory(directory.clone()) };
    // SQLite takes an empty file for an empty database
    fs::write(&file, []).map_err(cannot)?;
    Ok((database, file))
}

// PostgreSQL: a copy of a migrated database
//
// All processes of a run share the template, made by the first that needs it. Whoever copies it holds
// LOCK shared; whoever makes or removes it holds LOCK alone. Closing the connection gives it back.

/// An advisory lock in the server, spelled "lianxin".
const LOCK: i64 = 0x6c_6961_6e78_696e;

async fn postgres() -> Result<TestDatabase, String> {
    let server = Server::shared()?;
    let key = key()?;
    let template = format!("lianxin_template_{key}");
    let name = format!("lianxin_test_{key}_{}", Uuid::new_v4().simple());
    let admin = connect(server.url.as_str()).await?;
    loop {
        run(&admin, &format!("SELECT pg_advisory_lock_shared({LOCK})")).await?;
        if count(&admin, &template).await? > 0 {
            break;
        }
        run(&admin, &format!("SELECT pg_advisory_unlock_shared({LOCK})")).await?;
        make_template(server, &template).await?;
    }
    run(&admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
    close(admin).await?;
    Ok(TestDatabase { url: server.served(&name).into(), place: Place::Server(name) })
}

async fn bare_postgres() -> Result<TestDatabase, String> {
    let server = Server::shared()?;
    let name = format!("lianxin_test_{}_{}", key()?, Uuid::new_v4().simple());
    let admin = connect(server.url.as_str()).await?;
    run(&admin, &create(&name)).await?;
    close(admin).await?;
    Ok(TestDatabase { url: server.served(&name).into(), place: Place::Server(name) })
}

fn create(name: &str) -> String {
    format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
}

async fn make_template(server: &Server, template: &str) -> Result<(), String> {
    let admin = connect(server.url.as_str()).await?;
    run(&admin, &format!("SELECT pg_advisory_lock({LOCK})")).await?;
    if count(&admin, template).await? == 0 {
        // it gets its name when it is whole; a process that died may have left a part
        let part = template.replace("template", "part");
        run(&admin, &format!("DROP DATABASE IF EXISTS {part} WITH (FORCE)")).await?;
        run(&admin, &create(&part)).await?;
        migrate(server.database(&part).as_str()).await?;
        run(&admin, &format!("ALTER DATABASE {part} RENAME TO {template}")).await?;
    }
    close(admin).await
}

/// Removes a test database and, where the server stays, the template with its last copy.
async fn remove(name: &str) -> Result<(), String> {
    let server = Server::shared()?;
    let admin = connect(server.url.as_str()).await?;
    // the service under test may still be connected
    run(&admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    if !server.throwaway {
        let key = key()?;
        run(&admin, &format!("SELECT pg_advisory_lock({LOCK})")).await?;
        if count(&admin, &format!("lianxin_test_{key}_")).await? == 0 {
            run(&admin, &format!("DROP DATABASE IF EXISTS lianxin_template_{key}")).await?;
        }
    }
    close(admin).await
}

/// Short enough for the names of databases, and another for each content of the migrations.
fn key() -> Result<String, String> {
    let fingerprint = migrations::fingerprint();
    let key: String = fingerprint.chars().take(16).collect();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if key.len() == 16 && key.chars().all(fits) {
        Ok(key)
    } else {
        Err(format!("{fingerprint:?} is no fingerprint in lower-case hexadecimal digits"))
    }
}

/// How many databases have a name that begins so.
async fn count(admin: &DatabaseConnection, prefix: &str) -> Result<i64, String> {
    let query = format!("SELECT count(*) FROM pg_database WHERE starts_with(datname::text, '{prefix}')");
    Ok(ask(admin, &query).await?.unwrap_or_default())
}

// both

async fn migrate(url: &str) -> Result<(), String> {
    persistence::migrate(url).await.map_err(|error| format!("migrating: {error}"))
}

/// A single connection, so that a lock and what it guards are on the same.
async fn connect(url: &str) -> Result<DatabaseConnection, String> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.map_err(said)
}

async fn close(connection: DatabaseConnection) -> Result<(), String> {
    connection.close().await.map_err(said)
}

async fn run(connection: &DatabaseConnection, statement: &str) -> Result<(), String> {
    connection.execute_unprepared(statement).await.map(drop).map_err(said)
}

/// The first value of the first row.
async fn ask<T: sea_orm::TryGetable>(connection: &DatabaseConnection, query: &str) -> Result<Option<T>, String> {
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let row = connection.query_one_raw(statement).await.map_err(said)?;
    row.map(|row| row.try_get_by_index(0).map_err(said)).transpose()
}

fn said(error: DbErr) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use sea_orm::DbBackend;

    use super::*;

    async fn tables(database: &TestDatabase) -> i64 {
        let connection = connect(&database.url).await.unwrap();
        let query = match connection.get_database_backend() {
            DbBackend::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE type = 'table'",
            _ => "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
        };
        let tables = ask(&connection, query).await.unwrap().unwrap();
        close(connection).await.unwrap();
        tables
    }

    #[rstest]
    #[tokio::test]
    async fn each_is_migrated_and_nobody_elses(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
        let one = TestDatabase::new(backend).await;
        let other = TestDatabase::new(backend).await;
        assert_ne!(one.url, other.url);
        let migrated = tables(&other).await;
        assert!(migrated > 0);

        let connection = connect(&one.url).await.unwrap();
        run(&connection, "CREATE TABLE only_in_one (id INTEGER)").await.unwrap();
        close(connection).await.unwrap();
        assert_eq!(tables(&one).await, migrated + 1);
        assert_eq!(tables(&other).await, migrated);
        assert_eq!(tables(&TestDatabase::new(backend).await).await, migrated);
    }

    #[tokio::test]
    async fn a_dropped_file_is_gone() {
        let database = TestDatabase::new(Backend::Sqlite).await;
        let Place::Directory(directory) = &database.place else { panic!("not a file") };
        let directory = directory.clone();
        assert!(directory.join("lianxin.db").exists());
        drop(database);
        assert!(!directory.exists());
    }

    #[tokio::test]
    async fn a_dropped_database_is_gone_although_in_use() {
        let database = TestDatabase::new(Backend::Postgres).await;
        let Place::Server(name) = &database.place else { panic!("not on a server") };
        let name = name.clone();
        let admin = connect(Server::shared().unwrap().url.as_str()).await.unwrap();
        let _user = connect(&database.url).await.unwrap();
        assert_eq!(count(&admin, &name).await, Ok(1));
        drop(database);
        assert_eq!(count(&admin, &name).await, Ok(0));
    }

    #[tokio::test]
    async fn text_sorts_by_code_point() {
        let database = TestDatabase::new(Backend::Postgres).await;
        let connection = connect(&database.url).await.unwrap();
        let sorted = ask(&connection, "SELECT 'Z' < 'a'").await.unwrap();
        assert_eq!(sorted, Some(true));
    }
}
