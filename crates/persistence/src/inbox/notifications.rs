//! Notifications.

use domain::{
    access::{Access, ResourceKind},
    cn::RegionCode,
    event::EventDraft,
    id::UserId,
    inbox::Notification,
    time::Instant,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr},
};

use super::entity::notification;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, SortValue, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    tx::Tx,
    vault::Vault,
};

/// Which notifications.
#[derive(Debug, Clone, Default)]
pub struct NotificationFilter {
    /// Only those that were not (or were) read.
    pub unread: Option<bool>,
    /// Of one of these kinds of event; all if empty.
    pub kind: Vec<String>,
}

/// Finder of notifications.
#[derive(Debug)]
pub struct Notifications<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Notifications.
    #[must_use]
    pub fn notifications(self) -> Notifications<'a, C> {
        Notifications(self)
    }
}

fn visible(access: &Access) -> Condition {
    let own = scope::own_of_user(notification::Column::UserId);
    scope::visible(access, &ScopeColumns { related: &own, ..Default::default() })
}

impl Findable for Notification {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = notification::Entity::find_by_id(id.0).filter(visible(access));
        rows.one_of::<_, notification::Model, _>(select, access, lock).await
    }
}

impl Stored for Notification {
    type Entity = notification::Entity;

    fn row(&self, _: &Vault) -> Result<notification::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (notification::Column, notification::Column) {
        (notification::Column::Id, notification::Column::Version)
    }
}

impl<C: ConnectionTrait> Notifications<'_, C> {
    /// A page of notifications that are the caller's.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &NotificationFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Notification>>> {
        let NotificationFilter { unread, kind } = filter;
        let mut select = notification::Entity::find().filter(visible(access));
        if let Some(unread) = unread {
            let read_at = notification::Column::ReadAt;
            select = select.filter(if *unread { read_at.is_null() } else { read_at.is_not_null() });
        }
        if !kind.is_empty() {
            select = select.filter(notification::Column::Kind.is_in(kind.iter().cloned()));
        }
        let sorting = Sorting {
            name: Some("created_at"),
            column: Some(Expr::col(notification::Column::CreatedAt)),
            id: Expr::col(notification::Column::Id),
            uuid: true,
        };
        let rows = page::<_, notification::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }
}

impl Tx {
    /// Marks all that somebody was told until a time as read, and says once how many they were.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn read_notifications(
        &self,
        user: UserId,
        until: Instant,
        event: impl FnOnce(i64) -> EventDraft,
    ) -> Result<()> {
        let now = self.now();
        let done = notification::Entity::update_many()
            .col_expr(notification::Column::ReadAt, Expr::val(now))
            .col_expr(notification::Column::UpdatedAt, Expr::val(now))
            .col_expr(notification::Column::Version, Expr::val(2i64))
            .filter(notification::Column::UserId.eq(user.0))
            .filter(notification::Column::ReadAt.is_null())
            .filter(notification::Column::CreatedAt.lte(until))
            .exec(&self.conn)
            .await?;
        self.record(&[event(i64::try_from(done.rows_affected).unwrap_or(i64::MAX))])
    }

    /// Forgets what people were told before a time.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn purge_notifications(&self, before: Instant) -> Result<u64> {
        let old = notification::Entity::delete_many().filter(notification::Column::CreatedAt.lt(before));
        Ok(old.exec(&self.conn).await?.rows_affected)
    }
}

pub(super) fn row_of(value: &Notification) -> notification::ActiveModel {
    let Notification {
        id,
        user_id,
        event_id,
        kind,
        subject_kind,
        subject_id,
        region_code,
        read_at,
        version,
        created_at,
        updated_at,
    } = value;
    notification::ActiveModel {
        id: Set(id.0),
        user_id: Set(user_id.0),
        event_id: Set(event_id.0),
        kind: Set(kind.clone()),
        subject_type: Set(subject_kind.name().to_owned()),
        subject_id: Set(subject_id.clone()),
        region_code: Set(region_code.as_ref().map(ToString::to_string)),
        read_at: Set(*read_at),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for notification::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: Some(SortValue::At(self.created_at)), id: self.id.to_string() }
    }
}

impl TryFrom<notification::Model> for Notification {
    type Error = Error;

    fn try_from(row: notification::Model) -> Result<Self> {
        const TABLE: &str = "notifications";
        let notification::Model {
            id,
            user_id,
            event_id,
            kind,
            subject_type,
            subject_id,
            region_code,
            read_at,
            version,
            created_at,
            updated_at,
        } = row;
        let region_code =
            region_code.map(|code| word(RegionCode::parse(&code).ok(), TABLE, "region_code", &id)).transpose()?;
        Ok(Self {
            id: id.into(),
            user_id: user_id.into(),
            event_id: event_id.into(),
            kind,
            subject_kind: word(ResourceKind::from_name(&subject_type), TABLE, "subject_type", &id)?,
            subject_id,
            region_code,
            read_at,
            version,
            created_at,
            updated_at,
        })
    }
}
