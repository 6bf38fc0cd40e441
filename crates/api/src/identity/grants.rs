//! Grants: who is what, where and for how long.

use actix_web::{delete, get, post};
use domain::{
    access::{Action, Grant, Place, ResourceKind, Role},
    cn::{RegionCode, RegionLevel},
    compounds::Compound,
    id::{GrantId, UserId},
    identity::{NewGrant, User, give},
    places::Organization,
};
use persistence::{Found, GrantFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, List, ListFilter, ListParams, OneOf, PathId, RegionText, Reply, View, WordOf,
        resource::{self, page_of, shown_as, timeline_of},
        value::NothingIn,
    },
    problem::Problem,
};

type RoleIo = WordOf<Role>;

/// A grant 授权.
#[derive(Serialize, ToSchema)]
#[schema(as = Grant)]
pub struct GrantOut {
    /// Its id.
    id: Uuid,
    /// Whose it is.
    user_id: Uuid,
    /// The role.
    role: RoleIo,
    /// The region that it reaches down from, or in which its place lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region_code: Option<String>,
    /// The organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    organization_id: Option<Uuid>,
    /// The compound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compound_id: Option<Uuid>,
    /// The school.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    school_id: Option<Uuid>,
    /// From when.
    valid_from: At,
    /// Until before when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<At>,
    /// pending (waits for a second pair of eyes), coming, active or ended
    state: &'static str,
    /// Who gave it; absent where the command line did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    granted_by: Option<Uuid>,
    /// Who approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    approved_by: Option<Uuid>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(GrantPageOut, GrantPage, GrantOut);
shown_as!(GrantOut, Grant, Personal);

impl View for GrantOut {
    type Row = Grant;

    const COLLECTION: &'static str = "grants";

