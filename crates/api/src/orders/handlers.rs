//! The endpoints of orders.

use std::slice;

use actix_web::{HttpRequest, get, patch, post, put};
use domain::{
    access::{Action, ResourceKind},
    id::ServiceOrderId,
    orders::{Caller, Completion, ServiceOrder, Site, Target, Transition},
};

use super::{
    dto::{
        ChangeIn, CompleteIn, ConfirmIn, ContactOut, DispatchIn, ExtendIn, HoldIn, MaybeReasonIn, MergeIn, OrderOut,
        PlaceIn, ReasonIn, RefuseExtensionIn, TransferIn,
    },
    edits::edit,
    service::{change, place, shown, target},
};
use crate::{
    compounds::expand::ExpandIn,
    http::{
        Body, Ctx, Patch, PathId, Reply, query,
        reply::Caching,
        resource::{self, timeline_of},
        value::NothingIn,
    },
    problem::Problem,
};

/// Read a service order
#[utoipa::path(tag = "service-orders", operation_id = "getServiceOrder", params(("id" = Uuid, Path, description = "order id"), ExpandIn), security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[get("/service-orders/{id}")]
pub async fn get_service_order(ctx: Ctx, id: PathId<ServiceOrderId>, request: HttpRequest) -> Result<Reply, Problem> {
    let ExpandIn { expand } = query::parse(request.query_string())?;
    let mut order = resource::read::<OrderOut>(&ctx, &id.0).await?;
    expand.on(&ctx, slice::from_mut(&mut order)).await?;
    Reply::ok(&ctx, &order)
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
        let calendar = ctx.calendar(&order.region_code);
        Ok(order.dispatch(by, to, note, priority.map(Into::into), &calendar)?)
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
        let calendar = ctx.calendar(&order.region_code);
        Ok(order.decline(by, &team, body.value.reason, &calendar)?)
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
        let calendar = ctx.calendar(&order.region_code);
        Ok(order.transfer(by, to, reason, &calendar)?)
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
    change(&ctx, id.0, Transition::Hold, &body.content, async |_, order, by| {
        let calendar = ctx.calendar(&order.region_code);
        Ok(order.hold(by, reason, until.0, &calendar)?)
    })
    .await
}

/// Go on with the work
#[utoipa::path(tag = "service-orders", operation_id = "resumeServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/resume")]
pub async fn resume_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<NothingIn>,
) -> Result<Reply, Problem> {
    change(&ctx, id.0, Transition::Resume, &body.content, async |_, order, by| {
        let calendar = ctx.calendar(&order.region_code);
        Ok(order.resume(by, &calendar)?)
    })
    .await
}

/// Give a clock of an order more time, or ask for it
///
/// The dispatcher gives it; the holder asks, and the dispatcher answers by giving it or by `refuse-extension`. It must be
/// asked for and given before the time is over.
#[utoipa::path(tag = "service-orders", operation_id = "extendServiceOrder", params(("id" = Uuid, Path, description = "order id")), request_body = ExtendIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/extend")]
pub async fn extend_service_order(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<ExtendIn>,
) -> Result<Reply, Problem> {
    let ExtendIn { clock, until, reason } = body.value;
    change(&ctx, id.0, Transition::Extend, &body.content, async |_, order, by| {
        let calendar = ctx.calendar(&order.region_code);
        Ok(order.extend(by, clock.0, until.0, reason, &calendar)?)
    })
    .await
}

/// Say no to a holder who asks for more time
#[utoipa::path(tag = "service-orders", operation_id = "refuseServiceOrderExtension", params(("id" = Uuid, Path, description = "order id")), request_body = RefuseExtensionIn, security(("bearer" = [])), responses((status = 200, body = OrderOut)))]
#[post("/service-orders/{id}/refuse-extension")]
pub async fn refuse_service_order_extension(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    body: Body<RefuseExtensionIn>,
) -> Result<Reply, Problem> {
    let RefuseExtensionIn { clock, reason } = body.value;
    change(&ctx, id.0, Transition::RefuseExtension, &body.content, async |_, order, by| {
        Ok(order.refuse_extension(by, clock.0, reason)?)
    })
    .await
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
    change(&ctx, id.0, Transition::Reopen, &body.content, async |tx, order, by| {
        let holder = order.state.work().map(|work| work.holder.volunteer_id);
        let serves = match holder {
            Some(holder) => tx.rows().volunteers().serves(holder).await?,
            None => false,
        };
        let calendar = ctx.calendar(&order.region_code);
        Ok(order.reopen(by, serves, reason, &calendar)?)
    })
    .await
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
        tx.record_look(event)?;
        Reply::json(200, &contact, Caching::Never)
    })
    .await
}

timeline_of!(
    list_service_order_events,
    "service-orders",
    "listServiceOrderEvents",
    "/service-orders/{id}/events",
    "id",
    ServiceOrder
);
