//! Regions.

use actix_web::get;
use domain::{
    access::{Action, ResourceKind},
    cn::RegionCode,
    places::{Region, RegionKind},
};
use persistence::{Found, RegionFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{At, Ctx, List, ListFilter, ListParams, OneOf, PathId, Reply, Shown, reply::Caching},
    problem::Problem,
};

/// A region 区划.
#[derive(Serialize, ToSchema)]
#[schema(as = Region)]
pub struct RegionOut {
    /// Its code.
    id: String,
    /// The same.
    region_code: String,
    /// Its name.
    name: String,
    /// What it is.
    kind: &'static str,
    /// Its level.
    level: &'static str,
    /// The region above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parent_code: Option<String>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

/// A page of regions.
#[derive(ToSchema)]
#[schema(as = RegionPage)]
#[expect(dead_code, reason = "it only documents")]
pub struct RegionPageOut {
    items: Vec<RegionOut>,
    page: crate::openapi::PageOut,
}

impl Shown for RegionOut {
    const KIND: ResourceKind = ResourceKind::Region;
    const CACHING: Caching = Caching::Reference;

    fn id(&self) -> String {
        self.id.clone()
    }

    fn version(&self) -> i64 {
        self.version
    }
}

impl From<Found<Region>> for RegionOut {
    fn from(found: Found<Region>) -> Self {
        let Region { code, name, kind, parent_code, valid_from: _, valid_until: _, version, created_at, updated_at } =
            found.row;
        Self {
            id: code.to_string(),
            region_code: code.to_string(),
            name,
            kind: kind.name(),
            level: code.level().as_str(),
            parent_code: parent_code.map(|code| code.to_string()),
            actions: Vec::new(),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// Filters of the list of regions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RegionListIn {
    /// In this subtree.
    #[param(value_type = Option<String>, pattern = "^[0-9]{2,15}$")]
    region: Option<RegionCode>,
    /// Directly below this region.
    #[param(value_type = Option<String>, pattern = "^[0-9]{2,15}$")]
    parent: Option<RegionCode>,
    /// Of one of these kinds, separated by commas.
    #[serde(default)]
    #[param(value_type = Option<String>, min_length = 1)]
    kind: OneOf<RegionKind>,
    /// With this in the name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// By what it is sorted.
    #[serde(skip)]
    #[param(value_type = Option<String>, pattern = "^id$")]
    sort: (),
}

impl ListFilter for RegionListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List regions, by code
#[utoipa::path(tag = "regions", operation_id = "listRegions", params(ListParams, RegionListIn), security(("bearer" = [])), responses((status = 200, body = RegionPageOut)))]
#[get("/regions")]
pub async fn list_regions(ctx: Ctx, list: List<RegionListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Region)?;
    let RegionListIn { region, parent, kind, q, sort: () } = &list.filter;
    let filter = RegionFilter { region: region.clone(), parent: parent.clone(), kind: kind.0.clone(), q: q.clone() };
    let page = ctx.app.database.rows().regions().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    Reply::page(&ctx, &list, &page.try_map(|found| Ok(RegionOut::from(found)))?)
}

/// Read a region
#[utoipa::path(tag = "regions", operation_id = "getRegion", params(("code" = String, Path, description = "region code")), security(("bearer" = [])), responses((status = 200, body = RegionOut)))]
#[get("/regions/{code}")]
pub async fn get_region(ctx: Ctx, code: PathId<RegionCode>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Region)?;
    let found = ctx.app.database.rows().regions().get(&access, &code.0).await?;
    Reply::ok(&ctx, &RegionOut::from(found))
}
