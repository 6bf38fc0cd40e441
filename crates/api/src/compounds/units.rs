//! Units of buildings.

use actix_web::{get, patch, post, put};
use domain::{
    access::{Action, ResourceKind},
    cn::RegionCode,
    compounds::{Building, Unit},
    id::{BuildingId, CompoundId, UnitId},
};
use persistence::{Found, Tx, UnitFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, PathId, RegionText, Reply, View,
        Writable,
        resource::{self, page_of, plain_actions, shown_as, timeline_of},
    },
    problem::Problem,
};

type UnitPatch = MergePatch<UnitIn>;

/// A unit 单元: an entrance of a building.
#[derive(Serialize, ToSchema)]
#[schema(as = Unit)]
pub struct UnitOut {
    /// Its id.
    id: Uuid,
    /// The community or grid in which the compound lies.
    region_code: String,
    /// The compound.
    compound_id: Uuid,
    /// The building.
    building_id: Uuid,
    /// Its code within the building.
    code: String,
    /// Its name.
    name: String,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(UnitPageOut, UnitPage, UnitOut);
shown_as!(UnitOut, Unit, Reference);

impl View for UnitOut {
    type Row = Unit;

    const COLLECTION: &'static str = "units";

    fn of(_: &Ctx, found: Found<Unit>) -> Self {
        let Unit { id, building_id, compound_id, region_code, code, name, version, created_at, updated_at } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            compound_id: compound_id.0,
            building_id: building_id.0,
            code,
            name,
            actions: plain_actions(found.grasp),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A unit 单元: an entrance of a building as it is written down.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUnit, example = json!({"building_id": "019cdf00-1a2b-7c11-8a01-5b6c7d8e9f00", "code": "1", "name": "1单元"}))]
pub struct UnitIn {
    /// The building.
    building_id: Uuid,
    /// Its code within the building.
    #[schema(min_length = 1, max_length = 20, pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    code: String,
    /// Its name.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: String,
}

impl Writable for UnitIn {
    const MEMBERS: &'static [&'static str] = &["building_id", "code", "name"];
    const FIXED: &'static [&'static str] = &["building_id"];
}

impl Editable for UnitOut {
    type In = UnitIn;

    const EVENTS: (&'static str, &'static str) = ("unit.created", "unit.updated");

    fn written(row: &Unit) -> UnitIn {
        UnitIn { building_id: row.building_id.0, code: row.code.clone(), name: row.name.clone() }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Unit>, written: UnitIn) -> Result<Unit, Problem> {
        let UnitIn { building_id, code, name } = written;
        let name = name.trim().to_owned();
        if let Some(before) = make.before() {
            return Ok(Unit { code, name, ..before.clone() });
        }
        let building = ctx.named_place::<Building, _>(tx.rows(), &building_id.into(), "/building_id").await?.row;
        Ok(Unit {
            id: make.id(|| ctx.app.ids.next().into()),
            building_id: building.id,
            compound_id: building.compound_id,
            region_code: building.region_code,
            code,
            name,
            version: 1,
            created_at: ctx.now,
            updated_at: ctx.now,
        })
    }
}

/// Filters of the list of units.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UnitListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// Of this compound.
    #[param(value_type = Option<Uuid>)]
    compound_id: Option<CompoundId>,
    /// Of this building.
    #[param(value_type = Option<Uuid>)]
    building_id: Option<BuildingId>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for UnitListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List units
#[utoipa::path(tag = "units", operation_id = "listUnits", params(ListParams, UnitListIn), security(("bearer" = [])), responses((status = 200, body = UnitPageOut)))]
#[get("/units")]
pub async fn list_units(ctx: Ctx, list: List<UnitListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Unit)?;
    let UnitListIn { region, compound_id, building_id, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = UnitFilter { region: region.clone(), compound_id: *compound_id, building_id: *building_id };
    let page = ctx.app.database.rows().units().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<UnitOut, _>(&ctx, &list, page)
}

/// Read a unit
#[utoipa::path(tag = "units", operation_id = "getUnit", params(("id" = Uuid, Path, description = "unit id")), security(("bearer" = [])), responses((status = 200, body = UnitOut)))]
#[get("/units/{id}")]
pub async fn get_unit(ctx: Ctx, id: PathId<UnitId>) -> Result<Reply, Problem> {
    resource::get::<UnitOut>(&ctx, &id.0).await
}

/// Write down a unit
#[utoipa::path(tag = "units", operation_id = "createUnit", request_body = UnitIn, security(("bearer" = [])), responses((status = 201, body = UnitOut)))]
#[post("/units")]
pub async fn create_unit(ctx: Ctx, body: Body<UnitIn>) -> Result<Reply, Problem> {
    resource::create::<UnitOut>(&ctx, body.value, &body.content).await
}

/// Write down a unit under an id of the client's own (UUIDv7), or replace what is written
#[utoipa::path(tag = "units", operation_id = "putUnit", params(("id" = Uuid, Path, description = "unit id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = UnitIn, security(("bearer" = [])), responses((status = 201, body = UnitOut), (status = 200, body = UnitOut)))]
#[put("/units/{id}")]
pub async fn put_unit(ctx: Ctx, id: PathId<UnitId>, body: Body<UnitIn>) -> Result<Reply, Problem> {
    resource::put::<UnitOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change what is written down of a unit
#[utoipa::path(tag = "units", operation_id = "updateUnit", params(("id" = Uuid, Path, description = "unit id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = UnitPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = UnitOut)))]
#[patch("/units/{id}")]
pub async fn update_unit(ctx: Ctx, id: PathId<UnitId>, patch: UnitPatch) -> Result<Reply, Problem> {
    resource::patch::<UnitOut>(&ctx, &id.0, patch).await
}

timeline_of!(list_unit_events, "units", "listUnitEvents", "/units/{id}/events", "id", Unit);
