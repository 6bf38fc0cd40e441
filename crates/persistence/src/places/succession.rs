//! Moving all that lies in a region, and below it, to the code that comes after it.

use std::collections::HashSet;

use domain::{
    access::{Grant, ResourceKind},
    cn::RegionCode,
    event::{Datum, EventDraft},
    orders::ServiceKind,
    outcome::Outcome,
    places::{Region, Succession},
    resource::Resource as _,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::{Expr, ExprTrait as _, LockType},
};

use super::{entity::region, regions};
use crate::{
    error::{Error, Result},
    identity::entity::grant,
    orders::entity::service_kind,
    scope,
    tx::Tx,
};

/// The tables whose rows lie in a region by their `region_code` and move with it. Those that others are placed by come
/// first: whoever places something by them meanwhile keeps them, and is waited for. Counters are summed instead, and
/// events keep the code of their day.
pub const MOVED_TABLES: &[&str] = &[
    "compounds",
    "buildings",
    "units",
    "dwellings",
    "inspections",
    "ledgers",
    "ledger_entries",
    "disclosures",
    "organizations",
    "persons",
    "households",
    "service_kinds",
    "volunteers",
    "volunteer_teams",
    "service_orders",
    "appointments",
    "users",
    "grants",
    "clients",
    "calendar_days",
    "notifications",
];

/// Of these, rows stay behind that are the same in this column as one where they would move to. A kind of service is named
/// by its code; of a day counts what the region has entered for itself to which the other one comes.
const KEPT_IF_DOUBLED: [(&str, &str); 2] = [("service_kinds", "code"), ("calendar_days", "day")];

/// As many rows are written by one statement.
const BATCH: usize = 200;

/// How many rows of each table moved.
type Moved = Vec<(&'static str, i64)>;

/// Something that cannot move, because what has the same code is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clash {
    /// What it is.
    pub kind: ResourceKind,
    /// Its code.
    pub code: String,
}

