//! A kept answer stays in its row. Its text is sealed, so it cannot be made smaller, and PostgreSQL would try to for each one
//! and then write it to a second table, with an index of its own.

use sea_orm_migration::{
    prelude::{DbErr, DeriveMigrationName, SchemaManager},
    sea_orm::{ConnectionTrait, DbBackend},
};

/// This step.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl sea_orm_migration::MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.get_connection().execute_unprepared(SQL_POSTGRES).await?;
        }
        Ok(())
    }
}

pub(crate) const SQL_POSTGRES: &str = "ALTER TABLE idempotency_keys SET (toast_tuple_target = 8160)";
