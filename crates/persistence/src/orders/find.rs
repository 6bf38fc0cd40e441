//! Finding orders.

use domain::{
    access::{Access, Reach},
    clocks::Risen,
    cn::{RegionCode, RegionLevel},
    id::{CompoundId, PersonId, ServiceOrderId, VolunteerId},
    orders::{OrderState, Priority, Resolution, ServiceOrder},
    time::Instant,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement,
    sea_query::{Condition, Expr, ExprTrait, LockType, Query, SimpleExpr},
};
use uuid::Uuid;

use super::{
    convert::{NAMES, OrderRow, order_by, order_of},
    entity::service_order,
    names::{Names, UnnamedRow},
    row::OrderColumns,
    single,
};
use crate::{
    connect::{Columns, Reader},
    error::{Error, Result},
    keyset::{Counted, Page, PageRequest, Sorting, page_read},
    rows::{Found, Rows, word},
    save::{Findable, Lock},
    scope::{self, ScopeColumns},
};

/// Which orders.
#[derive(Debug, Clone, Default)]
pub struct OrderFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// In this compound.
    pub compound_id: Option<CompoundId>,
    /// In one of these states; all if empty.
    pub state: Vec<OrderState>,
    /// Of one of these outcomes; all if empty.
    pub outcome: Vec<Resolution>,
    /// Of one of these priorities; all if empty.
    pub priority: Vec<Priority>,
    /// Of one of these kinds; all if empty.
    pub kind: Vec<String>,
    /// Of this person.
    pub requester_id: Option<PersonId>,
    /// Held by this volunteer.
    pub assignee_id: Option<VolunteerId>,
    /// With this number or this in the description.
    pub q: Option<String>,
    /// Placed at or after.
    pub created_from: Option<Instant>,
    /// Placed before.
    pub created_until: Option<Instant>,
    /// Only those that are (or are not) past a due date at a time.
    pub overdue: Option<(bool, Instant)>,
    /// Risen to one of these; whether or not, if empty.
    pub risen: Vec<Risen>,
    /// Sorted by the last change instead of the placing.
    pub by_update: bool,
}

/// What an order about to be placed resembles.
#[derive(Debug, Clone)]
pub struct SimilarQuery {
    /// Its kind.
    pub kind: String,
    /// Where.
    pub region_code: RegionCode,
    /// In which compound.
    pub compound_id: Option<CompoundId>,
}

/// A volunteer who suits an order.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// His row.
    pub volunteer_id: VolunteerId,
    /// His name.
    pub display_name: String,
    /// His service area.
    pub region_code: RegionCode,
    /// Whether he can do what it takes.
    pub skilled: bool,
    /// Steps up from the order's region to one that his area shares, 0 where he serves just there.
    pub distance: i64,
    /// Orders that he holds now.
    pub open_orders: i64,
    /// The mean of residents' answers about him, 1 to 5.
    pub satisfaction: Option<f64>,
}

/// Finder of orders, for one caller: whether he joined an order is part of what is found.
#[derive(Debug)]
pub struct Orders<'a, C> {
    rows: Rows<'a, C>,
    caller: Option<PersonId>,
}

impl<'a, C> Rows<'a, C> {
    /// Orders as this person finds them.
    #[must_use]
    pub fn orders(self, caller: Option<PersonId>) -> Orders<'a, C> {
        Orders { rows: self, caller }
    }
}

use service_order::Column as C_;

fn related(reach: &Reach) -> Option<SimpleExpr> {
    let region = || Expr::col((service_order::Entity, C_::RegionCode));
    Some(match reach {
        Reach::Requester(person) => C_::RequesterId.eq(person.0),
        Reach::Participant(person) => joined_by(*person),
        Reach::Neighbor(code) => C_::Private.eq(false).and(scope::within(region(), code)),
        Reach::OpenPool(code) => Expr::cust("service_orders.state = 'dispatched' AND service_orders.target = 'open'")
            .and(scope::within(region(), code)),
        Reach::ClaimArea(code) => C_::Target.eq("open").and(scope::within(region(), code)),
        Reach::Addressee(volunteer, teams) => {
            let mine = C_::TargetVolunteerId.eq(volunteer.0);
            let ours = C_::TargetTeamId.is_in(teams.iter().map(|team| team.0)).and(not_declined_by(*volunteer));
            if teams.is_empty() { mine } else { mine.or(ours) }
        }
        Reach::Holder(volunteer) => C_::HolderId.eq(volunteer.0),
        Reach::Everywhere
        | Reach::Region(_)
        | Reach::Compound(_)
        | Reach::Heads(_)
        | Reach::Disclosed(_)
        | Reach::Own(..) => return None,
    })
}

