//! The catalog of services.

use actix_web::{get, patch, post, put};
use domain::{
    access::{Action, ResourceKind},
    clocks::Counting,
    cn::{RegionCode, RegionLevel},
    id::ServiceKindId,
    orders::{KindLimit, Question, QuestionKind, ServiceKind, check_limits, check_questions},
};
use persistence::{Found, ServiceKindFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::dto::PriorityIo;
use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, OneOf, PathId, RegionText, Reply,
        View, WordOf, Writable, query,
        resource::{self, page_of, plain_actions, shown_as, timeline_of},
    },
    problem::Problem,
};

/// A question that a kind of service asks.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Question)]
pub struct QuestionIo {
    /// The member of `answers` that holds the answer.
    #[schema(min_length = 1, max_length = 50, pattern = "^[a-z][a-z0-9_]*$")]
    key: String,
    /// The question as it is put to people.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    label: String,
    /// What sort of answer.
    kind: QuestionKindIo,
    /// Whether it must be answered.
    #[serde(default)]
    required: bool,
    /// The options of a choice.
    #[serde(default)]
    #[schema(max_items = 50)]
    options: Vec<OptionText>,
}

type QuestionKindIo = WordOf<QuestionKind>;
type CountingIo = WordOf<Counting>;

/// How long orders may take at one priority.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = KindLimit)]
pub struct KindLimitIo {
    /// At which priority.
    priority: PriorityIo,
    /// Minutes within which somebody should have accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 525600, nullable = false)]
    response_minutes: Option<i32>,
    /// Minutes within which it should be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 525600, nullable = false)]
    resolution_minutes: Option<i32>,
    /// Which time counts: every minute, or the office hours of working days.
    counting: CountingIo,
}

impl From<KindLimit> for KindLimitIo {
    fn from(limit: KindLimit) -> Self {
        let KindLimit { priority, response_minutes, resolution_minutes, counting } = limit;
        Self { priority: priority.into(), response_minutes, resolution_minutes, counting: WordOf(counting) }
    }
}

impl From<KindLimitIo> for KindLimit {
    fn from(limit: KindLimitIo) -> Self {
        let KindLimitIo { priority, response_minutes, resolution_minutes, counting } = limit;
        Self { priority: priority.into(), response_minutes, resolution_minutes, counting: counting.0 }
    }
}

/// An option of a choice.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = QuestionOption, min_length = 1, max_length = 100, pattern = r"\S")]
pub struct OptionText(pub String);

/// A kind of service 服务项目.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceKind)]
pub struct ServiceKindOut {
    /// Its id.
    id: Uuid,
    /// The code by which orders name it.
    code: String,
    /// Where it is offered, and everywhere below.
    region_code: String,
    /// What people call it.
    name: String,
    /// Skills that it takes.
    skills: Vec<String>,
    /// What it asks.
    questions: Vec<QuestionIo>,
    /// How long it may take, by priority.
    limits: Vec<KindLimitIo>,
    /// Whether it can be ordered.
    active: bool,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(ServiceKindPageOut, ServiceKindPage, ServiceKindOut);

shown_as!(ServiceKindOut, ServiceKind, Reference);

impl From<Question> for QuestionIo {
    fn from(question: Question) -> Self {
        let Question { key, label, kind, required, options } = question;
        Self { key, label, kind: WordOf(kind), required, options: options.into_iter().map(OptionText).collect() }
    }
}

impl From<QuestionIo> for Question {
    fn from(question: QuestionIo) -> Self {
        let QuestionIo { key, label, kind, required, options } = question;
        let options = options.into_iter().map(|option| option.0.trim().to_owned()).collect();
        Self { key, label: label.trim().to_owned(), kind: kind.0, required, options }
    }
}

/// A kind of service as it is written.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewServiceKind, example = json!({"code": "window", "region_code": "360502003", "name": "门窗维修", "skills": ["window"], "questions": [{"key": "floor", "label": "在几楼？", "kind": "number", "required": true}], "limits": [{"priority": "normal", "response_minutes": 120, "counting": "business_time"}]}))]
pub struct ServiceKindIn {
    /// The code by which orders name it.
    #[schema(min_length = 1, max_length = 50, pattern = "^[a-z][a-z0-9_]*$")]
    code: String,
    /// Where it is offered, and everywhere below.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: String,
    /// What people call it.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: String,
    /// Skills that it takes, as codes.
    #[serde(default)]
    #[schema(max_items = 20)]
    skills: Vec<SkillCode>,
    /// What it asks.
    #[serde(default)]
    #[schema(max_items = 30)]
    questions: Vec<QuestionIo>,
    /// How long it may take, by priority: what is said of normal orders holds for those of which nothing is said.
    #[serde(default)]
    #[schema(max_items = 3)]
    limits: Vec<KindLimitIo>,
    /// Whether it can be ordered; it can if it is not said.
    active: Option<bool>,
}

/// A skill of a volunteer, as a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = SkillCode, min_length = 1, max_length = 50, pattern = "^[a-z][a-z0-9_]*$")]
pub struct SkillCode(pub String);

type ServiceKindPatch = MergePatch<ServiceKindIn>;

impl Writable for ServiceKindIn {
    const MEMBERS: &'static [&'static str] =
        &["code", "region_code", "name", "skills", "questions", "limits", "active"];
    const FIXED: &'static [&'static str] = &["code", "region_code"];
}

impl Editable for ServiceKindOut {
    type In = ServiceKindIn;

    const EVENTS: (&'static str, &'static str) = ("service_kind.created", "service_kind.updated");

    fn forget(ctx: &Ctx) {
        ctx.app.forget_service_kinds();
    }

