//! Second factors: one-time passwords by time (RFC 6238), and recovery codes for whoever has lost the device.

use actix_web::{delete, post};
use domain::{
    access::{Action, ResourceKind},
    event::Datum,
    id::UserId,
    identity::User,
    resource::Resource as _,
};
use persistence::{SecondFactor, Tx};
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};
use utoipa::ToSchema;
use validator::Validate;

use super::{attempts::Guess, users::UserOut};
use crate::{
    http::{Body, Ctx, PathId, Reply, reply::Caching, resource, value::NothingIn},
    keys::random,
    problem::Problem,
    state::App,
};

/// As many recovery codes somebody gets.
const RECOVERY_CODES: usize = 10;
/// Letters and digits that are not taken for one another; 32 of them.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The secret of a second factor, shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactorSecret)]
pub struct SecretOut {
    /// The secret in base32, to be typed into an authenticator.
    secret: String,
    /// The same as an address, to be shown as a QR code.
    otpauth_url: String,
}

/// Recovery codes, shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub struct RecoveryCodesOut {
    /// Each can be used once in place of a one-time password.
    recovery_codes: Vec<String>,
}

/// A one-time password.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = OneTimePassword, example = json!({"code": "123456"}))]
pub struct CodeIn {
    /// Six digits, or a recovery code.
    #[schema(min_length = 6, max_length = 30)]
    code: String,
}

/// What became of the second factor of somebody who proves who he is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// He has none, or it fits; by what.
    Fits(Option<&'static str>),
    /// He has one and did not show it.
    Missing,
    /// It does not fit, or was used before.
    Wrong,
}

/// Asks for the second factor of a user, if he has one. What fits is used up with this transaction.
///
/// # Errors
/// If the database does not answer.
pub async fn ask(app: &App, tx: &Tx, user: UserId, code: Option<&str>) -> Result<Second, Problem> {
    let Some(factor) = tx.second_factor(user).await?.filter(|factor| factor.confirmed) else {
        return Ok(Second::Fits(None));
    };
    let Some(code) = code else { return Ok(Second::Missing) };
    if let Some(step) = step_of(&factor, code, tx)? {
        tx.use_second_factor(user, step, false).await?;
        return Ok(Second::Fits(Some("totp")));
    }
    let struck = tx.strike_recovery_code(user, recovery_digest(app, user, code)).await?;
    Ok(if struck { Second::Fits(Some("recovery_code")) } else { Second::Wrong })
}

/// The step of time whose code this is, if none as late was used before. Clocks may differ by one step.
fn step_of(factor: &SecondFactor, code: &str, tx: &Tx) -> Result<Option<i64>, Problem> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let time = u64::try_from(tx.now().timestamp()).map_err(|_| Problem::new("internal"))?;
    let step = totp(&factor.secret, "")?.check(&digits, time).and_then(|step| i64::try_from(step).ok());
    Ok(step.filter(|step| factor.last_step.is_none_or(|last| *step > last)))
}

fn totp(secret: &str, username: &str) -> Result<Totp, Problem> {
    let broken = || Problem::new("internal");
    let secret = Secret::try_from_base32(secret).map_err(|_| broken())?;
    let builder = Builder::new().with_secret(secret).with_skew(1).with_issuer(Some("Lianxin"));
    builder.with_account_name(username).build().map_err(|_| broken())
}

/// Keyed with the user, so that equal codes of two users do not look alike.
fn recovery_digest(app: &App, user: UserId, code: &str) -> Vec<u8> {
    let plain: String = code.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    app.database.vault().digest("recovery-code", format!("{user} {plain}").as_bytes())
}

/// Gives a user new recovery codes.
async fn new_codes(ctx: &Ctx, tx: &Tx, user: UserId) -> Result<RecoveryCodesOut, Problem> {
    let mut recovery_codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let bytes = random::<12>().map_err(|_| Problem::new("unavailable"))?;
        let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
        let letters: Vec<char> = letters.map(|letter| char::from(*letter)).collect();
        let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
        recovery_codes.push(groups.join("-"));
    }
    let digests: Vec<Vec<u8>> = recovery_codes.iter().map(|code| recovery_digest(&ctx.app, user, code)).collect();
    tx.replace_recovery_codes(user, &digests).await?;
    Ok(RecoveryCodesOut { recovery_codes })
}

/// The caller's own account. A client has none.
///
/// # Errors
/// `forbidden`
pub async fn own_user(ctx: &Ctx) -> Result<User, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::User)?;
    Ok(ctx.app.database.rows().find::<User>(&access, &ctx.actor.user_id).await?.row)
}