fn joined_by(person: PersonId) -> SimpleExpr {
    let joined = Query::select()
        .column("order_id")
        .from("order_participants")
        .and_where(Expr::col("person_id").eq(person.0))
        .take();
    Expr::col((service_order::Entity, C_::Id)).in_subquery(joined)
}

/// The ids of those who declined stand as JSON text in the row; an id cannot be part of another one.
fn not_declined_by(volunteer: VolunteerId) -> SimpleExpr {
    C_::DeclinedBy.not_like(format!("%{volunteer}%"))
}

fn visible(access: &Access) -> Condition {
    scope::visible(
        access,
        &ScopeColumns {
            region: Some(Expr::col((service_order::Entity, C_::RegionCode))),
            compound: Some(Expr::col((service_order::Entity, C_::CompoundId))),
            cut: true,
            related: &related,
        },
    )
}

fn filtered(mut select: Select<service_order::Entity>, filter: &OrderFilter) -> Select<service_order::Entity> {
    let OrderFilter {
        region,
        compound_id,
        state,
        outcome,
        priority,
        kind,
        requester_id,
        assignee_id,
        q,
        created_from,
        created_until,
        overdue,
        risen,
        by_update: _,
    } = filter;
    let one_of = |column: C_, names: Vec<&str>| column.is_in(names.into_iter().map(str::to_owned));
    let conditions = [
        region.as_ref().map(|code| scope::within_cut(Expr::col((service_order::Entity, C_::RegionCode)), code)),
        compound_id.map(|id| C_::CompoundId.eq(id.0)),
        (!state.is_empty()).then(|| one_of(C_::State, state.iter().map(|s| s.name()).collect())),
        (!outcome.is_empty()).then(|| one_of(C_::Outcome, outcome.iter().map(|o| o.name()).collect())),
        (!priority.is_empty()).then(|| one_of(C_::Priority, priority.iter().map(|p| p.name()).collect())),
        (!kind.is_empty()).then(|| one_of(C_::Kind, kind.iter().map(String::as_str).collect())),
        requester_id.map(|id| C_::RequesterId.eq(id.0)),
        assignee_id.map(|id| C_::HolderId.eq(id.0)),
        q.as_ref().map(|q| {
            scope::contains(Expr::col((service_order::Entity, C_::Description)), q).or(C_::Number.eq(q.clone()))
        }),
        created_from.map(|at| C_::CreatedAt.gte(at)),
        created_until.map(|at| C_::CreatedAt.lt(at)),
        overdue.map(|(overdue, at)| if overdue { C_::DueAt.lte(at) } else { C_::DueAt.is_null().or(C_::DueAt.gt(at)) }),
        (!risen.is_empty()).then(|| C_::Risen.is_in(risen.iter().map(|risen| risen.name()))),
    ];
    for condition in conditions.into_iter().flatten() {
        select = select.filter(condition);
    }
    select
}

impl Findable for ServiceOrder {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = rows.orders(access.person()).select().filter(C_::Id.eq(id.0)).filter(visible(access));
        let row = lock.on(select).into_model::<OrderRow>().one(rows.conn).await?.ok_or(Error::NotFound)?;
        Found::judge(access, order_of(rows.vault, row)?)
    }

    async fn read(rows: Rows<'_, Reader>, access: &Access, id: &Self::Id) -> Result<Found<Self>> {
        single::read(rows, access, *id).await
    }
}

impl Orders<'_, Reader> {
    /// A page of orders that the caller sees.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &OrderFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<ServiceOrder>>> {
        let mut select = filtered(self.unnamed(), filter);
        if !filter.region.as_ref().is_some_and(|region| scope::sees_all_of(access, region)) {
            select = select.filter(visible(access));
        }
        let (name, column) =
            if filter.by_update { ("updated_at", C_::UpdatedAt) } else { ("created_at", C_::CreatedAt) };
        let sorting = Sorting {
            name: Some(name),
            column: Some(Expr::col((service_order::Entity, column))),
            id: Expr::col((service_order::Entity, C_::Id)),
            uuid: true,
        };
        let read = async |statement, counts| {
            let row = move |columns: &mut Columns<'_>| {
                let row = UnnamedRow::read(columns)?;
                Ok(Counted { row, total: if counts { columns.next()? } else { None } })
            };
            self.rows.conn.read(statement, row).await
        };
        let rows = page_read(self.rows.conn, select, sorting, request, read).await?;
        let names = Names::of(self.rows, &rows.items).await?;
        rows.try_map(|row| Found::judge(access, order_by(self.rows.vault, names.with(row)?)?))
    }
}

