//! Who manages a compound, and which party organization covers it, from a day on.

use actix_web::post;
use chrono::NaiveDate;
use domain::{
    access::Action,
    id::{CompoundId, OrganizationId},
    places::Organization,
    time::day_in_china,
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::compound::{CompoundOut, ModeIo};
use crate::{
    http::{Body, Ctx, PathId, Reply, resource},
    problem::Problem,
};

/// How a compound is managed from a day on.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = ModeChange, example = json!({"mode": "shared", "valid_from": "2026-03-01"}))]
pub struct ModeIn {
    /// The mode.
    mode: ModeIo,
    /// The first day; today if it is not said. The first day of the present mode says that that one was written down by
    /// mistake.
    valid_from: Option<NaiveDate>,
}

/// By which party organization a compound is covered from a day on.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Coverage, example = json!({"organization_id": "019cd111-7f00-7a00-9b00-aaaaaaaaaaaa", "valid_from": "2026-03-01"}))]
pub struct CoverIn {
    /// The party organization.
    organization_id: Uuid,
    /// The first day; today if it is not said.
    valid_from: Option<NaiveDate>,
}

/// The end of a coverage.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = CoverageEnd, example = json!({"on": "2026-03-01"}))]
pub struct UncoverIn {
    /// The first day on which it is not covered; today if it is not said. Its first day says that it was written down by
    /// mistake.
    on: Option<NaiveDate>,
}

/// Say how a compound is managed from a day on
#[utoipa::path(tag = "compounds", operation_id = "changeCompoundMode", params(("id" = Uuid, Path, description = "compound id")), request_body = ModeIn, security(("bearer" = [])), responses((status = 200, body = CompoundOut)))]
#[post("/compounds/{id}/change-mode")]
pub async fn change_compound_mode(ctx: Ctx, id: PathId<CompoundId>, body: Body<ModeIn>) -> Result<Reply, Problem> {
    let ModeIn { mode, valid_from } = body.value;
    let from = valid_from.unwrap_or_else(|| day_in_china(ctx.now));
    resource::transition::<CompoundOut>(&ctx, &id.0, Action::ChangeMode, &body.content, async |tx, found| {
        let outcome = found.row.change_mode(mode.0, from, ctx.now)?;
        tx.replace_modes(&outcome.value).await?;
        Ok(outcome)
    })
    .await
}

/// Say which party organization covers a compound from a day on
#[utoipa::path(tag = "compounds", operation_id = "coverCompound", params(("id" = Uuid, Path, description = "compound id")), request_body = CoverIn, security(("bearer" = [])), responses((status = 200, body = CompoundOut)))]
#[post("/compounds/{id}/cover")]
pub async fn cover_compound(ctx: Ctx, id: PathId<CompoundId>, body: Body<CoverIn>) -> Result<Reply, Problem> {
    let CoverIn { organization_id, valid_from } = body.value;
    let by = OrganizationId(organization_id);
    let from = valid_from.unwrap_or_else(|| day_in_china(ctx.now));
    resource::transition::<CompoundOut>(&ctx, &id.0, Action::Cover, &body.content, async |tx, found| {
        let organization = ctx.named_place::<Organization, _>(tx.rows(), &by, "/organization_id").await?.row;
        if !organization.kind.is_party() {
            return Err(Problem::field("/organization_id", "no-party-organization"));
        }
        let outcome = found.row.cover(by, from, ctx.now)?;
        tx.replace_party_organizations(&outcome.value).await?;
        Ok(outcome)
    })
    .await
}

/// Say that no party organization covers a compound from a day on
#[utoipa::path(tag = "compounds", operation_id = "uncoverCompound", params(("id" = Uuid, Path, description = "compound id")), request_body = UncoverIn, security(("bearer" = [])), responses((status = 200, body = CompoundOut)))]
#[post("/compounds/{id}/uncover")]
pub async fn uncover_compound(ctx: Ctx, id: PathId<CompoundId>, body: Body<UncoverIn>) -> Result<Reply, Problem> {
    let on = body.value.on.unwrap_or_else(|| day_in_china(ctx.now));
    resource::transition::<CompoundOut>(&ctx, &id.0, Action::Uncover, &body.content, async |tx, found| {
        let outcome = found.row.uncover(on, ctx.now)?;
        tx.replace_party_organizations(&outcome.value).await?;
        Ok(outcome)
    })
    .await
}
