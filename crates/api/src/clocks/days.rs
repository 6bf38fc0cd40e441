//! Days of the business calendar.

use actix_web::{get, patch, post, put};
use chrono::NaiveDate;
use domain::{
    access::{Action, ResourceKind},
    clocks::{CalendarDay, CalendarDayKind},
    cn::{RegionCode, RegionLevel},
    id::CalendarDayId,
};
use persistence::{CalendarDayFilter, Found, Tx};
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

type KindIo = WordOf<CalendarDayKind>;
type CalendarDayPatch = MergePatch<CalendarDayIn>;

/// A day that is not what the week makes it.
#[derive(Serialize, ToSchema)]
#[schema(as = CalendarDay)]
pub struct CalendarDayOut {
    /// Its id.
    id: Uuid,
    /// The day, in Asia/Shanghai.
    date: NaiveDate,
    /// Whether it is a holiday or worked in exchange for one.
    kind: KindIo,
    /// What people call it.
    name: String,
    /// Where it holds, and everywhere below; absent where it holds in the whole country.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region_code: Option<String>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(CalendarDayPageOut, CalendarDayPage, CalendarDayOut);
shown_as!(CalendarDayOut, CalendarDay, Reference);

impl View for CalendarDayOut {
    type Row = CalendarDay;

    const COLLECTION: &'static str = "calendar-days";

    fn of(_: &Ctx, found: Found<CalendarDay>) -> Self {
        let CalendarDay { id, date, kind, name, region_code, version, created_at, updated_at } = found.row;
        Self {
            id: id.0,
            date,
            kind: WordOf(kind),
            name,
            region_code: region_code.map(|code| code.to_string()),
            actions: plain_actions(found.grasp),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A day as it is written.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCalendarDay, example = json!({"date": "2027-04-15", "kind": "holiday", "name": "三月三", "region_code": "360502"}))]
pub struct CalendarDayIn {
    /// The day, in Asia/Shanghai.
    date: NaiveDate,
    /// Whether it is a holiday or worked in exchange for one.
    kind: KindIo,
    /// What people call it.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: String,
    /// Where it holds, and everywhere below; in the whole country if it is not said.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: Option<String>,
}

impl Writable for CalendarDayIn {
    const MEMBERS: &'static [&'static str] = &["date", "kind", "name", "region_code"];
    const FIXED: &'static [&'static str] = &["date", "region_code"];
}

impl Editable for CalendarDayOut {
    type In = CalendarDayIn;

    const EVENTS: (&'static str, &'static str) = ("calendar_day.created", "calendar_day.updated");

    fn written(row: &CalendarDay) -> CalendarDayIn {
        CalendarDayIn {
            date: row.date,
            kind: WordOf(row.kind),
            name: row.name.clone(),
            region_code: row.region_code.as_ref().map(ToString::to_string),
        }
    }

    async fn build(
        ctx: &Ctx,
        tx: &Tx,
        make: Make<'_, CalendarDay>,
        written: CalendarDayIn,
    ) -> Result<CalendarDay, Problem> {
        let CalendarDayIn { date, kind, name, region_code } = written;
        let region_code = match region_code {
            Some(code) => Some(ctx.named_region(tx.rows(), &code, RegionLevel::Province, "/region_code").await?),
            None => None,
        };
        let before = make.before();
        Ok(CalendarDay {
            id: make.id(|| ctx.app.ids.next().into()),
            date,
            kind: kind.0,
            name: name.trim().to_owned(),
            region_code,
            version: before.map_or(1, |row| row.version),
            created_at: before.map_or(ctx.now, |row| row.created_at),
            updated_at: before.map_or(ctx.now, |row| row.updated_at),
        })
    }
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type CalendarDayKinds = OneOf<CalendarDayKind>;

/// Filters of the calendar.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CalendarDayListIn {
    /// Of this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// That hold at this place: its own, those of the regions above it, and those of the country.
    #[param(value_type = Option<RegionText>, inline)]
    holds_in: Option<RegionCode>,
    /// On this day or after.
    date_gte: Option<NaiveDate>,
    /// On this day or before.
    date_lte: Option<NaiveDate>,
    /// Of one of these kinds, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    kind: CalendarDayKinds,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?date$")]
    sort: (),
}

