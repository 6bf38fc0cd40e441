//! Organizations.

use actix_web::{get, patch, post, put};
use domain::{
    access::{Action, ResourceKind},
    cn::{CreditCode, RegionCode, RegionLevel},
    id::OrganizationId,
    places::{Organization, OrganizationKind, PartyFormation},
};
use persistence::{Found, OrganizationFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, OneOf, PathId, RegionText, Reply,
        View, WordOf, Writable,
        resource::{self, page_of, plain_actions, shown_as, timeline_of},
    },
    problem::Problem,
};

type KindIo = WordOf<OrganizationKind>;
type FormationIo = WordOf<PartyFormation>;
type OrganizationPatch = MergePatch<OrganizationIn>;

/// An organization 组织.
#[derive(Serialize, ToSchema)]
#[schema(as = Organization)]
pub struct OrganizationOut {
    /// Its id.
    id: Uuid,
    /// Where it sits.
    region_code: String,
    /// Its name.
    name: String,
    /// What it is.
    kind: KindIo,
    /// The organization above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parent_id: Option<Uuid>,
    /// 统一社会信用代码
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credit_code: Option<String>,
    /// How a party organization is formed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    formation: Option<FormationIo>,
    /// Provincial credit grade of a property company.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    credit_grade: Option<String>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(OrganizationPageOut, OrganizationPage, OrganizationOut);
shown_as!(OrganizationOut, Organization, Reference);

impl View for OrganizationOut {
    type Row = Organization;

    const COLLECTION: &'static str = "organizations";

    fn of(_: &Ctx, found: Found<Organization>) -> Self {
        let Organization {
            id,
            name,
            kind,
            region_code,
            parent_id,
            credit_code,
            formation,
            credit_grade,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            name,
            kind: WordOf(kind),
            parent_id: parent_id.map(Into::into),
            credit_code: credit_code.map(|code| code.as_str().to_owned()),
            formation: formation.map(WordOf),
            credit_grade,
            actions: plain_actions(found.grasp),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// An organization as it is written.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrganization, example = json!({"name": "长青社区居民委员会", "kind": "residents_committee", "region_code": "360502002001"}))]
pub struct OrganizationIn {
    /// Its name.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: String,
    /// What it is.
    kind: KindIo,
    /// Where it sits.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: String,
    /// The organization above it.
    parent_id: Option<Uuid>,
    /// 统一社会信用代码 (GB 32100)
    #[schema(min_length = 1, max_length = 40)]
    credit_code: Option<String>,
    /// How it is formed; for party organizations only.
    formation: Option<FormationIo>,
    /// Provincial credit grade; for property companies only.
    #[schema(min_length = 1, max_length = 10, pattern = r"\S")]
    credit_grade: Option<String>,
}

impl Writable for OrganizationIn {
    const MEMBERS: &'static [&'static str] =
        &["name", "kind", "region_code", "parent_id", "credit_code", "formation", "credit_grade"];
    const FIXED: &'static [&'static str] = &["kind"];
}

impl Editable for OrganizationOut {
    type In = OrganizationIn;

    const EVENTS: (&'static str, &'static str) = ("organization.created", "organization.updated");

    fn written(row: &Organization) -> OrganizationIn {
        OrganizationIn {
            name: row.name.clone(),
            kind: WordOf(row.kind),
            region_code: row.region_code.to_string(),
            parent_id: row.parent_id.map(Into::into),
            credit_code: row.credit_code.as_ref().map(|code| code.as_str().to_owned()),
            formation: row.formation.map(WordOf),
            credit_grade: row.credit_grade.clone(),
        }
    }

