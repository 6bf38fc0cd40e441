//! What concerns the caller.

use actix_web::{get, post};
use domain::{
    access::{Action, ResourceKind},
    event::{Datum, EventDraft, Subject},
    id::NotificationId,
    inbox::Notification,
};
use persistence::{Found, NotificationFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::words::words;
use crate::{
    http::{
        At, Body, Ctx, List, ListFilter, ListParams, OneOf, PathId, Reply, View, query,
        resource::{self, page_of, shown_as, timeline_of},
        value::NothingIn,
    },
    problem::Problem,
};

/// What a notification is about.
#[derive(Serialize, ToSchema)]
#[schema(as = NotificationSubject)]
pub struct SubjectOut {
    /// The kind of resource.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id.
    id: String,
}

/// A notification 消息: that something happened which concerns the caller. What it is about, he looks up there.
#[derive(Serialize, ToSchema)]
#[schema(as = Notification)]
pub struct NotificationOut {
    /// Its id.
    id: Uuid,
    /// The kind of event: `{resource}.{past tense}`.
    kind: String,
    /// The same in words, in the language of the request.
    text: &'static str,
    /// What it is about.
    subject: SubjectOut,
    /// The event.
    event_id: Uuid,
    /// Where it belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region_code: Option<String>,
    /// When it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    read_at: Option<At>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it happened.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(NotificationPageOut, NotificationPage, NotificationOut);
shown_as!(NotificationOut, Notification, Personal);

impl View for NotificationOut {
    type Row = Notification;

    const COLLECTION: &'static str = "me/notifications";

    fn of(ctx: &Ctx, found: Found<Notification>) -> Self {
        let Notification {
            id,
            user_id: _,
            event_id,
            kind,
            subject_kind,
            subject_id,
            region_code,
            read_at,
            version,
            created_at,
            updated_at,
        } = found.row;
        let may_read = read_at.is_none() && found.grasp.actions.has(Action::Update);
        Self {
            id: id.0,
            text: words(&kind, ctx.locale),
            kind,
            subject: SubjectOut { kind: subject_kind.name(), id: subject_id },
            event_id: event_id.0,
            region_code: region_code.map(|code| code.to_string()),
            read_at: read_at.map(Into::into),
            actions: if may_read { vec!["read"] } else { Vec::new() },
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// Filters of the inbox.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NotificationListIn {
    /// Only those that were not (or were) read.
    #[serde(default, deserialize_with = "query::flag")]
    unread: Option<bool>,
    /// Of one of these kinds of event, separated by commas.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^[a-z_]+[.][a-z_]+(,[a-z_]+[.][a-z_]+)*$")]
    kind: OneOf<String>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?created_at$")]
    sort: (),
}

impl ListFilter for NotificationListIn {
    const SORTS: &'static [&'static str] = &["-created_at"];
}

/// Up to when everything was read.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = ReadUntil)]
pub struct ReadUntilIn {
    /// What happened until then; until now if it is not said.
    until: Option<At>,
}

/// List what concerns the caller, the newest first
#[utoipa::path(tag = "notifications", operation_id = "listNotifications", params(ListParams, NotificationListIn), security(("bearer" = [])), responses((status = 200, body = NotificationPageOut)))]
#[get("/me/notifications")]
pub async fn list_notifications(ctx: Ctx, list: List<NotificationListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Notification)?;
    let NotificationListIn { unread, kind, sort: () } = &list.filter;
    let filter = NotificationFilter { unread: *unread, kind: kind.0.clone() };
    let page = ctx.app.database.rows().notifications().page(&access, &filter, &list.page).await?;
    resource::page::<NotificationOut, _>(&ctx, &list, page)
}

/// Mark everything that happened until a time as read
#[utoipa::path(tag = "notifications", operation_id = "readAllNotifications", request_body = Option<ReadUntilIn>, security(("bearer" = [])), responses((status = 204)))]
#[post("/me/notifications/read")]
pub async fn read_all_notifications(ctx: Ctx, body: Body<ReadUntilIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Update, ResourceKind::Notification)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    let until = body.value.until.map_or(ctx.now, |until| until.0);
    let user = ctx.actor.user_id;
    ctx.write(&body.content, async |tx| {
        let subject = Subject { kind: ResourceKind::User, id: user.to_string(), version: 0 };
        let event = |count| EventDraft::new("notification.all_read", subject, None).with("count", Datum::Count(count));
        tx.read_notifications(user, until, event).await?;
        Ok(Reply::no_content())
    })
    .await
}

/// Read a notification
#[utoipa::path(tag = "notifications", operation_id = "getNotification", params(("id" = Uuid, Path, description = "id of the notification")), security(("bearer" = [])), responses((status = 200, body = NotificationOut)))]
#[get("/me/notifications/{id}")]
pub async fn get_notification(ctx: Ctx, id: PathId<NotificationId>) -> Result<Reply, Problem> {
    resource::get::<NotificationOut>(&ctx, &id.0).await
}

/// Mark a notification as read
#[utoipa::path(tag = "notifications", operation_id = "readNotification", params(("id" = Uuid, Path, description = "id of the notification")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = NotificationOut)))]
#[post("/me/notifications/{id}/read")]
pub async fn read_notification(ctx: Ctx, id: PathId<NotificationId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Update, ResourceKind::Notification)?;
    ctx.write(&body.content, async |tx| {
        let found = tx.rows().find_to_change::<Notification>(&access, &id.0).await?.permitted(&access)?;
        ctx.check_version(found.row.version)?;
        let row = match found.row.clone().read(ctx.now) {
            Some(outcome) => tx.update(outcome).await?,
            None => found.row,
        };
        resource::shown::<NotificationOut>(&ctx, row)
    })
    .await
}

timeline_of!(
    list_notification_events,
    "notifications",
    "listNotificationEvents",
    "/me/notifications/{id}/events",
    "id",
    Notification
);
