//! Saving decisions about orders.

use domain::{
    event::EventDraft,
    id::ServiceOrderId,
    orders::{Merged, OrderEffect, OrderState, ServiceOrder},
    outcome::Outcome,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement, sea_query::OnConflict,
};

use super::{
    convert::row_of,
    entity::{order_participant, order_work, service_order},
};
use crate::{
    error::{Error, Result},
    notes::Notes,
    tx::Tx,
};

impl Notes {
    /// Notes a new order. To write it fails with [`Error::Duplicate`] if the id exists. `digest` tells later whether the same
    /// is sent again.
    ///
    /// # Errors
    /// If a value cannot be sealed.
    pub fn insert_order(&self, outcome: Outcome<ServiceOrder, OrderEffect>, digest: Vec<u8>) -> Result<ServiceOrder> {
        let Outcome { value, events, effects: _ } = outcome;
        let mut row = row_of(self.vault(), &value)?;
        row.content_digest = Set(digest);
        self.pending().orders.push(row);
        self.record(&events)?;
        self.count_order(&value.region_code, None, value.state.kind());
        Ok(value)
    }
}

impl Tx {
    /// Saves a changed order with its events, counters and whatever else changes with it.
    ///
    /// # Errors
    /// [`Error::Stale`] if it was changed meanwhile.
    pub async fn save_order(
        &self,
        before: OrderState,
        outcome: Outcome<ServiceOrder, OrderEffect>,
    ) -> Result<ServiceOrder> {
        let (value, events) = self.write_order(outcome).await?;
        self.record(&events)?;
        self.notes().count_order(&value.region_code, Some(before), value.state.kind());
        Ok(value)
    }

    /// Saves both sides of a merge: the order that was folded in, and the one that goes on, whose state stays.
    ///
    /// # Errors
    /// [`Error::Stale`] if one of them was changed meanwhile.
    pub async fn save_merged(&self, before: OrderState, merged: Merged) -> Result<(ServiceOrder, ServiceOrder)> {
        let Merged { merged, into } = merged;
        let (into, mut events) = self.write_order(into).await?;
        let (merged, of_merged) = self.write_order(merged).await?;
        events.extend(of_merged);
        self.record(&events)?;
        self.notes().count_order(&merged.region_code, Some(before), merged.state.kind());
        Ok((merged, into))
    }

    async fn write_order(
        &self,
        outcome: Outcome<ServiceOrder, OrderEffect>,
    ) -> Result<(ServiceOrder, Vec<EventDraft>)> {
        let Outcome { mut value, events, effects } = outcome;
        self.write_noted().await?;
        for effect in effects {
            self.apply(&mut value, effect).await?;
        }
        let mut row = row_of(self.vault(), &value)?;
        row.id = sea_orm::ActiveValue::NotSet;
        let done = service_order::Entity::update_many()
            .set(row)
            .filter(service_order::Column::Id.eq(value.id.0))
            .filter(service_order::Column::Version.eq(value.version - 1))
            .exec(&self.conn)
            .await?;
        if done.rows_affected == 1 { Ok((value, events)) } else { Err(Error::Stale) }
    }

    /// Keeps what an order was replaced with, to tell later whether the same is sent again.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn save_content_digest(&self, id: ServiceOrderId, digest: Vec<u8>) -> Result<()> {
        let row = service_order::ActiveModel { content_digest: Set(digest), ..Default::default() };
        let update = service_order::Entity::update_many().set(row).filter(service_order::Column::Id.eq(id.0));
        if update.exec(&self.conn).await?.rows_affected != 1 {
            return Err(Error::NotFound);
        }
        Ok(())
    }

    async fn apply(&self, order: &mut ServiceOrder, effect: OrderEffect) -> Result<()> {
        let now = self.now();
        match effect {
            OrderEffect::WorkStarted(volunteer) => {
                let row = order_work::ActiveModel {
                    order_id: Set(order.id.0),
                    volunteer_id: Set(volunteer.0),
                    started_ms: Set(now.timestamp_millis()),
                    ended_ms: Set(None),
                };
                // what began in this very millisecond has ended in it too, and was no time
                let same = OnConflict::columns([order_work::Column::OrderId, order_work::Column::StartedMs])
                    .update_columns([order_work::Column::VolunteerId, order_work::Column::EndedMs])
                    .to_owned();
                order_work::Entity::insert(row).on_conflict(same).exec_without_returning(&self.conn).await?;
            }
            OrderEffect::WorkEnded => {
                let row = order_work::ActiveModel { ended_ms: Set(Some(now.timestamp_millis())), ..Default::default() };
                order_work::Entity::update_many()
                    .set(row)
                    .filter(order_work::Column::OrderId.eq(order.id.0))
                    .filter(order_work::Column::EndedMs.is_null())
                    .exec(&self.conn)
                    .await?;
            }
            OrderEffect::Joined(person) => {
                let row = order_participant::ActiveModel {
                    order_id: Set(order.id.0),
                    person_id: Set(person.0),
                    joined_at: Set(now),
                };
                order_participant::Entity::insert(row).exec_without_returning(&self.conn).await?;
            }
            OrderEffect::TookOver(from) => order.joined_count += self.take_over(order, from).await?,
        }
        Ok(())
    }

    /// The requester and the participants of a merged order join the one that goes on; how many are new there.
    async fn take_over(&self, into: &ServiceOrder, from: ServiceOrderId) -> Result<i64> {
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "INSERT INTO order_participants (order_id, person_id, joined_at) \
             SELECT $1, concerned.person_id, $2 FROM ( \
                 SELECT requester_id AS person_id FROM service_orders WHERE id = $3 \
                 UNION SELECT person_id FROM order_participants WHERE order_id = $3 \
             ) AS concerned WHERE concerned.person_id <> $4 \
             ON CONFLICT (order_id, person_id) DO NOTHING",
            [into.id.0.into(), self.now().into(), from.0.into(), into.requester.person_id.0.into()],
        );
        let done = self.conn.execute_raw(statement).await?;
        Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
    }
}
