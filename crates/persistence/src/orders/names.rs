//! The names that go with a page of orders: each is read once, however many of the orders have it. A single order has them
//! looked up with it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use domain::orders::Requester;
use sea_orm::{ConnectionTrait as _, DbErr, Statement};
use uuid::Uuid;

use super::{
    convert::{OrderRow, Requesting, TABLE},
    row::OrderColumns,
};
use crate::{
    connect::{Columns, Reader},
    error::Result,
    gather::{Answer, Gather},
    keyset::{Keyset, SortKey, SortValue},
    many,
    rows::{Rows, word},
};

/// An order without the names.
pub(super) struct UnnamedRow {
    order: OrderColumns,
    joined_by_caller: bool,
}

impl UnnamedRow {
    /// Reads the columns of an order.
    pub fn read(columns: &mut Columns<'_>) -> std::result::Result<Self, DbErr> {
        Ok(Self { order: OrderColumns::read(columns)?, joined_by_caller: columns.next()? })
    }
}

impl SortKey for UnnamedRow {
    fn keyset(&self, sorted_by: Option<&'static str>) -> Keyset {
        let at = if sorted_by == Some("updated_at") { self.order.updated_at } else { self.order.created_at };
        Keyset { sort: Some(SortValue::At(at)), id: self.order.id.to_string() }
    }
}

/// The names of a page.
pub(super) struct Names {
    found: Arc<FoundNames>,
    requesters: HashMap<Uuid, Requester>,
}

/// Those who ask for the names of pages, on one thread.
#[derive(Clone, Default)]
pub(crate) struct NamesOfPages(Arc<Gather<AskedNames, Arc<FoundNames>>>);

/// Whose names are asked for.
#[derive(Default)]
struct AskedNames {
    people: BTreeSet<Uuid>,
    volunteers: BTreeSet<Uuid>,
    teams: BTreeSet<Uuid>,
}

/// The names of all who were asked for together.
#[derive(Default)]
struct FoundNames {
    requesters: HashMap<Uuid, Requesting>,
    volunteers: HashMap<Uuid, String>,
    teams: HashMap<Uuid, String>,
}

struct NameRow {
    sort: String,
    id: Uuid,
    name: String,
    phone: Option<String>,
    has_account: bool,
}

impl NameRow {
    fn read(columns: &mut Columns<'_>) -> std::result::Result<Self, DbErr> {
        Ok(Self {
            sort: columns.next()?,
            id: columns.next()?,
            name: columns.next()?,
            phone: columns.next()?,
            has_account: columns.next()?,
        })
    }
}

async fn all(reader: Reader, asked: Vec<AskedNames>) -> std::result::Result<Vec<Answer<Arc<FoundNames>>>, DbErr> {
    let pages = asked.len();
    let mut whose = AskedNames::default();
    for AskedNames { people, volunteers, teams } in asked {
        whose.people.extend(people);
        whose.volunteers.extend(volunteers);
        whose.teams.extend(teams);
    }
    let backend = reader.get_database_backend();
    let of = |column, parameter| many::is_one_of(backend, column, parameter);
    let sql = format!(
        "SELECT 'person', p.id, p.name, p.phone_sealed, \
         EXISTS (SELECT 1 FROM users u WHERE u.person_id = p.id AND u.state = 'active') \
         FROM persons p WHERE {} \
         UNION ALL SELECT 'volunteer', v.id, (SELECT p.name FROM persons p WHERE p.id = v.person_id), NULL, FALSE \
         FROM volunteers v WHERE {} \
         UNION ALL SELECT 'team', t.id, t.name, NULL, FALSE FROM volunteer_teams t WHERE {}",
        of("p.id", 1),
        of("v.id", 2),
        of("t.id", 3)
    );
    let ids = [whose.people, whose.volunteers, whose.teams].map(|ids| many::ids(backend, ids));
    let mut found = FoundNames::default();
    for row in reader.read(Statement::from_sql_and_values(backend, sql, ids), NameRow::read).await? {
        let NameRow { sort, id, name, phone, has_account } = row;
        match sort.as_str() {
            "person" => drop(found.requesters.insert(id, Requesting { name, phone, has_account })),
            "volunteer" => drop(found.volunteers.insert(id, name)),
            _ => drop(found.teams.insert(id, name)),
        }
    }
    let found = Arc::new(found);
    Ok((0..pages).map(|_| Ok(Arc::clone(&found))).collect())
}

impl Names {
    /// The names that go with these orders. Pages that are read at the same time ask for theirs together.
    pub async fn of(rows: Rows<'_, Reader>, orders: &[UnnamedRow]) -> Result<Self> {
        if orders.is_empty() {
            return Ok(Self { found: Arc::default(), requesters: HashMap::new() });
        }
        let orders = || orders.iter().map(|row| &row.order);
        let asked = AskedNames {
            people: orders().map(|order| order.requester_id).collect(),
            volunteers: orders().flat_map(|order| [order.holder_id, order.target_volunteer_id]).flatten().collect(),
            teams: orders().filter_map(|order| order.target_team_id).collect(),
        };
        let people = asked.people.clone();
        let found = rows.conn.ask(&rows.conn.single().names.0, asked, all).await?;
        let mut requesters = HashMap::new();
        for id in people {
            if let Some(requesting) = found.requesters.get(&id) {
                requesters.insert(id, requesting.clone().open(rows.vault, id)?);
            }
        }
        Ok(Self { found, requesters })
    }

    pub fn with(&self, row: UnnamedRow) -> Result<OrderRow<Requester>> {
        let UnnamedRow { order, joined_by_caller } = row;
        let volunteer = |id: Option<Uuid>| id.and_then(|id| self.found.volunteers.get(&id).cloned());
        let (holder_name, target_volunteer_name) = (volunteer(order.holder_id), volunteer(order.target_volunteer_id));
        let target_team_name = order.target_team_id.and_then(|id| self.found.teams.get(&id).cloned());
        let requester = word(self.requesters.get(&order.requester_id).cloned(), TABLE, "requester_id", &order.id)?;
        Ok(OrderRow { order, requester, target_volunteer_name, target_team_name, holder_name, joined_by_caller })
    }
}
