//! Volunteers: who applies, is vetted, serves and leaves.

use actix_web::{get, patch, post};
use domain::{
    access::{Action, Detail, Place, ResourceKind, Role},
    cn::{RegionCode, RegionLevel},
    id::{VolunteerId, VolunteerTeamId},
    identity::{NewGrant, User, give},
    orders::{Origin, Volunteer, VolunteerState},
    people::Person,
};
use persistence::{Found, Tx, VolunteerFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::catalog::SkillCode;
use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, OneOf, PathId, RegionText, Reply,
        View, WordOf, Writable, query,
        resource::{self, page_of, shown_as, timeline_of},
        value::NothingIn,
    },
    problem::Problem,
};

/// Where a volunteer or a team comes from.
pub type OriginIo = WordOf<Origin>;
type StateIo = WordOf<VolunteerState>;
type VolunteerPatch = MergePatch<VolunteerIn>;

/// A volunteer 志愿者. Who has only aggregates sees no more than where, when and in which state.
#[derive(Serialize, ToSchema)]
#[schema(as = Volunteer)]
pub struct VolunteerOut {
    /// His row.
    id: Uuid,
    /// His service area: the subtree of this region.
    region_code: String,
    /// Where his application stands.
    state: StateIo,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    person_id: Option<Uuid>,
    /// His account, where he has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user_id: Option<Uuid>,
    /// His name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    display_name: Option<String>,
    /// What he can do, as codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    skills: Option<Vec<String>>,
    /// Whether he takes orders at present.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    available: Option<bool>,
    /// Where he comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    origin: Option<OriginIo>,
    /// Orders that he completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    orders_done: Option<i64>,
    /// Hours in progress, holds not counted; two decimal places.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    hours_served: Option<String>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When he applied.
    created_at: At,
    /// When the row last changed.
    updated_at: At,
}

page_of!(VolunteerPageOut, VolunteerPage, VolunteerOut);
shown_as!(VolunteerOut, Volunteer, Personal);

