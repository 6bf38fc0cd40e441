//! Signing in, staying signed in, signing out.

use aws_lc_rs::{
    constant_time,
    digest::{SHA256, digest},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use domain::{
    access::{Grant, Place, ResourceKind, Role},
    event::{Datum, EventDraft, Subject},
    id::{RefreshTokenId, SessionId, UserId},
    identity::{Refresh, User, UserState, check_password, refresh as judge},
    outcome::Outcome,
    resource::Resource as _,
    time::{Instant, Validity},
};
use persistence::{NewRefreshToken, NewSession, Stamp, Tx};
use uuid::Uuid;

use super::{
    dto::{FirstAdministratorIn, LoginIn, TokensOut},
    password,
};
use crate::{keys::new_secret, problem::Problem, state::App, tokens::LIFETIME};

/// How long a refresh token can be used.
const REFRESH_LIFETIME: Duration = Duration::days(30);
/// The purpose of the code with which the first administrator makes his account.
pub const FIRST_ADMINISTRATOR: &str = "first-administrator";

fn session_event(kind: &'static str, session: SessionId) -> EventDraft {
    EventDraft::new(kind, Subject { kind: ResourceKind::Session, id: session.to_string(), version: 1 }, None)
}

/// Signs in.
pub async fn login(app: &App, stamp: Stamp, login: LoginIn) -> Result<TokensOut, Problem> {
    let LoginIn { username, password } = login;
    let found = app.database.rows().users().credentials(&username.to_lowercase()).await?;
    let active = found.filter(|found| found.user.state == UserState::Active);
    let phc = active.as_ref().map(|found| found.password_hash.clone());
    let fits = password::verify(app, password, phc).await?;
    let Some(user) = active.filter(|_| fits).map(|found| found.user) else {
        let subject = Subject { kind: ResourceKind::Session, id: String::new(), version: 0 };
        let tx = app.database.begin_write(stamp).await?;
        tx.record_as("failed", &[EventDraft::new("auth.login_failed", subject, None)]).await?;
        tx.commit().await?;
        return Err(Problem::new("wrong-credentials"));
    };
    let session = NewSession { id: app.ids.next().into(), user_id: user.id };
    let tx = app.database.begin_write(Stamp { user_id: Some(user.id), session_id: Some(session.id), ..stamp }).await?;
    let (token, secret) = new_refresh_token(app, session.id)?;
    tx.begin_session(&session, &token, session_event("auth.logged_in", session.id)).await?;
    tx.commit().await?;
    tokens(app, user.id, session.id, token.id, &secret, app.now())
}

fn new_refresh_token(app: &App, session_id: SessionId) -> Result<(NewRefreshToken, String), Problem> {
    let secret = new_secret().map_err(|_| Problem::new("unavailable"))?;
    let token = NewRefreshToken {
        id: app.ids.next().into(),
        session_id,
        secret_hash: digest(&SHA256, secret.as_bytes()).as_ref().to_vec(),
        expires_at: app.now() + REFRESH_LIFETIME,
    };
    Ok((token, secret))
}

fn tokens(
    app: &App,
    user: UserId,
    session: SessionId,
    refresh: RefreshTokenId,
    secret: &str,
    authenticated_at: Instant,
) -> Result<TokensOut, Problem> {
    let access_token = app
        .tokens
        .issue(user, session, refresh, authenticated_at, app.ids.next(), app.now())
        .map_err(|_| Problem::new("internal"))?;
    let refresh_token = format!("{}.{secret}", URL_SAFE_NO_PAD.encode(refresh.0.as_bytes()));
    Ok(TokensOut { access_token, refresh_token, token_type: "Bearer", expires_in: LIFETIME })
}

/// The parts of a refresh token: its id and its secret.
fn parse(token: &str) -> Option<(RefreshTokenId, &str)> {
    let (id, secret) = token.split_once('.')?;
    let id = Uuid::from_slice(&URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    Some((id.into(), secret))
}

/// Replaces a refresh token; a copy that is used twice ends the session.
pub async fn refresh(app: &App, stamp: Stamp, presented: &str) -> Result<TokensOut, Problem> {
    let invalid = || Problem::new("invalid-grant");
    let (id, secret) = parse(presented).ok_or_else(invalid)?;
    let tx = app.database.begin_write(stamp).await?;
    let found = tx.presented(id).await?.ok_or_else(invalid)?;
    let hash = digest(&SHA256, secret.as_bytes());
    if constant_time::verify_slices_are_equal(hash.as_ref(), &found.secret_hash).is_err() || !found.live {
        return Err(invalid());
    }
    let session = found.token.session_id;
    let revoked = match judge(&found.token, found.successor.as_ref(), app.now()) {
        Refresh::Rotate => None,
        Refresh::RotateAgain(unused) => Some(unused),
        Refresh::Invalid => return Err(invalid()),
        Refresh::Reuse => {
            tx.end_session(session, "refresh_reuse", session_event("auth.refresh_reuse", session)).await?;
            tx.commit().await?;
            app.forget_callers();
            return Err(invalid());
        }
    };
    let (token, secret) = new_refresh_token(app, session)?;
    tx.rotate(id, revoked, &token).await?;
    tx.commit().await?;
    if revoked.is_some() {
        app.forget_callers();
    }
    tokens(app, found.user_id, session, token.id, &secret, found.authenticated_at)
}

/// Ends the session of a refresh token. Whoever holds none learns nothing.
pub async fn logout(app: &App, stamp: Stamp, presented: &str) -> Result<(), Problem> {
    let Some((id, secret)) = parse(presented) else { return Ok(()) };
    let tx = app.database.begin_write(stamp).await?;
    let Some(found) = tx.presented(id).await? else { return Ok(()) };
    let hash = digest(&SHA256, secret.as_bytes());
    if constant_time::verify_slices_are_equal(hash.as_ref(), &found.secret_hash).is_ok() {
        let session = found.token.session_id;
        tx.end_session(session, "logout", session_event("auth.logged_out", session)).await?;
        tx.commit().await?;
        app.forget_callers();
    }
    Ok(())
}

/// The digest under which a one-time code is kept.
#[must_use]
pub fn code_digest(code: &str) -> Vec<u8> {
    digest(&SHA256, code.trim().as_bytes()).as_ref().to_vec()
}

/// Makes the first administrator, in a system that has no user yet.
pub async fn first_administrator(app: &App, stamp: Stamp, new: FirstAdministratorIn) -> Result<User, Problem> {
    let FirstAdministratorIn { code, username, password, display_name } = new;
    let has_long_password =
        check_password(&password, &[&username], true).map_err(|fault| Problem::field("/password", fault.code()))?;
    let password_hash = password::hash_apart(app, password).await?;
    let now = app.now();
    let tx = app.database.begin_write(stamp).await?;
    if tx.has_users().await? || !tx.use_one_time_code(code_digest(&code), FIRST_ADMINISTRATOR).await? {
        return Err(Problem::new("wrong-credentials"));
    }
    let user = User {
        id: app.ids.next().into(),
        username,
        display_name,
        person_id: None,
        region_code: None,
        state: UserState::Active,
        has_long_password,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let event = user.event("user.created");
    let user = tx.insert_user(Outcome::new(user, event), &password_hash).await?;
    grant_system(&tx, app, &user, now).await?;
    tx.commit().await?;
    Ok(user)
}

async fn grant_system(tx: &Tx, app: &App, user: &User, now: Instant) -> Result<(), Problem> {
    let grant = Grant {
        id: app.ids.next().into(),
        user_id: user.id,
        role: Role::SystemAdministrator,
        place: Place::System,
        validity: Validity { from: now, until: None },
        pending: false,
        revoked_at: None,
        granted_by: None,
        approved_by: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let subject = Subject { kind: ResourceKind::Grant, id: grant.id.to_string(), version: 1 };
    let event = EventDraft::new("grant.created", subject, None)
        .with("user_id", Datum::Id(user.id.0))
        .with("role", Datum::Word(grant.role.name()))
        .with("by_command_line", Datum::Flag(true));
    tx.insert(Outcome::new(grant, event)).await?;
    Ok(())
}
