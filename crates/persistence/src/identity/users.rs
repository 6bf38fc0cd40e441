//! Accounts.

use std::collections::BTreeSet;

use domain::{
    access::Access,
    cn::RegionCode,
    id::{PersonId, UserId},
    identity::{User, UserState},
    outcome::Outcome,
    time::Instant,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement,
    sea_query::{Condition, Expr, ExprTrait, SimpleExpr},
};
use uuid::Uuid;

use super::entity::{former_password, user};
use crate::{
    connect::Transaction,
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    many,
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    tx::Tx,
    vault::Vault,
};

/// What it takes to check a password.
#[derive(Clone)]
pub struct Credentials {
    /// Whose.
    pub user: User,
    /// PHC string of argon2id.
    pub password_hash: String,
}

/// Which accounts.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// In one of these states; all if empty.
    pub state: Vec<UserState>,
    /// With this in name or user name.
    pub q: Option<String>,
}

/// Finder of accounts.
#[derive(Debug)]
pub struct Users<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Accounts.
    #[must_use]
    pub fn users(self) -> Users<'a, C> {
        Users(self)
    }
}

fn visible(access: &Access) -> Condition {
    let own = scope::own_of_user(user::Column::Id);
    let region = Some(Expr::col((user::Entity, user::Column::RegionCode)));
    scope::visible(access, &ScopeColumns { region, related: &own, ..Default::default() })
}

/// A client has a row among the accounts that is none of somebody.
fn of_people() -> SimpleExpr {
    user::Column::Kind.eq("person")
}

impl Findable for User {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = user::Entity::find_by_id(id.0).filter(visible(access)).filter(of_people());
        rows.one_of::<_, user::Model, _>(select, access, lock).await
    }
}

impl Stored for User {
    type Entity = user::Entity;

    fn row(&self, _: &Vault) -> Result<user::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (user::Column, user::Column) {
        (user::Column::Id, user::Column::Version)
    }
}

impl<C: ConnectionTrait> Users<'_, C> {
    /// A page of accounts that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(&self, access: &Access, filter: &UserFilter, request: &PageRequest) -> Result<Page<Found<User>>> {
        let UserFilter { region, state, q } = filter;
        let mut select = user::Entity::find().filter(visible(access)).filter(of_people());
        if let Some(region) = region {
            select = select.filter(scope::within(Expr::col((user::Entity, user::Column::RegionCode)), region));
        }
        if !state.is_empty() {
            select = select.filter(user::Column::State.is_in(state.iter().map(|state| state.name())));
        }
        if let Some(q) = q {
            let found = scope::contains(Expr::col(user::Column::DisplayName), q)
                .or(scope::contains(Expr::col(user::Column::Username), q));
            select = select.filter(found);
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(user::Column::Id), uuid: true };
        let rows = page::<_, user::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// The usable account of a person, to give it what he becomes; the caller's right was judged before.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn of_person(&self, person: PersonId) -> Result<Option<UserId>> {
        let row = user::Entity::find()
            .filter(user::Column::PersonId.eq(person.0))
            .filter(user::Column::State.eq(UserState::Active.name()))
            .order_by_asc(user::Column::Id)
            .one(self.0.conn)
            .await?;
        Ok(row.map(|row| row.id.into()))
    }

    /// An account that is about to get a grant by what its person becomes; the caller's right was judged before.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn account(&self, id: UserId) -> Result<User> {
        user::Entity::find_by_id(id.0).one(self.0.conn).await?.ok_or(Error::NotFound)?.try_into()
    }

    /// The passwords that a user had before, the oldest first, while his next one is judged.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn former_password_hashes(&self, user: UserId) -> Result<Vec<String>> {
        Ok(self.former_passwords(user).await?.into_iter().map(|row| row.password_hash).collect())
    }

    async fn former_passwords(&self, user: UserId) -> Result<Vec<former_password::Model>> {
        let select = former_password::Entity::find().filter(former_password::Column::UserId.eq(user.0));
        Ok(select.order_by_asc(former_password::Column::Id).all(self.0.conn).await?)
    }

    /// The account of a user name, for the one who is signing in: there is no caller yet, hence no scope.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn credentials(&self, username: &str) -> Result<Option<Credentials>> {
        let select = user::Entity::find().filter(user::Column::Username.eq(username)).filter(of_people());
        let row = select.one(self.0.conn).await?;
        row.map(|row| {
            let password_hash = row.password_hash.clone();
            Ok(Credentials { user: row.try_into()?, password_hash })
        })
        .transpose()
    }
}

/// Lets no other transaction pass here for the same users until this one ends, so that what is counted of them holds.
pub(crate) async fn hold_users(conn: &Transaction, users: &BTreeSet<UserId>) -> Result<()> {
    // SQLite has one writer at a time
    if conn.get_database_backend() == DbBackend::Postgres {
        // a row that becomes free goes to whoever comes then, before those who wait for it; this goes by turns
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('user ' || id, 0)) \
                    FROM (SELECT id FROM unnest(CAST($1 AS uuid[])) AS id ORDER BY id) AS users";
        let users = many::ids(DbBackend::Postgres, users.iter().map(|user| user.0));
        conn.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [users])).await?;
    }
    Ok(())
}