impl<C: ConnectionTrait> Orders<'_, C> {
    fn unnamed(&self) -> Select<service_order::Entity> {
        let joined = match self.caller {
            Some(person) => joined_by(person),
            None => Expr::cust("(1 = 0)"),
        };
        // all in one expression: to put the columns together one by one takes longer than to read them
        let columns = Expr::cust(OrderColumns::named());
        service_order::Entity::find().select_only().expr(columns).expr_as(joined, "joined_by_caller")
    }

    fn select(&self) -> Select<service_order::Entity> {
        self.unnamed().expr(Expr::cust(NAMES))
    }

    /// An order and another one into which it may be folded, if the caller sees that too, both kept from others until
    /// the transaction ends. Their rows are locked by id, so that no two such transactions wait for each other.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn both_to_change(
        &self,
        access: &Access,
        id: ServiceOrderId,
        other: ServiceOrderId,
    ) -> Result<(Found<ServiceOrder>, Option<Found<ServiceOrder>>)> {
        let select = self.select().filter(C_::Id.is_in([id.0, other.0])).filter(visible(access)).order_by_asc(C_::Id);
        let rows = Lock::Update.on(select).into_model::<OrderRow>().all(self.rows.conn).await?;
        let mut found = Vec::new();
        for row in rows {
            found.push(Found::judge(access, order_of(self.rows.vault, row)?)?);
        }
        let of = |id| found.iter().find(|found| found.row.id == id).cloned();
        Ok((of(id).ok_or(Error::NotFound)?, of(other)))
    }

    /// Open public orders of the same kind in the same compound or, outside compounds, the same community; the
    /// newest ten. Whoever may place an order there may ask for them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn similar(&self, query: &SimilarQuery) -> Result<Vec<ServiceOrder>> {
        let SimilarQuery { kind, region_code, compound_id } = query;
        let community = region_code.at(RegionLevel::Community).unwrap_or_else(|| region_code.clone());
        let mut select = self
            .select()
            .filter(C_::Kind.eq(kind.clone()))
            .filter(C_::Private.eq(false))
            .filter(C_::State.is_in(OrderState::OPEN.iter().map(|state| state.name())))
            .filter(scope::within_cut(Expr::col((service_order::Entity, C_::RegionCode)), &community));
        if let Some(compound) = compound_id {
            select = select.filter(C_::CompoundId.eq(compound.0));
        }
        let rows = select
            .order_by_desc(C_::CreatedAt)
            .order_by_desc(C_::Id)
            .limit(10)
            .into_model::<OrderRow>()
            .all(self.rows.conn)
            .await?;
        rows.into_iter().map(|row| order_of(self.rows.vault, row)).collect()
    }

    /// The digest of what an order was placed with, if the caller sees it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn content_digest(&self, access: &Access, id: ServiceOrderId) -> Result<Option<Vec<u8>>> {
        let row: Option<(Vec<u8>,)> = service_order::Entity::find()
            .select_only()
            .column(C_::ContentDigest)
            .filter(C_::Id.eq(id.0))
            .filter(visible(access))
            .into_tuple()
            .one(self.rows.conn)
            .await?;
        Ok(row.map(|(digest,)| digest))
    }

    /// Whether an id is taken, seen or not.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn exists(&self, id: ServiceOrderId) -> Result<bool> {
        let row: Option<(Uuid,)> = service_order::Entity::find()
            .select_only()
            .column(C_::Id)
            .filter(C_::Id.eq(id.0))
            .into_tuple()
            .one(self.rows.conn)
            .await?;
        Ok(row.is_some())
    }

    /// Orders that have been completed since before a time and not been answered, the oldest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn unanswered_since(&self, before: Instant, limit: u64) -> Result<Vec<ServiceOrder>> {
        let rows = self
            .select()
            .filter(Expr::cust("service_orders.state = 'completed'"))
            .filter(C_::CompletedAt.lte(before))
            .order_by_asc(C_::CompletedAt)
            .limit(limit)
            .lock(LockType::Update)
            .into_model::<OrderRow>()
            .all(self.rows.conn)
            .await?;
        rows.into_iter().map(|row| order_of(self.rows.vault, row)).collect()
    }

    /// When the first clock of all orders rings.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn first_ring(&self) -> Result<Option<Instant>> {
        let first: Option<(Instant,)> = service_order::Entity::find()
            .select_only()
            .column(C_::RingsAt)
            .filter(C_::RingsAt.is_not_null())
            .order_by_asc(C_::RingsAt)
            .limit(1)
            .into_tuple()
            .one(self.rows.conn)
            .await?;
        Ok(first.map(|(at,)| at))
    }

    /// Orders whose clocks have something to tell by now, the earliest first.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn ringing(&self, now: Instant, limit: u64) -> Result<Vec<ServiceOrder>> {
        let rows = self
            .select()
            .filter(C_::RingsAt.lte(now))
            .order_by_asc(C_::RingsAt)
            .limit(limit)
            .lock(LockType::Update)
            .into_model::<OrderRow>()
            .all(self.rows.conn)
            .await?;
        rows.into_iter().map(|row| order_of(self.rows.vault, row)).collect()
    }
}

