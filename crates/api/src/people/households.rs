//! Households.

use actix_web::{get, patch, post, put};
use chrono::NaiveDate;
use domain::{
    access::{Action, Detail, ResourceKind},
    cn::RegionCode,
    compounds::Compound,
    id::{CompoundId, HouseholdId},
    people::{Household, HouseholdMember, Relation},
};
use persistence::{Found, HouseholdFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::persons::home;
use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, PathId, RegionText, Reply, View,
        WordOf, Writable,
        resource::{self, page_of, plain_actions, shown_as, timeline_of},
    },
    problem::Problem,
};

type HouseholdPatch = MergePatch<HouseholdIn>;

/// What a member is to the head of the household.
pub type RelationIo = WordOf<Relation>;

/// A member of a household, for a time.
#[derive(Serialize, ToSchema)]
#[schema(as = HouseholdMember)]
pub struct MemberOut {
    /// The person.
    person_id: Uuid,
    /// What he is to the head.
    relation: RelationIo,
    /// First day.
    valid_from: NaiveDate,
    /// First day on which he no longer belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<NaiveDate>,
}

/// A household 户. Who has only aggregates sees no more than where and when.
#[derive(Serialize, ToSchema)]
#[schema(as = Household)]
pub struct HouseholdOut {
    /// Its id.
    id: Uuid,
    /// The grid or community.
    region_code: String,
    /// The compound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compound_id: Option<Uuid>,
    /// The building.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    building_id: Option<Uuid>,
    /// The entrance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unit_id: Option<Uuid>,
    /// Floor and door, for its members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<String>,
    /// Who belongs and belonged to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    members: Option<Vec<MemberOut>>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes, of its members too.
    version: i64,
    /// When the row was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(HouseholdPageOut, HouseholdPage, HouseholdOut);
shown_as!(HouseholdOut, Household, Personal);

impl From<HouseholdMember> for MemberOut {
    fn from(member: HouseholdMember) -> Self {
        let HouseholdMember { person_id, relation, valid_from, valid_until } = member;
        Self { person_id: person_id.0, relation: WordOf(relation), valid_from, valid_until }
    }
}

impl View for HouseholdOut {
    type Row = Household;

    const COLLECTION: &'static str = "households";

    fn of(_: &Ctx, found: Found<Household>) -> Self {
        let (masked, own) = (found.grasp.detail >= Detail::Masked, found.grasp.detail == Detail::Own);
        let Household {
            id,
            region_code,
            compound_id,
            building_id,
            unit_id,
            address,
            members,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            compound_id: compound_id.filter(|_| masked).map(Into::into),
            building_id: building_id.filter(|_| masked).map(Into::into),
            unit_id: unit_id.filter(|_| masked).map(Into::into),
            address: address.filter(|_| own),
            members: masked.then(|| members.into_iter().map(Into::into).collect()),
            actions: plain_actions(found.grasp),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A household as it is written down: in a compound, or in a community or grid. Members are added one by one.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewHousehold, example = json!({"region_code": "360502002001", "address": "18 号"}))]
pub struct HouseholdIn {
    /// The community or grid, where it is in no compound.
    #[schema(min_length = 12, max_length = 15, pattern = "^[0-9]+$")]
    region_code: Option<String>,
    /// The compound.
    compound_id: Option<Uuid>,
    /// The building of the compound.
    building_id: Option<Uuid>,
    /// The unit of the building.
    unit_id: Option<Uuid>,
    /// Floor and door, or house number.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    address: Option<String>,
}

impl Writable for HouseholdIn {
    const MEMBERS: &'static [&'static str] = &["region_code", "compound_id", "building_id", "unit_id", "address"];
}

impl Editable for HouseholdOut {
    type In = HouseholdIn;

    const EVENTS: (&'static str, &'static str) = ("household.created", "household.updated");

