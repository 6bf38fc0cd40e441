//! Compounds as places.

use actix_web::get;
use domain::{
    access::{Action, ResourceKind},
    cn::RegionCode,
    id::CompoundId,
    places::{Building, Compound, Unit},
};
use persistence::{CompoundFilter, Found};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{
        At, Ctx, List, ListFilter, ListParams, PathId, RegionText, Reply, View,
        resource::{self, page_of, plain_actions, shown_as, timeline_of},
    },
    problem::Problem,
};

/// A unit 单元 of a building.
#[derive(Serialize, ToSchema)]
#[schema(as = Unit)]
pub struct UnitOut {
    /// Its id.
    id: Uuid,
    /// Its code within the building.
    code: String,
    /// Its name.
    name: String,
}

/// A building 楼栋 of a compound.
#[derive(Serialize, ToSchema)]
#[schema(as = Building)]
pub struct BuildingOut {
    /// Its id.
    id: Uuid,
    /// Its code within the compound.
    code: String,
    /// Its name.
    name: String,
    /// Its entrances.
    units: Vec<UnitOut>,
}

/// A compound 小区.
#[derive(Serialize, ToSchema)]
#[schema(as = Compound)]
pub struct CompoundOut {
    /// Its id.
    id: Uuid,
    /// The community or grid in which it lies.
    region_code: String,
    /// Its code within the community.
    code: String,
    /// Its name.
    name: String,
    /// Its buildings.
    buildings: Vec<BuildingOut>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(CompoundPageOut, CompoundPage, CompoundOut);

shown_as!(CompoundOut, Compound, Reference);

impl From<Unit> for UnitOut {
    fn from(unit: Unit) -> Self {
        let Unit { id, code, name } = unit;
        Self { id: id.0, code, name }
    }
}

impl From<Building> for BuildingOut {
    fn from(building: Building) -> Self {
        let Building { id, code, name, units } = building;
        Self { id: id.0, code, name, units: units.into_iter().map(Into::into).collect() }
    }
}

impl View for CompoundOut {
    type Row = Compound;

    const COLLECTION: &'static str = "compounds";

    fn of(_: &Ctx, found: Found<Compound>) -> Self {
        let Compound { id, region_code, code, name, buildings, version, created_at, updated_at } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            code,
            name,
            buildings: buildings.into_iter().map(Into::into).collect(),
            actions: plain_actions(found.grasp),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// Filters of the list of compounds.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CompoundListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// With this in the name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for CompoundListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List compounds
#[utoipa::path(tag = "compounds", operation_id = "listCompounds", params(ListParams, CompoundListIn), security(("bearer" = [])), responses((status = 200, body = CompoundPageOut)))]
#[get("/compounds")]
pub async fn list_compounds(ctx: Ctx, list: List<CompoundListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Compound)?;
    let CompoundListIn { region, q, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = CompoundFilter { region: region.clone(), q: q.clone() };
    let page = ctx.app.database.rows().compounds().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<CompoundOut, _>(&ctx, &list, page)
}

/// Read a compound
#[utoipa::path(tag = "compounds", operation_id = "getCompound", params(("id" = Uuid, Path, description = "compound id")), security(("bearer" = [])), responses((status = 200, body = CompoundOut)))]
#[get("/compounds/{id}")]
pub async fn get_compound(ctx: Ctx, id: PathId<CompoundId>) -> Result<Reply, Problem> {
    resource::get::<CompoundOut>(&ctx, &id.0).await
}

timeline_of!(list_compound_events, "compounds", "listCompoundEvents", "/compounds/{id}/events", "id", Compound);
