//! Signing in, staying signed in, signing out.

use aws_lc_rs::{
    constant_time,
    digest::{SHA256, digest},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    access::{Grant, Place, ResourceKind, Role},
    event::{Datum, EventDraft, Subject},
    id::{RefreshTokenId, SessionId, UserId},
    identity::{PasswordRules, Refresh, Term, User, UserState, check_password, network_of, refresh as judge},
    outcome::Outcome,
    resource::Resource as _,
    time::{Instant, Validity},
};
use persistence::{NewRefreshToken, NewSession, Stamp, Tx};
use uuid::Uuid;

use super::{
    attempts::Guess,
    dto::{FirstAdministratorIn, LoginIn, ReauthenticateIn, TokensOut},
    password,
    second_factor::{self, Second},
};
use crate::{
    http::Ctx,
    keys::new_secret,
    problem::Problem,
    state::App,
    tokens::{Bearer, LIFETIME},
};

/// The purpose of the code with which the first administrator makes his account.
pub const FIRST_ADMINISTRATOR: &str = "first-administrator";

fn session_event(kind: &'static str, session: SessionId) -> EventDraft {
    EventDraft::new(kind, Subject { kind: ResourceKind::Session, id: session.to_string(), version: 1 }, None)
}

/// Signs in on a device.
pub async fn login(app: &App, stamp: Stamp, device: Option<String>, login: LoginIn) -> Result<TokensOut, Problem> {
    let LoginIn { username, password, totp } = login;
    let username = username.to_lowercase();
    let guess = Guess::new(app, &username, stamp.address);
    guess.allow(app).await?;
    let found = app.database.rows().users().credentials(&username).await?;
    let active = found.filter(|found| found.user.state == UserState::Active);
    let phc = active.as_ref().map(|found| found.password_hash.clone());
    let fits = password::verify(app, password, phc).await?;
    let Some(user) = active.filter(|_| fits).map(|found| found.user) else {
        guess.record_failure(app, stamp).await?;
        return Err(Problem::new("wrong-credentials"));
    };
    let network = stamp.address.map(network_of);
    let session = NewSession { id: app.ids.next().into(), user_id: user.id, device, network };
    let own = Stamp { user_id: Some(user.id), session_id: Some(session.id), ..stamp.clone() };
    let tx = app.database.begin_write(own).await?;
    let Some(factor) = second(app, &tx, &guess, user.id, totp.as_deref()).await? else {
        drop(tx);
        guess.record_failure(app, stamp).await?;
        return Err(Problem::new("wrong-credentials"));
    };
    let (token, secret) = new_refresh_token(app, &tx, user.id, session.id, tx.now()).await?;
    let event = session_event("auth.logged_in", session.id).with_some("factor", factor.map(Datum::Word));
    tx.begin_session(&session, &token, event).await?;
    tx.commit().await?;
    tokens(app, user.id, session.id, token.id, &secret, app.now())
}

/// Asks whoever knows the password for his second factor, if he has one: by what it was shown, or nothing where it is
/// wrong. Who has proved who he is begins anew, whatever failed before.
async fn second(
    app: &App,
    tx: &Tx,
    guess: &Guess,
    user: UserId,
    totp: Option<&str>,
) -> Result<Option<Option<&'static str>>, Problem> {
    match second_factor::ask(app, tx, user, totp).await? {
        Second::Missing => Err(Problem::new("totp-required")),
        Second::Wrong => Ok(None),
        Second::Fits(factor) => {
            guess.settle(tx).await?;
            Ok(Some(factor))
        }
    }
}

/// Proves once more who one is, within a session that goes on.
pub async fn reauthenticate(ctx: &Ctx, again: ReauthenticateIn) -> Result<TokensOut, Problem> {
    let ReauthenticateIn { password, totp } = again;
    let app = &ctx.app;
    let user = second_factor::own_user(ctx).await?;
    let guess = Guess::new(app, &user.username, ctx.stamp().address);
    guess.allow(app).await?;
    let kept = app.database.rows().users().credentials(&user.username).await?;
    let fits = password::verify(app, password, kept.map(|kept| kept.password_hash)).await?;
    let tx = app.database.begin_write(ctx.stamp()).await?;
    let factor = if fits { second(app, &tx, &guess, user.id, totp.as_deref()).await? } else { None };
    let Some(factor) = factor else {
        drop(tx);
        guess.record_failure(app, ctx.stamp()).await?;
        return Err(Problem::new("wrong-credentials"));
    };
    let session = ctx.actor.session_id;
    let began = tx.session_began(session).await?;
    let (token, secret) = new_refresh_token(app, &tx, user.id, session, began).await?;
    let event = session_event("auth.reauthenticated", session).with_some("factor", factor.map(Datum::Word));
    tx.authenticate_again(&token, event).await?;
    tx.commit().await?;
    app.forget_callers();
    tokens(app, user.id, session, token.id, &secret, ctx.now)
}

/// The next refresh token of a session that began then, good for as long as what its user is granted allows.
async fn new_refresh_token(
    app: &App,
    tx: &Tx,
    user: UserId,
    session_id: SessionId,
    began: Instant,
) -> Result<(NewRefreshToken, String), Problem> {
    let secret = new_secret().map_err(|_| Problem::new("unavailable"))?;
    let grants = tx.rows().grants().of_user(user).await?;
    let term = Term::of(&grants, tx.now()).within(app.settings.password_profile.idle_exit());
    let token = NewRefreshToken {
        id: app.ids.next().into(),
        session_id,
        secret_hash: digest(&SHA256, secret.as_bytes()).as_ref().to_vec(),
        expires_at: term.end(began, tx.now()),
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
    let bearer = Bearer { user, session, refresh, authenticated_at, scope: None };
    let access_token = app.tokens.issue(bearer, app.ids.next(), app.now()).map_err(|_| Problem::new("internal"))?;
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
    let (token, secret) = new_refresh_token(app, &tx, found.user_id, session, found.began_at).await?;
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

/// As many sessions as are marked in one transaction.
const BATCH: u64 = 50;

/// Marks sessions that have run out as ended.
///
/// # Errors
/// If the database does not answer.
pub async fn end_run_out_sessions(app: &App, now: Instant) -> Result<(), Problem> {
    loop {
        let tx = app.database.begin_write(Stamp::system(now, "end-sessions")).await?;
        let sessions = tx.rows().sessions().run_out(now, BATCH).await?;
        for session in &sessions {
            tx.end_session(session.id, "expired", session.event("auth.session_expired")).await?;
        }
        tx.commit().await?;
        if (sessions.len() as u64) < BATCH {
            return Ok(());
        }
    }
}

/// The digest under which a one-time code is kept.
#[must_use]
pub fn code_digest(code: &str) -> Vec<u8> {
    digest(&SHA256, code.trim().as_bytes()).as_ref().to_vec()
}

/// Makes the first administrator, in a system that has no user yet.
pub async fn first_administrator(app: &App, stamp: Stamp, new: FirstAdministratorIn) -> Result<User, Problem> {
    let FirstAdministratorIn { code, username, password, display_name } = new;
    let rules = PasswordRules { privileged: true, composed: app.settings.password_profile.is_composed() };
    let has_long_password =
        check_password(&password, &[&username], rules).map_err(|fault| Problem::field("/password", fault.code()))?;
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
