//! Regions.

use actix_web::{get, patch, post};
use chrono::NaiveDate;
use domain::{
    access::{Action, ResourceKind},
    cn::RegionCode,
    places::{Region, RegionKind},
};
use persistence::{Found, RegionFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, OneOf, PathId, RegionText, Reply,
        View, WordOf, Writable, query,
        resource::{self, page_of, shown_as, timeline_of},
    },
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
    /// Whether the code is a local one, of an area that has no standard code.
    local: bool,
    /// First day of the code, where it came after another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_from: Option<NaiveDate>,
    /// First day on which it is in use no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<NaiveDate>,
    /// Whether another code came after it.
    superseded: bool,
    /// That code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    successor_code: Option<String>,
    /// Where the region of that code is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    successor: Option<String>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(RegionPageOut, RegionPage, RegionOut);

shown_as!(RegionOut, Region, Reference);

impl View for RegionOut {
    type Row = Region;

    const COLLECTION: &'static str = "regions";

    fn of(ctx: &Ctx, found: Found<Region>) -> Self {
        let actions = actions(&found);
        let Region {
            code,
            name,
            kind,
            parent_code,
            valid_from,
            valid_until,
            local,
            successor_code,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: code.to_string(),
            region_code: code.to_string(),
            name,
            kind: kind.name(),
            level: code.level().as_str(),
            parent_code: parent_code.map(|code| code.to_string()),
            local,
            valid_from,
            valid_until,
            superseded: successor_code.is_some(),
            successor: successor_code.as_ref().map(|code| ctx.url(&format!("/api/v1/regions/{code}"))),
            successor_code: successor_code.map(|code| code.to_string()),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// What the caller may do to it: nothing where it is a matter of the past.
fn actions(found: &Found<Region>) -> Vec<&'static str> {
    let possible = [Action::Merge, Action::Recode, Action::Update].into_iter();
    let possible = possible.filter(|action| found.row.successor_code.is_none() && found.grasp.actions.has(*action));
    possible.map(Action::name).collect()
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type RegionKinds = OneOf<RegionKind>;

/// A region as it is written.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRegion, example = json!({"code": "360502003002", "name": "长青社区", "kind": "community"}))]
pub struct RegionIn {
    /// Its code (GB/T 2260, or of the National Bureau of Statistics; a grid adds three digits).
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    code: String,
    /// Its name.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: String,
    /// What it is.
    kind: RegionKindIo,
    /// Whether the code is a local one of the same shape, because the area has no standard code.
    local: Option<bool>,
}

type RegionKindIo = WordOf<RegionKind>;
type RegionPatch = MergePatch<RegionIn>;

impl Writable for RegionIn {
    const MEMBERS: &'static [&'static str] = &["code", "name", "kind", "local"];
    const FIXED: &'static [&'static str] = &["code", "local"];
}

impl Editable for RegionOut {
    type In = RegionIn;

    const EVENTS: (&'static str, &'static str) = ("region.created", "region.updated");

    fn written(row: &Region) -> RegionIn {
        RegionIn {
            code: row.code.to_string(),
            name: row.name.clone(),
            kind: WordOf(row.kind),
            local: row.local.then_some(true),
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Region>, written: RegionIn) -> Result<Region, Problem> {
        let RegionIn { code, name, kind, local } = written;
        let code = RegionCode::parse(&code).map_err(|error| Problem::field("/code", error.code()))?;
        if !kind.0.fits(code.level()) {
            return Err(Problem::field("/kind", "contradicts-member"));
        }
        let name = name.trim().to_owned();
        if let Some(before) = make.before() {
            if let Some(successor) = &before.successor_code {
                return Err(Problem::superseded("", successor));
            }
            return Ok(Region { name, kind: kind.0, ..before.clone() });
        }
        if let Some(successor) = tx.rows().regions().successor_above(&code).await? {
            return Err(Problem::superseded("/code", &successor));
        }
        let local = local.unwrap_or(false);
        if local && !kind.0.may_be_local() {
            return Err(Problem::field("/local", "contradicts-member"));
        }
        let parent_code = tx.rows().regions().parent_of(&code).await?;
        Ok(Region {
            code,
            name,
            kind: kind.0,
            parent_code,
            valid_from: None,
            valid_until: None,
            local,
            successor_code: None,
            version: 1,
            created_at: ctx.now,
            updated_at: ctx.now,
        })
    }

    async fn settle(_: &Ctx, tx: &Tx, new: &Region) -> Result<(), Problem> {
        Ok(tx.adopt_regions(new).await?)
    }
}

/// Filters of the list of regions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RegionListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// Directly below this region.
    #[param(value_type = Option<RegionText>, inline)]
    parent: Option<RegionCode>,
    /// Of one of these kinds, separated by commas.
    #[serde(default)]
    #[param(inline)]
    kind: RegionKinds,
    /// With this in the name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// Those that another code came after, and no others; otherwise none of them.
    #[serde(default, deserialize_with = "query::flag")]
    superseded: Option<bool>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
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
    let RegionListIn { region, parent, kind, q, superseded, sort: () } = &list.filter;
    let filter = RegionFilter {
        region: region.clone(),
        parent: parent.clone(),
        kind: kind.0.clone(),
        q: q.clone(),
        superseded: superseded.unwrap_or(false),
    };
    let page = ctx.app.database.rows().regions().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<RegionOut, _>(&ctx, &list, page)
}

/// Read a region
#[utoipa::path(tag = "regions", operation_id = "getRegion", params(("code" = String, Path, description = "region code")), security(("bearer" = [])), responses((status = 200, body = RegionOut)))]
#[get("/regions/{code}")]
pub async fn get_region(ctx: Ctx, code: PathId<RegionCode>) -> Result<Reply, Problem> {
    resource::get::<RegionOut>(&ctx, &code.0).await
}

/// Create a region
#[utoipa::path(tag = "regions", operation_id = "createRegion", request_body = RegionIn, security(("bearer" = [])), responses((status = 201, body = RegionOut)))]
#[post("/regions")]
pub async fn create_region(ctx: Ctx, body: Body<RegionIn>) -> Result<Reply, Problem> {
    resource::create::<RegionOut>(&ctx, body.value, &body.content).await
}

/// Change a region
#[utoipa::path(tag = "regions", operation_id = "updateRegion", params(("code" = String, Path, description = "region code"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = RegionPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = RegionOut)))]
#[patch("/regions/{code}")]
pub async fn update_region(ctx: Ctx, code: PathId<RegionCode>, patch: RegionPatch) -> Result<Reply, Problem> {
    resource::patch::<RegionOut>(&ctx, &code.0, patch).await
}

timeline_of!(list_region_events, "regions", "listRegionEvents", "/regions/{code}/events", "code", Region);
