//! Volunteer teams and their members.

use actix_web::{delete, get, patch, post, put};
use domain::{
    access::{Action, ResourceKind},
    cn::{RegionCode, RegionLevel},
    id::{VolunteerId, VolunteerTeamId},
    orders::{Volunteer, VolunteerState, VolunteerTeam},
};
use persistence::{Found, TeamFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::volunteers::OriginIo;
use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, PathId, PathIds, RegionText, Reply,
        View, WordOf, Writable,
        resource::{self, page_of, plain_actions, shown_as, timeline_of},
    },
    problem::Problem,
};

type TeamPatch = MergePatch<TeamIn>;

/// A volunteer team 志愿服务队. Its members are listed by `GET /volunteers?team_id=`.
#[derive(Serialize, ToSchema)]
#[schema(as = VolunteerTeam)]
pub struct VolunteerTeamOut {
    /// Its id.
    id: Uuid,
    /// Where it serves: the subtree of this region.
    region_code: String,
    /// Its name.
    name: String,
    /// Where its members come from.
    origin: OriginIo,
    /// How many members it has now.
    member_count: i64,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes, of its members too.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(VolunteerTeamPageOut, VolunteerTeamPage, VolunteerTeamOut);
shown_as!(VolunteerTeamOut, VolunteerTeam, Reference);

impl View for VolunteerTeamOut {
    type Row = VolunteerTeam;

    const COLLECTION: &'static str = "volunteer-teams";

    fn of(_: &Ctx, found: Found<VolunteerTeam>) -> Self {
        let VolunteerTeam { id, name, region_code, origin, member_count, version, created_at, updated_at } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            name,
            origin: WordOf(origin),
            member_count,
            actions: plain_actions(found.grasp),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A team as it is written.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVolunteerTeam, example = json!({"name": "敲门嫂服务队", "region_code": "360502002001", "origin": "citizen"}))]
pub struct TeamIn {
    /// Its name.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: String,
    /// Where it serves: the subtree of this region.
    #[schema(min_length = 6, max_length = 15, pattern = "^[0-9]+$")]
    region_code: String,
    /// Where its members come from.
    origin: OriginIo,
}

impl Writable for TeamIn {
    const MEMBERS: &'static [&'static str] = &["name", "region_code", "origin"];
    const FIXED: &'static [&'static str] = &["region_code"];
}

impl Editable for VolunteerTeamOut {
    type In = TeamIn;

    const EVENTS: (&'static str, &'static str) = ("volunteer_team.created", "volunteer_team.updated");

    fn written(row: &VolunteerTeam) -> TeamIn {
        TeamIn { name: row.name.clone(), region_code: row.region_code.to_string(), origin: WordOf(row.origin) }
    }

    async fn build(
        ctx: &Ctx,
        tx: &Tx,
        make: Make<'_, VolunteerTeam>,
        written: TeamIn,
    ) -> Result<VolunteerTeam, Problem> {
        let TeamIn { name, region_code, origin } = written;
        let before = make.before();
        Ok(VolunteerTeam {
            id: make.id(|| ctx.app.ids.next().into()),
            name: name.trim().to_owned(),
            region_code: ctx.named_region(tx.rows(), &region_code, RegionLevel::County, "/region_code").await?,
            origin: origin.0,
            member_count: before.map_or(0, |row| row.member_count),
            version: before.map_or(1, |row| row.version),
            created_at: before.map_or(ctx.now, |row| row.created_at),
            updated_at: before.map_or(ctx.now, |row| row.updated_at),
        })
    }
}

/// A volunteer who joins a team.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTeamMember)]
pub struct TeamMemberIn {
    /// The volunteer.
    volunteer_id: Uuid,
}

/// Filters of the list of teams.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TeamListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// With this in the name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for TeamListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List volunteer teams
#[utoipa::path(tag = "volunteer-teams", operation_id = "listVolunteerTeams", params(ListParams, TeamListIn), security(("bearer" = [])), responses((status = 200, body = VolunteerTeamPageOut)))]
#[get("/volunteer-teams")]
pub async fn list_volunteer_teams(ctx: Ctx, list: List<TeamListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::VolunteerTeam)?;
    let TeamListIn { region, q, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = TeamFilter { region: region.clone(), q: q.clone() };
    let page = ctx.app.database.rows().teams().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<VolunteerTeamOut, _>(&ctx, &list, page)
}

