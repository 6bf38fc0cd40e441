//! How statements reach a connection: outside any transaction, and within one.

use std::{future::Future, sync::Arc, time::Duration};

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    sea_query::{CommonTableExpression, InsertStatement, WithClause, WithQuery},
};
use tokio::sync::Mutex;

use super::{
    columns::Columns,
    file::File,
    pool::{Lease, Pool},
};
use crate::{
    compounds::entity::compound,
    error::Result,
    gather::{Answer, Gather},
    notes::Writers,
    orders::{NamesOfPages, SingleOrders},
    people::{PersonsByPhone, entity::person},
    single::SingleRows,
};

/// Reads outside any transaction, each statement on whatever connection is free. It does not write.
#[derive(Clone)]
pub struct Reader {
    pool: Arc<Pool>,
    /// Where it is an SQLite file.
    file: Option<Arc<File>>,
    single: Single,
    writers: Writers,
}

/// Those who ask for the same kind of thing at the same time, on one thread.
#[derive(Clone, Default)]
pub(crate) struct Single {
    pub orders: SingleOrders,
    pub names: NamesOfPages,
    pub compounds: SingleRows<compound::Entity>,
    pub persons: SingleRows<person::Entity>,
    pub persons_by_phone: PersonsByPhone,
}

impl Reader {
    pub(super) fn new(pool: Arc<Pool>, file: Option<Arc<File>>) -> Self {
        Self { pool, file, single: Single::default(), writers: Writers::new() }
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    pub(super) fn file(&self) -> Option<&Arc<File>> {
        self.file.as_ref()
    }

    /// All rows of a query that is asked often, each by its columns.
    pub(crate) async fn read<T, F>(&self, statement: Statement, read: F) -> std::result::Result<Vec<T>, DbErr>
    where
        T: Send + 'static,
        F: Fn(&mut Columns<'_>) -> std::result::Result<T, DbErr> + Send + 'static,
    {
        match &self.file {
            Some(file) => file.read(statement, read).await,
            None => self.pool.all(&statement).await?.iter().map(|row| read(&mut Columns::of(row))).collect(),
        }
    }

    /// How long one waits for others before he is told to come back.
    pub(crate) fn patience(&self) -> Duration {
        self.pool.patience()
    }

    /// Those who ask for the same kind of thing at the same time.
    pub(crate) fn single(&self) -> &Single {
        &self.single
    }

    /// Asks what others ask at the same time, all of them by one statement.
    pub(crate) async fn ask<Q, A, W>(
        &self,
        gather: &Arc<Gather<Q, A>>,
        question: Q,
        all: fn(Self, Vec<Q>) -> W,
    ) -> Answer<A>
    where
        Q: Send + 'static,
        A: Send + 'static,
        W: Future<Output = std::result::Result<Vec<Answer<A>>, DbErr>> + Send + 'static,
    {
        let reader = self.clone();
        gather.ask(question, self.patience(), move |questions| all(reader.clone(), questions)).await
    }

    /// Those who write nothing but notes at the same time. They are kept here because this is what a thread has of its own.
    pub(crate) fn writers(&self) -> &Writers {
        &self.writers
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({:?})", self.pool.backend())
    }
}

fn not_here() -> DbErr {
    DbErr::Custom("what is not in a transaction does not write".to_owned())
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.backend()
    }

    async fn execute_raw(&self, _: Statement) -> std::result::Result<ExecResult, DbErr> {
        Err(not_here())
    }

    async fn execute_unprepared(&self, _: &str) -> std::result::Result<ExecResult, DbErr> {
        Err(not_here())
    }

    async fn query_one_raw(&self, statement: Statement) -> std::result::Result<Option<QueryResult>, DbErr> {
        Ok(self.pool.all(&statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        self.pool.all(&statement).await
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
    pub(crate) async fn commit(self) -> std::result::Result<(), DbErr> {
        self.lease.into_inner().commit().await
    }

    /// From now on statements take as long as they need.
    pub(crate) async fn take_time(&self) -> Result<()> {
        Ok(self.lease.lock().await.take_time().await?)
    }

    /// From now on PostgreSQL reads by indexes where it can: a table that is empty most of the time would be planned as if it
    /// always were, and a plan is kept.
    pub(crate) async fn use_indexes(&self) -> Result<()> {
        if self.backend == DbBackend::Postgres {
            self.execute_unprepared("SET LOCAL enable_seqscan = off").await?;
        }
        Ok(())
    }

    /// Writes rows of which none needs another one; how many the last statement wrote. PostgreSQL gets all of it as one
    /// statement, which spares the way to it and back for each.
    pub(crate) async fn together(
        &self,
        inserts: Vec<InsertStatement>,
        last: Option<InsertStatement>,
    ) -> std::result::Result<u64, DbErr> {
        let mut inserts: Vec<_> = inserts.into_iter().chain(last).collect();
        let Some(last) = inserts.pop() else { return Ok(0) };
        if self.backend == DbBackend::Postgres && !inserts.is_empty() {
            return Ok(self.execute(&as_one(inserts, last)).await?.rows_affected());
        }
        for insert in inserts {
            self.execute(&insert).await?;
        }
        Ok(self.execute(&last).await?.rows_affected())
    }

    /// The rows of a query one after the other, however many there are.
    pub(crate) async fn each(&self, statement: &Statement, take: impl FnMut(QueryResult) -> Result<()>) -> Result<()> {
        self.lease.lock().await.each(statement, take).await
    }
}

/// Several statements as one: all but the last stand in its WITH clause.
fn as_one(inserts: Vec<InsertStatement>, last: InsertStatement) -> WithQuery {
    let mut with = WithClause::new();
    for (number, statement) in inserts.into_iter().enumerate() {
        let mut expression = CommonTableExpression::new();
        expression.table_name(format!("w{number}")).query(statement);
        with.cte(expression);
    }
    with.query(last)
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
    use sea_orm::sea_query::{PostgresQueryBuilder, Query};

    use super::*;

    fn insert(into: &'static str, value: i64) -> InsertStatement {
        Query::insert().into_table(into).columns(["b"]).values_panic([value.into()]).to_owned()
    }

    #[test]
    fn several_statements_become_one() {
        let one = as_one(vec![insert("a", 1), insert("b", 2)], insert("c", 3));
        assert_eq!(
            one.to_string(PostgresQueryBuilder),
            r#"WITH "w0" AS (INSERT INTO "a" ("b") VALUES (1)) , "w1" AS (INSERT INTO "b" ("b") VALUES (2)) INSERT INTO "c" ("b") VALUES (3)"#
        );
    }
}
