//! Sessions: on which devices somebody is signed in, and ending one.

use actix_web::{delete, get};
use domain::{
    access::{Action, ResourceKind},
    id::{SessionId, UserId},
    identity::Session,
    resource::Resource as _,
};
use persistence::{Found, SessionFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{
        At, Ctx, List, ListFilter, ListParams, PathId, Reply, View,
        resource::{self, page_of, shown_as, timeline_of},
    },
    problem::Problem,
};

/// A session 会话.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionOut {
    /// Its id.
    id: Uuid,
    /// Where the account is kept; absent for accounts of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region_code: Option<String>,
    /// Whose it is.
    user_id: Uuid,
    /// Whether it is the one in which this is asked.
    current: bool,
    /// What the program on the device calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    device: Option<String>,
    /// The network from which it began: 24 bits of an IPv4 address, 48 of an IPv6 address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    network: Option<String>,
    /// When it was last used, to within ten minutes.
    last_used_at: At,
    /// When it ends unless it is renewed.
    expires_at: At,
    /// What the caller may do now; whether he may end a session of this account is judged when he does.
    actions: Vec<&'static str>,
    /// Always 1: a session is not edited.
    version: i64,
    /// When it began.
    created_at: At,
    /// When it last changed: the same as `last_used_at`.
    updated_at: At,
}

page_of!(SessionPageOut, SessionPage, SessionOut);

shown_as!(SessionOut, Session, Personal);

impl View for SessionOut {
    type Row = Session;

    const COLLECTION: &'static str = "sessions";

    fn of(ctx: &Ctx, found: Found<Session>) -> Self {
        let version = found.row.version();
        let Session { id, user_id, region_code, device, network, last_used_at, expires_at, created_at } = found.row;
        let may_end = found.grasp.actions.has(Action::Delete);
        Self {
            id: id.0,
            region_code: region_code.map(|code| code.to_string()),
            user_id: user_id.0,
            current: id == ctx.actor.session_id,
            device,
            network,
            last_used_at: last_used_at.into(),
            expires_at: expires_at.into(),
            actions: may_end.then_some(Action::Delete.name()).into_iter().collect(),
            version,
            created_at: created_at.into(),
            updated_at: last_used_at.into(),
        }
    }
}

/// Filters of the list of sessions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SessionListIn {
    /// Of this user; the caller's own if it is not said.
    #[param(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for SessionListIn {
    const SORTS: &'static [&'static str] = &["-id"];
}

/// List the sessions of an account that last
#[utoipa::path(tag = "sessions", operation_id = "listSessions", params(ListParams, SessionListIn), security(("bearer" = [])), responses((status = 200, body = SessionPageOut)))]
#[get("/sessions")]
pub async fn list_sessions(ctx: Ctx, list: List<SessionListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Session)?;
    let SessionListIn { user_id, sort: () } = &list.filter;
    let filter = SessionFilter { user_id: user_id.unwrap_or(ctx.actor.user_id), at: ctx.now };
    let page = ctx.app.database.rows().sessions().page(&access, &filter, &list.page).await?;
    resource::page::<SessionOut, _>(&ctx, &list, page)
}

/// Read a session
#[utoipa::path(tag = "sessions", operation_id = "getSession", params(("id" = Uuid, Path, description = "session id")), security(("bearer" = [])), responses((status = 200, body = SessionOut)))]
#[get("/sessions/{id}")]
pub async fn get_session(ctx: Ctx, id: PathId<SessionId>) -> Result<Reply, Problem> {
    resource::get::<SessionOut>(&ctx, &id.0).await
}

/// End a session: whoever uses the device signs in again
#[utoipa::path(tag = "sessions", operation_id = "deleteSession", params(("id" = Uuid, Path, description = "session id"), ("If-Match" = Option<String>, Header, description = "ETag of the session that is ended")), security(("bearer" = [])), responses((status = 204)))]
#[delete("/sessions/{id}")]
pub async fn delete_session(ctx: Ctx, id: PathId<SessionId>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Delete, ResourceKind::Session)?;
    let reply = ctx
        .write(&serde_json::Value::Null, async |tx| {
            let session = tx.rows().find_to_change::<Session>(&access, &id.0).await?.permitted(&access)?.row;
            ctx.check_version(session.version())?;
            if session.user_id != ctx.actor.user_id {
                let present = tx.rows().grants().of_user(session.user_id).await?;
                if !ctx.actor.may_close(ctx.now, session.user_id, &present) {
                    return Err(Problem::new("forbidden"));
                }
            }
            tx.end_session(session.id, "ended", session.event("auth.session_ended")).await?;
            Ok(Reply::no_content())
        })
        .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

timeline_of!(list_session_events, "sessions", "listSessionEvents", "/sessions/{id}/events", "id", Session);