impl Tx {
    /// Saves a new account.
    ///
    /// # Errors
    /// [`Error::Duplicate`] if the user name is taken.
    pub async fn insert_user(&self, outcome: Outcome<User>, password_hash: &str) -> Result<User> {
        let Outcome { value, events, effects: _ } = outcome;
        let row = user::ActiveModel {
            password_hash: Set(password_hash.to_owned()),
            password_set_at: Set(Some(self.now())),
            ..row_of(&value)
        };
        user::Entity::insert(row).exec_without_returning(&self.conn).await?;
        self.record(&events)?;
        Ok(value)
    }

    /// Saves a changed account with its new password.
    ///
    /// # Errors
    /// [`Error::Stale`] if it was changed meanwhile.
    pub async fn update_password(&self, outcome: Outcome<User>, password_hash: &str) -> Result<User> {
        let row = user::ActiveModel {
            password_hash: Set(password_hash.to_owned()),
            password_set_at: Set(Some(self.now())),
            ..row_of(&outcome.value)
        };
        self.update_row(outcome, row).await
    }

    /// Keeps the password that a user had, so that he does not take it again; of those before it the last `most`.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn keep_former_password(&self, user: UserId, password_hash: &str, most: usize) -> Result<()> {
        let row = former_password::ActiveModel {
            id: Set(self.ids().next()),
            user_id: Set(user.0),
            password_hash: Set(password_hash.to_owned()),
        };
        former_password::Entity::insert(row).exec_without_returning(&self.conn).await?;
        let mut ids: Vec<Uuid> = self.rows().users().former_passwords(user).await?.iter().map(|row| row.id).collect();
        let surplus: Vec<Uuid> = ids.drain(..ids.len().saturating_sub(most)).collect();
        if !surplus.is_empty() {
            let old = former_password::Entity::delete_many().filter(former_password::Column::Id.is_in(surplus));
            old.exec(&self.conn).await?;
        }
        Ok(())
    }

    /// Keeps the digest of a code that can be used once, until it runs out.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn insert_one_time_code(&self, hash: Vec<u8>, purpose: &str, expires_at: Instant) -> Result<()> {
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "INSERT INTO one_time_codes (code_hash, purpose, expires_at) VALUES ($1, $2, $3)",
            [hash.into(), purpose.into(), expires_at.into()],
        );
        self.conn.execute_raw(statement).await?;
        Ok(())
    }

    /// Uses a code; `false` if there is none, it was used, or it has run out.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn use_one_time_code(&self, hash: Vec<u8>, purpose: &str) -> Result<bool> {
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "UPDATE one_time_codes SET used_at = $1 \
             WHERE code_hash = $2 AND purpose = $3 AND used_at IS NULL AND expires_at > $1",
            [self.now().into(), hash.into(), purpose.into()],
        );
        Ok(self.conn.execute_raw(statement).await?.rows_affected() == 1)
    }

    /// Whether there is any user at all.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_users(&self) -> Result<bool> {
        #[derive(FromQueryResult)]
        struct Row {
            found: i64,
        }
        let sql = "SELECT count(*) AS found FROM (SELECT 1 FROM users LIMIT 1) AS any_user";
        let statement = Statement::from_string(self.conn.get_database_backend(), sql);
        Ok(Row::find_by_statement(statement).one(&self.conn).await?.is_some_and(|row| row.found > 0))
    }
}

/// The row of an account, its password aside.
fn row_of(value: &User) -> user::ActiveModel {
    let User {
        id,
        username,
        display_name,
        person_id,
        region_code,
        state,
        has_long_password,
        version,
        created_at,
        updated_at,
    } = value;
    user::ActiveModel {
        id: Set(id.0),
        username: Set(username.clone()),
        password_hash: NotSet,
        display_name: Set(display_name.clone()),
        person_id: Set(person_id.map(Into::into)),
        region_code: Set(region_code.as_ref().map(ToString::to_string)),
        state: Set(state.name().to_owned()),
        has_long_password: Set(*has_long_password),
        kind: Set("person".to_owned()),
        password_set_at: NotSet,
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for user::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}

impl TryFrom<user::Model> for User {
    type Error = Error;

    fn try_from(row: user::Model) -> Result<Self> {
        let user::Model {
            id,
            username,
            password_hash: _,
            display_name,
            person_id,
            region_code,
            state,
            has_long_password,
            kind: _,
            password_set_at: _,
            version,
            created_at,
            updated_at,
        } = row;
        let region_code =
            region_code.map(|code| word(RegionCode::parse(&code).ok(), "users", "region_code", &id)).transpose()?;
        Ok(Self {
            id: id.into(),
            username,
            display_name,
            person_id: person_id.map(Into::into),
            region_code,
            state: word(UserState::from_name(&state), "users", "state", &id)?,
            has_long_password,
            version,
            created_at,
            updated_at,
        })
    }
}
