//! Reading events for the inbox: in their order, from where it was left.

use std::collections::BTreeSet;

use domain::{
    access::ResourceKind,
    cn::RegionCode,
    inbox::{Notification, People, Told, audiences},
    time::Instant,
};
use sea_orm::{
    ConnectionTrait, EntityTrait, FromQueryResult, Statement,
    prelude::{DateTimeUtc, Json},
};
use uuid::Uuid;

use super::{entity::notification, notifications::row_of, recipients::Recipients};
use crate::{
    connect::Database,
    error::Result,
    rows::word,
    tx::{Stamp, Tx},
};

/// Who reads.
const READER: &str = "inbox";
/// As many events as one transaction reads.
const BATCH: u64 = 200;

#[derive(FromQueryResult)]
struct EventRow {
    position: i64,
    id: Uuid,
    kind: String,
    subject_type: String,
    subject_id: String,
    region_code: Option<String>,
    actor_user_id: Option<Uuid>,
    data: Json,
    received_at: DateTimeUtc,
}

#[derive(FromQueryResult)]
struct Ends {
    read: i64,
    written: i64,
}

impl Database {
    /// Tells people of the events that nobody was told of yet, if this replica holds or gets the lease; how many events
    /// there were. What was told and how far it was read are written together, so that a crash loses and doubles nothing.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn tell_people(&self, replica: Uuid, now: Instant) -> Result<u64> {
        if self.untold().await? == 0 {
            return Ok(0);
        }
        let tx = self.begin_write(Stamp::system(now, "tell-people")).await?;
        if !tx.lease(READER, replica).await? {
            return Ok(0);
        }
        let events = tx.unread_events().await?;
        let mut rows = Vec::new();
        let mut recipients = Recipients::new(&tx.conn, now);
        let all_told = events.iter().map(told).collect::<Result<Vec<_>>>()?;
        recipients.look_up(all_told.iter().flat_map(audiences)).await?;
        for (event, told) in events.iter().zip(&all_told) {
            let mut users = BTreeSet::new();
            for audience in audiences(told) {
                users.extend(recipients.of(&audience).await?);
            }
            // nobody is told what he did himself
            users.retain(|user| Some(user.0) != event.actor_user_id);
            rows.extend(users.into_iter().map(|user_id| {
                row_of(&Notification {
                    id: tx.ids().next().into(),
                    user_id,
                    event_id: event.id.into(),
                    kind: told.kind.clone(),
                    subject_kind: told.subject_kind,
                    subject_id: told.subject_id.clone(),
                    region_code: told.region_code.clone(),
                    read_at: None,
                    version: 1,
                    created_at: event.received_at,
                    updated_at: event.received_at,
                })
            }));
        }
        for rows in rows.chunks(100) {
            notification::Entity::insert_many(rows.iter().cloned()).exec_without_returning(&tx.conn).await?;
        }
        if let Some(last) = events.last() {
            tx.have_read(last.position).await?;
        }
        tx.commit().await?;
        Ok(events.len() as u64)
    }

    /// How many events nobody was told of yet.
    async fn untold(&self) -> Result<i64> {
        let statement = Statement::from_sql_and_values(
            self.connection().get_database_backend(),
            "SELECT coalesce((SELECT position FROM event_readers WHERE name = $1), 0) AS read, \
             coalesce((SELECT max(position) FROM event_positions), 0) AS written",
            [READER.into()],
        );
        let ends = Ends::find_by_statement(statement).one(self.connection()).await?;
        Ok(ends.map_or(0, |ends| ends.written - ends.read))
    }
}

impl Tx {
    async fn unread_events(&self) -> Result<Vec<EventRow>> {
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "SELECT p.position, e.id, e.kind, e.subject_type, e.subject_id, e.region_code, e.actor_user_id, e.data, \
             e.received_at FROM event_positions p JOIN events e ON e.id = p.event_id \
             WHERE p.position > coalesce((SELECT position FROM event_readers WHERE name = $1), 0) \
             ORDER BY p.position LIMIT $2",
            [READER.into(), BATCH.into()],
        );
        Ok(EventRow::find_by_statement(statement).all(&self.conn).await?)
    }

    async fn have_read(&self, position: i64) -> Result<()> {
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "INSERT INTO event_readers (name, position) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET position = excluded.position",
            [READER.into(), position.into()],
        );
        self.conn.execute_raw(statement).await?;
        Ok(())
    }
}

fn told(event: &EventRow) -> Result<Told> {
    const TABLE: &str = "events";
    let EventRow {
        position: _,
        id,
        kind,
        subject_type,
        subject_id,
        region_code,
        actor_user_id: _,
        data,
        received_at: _,
    } = event;
    let region_code =
        region_code.as_ref().map(|code| word(RegionCode::parse(code).ok(), TABLE, "region_code", id)).transpose()?;
    let people: Option<People> = serde_json::from_value(data.clone()).ok();
    Ok(Told {
        kind: kind.clone(),
        subject_kind: word(ResourceKind::from_name(subject_type), TABLE, "subject_type", id)?,
        subject_id: subject_id.clone(),
        region_code,
        people: word(people, TABLE, "data", id)?,
    })
}
