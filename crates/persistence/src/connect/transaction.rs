//! How statements reach a connection: outside any transaction, and within one.

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    sea_query::{CommonTableExpression, InsertStatement, SubQueryStatement, UpdateStatement, WithClause, WithQuery},
};
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
        Ok(self.0.all(&statement).await?.into_iter().next())
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

    /// Writes rows of which none needs another one, then changes some; how many rows the change touched. PostgreSQL gets all
    /// of it as one statement, which spares the way to it and back for each.
    pub(crate) async fn together(
        &self,
        inserts: Vec<InsertStatement>,
        update: Option<UpdateStatement>,
    ) -> std::result::Result<u64, DbErr> {
        if self.backend == DbBackend::Postgres
            && let Some(one) = as_one(&inserts, update.as_ref())
        {
            return Ok(self.execute(&one).await?.rows_affected());
        }
        for insert in inserts {
            self.execute(&insert).await?;
        }
        match update {
            Some(update) => Ok(self.execute(&update).await?.rows_affected()),
            None => Ok(0),
        }
    }

    /// The rows of a query one after the other, however many there are.
    pub(crate) async fn each(&self, statement: &Statement, take: impl FnMut(QueryResult) -> Result<()>) -> Result<()> {
        self.lease.lock().await.each(statement, take).await
    }
}

/// Several statements as one: all but the last stand in its WITH clause.
fn as_one(inserts: &[InsertStatement], update: Option<&UpdateStatement>) -> Option<WithQuery> {
    let inserts = inserts.iter().cloned().map(SubQueryStatement::from);
    let mut all: Vec<_> = inserts.chain(update.cloned().map(Into::into)).collect();
    let last = all.pop().filter(|_| !all.is_empty())?;
    let mut with = WithClause::new();
    for (number, statement) in all.into_iter().enumerate() {
        let mut expression = CommonTableExpression::new();
        expression.table_name(format!("w{number}")).query(statement);
        with.cte(expression);
    }
    Some(with.query(last))
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
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        self.lease.lock().await.all(&statement).await
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::{Expr, ExprTrait as _, PostgresQueryBuilder, Query};

    use super::*;

    fn insert(into: &'static str, value: i64) -> InsertStatement {
        Query::insert().into_table(into).columns(["b"]).values_panic([value.into()]).to_owned()
    }

    #[test]
    fn several_statements_become_one() {
        let update = Query::update().table("c").value("d", 3).and_where(Expr::col("e").eq(4)).to_owned();
        let one = as_one(&[insert("a", 1), insert("b", 2)], Some(&update)).unwrap();
        assert_eq!(
            one.to_string(PostgresQueryBuilder),
            r#"WITH "w0" AS (INSERT INTO "a" ("b") VALUES (1)) , "w1" AS (INSERT INTO "b" ("b") VALUES (2)) UPDATE "c" SET "d" = 3 WHERE "e" = 4"#
        );
    }

    #[test]
    fn one_statement_stays_as_it_is() {
        assert!(as_one(&[], None).is_none());
        assert!(as_one(&[insert("a", 1)], None).is_none());
    }
}
