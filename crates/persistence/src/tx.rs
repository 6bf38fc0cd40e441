//! A write in progress.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{
    id::{IdSource, SessionId, UserId},
    time::Instant,
};
use opentelemetry::global::BoxedSpan;
use sea_orm::{ConnectionTrait as _, EntityTrait as _, QueryTrait as _, sea_query::InsertStatement};

use crate::{
    connect::Transaction,
    counters,
    error::{Error, Result},
    events::event,
    rows::Rows,
    vault::Vault,
};

/// So many events are written by one statement.
const EVENTS_AT_ONCE: usize = 500;
/// So many other rows.
const ROWS_AT_ONCE: usize = 8;

/// Who writes, when, and by which request: what every event of a transaction carries.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// When.
    pub now: Instant,
    /// Who; `None` is the system itself.
    pub user_id: Option<UserId>,
    /// In which session.
    pub session_id: Option<SessionId>,
    /// From which address.
    pub address: Option<IpAddr>,
    /// By which operation of the API, or which job.
    pub operation: String,
    /// By which request.
    pub request_id: String,
}

impl Stamp {
    /// The stamp of what the system does by itself.
    #[must_use]
    pub fn system(now: Instant, job: &str) -> Self {
        Self {
            now,
            user_id: None,
            session_id: None,
            address: None,
            operation: job.to_owned(),
            request_id: String::new(),
        }
    }
}

/// What goes with the changes of a transaction, and is written when it ends.
#[derive(Default)]
pub(crate) struct Pending {
    /// The events of its decisions.
    pub events: Vec<event::ActiveModel>,
    /// Steps of counters, by region and state of orders.
    pub counts: BTreeMap<(String, &'static str), i64>,
    /// New rows that nothing else in the transaction needs.
    pub rows: Vec<InsertStatement>,
    /// The answers that are kept under keys of requests.
    pub answers: Vec<InsertStatement>,
}

/// A transaction. Dropping it undoes everything.
pub struct Tx {
    pub(crate) conn: Transaction,
    pending: Mutex<Pending>,
    vault: Arc<Vault>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) stamp: Stamp,
    /// Ends with it.
    _span: Option<BoxedSpan>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tx({})", self.stamp.operation)
    }
}

impl Tx {
    pub(crate) fn new(
        conn: Transaction,
        vault: Arc<Vault>,
        ids: Arc<dyn IdSource>,
        stamp: Stamp,
        span: Option<BoxedSpan>,
    ) -> Self {
        Self { conn, pending: Mutex::default(), vault, ids, stamp, _span: span }
    }

    /// The rows as this transaction sees them.
    #[must_use]
    pub fn rows(&self) -> Rows<'_, Transaction> {
        Rows::new(&self.conn, &self.vault)
    }

    /// When this transaction writes.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.stamp.now
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes it permanent.
    ///
    /// # Errors
    /// [`Error::Audit`] if the database does not take what goes with the changes.
    pub async fn commit(self) -> Result<()> {
        if self.pending().rows.len() > ROWS_AT_ONCE {
            self.write_noted().await?;
        }
        let Pending { mut events, counts, rows, answers } = std::mem::take(&mut *self.pending());
        let insert = |events| event::Entity::insert_many(events).into_query();
        while events.len() > EVENTS_AT_ONCE {
            let rest = events.split_off(EVENTS_AT_ONCE);
            self.conn.execute(&insert(events)).await.map_err(Error::Audit)?;
            events = rest;
        }
        let events = (!events.is_empty()).then(|| insert(events));
        let mut inserts: Vec<_> = rows.into_iter().chain(events).chain(counters::steps(counts)).collect();
        for answer in answers {
            if self.together(std::mem::take(&mut inserts), Some(answer)).await? != 1 {
                return Err(Error::Stale);
            }
        }
        self.together(inserts, None).await?;
        self.conn.commit().await
    }
    /// Writes the rows that were noted so far, for what needs them.
    pub(crate) async fn write_noted(&self) -> Result<()> {
        let mut rows = std::mem::take(&mut self.pending().rows);
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(ROWS_AT_ONCE));
            self.together(rows, None).await?;
            rows = rest;
        }
        Ok(())
    }

    /// How many rows the last of some statements wrote.
    async fn together(&self, inserts: Vec<InsertStatement>, last: Option<InsertStatement>) -> Result<u64> {
        self.conn.together(inserts, last).await.map_err(|error| match Error::from(error.clone()) {
            // of the rows: nothing else that is written here can be there already
            duplicate @ Error::Duplicate { .. } => duplicate,
            _ => Error::Audit(error),
        })
    }
}