    fn written(row: &ServiceKind) -> ServiceKindIn {
        ServiceKindIn {
            code: row.code.clone(),
            region_code: row.region_code.to_string(),
            name: row.name.clone(),
            skills: row.skills.iter().cloned().map(SkillCode).collect(),
            questions: row.questions.iter().cloned().map(Into::into).collect(),
            limits: row.limits.iter().cloned().map(Into::into).collect(),
            active: Some(row.active),
        }
    }

    async fn build(
        ctx: &Ctx,
        tx: &Tx,
        make: Make<'_, ServiceKind>,
        written: ServiceKindIn,
    ) -> Result<ServiceKind, Problem> {
        let ServiceKindIn { code, region_code, name, skills, questions, limits, active } = written;
        let questions: Vec<Question> = questions.into_iter().map(Into::into).collect();
        let limits: Vec<KindLimit> = limits.into_iter().map(Into::into).collect();
        let errors = [check_questions(&questions), check_limits(&limits)].concat();
        if !errors.is_empty() {
            return Err(Problem::invalid(errors));
        }
        let region_code = ctx.named_region(tx.rows(), &region_code, RegionLevel::Province, "/region_code").await?;
        let before = make.before();
        Ok(ServiceKind {
            id: make.id(|| ctx.app.ids.next().into()),
            code,
            region_code,
            name: name.trim().to_owned(),
            skills: skills.into_iter().map(|skill| skill.0).collect(),
            questions,
            limits,
            active: active.unwrap_or(true),
            version: before.map_or(1, |row| row.version),
            created_at: before.map_or(ctx.now, |row| row.created_at),
            updated_at: before.map_or(ctx.now, |row| row.updated_at),
        })
    }
}

impl View for ServiceKindOut {
    type Row = ServiceKind;

    const COLLECTION: &'static str = "service-kinds";

    fn of(_: &Ctx, found: Found<ServiceKind>) -> Self {
        let ServiceKind {
            id,
            code,
            region_code,
            name,
            skills,
            questions,
            limits,
            active,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            code,
            region_code: region_code.to_string(),
            name,
            skills,
            questions: questions.into_iter().map(Into::into).collect(),
            limits: limits.into_iter().map(Into::into).collect(),
            active,
            actions: plain_actions(found.grasp),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// Filters of the catalog.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServiceKindListIn {
    /// Offered in this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// With one of these codes, separated by commas.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^[a-z_]+(,[a-z_]+)*$")]
    code: OneOf<String>,
    /// Only those that can (or cannot) be ordered.
    #[serde(default, deserialize_with = "query::flag")]
    active: Option<bool>,
    /// With this in the name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for ServiceKindListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List kinds of service
#[utoipa::path(tag = "service-kinds", operation_id = "listServiceKinds", params(ListParams, ServiceKindListIn), security(("bearer" = [])), responses((status = 200, body = ServiceKindPageOut)))]
#[get("/service-kinds")]
pub async fn list_service_kinds(ctx: Ctx, list: List<ServiceKindListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::ServiceKind)?;
    let ServiceKindListIn { region, code, active, q, sort: () } = &list.filter;
    let filter = ServiceKindFilter { region: region.clone(), code: code.0.clone(), active: *active, q: q.clone() };
    let page = ctx.app.database.rows().service_kinds().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<ServiceKindOut, _>(&ctx, &list, page)
}

/// Read a kind of service
#[utoipa::path(tag = "service-kinds", operation_id = "getServiceKind", params(("id" = Uuid, Path, description = "id of the kind")), security(("bearer" = [])), responses((status = 200, body = ServiceKindOut)))]
#[get("/service-kinds/{id}")]
pub async fn get_service_kind(ctx: Ctx, id: PathId<ServiceKindId>) -> Result<Reply, Problem> {
    resource::get::<ServiceKindOut>(&ctx, &id.0).await
}

/// Create a kind of service
#[utoipa::path(tag = "service-kinds", operation_id = "createServiceKind", request_body = ServiceKindIn, security(("bearer" = [])), responses((status = 201, body = ServiceKindOut)))]
#[post("/service-kinds")]
pub async fn create_service_kind(ctx: Ctx, body: Body<ServiceKindIn>) -> Result<Reply, Problem> {
    resource::create::<ServiceKindOut>(&ctx, body.value, &body.content).await
}

/// Create a kind of service under an id of the client's own (UUIDv7), or replace it
#[utoipa::path(tag = "service-kinds", operation_id = "putServiceKind", params(("id" = Uuid, Path, description = "id of the kind"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = ServiceKindIn, security(("bearer" = [])), responses((status = 201, body = ServiceKindOut), (status = 200, body = ServiceKindOut)))]
#[put("/service-kinds/{id}")]
pub async fn put_service_kind(
    ctx: Ctx,
    id: PathId<ServiceKindId>,
    body: Body<ServiceKindIn>,
) -> Result<Reply, Problem> {
    resource::put::<ServiceKindOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change a kind of service
#[utoipa::path(tag = "service-kinds", operation_id = "updateServiceKind", params(("id" = Uuid, Path, description = "id of the kind"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = ServiceKindPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = ServiceKindOut)))]
#[patch("/service-kinds/{id}")]
pub async fn update_service_kind(
    ctx: Ctx,
    id: PathId<ServiceKindId>,
    patch: ServiceKindPatch,
) -> Result<Reply, Problem> {
    resource::patch::<ServiceKindOut>(&ctx, &id.0, patch).await
}

timeline_of!(
    list_service_kind_events,
    "service-kinds",
    "listServiceKindEvents",
    "/service-kinds/{id}/events",
    "id",
    ServiceKind
);