impl Tx {
    /// A region and the regions in use below it, from above to below, kept from others until the transaction ends; so is
    /// another one, into which it may be merged.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn regions_to_move(
        &self,
        root: &RegionCode,
        other: Option<&RegionCode>,
    ) -> Result<(Region, Vec<Region>)> {
        let within = scope::within(Expr::col(region::Column::Code), root);
        let mut wanted = sea_orm::sea_query::Condition::any().add(within);
        if let Some(other) = other {
            wanted = wanted.add(region::Column::Code.eq(other.as_str()));
        }
        let select = region::Entity::find()
            .filter(wanted)
            .filter(region::Column::SuccessorCode.is_null())
            .order_by_asc(region::Column::Code)
            // rows that name the region may still be written: they are moved afterwards
            .lock(LockType::NoKeyUpdate);
        let rows = select.all(&self.conn).await?.into_iter().map(Region::try_from).collect::<Result<Vec<_>>>()?;
        let mut rows: Vec<Region> = rows.into_iter().filter(|row| root.contains(&row.code)).collect();
        let at = rows.iter().position(|row| row.code == *root).ok_or(Error::NotFound)?;
        let region = rows.remove(at);
        Ok((region, rows))
    }

    /// What stands in the way of a succession: regions and compounds whose codes are taken.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn clashes(&self, succession: &Succession) -> Result<Vec<Clash>> {
        let wanted: HashSet<&str> = succession.begun.iter().map(|new| new.value.code.as_str()).collect();
        let taken = region::Entity::find()
            .filter(scope::within(Expr::col(region::Column::Code), &succession.to))
            .order_by_asc(region::Column::Code)
            .all(&self.conn)
            .await?;
        let taken = taken.into_iter().map(|row| row.code).filter(|code| wanted.contains(code.as_str()));
        let mut clashes: Vec<Clash> = taken.map(|code| Clash { kind: ResourceKind::Region, code }).collect();
        let sql = format!(
            "SELECT c.code FROM compounds c JOIN compounds o ON o.code = c.code AND o.region_code = {} \
             WHERE c.region_code >= $2 AND c.region_code < $3 ORDER BY c.code",
            moved_code("c", &succession.from)
        );
        for row in self.conn.query_all_raw(self.of(&sql, succession)).await? {
            clashes.push(Clash { kind: ResourceKind::Compound, code: row.try_get("", "code")? });
        }
        Ok(clashes)
    }

    /// Lets one region come after another: the old rows are kept, the new ones made, and what lies in them moved. The
    /// caller has found that nothing stands in the way ([`Self::clashes`]).
    ///
    /// # Errors
    /// [`Error::Stale`] if a region was changed meanwhile.
    pub async fn succeed(&self, succession: Succession) -> Result<()> {
        if self.conn.get_database_backend() == DbBackend::Postgres {
            // a county takes longer than a request usually may
            self.conn.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        }
        let rows: Vec<_> = succession.begun.iter().map(|new| regions::row_of(&new.value)).collect();
        for rows in rows.chunks(BATCH) {
            region::Entity::insert_many(rows.to_vec()).exec_without_returning(&self.conn).await?;
        }
        if let Some(root) = succession.begun.iter().find(|new| new.value.code == succession.to) {
            self.adopt_regions(&root.value).await?;
        }
        self.end_regions(&succession).await?;
        self.close_doubled_kinds(&succession).await?;
        let mut moved = Moved::new();
        for table in MOVED_TABLES {
            let code = moved_code(table, &succession.from);
            let mut sql =
                format!("UPDATE {table} SET region_code = {code} WHERE region_code >= $2 AND region_code < $3");
            if let Some((_, column)) = KEPT_IF_DOUBLED.iter().find(|(kept, _)| kept == table) {
                sql += &format!(" AND NOT {}", doubled(table, column, &succession.from));
            }
            let done = self.conn.execute_raw(self.of(&sql, &succession)).await?;
            moved.push((table, i64::try_from(done.rows_affected()).unwrap_or(i64::MAX)));
        }
        self.move_counters(&succession).await?;
        self.tell(succession, &moved)
    }

    /// The statement with the new code, the old one and its end as parameters.
    fn of(&self, sql: &str, succession: &Succession) -> Statement {
        let Succession { from, to, .. } = succession;
        let values = [to.as_str().into(), from.as_str().into(), scope::end(from).into()];
        Statement::from_sql_and_values(self.conn.get_database_backend(), sql, values)
    }

    async fn end_regions(&self, succession: &Succession) -> Result<()> {
        let Succession { from, to, on, ended, .. } = succession;
        let sql = format!(
            "UPDATE regions SET successor_code = $1 || substr(code, {}), valid_until = $4, version = version + 1, \
             updated_at = $5 WHERE code >= $2 AND code < $3 AND successor_code IS NULL",
            from.as_str().len() + 1
        );
        let values =
            [to.as_str().into(), from.as_str().into(), scope::end(from).into(), (*on).into(), self.now().into()];
        let statement = Statement::from_sql_and_values(self.conn.get_database_backend(), sql, values);
        let done = self.conn.execute_raw(statement).await?.rows_affected();
        if usize::try_from(done) == Ok(ended.len()) { Ok(()) } else { Err(Error::Stale) }
    }

    /// Of two kinds of service of one code the one that is there already counts. The other one stays where it was, and is
    /// offered no more: orders name kinds by their codes.
    async fn close_doubled_kinds(&self, succession: &Succession) -> Result<()> {
        let sql = format!(
            "SELECT service_kinds.* FROM service_kinds WHERE region_code >= $2 AND region_code < $3 AND active AND {}",
            doubled("service_kinds", "code", &succession.from)
        );
        let select = service_kind::Entity::find().from_raw_sql(self.of(&sql, succession));
        for row in select.all(&self.conn).await? {
            let mut kind = ServiceKind::try_from(row)?;
            kind.active = false;
            kind.touch(self.now());
            let event = kind.event("service_kind.updated").with("changed", Datum::Words(vec!["active"]));
            self.update(Outcome::new(kind, event)).await?;
        }
        Ok(())
    }

    async fn move_counters(&self, succession: &Succession) -> Result<()> {
        let add = format!(
            "INSERT INTO order_counters (region_code, state, orders) SELECT {}, state, orders FROM order_counters \
             WHERE region_code >= $2 AND region_code < $3 \
             ON CONFLICT (region_code, state) DO UPDATE SET orders = order_counters.orders + excluded.orders",
            moved_code("order_counters", &succession.from)
        );
        self.conn.execute_raw(self.of(&add, succession)).await?;
        let Succession { from, .. } = succession;
        let values = [from.as_str().into(), scope::end(from).into()];
        let remove = "DELETE FROM order_counters WHERE region_code >= $1 AND region_code < $2";
        let backend = self.conn.get_database_backend();
        self.conn.execute_raw(Statement::from_sql_and_values(backend, remove, values)).await?;
        Ok(())
    }

    /// Notes the events: that of the region itself says how much moved with it.
    fn tell(&self, succession: Succession, moved: &Moved) -> Result<()> {
        let mut events: Vec<EventDraft> = succession.ended.into_iter().flat_map(|old| old.events).collect();
        if let Some(first) = events.first_mut() {
            let told = first.clone();
            *first = moved.iter().fold(told, |event, (table, count)| event.with(table, Datum::Count(*count)));
        }
        events.extend(succession.begun.into_iter().flat_map(|new| new.events));
        self.record(&events)
    }

    /// The grants at a region and the regions below it that have not been taken back.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn grants_within(&self, code: &RegionCode) -> Result<Vec<Grant>> {
        let rows = grant::Entity::find()
            .filter(grant::Column::Place.eq("region"))
            .filter(grant::Column::RevokedAt.is_null())
            .filter(scope::within(Expr::col((grant::Entity, grant::Column::RegionCode)), code))
            .filter(grant::Column::ValidUntil.gt(self.now()).or(grant::Column::ValidUntil.is_null()))
            .order_by_asc(grant::Column::Id)
            .all(&self.conn)
            .await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

/// The code of a row after it moved.
fn moved_code(table: &str, from: &RegionCode) -> String {
    format!("$1 || substr({table}.region_code, {})", from.as_str().len() + 1)
}

/// There is a row already that is the same in a column, where this one would move to.
fn doubled(table: &str, column: &str, from: &RegionCode) -> String {
    let code = moved_code(table, from);
    format!("EXISTS (SELECT 1 FROM {table} o WHERE o.{column} = {table}.{column} AND o.region_code = {code})")
}
