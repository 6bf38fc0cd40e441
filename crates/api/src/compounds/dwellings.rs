//! Dwellings of units, and to whom they belong.

use actix_web::{get, patch, post, put};
use chrono::NaiveDate;
use domain::{
    access::{Action, Detail, ResourceKind},
    area::Area,
    cn::RegionCode,
    compounds::{AreaSource, Dwelling, MOST_OWNERS, Owner, Share, Stake, Unit},
    id::{BuildingId, CompoundId, DwellingId, OrganizationId, PersonId, UnitId},
    people::Person,
    periods::Period,
    places::Organization,
    refusal::FieldError,
    time::day_in_china,
};
use persistence::{DwellingFilter, Found, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, PathId, RegionText, Reply, View,
        WordOf, Writable, query,
        resource::{self, page_of, shown_as, timeline_of},
        value::masked_name,
    },
    problem::Problem,
};

type AreaSourceIo = WordOf<AreaSource>;
type DwellingPatch = MergePatch<DwellingIn>;

/// An owner of a dwelling, for a time.
#[derive(Serialize, ToSchema)]
#[schema(as = DwellingOwner)]
pub struct OwnerOut {
    /// What he is called; the name of a person is masked.
    display_name: String,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    person_id: Option<Uuid>,
    /// The organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    organization_id: Option<Uuid>,
    /// How much of it is his: a fraction.
    share: String,
    /// First day.
    valid_from: NaiveDate,
    /// First day on which it was his no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<NaiveDate>,
}

/// A dwelling 专有部分. To whom it belongs is for its owners and for those who know the people of the place; who has only
/// aggregates sees no more than where and when.
#[derive(Serialize, ToSchema)]
#[schema(as = Dwelling)]
pub struct DwellingOut {
    /// Its id.
    id: Uuid,
    /// The community or grid in which the compound lies.
    region_code: String,
    /// The compound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compound_id: Option<Uuid>,
    /// The building.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    building_id: Option<Uuid>,
    /// The unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unit_id: Option<Uuid>,
    /// Its number within the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<String>,
    /// The floor; the one on the ground is 1, below it they are negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    floor: Option<i32>,
    /// The exclusive area in square meters, four decimal places.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    area_m2: Option<String>,
    /// The same in mu 亩, four decimal places.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    area_mu: Option<String>,
    /// From where the area is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    area_source: Option<AreaSourceIo>,
    /// Whether the developer has handed it over to a buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    delivered: Option<bool>,
    /// To whom it belonged and belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    owners: Option<Vec<OwnerOut>>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes, of its owners too.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(DwellingPageOut, DwellingPage, DwellingOut);
shown_as!(DwellingOut, Dwelling, Personal);

fn owners_of(period: &Period<Vec<Stake>>) -> impl Iterator<Item = OwnerOut> + '_ {
    period.value.iter().map(|stake| {
        let (display_name, person_id, organization_id) = match stake.owner {
            Owner::Person(id) => (masked_name(&stake.display_name), Some(id.0), None),
            Owner::Organization(id) => (stake.display_name.clone(), None, Some(id.0)),
        };
        let Period { valid_from, valid_until, .. } = *period;
        OwnerOut { display_name, person_id, organization_id, share: stake.share.to_string(), valid_from, valid_until }
    })
}

impl View for DwellingOut {
    type Row = Dwelling;

    const COLLECTION: &'static str = "dwellings";