    fn written(row: &Household) -> HouseholdIn {
        HouseholdIn {
            region_code: row.compound_id.is_none().then(|| row.region_code.to_string()),
            compound_id: row.compound_id.map(Into::into),
            building_id: row.building_id.map(Into::into),
            unit_id: row.unit_id.map(Into::into),
            address: row.address.clone(),
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Household>, written: HouseholdIn) -> Result<Household, Problem> {
        let HouseholdIn { region_code, compound_id, building_id, unit_id, address } = written;
        let before = make.before();
        let home_before = before.map(|row| (row.region_code.clone(), row.compound_id));
        let (region_code, compound_id) = home(ctx, tx, region_code, compound_id.map(Into::into), home_before).await?;
        let inside = match compound_id {
            Some(id) if building_id.is_some() || unit_id.is_some() => {
                let compound = ctx.named::<Compound, _>(tx.rows(), &id, "/compound_id").await?.row;
                compound
                    .inside(building_id.map(Into::into), unit_id.map(Into::into))
                    .map_err(|error| Problem::invalid([error]))?
            }
            None if building_id.is_some() => return Err(Problem::field("/building_id", "not-together")),
            None if unit_id.is_some() => return Err(Problem::field("/unit_id", "not-together")),
            _ => (None, None),
        };
        Ok(Household {
            id: make.id(|| ctx.app.ids.next().into()),
            region_code,
            compound_id,
            building_id: inside.0,
            unit_id: inside.1,
            address: address.map(|address| address.trim().to_owned()),
            members: before.map(|row| row.members.clone()).unwrap_or_default(),
            version: before.map_or(1, |row| row.version),
            created_at: before.map_or(ctx.now, |row| row.created_at),
            updated_at: before.map_or(ctx.now, |row| row.updated_at),
        })
    }
}

/// Filters of the list of households.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HouseholdListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// In this compound.
    #[param(value_type = Option<Uuid>)]
    compound_id: Option<CompoundId>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for HouseholdListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List households
#[utoipa::path(tag = "households", operation_id = "listHouseholds", params(ListParams, HouseholdListIn), security(("bearer" = [])), responses((status = 200, body = HouseholdPageOut)))]
#[get("/households")]
pub async fn list_households(ctx: Ctx, list: List<HouseholdListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Household)?;
    let HouseholdListIn { region, compound_id, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    if access.only_bare() && compound_id.is_some() {
        // what is not shown must not be found out by filtering
        return Err(Problem::field_not_allowed("compound_id"));
    }
    let filter = HouseholdFilter { region: region.clone(), compound_id: *compound_id };
    let page = ctx.app.database.rows().households().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<HouseholdOut, _>(&ctx, &list, page)
}

/// Read a household
#[utoipa::path(tag = "households", operation_id = "getHousehold", params(("id" = Uuid, Path, description = "household id")), security(("bearer" = [])), responses((status = 200, body = HouseholdOut)))]
#[get("/households/{id}")]
pub async fn get_household(ctx: Ctx, id: PathId<HouseholdId>) -> Result<Reply, Problem> {
    resource::get::<HouseholdOut>(&ctx, &id.0).await
}

/// Write down a household
#[utoipa::path(tag = "households", operation_id = "createHousehold", request_body = HouseholdIn, security(("bearer" = [])), responses((status = 201, body = HouseholdOut)))]
#[post("/households")]
pub async fn create_household(ctx: Ctx, body: Body<HouseholdIn>) -> Result<Reply, Problem> {
    resource::create::<HouseholdOut>(&ctx, body.value, &body.content).await
}

/// Write down a household under an id of the client's own (UUIDv7), or replace what is written
#[utoipa::path(tag = "households", operation_id = "putHousehold", params(("id" = Uuid, Path, description = "household id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = HouseholdIn, security(("bearer" = [])), responses((status = 201, body = HouseholdOut), (status = 200, body = HouseholdOut)))]
#[put("/households/{id}")]
pub async fn put_household(ctx: Ctx, id: PathId<HouseholdId>, body: Body<HouseholdIn>) -> Result<Reply, Problem> {
    resource::put::<HouseholdOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change what is written down of a household
#[utoipa::path(tag = "households", operation_id = "updateHousehold", params(("id" = Uuid, Path, description = "household id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = HouseholdPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = HouseholdOut)))]
#[patch("/households/{id}")]
pub async fn update_household(ctx: Ctx, id: PathId<HouseholdId>, patch: HouseholdPatch) -> Result<Reply, Problem> {
    resource::patch::<HouseholdOut>(&ctx, &id.0, patch).await
}

timeline_of!(list_household_events, "households", "listHouseholdEvents", "/households/{id}/events", "id", Household);
