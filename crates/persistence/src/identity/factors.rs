//! Second factors and recovery codes.

use domain::id::UserId;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict};

use super::entity::{recovery_code, second_factor};
use crate::{
    error::{Error, Result},
    rows::Sealer,
    tx::Tx,
    vault::{Class, Vault},
};

/// A second factor.
#[derive(Clone)]
pub struct SecondFactor {
    /// Its secret, as it was given out.
    pub secret: String,
    /// The last step of time whose code was used.
    pub last_step: Option<i64>,
    /// Whether it is asked for: once its first code was shown.
    pub confirmed: bool,
}

fn opened(vault: &Vault, row: second_factor::Model) -> Result<SecondFactor> {
    let second_factor::Model { id, secret_sealed, last_step, confirmed_at, created_at: _ } = row;
    let id = id.to_string();
    let sealer = Sealer { vault, table: "second_factors", row: &id };
    let secret = sealer.open(Class::Sensitive, "secret", Some(&secret_sealed))?;
    let secret = secret.ok_or_else(|| sealer.corrupt("secret"))?;
    Ok(SecondFactor { secret, last_step, confirmed: confirmed_at.is_some() })
}

impl Tx {
    /// The second factor of a user, kept from others until this transaction ends, so that each code is used once.
    ///
    /// # Errors
    /// If the database does not answer, or the secret does not open.
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>> {
        let row = second_factor::Entity::find_by_id(user.0).lock_exclusive().one(&self.conn).await?;
        row.map(|row| opened(self.vault(), row)).transpose()
    }

    /// Keeps the secret of a second factor that is not confirmed yet, in place of one that never was.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn begin_second_factor(&self, user: UserId, secret: &str) -> Result<()> {
        let id = user.to_string();
        let sealer = Sealer { vault: self.vault(), table: "second_factors", row: &id };
        let sealed = sealer.seal(Class::Sensitive, "secret", Some(secret))?;
        let row = second_factor::ActiveModel {
            id: Set(user.0),
            secret_sealed: Set(sealed.ok_or_else(|| sealer.corrupt("secret"))?),
            last_step: Set(None),
            confirmed_at: Set(None),
            created_at: Set(self.now()),
        };
        let replaced = OnConflict::column(second_factor::Column::Id)
            .update_columns([second_factor::Column::SecretSealed, second_factor::Column::CreatedAt])
            .to_owned();
        second_factor::Entity::insert(row).on_conflict(replaced).exec_without_returning(&self.conn).await?;
        Ok(())
    }

    /// Notes the step whose code was used; with the first of them the factor is confirmed.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn use_second_factor(&self, user: UserId, step: i64, confirms: bool) -> Result<()> {
        let mut row = second_factor::ActiveModel { last_step: Set(Some(step)), ..Default::default() };
        if confirms {
            row.confirmed_at = Set(Some(self.now()));
        }
        let update = second_factor::Entity::update_many().set(row).filter(second_factor::Column::Id.eq(user.0));
        if update.exec(&self.conn).await?.rows_affected == 1 { Ok(()) } else { Err(Error::Stale) }
    }

    /// Removes the second factor of a user with his recovery codes; `false` if he has none.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn remove_second_factor(&self, user: UserId) -> Result<bool> {
        self.replace_recovery_codes(user, &[]).await?;
        Ok(second_factor::Entity::delete_by_id(user.0).exec(&self.conn).await?.rows_affected == 1)
    }

    /// Puts recovery codes, by their digests, in place of those that a user has.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn replace_recovery_codes(&self, user: UserId, digests: &[Vec<u8>]) -> Result<()> {
        let old = recovery_code::Entity::delete_many().filter(recovery_code::Column::UserId.eq(user.0));
        old.exec(&self.conn).await?;
        if digests.is_empty() {
            return Ok(());
        }
        let rows = digests
            .iter()
            .map(|digest| recovery_code::ActiveModel { user_id: Set(user.0), code_hash: Set(digest.clone()) });
        recovery_code::Entity::insert_many(rows).exec_without_returning(&self.conn).await?;
        Ok(())
    }

    /// Strikes a recovery code; `false` if the user has none like it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn strike_recovery_code(&self, user: UserId, digest: Vec<u8>) -> Result<bool> {
        let code = recovery_code::Entity::delete_many()
            .filter(recovery_code::Column::UserId.eq(user.0))
            .filter(recovery_code::Column::CodeHash.eq(digest));
        Ok(code.exec(&self.conn).await?.rows_affected == 1)
    }
}
