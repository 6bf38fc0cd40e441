//! Leases: of several replicas, one at a time does a piece of background work.

use chrono::Duration;
use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use crate::{error::Result, tx::Tx};

/// How long a lease lasts unless it is renewed; a replica that died is replaced after that.
const LEASE: Duration = Duration::seconds(10);

impl Tx {
    /// Takes or renews a lease until this transaction's time plus ten seconds; `false` where another one holds it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn lease(&self, name: &str, holder: Uuid) -> Result<bool> {
        let now = self.now();
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "INSERT INTO leases (name, holder, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
             WHERE leases.holder = excluded.holder OR leases.expires_at <= $4",
            [name.into(), holder.into(), (now + LEASE).into(), now.into()],
        );
        Ok(self.conn.execute_raw(statement).await?.rows_affected() == 1)
    }
}