    fn of(_: &Ctx, found: Found<Dwelling>) -> Self {
        let (matter, masked) = (found.grasp.detail >= Detail::Matter, found.grasp.detail >= Detail::Masked);
        let Dwelling {
            id,
            unit_id,
            building_id,
            compound_id,
            region_code,
            code,
            floor,
            area,
            area_source,
            delivered,
            owners,
            version,
            created_at,
            updated_at,
        } = found.row;
        let area = area.filter(|_| matter);
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            compound_id: matter.then_some(compound_id.0),
            building_id: matter.then_some(building_id.0),
            unit_id: matter.then_some(unit_id.0),
            code: matter.then_some(code),
            floor: floor.filter(|_| matter),
            area_m2: area.map(Area::m2),
            area_mu: area.map(Area::mu),
            area_source: area_source.filter(|_| matter).map(WordOf),
            delivered: matter.then_some(delivered),
            owners: masked.then(|| owners.all().iter().flat_map(owners_of).collect()),
            actions: Dwelling::actions(found.grasp.actions),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A dwelling as it is written down. To whom it belongs is said from a day on, by `change-owners`.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDwelling, example = json!({"unit_id": "019cdf00-1a2b-7c11-8a01-5b6c7d8e9f00", "code": "301", "floor": 3, "area_m2": "89.37", "area_source": "register"}))]
pub struct DwellingIn {
    /// The unit.
    unit_id: Uuid,
    /// Its number within the unit.
    #[schema(min_length = 1, max_length = 20, pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    code: String,
    /// The floor; the one on the ground is 1, below it they are negative.
    #[schema(minimum = -20, maximum = 200)]
    floor: Option<i32>,
    /// The exclusive area in square meters, at most four decimal places; more than nothing.
    #[schema(
        max_length = 12,
        pattern = r"^(0\.([1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|00[1-9][0-9]?|000[1-9])|[1-9][0-9]{0,6}(\.[0-9]{1,4})?)$"
    )]
    area_m2: Option<String>,
    /// From where the area is known.
    area_source: Option<AreaSourceIo>,
    /// Whether the developer has handed it over to a buyer; it has if it is not said.
    delivered: Option<bool>,
}

impl Writable for DwellingIn {
    const MEMBERS: &'static [&'static str] = &["unit_id", "code", "floor", "area_m2", "area_source", "delivered"];
    const FIXED: &'static [&'static str] = &["unit_id"];
}

impl Editable for DwellingOut {
    type In = DwellingIn;

    const EVENTS: (&'static str, &'static str) = ("dwelling.created", "dwelling.updated");

