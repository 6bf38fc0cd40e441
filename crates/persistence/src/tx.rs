//! A write in progress.

use std::{net::IpAddr, sync::Arc};

use domain::{
    id::{IdSource, SessionId, UserId},
    time::Instant,
};
use opentelemetry::global::BoxedSpan;
use sea_orm::DatabaseTransaction;
use tokio::sync::OwnedMutexGuard;

use crate::{error::Result, rows::Rows, vault::Vault};

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

/// A transaction. Dropping it undoes everything.
pub struct Tx {
    pub(crate) conn: DatabaseTransaction,
    vault: Arc<Vault>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) stamp: Stamp,
    /// Given to the next writer of an SQLite file when this one has ended.
    _turn: Option<OwnedMutexGuard<()>>,
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
        conn: DatabaseTransaction,
        turn: Option<OwnedMutexGuard<()>>,
        vault: Arc<Vault>,
        ids: Arc<dyn IdSource>,
        stamp: Stamp,
        span: Option<BoxedSpan>,
    ) -> Self {
        Self { conn, vault, ids, stamp, _turn: turn, _span: span }
    }

    /// The rows as this transaction sees them.
    #[must_use]
    pub fn rows(&self) -> Rows<'_, DatabaseTransaction> {
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

    /// Makes it permanent.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn commit(self) -> Result<()> {
        Ok(self.conn.commit().await?)
    }
}
