//! Reading and writing one row: the same for every kind of resource.

use std::future::Future;

use domain::{
    access::{Access, Located},
    outcome::Outcome,
    resource::Resource,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Select,
    sea_query::{Expr, ExprTrait as _, LockType},
};

use uuid::Uuid;

use crate::{
    connect::Reader,
    error::{Error, Result},
    rows::{Found, Rows},
    tx::Tx,
    vault::Vault,
};

/// Whether a row that is read is kept from others who want to change it, until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It is only looked at.
    None,
    /// It stays as it is: others may look at it, nobody changes it.
    Share,
    /// It is about to be changed.
    Update,
}

impl Lock {
    /// Puts the lock on a statement. SQLite has one writer at a time and knows no such clause.
    pub(crate) fn on<E: EntityTrait>(self, select: Select<E>) -> Select<E> {
        match self {
            Self::None => select,
            Self::Share => select.lock(LockType::Share),
            Self::Update => select.lock(LockType::Update),
        }
    }
}

/// A kind of resource whose rows are found by id.
pub trait Findable: Resource + Sized {
    /// One row that is visible for the access.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> impl Future<Output = Result<Found<Self>>>;

    /// The same outside any transaction. A kind that is asked for most may be read for several callers at once.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    fn read(rows: Rows<'_, Reader>, access: &Access, id: &Self::Id) -> impl Future<Output = Result<Found<Self>>> {
        Self::find(rows, access, id, Lock::None)
    }
}

/// A kind of resource that is one row of one table.
pub trait Stored: Resource + Sized {
    /// Its table.
    type Entity: EntityTrait;

    /// Its row, personal values sealed.
    ///
    /// # Errors
    /// If a value cannot be sealed.
    fn row(&self, vault: &Vault) -> Result<<Self::Entity as EntityTrait>::ActiveModel>;

    /// The columns of id and version.
    fn columns() -> (<Self::Entity as EntityTrait>::Column, <Self::Entity as EntityTrait>::Column);
}

impl Rows<'_, Reader> {
    /// One row that the caller sees.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn read<T: Findable>(self, access: &Access, id: &T::Id) -> Result<Found<T>> {
        T::read(self, access, id).await
    }
}

impl<C: ConnectionTrait> Rows<'_, C> {
    /// One row that the caller sees.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn find<T: Findable>(self, access: &Access, id: &T::Id) -> Result<Found<T>> {
        T::find(self, access, id, Lock::None).await
    }

    /// The row of a statement that finds only what the access reaches, read and judged.
    pub(crate) async fn one_of<E, M, T>(self, select: Select<E>, access: &Access, lock: Lock) -> Result<Found<T>>
    where
        E: EntityTrait,
        M: FromQueryResult,
        T: Located + TryFrom<M, Error = Error>,
    {
        let row = lock.on(select).into_model::<M>().one(self.conn).await?.ok_or(Error::NotFound)?;
        Found::judge(access, row.try_into()?)
    }

    /// Whether there is such a row, for one who wants to create it under an id of his own. He learns no more than that
    /// the id is taken.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn exists<T: Stored>(self, id: &T::Id) -> Result<bool>
    where
        T::Id: Into<Uuid>,
    {
        let id: Uuid = id.clone().into();
        let (column, _) = T::columns();
        let found = T::Entity::find().filter(Expr::col(column).eq(id)).one(self.conn).await?;
        Ok(found.is_some())
    }

    /// One row that the caller sees, kept from others who want to change it until this transaction ends.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn find_to_change<T: Findable>(self, access: &Access, id: &T::Id) -> Result<Found<T>> {
        T::find(self, access, id, Lock::Update).await
    }
}

impl Tx {
    /// Saves a new row with its events.
    ///
    /// # Errors
    /// [`Error::Duplicate`] if a value that must be unique exists.
    pub async fn insert<T: Stored>(&self, outcome: Outcome<T>) -> Result<T> {
        let Outcome { value, events, effects: _ } = outcome;
        T::Entity::insert(value.row(self.vault())?).exec_without_returning(&self.conn).await?;
        self.record(&events)?;
        Ok(value)
    }

    /// Saves a changed row, whose version was counted up by one, with its events.
    ///
    /// # Errors
    /// [`Error::Stale`] if it was changed meanwhile, [`Error::Duplicate`] if a value that must be unique exists.
    pub async fn update<T: Stored>(&self, outcome: Outcome<T>) -> Result<T> {
        let row = outcome.value.row(self.vault())?;
        self.update_row(outcome, row).await
    }

    /// The same with a row that holds more than the value does.
    pub(crate) async fn update_row<T: Stored>(
        &self,
        outcome: Outcome<T>,
        mut row: <T::Entity as EntityTrait>::ActiveModel,
    ) -> Result<T> {
        let Outcome { value, events, effects: _ } = outcome;
        let (id_column, version_column) = T::columns();
        let id = row.take(id_column).into_value().ok_or(Error::NotFound)?;
        let done = T::Entity::update_many()
            .set(row)
            .filter(Expr::col(id_column).eq(id))
            .filter(version_column.eq(value.version() - 1))
            .exec(&self.conn)
            .await?;
        if done.rows_affected != 1 {
            return Err(Error::Stale);
        }
        self.record(&events)?;
        Ok(value)
    }
}
