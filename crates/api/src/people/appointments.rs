//! Appointments: who holds which post, where and for how long.

use actix_web::{get, post, put};
use chrono::NaiveDate;
use domain::{
    access::{Access, Action, Detail, ResourceKind},
    cn::{RegionCode, RegionLevel},
    compounds::Compound,
    id::{AppointmentId, CompoundId, OrganizationId, PersonId},
    people::{Appointment, AppointmentState, EndReason, Person, Post, Profession, Seat},
    places::Organization,
    time::day_in_china,
};
use persistence::{AppointmentFilter, Findable, Found, Lock, SeatFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, OneOf, PathId, RegionText, Reply, View, WordOf,
        Writable,
        resource::{self, page_of, shown_as, timeline_of},
    },
    problem::Problem,
};

type PostIo = WordOf<Post>;
type ProfessionIo = WordOf<Profession>;
type EndReasonIo = WordOf<EndReason>;
type AppointmentStateIo = WordOf<AppointmentState>;

/// An appointment 任职. Everybody sees who holds which post where; the person behind the name only those who know the
/// people of the place.
#[derive(Serialize, ToSchema)]
#[schema(as = Appointment)]
pub struct AppointmentOut {
    /// Its id.
    id: Uuid,
    /// The region in which the post is held.
    region_code: String,
    /// The post.
    post: PostIo,
    /// What a legal helper is by profession.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    profession: Option<ProfessionIo>,
    /// Who holds it.
    display_name: String,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    person_id: Option<Uuid>,
    /// The organization in which it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    organization_id: Option<Uuid>,
    /// The compound in which it is held.
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
    /// First day.
    valid_from: NaiveDate,
    /// First day after the term.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<NaiveDate>,
    /// First day on which it is held no more, where it was ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ended_on: Option<NaiveDate>,
    /// Why it was ended, for those who know the people of the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    end_reason: Option<EndReasonIo>,
    /// The appointment to which it was handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    succeeded_by: Option<Uuid>,
    /// The appointment from which it was handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    preceded_by: Option<Uuid>,
    /// Where it stands today.
    state: AppointmentStateIo,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When the row was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(AppointmentPageOut, AppointmentPage, AppointmentOut);
shown_as!(AppointmentOut, Appointment, Personal);

impl View for AppointmentOut {
    type Row = Appointment;

    const COLLECTION: &'static str = "appointments";

    fn of(ctx: &Ctx, found: Found<Appointment>) -> Self {
        let known = found.grasp.detail >= Detail::Masked;
        let state = found.row.state_on(day_in_china(ctx.now));
        let actions = found.row.actions(found.grasp.actions, ctx.now);
        let Appointment {
            id,
            person_id,
            display_name,
            post,
            profession,
            seat,
            valid_from,
            valid_until,
            ended_on,
            end_reason,
            succeeded_by,
            preceded_by,
            announced_at: _,
            version,
            created_at,
            updated_at,
        } = found.row;
        let Seat { region_code, organization_id, compound_id, building_id, unit_id } = seat;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            post: WordOf(post),
            profession: profession.map(WordOf),
            display_name,
            person_id: known.then_some(person_id.0),
            organization_id: organization_id.map(Into::into),
            compound_id: compound_id.map(Into::into),
            building_id: building_id.map(Into::into),
            unit_id: unit_id.map(Into::into),
            valid_from,
            valid_until,
            ended_on,
            end_reason: end_reason.filter(|_| known).map(WordOf),
            succeeded_by: succeeded_by.map(Into::into),
            preceded_by: preceded_by.map(Into::into),
            state: WordOf(state),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// An appointment as it is made: a person, a post, and one seat that fits it. It is never changed: a wrong one is ended
/// on its first day.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAppointment, example = json!({"person_id": "019cd111-7f00-7a00-9b00-aaaaaaaaaaaa", "post": "grid_member", "region_code": "360502002001001", "valid_from": "2026-03-12", "valid_until": "2029-03-12"}))]
pub struct AppointmentIn {
    /// Who is to hold the post.
    person_id: Uuid,
    /// The post.
    post: PostIo,
    /// What a legal helper is by profession; for legal helpers only.
    profession: Option<ProfessionIo>,
    /// The region, for posts that are held in one: a grid for a grid member, a county, township or village for a forest
    /// chief.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: Option<String>,
    /// The organization, for posts that are held in one: a ranger, a mediator, the manager of a center.
    organization_id: Option<Uuid>,
    /// The compound, for building heads, unit heads and legal helpers.
    compound_id: Option<Uuid>,
    /// The building of the compound, for building and unit heads.
    building_id: Option<Uuid>,
    /// The unit of the building, for unit heads.
    unit_id: Option<Uuid>,
    /// First day.
    valid_from: NaiveDate,
    /// First day after the term; without it the term is open.
    valid_until: Option<NaiveDate>,
}

const MEMBERS: &[&str] = &[
    "person_id",
    "post",
    "profession",
    "region_code",
    "organization_id",
    "compound_id",
    "building_id",
    "unit_id",
    "valid_from",
    "valid_until",
];

impl Writable for AppointmentIn {
    const MEMBERS: &'static [&'static str] = MEMBERS;
    const FIXED: &'static [&'static str] = MEMBERS;
}

impl Editable for AppointmentOut {
    type In = AppointmentIn;

