//! Who looked at personal data: read from the events that tell of it, with the notes that were made beside them.

use chrono::TimeDelta;
use domain::{
    access::Role,
    event::EventDraft,
    id::{EventId, PersonId, UserId},
    people::Look,
    time::Instant,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Condition, Expr},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    events::{SERVES, event},
    identity::hold_users,
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Rows, Sealer, word},
    tx::Tx,
    vault::Class,
};

mod note {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "access_notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: Uuid,
        pub note_sealed: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

const TABLE: &str = "access_notes";
const NOTE: &str = "note";
/// The events of looks at a person himself, and at the person of an order.
const REVEALED: &str = "person.revealed";
const CONTACT_READ: &str = "service_order.contact_read";
/// The event of a limit that was reached.
const LIMIT_REACHED: &str = "auth.reveal_limit_reached";

/// A look at the data of a person.
#[derive(Debug, Clone)]
pub struct Access {
    /// The event that tells of it.
    pub id: EventId,
    /// Its kind.
    pub kind: String,
    /// The kind of resource by way of which it was.
    pub subject_type: String,
    /// The id of that.
    pub subject_id: String,
    /// Whose account it was.
    pub actor_user_id: Option<UserId>,
    /// What he is called.
    pub actor_display_name: Option<String>,
    /// Whether he serves the community in some role.
    pub actor_serves: bool,
    /// His role at that time, that of the place of the event if he had several.
    pub role: Option<Role>,
    /// The name of the region of that role.
    pub unit: Option<String>,
    /// What he looked at, and why.
    pub data: Value,
    /// What he wrote of it.
    pub note: Option<String>,
    /// When.
    pub at: Instant,
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    event: event::Model,
    actor_display_name: Option<String>,
    actor_serves: bool,
    role: Option<String>,
    unit: Option<String>,
    note_sealed: Option<String>,
}

impl SortKey for Row {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.event.id.to_string() }
    }
}

/// A member of the grant by which the actor looked: the one that held then, at the place of the event before others.
fn of_grant(member: &str) -> String {
    // SQLite knows a column of the event within the subquery, but not in its order
    format!(
        "(SELECT h.{member} FROM (SELECT g.id, g.role, r.name AS unit, \
         CASE WHEN substr(events.region_code, 1, length(g.region_code)) = g.region_code THEN 0 ELSE 1 END AS away \
         FROM grants g LEFT JOIN regions r ON r.code = g.region_code \
         WHERE g.user_id = events.actor_user_id AND g.role NOT IN ('resident', 'guardian', 'committee_member') \
         AND g.valid_from <= events.received_at AND (g.valid_until IS NULL OR events.received_at < g.valid_until) \
         AND (g.revoked_at IS NULL OR events.received_at < g.revoked_at)) h ORDER BY h.away, h.id LIMIT 1)"
    )
}

impl<C: ConnectionTrait> Rows<'_, C> {
    /// The looks at a person's data, by event. The caller is the person, or was found to read his log.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn access_log(&self, person: PersonId, request: &PageRequest) -> Result<Page<Access>> {
        let own = Condition::all()
            .add(event::Column::SubjectType.eq("person"))
            .add(event::Column::SubjectId.eq(person.to_string()))
            .add(event::Column::Kind.eq(REVEALED));
        let by_order =
            Condition::all().add(event::Column::ActingFor.eq(person.0)).add(event::Column::Kind.eq(CONTACT_READ));
        let name = "(SELECT display_name FROM users WHERE users.id = events.actor_user_id)";
        let note = "(SELECT n.note_sealed FROM access_notes n WHERE n.event_id = events.id)";
        let select = event::Entity::find()
            .expr_as(Expr::cust(name), "actor_display_name")
            .expr_as(Expr::cust(SERVES), "actor_serves")
            .expr_as(Expr::cust(of_grant("role")), "role")
            .expr_as(Expr::cust(of_grant("unit")), "unit")
            .expr_as(Expr::cust(note), "note_sealed")
            .filter(Condition::any().add(own).add(by_order));
        let sorting =
            Sorting { name: None, column: None, id: Expr::col((event::Entity, event::Column::Id)), uuid: true };
        let rows = page::<_, Row, _>(self.conn, select, sorting, request).await?;
        rows.try_map(|row| self.access_of(row))
    }

    fn access_of(&self, row: Row) -> Result<Access> {
        let Row { event, actor_display_name, actor_serves, role, unit, note_sealed } = row;
        let id = event.id.to_string();
        let sealer = Sealer { vault: self.vault, table: TABLE, row: &id };
        Ok(Access {
            id: event.id.into(),
            kind: event.kind,
            subject_type: event.subject_type,
            subject_id: event.subject_id,
            actor_user_id: event.actor_user_id.map(Into::into),
            actor_display_name,
            actor_serves,
            role: role.map(|role| word(Role::from_name(&role), "grants", "role", &id)).transpose()?,
            unit,
            data: event.data,
            note: sealer.open(Class::Personal, NOTE, note_sealed.as_deref())?,
            at: event.received_at,
        })
    }

    /// Whether it was told since a time that somebody reached the limit of his looks.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn limit_was_told(&self, user: UserId, since: Instant) -> Result<bool> {
        let told = event::Entity::find()
            .filter(event::Column::SubjectType.eq("user"))
            .filter(event::Column::SubjectId.eq(user.to_string()))
            .filter(event::Column::Kind.eq(LIMIT_REACHED))
            .filter(event::Column::ReceivedAt.gt(since));
        Ok(told.one(self.conn).await?.is_some())
    }
}

impl Tx {
    /// Writes that somebody looked at what is hidden from others, and what he wrote of it, which is kept apart so that it
    /// can be erased.
    ///
    /// # Errors
    /// [`Error::Audit`]
    pub async fn record_look_with_note(&self, event: EventDraft, note: &str) -> Result<()> {
        let row = self.notes().event("ok", &event)?;
        let id: Uuid = row.id.clone().take().ok_or(Error::NotFound)?;
        event::Entity::insert(row).exec_without_returning(&self.conn).await.map_err(Error::Audit)?;
        let text = id.to_string();
        let sealer = Sealer { vault: self.vault(), table: TABLE, row: &text };
        let sealed = sealer.seal(Class::Personal, NOTE, Some(note))?.ok_or(Error::NotFound)?;
        let row = note::ActiveModel { event_id: Set(id), note_sealed: Set(sealed), created_at: Set(self.now()) };
        note::Entity::insert(row).exec_without_returning(&self.conn).await.map_err(Error::Audit)?;
        Ok(())
    }

    /// The last looks of a user within a time, from the first to the last, `most` at most. Until the transaction ends he
    /// has no other one, on whatever replica.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn looks_of(&self, user: UserId, within: TimeDelta, most: usize) -> Result<Vec<Look>> {
        hold_users(&self.conn, &[user].into()).await?;
        let rows: Vec<(String, Instant)> = event::Entity::find()
            .select_only()
            .column(event::Column::SubjectId)
            .column(event::Column::ReceivedAt)
            // as the index has it
            .filter(Expr::cust("events.kind = 'person.revealed'"))
            .filter(event::Column::ActorUserId.eq(user.0))
            .filter(event::Column::ReceivedAt.gt(self.now() - within))
            .order_by_desc(event::Column::ReceivedAt)
            .limit(most as u64)
            .into_tuple()
            .all(&self.conn)
            .await?;
        let look = |(person, at): (String, Instant)| {
            Ok(Look { person_id: word(person.parse().ok(), "events", "subject_id", &person)?, at })
        };
        rows.into_iter().rev().map(look).collect()
    }
}
