//! The words in which the two databases differ.

use sea_orm_migration::{
    prelude::{DbErr, SchemaManager},
    sea_orm::{ConnectionTrait, DbBackend},
};

/// Words of a step and what they become: `(word, on SQLite, on PostgreSQL)`.
///
/// Text is compared byte by byte on both, so that both give the same order and a prefix can use an index. Times
/// on SQLite are RFC 3339 text in UTC with milliseconds, whose order is the order in time.
const WORDS: &[(&str, &str, &str)] = &[
    ("UUID", "BLOB", "uuid"),
    ("TEXT", "TEXT", "text COLLATE \"C\""),
    ("TIME", "TEXT", "timestamptz"),
    ("DAY", "TEXT", "date"),
    ("JSON", "TEXT", "jsonb"),
    ("BOOL", "BOOLEAN", "boolean"),
    ("INT", "INTEGER", "integer"),
    ("LONG", "BIGINT", "bigint"),
    ("BYTES", "BLOB", "bytea"),
];

/// What stands before a statement that SQLite has no use for.
const ONLY_POSTGRES: &str = "$ONLY_POSTGRES ";

/// Runs the statements of a step, which are separated by `;` at the end of a line.
pub async fn run(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    for statement in sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()) {
        let statement = match statement.strip_prefix(ONLY_POSTGRES) {
            Some(_) if backend != DbBackend::Postgres => continue,
            Some(statement) => statement,
            None => statement,
        };
        manager.get_connection().execute_unprepared(&translate(backend, statement)).await?;
    }
    Ok(())
}

fn translate(backend: DbBackend, statement: &str) -> String {
    WORDS.iter().fold(statement.to_owned(), |sql, (word, sqlite, postgres)| {
        let value = if backend == DbBackend::Postgres { postgres } else { sqlite };
        sql.replace(&format!("${word}"), value)
    })
}

/// Sets up what guards rows on this database: statements with an empty line between them, as they are.
pub async fn guard(manager: &SchemaManager<'_>, sqlite: &str, postgres: &str) -> Result<(), DbErr> {
    let guards = if manager.get_database_backend() == DbBackend::Postgres { postgres } else { sqlite };
    for guard in guards.split("\n\n") {
        manager.get_connection().execute_unprepared(guard).await?;
    }
    Ok(())
}

/// Declares a step that consists of the `SQL` of its module, and, where its `GUARDS_SQLITE` and `GUARDS_POSTGRES` are named,
/// of these.
macro_rules! step {
    ($($sqlite:ident, $postgres:ident)?) => {
        /// This step.
        #[derive(sea_orm_migration::prelude::DeriveMigrationName)]
        pub struct Migration;

        #[async_trait::async_trait]
        impl sea_orm_migration::MigrationTrait for Migration {
            // without this SQLite would keep half a step after a crash
            fn use_transaction(&self) -> Option<bool> {
                Some(true)
            }

            async fn up(
                &self,
                manager: &sea_orm_migration::prelude::SchemaManager,
            ) -> Result<(), sea_orm_migration::prelude::DbErr> {
                crate::dialect::run(manager, SQL).await?;
                $(crate::dialect::guard(manager, $sqlite, $postgres).await?;)?
                Ok(())
            }
        }
    };
}
pub(crate) use step;
