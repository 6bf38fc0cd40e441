//! Compounds.

use actix_web::{delete, get, patch, post, put};
use chrono::NaiveDate;
use domain::{
    access::{Action, Detail, ResourceKind},
    cn::{RegionCode, RegionLevel},
    compounds::{BuildingName, Compound, Difficulty, ManagementMode, UnitName},
    geo::CoordinateSystem,
    id::{CompoundId, OrganizationId},
    periods::Period,
    refusal::FieldError,
    time::day_in_china,
};
use persistence::{CompoundFilter, Found, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, OneOf, PathId, RegionText, Reply,
        View, WordOf, Writable,
        geo::{CoordinateSystemIo, PointIo, PolygonIo},
        query,
        resource::{self, page_of, shown_as, timeline_of},
    },
    problem::Problem,
};

/// How a compound is managed.
pub type ModeIo = WordOf<ManagementMode>;
type DifficultyIo = WordOf<Difficulty>;
type CompoundPatch = MergePatch<CompoundIn>;

/// A unit 单元 of a building, by name.
#[derive(Serialize, ToSchema)]
#[schema(as = UnitName)]
pub struct UnitNameOut {
    /// Its id.
    id: Uuid,
    /// Its code within the building.
    code: String,
    /// Its name.
    name: String,
}

/// A building 楼栋 of a compound, by name.
#[derive(Serialize, ToSchema)]
#[schema(as = BuildingName)]
pub struct BuildingNameOut {
    /// Its id.
    id: Uuid,
    /// Its code within the compound.
    code: String,
    /// Its name.
    name: String,
    /// Its entrances.
    units: Vec<UnitNameOut>,
}

/// How a compound was managed, for a time.
#[derive(Serialize, ToSchema)]
#[schema(as = ManagementPeriod)]
pub struct ManagementOut {
    /// The mode.
    mode: ModeIo,
    /// First day.
    valid_from: NaiveDate,
    /// First day on which it was another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<NaiveDate>,
}

/// By which party organization a compound was covered, for a time.
#[derive(Serialize, ToSchema)]
#[schema(as = CoveragePeriod)]
pub struct CoverageOut {
    /// The party organization.
    organization_id: Uuid,
    /// First day.
    valid_from: NaiveDate,
    /// First day on which it was covered by another one, or by none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<NaiveDate>,
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
    /// The year in which it was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    built_year: Option<i32>,
    /// How many people live in it, as the community reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    population: Option<i32>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    position: Option<PointIo>,
    /// Its border.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    outline: Option<PolygonIo>,
    /// How it is managed today.
    mode: ModeIo,
    /// How it was and is managed.
    management: Vec<ManagementOut>,
    /// The party organization that covers it today.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    party_organization_id: Option<Uuid>,
    /// Which party organizations covered and cover it.
    party_organizations: Vec<CoverageOut>,
    /// How hard it is to find a management for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    difficulty: Option<DifficultyIo>,
    /// The mode to which it is to move next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    planned_mode: Option<ModeIo>,
    /// The day by which it is to have moved there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    planned_by: Option<NaiveDate>,
    /// Whether it goes ahead as an example.
    demonstration: bool,
    /// Its buildings.
    buildings: Vec<BuildingNameOut>,
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

impl From<UnitName> for UnitNameOut {
    fn from(unit: UnitName) -> Self {
        let UnitName { id, code, name } = unit;
        Self { id: id.0, code, name }
    }
}

impl From<BuildingName> for BuildingNameOut {
    fn from(building: BuildingName) -> Self {
        let BuildingName { id, code, name, units } = building;
        Self { id: id.0, code, name, units: units.into_iter().map(Into::into).collect() }
    }
}

impl From<&Period<ManagementMode>> for ManagementOut {
    fn from(period: &Period<ManagementMode>) -> Self {
        let Period { value, valid_from, valid_until } = *period;
        Self { mode: WordOf(value), valid_from, valid_until }
    }
}

impl From<&Period<OrganizationId>> for CoverageOut {
    fn from(period: &Period<OrganizationId>) -> Self {
        let Period { value, valid_from, valid_until } = *period;
        Self { organization_id: value.0, valid_from, valid_until }
    }
}

impl View for CompoundOut {
    type Row = Compound;

    const COLLECTION: &'static str = "compounds";