#[derive(FromQueryResult)]
struct CandidateRow {
    id: Uuid,
    display_name: String,
    region_code: String,
    skills: serde_json::Value,
    open_orders: i64,
    rated: i64,
    rating: Option<i64>,
}

impl<C: ConnectionTrait> Rows<'_, C> {
    /// Approved and available volunteers for an order: those whose area holds it and those of the same township,
    /// the skilled first, then the nearest, the least loaded, the best rated.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn candidates(&self, order: &ServiceOrder, skills: &[String], limit: usize) -> Result<Vec<Candidate>> {
        let township = order.region_code.at(RegionLevel::Township).unwrap_or_else(|| order.region_code.clone());
        let above: Vec<_> = township.ancestors().map(|code| code.to_string()).collect();
        let places: Vec<String> = (0..above.len()).map(|n| format!("${}", n + 3)).collect();
        let in_above =
            if above.is_empty() { "1 = 0".to_owned() } else { format!("v.region_code IN ({})", places.join(", ")) };
        let sql = format!(
            "SELECT v.id, p.name AS display_name, v.region_code, v.skills, \
             (SELECT count(*) FROM service_orders o WHERE o.holder_id = v.id AND o.state IN ('accepted', 'in_progress', 'on_hold')) \
             AS open_orders, \
             (SELECT count(o.satisfaction) FROM service_orders o WHERE o.holder_id = v.id) AS rated, \
             (SELECT CAST(SUM(o.satisfaction) AS BIGINT) FROM service_orders o WHERE o.holder_id = v.id) AS rating \
             FROM volunteers v JOIN persons p ON p.id = v.person_id \
             WHERE v.state = 'approved' AND v.available = TRUE \
             AND ((v.region_code >= $1 AND v.region_code < $2) OR {in_above})"
        );
        let end = format!("{township}:");
        let values = [township.to_string().into(), end.into()].into_iter().chain(above.into_iter().map(Into::into));
        let statement = Statement::from_sql_and_values(self.conn.get_database_backend(), sql, values);
        let rows = CandidateRow::find_by_statement(statement).all(self.conn).await?;
        let mut candidates = rows
            .into_iter()
            .map(|row| {
                let CandidateRow { id, display_name, region_code, skills: theirs, open_orders, rated, rating } = row;
                let region_code = word(RegionCode::parse(&region_code).ok(), "volunteers", "region_code", &id)?;
                let theirs: Vec<String> = serde_json::from_value(theirs).map_err(|_| Error::Corrupt {
                    table: "volunteers",
                    column: "skills",
                    row: id.to_string(),
                })?;
                #[expect(clippy::cast_precision_loss, reason = "sums of marks are far below 2^52")]
                let satisfaction = rating.filter(|_| rated > 0).map(|sum| sum as f64 / rated as f64);
                Ok(Candidate {
                    volunteer_id: id.into(),
                    display_name,
                    distance: distance(&order.region_code, &region_code),
                    skilled: skills.iter().all(|skill| theirs.contains(skill)),
                    region_code,
                    open_orders,
                    satisfaction,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        candidates.sort_by(|a, b| {
            b.skilled
                .cmp(&a.skilled)
                .then(a.distance.cmp(&b.distance))
                .then(a.open_orders.cmp(&b.open_orders))
                .then(b.satisfaction.unwrap_or(3.0).total_cmp(&a.satisfaction.unwrap_or(3.0)))
                .then(a.volunteer_id.cmp(&b.volunteer_id))
        });
        candidates.truncate(limit);
        Ok(candidates)
    }
}

/// Steps between the order's region and the area in the tree of regions.
fn distance(order: &RegionCode, area: &RegionCode) -> i64 {
    let up = |code: &RegionCode| std::iter::once(code.clone()).chain(code.ancestors()).collect::<Vec<_>>();
    let (from, to) = (up(order), up(area));
    let shared = from.iter().position(|code| to.contains(code)).unwrap_or(from.len());
    let down = to.iter().position(|code| from.get(shared) == Some(code)).unwrap_or(to.len());
    // an area that holds the order is as near as one that is just its place
    i64::try_from(if area.contains(order) { 0 } else { shared + down }).unwrap_or(i64::MAX)
}