    fn of(ctx: &Ctx, found: Found<Grant>) -> Self {
        let state = found.row.state(ctx.now);
        let actions = found.row.actions(&ctx.actor, found.grasp.actions, ctx.now);
        let Grant {
            id,
            user_id,
            role,
            place,
            validity,
            pending: _,
            revoked_at: _,
            granted_by,
            approved_by,
            version,
            created_at,
            updated_at,
        } = found.row;
        let (organization_id, compound_id, school_id) = place.ids();
        Self {
            id: id.0,
            user_id: user_id.0,
            role: WordOf(role),
            region_code: place.region().map(ToString::to_string),
            organization_id: organization_id.map(Into::into),
            compound_id: compound_id.map(Into::into),
            school_id: school_id.map(Into::into),
            valid_from: validity.from.into(),
            valid_until: validity.until.map(Into::into),
            state,
            granted_by: granted_by.map(Into::into),
            approved_by: approved_by.map(Into::into),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A grant as it is given: to a user, at one place. Administrators of the system have no place.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGrant, example = json!({"user_id": "019cdd11-7f00-7a00-9b00-aaaaaaaaaaaa", "role": "cadre", "region_code": "360502002001"}))]
pub struct GrantIn {
    /// To whom.
    user_id: Uuid,
    /// The role.
    role: RoleIo,
    /// A region and all that lies below it.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: Option<String>,
    /// An organization.
    organization_id: Option<Uuid>,
    /// A compound.
    compound_id: Option<Uuid>,
    /// From when; from now on if it is not said.
    valid_from: Option<At>,
    /// Until before when; for a year if it is not said.
    valid_until: Option<At>,
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type Roles = OneOf<Role>;

/// Filters of the list of grants.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GrantListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// Of this user.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// Of one of these roles, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    role: Roles,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for GrantListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List grants
#[utoipa::path(tag = "grants", operation_id = "listGrants", params(ListParams, GrantListIn), security(("bearer" = [])), responses((status = 200, body = GrantPageOut)))]
#[get("/grants")]
pub async fn list_grants(ctx: Ctx, list: List<GrantListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Grant)?;
    let GrantListIn { region, user_id, role, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = GrantFilter { region: region.clone(), user_id: *user_id, role: role.0.clone() };
    let page = ctx.app.database.rows().grants().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<GrantOut, _>(&ctx, &list, page)
}

/// Read a grant
#[utoipa::path(tag = "grants", operation_id = "getGrant", params(("id" = Uuid, Path, description = "grant id")), security(("bearer" = [])), responses((status = 200, body = GrantOut)))]
#[get("/grants/{id}")]
pub async fn get_grant(ctx: Ctx, id: PathId<GrantId>) -> Result<Reply, Problem> {
    resource::get::<GrantOut>(&ctx, &id.0).await
}

/// Give somebody a role
///
/// The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "grants", operation_id = "createGrant", request_body = GrantIn, security(("bearer" = [])), responses((status = 201, body = GrantOut)))]
#[post("/grants")]
pub async fn create_grant(ctx: Ctx, body: Body<GrantIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Create, ResourceKind::Grant)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    ctx.require_recent_login()?;
    let reply = ctx
        .write(&body.content, async |tx| {
            let role = body.value.role.0;
            let place = place_of(&ctx, tx, &body.value).await?;
            if !role.fits(&place) {
                return Err(Problem::field("/role", "contradicts-member"));
            }
            // of two grants that exclude each other only one is given
            let user = ctx.named_alone::<User>(tx, &body.value.user_id.into(), "/user_id").await?.row;
            let present = tx.rows().grants().of_user(user.id).await?;
            let new = NewGrant {
                id: ctx.app.ids.next().into(),
                role,
                place,
                valid_from: body.value.valid_from.map(|at| at.0),
                valid_until: body.value.valid_until.map(|at| at.0),
            };
            let outcome = give(&ctx.actor, ctx.now, &user, &present, new)?;
            resource::created::<GrantOut>(&ctx, tx.insert(outcome).await?)
        })
        .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// The one place that a grant names.
async fn place_of(ctx: &Ctx, tx: &Tx, grant: &GrantIn) -> Result<Place, Problem> {
    match (&grant.region_code, grant.organization_id, grant.compound_id) {
        (None, None, None) if grant.role.0 == Role::SystemAdministrator => Ok(Place::System),
        (None, None, None) => Err(Problem::field("/region_code", "required")),
        (Some(code), None, None) => {
            Ok(Place::Region(ctx.named_region(tx.rows(), code, RegionLevel::Province, "/region_code").await?))
        }
        (None, Some(id), None) => {
            let found = ctx.named_place::<Organization, _>(tx.rows(), &id.into(), "/organization_id").await?.row;
            Ok(Place::Organization(found.id, found.region_code))
        }
        (None, None, Some(id)) => {
            let found = ctx.named_place::<Compound, _>(tx.rows(), &id.into(), "/compound_id").await?.row;
            Ok(Place::Compound(found.id, found.region_code))
        }
        (_, Some(_), Some(_)) => Err(Problem::field("/organization_id", "not-together")),
        (Some(_), ..) => Err(Problem::field("/region_code", "not-together")),
    }
}

/// Approve a grant, as the second pair of eyes
///
/// The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "grants", operation_id = "approveGrant", params(("id" = Uuid, Path, description = "grant id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = GrantOut)))]
#[post("/grants/{id}/approve")]
pub async fn approve_grant(ctx: Ctx, id: PathId<GrantId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let reply = resource::transition::<GrantOut>(&ctx, &id.0, Action::Approve, &body.content, async |_, found| {
        ctx.require_recent_login()?;
        Ok(found.row.approve(&ctx.actor, found.grasp.actions, ctx.now)?)
    })
    .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Take a grant back
///
/// The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "grants", operation_id = "deleteGrant", params(("id" = Uuid, Path, description = "grant id"), ("If-Match" = String, Header, description = "ETag of the version that is taken back")), security(("bearer" = [])), responses((status = 204)))]
#[delete("/grants/{id}")]
pub async fn delete_grant(ctx: Ctx, id: PathId<GrantId>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Delete, ResourceKind::Grant)?;
    let reply = ctx
        .write(&serde_json::Value::Null, async |tx| {
            let found = tx.rows().find_to_change::<Grant>(&access, &id.0).await?.permitted(&access)?;
            ctx.require_recent_login()?;
            ctx.require_version(found.row.version)?;
            tx.update(found.row.revoke(&ctx.actor, found.grasp.actions, ctx.now)?).await?;
            Ok(Reply::no_content())
        })
        .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

timeline_of!(list_grant_events, "grants", "listGrantEvents", "/grants/{id}/events", "id", Grant);
