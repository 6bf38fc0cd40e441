//! Lists and counts of orders.

use actix_web::{HttpRequest, get};
use domain::{
    access::{Action, ResourceKind},
    clocks::Risen,
    cn::{RegionCode, RegionLevel},
    id::{CompoundId, PersonId, VolunteerId},
    orders::{OrderState, Priority, Resolution},
};
use persistence::{CountBy, OrderFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::dto::{OrderOut, OrderPageOut};
use crate::{
    compounds::expand::Expand,
    http::{At, Ctx, List, ListFilter, ListParams, OneOf, RegionText, Reply, query, reply::Caching},
    problem::Problem,
};

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type OrderStates = OneOf<OrderState>;
type Resolutions = OneOf<Resolution>;
type Priorities = OneOf<Priority>;
type RisenTo = OneOf<Risen>;

/// Filters of the list of orders.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// In this compound.
    #[param(value_type = Option<Uuid>)]
    compound_id: Option<CompoundId>,
    /// In one of these states, separated by commas.
    #[serde(default)]
    #[param(inline)]
    state: OrderStates,
    /// With one of these outcomes, separated by commas.
    #[serde(default)]
    #[param(inline)]
    outcome: Resolutions,
    /// With one of these priorities, separated by commas.
    #[serde(default)]
    #[param(inline)]
    priority: Priorities,
    /// Of one of these kinds, separated by commas.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^[a-z_]+(,[a-z_]+)*$")]
    kind: OneOf<String>,
    /// For this person.
    #[param(value_type = Option<Uuid>)]
    requester_id: Option<PersonId>,
    /// Held by this volunteer.
    #[param(value_type = Option<Uuid>)]
    assignee_id: Option<VolunteerId>,
    /// With this number, or this in the description.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// Placed at or after.
    #[param(value_type = Option<At>)]
    created_at_gte: Option<At>,
    /// Placed before.
    #[param(value_type = Option<At>)]
    created_at_lt: Option<At>,
    /// Only those that are (or are not) past a due date.
    #[serde(default, deserialize_with = "query::flag")]
    overdue: Option<bool>,
    /// Risen to one of these, separated by commas.
    #[serde(default)]
    #[param(inline)]
    risen_to: RisenTo,
    /// What is to be shown with each order beside its id.
    #[serde(default)]
    #[param(inline)]
    expand: Expand,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?(created_at|updated_at)$")]
    sort: (),
}

impl ListFilter for OrderListIn {
    const SORTS: &'static [&'static str] = &["-created_at", "updated_at"];
}

/// List service orders, the newest first
#[utoipa::path(tag = "service-orders", operation_id = "listServiceOrders", params(ListParams, OrderListIn), security(("bearer" = [])), responses((status = 200, body = OrderPageOut)))]
#[get("/service-orders")]
pub async fn list_service_orders(ctx: Ctx, list: List<OrderListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::ServiceOrder)?;
    let OrderListIn {
        region,
        compound_id,
        state,
        outcome,
        priority,
        kind,
        requester_id,
        assignee_id,
        q,
        created_at_gte,
        created_at_lt,
        overdue,
        risen_to,
        expand,
        sort: (),
    } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    if access.only_bare() {
        // what is not shown must not be found out by filtering
        let hidden =
            [(q.is_some(), "q"), (requester_id.is_some(), "requester_id"), (assignee_id.is_some(), "assignee_id")];
        if let Some((_, name)) = hidden.into_iter().find(|(given, _)| *given) {
            return Err(Problem::field_not_allowed(name));
        }
    }
    let filter = OrderFilter {
        region: region.clone(),
        compound_id: *compound_id,
        state: state.0.clone(),
        outcome: outcome.0.clone(),
        priority: priority.0.clone(),
        kind: kind.0.clone(),
        requester_id: *requester_id,
        assignee_id: *assignee_id,
        q: q.clone(),
        created_from: created_at_gte.map(|at| at.0),
        created_until: created_at_lt.map(|at| at.0),
        overdue: overdue.map(|overdue| (overdue, ctx.now)),
        risen: risen_to.0.clone(),
        by_update: list.sort == "updated_at",
    };
    let page = ctx.app.database.rows().orders(ctx.actor.person_id).page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    let mut page = page.try_map(|found| Ok(OrderOut::new(&ctx, found)))?;
    expand.on(&ctx, &mut page.items).await?;
    Reply::page(&ctx, &list, &page)
}

/// What to count.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CountsIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// By what to split: state, region or both, separated by a comma.
    #[param(value_type = Option<String>, pattern = "^(state|region)(,(state|region))?$")]
    by: Option<OneOf<String>>,
}

/// A count of orders.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderCount)]
pub struct CountOut {
    /// The child region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region_code: Option<String>,
    /// The state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    state: Option<&'static str>,
    /// How many.
    count: i64,
}

/// Counts of orders.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderCounts)]
pub struct CountsOut {
    /// One for each combination that occurs.
    items: Vec<CountOut>,
}

/// Count service orders by region and state
#[utoipa::path(tag = "service-orders", operation_id = "countServiceOrders", params(CountsIn), security(("bearer" = [])), responses((status = 200, body = CountsOut)))]
#[get("/service-orders/counts")]
pub async fn count_service_orders(ctx: Ctx, request: HttpRequest) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Count, ResourceKind::ServiceOrder)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    let CountsIn { region, by } = query::parse(request.query_string())?;
    let region = ctx.current_region(region);
    ctx.region_in_scope(&access, region.as_ref())?;
    let by = by.unwrap_or_default().0;
    if by.iter().any(|by| by != "state" && by != "region") {
        return Err(Problem::parameter("by", "not-allowed"));
    }
    // children of the region that was asked for, or of the widest one that the caller has
    let above = region.clone().or_else(|| access.permitted_regions().min_by_key(|code| code.level()).cloned());
    let digits = match above.map_or(RegionLevel::Province, |code| code.level()) {
        RegionLevel::Province => 4,
        RegionLevel::City => 6,
        RegionLevel::County => 9,
        RegionLevel::Township => 12,
        RegionLevel::Community | RegionLevel::Grid => 15,
    };
    let split = CountBy {
        region_digits: by.iter().any(|by| by == "region").then_some(digits),
        state: by.iter().any(|by| by == "state"),
    };
    let counts = ctx.app.database.rows().count_orders(&access, region.as_ref(), split).await?;
    let items = counts.into_iter().map(|count| CountOut {
        region_code: count.region_code.map(|code| code.to_string()),
        state: count.state.map(OrderState::name),
        count: count.count,
    });
    Reply::json(200, &CountsOut { items: items.collect() }, Caching::Personal)
}