    fn of(ctx: &Ctx, found: Found<Compound>) -> Self {
        let today = day_in_china(ctx.now);
        let mode = WordOf(found.row.mode_on(today));
        let actions = found.row.actions(found.grasp.actions);
        let Compound {
            id,
            region_code,
            code,
            name,
            built_year,
            population,
            position,
            outline,
            difficulty,
            planned_mode,
            planned_by,
            demonstration,
            management,
            party_organizations,
            buildings,
            deleted_at: _,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            code,
            name,
            built_year,
            population,
            position: position.map(Into::into),
            outline: outline.as_ref().map(Into::into),
            mode,
            management: management.all().iter().map(Into::into).collect(),
            party_organization_id: party_organizations.on(today).map(|id| id.0),
            party_organizations: party_organizations.all().iter().map(Into::into).collect(),
            difficulty: difficulty.map(WordOf),
            planned_mode: planned_mode.map(WordOf),
            planned_by,
            demonstration,
            buildings: buildings.into_iter().map(Into::into).collect(),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A compound as it is written down. How it is managed and which party organization covers it is said from a day on, by
/// `change-mode` and `cover`.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCompound, example = json!({"region_code": "360502002001", "code": "fuyuan", "name": "福园小区", "built_year": 1998, "position": {"type": "Point", "coordinates": [114.933_1, 27.804_3]}, "difficulty": "easy"}))]
pub struct CompoundIn {
    /// The community or grid in which it lies.
    #[schema(min_length = 12, max_length = 15, pattern = "^[0-9]+$")]
    region_code: String,
    /// Its code within the community.
    #[schema(min_length = 1, max_length = 50, pattern = "^[a-z0-9][a-z0-9_-]*$")]
    code: String,
    /// Its name.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: String,
    /// The year in which it was built.
    #[schema(minimum = 1900, maximum = 2100)]
    built_year: Option<i32>,
    /// How many people live in it, as the community reports.
    #[schema(minimum = 0, maximum = 1_000_000)]
    population: Option<i32>,
    /// Where it is.
    position: Option<PointIo>,
    /// Its border.
    outline: Option<PolygonIo>,
    /// In which system position and border are given; they are kept, and shown, in WGS 84.
    crs: Option<CoordinateSystemIo>,
    /// How hard it is to find a management for it.
    difficulty: Option<DifficultyIo>,
    /// The mode to which it is to move next.
    planned_mode: Option<ModeIo>,
    /// The day by which it is to have moved there.
    planned_by: Option<NaiveDate>,
    /// Whether it goes ahead as an example.
    #[serde(default)]
    demonstration: bool,
}

impl Writable for CompoundIn {
    const MEMBERS: &'static [&'static str] = &[
        "region_code",
        "code",
        "name",
        "built_year",
        "population",
        "position",
        "outline",
        "difficulty",
        "planned_mode",
        "planned_by",
        "demonstration",
    ];
    // all that lies in it would have to move with it
    const FIXED: &'static [&'static str] = &["region_code"];
}

/// Members that the company which manages a compound may not change: what the compound is, and what is planned with it.
const KEPT_FROM_COMPANY: &[&str] =
    &["code", "name", "built_year", "difficulty", "planned_mode", "planned_by", "demonstration"];

impl Editable for CompoundOut {
    type In = CompoundIn;

    const EVENTS: (&'static str, &'static str) = ("compound.created", "compound.updated");