impl ListFilter for CalendarDayListIn {
    const SORTS: &'static [&'static str] = &["date"];
}

/// List days that are not what the week makes them, the earliest first
#[utoipa::path(tag = "calendar-days", operation_id = "listCalendarDays", params(ListParams, CalendarDayListIn), security(("bearer" = [])), responses((status = 200, body = CalendarDayPageOut)))]
#[get("/calendar-days")]
pub async fn list_calendar_days(ctx: Ctx, list: List<CalendarDayListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::CalendarDay)?;
    let CalendarDayListIn { region, holds_in, date_gte, date_lte, kind, sort: () } = &list.filter;
    let filter = CalendarDayFilter {
        region: region.clone(),
        holds_in: holds_in.clone(),
        from: *date_gte,
        until: *date_lte,
        kind: kind.0.clone(),
    };
    let page = ctx.app.database.rows().calendar_days().page(&access, &filter, &list.page).await?;
    for named in [region, holds_in] {
        ctx.region_exists(named.as_ref(), page.items.is_empty(), &list.page).await?;
    }
    resource::page::<CalendarDayOut, _>(&ctx, &list, page)
}

/// Read a day of the calendar
#[utoipa::path(tag = "calendar-days", operation_id = "getCalendarDay", params(("id" = Uuid, Path, description = "id of the day")), security(("bearer" = [])), responses((status = 200, body = CalendarDayOut)))]
#[get("/calendar-days/{id}")]
pub async fn get_calendar_day(ctx: Ctx, id: PathId<CalendarDayId>) -> Result<Reply, Problem> {
    resource::get::<CalendarDayOut>(&ctx, &id.0).await
}

/// Enter a day into the calendar
#[utoipa::path(tag = "calendar-days", operation_id = "createCalendarDay", request_body = CalendarDayIn, security(("bearer" = [])), responses((status = 201, body = CalendarDayOut)))]
#[post("/calendar-days")]
pub async fn create_calendar_day(ctx: Ctx, body: Body<CalendarDayIn>) -> Result<Reply, Problem> {
    resource::create::<CalendarDayOut>(&ctx, body.value, &body.content).await
}

/// Enter a day under an id of the client's own (UUIDv7), or replace it
#[utoipa::path(tag = "calendar-days", operation_id = "putCalendarDay", params(("id" = Uuid, Path, description = "id of the day"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = CalendarDayIn, security(("bearer" = [])), responses((status = 201, body = CalendarDayOut), (status = 200, body = CalendarDayOut)))]
#[put("/calendar-days/{id}")]
pub async fn put_calendar_day(
    ctx: Ctx,
    id: PathId<CalendarDayId>,
    body: Body<CalendarDayIn>,
) -> Result<Reply, Problem> {
    resource::put::<CalendarDayOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change a day of the calendar
#[utoipa::path(tag = "calendar-days", operation_id = "updateCalendarDay", params(("id" = Uuid, Path, description = "id of the day"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = CalendarDayPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = CalendarDayOut)))]
#[patch("/calendar-days/{id}")]
pub async fn update_calendar_day(
    ctx: Ctx,
    id: PathId<CalendarDayId>,
    patch: CalendarDayPatch,
) -> Result<Reply, Problem> {
    resource::patch::<CalendarDayOut>(&ctx, &id.0, patch).await
}

timeline_of!(
    list_calendar_day_events,
    "calendar-days",
    "listCalendarDayEvents",
    "/calendar-days/{id}/events",
    "id",
    CalendarDay
);
