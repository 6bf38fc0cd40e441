//! Single orders, those that are asked for at the same time by one statement.

use std::sync::Arc;

use domain::{
    access::Access,
    id::{PersonId, ServiceOrderId},
    orders::ServiceOrder,
};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};
use uuid::Uuid;

use super::{
    convert::{NAMES, OrderRow, order_of},
    row::OrderColumns,
};
use crate::{
    connect::Reader,
    error::{Error, Result},
    gather::{Answer, Gather},
    many,
    rows::{Found, Rows},
};

/// Those who ask for orders on one thread.
#[derive(Clone, Default)]
pub(crate) struct SingleOrders(Arc<Gather<Asked, Option<Box<OrderRow>>>>);

/// Which order, and for whom: whether he joined it is part of what is found.
type Asked = (Uuid, Option<Uuid>);

/// One order, if the caller sees it. It is judged by the policy once it is read: the statement is the same for all callers.
pub(super) async fn read(rows: Rows<'_, Reader>, access: &Access, id: ServiceOrderId) -> Result<Found<ServiceOrder>> {
    let caller = access.person().map(|PersonId(id)| id);
    let row = rows.conn.ask(&rows.conn.single().orders.0, (id.0, caller), all).await?;
    Found::judge(access, order_of(rows.vault, *row.ok_or(Error::NotFound)?)?)
}

async fn all(reader: Reader, asked: Vec<Asked>) -> std::result::Result<Vec<Answer<Option<Box<OrderRow>>>>, DbErr> {
    let backend = reader.get_database_backend();
    let (ids, callers): (Vec<_>, Vec<_>) = asked.iter().copied().unzip();
    let parameters = [many::ids(backend, ids), many::optional_ids(backend, callers)];
    let statement = Statement::from_sql_and_values(backend, statement(backend), parameters);
    let mut answers: Vec<_> = asked.iter().map(|_| Ok(None)).collect();
    let rows = reader.read(statement, |columns| Ok((columns.next::<i64>()?, OrderRow::read(columns).map(Box::new))));
    for (place, order) in rows.await? {
        if let Some(answer) = usize::try_from(place).ok().and_then(|place| answers.get_mut(place)) {
            *answer = order.map(Some);
        }
    }
    Ok(answers)
}

fn statement(backend: DbBackend) -> String {
    // PostgreSQL counts from one, SQLite from nought; both look each order up by its key
    let (place, asked) = match backend {
        DbBackend::Postgres => (
            "asked.place - 1",
            "unnest(CAST($1 AS uuid[]), CAST($2 AS uuid[])) WITH ORDINALITY AS asked (id, person, place) \
             JOIN service_orders ON service_orders.id = asked.id",
        ),
        _ => (
            "asked.place",
            "(SELECT ids.key AS place, unhex(ids.value) AS id, unhex(people.value) AS person \
             FROM json_each($1) AS ids JOIN json_each($2) AS people ON people.key = ids.key) AS asked \
             CROSS JOIN service_orders ON service_orders.id = asked.id",
        ),
    };
    format!(
        "SELECT {place}, {}, EXISTS (SELECT 1 FROM order_participants joined \
         WHERE joined.order_id = service_orders.id AND joined.person_id = asked.person), {NAMES} FROM {asked}",
        OrderColumns::named()
    )
}