    fn written(row: &Dwelling) -> DwellingIn {
        DwellingIn {
            unit_id: row.unit_id.0,
            code: row.code.clone(),
            floor: row.floor,
            area_m2: row.area.map(Area::m2),
            area_source: row.area_source.map(WordOf),
            delivered: Some(row.delivered),
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Dwelling>, written: DwellingIn) -> Result<Dwelling, Problem> {
        let DwellingIn { unit_id, code, floor, area_m2, area_source, delivered } = written;
        let area = area_m2.map(|text| Area::from_m2(&text).ok_or_else(|| Problem::field("/area_m2", "format")));
        let (area, area_source) = (area.transpose()?, area_source.map(|source| source.0));
        let delivered = delivered.unwrap_or(true);
        let dwelling = match make.before() {
            Some(before) => Dwelling { code, floor, area, area_source, delivered, ..before.clone() },
            None => {
                let unit = ctx.named_place::<Unit, _>(tx.rows(), &UnitId(unit_id), "/unit_id").await?.row;
                Dwelling {
                    id: make.id(|| ctx.app.ids.next().into()),
                    unit_id: unit.id,
                    building_id: unit.building_id,
                    compound_id: unit.compound_id,
                    region_code: unit.region_code,
                    code,
                    floor,
                    area,
                    area_source,
                    delivered,
                    owners: domain::periods::Periods::default(),
                    version: 1,
                    created_at: ctx.now,
                    updated_at: ctx.now,
                }
            }
        };
        let faults = dwelling.faults();
        if faults.is_empty() { Ok(dwelling) } else { Err(Problem::invalid(faults)) }
    }
}

/// Filters of the list of dwellings.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DwellingListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// Of this compound.
    #[param(value_type = Option<Uuid>)]
    compound_id: Option<CompoundId>,
    /// Of this building.
    #[param(value_type = Option<Uuid>)]
    building_id: Option<BuildingId>,
    /// Of this unit.
    #[param(value_type = Option<Uuid>)]
    unit_id: Option<UnitId>,
    /// Handed over to a buyer, or not.
    #[serde(default, deserialize_with = "query::flag")]
    delivered: Option<bool>,
    /// With owners, or without any.
    #[serde(default, deserialize_with = "query::flag")]
    owned: Option<bool>,
    /// Of this person, alone or with others, as far as the caller knows the people of the place.
    #[param(value_type = Option<Uuid>)]
    owner_id: Option<PersonId>,
    /// The day of which owners are asked; today if it is not said.
    #[param(value_type = Option<String>, format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    as_of: Option<NaiveDate>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for DwellingListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List dwellings
#[utoipa::path(tag = "dwellings", operation_id = "listDwellings", params(ListParams, DwellingListIn), security(("bearer" = [])), responses((status = 200, body = DwellingPageOut)))]
#[get("/dwellings")]
pub async fn list_dwellings(ctx: Ctx, list: List<DwellingListIn>) -> Result<Reply, Problem> {
    let mut access = ctx.authorize(Action::Read, ResourceKind::Dwelling)?;
    let DwellingListIn { region, compound_id, building_id, unit_id, delivered, owned, owner_id, as_of, sort: () } =
        &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    if access.only_bare() {
        // what is not shown must not be found out by filtering
        let hidden = [
            (compound_id.is_some(), "compound_id"),
            (building_id.is_some(), "building_id"),
            (unit_id.is_some(), "unit_id"),
            (delivered.is_some(), "delivered"),
        ];
        if let Some((_, name)) = hidden.into_iter().find(|(given, _)| *given) {
            return Err(Problem::field_not_allowed(name));
        }
    }
    let of_owners = [(owned.is_some(), "owned"), (owner_id.is_some() && *owner_id != ctx.actor.person_id, "owner_id")];
    if let Some((_, name)) = of_owners.into_iter().find(|(given, _)| *given) {
        access = access.showing(Detail::Masked).ok_or_else(|| Problem::field_not_allowed(name))?;
    }
    let filter = DwellingFilter {
        region: region.clone(),
        compound_id: *compound_id,
        building_id: *building_id,
        unit_id: *unit_id,
        delivered: *delivered,
        owned: *owned,
        owner_id: *owner_id,
        day: as_of.unwrap_or_else(|| day_in_china(ctx.now)),
    };
    let page = ctx.app.database.rows().dwellings().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<DwellingOut, _>(&ctx, &list, page)
}

/// Read a dwelling
#[utoipa::path(tag = "dwellings", operation_id = "getDwelling", params(("id" = Uuid, Path, description = "dwelling id")), security(("bearer" = [])), responses((status = 200, body = DwellingOut)))]
#[get("/dwellings/{id}")]
pub async fn get_dwelling(ctx: Ctx, id: PathId<DwellingId>) -> Result<Reply, Problem> {
    resource::get::<DwellingOut>(&ctx, &id.0).await
}

/// Write down a dwelling
#[utoipa::path(tag = "dwellings", operation_id = "createDwelling", request_body = DwellingIn, security(("bearer" = [])), responses((status = 201, body = DwellingOut)))]
#[post("/dwellings")]
pub async fn create_dwelling(ctx: Ctx, body: Body<DwellingIn>) -> Result<Reply, Problem> {
    resource::create::<DwellingOut>(&ctx, body.value, &body.content).await
}

/// Write down a dwelling under an id of the client's own (UUIDv7), or replace what is written
#[utoipa::path(tag = "dwellings", operation_id = "putDwelling", params(("id" = Uuid, Path, description = "dwelling id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = DwellingIn, security(("bearer" = [])), responses((status = 201, body = DwellingOut), (status = 200, body = DwellingOut)))]
#[put("/dwellings/{id}")]
pub async fn put_dwelling(ctx: Ctx, id: PathId<DwellingId>, body: Body<DwellingIn>) -> Result<Reply, Problem> {
    resource::put::<DwellingOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change what is written down of a dwelling
#[utoipa::path(tag = "dwellings", operation_id = "updateDwelling", params(("id" = Uuid, Path, description = "dwelling id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = DwellingPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = DwellingOut)))]
#[patch("/dwellings/{id}")]
pub async fn update_dwelling(ctx: Ctx, id: PathId<DwellingId>, patch: DwellingPatch) -> Result<Reply, Problem> {
    resource::patch::<DwellingOut>(&ctx, &id.0, patch).await
}

/// An owner: somebody, or an organization, and how much is his.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDwellingOwner)]
pub struct OwnerIn {
    /// The person.
    person_id: Option<Uuid>,
    /// The organization.
    organization_id: Option<Uuid>,
    /// How much of it is his: a fraction.
    #[schema(max_length = 11, pattern = "^[1-9][0-9]{0,4}/[1-9][0-9]{0,4}$")]
    share: String,
}

/// To whom a dwelling belongs from a day on: all of its owners.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = OwnersChange, example = json!({"owners": [{"person_id": "019cd111-7f00-7a00-9b00-aaaaaaaaaaaa", "share": "1/1"}], "valid_from": "2026-03-01"}))]
pub struct OwnersIn {
    /// Its owners; their shares make the whole.
    #[schema(min_items = 1, max_items = 50)]
    owners: Vec<OwnerIn>,
    /// The first day; today if it is not said. The first day of the present owners says that they were written down by
    /// mistake.
    valid_from: Option<NaiveDate>,
}

/// Say to whom a dwelling belongs from a day on
#[utoipa::path(tag = "dwellings", operation_id = "changeDwellingOwners", params(("id" = Uuid, Path, description = "dwelling id")), request_body = OwnersIn, security(("bearer" = [])), responses((status = 200, body = DwellingOut)))]
#[post("/dwellings/{id}/change-owners")]
pub async fn change_dwelling_owners(ctx: Ctx, id: PathId<DwellingId>, body: Body<OwnersIn>) -> Result<Reply, Problem> {
    let OwnersIn { owners, valid_from } = body.value;
    let from = valid_from.unwrap_or_else(|| day_in_china(ctx.now));
    resource::transition::<DwellingOut>(&ctx, &id.0, Action::ChangeOwners, &body.content, async |tx, found| {
        let outcome = found.row.change_owners(stakes(&ctx, tx, &owners).await?, from, ctx.now)?;
        tx.replace_owners(&outcome.value).await?;
        Ok(outcome)
    })
    .await
}

async fn stakes(ctx: &Ctx, tx: &Tx, owners: &[OwnerIn]) -> Result<Vec<Stake>, Problem> {
    let mut faults = Vec::new();
    let mut stakes = Vec::new();
    for (at, owner) in owners.iter().take(MOST_OWNERS).enumerate() {
        let pointer = |member: &str| format!("/owners/{at}/{member}");
        let share = owner.share.parse::<Share>();
        let named = match (owner.person_id.map(PersonId), owner.organization_id.map(OrganizationId)) {
            (Some(id), None) => ctx
                .named::<Person, _>(tx.rows(), &id, &pointer("person_id"))
                .await
                .map(|found| (Owner::Person(id), found.row.name))?,
            (None, Some(id)) => ctx
                .named::<Organization, _>(tx.rows(), &id, &pointer("organization_id"))
                .await
                .map(|found| (Owner::Organization(id), found.row.name))?,
            (None, None) => {
                faults.push(FieldError::new(pointer("person_id"), "required"));
                continue;
            }
            (Some(_), Some(_)) => {
                faults.push(FieldError::new(pointer("organization_id"), "not-together"));
                continue;
            }
        };
        match share {
            Ok(share) => stakes.push(Stake { owner: named.0, display_name: named.1, share }),
            Err(_) => faults.push(FieldError::new(pointer("share"), "format")),
        }
    }
    if faults.is_empty() { Ok(stakes) } else { Err(Problem::invalid(faults)) }
}

timeline_of!(list_dwelling_events, "dwellings", "listDwellingEvents", "/dwellings/{id}/events", "id", Dwelling);
