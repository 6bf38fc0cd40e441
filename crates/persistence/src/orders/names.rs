//! The names that go with a page of orders: each is read once, however many of the orders have it. A single order has them
//! looked up with it.

use std::collections::{BTreeSet, HashMap};

use domain::orders::Requester;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, Statement};
use uuid::Uuid;

use super::{
    convert::{OrderRow, Requesting},
    row::{OrderColumns, Places},
};
use crate::{
    error::Result,
    keyset::{Keyset, SortKey, SortValue},
    many,
    rows::Rows,
};

/// An order without the names.
pub(super) struct UnnamedRow {
    order: OrderColumns,
    joined_by_caller: bool,
}

impl FromQueryResult for UnnamedRow {
    fn from_query_result(row: &QueryResult, _: &str) -> std::result::Result<Self, DbErr> {
        let mut places = Places::of(row);
        Ok(Self { order: OrderColumns::read(&mut places)?, joined_by_caller: places.next()? })
    }
}

impl SortKey for UnnamedRow {
    fn keyset(&self, sorted_by: Option<&'static str>) -> Keyset {
        let at = if sorted_by == Some("updated_at") { self.order.updated_at } else { self.order.created_at };
        Keyset { sort: Some(SortValue::At(at)), id: self.order.id.to_string() }
    }
}

/// The names of a page.
#[derive(Default)]
pub(super) struct Names {
    requesters: HashMap<Uuid, Requester>,
    volunteers: HashMap<Uuid, String>,
    teams: HashMap<Uuid, String>,
}

#[derive(FromQueryResult)]
struct NameRow {
    sort: String,
    id: Uuid,
    name: String,
    phone: Option<String>,
    has_account: bool,
}

impl Names {
    pub async fn of<C: ConnectionTrait>(all: Rows<'_, C>, rows: &[UnnamedRow]) -> Result<Self> {
        let mut names = Self::default();
        if rows.is_empty() {
            return Ok(names);
        }
        let backend = all.conn.get_database_backend();
        let orders = || rows.iter().map(|row| &row.order);
        let people: BTreeSet<Uuid> = orders().map(|order| order.requester_id).collect();
        let volunteers = orders().flat_map(|order| [order.holder_id, order.target_volunteer_id]).flatten().collect();
        let teams = orders().filter_map(|order| order.target_team_id).collect();
        let of = |column, parameter| many::is_one_of(backend, column, parameter);
        let sql = format!(
            "SELECT 'person' AS sort, p.id, p.name, p.phone_sealed AS phone, \
             EXISTS (SELECT 1 FROM users u WHERE u.person_id = p.id AND u.state = 'active') AS has_account \
             FROM persons p WHERE {} \
             UNION ALL SELECT 'volunteer', v.id, (SELECT p.name FROM persons p WHERE p.id = v.person_id), NULL, FALSE \
             FROM volunteers v WHERE {} \
             UNION ALL SELECT 'team', t.id, t.name, NULL, FALSE FROM volunteer_teams t WHERE {}",
            of("p.id", 1),
            of("v.id", 2),
            of("t.id", 3)
        );
        let ids = [people, volunteers, teams].map(|ids| many::ids(backend, ids));
        for row in NameRow::find_by_statement(Statement::from_sql_and_values(backend, sql, ids)).all(all.conn).await? {
            let NameRow { sort, id, name, phone, has_account } = row;
            match sort.as_str() {
                "person" => {
                    let requester = Requesting { name, phone, has_account }.open(all.vault, id)?;
                    names.requesters.insert(id, requester);
                }
                "volunteer" => drop(names.volunteers.insert(id, name)),
                _ => drop(names.teams.insert(id, name)),
            }
        }
        Ok(names)
    }

    pub fn with(&self, row: UnnamedRow) -> OrderRow<Requester> {
        let UnnamedRow { order, joined_by_caller } = row;
        let volunteer = |id: Option<Uuid>| id.and_then(|id| self.volunteers.get(&id).cloned());
        let (holder_name, target_volunteer_name) = (volunteer(order.holder_id), volunteer(order.target_volunteer_id));
        let target_team_name = order.target_team_id.and_then(|id| self.teams.get(&id).cloned());
        let requester = self.requesters.get(&order.requester_id).cloned();
        let nobody =
            || Requester { person_id: order.requester_id.into(), name: String::new(), phone: None, has_account: false };
        let requester = requester.unwrap_or_else(nobody);
        OrderRow { order, requester, target_volunteer_name, target_team_name, holder_name, joined_by_caller }
    }
}
