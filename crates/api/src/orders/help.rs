//! What helps before an order is placed, and before it is dispatched.

use actix_web::{get, post};
use domain::{
    access::{Action, ResourceKind},
    cn::RegionLevel,
    id::ServiceOrderId,
    orders::ServiceOrder,
};
use persistence::SimilarQuery;

use super::{
    dto::{CandidateListOut, CandidateOut, SimilarIn, SimilarListOut},
    service::{Spot, compound_of},
};
use crate::{
    http::{Body, Ctx, PathId, Reply, reply::Caching},
    problem::Problem,
};

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
            let (id, region, _) = compound_of(&ctx, id.into(), false).await?;
            Spot { region, compound: Some(id) }
        }
        (None, Some(code)) => {
            let region = ctx.named_region(rows, &code, RegionLevel::Community, "/region_code").await?;
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
