//! Clients and their secrets.

use domain::{
    access::{Access, Actor, Scope},
    cn::RegionCode,
    id::{ClientId, ClientSecretId},
    identity::{Client, ClientState},
    time::Instant,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr, SimpleExpr},
};
use serde_json::json;

use super::entity::{client, client_secret, user};
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    tx::Tx,
    vault::Vault,
};

/// Which clients.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// In one of these states; all if empty.
    pub state: Vec<ClientState>,
    /// With this in the name.
    pub q: Option<String>,
}

/// A secret about to be given out.
#[derive(Debug, Clone)]
pub struct NewClientSecret {
    /// Its id.
    pub id: ClientSecretId,
    /// Whose it is.
    pub client_id: ClientId,
    /// SHA-256 of it.
    pub secret_hash: Vec<u8>,
}

/// A secret that is taken.
#[derive(Debug, Clone)]
pub struct ClientSecret {
    /// Its id.
    pub id: ClientSecretId,
    /// SHA-256 of it.
    pub secret_hash: Vec<u8>,
}

/// Finder of clients.
#[derive(Debug)]
pub struct Clients<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Clients.
    #[must_use]
    pub fn clients(self) -> Clients<'a, C> {
        Clients(self)
    }
}

fn region_column() -> Expr {
    Expr::col((client::Entity, client::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    scope::visible(access, &ScopeColumns { region: Some(region_column()), ..Default::default() })
}

/// A client that was removed is seen no more but in its events.
fn kept() -> SimpleExpr {
    client::Column::DeletedAt.is_null()
}

impl Findable for Client {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = client::Entity::find_by_id(id.0).filter(visible(access)).filter(kept());
        rows.one_of::<_, client::Model, _>(select, access, lock).await
    }
}

impl Stored for Client {
    type Entity = client::Entity;

    fn row(&self, _: &Vault) -> Result<client::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (client::Column, client::Column) {
        (client::Column::Id, client::Column::Version)
    }
}

impl<C: ConnectionTrait> Clients<'_, C> {
    /// A page of clients that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &ClientFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Client>>> {
        let ClientFilter { region, state, q } = filter;
        let mut select = client::Entity::find().filter(visible(access)).filter(kept());
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if !state.is_empty() {
            select = select.filter(client::Column::State.is_in(state.iter().map(|state| state.name())));
        }
        if let Some(q) = q {
            select = select.filter(scope::contains(Expr::col(client::Column::Name), q));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(client::Column::Id), uuid: true };
        let rows = page::<_, client::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// A client that can be used now and the secrets that it may show, for the one that signs in: there is no caller
    /// yet, hence no scope.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn credentials(&self, id: ClientId, now: Instant) -> Result<Option<(Client, Vec<ClientSecret>)>> {
        let Some(client) = self.open(id, now).await? else { return Ok(None) };
        let secrets = client_secret::Entity::find()
            .filter(client_secret::Column::ClientId.eq(id.0))
            .filter(taken(now))
            .all(self.0.conn)
            .await?;
        let secrets = secrets.into_iter().map(|row| ClientSecret { id: row.id.into(), secret_hash: row.secret_hash });
        Ok(Some((client, secrets.collect())))
    }

    /// The caller behind an access token of a client, and until when it is one: `None` if it is closed or has expired,
    /// or the secret by which it signed in is no longer taken.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn actor(&self, id: ClientId, secret: ClientSecretId, now: Instant) -> Result<Option<(Actor, Instant)>> {
        let Some(client) = self.open(id, now).await? else { return Ok(None) };
        let row = client_secret::Entity::find_by_id(secret.0)
            .filter(client_secret::Column::ClientId.eq(id.0))
            .filter(taken(now))
            .one(self.0.conn)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let until = row.retires_at.map_or(client.expires_at, |at| at.min(client.expires_at));
        Ok(Some((client.actor(secret), until)))
    }

    async fn open(&self, id: ClientId, now: Instant) -> Result<Option<Client>> {
        let row = client::Entity::find_by_id(id.0).one(self.0.conn).await?;
        let client: Option<Client> = row.map(TryInto::try_into).transpose()?;
        Ok(client.filter(|client| client.is_open(now)))
    }
}

/// Secrets that are still taken.
fn taken(now: Instant) -> Condition {
    Condition::any().add(client_secret::Column::RetiresAt.is_null()).add(client_secret::Column::RetiresAt.gt(now))
}

impl Tx {
    /// Makes the row among the accounts that stands for a client in events and wherever else an account is named.
    /// Nobody signs in to it and no list of accounts shows it.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn insert_client_account(&self, client: &Client) -> Result<()> {
        let row = user::ActiveModel {
            id: Set(client.id.0),
            // no user name has a colon
            username: Set(format!("client:{}", client.id)),
            password_hash: Set(String::new()),
            display_name: Set(client.name.clone()),
            person_id: Set(None),
            region_code: Set(Some(client.region_code.to_string())),
            state: Set("active".to_owned()),
            has_long_password: Set(false),
            kind: Set("client".to_owned()),
            password_set_at: Set(None),
            version: Set(1),
            created_at: Set(client.created_at),
            updated_at: Set(client.created_at),
        };
        user::Entity::insert(row).exec_without_returning(&self.conn).await?;
        Ok(())
    }

    /// Adds a secret; those that a client has are taken until `others_until` at the latest.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn insert_client_secret(&self, new: &NewClientSecret, others_until: Instant) -> Result<()> {
        let NewClientSecret { id, client_id, secret_hash } = new;
        let retiring = client_secret::ActiveModel { retires_at: Set(Some(others_until)), ..Default::default() };
        client_secret::Entity::update_many()
            .set(retiring)
            .filter(client_secret::Column::ClientId.eq(client_id.0))
            .filter(taken(others_until))
            .exec(&self.conn)
            .await?;
        let row = client_secret::ActiveModel {
            id: Set(id.0),
            client_id: Set(client_id.0),
            secret_hash: Set(secret_hash.clone()),
            retires_at: Set(None),
            created_at: Set(self.now()),
        };
        client_secret::Entity::insert(row).exec_without_returning(&self.conn).await?;
        Ok(())
    }
}

fn row_of(value: &Client) -> client::ActiveModel {
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
        deleted_at,
        version,
        created_at,
        updated_at,
    } = value;
    client::ActiveModel {
        id: Set(id.0),
        name: Set(name.clone()),
        region_code: Set(region_code.to_string()),
        organization_id: Set(organization_id.0),
        scopes: Set(json!(scopes)),
        expires_at: Set(*expires_at),
        state: Set(state.name().to_owned()),
        requested_by: Set(requested_by.0),
        approved_by: Set(approved_by.map(Into::into)),
        deleted_at: Set(*deleted_at),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for client::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}

impl TryFrom<client::Model> for Client {
    type Error = Error;

    fn try_from(row: client::Model) -> Result<Self> {
        const TABLE: &str = "clients";
        let client::Model {
            id,
            name,
            region_code,
            organization_id,
            scopes,
            expires_at,
            state,
            requested_by,
            approved_by,
            deleted_at,
            version,
            created_at,
            updated_at,
        } = row;
        Ok(Self {
            id: id.into(),
            name,
            region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
            organization_id: organization_id.into(),
            scopes: word(serde_json::from_value::<Vec<Scope>>(scopes).ok(), TABLE, "scopes", &id)?,
            expires_at,
            state: word(ClientState::from_name(&state), TABLE, "state", &id)?,
            requested_by: requested_by.into(),
            approved_by: approved_by.map(Into::into),
            deleted_at,
            version,
            created_at,
            updated_at,
        })
    }
}