    async fn build(
        ctx: &Ctx,
        tx: &Tx,
        make: Make<'_, Organization>,
        written: OrganizationIn,
    ) -> Result<Organization, Problem> {
        let OrganizationIn { name, kind, region_code, parent_id, credit_code, formation, credit_grade } = written;
        let region_code = ctx.named_region(tx.rows(), &region_code, RegionLevel::Province, "/region_code").await?;
        let before = make.before();
        let id = make.id(|| ctx.app.ids.next().into());
        let parent_id = match parent_id.map(OrganizationId) {
            Some(parent) if before.and_then(|row| row.parent_id) != Some(parent) => {
                let parent = ctx.named::<Organization, _>(tx.rows(), &parent, "/parent_id").await?.row.id;
                if tx.rows().organizations().is_below(parent, id).await? {
                    return Err(Problem::field("/parent_id", "circular"));
                }
                Some(parent)
            }
            unchanged => unchanged,
        };
        let credit_code = credit_code.map(|code| CreditCode::parse(&code)).transpose();
        let organization = Organization {
            id,
            name: name.trim().to_owned(),
            kind: kind.0,
            region_code,
            parent_id,
            credit_code: credit_code.map_err(|error| Problem::field("/credit_code", error.code()))?,
            formation: formation.map(|formation| formation.0),
            credit_grade: credit_grade.map(|grade| grade.trim().to_owned()),
            version: before.map_or(1, |row| row.version),
            created_at: before.map_or(ctx.now, |row| row.created_at),
            updated_at: before.map_or(ctx.now, |row| row.updated_at),
        };
        let faults = organization.faults();
        if faults.is_empty() { Ok(organization) } else { Err(Problem::invalid(faults)) }
    }
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type OrganizationKinds = OneOf<OrganizationKind>;

/// Filters of the list of organizations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrganizationListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// Of one of these kinds, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    kind: OrganizationKinds,
    /// Directly below this organization.
    #[param(value_type = Option<Uuid>)]
    parent_id: Option<OrganizationId>,
    /// With this in the name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for OrganizationListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List organizations
#[utoipa::path(tag = "organizations", operation_id = "listOrganizations", params(ListParams, OrganizationListIn), security(("bearer" = [])), responses((status = 200, body = OrganizationPageOut)))]
#[get("/organizations")]
pub async fn list_organizations(ctx: Ctx, list: List<OrganizationListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Organization)?;
    let OrganizationListIn { region, kind, parent_id, q, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter =
        OrganizationFilter { region: region.clone(), kind: kind.0.clone(), parent_id: *parent_id, q: q.clone() };
    let page = ctx.app.database.rows().organizations().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<OrganizationOut, _>(&ctx, &list, page)
}

/// Read an organization
#[utoipa::path(tag = "organizations", operation_id = "getOrganization", params(("id" = Uuid, Path, description = "organization id")), security(("bearer" = [])), responses((status = 200, body = OrganizationOut)))]
#[get("/organizations/{id}")]
pub async fn get_organization(ctx: Ctx, id: PathId<OrganizationId>) -> Result<Reply, Problem> {
    resource::get::<OrganizationOut>(&ctx, &id.0).await
}

/// Create an organization
#[utoipa::path(tag = "organizations", operation_id = "createOrganization", request_body = OrganizationIn, security(("bearer" = [])), responses((status = 201, body = OrganizationOut)))]
#[post("/organizations")]
pub async fn create_organization(ctx: Ctx, body: Body<OrganizationIn>) -> Result<Reply, Problem> {
    resource::create::<OrganizationOut>(&ctx, body.value, &body.content).await
}

/// Create an organization under an id of the client's own (UUIDv7), or replace it
#[utoipa::path(tag = "organizations", operation_id = "putOrganization", params(("id" = Uuid, Path, description = "organization id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = OrganizationIn, security(("bearer" = [])), responses((status = 201, body = OrganizationOut), (status = 200, body = OrganizationOut)))]
#[put("/organizations/{id}")]
pub async fn put_organization(
    ctx: Ctx,
    id: PathId<OrganizationId>,
    body: Body<OrganizationIn>,
) -> Result<Reply, Problem> {
    resource::put::<OrganizationOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change an organization
#[utoipa::path(tag = "organizations", operation_id = "updateOrganization", params(("id" = Uuid, Path, description = "organization id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = OrganizationPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = OrganizationOut)))]
#[patch("/organizations/{id}")]
pub async fn update_organization(
    ctx: Ctx,
    id: PathId<OrganizationId>,
    patch: OrganizationPatch,
) -> Result<Reply, Problem> {
    resource::patch::<OrganizationOut>(&ctx, &id.0, patch).await
}

timeline_of!(
    list_organization_events,
    "organizations",
    "listOrganizationEvents",
    "/organizations/{id}/events",
    "id",
    Organization
);