/// Read a volunteer team
#[utoipa::path(tag = "volunteer-teams", operation_id = "getVolunteerTeam", params(("id" = Uuid, Path, description = "team id")), security(("bearer" = [])), responses((status = 200, body = VolunteerTeamOut)))]
#[get("/volunteer-teams/{id}")]
pub async fn get_volunteer_team(ctx: Ctx, id: PathId<VolunteerTeamId>) -> Result<Reply, Problem> {
    resource::get::<VolunteerTeamOut>(&ctx, &id.0).await
}

/// Create a volunteer team
#[utoipa::path(tag = "volunteer-teams", operation_id = "createVolunteerTeam", request_body = TeamIn, security(("bearer" = [])), responses((status = 201, body = VolunteerTeamOut)))]
#[post("/volunteer-teams")]
pub async fn create_volunteer_team(ctx: Ctx, body: Body<TeamIn>) -> Result<Reply, Problem> {
    resource::create::<VolunteerTeamOut>(&ctx, body.value, &body.content).await
}

/// Create a volunteer team under an id of the client's own (UUIDv7), or replace it
#[utoipa::path(tag = "volunteer-teams", operation_id = "putVolunteerTeam", params(("id" = Uuid, Path, description = "team id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = TeamIn, security(("bearer" = [])), responses((status = 201, body = VolunteerTeamOut), (status = 200, body = VolunteerTeamOut)))]
#[put("/volunteer-teams/{id}")]
pub async fn put_volunteer_team(ctx: Ctx, id: PathId<VolunteerTeamId>, body: Body<TeamIn>) -> Result<Reply, Problem> {
    resource::put::<VolunteerTeamOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change a volunteer team
#[utoipa::path(tag = "volunteer-teams", operation_id = "updateVolunteerTeam", params(("id" = Uuid, Path, description = "team id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = TeamPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = VolunteerTeamOut)))]
#[patch("/volunteer-teams/{id}")]
pub async fn update_volunteer_team(ctx: Ctx, id: PathId<VolunteerTeamId>, patch: TeamPatch) -> Result<Reply, Problem> {
    resource::patch::<VolunteerTeamOut>(&ctx, &id.0, patch).await
}

/// Add a volunteer to a team
#[utoipa::path(tag = "volunteer-teams", operation_id = "addVolunteerTeamMember", params(("id" = Uuid, Path, description = "team id")), request_body = TeamMemberIn, security(("bearer" = [])), responses((status = 200, body = VolunteerTeamOut)))]
#[post("/volunteer-teams/{id}/members")]
pub async fn add_volunteer_team_member(
    ctx: Ctx,
    id: PathId<VolunteerTeamId>,
    body: Body<TeamMemberIn>,
) -> Result<Reply, Problem> {
    let volunteer_id = VolunteerId(body.value.volunteer_id);
    let reply =
        resource::transition::<VolunteerTeamOut>(&ctx, &id.0, Action::Update, &body.content, async |tx, found| {
            let volunteer = ctx.named::<Volunteer, _>(tx.rows(), &volunteer_id, "/volunteer_id").await?.row;
            if volunteer.state != VolunteerState::Approved {
                return Err(Problem::field("/volunteer_id", "not-active"));
            }
            if !tx.insert_team_member(found.row.id, volunteer_id).await? {
                return Err(Problem::field("/volunteer_id", "duplicate"));
            }
            Ok(found.row.joined(volunteer_id, ctx.now))
        })
        .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Take a volunteer out of a team
#[utoipa::path(tag = "volunteer-teams", operation_id = "endVolunteerTeamMember", params(("id" = Uuid, Path, description = "team id"), ("volunteer_id" = Uuid, Path, description = "volunteer id"), ("If-Match" = String, Header, description = "ETag of the version of the team that is changed")), security(("bearer" = [])), responses((status = 204)))]
#[delete("/volunteer-teams/{id}/members/{volunteer_id}")]
pub async fn end_volunteer_team_member(ctx: Ctx, ids: PathIds<VolunteerTeamId, VolunteerId>) -> Result<Reply, Problem> {
    let PathIds(team, volunteer) = ids;
    let access = ctx.authorize(Action::Update, ResourceKind::VolunteerTeam)?;
    let reply = ctx
        .write(&serde_json::Value::Null, async |tx| {
            let found = tx.rows().find_to_change::<VolunteerTeam>(&access, &team).await?.permitted(&access)?;
            if !tx.end_team_member(team, volunteer).await? {
                return Err(Problem::new("not-found"));
            }
            ctx.require_version(found.row.version)?;
            tx.update(found.row.left(volunteer, ctx.now)).await?;
            Ok(Reply::no_content())
        })
        .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

timeline_of!(
    list_volunteer_team_events,
    "volunteer-teams",
    "listVolunteerTeamEvents",
    "/volunteer-teams/{id}/events",
    "id",
    VolunteerTeam
);
