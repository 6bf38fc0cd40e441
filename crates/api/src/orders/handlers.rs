//! The endpoints of orders.

use actix_web::{get, patch, post, put};
use domain::{
    access::{Action, ResourceKind},
    cn::{RegionCode, RegionLevel},
    id::{CompoundId, PersonId, ServiceOrderId, VolunteerId},
    orders::{Caller, Completion, OrderState, Priority, Resolution, ServiceOrder, Site, Target, Transition},
    places::Compound,
};
use persistence::{CountBy, OrderFilter, SimilarQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    dto::{
        CandidateListOut, CandidateOut, ChangeIn, CompleteIn, ConfirmIn, ContactOut, DispatchIn, HoldIn, MaybeReasonIn,
        MergeIn, OrderOut, OrderPageOut, PlaceIn, ReasonIn, SimilarIn, SimilarListOut, TransferIn,
    },
    edits::edit,
    service::{Spot, change, place, shown, target},
};
use crate::{
    http::{
        At, Body, Ctx, List, ListFilter, ListParams, OneOf, Patch, PathId, RegionText, Reply, query,
        reply::Caching,
        resource::{self, timeline_of},
        value::NothingIn,
    },
    problem::Problem,
};

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type OrderStates = OneOf<OrderState>;
type Resolutions = OneOf<Resolution>;
type Priorities = OneOf<Priority>;

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
        sort: (),
    } = &list.filter;
    ctx.region_in_scope(region.as_ref())?;
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
        by_update: list.sort == "updated_at",
    };
    let page = ctx.app.database.rows().orders(ctx.actor.person_id).page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<OrderOut, _>(&ctx, &list, page)
}

/// Read a service order
#[utoipa::path(tag = "service-orders", operation_id = "getServiceOrder", params(("id" = Uuid, Path, description = "order id")), security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[get("/service-orders/{id}")]
pub async fn get_service_order(ctx: Ctx, id: PathId<ServiceOrderId>) -> Result<Reply, Problem> {
    resource::get::<OrderOut>(&ctx, &id.0).await
}

/// Place a service order
#[utoipa::path(tag = "service-orders", operation_id = "createServiceOrder", request_body = PlaceIn, security(("bearer" = [])), responses((status = 201, body = OrderOut)))]
#[post("/service-orders")]
pub async fn create_service_order(ctx: Ctx, body: Body<PlaceIn>) -> Result<Reply, Problem> {
    place(&ctx, None, body.value, &body.content).await
}

/// Place a service order under an id of the client's own (UUIDv7)
#[utoipa::path(tag = "service-orders", operation_id = "putServiceOrder", params(("id" = Uuid, Path, description = "order id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = PlaceIn, security(("bearer" = [])), responses((status = 201, body = OrderOut), (status = 200, body = OrderOut)))]
#[put("/service-orders/{id}")]
pub async fn put_service_order(ctx: Ctx, id: PathId<ServiceOrderId>, body: Body<PlaceIn>) -> Result<Reply, Problem> {
    place(&ctx, Some(id.0), body.value, &body.content).await
}

/// Change a service order
#[utoipa::path(tag = "service-orders", operation_id = "updateServiceOrder", params(("id" = Uuid, Path, description = "order id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = ChangeIn, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[patch("/service-orders/{id}")]
pub async fn update_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Patch<ChangeIn>,
) -> Result<Reply, Problem> {
    edit(&ctx, id.0, body.value).await
}

/// Dispatch an order to a volunteer, a team, or open it to claims
#[utoipa::path(tag = "service-orders", operation_id = "dispatchServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = DispatchIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/dispatch")]
pub async fn dispatch_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<DispatchIn>,
) -> Result<Reply, Problem> {
    let DispatchIn { volunteer_id, team_id, open: _, note, priority } = body.value;
    change(&ctx, id.0, Transition::Dispatch, &body.content, async |tx, order, by| {
        let to = target(&ctx, tx, &order, volunteer_id, team_id).await?;
        Ok(order.dispatch(by, to, note, priority.map(Into::into))?)
    })
    .await
}

/// Accept an order that was dispatched to one
#[utoipa::path(tag = "service-orders", operation_id = "acceptServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/accept")]
pub async fn accept_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<NothingIn>,
) -> Result<Reply, Problem> {
    change(&ctx, id.0, Transition::Accept, &body.content, async |_, order, by| Ok(order.accept(by)?)).await
}

/// Return an order to the dispatcher
#[utoipa::path(tag = "service-orders", operation_id = "declineServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = ReasonIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/decline")]
pub async fn decline_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<ReasonIn>,
) -> Result<Reply, Problem> {
    change(&ctx, id.0, Transition::Decline, &body.content, async |tx, order, by| {
        let team = match order.state.dispatch().map(|dispatch| &dispatch.target) {
            Some(Target::Team(team)) => tx.rows().teams().members(team.id).await?,
            _ => Vec::new(),
        };
        Ok(order.decline(by, &team, body.value.reason)?)
    })
    .await
}

