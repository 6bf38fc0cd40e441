//! How statements reach a connection: outside any transaction, and within one.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use tokio::sync::Mutex;

use super::pool::{Lease, Pool};
use crate::error::Result;

/// Reads outside any transaction, each statement on whatever connection is free. It does not write.
#[derive(Clone)]
pub struct Reader(pub(super) Arc<Pool>);

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({:?})", self.0.backend())
    }
}

fn not_here() -> DbErr {
    DbErr::Custom("what is not in a transaction does not write".to_owned())
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.0.backend()
    }

    async fn execute_raw(&self, _: Statement) -> std::result::Result<ExecResult, DbErr> {
        Err(not_here())
    }

    async fn execute_unprepared(&self, _: &str) -> std::result::Result<ExecResult, DbErr> {
        Err(not_here())
    }

    async fn query_one_raw(&self, statement: Statement) -> std::result::Result<Option<QueryResult>, DbErr> {
        self.0.one(&statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        self.0.all(&statement).await
    }
}

/// A transaction. Dropping it undoes what was written.
pub struct Transaction {
    backend: DbBackend,
    lease: Mutex<Lease>,
}

impl Transaction {
    pub(super) fn new(lease: Lease, backend: DbBackend) -> Self {
        Self { backend, lease: Mutex::new(lease) }
    }

    /// Makes it permanent.
    pub(crate) async fn commit(self) -> Result<()> {
        Ok(self.lease.into_inner().commit().await?)
    }

    /// From now on statements take as long as they need.
    pub(crate) async fn take_time(&self) -> Result<()> {
        Ok(self.lease.lock().await.take_time().await?)
    }

    /// Runs statements of which none needs what another one wrote; how many rows the last one touched. PostgreSQL gets
    /// them as one, which spares the way to it and back for each of them.
    pub(crate) async fn together(&self, statements: Vec<Statement>) -> std::result::Result<u64, DbErr> {
        if self.backend == DbBackend::Postgres
            && let Some(statement) = as_one(&statements)
        {
            return Ok(self.execute_raw(statement).await?.rows_affected());
        }
        let mut touched = 0;
        for statement in statements {
            touched = self.execute_raw(statement).await?.rows_affected();
        }
        Ok(touched)
    }

    /// The rows of a query one after the other, however many there are.
    pub(crate) async fn each(&self, statement: &Statement, take: impl FnMut(QueryResult) -> Result<()>) -> Result<()> {
        self.lease.lock().await.each(statement, take).await
    }
}

/// PostgreSQL takes no more parameters with one statement.
const MOST_PARAMETERS: usize = 65_535;

/// Statements as one: each but the last as a query in its WITH clause. `None` where that would be no gain, or too much.
fn as_one(statements: &[Statement]) -> Option<Statement> {
    let (last, others) = statements.split_last().filter(|(_, others)| !others.is_empty())?;
    let values = |statement: &Statement| statement.values.clone().map(|values| values.0).unwrap_or_default();
    let mut all = Vec::new();
    let mut with = Vec::new();
    for (number, statement) in others.iter().enumerate() {
        with.push(format!("w{number} AS ({})", numbered_from(&statement.sql, all.len())));
        all.extend(values(statement));
    }
    let sql = format!("WITH {} {}", with.join(", "), numbered_from(&last.sql, all.len()));
    all.extend(values(last));
    (all.len() <= MOST_PARAMETERS).then(|| Statement::from_sql_and_values(DbBackend::Postgres, sql, all))
}

/// A statement whose parameters come after so many others: `$1` becomes `$3` after two. Outside of parameters the
/// statements of this program have no `$`.
fn numbered_from(sql: &str, before: usize) -> String {
    let mut parts = sql.split('$');
    let mut numbered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let number = number.parse::<usize>().map_or(0, |number| number + before);
        numbered.push_str(&format!("${number}{rest}"));
    }
    numbered
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> std::result::Result<ExecResult, DbErr> {
        self.lease.lock().await.execute(&statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> std::result::Result<ExecResult, DbErr> {
        self.lease.lock().await.run(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> std::result::Result<Option<QueryResult>, DbErr> {
        self.lease.lock().await.one(&statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        self.lease.lock().await.all(&statement).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_become_one_with_their_parameters_counted_on() {
        let statement = |sql: &str, values: [i64; 2]| {
            Statement::from_sql_and_values(DbBackend::Postgres, sql, values.map(Into::into))
        };
        let one = as_one(&[
            statement("INSERT INTO a VALUES ($1, $2)", [1, 2]),
            statement("INSERT INTO b VALUES ($2, $1)", [3, 4]),
            statement("UPDATE c SET d = $1 WHERE e = $2", [5, 6]),
        ]);
        let one = one.unwrap();
        assert_eq!(
            one.sql,
            "WITH w0 AS (INSERT INTO a VALUES ($1, $2)), w1 AS (INSERT INTO b VALUES ($4, $3)) \
             UPDATE c SET d = $5 WHERE e = $6"
        );
        assert_eq!(one.values.unwrap().0, (1..=6_i64).map(Into::into).collect::<Vec<_>>());
    }

    #[test]
    fn one_statement_stays_as_it_is() {
        assert!(as_one(&[]).is_none());
        assert!(as_one(&[Statement::from_string(DbBackend::Postgres, "DELETE FROM a")]).is_none());
    }
}