/// Begin to use a second factor: get its secret
///
/// The caller must have signed in within the last ten minutes. It is asked for once its first code was shown.
#[utoipa::path(tag = "me", operation_id = "beginSecondFactor", request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = SecretOut)))]
#[post("/me/second-factor")]
pub async fn begin_second_factor(ctx: Ctx, _body: Body<NothingIn>) -> Result<Reply, Problem> {
    let user = own_user(&ctx).await?;
    ctx.require_recent_login()?;
    let bytes = random::<20>().map_err(|_| Problem::new("unavailable"))?;
    let secret = Secret::new(Box::new(bytes)).to_base32();
    let otpauth_url = totp(&secret, &user.username)?.to_url().map_err(|_| Problem::new("internal"))?;
    ctx.write_unkept(async |tx| {
        if tx.second_factor(user.id).await?.is_some_and(|factor| factor.confirmed) {
            return Err(Problem::new("duplicate"));
        }
        tx.begin_second_factor(user.id, &secret).await?;
        tx.record_look(user.event("user.second_factor_begun"))?;
        Reply::json(200, &SecretOut { secret, otpauth_url }, Caching::Never)
    })
    .await
}

/// Confirm a second factor by its first code: get recovery codes
#[utoipa::path(tag = "me", operation_id = "confirmSecondFactor", request_body = CodeIn, security(("bearer" = [])), responses((status = 200, body = RecoveryCodesOut)))]
#[post("/me/second-factor/confirm")]
pub async fn confirm_second_factor(ctx: Ctx, body: Body<CodeIn>) -> Result<Reply, Problem> {
    let user = own_user(&ctx).await?;
    ctx.require_recent_login()?;
    let reply = ctx
        .write_unkept(async |tx| {
            let factor = tx.second_factor(user.id).await?.ok_or_else(|| Problem::new("not-found"))?;
            if factor.confirmed {
                return Err(Problem::new("duplicate"));
            }
            let step = step_of(&factor, &body.value.code, tx)?.ok_or_else(|| Problem::field("/code", "wrong-code"))?;
            tx.use_second_factor(user.id, step, true).await?;
            let codes = new_codes(&ctx, tx, user.id).await?;
            tx.record_look(user.event("user.second_factor_confirmed"))?;
            Reply::json(200, &codes, Caching::Never)
        })
        .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Get other recovery codes in place of those that there are
///
/// The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "me", operation_id = "renewRecoveryCodes", request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = RecoveryCodesOut)))]
#[post("/me/second-factor/recovery-codes")]
pub async fn renew_recovery_codes(ctx: Ctx, _body: Body<NothingIn>) -> Result<Reply, Problem> {
    let user = own_user(&ctx).await?;
    ctx.require_recent_login()?;
    ctx.write_unkept(async |tx| {
        if !tx.second_factor(user.id).await?.is_some_and(|factor| factor.confirmed) {
            return Err(Problem::new("not-found"));
        }
        let codes = new_codes(&ctx, tx, user.id).await?;
        tx.record_look(user.event("user.recovery_codes_renewed"))?;
        Reply::json(200, &codes, Caching::Never)
    })
    .await
}

/// Stop using a second factor
///
/// The caller must have signed in within the last ten minutes, and shows a code once more.
#[utoipa::path(tag = "me", operation_id = "deleteSecondFactor", request_body = CodeIn, security(("bearer" = [])), responses((status = 204)))]
#[delete("/me/second-factor")]
pub async fn delete_second_factor(ctx: Ctx, body: Body<CodeIn>) -> Result<Reply, Problem> {
    let user = own_user(&ctx).await?;
    ctx.require_recent_login()?;
    let guess = Guess::new(&ctx.app, &user.username, ctx.stamp().address);
    guess.allow(&ctx.app).await?;
    let done = ctx
        .write_unkept(async |tx| {
            match ask(&ctx.app, tx, user.id, Some(&body.value.code)).await? {
                Second::Fits(Some(_)) => {}
                Second::Fits(None) | Second::Missing => return Err(Problem::new("not-found")),
                Second::Wrong => return Err(Problem::field("/code", "wrong-code")),
            }
            tx.remove_second_factor(user.id).await?;
            tx.record_look(user.event("user.second_factor_removed"))?;
            Ok(Reply::no_content())
        })
        .await;
    if done.as_ref().is_err_and(|problem| problem.code() == "validation-failed") {
        guess.record_failure(&ctx.app, ctx.stamp()).await?;
    }
    ctx.app.forget_callers();
    done
}

/// Take the second factor from an account whose holder has lost it, and end its sessions
///
/// The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "users", operation_id = "resetUserSecondFactor", params(("id" = String, Path, description = "user id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = UserOut)))]
#[post("/users/{id}/reset-second-factor")]
pub async fn reset_user_second_factor(ctx: Ctx, id: PathId<UserId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let action = Action::ResetSecondFactor;
    let reply = resource::transition::<UserOut>(&ctx, &id.0, action, &body.content, async |tx, found| {
        let user = found.row;
        let present = tx.rows().grants().of_user(user.id).await?;
        if !ctx.actor.may_answer_for(ctx.now, user.id, &present) {
            return Err(Problem::new("forbidden"));
        }
        ctx.require_recent_login()?;
        let had = tx.remove_second_factor(user.id).await?;
        tx.end_sessions_of(user.id, "second-factor-reset").await?;
        let mut outcome = user.reset_second_factor(found.grasp.actions, ctx.now)?;
        outcome.events = outcome.events.into_iter().map(|event| event.with("had", Datum::Flag(had))).collect();
        Ok(outcome)
    })
    .await?;
    ctx.app.forget_callers();
    Ok(reply)
}
