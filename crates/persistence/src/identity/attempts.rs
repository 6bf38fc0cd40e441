//! Failed attempts to sign in, counted under keys that do not tell whose they are.

use chrono::DateTime;
use domain::{identity::Attempts, time::Instant};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict,
};
use serde_json::json;

use super::entity::login_failure;
use crate::{
    error::{Error, Result},
    rows::{Rows, word},
    tx::Tx,
};

impl<C: ConnectionTrait> Rows<'_, C> {
    /// The failed attempts under some keys, in their order.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn failed_attempts(&self, keys: &[&str]) -> Result<Vec<Attempts>> {
        let ids = keys.iter().copied();
        let rows = login_failure::Entity::find().filter(login_failure::Column::Id.is_in(ids)).all(self.conn).await?;
        let of = |key: &&str| {
            let row = rows.iter().find(|row| row.id == **key).cloned();
            row.map_or(Ok(Attempts::default()), Attempts::try_from)
        };
        keys.iter().map(of).collect()
    }
}

impl Tx {
    /// The failed attempts under a key, kept from others until this transaction ends: of several attempts at once each
    /// sees those before it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn failed_attempts_alone(&self, key: &str) -> Result<Attempts> {
        let row = login_failure::ActiveModel {
            id: Set(key.to_owned()),
            attempts: Set(json!([])),
            updated_at: Set(self.now()),
        };
        let once = OnConflict::column(login_failure::Column::Id).do_nothing().to_owned();
        login_failure::Entity::insert(row).on_conflict(once).exec_without_returning(&self.conn).await?;
        self.failed_attempts_so_far(key).await
    }

    /// The same where nothing is to be added to them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn failed_attempts_so_far(&self, key: &str) -> Result<Attempts> {
        let row = login_failure::Entity::find_by_id(key).lock_exclusive().one(&self.conn).await?;
        row.map_or(Ok(Attempts::default()), Attempts::try_from)
    }

    /// Keeps the failed attempts under a key, which were read by [`Tx::failed_attempts_alone`].
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn keep_failed_attempts(&self, key: &str, attempts: &Attempts) -> Result<()> {
        let times: Vec<i64> = attempts.0.iter().map(Instant::timestamp_millis).collect();
        let row = login_failure::ActiveModel {
            attempts: Set(json!(times)),
            updated_at: Set(self.now()),
            ..Default::default()
        };
        let update = login_failure::Entity::update_many().set(row).filter(login_failure::Column::Id.eq(key));
        if update.exec(&self.conn).await?.rows_affected == 1 { Ok(()) } else { Err(Error::Stale) }
    }

    /// Forgets the failed attempts under a key.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn forget_failed_attempts(&self, key: &str) -> Result<()> {
        login_failure::Entity::delete_by_id(key).exec(&self.conn).await?;
        Ok(())
    }

    /// Removes what nothing was added to since then; how many keys.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn purge_failed_attempts(&self, before: Instant) -> Result<u64> {
        let old = login_failure::Entity::delete_many().filter(login_failure::Column::UpdatedAt.lt(before));
        Ok(old.exec(&self.conn).await?.rows_affected)
    }
}

impl TryFrom<login_failure::Model> for Attempts {
    type Error = Error;

    fn try_from(row: login_failure::Model) -> Result<Self> {
        let login_failure::Model { id, attempts, updated_at: _ } = row;
        let times = serde_json::from_value::<Vec<i64>>(attempts).ok();
        let times = times.and_then(|times| times.into_iter().map(DateTime::from_timestamp_millis).collect());
        Ok(Self(word(times, "login_failures", "attempts", &id)?))
    }
}
