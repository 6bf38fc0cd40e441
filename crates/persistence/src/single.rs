//! Single rows of a table, those that are asked for at the same time by one statement.

use std::{collections::HashMap, sync::Arc};

use sea_orm::{ConnectionTrait as _, DbErr, EntityTrait, Statement};
use uuid::Uuid;

use crate::{
    connect::Reader,
    error::Result,
    gather::{Answer, Gather},
    many,
};

/// Those who ask for rows of a table by their ids, on one thread.
#[derive(Clone)]
pub(crate) struct SingleRows<E: EntityTrait>(Arc<Gather<Uuid, Option<E::Model>>>);

impl<E: EntityTrait> Default for SingleRows<E> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// A table whose rows have an id.
pub(crate) trait ById: EntityTrait<Model: Clone + Send> {
    /// The id of a row.
    fn id(row: &Self::Model) -> Uuid;
}

impl<E: ById> SingleRows<E> {
    /// The row of an id. Whoever asks judges whether he sees it.
    pub async fn read(&self, reader: &Reader, id: Uuid) -> Result<Option<E::Model>> {
        Ok(reader.ask(&self.0, id, all::<E>).await?)
    }
}

async fn all<E: ById>(reader: Reader, ids: Vec<Uuid>) -> std::result::Result<Vec<Answer<Option<E::Model>>>, DbErr> {
    let backend = reader.get_database_backend();
    let is_one_of = many::is_one_of(backend, "id", 1);
    let sql = format!("SELECT * FROM {} WHERE {is_one_of}", E::default().table_name());
    let asked = many::ids(backend, ids.iter().copied());
    let rows = E::find().from_raw_sql(Statement::from_sql_and_values(backend, sql, [asked])).all(&reader).await?;
    let rows: HashMap<Uuid, E::Model> = rows.into_iter().map(|row| (E::id(&row), row)).collect();
    Ok(ids.iter().map(|id| Ok(rows.get(id).cloned())).collect())
}
