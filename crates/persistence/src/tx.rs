//! A write in progress.

use std::net::IpAddr;

use domain::{
    id::{IdSource, SessionId, UserId},
    time::Instant,
};
use opentelemetry::global::BoxedSpan;

use crate::{
    connect::Transaction,
    error::Result,
    notes::{self, Notes, Pending},
    rows::Rows,
    vault::Vault,
};

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
    pub(crate) conn: Transaction,
    notes: Notes,
    /// Ends with it.
    _span: Option<BoxedSpan>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tx({})", self.notes.stamp().operation)
    }
}

impl Tx {
    pub(crate) fn new(conn: Transaction, notes: Notes, span: Option<BoxedSpan>) -> Self {
        Self { conn, notes, _span: span }
    }

    /// The rows as this transaction sees them.
    #[must_use]
    pub fn rows(&self) -> Rows<'_, Transaction> {
        Rows::new(&self.conn, self.vault())
    }

    /// When this transaction writes.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.notes.stamp().now
    }

    /// What is written when it ends.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    pub(crate) fn vault(&self) -> &Vault {
        self.notes.vault()
    }

    pub(crate) fn ids(&self) -> &dyn IdSource {
        self.notes.ids()
    }

    /// Makes it permanent, with what was noted.
    ///
    /// # Errors
    /// Those of [`Database::write`](crate::Database::write).
    pub async fn commit(self) -> Result<()> {
        notes::write_all(&self.conn, vec![self.notes.take()]).await?.into_iter().collect::<Result<()>>()?;
        Ok(self.conn.commit().await?)
    }

    /// Writes the new rows that were noted so far, for what needs them.
    pub(crate) async fn write_noted(&self) -> Result<()> {
        let (persons, orders) = {
            let mut pending = self.notes.pending();
            (std::mem::take(&mut pending.persons), std::mem::take(&mut pending.orders))
        };
        Pending { persons, orders, ..Pending::default() }.insert_rows(&self.conn).await
    }
}
