//! The endpoints of identity.

use actix_web::{HttpRequest, HttpResponse, get, post, web::Data};
use domain::identity::device_of;
use persistence::Stamp;

use super::{
    dto::{FirstAdministratorIn, LoginIn, MeOut, ReauthenticateIn, RefreshIn, TokensOut},
    second_factor::own_user,
    service,
};
use crate::{
    http::{
        Body, Ctx, Reply,
        ctx::{Trace, operation_of, trace_of},
        reply::Caching,
    },
    keys::PUBLIC_KEYS_KEPT,
    problem::Problem,
    state::App,
};

/// The stamp of one who is not identified yet.
pub fn anonymous(app: &App, request: &HttpRequest) -> Stamp {
    let Trace { request_id, trace_id: _, address } = trace_of(request);
    Stamp { now: app.now(), user_id: None, session_id: None, address, operation: operation_of(request), request_id }
}

/// Sign in
#[utoipa::path(tag = "auth", operation_id = "login", request_body = LoginIn, responses((status = 200, body = TokensOut)))]
#[post("/auth/login")]
pub async fn login(app: Data<App>, request: HttpRequest, body: Body<LoginIn>) -> Result<Reply, Problem> {
    let device = request.headers().get("user-agent").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let device = device.and_then(|name| device_of(&name));
    let tokens = service::login(&app, anonymous(&app, &request), device, body.value).await?;
    Reply::json(200, &tokens, Caching::Never)
}

/// Prove once more who one is: the session goes on, with new tokens
#[utoipa::path(tag = "auth", operation_id = "reauthenticate", request_body = ReauthenticateIn, security(("bearer" = [])), responses((status = 200, body = TokensOut)))]
#[post("/auth/reauthenticate")]
pub async fn reauthenticate(ctx: Ctx, body: Body<ReauthenticateIn>) -> Result<Reply, Problem> {
    let tokens = service::reauthenticate(&ctx, body.value).await?;
    Reply::json(200, &tokens, Caching::Never)
}

/// Exchange a refresh token for new tokens
#[utoipa::path(tag = "auth", operation_id = "refreshTokens", request_body = RefreshIn, responses((status = 200, body = TokensOut)))]
#[post("/auth/refresh")]
pub async fn refresh(app: Data<App>, request: HttpRequest, body: Body<RefreshIn>) -> Result<Reply, Problem> {
    let tokens = service::refresh(&app, anonymous(&app, &request), &body.value.refresh_token).await?;
    Reply::json(200, &tokens, Caching::Never)
}

/// Sign out: end the session of a refresh token
#[utoipa::path(tag = "auth", operation_id = "logout", request_body = RefreshIn, responses((status = 204)))]
#[post("/auth/logout")]
pub async fn logout(app: Data<App>, request: HttpRequest, body: Body<RefreshIn>) -> Result<Reply, Problem> {
    service::logout(&app, anonymous(&app, &request), &body.value.refresh_token).await?;
    Ok(Reply::no_content())
}

/// Make the first administrator with a one-time code
#[utoipa::path(tag = "auth", operation_id = "createFirstAdministrator", request_body = FirstAdministratorIn, responses((status = 204)))]
#[post("/auth/first-administrator")]
pub async fn first_administrator(
    app: Data<App>,
    request: HttpRequest,
    body: Body<FirstAdministratorIn>,
) -> Result<Reply, Problem> {
    service::first_administrator(&app, anonymous(&app, &request), body.value).await?;
    Ok(Reply::no_content())
}

/// Read who one is
#[utoipa::path(tag = "me", operation_id = "getMe", security(("bearer" = [])), responses((status = 200, body = MeOut)))]
#[get("/me")]
pub async fn me(ctx: Ctx) -> Result<Reply, Problem> {
    let user = own_user(&ctx).await?;
    let person = match ctx.actor.person_id {
        Some(person) => Some(ctx.app.database.rows().persons().own(person).await?),
        None => None,
    };
    Reply::json(200, &MeOut::new(&ctx.actor, user.username, person, ctx.now), Caching::Never)
}

/// The public keys of access tokens (RFC 7517)
#[get("/.well-known/jwks.json")]
pub async fn jwks(app: Data<App>) -> HttpResponse {
    let kept = format!("public, max-age={PUBLIC_KEYS_KEPT}");
    HttpResponse::Ok().insert_header(("Cache-Control", kept)).json(app.tokens.jwks())
}
