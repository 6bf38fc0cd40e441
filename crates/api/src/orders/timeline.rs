//! The timeline of an order.

use actix_web::get;
use domain::{
    access::{Action, ResourceKind},
    id::ServiceOrderId,
};
use persistence::{EventFilter, StoredEvent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{At, Ctx, List, ListFilter, ListParams, PathId, Reply, Shown, reply::Caching},
    problem::Problem,
};

/// What an event is about.
#[derive(Serialize, ToSchema)]
#[schema(as = EventSubject)]
pub struct SubjectOut {
    /// The kind of resource.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Its id.
    id: String,
    /// The version that the change led to.
    version: i64,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
#[schema(as = EventActor)]
pub struct EventActorOut {
    /// His account.
    user_id: Uuid,
    /// What he is called.
    display_name: String,
}

/// An event 事件.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventOut {
    /// Its id.
    id: Uuid,
    /// `{resource}.{past tense}`
    kind: String,
    /// What it is about.
    subject: SubjectOut,
    /// Where it belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region_code: Option<String>,
    /// Who did it; absent where the system did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    actor: Option<EventActorOut>,
    /// When it happened.
    occurred_at: At,
    /// When it arrived.
    received_at: At,
    /// Ids, names of changed members, enum values, counts and times.
    #[schema(value_type = Object)]
    data: Value,
}

/// A page of events.
#[derive(ToSchema)]
#[schema(as = EventPage)]
#[expect(dead_code, reason = "it only documents")]
pub struct EventPageOut {
    items: Vec<EventOut>,
    page: crate::openapi::PageOut,
}

impl Shown for EventOut {
    const KIND: ResourceKind = ResourceKind::Event;
    const CACHING: Caching = Caching::Personal;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> i64 {
        1
    }
}

impl From<StoredEvent> for EventOut {
    fn from(event: StoredEvent) -> Self {
        let StoredEvent {
            id,
            kind,
            subject_type,
            subject_id,
            subject_version,
            region_code,
            actor_user_id,
            actor_display_name,
            session_id: _,
            occurred_at,
            received_at,
            data,
        } = event;
        Self {
            id: id.0,
            kind,
            subject: SubjectOut { kind: subject_type.name(), id: subject_id, version: subject_version },
            region_code: region_code.map(|code| code.to_string()),
            actor: actor_user_id
                .zip(actor_display_name)
                .map(|(user, display_name)| EventActorOut { user_id: user.0, display_name }),
            occurred_at: occurred_at.into(),
            received_at: received_at.into(),
            data,
        }
    }
}

/// A timeline has no filters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineIn {
    /// By what it is sorted.
    #[serde(skip)]
    #[param(value_type = Option<String>, pattern = "^-?version$")]
    sort: (),
}

impl ListFilter for TimelineIn {
    const SORTS: &'static [&'static str] = &["version"];
}

/// List the events of an order, from the first
#[utoipa::path(tag = "service-orders", operation_id = "listServiceOrderEvents", params(("id" = Uuid, Path, description = "order id"), ListParams, TimelineIn), security(("bearer" = [])), responses((status = 200, body = EventPageOut)))]
#[get("/service-orders/{id}/events")]
pub async fn list_service_order_events(
    ctx: Ctx,
    id: PathId<ServiceOrderId>,
    list: List<TimelineIn>,
) -> Result<Reply, Problem> {
    let TimelineIn { sort: () } = list.filter;
    let access = ctx.authorize(Action::Read, ResourceKind::ServiceOrder)?;
    let rows = ctx.app.database.rows();
    let found = rows.orders(ctx.actor.person_id).get(&access, id.0).await?;
    super::service::more_than_bare(&found)?;
    let filter = EventFilter { subject_type: ResourceKind::ServiceOrder, subject_id: id.0.to_string() };
    let page = rows.timeline(&filter, &list.page).await?;
    Reply::page(&ctx, &list, &page.try_map(|event| Ok(EventOut::from(event)))?)
}
