//! One connection, to either database.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sea_orm::{
    ExecResult, QueryResult, Statement,
    sea_query::Values,
    sqlx::{
        self, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, IntoArguments, PgConnection,
        SqliteConnection,
        postgres::{PgConnectOptions, Postgres},
        query::Query,
        sqlite::{Sqlite, SqliteConnectOptions},
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::time::timeout;

use crate::error::Result;

/// How a connection is opened.
#[derive(Clone)]
pub(super) enum Options {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

/// A connection, as the driver has it.
pub(super) enum Wire {
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

/// A result of the driver.
pub(super) type Answer<T> = std::result::Result<T, sqlx::Error>;

fn query<DB: sqlx::Database>(statement: &Statement) -> Query<'_, DB, SqlxValues>
where
    SqlxValues: IntoArguments<DB>,
{
    let values = statement.values.clone().unwrap_or_else(|| Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), SqlxValues(values))
}

impl Wire {
    pub async fn open(options: &Options) -> Answer<Self> {
        Ok(match options {
            Options::Postgres(options) => Self::Postgres(Box::new(options.connect().await?)),
            Options::Sqlite(options) => Self::Sqlite(Box::new(options.connect().await?)),
        })
    }

    /// All rows of a query.
    pub async fn all(&mut self, statement: &Statement) -> Answer<Vec<QueryResult>> {
        Ok(match self {
            Self::Postgres(wire) => {
                query::<Postgres>(statement).fetch_all(&mut **wire).await?.into_iter().map(Into::into).collect()
            }
            Self::Sqlite(wire) => {
                query::<Sqlite>(statement).fetch_all(&mut **wire).await?.into_iter().map(Into::into).collect()
            }
        })
    }

    /// The rows of a query one after the other, however many there are.
    pub async fn each(&mut self, statement: &Statement, mut take: impl FnMut(QueryResult) -> Result<()>) -> Result<()> {
        let failed = super::pool::query_failed;
        match self {
            Self::Postgres(wire) => {
                let mut rows = query::<Postgres>(statement).fetch(&mut **wire);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    take(row.into())?;
                }
            }
            Self::Sqlite(wire) => {
                let mut rows = query::<Sqlite>(statement).fetch(&mut **wire);
                while let Some(row) = rows.try_next().await.map_err(failed)? {
                    take(row.into())?;
                }
            }
        }
        Ok(())
    }

    pub async fn execute(&mut self, statement: &Statement) -> Answer<ExecResult> {
        Ok(match self {
            Self::Postgres(wire) => query::<Postgres>(statement).execute(&mut **wire).await?.into(),
            Self::Sqlite(wire) => query::<Sqlite>(statement).execute(&mut **wire).await?.into(),
        })
    }

    /// Statements without parameters, which are not prepared.
    pub async fn run(&mut self, sql: &str) -> Answer<ExecResult> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Postgres(wire) => wire.execute(sqlx::raw_sql(sql)).await?.into(),
            Self::Sqlite(wire) => wire.execute(sqlx::raw_sql(sql)).await?.into(),
        })
    }

    /// Whether the other side answers within a time.
    pub async fn answers(&mut self, within: Duration) -> bool {
        let answer = async {
            match self {
                Self::Postgres(wire) => wire.ping().await,
                Self::Sqlite(wire) => wire.ping().await,
            }
        };
        matches!(timeout(within, answer).await, Ok(Ok(())))
    }

    pub async fn close(self) -> Answer<()> {
        match self {
            Self::Postgres(wire) => wire.close().await,
            Self::Sqlite(wire) => wire.close().await,
        }
    }
}
