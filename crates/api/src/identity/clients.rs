//! Clients 接入方: other programs that work with Lianxin.

use actix_web::{delete, get, patch, post};
use domain::{
    access::{Action, ResourceKind, Scope},
    cn::{RegionCode, RegionLevel},
    id::{ClientId, OrganizationId},
    identity::{Client, ClientState, LONGEST_CLIENT, OLD_SECRET},
    outcome::Outcome,
    places::Organization,
    resource::Resource as _,
};
use persistence::{ClientFilter, Found, NewClientSecret, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use super::service::code_digest;
use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, OneOf, PathId, RegionText, Reply,
        View, WordOf, Writable,
        resource::{self, page_of, shown_as, timeline_of},
        value::NothingIn,
    },
    keys::new_secret,
    problem::Problem,
};

type ScopeIo = WordOf<Scope>;
type StateIo = WordOf<ClientState>;
type ClientPatch = MergePatch<ClientIn>;

/// A client 接入方.
#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
pub struct ClientOut {
    /// Its id, by which it signs in.
    id: Uuid,
    /// The region whose subtree it works in.
    region_code: String,
    /// What it is called.
    name: String,
    /// The organization that answers for it.
    organization_id: Uuid,
    /// What it may do there.
    scopes: Vec<ScopeIo>,
    /// Until before when.
    expires_at: At,
    /// pending (the scope of its data waits for approval), active or disabled
    state: StateIo,
    /// Who asked for the scope of data.
    requested_by: Uuid,
    /// Who approved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    approved_by: Option<Uuid>,
    /// Its secret, shown once: when it is made, and when it gets another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client_secret: Option<String>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(ClientPageOut, ClientPage, ClientOut);
shown_as!(ClientOut, Client, Personal);

impl View for ClientOut {
    type Row = Client;

    const COLLECTION: &'static str = "clients";

    fn of(ctx: &Ctx, found: Found<Client>) -> Self {
        let actions = found.row.actions(&ctx.actor, found.grasp.actions, ctx.now);
        let Client {
            id,
            name,
            region_code,
            organization_id,
            scopes,
            expires_at,
            state,
            requested_by,
            approved_by,
            deleted_at: _,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            name,
            organization_id: organization_id.0,
            scopes: scopes.into_iter().map(WordOf).collect(),
            expires_at: expires_at.into(),
            state: WordOf(state),
            requested_by: requested_by.0,
            approved_by: approved_by.map(Into::into),
            client_secret: None,
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A client as it is written.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewClient, example = json!({"name": "12345 热线", "region_code": "360502002", "organization_id": "019cdd11-7f00-7a00-9b00-aaaaaaaaaaaa", "scopes": ["service_orders:read"], "expires_at": "2027-03-01T00:00:00+08:00"}))]
pub struct ClientIn {
    /// What it is called.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: String,
    /// The region whose subtree it works in.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: String,
    /// The organization that answers for it.
    organization_id: Uuid,
    /// What it may do there. Who writes a thing reads it, too.
    #[schema(min_items = 1, max_items = 50)]
    scopes: Vec<ScopeIo>,
    /// Until before when: a year ahead at most.
    expires_at: At,
}

impl Writable for ClientIn {
    const MEMBERS: &'static [&'static str] = &["name", "region_code", "organization_id", "scopes", "expires_at"];
    const FIXED: &'static [&'static str] = &["name", "region_code"];
}

impl Editable for ClientOut {
    type In = ClientIn;

    const EVENTS: (&'static str, &'static str) = ("client.created", "client.updated");

