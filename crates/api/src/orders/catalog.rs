//! The catalog of services.

use actix_web::get;
use domain::{
    access::{Action, ResourceKind},
    cn::RegionCode,
    id::ServiceKindId,
    orders::{Question, ServiceKind},
};
use persistence::{Found, ServiceKindFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{At, Ctx, List, ListFilter, ListParams, OneOf, PathId, Reply, Shown, query, reply::Caching},
    problem::Problem,
};

/// A question that a kind of service asks.
#[derive(Serialize, ToSchema)]
#[schema(as = Question)]
pub struct QuestionOut {
    /// The member of `answers` that holds the answer.
    key: String,
    /// The question as it is put to people.
    label: String,
    /// What sort of answer: text, number, boolean, choice or choices.
    kind: &'static str,
    /// Whether it must be answered.
    required: bool,
    /// The options of a choice.
    options: Vec<String>,
}

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
    questions: Vec<QuestionOut>,
    /// Minutes within which somebody should have accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    response_minutes: Option<i32>,
    /// Minutes within which it should be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    resolution_minutes: Option<i32>,
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

/// A page of kinds of service.
#[derive(ToSchema)]
#[schema(as = ServiceKindPage)]
#[expect(dead_code, reason = "it only documents")]
pub struct ServiceKindPageOut {
    items: Vec<ServiceKindOut>,
    page: crate::openapi::PageOut,
}

impl Shown for ServiceKindOut {
    const KIND: ResourceKind = ResourceKind::ServiceKind;
    const CACHING: Caching = Caching::Reference;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> i64 {
        self.version
    }
}

impl From<Question> for QuestionOut {
    fn from(question: Question) -> Self {
        let Question { key, label, kind, required, options } = question;
        Self { key, label, kind: kind.name(), required, options }
    }
}

impl From<Found<ServiceKind>> for ServiceKindOut {
    fn from(found: Found<ServiceKind>) -> Self {
        let ServiceKind {
            id,
            code,
            region_code,
            name,
            skills,
            questions,
            response_minutes,
            resolution_minutes,
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
            response_minutes,
            resolution_minutes,
            active,
            actions: Vec::new(),
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
    #[param(value_type = Option<String>, pattern = "^[0-9]{2,15}$")]
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
    #[serde(skip)]
    #[param(value_type = Option<String>, pattern = "^id$")]
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
    Reply::page(&ctx, &list, &page.try_map(|found| Ok(ServiceKindOut::from(found)))?)
}

/// Read a kind of service
#[utoipa::path(tag = "service-kinds", operation_id = "getServiceKind", params(("id" = Uuid, Path, description = "id of the kind")), security(("bearer" = [])), responses((status = 200, body = ServiceKindOut)))]
#[get("/service-kinds/{id}")]
pub async fn get_service_kind(ctx: Ctx, id: PathId<ServiceKindId>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::ServiceKind)?;
    let found = ctx.app.database.rows().service_kinds().get(&access, id.0).await?;
    Reply::ok(&ctx, &ServiceKindOut::from(found))
}