    const EVENTS: (&'static str, &'static str) = ("appointment.created", "appointment.updated");

    fn written(row: &Appointment) -> AppointmentIn {
        let Seat { region_code, organization_id, compound_id, building_id, unit_id } = &row.seat;
        let is_region = organization_id.is_none() && compound_id.is_none();
        AppointmentIn {
            person_id: row.person_id.0,
            post: WordOf(row.post),
            profession: row.profession.map(WordOf),
            region_code: is_region.then(|| region_code.to_string()),
            organization_id: organization_id.map(Into::into),
            compound_id: compound_id.map(Into::into),
            building_id: building_id.map(Into::into),
            unit_id: unit_id.map(Into::into),
            valid_from: row.valid_from,
            valid_until: row.valid_until,
        }
    }

    async fn build(
        ctx: &Ctx,
        tx: &Tx,
        make: Make<'_, Appointment>,
        written: AppointmentIn,
    ) -> Result<Appointment, Problem> {
        if let Some(before) = make.before() {
            return Ok(before.clone());
        }
        let reach = ctx.authorize(Action::Create, ResourceKind::Appointment)?.where_permitted();
        let seat = seat_of(ctx, tx, &reach, &written).await?;
        let person_id = PersonId(written.person_id);
        let person = within_reach::<Person>(ctx, tx, &reach, &person_id, "/person_id", Lock::Update).await?;
        let appointment = Appointment {
            id: make.id(|| ctx.app.ids.next().into()),
            person_id,
            display_name: person.name,
            post: written.post.0,
            profession: written.profession.map(|profession| profession.0),
            seat,
            valid_from: written.valid_from,
            valid_until: written.valid_until,
            ended_on: None,
            end_reason: None,
            succeeded_by: None,
            preceded_by: None,
            announced_at: None,
            version: 1,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        let faults = appointment.faults(day_in_china(ctx.now));
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        if tx.rows().appointments().is_held_twice(&appointment).await? {
            return Err(Problem::field("/person_id", "duplicate"));
        }
        Ok(appointment)
    }
}

/// The one seat that a body names.
async fn seat_of(ctx: &Ctx, tx: &Tx, reach: &Access, written: &AppointmentIn) -> Result<Seat, Problem> {
    let AppointmentIn { region_code, organization_id, compound_id, building_id, unit_id, .. } = written;
    let (building, unit) = (building_id.map(Into::into), unit_id.map(Into::into));
    let bare = |region_code| Seat {
        region_code,
        organization_id: None,
        compound_id: None,
        building_id: building,
        unit_id: unit,
    };
    match (region_code, organization_id, compound_id) {
        (None, None, None) => Err(Problem::field("/region_code", "required")),
        (Some(code), None, None) => {
            Ok(bare(ctx.named_region(tx.rows(), code, RegionLevel::Province, "/region_code").await?))
        }
        (None, Some(id), None) => {
            let id = OrganizationId(*id);
            let found = within_reach::<Organization>(ctx, tx, reach, &id, "/organization_id", Lock::Share).await?;
            Ok(Seat { organization_id: Some(id), ..bare(found.region_code) })
        }
        (None, None, Some(id)) => {
            let id = CompoundId(*id);
            let found = within_reach::<Compound>(ctx, tx, reach, &id, "/compound_id", Lock::Share).await?;
            let (building_id, unit_id) = found.inside(building, unit).map_err(|error| Problem::invalid([error]))?;
            Ok(Seat { compound_id: Some(id), building_id, unit_id, ..bare(found.region_code) })
        }
        (_, Some(_), Some(_)) => Err(Problem::field("/organization_id", "not-together")),
        (Some(_), ..) => Err(Problem::field("/region_code", "not-together")),
    }
}

/// What a body names and the caller sees, or what lies where he fills posts: who does that need not see the people and
/// places otherwise. He learns no more than what the appointment shows everybody.
async fn within_reach<T: Findable>(
    ctx: &Ctx,
    tx: &Tx,
    reach: &Access,
    id: &T::Id,
    pointer: &str,
    lock: Lock,
) -> Result<T, Problem> {
    let seen = ctx.authorize(Action::Read, T::KIND).ok();
    for access in seen.iter().chain([reach]) {
        match T::find(tx.rows(), access, id, lock).await {
            Ok(found) => return Ok(found.row),
            Err(persistence::Error::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::field(pointer, "not-found"))
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type Posts = OneOf<Post>;
type AppointmentStates = OneOf<AppointmentState>;

/// A place as a query names it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum PlaceIn {
    Region(RegionCode),
    Id(Uuid),
}

impl PartialSchema for PlaceIn {
    fn schema() -> RefOr<Schema> {
        let either = "^([1-9][0-9]([0-9]{2}([0-9]{2}([0-9]{3}){0,3})?)?\
                      |[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$";
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(either)).into()
    }
}

impl ToSchema for PlaceIn {}

/// Filters of the list of appointments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AppointmentListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// One of these posts, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    post: Posts,
    /// At this place: the code of a region with all below it, or the id of an organization, compound, building or unit.
    #[param(inline)]
    place: Option<PlaceIn>,
    /// Of this person, as far as the caller knows the people of the place.
    #[param(value_type = Option<Uuid>)]
    person_id: Option<PersonId>,
    /// Held on this day.
    #[param(value_type = Option<String>, format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    on: Option<NaiveDate>,
    /// In one of these states today, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    state: AppointmentStates,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for AppointmentListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List appointments, past and coming ones too
#[utoipa::path(tag = "appointments", operation_id = "listAppointments", params(ListParams, AppointmentListIn), security(("bearer" = [])), responses((status = 200, body = AppointmentPageOut)))]
#[get("/appointments")]
pub async fn list_appointments(ctx: Ctx, list: List<AppointmentListIn>) -> Result<Reply, Problem> {
    let mut access = ctx.authorize(Action::Read, ResourceKind::Appointment)?;
    let AppointmentListIn { region, post, place, person_id, on, state, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    if person_id.is_some() && *person_id != ctx.actor.person_id {
        // what is not shown must not be found out by filtering
        access = access.showing(Detail::Masked).ok_or_else(|| Problem::field_not_allowed("person_id"))?;
    }
    let place = place.clone().map(|place| match place {
        PlaceIn::Region(code) => SeatFilter::Region(code),
        PlaceIn::Id(id) => SeatFilter::Id(id),
    });
    let filter = AppointmentFilter {
        region: region.clone(),
        post: post.0.clone(),
        place,
        person_id: *person_id,
        on: *on,
        state: state.0.clone(),
        today: day_in_china(ctx.now),
    };
    let page = ctx.app.database.rows().appointments().page(&access, &filter, &list.page).await?;
    let is_empty = page.items.is_empty();
    ctx.region_exists(region.as_ref(), is_empty, &list.page).await?;
    if let Some(SeatFilter::Region(place)) = &filter.place {
        ctx.region_exists(Some(place), is_empty, &list.page).await?;
    }
    resource::page::<AppointmentOut, _>(&ctx, &list, page)
}

/// Read an appointment
#[utoipa::path(tag = "appointments", operation_id = "getAppointment", params(("id" = Uuid, Path, description = "appointment id")), security(("bearer" = [])), responses((status = 200, body = AppointmentOut)))]
#[get("/appointments/{id}")]
pub async fn get_appointment(ctx: Ctx, id: PathId<AppointmentId>) -> Result<Reply, Problem> {
    resource::get::<AppointmentOut>(&ctx, &id.0).await
}

/// Appoint somebody to a post
#[utoipa::path(tag = "appointments", operation_id = "createAppointment", request_body = AppointmentIn, security(("bearer" = [])), responses((status = 201, body = AppointmentOut)))]
#[post("/appointments")]
pub async fn create_appointment(ctx: Ctx, body: Body<AppointmentIn>) -> Result<Reply, Problem> {
    resource::create::<AppointmentOut>(&ctx, body.value, &body.content).await
}

/// Appoint somebody to a post under an id of the client's own (UUIDv7)
///
/// The same again changes nothing. Other content is refused: an appointment is never changed.
#[utoipa::path(tag = "appointments", operation_id = "putAppointment", params(("id" = Uuid, Path, description = "appointment id")), request_body = AppointmentIn, security(("bearer" = [])), responses((status = 201, body = AppointmentOut), (status = 200, body = AppointmentOut)))]
#[put("/appointments/{id}")]
pub async fn put_appointment(ctx: Ctx, id: PathId<AppointmentId>, body: Body<AppointmentIn>) -> Result<Reply, Problem> {
    resource::put::<AppointmentOut>(&ctx, &id.0, body.value, &body.content).await
}

/// The end of an appointment.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = AppointmentEnd, example = json!({"on": "2026-04-01", "reason": "resigned"}))]
pub struct EndIn {
    /// The first day on which it is held no more. Its first day says that it was written down by mistake.
    on: NaiveDate,
    /// Why.
    reason: EndReasonIo,
}

/// End an appointment
#[utoipa::path(tag = "appointments", operation_id = "endAppointment", params(("id" = Uuid, Path, description = "appointment id")), request_body = EndIn, security(("bearer" = [])), responses((status = 200, body = AppointmentOut)))]
#[post("/appointments/{id}/end")]
pub async fn end_appointment(ctx: Ctx, id: PathId<AppointmentId>, body: Body<EndIn>) -> Result<Reply, Problem> {
    let EndIn { on, reason } = body.value;
    resource::transition::<AppointmentOut>(&ctx, &id.0, Action::End, &body.content, async |_, found| {
        Ok(found.row.end_on(on, reason.0, found.grasp.actions, ctx.now)?)
    })
    .await
}

timeline_of!(
    list_appointment_events,
    "appointments",
    "listAppointmentEvents",
    "/appointments/{id}/events",
    "id",
    Appointment
);

/// What of an appointment is told beside its hand-over.
pub(super) fn shown(ctx: &Ctx, access: &Access, row: Appointment) -> Option<AppointmentOut> {
    access.grasp(&row).map(|grasp| AppointmentOut::of(ctx, Found { row, grasp }))
}

/// A person whose posts are handed over, or who takes them over, kept from others meanwhile.
pub(super) async fn person(ctx: &Ctx, tx: &Tx, reach: &Access, id: PersonId, pointer: &str) -> Result<Person, Problem> {
    within_reach::<Person>(ctx, tx, reach, &id, pointer, Lock::Update).await
}
