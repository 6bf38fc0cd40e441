//! Events as the timeline of a resource shows them.

use domain::access::ResourceKind;
use persistence::StoredEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    ctx::Ctx,
    query::ListFilter,
    reply::{Caching, Shown},
    resource::page_of,
    value::{At, masked_name},
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

page_of!(EventPageOut, EventPage, EventOut);

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

impl EventOut {
    /// As the caller is shown it.
    pub fn of(ctx: &Ctx, event: StoredEvent) -> Self {
        let StoredEvent {
            id,
            kind,
            subject_type,
            subject_id,
            subject_version,
            region_code,
            actor_user_id,
            actor_display_name,
            actor_serves,
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
            actor: actor_user_id.zip(actor_display_name).map(|(user, name)| {
                // residents are not named in full to those who see what they did
                let in_full = actor_serves || user == ctx.actor.user_id;
                let display_name = if in_full { name } else { masked_name(&name) };
                EventActorOut { user_id: user.0, display_name }
            }),
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
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?version$")]
    #[expect(dead_code, reason = "it only documents; the list reads this parameter")]
    sort: (),
}

impl ListFilter for TimelineIn {
    const SORTS: &'static [&'static str] = &["version"];
}