    fn written(row: &Compound) -> CompoundIn {
        CompoundIn {
            region_code: row.region_code.to_string(),
            code: row.code.clone(),
            name: row.name.clone(),
            built_year: row.built_year,
            population: row.population,
            position: row.position.map(Into::into),
            outline: row.outline.as_ref().map(Into::into),
            crs: None,
            difficulty: row.difficulty.map(WordOf),
            planned_mode: row.planned_mode.map(WordOf),
            planned_by: row.planned_by,
            demonstration: row.demonstration,
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Compound>, written: CompoundIn) -> Result<Compound, Problem> {
        let before = make.before();
        if let Some(before) = before {
            let access = ctx.authorize(Action::Update, ResourceKind::Compound)?;
            if access.grasp(before).is_none_or(|grasp| grasp.detail < Detail::Masked) {
                resource::keeps::<Self>(KEPT_FROM_COMPANY, before, &written)?;
            }
        }
        let places = Places::of(&written, before).map_err(Problem::invalid)?;
        let row = match before {
            Some(before) => before.clone(),
            None => {
                let code = &written.region_code;
                let region = ctx.named_region(tx.rows(), code, RegionLevel::Community, "/region_code").await?;
                let id = make.id(|| ctx.app.ids.next().into());
                Compound::new(id, region, String::new(), String::new(), ctx.now)
            }
        };
        let compound = Compound {
            code: written.code,
            name: written.name.trim().to_owned(),
            built_year: written.built_year,
            population: written.population,
            position: places.position,
            outline: places.outline,
            difficulty: written.difficulty.map(|class| class.0),
            planned_mode: written.planned_mode.map(|mode| mode.0),
            planned_by: written.planned_by,
            demonstration: written.demonstration,
            ..row
        };
        let faults = compound.faults(day_in_china(ctx.now));
        if faults.is_empty() { Ok(compound) } else { Err(Problem::invalid(faults)) }
    }
}

/// Where a compound is, as it was written.
struct Places {
    position: Option<domain::geo::Position>,
    outline: Option<domain::geo::Outline>,
}

impl Places {
    /// What stays as it is shown is in the system in which it is kept, whatever system is named beside it.
    fn of(written: &CompoundIn, before: Option<&Compound>) -> Result<Self, Vec<FieldError>> {
        let system = written.crs.map_or(CoordinateSystem::Wgs84, |system| system.0);
        let kept = before.map(CompoundOut::written);
        let of = |stays: bool| if stays { CoordinateSystem::Wgs84 } else { system };
        let position_stays = kept.as_ref().is_some_and(|kept| kept.position == written.position);
        let outline_stays = kept.as_ref().is_some_and(|kept| kept.outline == written.outline);
        let position = written.position.as_ref().map(|point| point.position(of(position_stays), "/position"));
        let outline = written.outline.as_ref().map(|area| area.outline(of(outline_stays), "/outline"));
        match (position.transpose(), outline.transpose()) {
            (Ok(position), Ok(outline)) => Ok(Self { position, outline }),
            (position, outline) => Err(position.err().into_iter().chain(outline.err()).collect()),
        }
    }
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type Modes = OneOf<ManagementMode>;
type Difficulties = OneOf<Difficulty>;

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
    /// Managed in one of these ways, separated by commas; `none` lists those without a management.
    #[serde(default)]
    #[param(inline, required = false)]
    mode: Modes,
    /// Covered by a party organization, or not.
    #[serde(default, deserialize_with = "query::flag")]
    covered: Option<bool>,
    /// Covered by this party organization.
    #[param(value_type = Option<Uuid>)]
    party_organization_id: Option<OrganizationId>,
    /// The day of which management and coverage are asked; today if it is not said. What is shown is of today.
    #[param(value_type = Option<String>, format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    as_of: Option<NaiveDate>,
    /// Of one of these classes, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    difficulty: Difficulties,
    /// Going ahead as an example, or not.
    #[serde(default, deserialize_with = "query::flag")]
    demonstration: Option<bool>,
    /// Which are to have moved to another mode before this day, and have not.
    #[param(value_type = Option<String>, format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    planned_before: Option<NaiveDate>,
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
    let CompoundListIn {
        region,
        q,
        mode,
        covered,
        party_organization_id,
        as_of,
        difficulty,
        demonstration,
        planned_before,
        sort: (),
    } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = CompoundFilter {
        region: region.clone(),
        q: q.clone(),
        mode: mode.0.clone(),
        covered: *covered,
        party_organization_id: *party_organization_id,
        difficulty: difficulty.0.clone(),
        demonstration: *demonstration,
        planned_before: *planned_before,
        day: as_of.unwrap_or_else(|| day_in_china(ctx.now)),
    };
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

/// Write down a compound
#[utoipa::path(tag = "compounds", operation_id = "createCompound", request_body = CompoundIn, security(("bearer" = [])), responses((status = 201, body = CompoundOut)))]
#[post("/compounds")]
pub async fn create_compound(ctx: Ctx, body: Body<CompoundIn>) -> Result<Reply, Problem> {
    resource::create::<CompoundOut>(&ctx, body.value, &body.content).await
}

/// Write down a compound under an id of the client's own (UUIDv7), or replace what is written
#[utoipa::path(tag = "compounds", operation_id = "putCompound", params(("id" = Uuid, Path, description = "compound id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = CompoundIn, security(("bearer" = [])), responses((status = 201, body = CompoundOut), (status = 200, body = CompoundOut)))]
#[put("/compounds/{id}")]
pub async fn put_compound(ctx: Ctx, id: PathId<CompoundId>, body: Body<CompoundIn>) -> Result<Reply, Problem> {
    resource::put::<CompoundOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change what is written down of a compound
#[utoipa::path(tag = "compounds", operation_id = "updateCompound", params(("id" = Uuid, Path, description = "compound id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = CompoundPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = CompoundOut)))]
#[patch("/compounds/{id}")]
pub async fn update_compound(ctx: Ctx, id: PathId<CompoundId>, patch: CompoundPatch) -> Result<Reply, Problem> {
    resource::patch::<CompoundOut>(&ctx, &id.0, patch).await
}

/// Take a compound off the list that was written down by mistake
///
/// Nothing may hang on it: no building, person, household, appointment, order or grant. Its code can be used again.
#[utoipa::path(tag = "compounds", operation_id = "deleteCompound", params(("id" = Uuid, Path, description = "compound id"), ("If-Match" = String, Header, description = "ETag of the version that is deleted")), security(("bearer" = [])), responses((status = 204)))]
#[delete("/compounds/{id}")]
pub async fn delete_compound(ctx: Ctx, id: PathId<CompoundId>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Delete, ResourceKind::Compound)?;
    ctx.write(&serde_json::Value::Null, async |tx| {
        let found = tx.rows().find_to_change::<Compound>(&access, &id.0).await?.permitted(&access)?;
        ctx.require_version(found.row.version)?;
        if tx.rows().compounds().has_dependents(id.0).await? {
            return Err(Problem::new("has-dependents"));
        }
        tx.update(found.row.delete(ctx.now)).await?;
        Ok(Reply::no_content())
    })
    .await
}

timeline_of!(list_compound_events, "compounds", "listCompoundEvents", "/compounds/{id}/events", "id", Compound);