/// Claim an order that is open to claims
#[utoipa::path(tag = "service-orders", operation_id = "claimServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/claim")]
pub async fn claim_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<NothingIn>,
) -> Result<Reply, Problem> {
    change(&ctx, id.0, Transition::Claim, &body.content, async |_, order, by| Ok(order.claim(by)?)).await
}

/// Hand an order over to another holder
#[utoipa::path(tag = "service-orders", operation_id = "transferServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = TransferIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/transfer")]
pub async fn transfer_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<TransferIn>,
) -> Result<Reply, Problem> {
    let TransferIn { volunteer_id, team_id, open: _, reason } = body.value;
    change(&ctx, id.0, Transition::Transfer, &body.content, async |tx, order, by| {
        let to = target(&ctx, tx, &order, volunteer_id, team_id).await?;
        Ok(order.transfer(by, to, reason)?)
    })
    .await
}

/// Begin the work
#[utoipa::path(tag = "service-orders", operation_id = "startServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/start")]
pub async fn start_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<NothingIn>,
) -> Result<Reply, Problem> {
    change(&ctx, id.0, Transition::Start, &body.content, async |_, order, by| Ok(order.start(by)?)).await
}

/// Pause the work
#[utoipa::path(tag = "service-orders", operation_id = "holdServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = HoldIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/hold")]
pub async fn hold_service_order(ctx: Ctx, id: PathId<ServiceOrderId>, body: Body<HoldIn>) -> Result<Reply, Problem> {
    let HoldIn { reason, until } = body.value;
    change(&ctx, id.0, Transition::Hold, &body.content, async |_, order, by| Ok(order.hold(by, reason, until.0)?)).await
}

/// Go on with the work
#[utoipa::path(tag = "service-orders", operation_id = "resumeServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/resume")]
pub async fn resume_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<NothingIn>,
) -> Result<Reply, Problem> {
    change(&ctx, id.0, Transition::Resume, &body.content, async |_, order, by| Ok(order.resume(by)?)).await
}

/// Finish the work
#[utoipa::path(tag = "service-orders", operation_id = "completeServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = CompleteIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/complete")]
pub async fn complete_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<CompleteIn>,
) -> Result<Reply, Problem> {
    let CompleteIn { outcome, note } = body.value;
    change(&ctx, id.0, Transition::Complete, &body.content, async |_, order, by| {
        Ok(order.complete(by, Completion { outcome: outcome.into(), note })?)
    })
    .await
}

/// Answer whether it is solved
#[utoipa::path(tag = "service-orders", operation_id = "confirmServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = ConfirmIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/confirm")]
pub async fn confirm_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<ConfirmIn>,
) -> Result<Reply, Problem> {
    let ConfirmIn { solved, satisfaction, comment } = body.value;
    change(&ctx, id.0, Transition::Confirm, &body.content, async |_, order, by| {
        Ok(order.confirm(by, solved, satisfaction, comment)?)
    })
    .await
}

/// Ask the same holder for more work
#[utoipa::path(tag = "service-orders", operation_id = "reopenServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = ReasonIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/reopen")]
pub async fn reopen_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<ReasonIn>,
) -> Result<Reply, Problem> {
    let reason = body.value.reason;
    change(&ctx, id.0, Transition::Reopen, &body.content, async |_, order, by| Ok(order.reopen(by, reason)?)).await
}

/// Call an order off
#[utoipa::path(tag = "service-orders", operation_id = "cancelServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = Option<MaybeReasonIn>, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/cancel")]
pub async fn cancel_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<MaybeReasonIn>,
) -> Result<Reply, Problem> {
    let reason = body.value.reason;
    change(&ctx, id.0, Transition::Cancel, &body.content, async |_, order, by| Ok(order.cancel(by, reason)?)).await
}

/// Turn an order down
#[utoipa::path(tag = "service-orders", operation_id = "rejectServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = ReasonIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/reject")]
pub async fn reject_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<ReasonIn>,
) -> Result<Reply, Problem> {
    let reason = body.value.reason;
    change(&ctx, id.0, Transition::Reject, &body.content, async |_, order, by| Ok(order.reject(by, reason)?)).await
}

/// Join an order: «me too»
#[utoipa::path(tag = "service-orders", operation_id = "joinServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/join")]
pub async fn join_service_order(ctx: Ctx, id: PathId<ServiceOrderId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    change(&ctx, id.0, Transition::Join, &body.content, async |_, order, by| Ok(order.join(by)?)).await
}

/// Fold an order into another one
#[utoipa::path(tag = "service-orders", operation_id = "mergeServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = MergeIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/merge")]
pub async fn merge_service_order(ctx: Ctx, id: PathId<ServiceOrderId>, body: Body<MergeIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Merge, ResourceKind::ServiceOrder)?;
    ctx.write(&body.content, async |tx| {
        let orders = tx.rows().orders(ctx.actor.person_id);
        let (found, into) = orders.both_to_change(&access, id.0, body.value.into.into()).await?;
        let found = found.permitted(&access)?;
        ctx.check_version(found.row.version)?;
        let by = Caller { actor: &ctx.actor, actions: found.grasp.actions, now: ctx.now };
        let into = into.ok_or_else(|| Problem::field("/into", "not-found"))?.permitted(&access)?.row;
        let before = found.row.state.kind();
        let (merged, _) = tx.save_merged(before, found.row.merge(into, by)?).await?;
        shown(&ctx, merged)
    })
    .await
}

