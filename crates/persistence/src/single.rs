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

/// As many statements are under way at a time.
pub(crate) const UNDER_WAY: usize = 2;

/// As many questions share one.
pub(crate) fn share(waiting: usize) -> usize {
    waiting.min(50)
}

/// Those who ask for rows of a table by their ids, on one thread.
pub(crate) struct SingleRows<E: EntityTrait>(Arc<Gather<Uuid, Option<E::Model>>>);

impl<E: EntityTrait> Clone for SingleRows<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E: EntityTrait> Default for SingleRows<E> {
    fn default() -> Self {
        Self(Arc::new(Gather::new(UNDER_WAY, share)))
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
        let asking = reader.clone();
        Ok(self.0.ask(id, reader.patience(), move |ids| all::<E>(asking.clone(), ids)).await?)
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
