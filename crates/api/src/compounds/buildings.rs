//! Buildings of compounds.

use actix_web::{get, patch, post, put};
use domain::{
    access::{Action, ResourceKind},
    cn::RegionCode,
    compounds::{Building, Compound},
    id::{BuildingId, CompoundId},
};
use persistence::{BuildingFilter, Found, Tx};
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

type BuildingPatch = MergePatch<BuildingIn>;

/// A building 楼栋.
#[derive(Serialize, ToSchema)]
#[schema(as = Building)]
pub struct BuildingOut {
    /// Its id.
    id: Uuid,
    /// The community or grid in which the compound lies.
    region_code: String,
    /// The compound.
    compound_id: Uuid,
    /// Its code within the compound.
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

page_of!(BuildingPageOut, BuildingPage, BuildingOut);
shown_as!(BuildingOut, Building, Reference);

impl View for BuildingOut {
    type Row = Building;

    const COLLECTION: &'static str = "buildings";

    fn of(_: &Ctx, found: Found<Building>) -> Self {
        let Building { id, compound_id, region_code, code, name, version, created_at, updated_at } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            compound_id: compound_id.0,
            code,
            name,
            actions: plain_actions(found.grasp),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A building 楼栋 as it is written down.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBuilding, example = json!({"compound_id": "019cdf00-1a2b-7c11-8a01-5b6c7d8e9f00", "code": "1", "name": "1栋"}))]
pub struct BuildingIn {
    /// The compound.
    compound_id: Uuid,
    /// Its code within the compound.
    #[schema(min_length = 1, max_length = 20, pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    code: String,
    /// Its name.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: String,
}

impl Writable for BuildingIn {
    const MEMBERS: &'static [&'static str] = &["compound_id", "code", "name"];
    const FIXED: &'static [&'static str] = &["compound_id"];
}

impl Editable for BuildingOut {
    type In = BuildingIn;

    const EVENTS: (&'static str, &'static str) = ("building.created", "building.updated");

    fn written(row: &Building) -> BuildingIn {
        BuildingIn { compound_id: row.compound_id.0, code: row.code.clone(), name: row.name.clone() }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Building>, written: BuildingIn) -> Result<Building, Problem> {
        let BuildingIn { compound_id, code, name } = written;
        let name = name.trim().to_owned();
        if let Some(before) = make.before() {
            return Ok(Building { code, name, ..before.clone() });
        }
        let compound = ctx.named_place::<Compound, _>(tx.rows(), &compound_id.into(), "/compound_id").await?.row;
        Ok(Building {
            id: make.id(|| ctx.app.ids.next().into()),
            compound_id: compound.id,
            region_code: compound.region_code,
            code,
            name,
            version: 1,
            created_at: ctx.now,
            updated_at: ctx.now,
        })
    }
}

/// Filters of the list of buildings.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BuildingListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// Of this compound.
    #[param(value_type = Option<Uuid>)]
    compound_id: Option<CompoundId>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for BuildingListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List buildings
#[utoipa::path(tag = "buildings", operation_id = "listBuildings", params(ListParams, BuildingListIn), security(("bearer" = [])), responses((status = 200, body = BuildingPageOut)))]
#[get("/buildings")]
pub async fn list_buildings(ctx: Ctx, list: List<BuildingListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Building)?;
    let BuildingListIn { region, compound_id, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = BuildingFilter { region: region.clone(), compound_id: *compound_id };
    let page = ctx.app.database.rows().buildings().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<BuildingOut, _>(&ctx, &list, page)
}

/// Read a building
#[utoipa::path(tag = "buildings", operation_id = "getBuilding", params(("id" = Uuid, Path, description = "building id")), security(("bearer" = [])), responses((status = 200, body = BuildingOut)))]
#[get("/buildings/{id}")]
pub async fn get_building(ctx: Ctx, id: PathId<BuildingId>) -> Result<Reply, Problem> {
    resource::get::<BuildingOut>(&ctx, &id.0).await
}

/// Write down a building
#[utoipa::path(tag = "buildings", operation_id = "createBuilding", request_body = BuildingIn, security(("bearer" = [])), responses((status = 201, body = BuildingOut)))]
#[post("/buildings")]
pub async fn create_building(ctx: Ctx, body: Body<BuildingIn>) -> Result<Reply, Problem> {
    resource::create::<BuildingOut>(&ctx, body.value, &body.content).await
}

/// Write down a building under an id of the client's own (UUIDv7), or replace what is written
#[utoipa::path(tag = "buildings", operation_id = "putBuilding", params(("id" = Uuid, Path, description = "building id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = BuildingIn, security(("bearer" = [])), responses((status = 201, body = BuildingOut), (status = 200, body = BuildingOut)))]
#[put("/buildings/{id}")]
pub async fn put_building(ctx: Ctx, id: PathId<BuildingId>, body: Body<BuildingIn>) -> Result<Reply, Problem> {
    resource::put::<BuildingOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change what is written down of a building
#[utoipa::path(tag = "buildings", operation_id = "updateBuilding", params(("id" = Uuid, Path, description = "building id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = BuildingPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = BuildingOut)))]
#[patch("/buildings/{id}")]
pub async fn update_building(ctx: Ctx, id: PathId<BuildingId>, patch: BuildingPatch) -> Result<Reply, Problem> {
    resource::patch::<BuildingOut>(&ctx, &id.0, patch).await
}

timeline_of!(list_building_events, "buildings", "listBuildingEvents", "/buildings/{id}/events", "id", Building);
