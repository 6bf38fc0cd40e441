//! Events: written with the change, put in order by a sequencer, never changed.

use aws_lc_rs::digest::{Context, SHA256};
use chrono::SecondsFormat;
use domain::{
    access::ResourceKind,
    cn::RegionCode,
    event::{EventDraft, Subject},
    id::{EventId, SessionId, UserId},
    time::Instant,
};
use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder as _, QuerySelect, Statement,
    sea_query::{Expr, ExprTrait},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    connect::Database,
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, SortValue, Sorting, page},
    many,
    notes::Notes,
    rows::{Rows, word},
    tx::{Stamp, Tx},
};

pub(crate) mod event {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub subject_type: String,
        pub subject_id: String,
        pub subject_version: i64,
        pub region_code: Option<String>,
        pub actor_user_id: Option<Uuid>,
        pub acting_for: Option<Uuid>,
        pub session_id: Option<Uuid>,
        pub address: Option<String>,
        pub operation: String,
        pub result: String,
        pub request_id: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub data: Json,
        pub occurred_at: DateTimeUtc,
        pub received_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// An event as it is read.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// `{resource}.{past tense}`
    pub kind: String,
    /// What it is about.
    pub subject_type: ResourceKind,
    /// The id of that.
    pub subject_id: String,
    /// The version that it led to.
    pub subject_version: i64,
    /// Where it belongs.
    pub region_code: Option<RegionCode>,
    /// Whose account did it; `None` is the system.
    pub actor_user_id: Option<UserId>,
    /// What he is called.
    pub actor_display_name: Option<String>,
    /// Whether he serves the community in some role, and does not only live there; a client does.
    pub actor_serves: bool,
    /// The session in which he did it.
    pub session_id: Option<SessionId>,
    /// When it happened.
    pub occurred_at: Instant,
    /// When it arrived.
    pub received_at: Instant,
    /// What else is to be known.
    pub data: Value,
}

/// Which events of a resource.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// The kind of resource.
    pub subject_type: ResourceKind,
    /// Its id.
    pub subject_id: String,
}

/// What one run of the sequencer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequenced {
    /// Another replica holds the lease.
    Elsewhere,
    /// So many events got a position.
    Here(u64),
}

/// What is wrong with the chain of events.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// A position is missing.
    #[error("position {0} is missing")]
    Gap(i64),
    /// An event, or the one before it, is not what it was.
    #[error("the event at position {0} was changed")]
    Changed(i64),
}

/// Whether whoever did it serves the community in some role, and does not only live there.
pub(crate) const SERVES: &str = "(EXISTS (SELECT 1 FROM grants WHERE grants.user_id = events.actor_user_id \
                                 AND grants.role NOT IN ('resident', 'guardian', 'committee_member')) \
                                 OR EXISTS (SELECT 1 FROM clients WHERE clients.id = events.actor_user_id))";
/// As many events as one run of the sequencer takes.
const BATCH: u64 = 500;

impl Tx {
    /// Notes that somebody looked at what is hidden from others, which changes nothing but the trail.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it cannot be written as JSON.
    pub fn record_look(&self, event: EventDraft) -> Result<()> {
        self.record(&[event])
    }

    /// Notes the events of a decision. They are written when the transaction ends.
    pub(crate) fn record(&self, events: &[EventDraft]) -> Result<()> {
        self.notes().record(events)
    }

    /// Notes events that are not about a change: a refusal, a failed login, a look at personal data.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if one cannot be written as JSON.
    pub fn record_as(&self, result: &'static str, events: &[EventDraft]) -> Result<()> {
        self.notes().record_as(result, events)
    }
}

impl Notes {
    pub(crate) fn event(&self, result: &'static str, draft: &EventDraft) -> Result<event::ActiveModel> {
        let EventDraft { kind, subject, region, data, occurred_at, acting_for } = draft;
        let Stamp { now, user_id, session_id, address, operation, request_id } = self.stamp();
        let data = serde_json::to_value(data).map_err(|_| Error::Corrupt {
            table: "events",
            column: "data",
            row: subject.id.clone(),
        })?;
        Ok(event::ActiveModel {
            id: Set(self.ids().next()),
            kind: Set((*kind).to_owned()),
            subject_type: Set(subject.kind.name().to_owned()),
            subject_id: Set(subject.id.clone()),
            subject_version: Set(subject.version),
            region_code: Set(region.as_ref().map(ToString::to_string)),
            actor_user_id: Set(user_id.map(Into::into)),
            acting_for: Set(*acting_for),
            session_id: Set(session_id.map(Into::into)),
            address: Set(address.map(|address| address.to_string())),
            operation: Set(operation.clone()),
            result: Set(result.to_owned()),
            request_id: Set(request_id.clone()),
            data: Set(data),
            occurred_at: Set(occurred_at.unwrap_or(*now)),
            received_at: Set(*now),
        })
    }
}

#[derive(FromQueryResult)]
struct EventRow {
    #[sea_orm(nested)]
    event: event::Model,
    actor_display_name: Option<String>,
    actor_serves: bool,
}

