//! Inspections of the service in compounds.

use actix_web::{get, post};
use chrono::NaiveDate;
use domain::{
    access::{Action, Detail, ResourceKind},
    cn::RegionCode,
    compounds::{Compound, Inspection, PASS_MARK, ServiceStandard, StandardScore},
    id::{CompoundId, InspectionId},
};
use persistence::{Found, InspectionFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, List, ListFilter, ListParams, PathId, RegionText, Reply, View, WordOf, query,
        resource::{self, page_of, shown_as, timeline_of},
    },
    problem::Problem,
};

type ServiceStandardIo = WordOf<ServiceStandard>;

/// How a standard of service is kept.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StandardScore)]
pub struct ScoreIo {
    /// The standard.
    standard: ServiceStandardIo,
    /// From 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    score: i32,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    note: Option<String>,
}

/// An inspection 检查 of the service in a compound. It is never changed.
#[derive(Serialize, ToSchema)]
#[schema(as = Inspection)]
pub struct InspectionOut {
    /// Its id.
    id: Uuid,
    /// The community or grid in which the compound lies.
    region_code: String,
    /// The compound.
    compound_id: Uuid,
    /// The day.
    inspected_on: NaiveDate,
    /// The score that each standard needs.
    pass_mark: i32,
    /// Each of the five standards.
    scores: Vec<ScoreIo>,
    /// The mean of the scores, two decimal places.
    mean_score: String,
    /// The standards that are not kept.
    failed: Vec<ServiceStandardIo>,
    /// What there is to say of the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    remark: Option<String>,
    /// The account of who wrote it down, for those who see to the compound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    inspected_by: Option<Uuid>,
    /// What the caller may do now: nothing.
    actions: Vec<&'static str>,
    /// Always 1.
    version: i64,
    /// When it was written down.
    created_at: At,
    /// The same.
    updated_at: At,
}

page_of!(InspectionPageOut, InspectionPage, InspectionOut);
shown_as!(InspectionOut, Inspection, Personal);

impl From<StandardScore> for ScoreIo {
    fn from(score: StandardScore) -> Self {
        let StandardScore { standard, score, note } = score;
        Self { standard: WordOf(standard), score, note }
    }
}

impl View for InspectionOut {
    type Row = Inspection;

    const COLLECTION: &'static str = "inspections";

    fn of(_: &Ctx, found: Found<Inspection>) -> Self {
        let masked = found.grasp.detail >= Detail::Masked;
        let failed = found.row.failed().into_iter().map(WordOf).collect();
        let mean = found.row.mean_hundredths();
        let Inspection {
            id,
            compound_id,
            region_code,
            inspected_on,
            pass_mark,
            scores,
            remark,
            inspected_by,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            compound_id: compound_id.0,
            inspected_on,
            pass_mark,
            scores: scores.into_iter().map(Into::into).collect(),
            mean_score: format!("{}.{:02}", mean / 100, mean % 100),
            failed,
            remark,
            inspected_by: masked.then_some(inspected_by.0),
            actions: Vec::new(),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// What was seen in a compound.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInspection, example = json!({"compound_id": "019cdf00-1a2b-7c11-8a01-5b6c7d8e9f00", "inspected_on": "2026-03-11", "scores": [{"standard": "corridors_cleaned", "score": 85}, {"standard": "facilities_maintained", "score": 70}, {"standard": "greenery_kept", "score": 90}, {"standard": "safety_guarded", "score": 55, "note": "东门门禁损坏"}, {"standard": "parking_ordered", "score": 80}]}))]
pub struct InspectionIn {
    /// The compound.
    compound_id: Uuid,
    /// The day.
    inspected_on: NaiveDate,
    /// The score that each standard needs; 60 if it is not said.
    #[schema(minimum = 1, maximum = 100)]
    pass_mark: Option<i32>,
    /// Each of the five standards once.
    #[schema(min_items = 1, max_items = 5)]
    scores: Vec<ScoreIo>,
    /// What there is to say of the whole.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    remark: Option<String>,
}

/// Filters of the list of inspections.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InspectionListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// Of this compound.
    #[param(value_type = Option<Uuid>)]
    compound_id: Option<CompoundId>,
    /// With a standard that is not kept, or with none.
    #[serde(default, deserialize_with = "query::flag")]
    failed: Option<bool>,
    /// Of this day or after it.
    #[param(value_type = Option<String>, format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    from: Option<NaiveDate>,
    /// Of this day or before it.
    #[param(value_type = Option<String>, format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    to: Option<NaiveDate>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for InspectionListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List inspections
#[utoipa::path(tag = "inspections", operation_id = "listInspections", params(ListParams, InspectionListIn), security(("bearer" = [])), responses((status = 200, body = InspectionPageOut)))]
#[get("/inspections")]
pub async fn list_inspections(ctx: Ctx, list: List<InspectionListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Inspection)?;
    let InspectionListIn { region, compound_id, failed, from, to, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter =
        InspectionFilter { region: region.clone(), compound_id: *compound_id, failed: *failed, from: *from, to: *to };
    let page = ctx.app.database.rows().inspections().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<InspectionOut, _>(&ctx, &list, page)
}

/// Read an inspection
#[utoipa::path(tag = "inspections", operation_id = "getInspection", params(("id" = Uuid, Path, description = "inspection id")), security(("bearer" = [])), responses((status = 200, body = InspectionOut)))]
#[get("/inspections/{id}")]
pub async fn get_inspection(ctx: Ctx, id: PathId<InspectionId>) -> Result<Reply, Problem> {
    resource::get::<InspectionOut>(&ctx, &id.0).await
}

/// Write down what was seen in a compound
///
/// Where a standard is not kept an event `inspection.failed` says which.
#[utoipa::path(tag = "inspections", operation_id = "createInspection", request_body = InspectionIn, security(("bearer" = [])), responses((status = 201, body = InspectionOut)))]
#[post("/inspections")]
pub async fn create_inspection(ctx: Ctx, body: Body<InspectionIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Create, ResourceKind::Inspection)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    let InspectionIn { compound_id, inspected_on, pass_mark, scores, remark } = body.value;
    let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
    let scores = scores.into_iter().map(|score| {
        let ScoreIo { standard, score, note } = score;
        StandardScore { standard: standard.0, score, note: trimmed(note) }
    });
    let scores: Vec<StandardScore> = scores.collect();
    ctx.write(&body.content, async |tx| {
        let compound = ctx.named_place::<Compound, _>(tx.rows(), &CompoundId(compound_id), "/compound_id").await?.row;
        let inspection = Inspection {
            id: ctx.app.ids.next().into(),
            compound_id: compound.id,
            region_code: compound.region_code,
            inspected_on,
            pass_mark: pass_mark.unwrap_or(PASS_MARK),
            scores,
            remark: trimmed(remark),
            inspected_by: ctx.actor.user_id,
            version: 1,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        if !access.permits_at(&inspection) {
            return Err(Problem::new("forbidden"));
        }
        let inspection = tx.insert(inspection.record(ctx.now)?).await?;
        resource::created::<InspectionOut>(&ctx, inspection)
    })
    .await
}

timeline_of!(
    list_inspection_events,
    "inspections",
    "listInspectionEvents",
    "/inspections/{id}/events",
    "id",
    Inspection
);