/// Minutes as hours with two decimal places, half up.
fn hours(minutes: i64) -> String {
    let hundredths = (minutes * 100 + 30) / 60;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

impl View for VolunteerOut {
    type Row = Volunteer;

    const COLLECTION: &'static str = "volunteers";

    fn of(ctx: &Ctx, found: Found<Volunteer>) -> Self {
        let masked = found.grasp.detail >= Detail::Masked;
        let mut actions = found.row.actions(found.grasp.actions);
        if ctx.actor.person_id == Some(found.row.person_id) {
            // nobody approves his own application
            actions.retain(|action| ![Action::Approve.name(), Action::Refuse.name()].contains(action));
        }
        let Volunteer {
            id,
            person_id,
            user_id,
            display_name,
            skills,
            region_code,
            available,
            origin,
            state,
            orders_done,
            minutes_served,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            state: WordOf(state),
            person_id: masked.then_some(person_id.0),
            user_id: user_id.filter(|_| masked).map(Into::into),
            display_name: masked.then_some(display_name),
            skills: masked.then_some(skills),
            available: masked.then_some(available),
            origin: masked.then_some(WordOf(origin)),
            orders_done: masked.then_some(orders_done),
            hours_served: masked.then(|| hours(minutes_served)),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// An application: one's own, or somebody's whom the community writes down and thereby vets.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVolunteer, example = json!({"region_code": "360502002001", "skills": ["tap", "light_bulb"], "origin": "citizen"}))]
pub struct VolunteerIn {
    /// The person; oneself if it is not said.
    person_id: Option<Uuid>,
    /// The service area: the subtree of this region.
    #[schema(min_length = 6, max_length = 15, pattern = "^[0-9]+$")]
    region_code: String,
    /// What he can do, as codes.
    #[serde(default)]
    #[schema(max_items = 20)]
    skills: Vec<SkillCode>,
    /// Whether he takes orders at present; he does if it is not said.
    available: Option<bool>,
    /// Where he comes from.
    origin: OriginIo,
}

impl Writable for VolunteerIn {
    const MEMBERS: &'static [&'static str] = &["person_id", "region_code", "skills", "available", "origin"];
    const FIXED: &'static [&'static str] = &["person_id", "region_code", "origin"];
}

impl Editable for VolunteerOut {
    type In = VolunteerIn;

    const EVENTS: (&'static str, &'static str) = ("volunteer.applied", "volunteer.updated");

    fn written(row: &Volunteer) -> VolunteerIn {
        VolunteerIn {
            person_id: Some(row.person_id.0),
            region_code: row.region_code.to_string(),
            skills: row.skills.iter().cloned().map(SkillCode).collect(),
            available: Some(row.available),
            origin: WordOf(row.origin),
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Volunteer>, written: VolunteerIn) -> Result<Volunteer, Problem> {
        let VolunteerIn { person_id, region_code, skills, available, origin } = written;
        let skills = skills.into_iter().map(|skill| skill.0).collect();
        let available = available.unwrap_or(true);
        if let Some(before) = make.before() {
            let access = ctx.authorize(Action::Update, ResourceKind::Volunteer)?;
            before.offers(access.grasp(before).map(|grasp| grasp.actions).unwrap_or_default())?;
            return Ok(Volunteer { skills, available, ..before.clone() });
        }
        let own = ctx.actor.person_id;
        let person_id = person_id.map(Into::into).or(own).ok_or_else(|| Problem::field("/person_id", "required"))?;
        let person = if Some(person_id) == own {
            tx.rows().persons().own(person_id).await?
        } else {
            ctx.named::<Person, _>(tx.rows(), &person_id, "/person_id").await?.row
        };
        let volunteer = Volunteer {
            id: make.id(|| ctx.app.ids.next().into()),
            person_id,
            user_id: tx.rows().users().of_person(person_id).await?,
            display_name: person.name,
            skills,
            region_code: ctx.named_region(tx.rows(), &region_code, RegionLevel::County, "/region_code").await?,
            available,
            origin: origin.0,
            state: VolunteerState::Applied,
            orders_done: 0,
            minutes_served: 0,
            version: 1,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        // whoever may vet has done so by writing it down, his own application aside
        let vetting = ctx.authorize(Action::Approve, ResourceKind::Volunteer)?;
        let vetted = Some(person_id) != own && vetting.permits_at(&volunteer);
        if Some(person_id) != own && !vetted {
            return Err(Problem::new("forbidden"));
        }
        let state = if vetted { VolunteerState::Approved } else { VolunteerState::Applied };
        Ok(Volunteer { state, ..volunteer })
    }

    async fn settle(ctx: &Ctx, tx: &Tx, new: &Volunteer) -> Result<(), Problem> {
        if new.state == VolunteerState::Approved { grant_role(ctx, tx, new).await } else { Ok(()) }
    }
}

/// Gives the account of an approved volunteer the role that lets him see and take orders.
async fn grant_role(ctx: &Ctx, tx: &Tx, volunteer: &Volunteer) -> Result<(), Problem> {
    let Some(user_id) = volunteer.user_id else { return Ok(()) };
    let place = Place::Region(volunteer.region_code.clone());
    let present = tx.rows().grants().of_user(user_id).await?;
    if present.iter().any(|grant| grant.role == Role::Volunteer && grant.place == place && grant.holds_at(ctx.now)) {
        return Ok(());
    }
    let user: User = tx.rows().users().account(user_id).await?;
    let new =
        NewGrant { id: ctx.app.ids.next().into(), role: Role::Volunteer, place, valid_from: None, valid_until: None };
    tx.insert(give(&ctx.actor, ctx.now, &user, &present, new)?).await?;
    Ok(())
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type VolunteerStates = OneOf<VolunteerState>;

/// Filters of the list of volunteers.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VolunteerListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// In one of these states, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    state: VolunteerStates,
    /// With this skill.
    #[param(pattern = "^[a-z][a-z0-9_]{0,49}$")]
    skill: Option<String>,
    /// Who take orders at present, or do not.
    #[serde(default, deserialize_with = "query::flag")]
    available: Option<bool>,
    /// Members of this team.
    #[param(value_type = Option<Uuid>)]
    team_id: Option<VolunteerTeamId>,
    /// With this in the name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for VolunteerListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List volunteers
#[utoipa::path(tag = "volunteers", operation_id = "listVolunteers", params(ListParams, VolunteerListIn), security(("bearer" = [])), responses((status = 200, body = VolunteerPageOut)))]
#[get("/volunteers")]
pub async fn list_volunteers(ctx: Ctx, list: List<VolunteerListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Volunteer)?;
    let VolunteerListIn { region, state, skill, available, team_id, q, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    if access.only_bare() {
        // what is not shown must not be found out by filtering
        let hidden = [
            (q.is_some(), "q"),
            (skill.is_some(), "skill"),
            (available.is_some(), "available"),
            (team_id.is_some(), "team_id"),
        ];
        if let Some((_, name)) = hidden.into_iter().find(|(given, _)| *given) {
            return Err(Problem::field_not_allowed(name));
        }
    }
    let filter = VolunteerFilter {
        region: region.clone(),
        state: state.0.clone(),
        skill: skill.clone(),
        available: *available,
        team_id: *team_id,
        q: q.clone(),
    };
    let page = ctx.app.database.rows().volunteers().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<VolunteerOut, _>(&ctx, &list, page)
}

/// Read a volunteer
#[utoipa::path(tag = "volunteers", operation_id = "getVolunteer", params(("id" = Uuid, Path, description = "volunteer id")), security(("bearer" = [])), responses((status = 200, body = VolunteerOut)))]
#[get("/volunteers/{id}")]
pub async fn get_volunteer(ctx: Ctx, id: PathId<VolunteerId>) -> Result<Reply, Problem> {
    resource::get::<VolunteerOut>(&ctx, &id.0).await
}

/// Apply to be a volunteer
#[utoipa::path(tag = "volunteers", operation_id = "createVolunteer", request_body = VolunteerIn, security(("bearer" = [])), responses((status = 201, body = VolunteerOut)))]
#[post("/volunteers")]
pub async fn create_volunteer(ctx: Ctx, body: Body<VolunteerIn>) -> Result<Reply, Problem> {
    let reply = resource::create::<VolunteerOut>(&ctx, body.value, &body.content).await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Change what a volunteer offers
#[utoipa::path(tag = "volunteers", operation_id = "updateVolunteer", params(("id" = Uuid, Path, description = "volunteer id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = VolunteerPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = VolunteerOut)))]
#[patch("/volunteers/{id}")]
pub async fn update_volunteer(ctx: Ctx, id: PathId<VolunteerId>, patch: VolunteerPatch) -> Result<Reply, Problem> {
    resource::patch::<VolunteerOut>(&ctx, &id.0, patch).await
}

/// Say yes to an application
#[utoipa::path(tag = "volunteers", operation_id = "approveVolunteer", params(("id" = Uuid, Path, description = "volunteer id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = VolunteerOut)))]
#[post("/volunteers/{id}/approve")]
pub async fn approve_volunteer(ctx: Ctx, id: PathId<VolunteerId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let reply = resource::transition::<VolunteerOut>(&ctx, &id.0, Action::Approve, &body.content, async |tx, found| {
        somebody_elses(&ctx, &found)?;
        let outcome = found.row.approve(found.grasp.actions, ctx.now)?;
        grant_role(&ctx, tx, &outcome.value).await?;
        Ok(outcome)
    })
    .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Say no to an application
#[utoipa::path(tag = "volunteers", operation_id = "refuseVolunteer", params(("id" = Uuid, Path, description = "volunteer id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = VolunteerOut)))]
#[post("/volunteers/{id}/refuse")]
pub async fn refuse_volunteer(ctx: Ctx, id: PathId<VolunteerId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    resource::transition::<VolunteerOut>(&ctx, &id.0, Action::Refuse, &body.content, async |_, found| {
        somebody_elses(&ctx, &found)?;
        Ok(found.row.refuse(found.grasp.actions, ctx.now)?)
    })
    .await
}

/// Nobody judges his own application.
fn somebody_elses(ctx: &Ctx, found: &Found<Volunteer>) -> Result<(), Problem> {
    if ctx.actor.person_id == Some(found.row.person_id) { Err(Problem::new("forbidden")) } else { Ok(()) }
}

/// Stop being a volunteer
///
/// Orders that he holds or that wait for his answer are handed over first.
#[utoipa::path(tag = "volunteers", operation_id = "leaveVolunteers", params(("id" = Uuid, Path, description = "volunteer id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = VolunteerOut)))]
#[post("/volunteers/{id}/leave")]
pub async fn leave_volunteers(ctx: Ctx, id: PathId<VolunteerId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let reply = resource::transition::<VolunteerOut>(&ctx, &id.0, Action::Leave, &body.content, async |tx, found| {
        if tx.rows().volunteers().has_open_orders(found.row.id).await? {
            return Err(Problem::new("has-open-orders"));
        }
        let outcome = found.row.leave(found.grasp.actions, ctx.now)?;
        for team in tx.rows().teams().of_member(outcome.value.id).await? {
            tx.end_team_member(team.id, outcome.value.id).await?;
            tx.update(team.left(outcome.value.id, ctx.now)).await?;
        }
        if let Some(user) = outcome.value.user_id {
            for grant in tx.rows().grants().of_user(user).await? {
                if grant.role == Role::Volunteer && grant.revoked_at.is_none() {
                    tx.update(grant.end_with_service(ctx.now)).await?;
                }
            }
        }
        Ok(outcome)
    })
    .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

timeline_of!(list_volunteer_events, "volunteers", "listVolunteerEvents", "/volunteers/{id}/events", "id", Volunteer);

#[cfg(test)]
mod tests {
    use super::hours;

    #[test]
    fn hours_are_rounded_to_hundredths() {
        assert_eq!(hours(0), "0.00");
        assert_eq!(hours(1), "0.02");
        assert_eq!(hours(45), "0.75");
        assert_eq!(hours(100), "1.67");
    }
}