/// Read how to reach the person, as the holder
#[utoipa::path(tag = "service-orders", operation_id = "contactServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = ContactOut)))]
#[post("/service-orders/{id}/contact")]
pub async fn contact_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<NothingIn>,
) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Contact, ResourceKind::ServiceOrder)?;
    // before the key is looked at: who may no longer look gets no kept answer either
    let found = ctx.app.database.rows().find::<ServiceOrder>(&access, &id.0).await?;
    let event = found.row.contact(Caller { actor: &ctx.actor, actions: found.grasp.actions, now: ctx.now })?;
    let point = match &found.row.site {
        Site::Address { point, .. } => *point,
        Site::Compound { .. } => None,
    };
    let contact = ContactOut {
        address: found.row.site.address().map(str::to_owned),
        point: point.map(Into::into),
        phone: found.row.requester.phone.as_ref().map(|phone| phone.e164().to_owned()),
        name: found.row.requester.name,
    };
    ctx.write(&body.content, async |tx| {
        tx.record_look(event).await?;
        Reply::json(200, &contact, Caching::Never)
    })
    .await
}

/// Find open orders like one that is about to be placed
#[utoipa::path(tag = "service-orders", operation_id = "findSimilarServiceOrders", request_body = SimilarIn, security(("bearer" = [])), responses((status = 200, body = SimilarListOut)))]
#[post("/service-orders/similar")]
pub async fn similar_service_orders(ctx: Ctx, body: Body<SimilarIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Create, ResourceKind::ServiceOrder)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    let SimilarIn { kind, compound_id, region_code } = body.value;
    let rows = ctx.app.database.rows();
    let spot = match (compound_id, region_code) {
        (Some(id), None) => {
            let compound = ctx.named::<Compound, _>(rows, &id.into(), "/compound_id").await?.row;
            Spot { region: compound.region_code, compound: Some(compound.id) }
        }
        (None, Some(code)) => {
            let region = RegionCode::parse(&code).map_err(|error| Problem::field("/region_code", error.code()))?;
            if region.level() < RegionLevel::Community || !rows.regions().exists(&region).await? {
                return Err(Problem::field("/region_code", "not-found"));
            }
            Spot { region, compound: None }
        }
        (Some(_), Some(_)) => return Err(Problem::field("/region_code", "not-together")),
        (None, None) => return Err(Problem::field("/compound_id", "required")),
    };
    // who may order there may ask what was ordered there
    if !access.permits_at(&spot) {
        return Err(Problem::new("forbidden"));
    }
    let query = SimilarQuery { kind, region_code: spot.region, compound_id: spot.compound };
    let orders = rows.orders(ctx.actor.person_id).similar(&query).await?;
    Reply::json(200, &SimilarListOut { items: orders.into_iter().map(Into::into).collect() }, Caching::Personal)
}

/// List volunteers who suit an order
#[utoipa::path(tag = "service-orders", operation_id = "listServiceOrderCandidates", params(("id" = Uuid, Path, description = "order id")), security(("bearer" = [])), responses((status = 200, body = CandidateListOut)))]
#[get("/service-orders/{id}/candidates")]
pub async fn service_order_candidates(ctx: Ctx, id: PathId<ServiceOrderId>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Candidates, ResourceKind::ServiceOrder)?;
    let rows = ctx.app.database.rows();
    let order = rows.find::<ServiceOrder>(&access, &id.0).await?.permitted(&access)?.row;
    let kind = rows.service_kinds().at(&order.region_code, &order.kind).await?;
    let skills = kind.map(|kind| kind.skills).unwrap_or_default();
    let items = rows.candidates(&order, &skills, 20).await?;
    let items = items.into_iter().map(|candidate| CandidateOut {
        volunteer_id: candidate.volunteer_id.0,
        display_name: candidate.display_name,
        region_code: candidate.region_code.to_string(),
        skilled: candidate.skilled,
        distance: candidate.distance,
        open_orders: candidate.open_orders,
        satisfaction: candidate.satisfaction,
    });
    Reply::json(200, &CandidateListOut { items: items.collect() }, Caching::Personal)
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
pub async fn count_service_orders(ctx: Ctx, request: actix_web::HttpRequest) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Count, ResourceKind::ServiceOrder)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    let CountsIn { region, by } = query::parse(request.query_string())?;
    ctx.region_in_scope(region.as_ref())?;
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

timeline_of!(
    list_service_order_events,
    "service-orders",
    "listServiceOrderEvents",
    "/service-orders/{id}/events",
    "id",
    ServiceOrder
);
