//! How many orders somebody may place.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::{id::UserId, time::Instant};
use sea_orm::{ConnectionTrait as _, FromQueryResult, Statement};
use uuid::Uuid;

use crate::{
    connect::Transaction,
    error::{Error, Result},
    identity::hold_users,
    many,
};

/// How many orders a user may place since a time.
#[derive(Debug, Clone, Copy)]
pub struct OrderLimit {
    /// Whose orders.
    pub user: UserId,
    /// Since when.
    pub since: Instant,
    /// How many, the one that is noted among them.
    pub most: u64,
}

/// How many orders users have placed, each since a time.
pub(crate) struct OrdersPlaced(HashMap<(UserId, Instant), u64>);

impl OrdersPlaced {
    /// Until the transaction ends these users place no other ones, so that the count holds.
    pub async fn count(conn: &Transaction, limits: impl Iterator<Item = &OrderLimit>) -> Result<Self> {
        #[derive(FromQueryResult)]
        struct Row {
            placed_by: Uuid,
            placed: i64,
        }
        let mut users: BTreeMap<Instant, BTreeSet<UserId>> = BTreeMap::new();
        for limit in limits {
            users.entry(limit.since).or_default().insert(limit.user);
        }
        let mut placed = HashMap::new();
        for (since, users) in users {
            hold_users(conn, &users).await?;
            let backend = conn.get_database_backend();
            let sql = format!(
                "SELECT placed_by, count(*) AS placed FROM service_orders WHERE {} AND created_at >= $2 GROUP BY placed_by",
                many::is_one_of(backend, "placed_by", 1)
            );
            let values = [many::ids(backend, users.iter().map(|user| user.0)), since.into()];
            let statement = Statement::from_sql_and_values(backend, sql, values);
            for Row { placed_by, placed: count } in Row::find_by_statement(statement).all(conn).await? {
                placed.insert((placed_by.into(), since), u64::try_from(count).unwrap_or(u64::MAX));
            }
        }
        Ok(Self(placed))
    }

    /// Counts one more, if there may be one.
    pub fn add(&mut self, limits: &[OrderLimit]) -> Result<()> {
        for limit in limits {
            let placed = self.0.entry((limit.user, limit.since)).or_default();
            if *placed >= limit.most {
                return Err(Error::TooMany);
            }
            *placed += 1;
        }
        Ok(())
    }
}