impl SortKey for EventRow {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: Some(SortValue::Number(self.event.subject_version)), id: self.event.id.to_string() }
    }
}

impl TryFrom<EventRow> for StoredEvent {
    type Error = Error;

    fn try_from(row: EventRow) -> Result<Self> {
        let EventRow { event, actor_display_name, actor_serves } = row;
        let region_code = event
            .region_code
            .map(|code| word(RegionCode::parse(&code).ok(), "events", "region_code", &event.id))
            .transpose()?;
        Ok(Self {
            id: event.id.into(),
            kind: event.kind,
            subject_type: word(ResourceKind::from_name(&event.subject_type), "events", "subject_type", &event.id)?,
            subject_id: event.subject_id,
            subject_version: event.subject_version,
            region_code,
            actor_user_id: event.actor_user_id.map(Into::into),
            actor_display_name,
            actor_serves,
            session_id: event.session_id.map(Into::into),
            occurred_at: event.occurred_at,
            received_at: event.received_at,
            data: event.data,
        })
    }
}

impl<C: ConnectionTrait> Rows<'_, C> {
    /// Whether there is an event of a subject in this version: for the command line, which may do a thing again.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn is_recorded(&self, subject: &Subject) -> Result<bool> {
        let of_subject = event::Entity::find()
            .filter(Expr::col(event::Column::SubjectType).eq(subject.kind.name()))
            .filter(Expr::col(event::Column::SubjectId).eq(subject.id.clone()))
            .filter(Expr::col(event::Column::SubjectVersion).eq(subject.version));
        Ok(of_subject.one(self.conn).await?.is_some())
    }

    /// The events of one resource, which the caller must have been found to see.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn timeline(&self, filter: &EventFilter, request: &PageRequest) -> Result<Page<StoredEvent>> {
        let name = "(SELECT display_name FROM users WHERE users.id = events.actor_user_id)";
        let select = event::Entity::find()
            .expr_as(Expr::cust(name), "actor_display_name")
            .expr_as(Expr::cust(SERVES), "actor_serves")
            .filter(Expr::col(event::Column::SubjectType).eq(filter.subject_type.name()))
            .filter(Expr::col(event::Column::SubjectId).eq(filter.subject_id.clone()));
        let sorting = Sorting {
            name: Some("version"),
            column: Some(Expr::col(event::Column::SubjectVersion)),
            id: Expr::col(event::Column::Id),
            uuid: true,
        };
        page::<_, EventRow, _>(self.conn, select, sorting, request).await?.try_map(StoredEvent::try_from)
    }
}

#[derive(FromQueryResult)]
struct Position {
    position: i64,
    hash: Vec<u8>,
}

impl Database {
    /// Gives positions to committed events, if there are any and this replica holds or gets the lease.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sequence_events(&self, replica: Uuid, now: Instant) -> Result<Sequenced> {
        // a service that has nothing to do writes nothing
        if !are_queued(self.connection()).await? {
            return Ok(Sequenced::Here(0));
        }
        let tx = self.begin_write(Stamp::system(now, "sequencer")).await?;
        if !tx.lease("event-sequencer", replica).await? {
            return Ok(Sequenced::Elsewhere);
        }
        tx.conn.use_indexes().await?;
        let queued = queued(&tx.conn).await?;
        let mut last = last_position(&tx.conn).await?;
        for chunk in queued.chunks(100) {
            last = place(&tx.conn, chunk, last).await?;
        }
        tx.commit().await?;
        Ok(Sequenced::Here(queued.len() as u64))
    }

    /// Reads the whole chain and names the first fault; otherwise how many events it holds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn verify_events(&self, mut progress: impl FnMut(u64)) -> Result<std::result::Result<u64, ChainFault>> {
        #[derive(FromQueryResult)]
        struct Link {
            #[sea_orm(nested)]
            event: event::Model,
            position: i64,
            hash: Vec<u8>,
        }
        let conn = self.connection();
        let mut last = Position { position: 0, hash: Vec::new() };
        loop {
            let links: Vec<Link> = event::Entity::find()
                .join(sea_orm::JoinType::InnerJoin, positions())
                .expr_as(Expr::cust("event_positions.position"), "position")
                .expr_as(Expr::cust("event_positions.hash"), "hash")
                .filter(Expr::cust("event_positions.position").gt(last.position))
                .order_by_asc(Expr::cust("event_positions.position"))
                .limit(BATCH)
                .into_model()
                .all(conn)
                .await?;
            if links.is_empty() {
                return self.verify_count(&last).await;
            }
            for link in links {
                if link.position != last.position + 1 {
                    return Ok(Err(ChainFault::Gap(last.position + 1)));
                }
                if chain(&last.hash, &link.event) != link.hash {
                    return Ok(Err(ChainFault::Changed(link.position)));
                }
                last = Position { position: link.position, hash: link.hash };
            }
            progress(u64::try_from(last.position).unwrap_or(0));
        }
    }

    /// An event without position that is not waiting for one was slipped in; a position without event lost it.
    async fn verify_count(&self, last: &Position) -> Result<std::result::Result<u64, ChainFault>> {
        #[derive(FromQueryResult)]
        struct Row {
            unplaced: i64,
            lost: i64,
        }
        let sql = "SELECT (SELECT count(*) FROM events WHERE \
                   NOT EXISTS (SELECT 1 FROM event_positions p WHERE p.event_id = events.id) AND \
                   NOT EXISTS (SELECT 1 FROM event_queue q WHERE q.event_id = events.id)) AS unplaced, \
                   (SELECT count(*) FROM event_positions WHERE \
                   NOT EXISTS (SELECT 1 FROM events e WHERE e.id = event_positions.event_id)) AS lost";
        let statement = Statement::from_string(self.connection().get_database_backend(), sql);
        let row = Row::find_by_statement(statement).one(self.connection()).await?;
        let next = last.position + 1;
        Ok(match row {
            Some(Row { lost: 1.., .. }) => Err(ChainFault::Gap(next)),
            Some(Row { unplaced: 1.., .. }) => Err(ChainFault::Changed(next)),
            _ => Ok(u64::try_from(last.position).unwrap_or(0)),
        })
    }
}