    fn written(row: &Client) -> ClientIn {
        ClientIn {
            name: row.name.clone(),
            region_code: row.region_code.to_string(),
            organization_id: row.organization_id.0,
            scopes: row.scopes.iter().copied().map(WordOf).collect(),
            expires_at: row.expires_at.into(),
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Client>, written: ClientIn) -> Result<Client, Problem> {
        let ClientIn { name, region_code, organization_id, scopes, expires_at } = written;
        let region_code = ctx.named_region(tx.rows(), &region_code, RegionLevel::Province, "/region_code").await?;
        // who runs the system reads no organizations, and learns no more of this one than that it exists
        let organization_id = OrganizationId(organization_id);
        if !tx.rows().exists::<Organization>(&organization_id).await? {
            return Err(Problem::field("/organization_id", "not-found"));
        }
        let mut scopes: Vec<Scope> = scopes.into_iter().map(|scope| scope.0).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let before = make.before();
        let expires_at = expires_at.0;
        if before.is_none_or(|row| row.expires_at != expires_at) {
            if expires_at <= ctx.now {
                return Err(Problem::field("/expires_at", "not-in-future"));
            }
            if expires_at > ctx.now + LONGEST_CLIENT {
                return Err(Problem::field("/expires_at", "too-far-ahead"));
            }
        }
        let by = ctx.actor.user_id;
        Ok(match before {
            Some(row) => Client { organization_id, ..row.clone().asking_for(scopes, expires_at, by) },
            None => Client {
                id: make.id(|| ctx.app.ids.next().into()),
                name: name.trim().to_owned(),
                region_code,
                organization_id,
                scopes,
                expires_at,
                state: ClientState::Pending,
                requested_by: by,
                approved_by: None,
                deleted_at: None,
                version: 1,
                created_at: ctx.now,
                updated_at: ctx.now,
            },
        })
    }
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type ClientStates = OneOf<ClientState>;

/// Filters of the list of clients.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClientListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// In one of these states, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    state: ClientStates,
    /// With this in the name.
    #[param(min_length = 1, max_length = 50)]
    q: Option<String>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for ClientListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List clients
#[utoipa::path(tag = "clients", operation_id = "listClients", params(ListParams, ClientListIn), security(("bearer" = [])), responses((status = 200, body = ClientPageOut)))]
#[get("/clients")]
pub async fn list_clients(ctx: Ctx, list: List<ClientListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Client)?;
    let ClientListIn { region, state, q, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = ClientFilter { region: region.clone(), state: state.0.clone(), q: q.clone() };
    let page = ctx.app.database.rows().clients().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<ClientOut, _>(&ctx, &list, page)
}

/// Read a client
#[utoipa::path(tag = "clients", operation_id = "getClient", params(("id" = Uuid, Path, description = "client id")), security(("bearer" = [])), responses((status = 200, body = ClientOut)))]
#[get("/clients/{id}")]
pub async fn get_client(ctx: Ctx, id: PathId<ClientId>) -> Result<Reply, Problem> {
    resource::get::<ClientOut>(&ctx, &id.0).await
}

/// Make a client, which works once the scope of its data is approved
///
/// The caller must have signed in within the last ten minutes. The secret is shown this once; a repetition of the request
/// does not show it again.
#[utoipa::path(tag = "clients", operation_id = "createClient", request_body = ClientIn, security(("bearer" = [])), responses((status = 201, body = ClientOut)))]
#[post("/clients")]
pub async fn create_client(ctx: Ctx, body: Body<ClientIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Create, ResourceKind::Client)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    ctx.require_recent_login()?;
    ctx.write(&body.content, async |tx| {
        let client = ClientOut::build(&ctx, tx, Make::New(None), body.value).await?;
        tx.insert_client_account(&client).await?;
        let event = client.event("client.created");
        let client = tx.insert(Outcome::new(client, event)).await?;
        let secret = another_secret(&ctx, tx, client.id).await?;
        resource::created::<ClientOut>(&ctx, client)?.with_secret("client_secret", &secret)
    })
    .await
}

/// Gives a client another secret, beside those that it has for a while.
async fn another_secret(ctx: &Ctx, tx: &Tx, client_id: ClientId) -> Result<String, Problem> {
    let secret = new_secret().map_err(|_| Problem::new("unavailable"))?;
    let new = NewClientSecret { id: ctx.app.ids.next().into(), client_id, secret_hash: code_digest(&secret) };
    tx.insert_client_secret(&new, ctx.now + OLD_SECRET).await?;
    Ok(secret)
}

/// Change a client; another scope of data, or more time, waits for approval again
#[utoipa::path(tag = "clients", operation_id = "updateClient", params(("id" = Uuid, Path, description = "client id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = ClientPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = ClientOut)))]
#[patch("/clients/{id}")]
pub async fn update_client(ctx: Ctx, id: PathId<ClientId>, patch: ClientPatch) -> Result<Reply, Problem> {
    let reply = resource::patch::<ClientOut>(&ctx, &id.0, patch).await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Approve the scope of data of a client
///
/// The caller could do himself, in the region of the client, all that its scopes allow, and did not ask for them. He must
/// have signed in within the last ten minutes.
#[utoipa::path(tag = "clients", operation_id = "approveClient", params(("id" = Uuid, Path, description = "client id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = ClientOut)))]
#[post("/clients/{id}/approve")]
pub async fn approve_client(ctx: Ctx, id: PathId<ClientId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    resource::transition::<ClientOut>(&ctx, &id.0, Action::Approve, &body.content, async |_, found| {
        ctx.require_recent_login()?;
        Ok(found.row.approve(&ctx.actor, found.grasp.actions, ctx.now)?)
    })
    .await
}

/// Close a client
#[utoipa::path(tag = "clients", operation_id = "disableClient", params(("id" = Uuid, Path, description = "client id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = ClientOut)))]
#[post("/clients/{id}/disable")]
pub async fn disable_client(ctx: Ctx, id: PathId<ClientId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let reply = resource::transition::<ClientOut>(&ctx, &id.0, Action::Disable, &body.content, async |_, found| {
        Ok(found.row.disable(&ctx.actor, found.grasp.actions, ctx.now)?)
    })
    .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

/// Give a client another secret; the one before is taken for 24 hours more
///
/// The caller must have signed in within the last ten minutes. The secret is shown this once; a repetition of the request
/// does not show it again.
#[utoipa::path(tag = "clients", operation_id = "rotateClientSecret", params(("id" = Uuid, Path, description = "client id")), request_body = Option<NothingIn>, security(("bearer" = [])), responses((status = 200, body = ClientOut)))]
#[post("/clients/{id}/rotate-secret")]
pub async fn rotate_client_secret(ctx: Ctx, id: PathId<ClientId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::RotateSecret, ResourceKind::Client)?;
    ctx.write(&body.content, async |tx| {
        let found = tx.rows().find_to_change::<Client>(&access, &id.0).await?.permitted(&access)?;
        ctx.require_recent_login()?;
        ctx.check_version(found.row.version)?;
        let client = tx.update(found.row.rotate_secret(&ctx.actor, found.grasp.actions, ctx.now)?).await?;
        let secret = another_secret(&ctx, tx, client.id).await?;
        resource::shown::<ClientOut>(&ctx, client)?.with_secret("client_secret", &secret)
    })
    .await
}

/// Remove a client
#[utoipa::path(tag = "clients", operation_id = "deleteClient", params(("id" = Uuid, Path, description = "client id"), ("If-Match" = String, Header, description = "ETag of the version that is removed")), security(("bearer" = [])), responses((status = 204)))]
#[delete("/clients/{id}")]
pub async fn delete_client(ctx: Ctx, id: PathId<ClientId>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Delete, ResourceKind::Client)?;
    let reply = ctx
        .write(&serde_json::Value::Null, async |tx| {
            let client = tx.rows().find_to_change::<Client>(&access, &id.0).await?.permitted(&access)?.row;
            ctx.require_version(client.version)?;
            tx.update(client.delete(ctx.now)).await?;
            Ok(Reply::no_content())
        })
        .await?;
    ctx.app.forget_callers();
    Ok(reply)
}

timeline_of!(list_client_events, "clients", "listClientEvents", "/clients/{id}/events", "id", Client);
