//! Accounts.

use actix_web::{get, patch, post};
use domain::{
    access::{Action, ResourceKind},
    cn::{RegionCode, RegionLevel},
    id::UserId,
    identity::{PasswordRules, User, UserState, check_password},
    outcome::Outcome,
    people::Person,
    places::Region,
    resource::Resource as _,
};
use persistence::{Connection, Found, Rows, Tx, UserFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::{attempts::Guess, password};
use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, OneOf, PathId, RegionText, Reply,
        View, WordOf, Writable,
        resource::{self, page_of, shown_as, timeline_of},
        value::NothingIn,
    },
    problem::Problem,
    state::App,
};

type StateIo = WordOf<UserState>;
type UserPatch = MergePatch<UserIn>;

/// An account 账号.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserOut {
    /// Its id.
    id: Uuid,
    /// Where it is kept; absent for accounts of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region_code: Option<String>,
    /// The name to sign in with.
    username: String,
    /// What others see.
    display_name: String,
    /// The person behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    person_id: Option<Uuid>,
    /// Whether it can be used.
    state: StateIo,
    /// What the caller may do now; whether he may act on this account in view of its own grants is judged when he does.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(UserPageOut, UserPage, UserOut);
shown_as!(UserOut, User, Personal);

impl View for UserOut {
    type Row = User;

    const COLLECTION: &'static str = "users";

