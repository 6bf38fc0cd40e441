//! Authentication, before anything else of a request is looked at.

use actix_web::{
    HttpMessage as _, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use domain::id::{RefreshTokenId, SessionId};

use crate::{problem::Problem, state::App};

/// Where tokens of clients are given out.
pub const TOKEN_ENDPOINT: &str = "/api/v1/oauth/token";

/// Identifies the caller of everything under `/api/v1` but of what serves to sign in.
///
/// # Errors
/// What the inner service could not turn into an answer.
pub async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let path = request.path();
    let signs_in = path.starts_with("/api/v1/auth/") || path == TOKEN_ENDPOINT;
    let guarded = path.starts_with("/api/v1/") && !signs_in;
    if guarded && let Err(problem) = identify(&request).await {
        return Ok(request.into_response(problem.error_response()));
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

async fn identify(request: &ServiceRequest) -> Result<(), Problem> {
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
    request.extensions_mut().insert(actor);
    Ok(())
}