fn positions() -> sea_orm::RelationDef {
    event::Entity::belongs_to(position::Entity).from(event::Column::Id).to(position::Column::EventId).into()
}

mod position {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "event_positions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub event_id: Uuid,
        pub hash: Vec<u8>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The next events that have no position, in the order of their arrival. Their ids are read first: PostgreSQL does not know
/// how few wait, and might read all events to find them.
async fn are_queued(conn: &impl ConnectionTrait) -> Result<bool> {
    let first = Statement::from_string(conn.get_database_backend(), "SELECT event_id FROM event_queue LIMIT 1");
    Ok(conn.query_one_raw(first).await?.is_some())
}

async fn queued(conn: &impl ConnectionTrait) -> Result<Vec<event::Model>> {
    let backend = conn.get_database_backend();
    let sql = format!("SELECT event_id FROM event_queue ORDER BY event_id LIMIT {BATCH}");
    let waiting = conn.query_all_raw(Statement::from_string(backend, sql)).await?;
    let waiting = waiting.iter().map(|row| row.try_get_by_index(0)).collect::<std::result::Result<Vec<Uuid>, _>>()?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let is_waiting = many::is_one_of(backend, "events.id", 1);
    let sql = format!("SELECT events.* FROM events WHERE {is_waiting} ORDER BY events.received_at, events.id");
    let statement = Statement::from_sql_and_values(backend, sql, [many::ids(backend, waiting)]);
    Ok(event::Model::find_by_statement(statement).all(conn).await?)
}

async fn last_position(conn: &impl ConnectionTrait) -> Result<Position> {
    let statement = Statement::from_string(
        conn.get_database_backend(),
        "SELECT position, hash FROM event_positions ORDER BY position DESC LIMIT 1",
    );
    let row = Position::find_by_statement(statement).one(conn).await?;
    Ok(row.unwrap_or(Position { position: 0, hash: Vec::new() }))
}

async fn place(conn: &impl ConnectionTrait, events: &[event::Model], mut last: Position) -> Result<Position> {
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        last = Position { position: last.position + 1, hash: chain(&last.hash, event) };
        rows.push(position::ActiveModel {
            position: Set(last.position),
            event_id: Set(event.id),
            hash: Set(last.hash.clone()),
        });
    }
    if !rows.is_empty() {
        position::Entity::insert_many(rows).exec_without_returning(conn).await?;
        let backend = conn.get_database_backend();
        let sql = format!("DELETE FROM event_queue WHERE {}", many::is_one_of(backend, "event_id", 1));
        let ids = many::ids(backend, events.iter().map(|event| event.id));
        conn.execute_raw(Statement::from_sql_and_values(backend, sql, [ids])).await?;
    }
    Ok(last)
}

/// SHA-256 over the hash of the event before and this event in a form that does not depend on the database.
fn chain(before: &[u8], event: &event::Model) -> Vec<u8> {
    let time = |at: &Instant| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let event::Model {
        id,
        kind,
        subject_type,
        subject_id,
        subject_version,
        region_code,
        actor_user_id,
        acting_for,
        session_id,
        address,
        operation,
        result,
        request_id,
        data,
        occurred_at,
        received_at,
    } = event;
    let fields = json!([
        id,
        kind,
        subject_type,
        subject_id,
        subject_version,
        region_code,
        actor_user_id,
        acting_for,
        session_id,
        address,
        operation,
        result,
        request_id,
        sorted(data),
        time(occurred_at),
        time(received_at),
    ]);
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(fields.to_string().as_bytes());
    context.finish().as_ref().to_vec()
}

/// Members as pairs sorted by name: PostgreSQL does not keep their order.
fn sorted(data: &Value) -> Value {
    match data {
        Value::Object(members) => {
            let mut pairs: Vec<_> = members.iter().map(|(name, value)| json!([name, sorted(value)])).collect();
            pairs.sort_by_key(ToString::to_string);
            Value::Array(pairs)
        }
        other => other.clone(),
    }
}
