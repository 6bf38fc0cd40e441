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
use sea_orm::{ConnectionTrait as _, EntityTrait as _, QueryTrait as _, sea_query::UpdateStatement};

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
    /// The answers that are kept under keys of requests.
    pub answers: Vec<UpdateStatement>,
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
        let Pending { mut events, counts, answers } = std::mem::take(&mut *self.pending());
        let insert = |events| event::Entity::insert_many(events).into_query();
        while events.len() > EVENTS_AT_ONCE {
            let rest = events.split_off(EVENTS_AT_ONCE);
            self.conn.execute(&insert(events)).await.map_err(Error::Audit)?;
            events = rest;
        }
        let events = (!events.is_empty()).then(|| insert(events));
        let mut inserts: Vec<_> = events.into_iter().chain(counters::steps(counts)).collect();
        for answer in answers {
            let touched = self.conn.together(std::mem::take(&mut inserts), Some(answer)).await.map_err(Error::Audit)?;
            if touched != 1 {
                return Err(Error::Stale);
            }
        }
        self.conn.together(inserts, None).await.map_err(Error::Audit)?;
        self.conn.commit().await
    }
}