    fn of(ctx: &Ctx, found: Found<User>) -> Self {
        let mut actions = found.row.actions(found.grasp.actions);
        if found.row.id == ctx.actor.user_id {
            // nobody closes his own account
            actions.retain(|action| *action != Action::Disable.name());
        }
        let User {
            id,
            username,
            display_name,
            person_id,
            region_code,
            state,
            has_long_password: _,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            region_code: region_code.map(|code| code.to_string()),
            username,
            display_name,
            person_id: person_id.map(Into::into),
            state: WordOf(state),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// An account as it is made.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser, example = json!({"username": "zhangmin", "password": "correct horse battery", "display_name": "张敏", "region_code": "360502002001"}))]
pub struct NewUserIn {
    /// The name to sign in with.
    #[schema(min_length = 2, max_length = 50, pattern = "^[a-z0-9][a-z0-9._-]*$")]
    username: String,
    /// The password: 8 characters at least, 12 for whoever is to hold an office.
    #[schema(min_length = 1, max_length = 200, format = Password)]
    password: String,
    /// What others see.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    display_name: String,
    /// The person behind it.
    person_id: Option<Uuid>,
    /// Where it is kept; accounts of the system have none.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: Option<String>,
}

/// What of an account can be changed.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Account)]
pub struct UserIn {
    /// What others see.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    display_name: String,
    /// The person behind it.
    person_id: Option<Uuid>,
    /// Where it is kept.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: Option<String>,
}

impl Writable for UserIn {
    const MEMBERS: &'static [&'static str] = &["display_name", "person_id", "region_code"];
}

impl Editable for UserOut {
    type In = UserIn;

    const EVENTS: (&'static str, &'static str) = ("user.created", "user.updated");

    fn written(row: &User) -> UserIn {
        UserIn {
            display_name: row.display_name.clone(),
            person_id: row.person_id.map(Into::into),
            region_code: row.region_code.as_ref().map(ToString::to_string),
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, User>, written: UserIn) -> Result<User, Problem> {
        let UserIn { display_name, person_id, region_code } = written;
        let before = make.before().ok_or_else(|| Problem::new("internal"))?;
        if before.id != ctx.actor.user_id {
            answers_for(ctx, tx.rows(), before).await?;
        }
        let person_id = person_id.map(Into::into);
        let region_code = match region_code {
            Some(code) => Some(ctx.named_region(tx.rows(), &code, RegionLevel::Province, "/region_code").await?),
            None => None,
        };
        // who somebody is and where he belongs is for others to say
        for (changed, pointer) in
            [(person_id != before.person_id, "/person_id"), (region_code != before.region_code, "/region_code")]
        {
            if changed && before.id == ctx.actor.user_id {
                return Err(Problem::field(pointer, "not-changeable"));
            }
        }
        if let Some(person) = person_id.filter(|_| person_id != before.person_id) {
            ctx.named::<Person, _>(tx.rows(), &person, "/person_id").await?;
        }
        Ok(User { display_name: display_name.trim().to_owned(), person_id, region_code, ..before.clone() })
    }
}

/// A new password.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPassword)]
pub struct PasswordIn {
    /// The new password.
    #[schema(min_length = 1, max_length = 200, format = Password)]
    password: String,
    /// The present one, for whoever changes his own.
    #[schema(min_length = 1, max_length = 200, format = Password)]
    current_password: Option<String>,
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type UserStates = OneOf<UserState>;

/// Filters of the list of accounts.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// In one of these states, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    state: UserStates,
    /// With this in name or user name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for UserListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List accounts
#[utoipa::path(tag = "users", operation_id = "listUsers", params(ListParams, UserListIn), security(("bearer" = [])), responses((status = 200, body = UserPageOut)))]
#[get("/users")]
pub async fn list_users(ctx: Ctx, list: List<UserListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::User)?;
    let UserListIn { region, state, q, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = UserFilter { region: region.clone(), state: state.0.clone(), q: q.clone() };
    let page = ctx.app.database.rows().users().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<UserOut, _>(&ctx, &list, page)
}

/// Read an account
#[utoipa::path(tag = "users", operation_id = "getUser", params(("id" = Uuid, Path, description = "user id")), security(("bearer" = [])), responses((status = 200, body = UserOut)))]
#[get("/users/{id}")]
pub async fn get_user(ctx: Ctx, id: PathId<UserId>) -> Result<Reply, Problem> {
    resource::get::<UserOut>(&ctx, &id.0).await
}

/// Create an account
#[utoipa::path(tag = "users", operation_id = "createUser", request_body = NewUserIn, security(("bearer" = [])), responses((status = 201, body = UserOut)))]
#[post("/users")]
pub async fn create_user(ctx: Ctx, body: Body<NewUserIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Create, ResourceKind::User)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    let NewUserIn { username, password, display_name, person_id, region_code } = body.value;
    let rows = ctx.app.database.rows();
    let region = match region_code {
        Some(code) => {
            let code = RegionCode::parse(&code).map_err(|error| Problem::field("/region_code", error.code()))?;
            Some(ctx.named::<Region, _>(rows, &code, "/region_code").await?.row)
        }
        None => None,
    };
    let person = match person_id {
        Some(person) => Some(ctx.named::<Person, _>(rows, &person.into(), "/person_id").await?.row),
        None => None,
    };
    let region_name = region.as_ref().map(|region| region.name.as_str());
    let has_long_password = judged(&ctx.app, &password, &username, region_name, person.as_ref())?;
    let hash = password::hash_apart(&ctx.app, password).await?;
    ctx.write(&body.content, async |tx| {
        let user = User {
            id: ctx.app.ids.next().into(),
            username,
            display_name: display_name.trim().to_owned(),
            person_id: person.map(|person| person.id),
            region_code: region.map(|region| region.code),
            state: UserState::Active,
            has_long_password,
            version: 1,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        if !access.permits_at(&user) {
            return Err(Problem::new("forbidden"));
        }
        let event = user.event("user.created");
        resource::created::<UserOut>(&ctx, tx.insert_user(Outcome::new(user, event), &hash).await?)
    })
    .await
}

/// Holds a password to the rules, in view of what is known of its account; whether it will do for an office too.
fn judged(
    app: &App,
    password: &str,
    username: &str,
    region: Option<&str>,
    person: Option<&Person>,
) -> Result<bool, Problem> {
    let phone = person.and_then(|person| person.phone.as_ref()).map(|phone| phone.e164().trim_start_matches("+86"));
    let context: Vec<&str> = [Some(username), region, phone].into_iter().flatten().collect();
    let rules = PasswordRules { privileged: false, composed: app.settings.password_profile.is_composed() };
    check_password(password, &context, rules).map_err(|fault| Problem::field("/password", fault.code()))
}

/// Change an account
#[utoipa::path(tag = "users", operation_id = "updateUser", params(("id" = Uuid, Path, description = "user id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = UserPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = UserOut)))]
#[patch("/users/{id}")]
pub async fn update_user(ctx: Ctx, id: PathId<UserId>, patch: UserPatch) -> Result<Reply, Problem> {
    let reply = resource::patch::<UserOut>(&ctx, &id.0, patch).await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Close an account and end its sessions
///
/// The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "users", operation_id = "disableUser", params(("id" = Uuid, Path, description = "user id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = UserOut)))]
#[post("/users/{id}/disable")]
pub async fn disable_user(ctx: Ctx, id: PathId<UserId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let reply = resource::transition::<UserOut>(&ctx, &id.0, Action::Disable, &body.content, async |tx, found| {
        let present = tx.rows().grants().of_user(found.row.id).await?;
        if !ctx.actor.may_close(ctx.now, found.row.id, &present) {
            return Err(Problem::new("forbidden"));
        }
        ctx.require_recent_login()?;
        tx.end_sessions_of(found.row.id, "disabled").await?;
        Ok(found.row.disable(found.grasp.actions, ctx.now)?)
    })
    .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Give an account a new password and end its sessions
///
/// Whoever does it to the account of another must have signed in within the last ten minutes.
#[utoipa::path(tag = "users", operation_id = "resetUserPassword", params(("id" = Uuid, Path, description = "user id")), request_body = PasswordIn, security(("bearer" = [])), responses((status = 200, body = UserOut)))]
#[post("/users/{id}/reset-password")]
pub async fn reset_user_password(ctx: Ctx, id: PathId<UserId>, body: Body<PasswordIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::ResetPassword, ResourceKind::User)?;
    let user = ctx.app.database.rows().find::<User>(&access, &id.0).await?.permitted(&access)?.row;
    let PasswordIn { password, current_password } = body.value;
    let rows = ctx.app.database.rows();
    let region = match &user.region_code {
        Some(code) => rows.regions().name(code).await?,
        None => None,
    };
    let person = match user.person_id {
        Some(person) => Some(rows.persons().own(person).await?),
        None => None,
    };
    let is_long = judged(&ctx.app, &password, &user.username, region.as_deref(), person.as_ref())?;
    let is_own = user.id == ctx.actor.user_id;
    if is_own {
        own_password(&ctx, &user, current_password).await?;
    } else {
        // before a password is compared with his: what somebody may not set, he must not guess either
        answers_for(&ctx, rows, &user).await?;
        ctx.require_recent_login()?;
    }
    let former = unlike_former(&ctx, &user, &password).await?;
    let hash = password::hash_apart(&ctx.app, password).await?;
    let reply = ctx
        .write(&body.content, async |tx| {
            let found = tx.rows().find_to_change::<User>(&access, &id.0).await?.permitted(&access)?;
            ctx.check_version(found.row.version)?;
            let present = tx.rows().grants().of_user(user.id).await?;
            if !is_own && !ctx.actor.may_answer_for(ctx.now, user.id, &present) {
                return Err(Problem::new("forbidden"));
            }
            let holds_office = present.iter().any(|grant| grant.revoked_at.is_none() && grant.role.is_privileged());
            if holds_office && !is_long {
                return Err(Problem::field("/password", "password-too-short"));
            }
            if let Some(former) = &former {
                tx.keep_former_password(user.id, former, ctx.app.settings.password_profile.remembers() - 1).await?;
            }
            tx.end_sessions_of(user.id, "password-reset").await?;
            let outcome = found.row.reset_password(is_long, found.grasp.actions, ctx.now)?;
            resource::shown::<UserOut>(&ctx, tx.update_password(outcome, &hash).await?)
        })
        .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Whoever changes his own password knows the present one. Who guesses it waits as he would when signing in.
async fn own_password(ctx: &Ctx, user: &User, given: Option<String>) -> Result<(), Problem> {
    let given = given.ok_or_else(|| Problem::field("/current_password", "required"))?;
    let guess = Guess::new(&ctx.app, &user.username, ctx.stamp().address);
    guess.allow(&ctx.app).await?;
    let kept = ctx.app.database.rows().users().credentials(&user.username).await?;
    let hash = kept.map(|kept| kept.password_hash);
    if password::verify(&ctx.app, given, hash).await? {
        return Ok(());
    }
    guess.record_failure(&ctx.app, ctx.stamp()).await?;
    Err(Problem::field("/current_password", "wrong-password"))
}

/// Refuses a password that the account had lately, where the profile remembers them; the hash of the present one, to be
/// remembered.
async fn unlike_former(ctx: &Ctx, user: &User, password: &str) -> Result<Option<String>, Problem> {
    if ctx.app.settings.password_profile.remembers() == 0 {
        return Ok(None);
    }
    let rows = ctx.app.database.rows();
    let present = rows.users().credentials(&user.username).await?.map(|kept| kept.password_hash);
    for hash in rows.users().former_password_hashes(user.id).await?.into_iter().chain(present.clone()) {
        if password::verify(&ctx.app, password.to_owned(), Some(hash)).await? {
            return Err(Problem::field("/password", "password-used-before"));
        }
    }
    Ok(present)
}

/// Refuses to act on an account whose grants are not the caller's to give.
async fn answers_for<C: Connection>(ctx: &Ctx, rows: Rows<'_, C>, user: &User) -> Result<(), Problem> {
    let present = rows.grants().of_user(user.id).await?;
    if ctx.actor.may_answer_for(ctx.now, user.id, &present) { Ok(()) } else { Err(Problem::new("forbidden")) }
}

timeline_of!(list_user_events, "users", "listUserEvents", "/users/{id}/events", "id", User);
