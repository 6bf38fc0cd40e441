//! Authentication, before anything else of a request is looked at.

use std::sync::Arc;

use actix_web::{
    HttpMessage as _, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use domain::{
    access::Actor,
    id::{RefreshTokenId, SessionId, UserId},
    identity::Duty,
};

use super::{
    address::host_of,
    ctx::trace_of,
    limit::{Counted, Left},
    query,
};
use crate::{config::Settings, problem::Problem, state::App};

/// Where tokens of clients are given out.
pub const TOKEN_ENDPOINT: &str = "/api/v1/oauth/token";

/// Where somebody proves once more who he is.
const AGAIN: &str = "/api/v1/auth/reauthenticate";

/// Identifies the caller of everything under `/api/v1` but of what serves to sign in.
///
/// # Errors
/// What the inner service could not turn into an answer.
pub async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let path = request.path();
    let signs_in = path.starts_with("/api/v1/auth/") && path != AGAIN || path == TOKEN_ENDPOINT;
    let guarded = path.starts_with("/api/v1/") && !signs_in;
    let counted = path.starts_with("/api/") || path.starts_with("/.well-known/");
    let identified = if guarded { identify(&request).await.map(Some) } else { Ok(None) };
    let left = if counted { count(&request, identified.as_ref().ok().and_then(Option::as_ref)) } else { None };
    let refused = left.map_or(Ok(()), Left::refuse).and_then(|()| admit(&request, identified));
    let mut response = match refused {
        Ok(()) => next.call(request).await?.map_into_boxed_body(),
        Err(problem) => request.into_response(problem.error_response()),
    };
    if let Some(left) = left {
        left.tell(response.headers_mut());
    }
    Ok(response)
}

/// Counts a request for whoever sends it: by his account, or else by his address.
fn count(request: &ServiceRequest, actor: Option<&Arc<Actor>>) -> Option<Left> {
    let app = request.app_data::<Data<App>>()?;
    let address = trace_of(request.request()).address.map(host_of).map(Counted::Address);
    let counted = actor.map(|actor| Counted::User(actor.user_id.0)).or(address)?;
    app.limiter.count(counted, app.now())
}

/// Leaves the caller with the request, unless he must do something else first.
fn admit(request: &ServiceRequest, identified: Result<Option<Arc<Actor>>, Problem>) -> Result<(), Problem> {
    let app = request.app_data::<Data<App>>().ok_or_else(|| Problem::new("internal"))?;
    let Some(actor) = identified? else { return Ok(()) };
    let Settings { password_profile, require_mfa, .. } = &app.settings;
    let duty = actor.duty(*password_profile, *require_mfa, app.now());
    let owed = duty.filter(|duty| !serves(*duty, request.path(), actor.user_id));
    request.extensions_mut().insert(actor);
    match owed {
        None => Ok(()),
        Some(Duty::Password) => Err(Problem::new("password-expired")),
        Some(Duty::SecondFactor) => Err(Problem::new("mfa-required")),
    }
}

async fn identify(request: &ServiceRequest) -> Result<Arc<Actor>, Problem> {
    let app = request.app_data::<Data<App>>().ok_or_else(|| Problem::new("internal"))?;
    let header = request.headers().get("authorization").ok_or_else(|| Problem::new("unauthenticated"))?;
    let invalid = || Problem::new("invalid-token");
    let token = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(invalid)?;
    let claims = app.tokens.verify(token.trim(), app.now()).ok_or_else(invalid)?;
    let actor = match claims.client_id {
        Some(client) => app.client(client.into(), claims.sid.into(), claims.scope.as_deref()).await?,
        None => app.caller(SessionId(claims.sid), RefreshTokenId(claims.rti)).await?,
    };
    if (actor.user_id.0, actor.session_id.0) != (claims.sub, claims.sid) {
        return Err(invalid());
    }
    if query::names_region(request.query_string()) {
        app.read_successors().await?;
    }
    Ok(actor)
}

/// Whether a path is open to somebody who owes something: to see who he is and where he is signed in, and to do it.
fn serves(duty: Duty, path: &str, user: UserId) -> bool {
    let Some(path) = path.strip_prefix("/api/v1") else { return false };
    let below =
        |collection: &str| path.strip_prefix(collection).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let own = match duty {
        Duty::Password => path == format!("/users/{user}/reset-password"),
        Duty::SecondFactor => below("/me/second-factor"),
    };
    own || path == "/me" || path == "/auth/reauthenticate" || below("/sessions")
}
