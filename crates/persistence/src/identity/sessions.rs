//! Sessions, their refresh tokens, and the caller that stands behind a session.

use domain::{
    access::{Access, Actor, VolunteerStanding},
    cn::RegionCode,
    event::EventDraft,
    id::{PersonId, RefreshTokenId, SessionId, UserId},
    identity::{Proof, RefreshToken, Session},
    time::Instant,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement,
    sea_query::{Condition, Expr},
};
use uuid::Uuid;

use super::entity::{refresh_token, session};
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock},
    scope::{self, ScopeColumns},
    tx::Tx,
};

/// A session about to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// What the program on the device calls itself.
    pub device: Option<String>,
    /// The network from which it begins.
    pub network: Option<String>,
}

/// A refresh token about to be given out.
#[derive(Debug, Clone)]
pub struct NewRefreshToken {
    /// Its id.
    pub id: RefreshTokenId,
    /// Which session it continues.
    pub session_id: SessionId,
    /// SHA-256 of its secret.
    pub secret_hash: Vec<u8>,
    /// Until when it can be used, and the session with it.
    pub expires_at: Instant,
}

/// A refresh token that somebody presents.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The token.
    pub token: RefreshToken,
    /// Its successor, if it has one.
    pub successor: Option<RefreshToken>,
    /// SHA-256 of its secret.
    pub secret_hash: Vec<u8>,
    /// Whose session it is.
    pub user_id: UserId,
    /// When the user last proved who he is.
    pub authenticated_at: Instant,
    /// When the session began.
    pub began_at: Instant,
    /// Whether the session still lasts and the account is active.
    pub live: bool,
}

/// The caller behind a session, and whether his access token came with a refresh token that is still good.
#[derive(Debug, Clone)]
pub struct ActorRow {
    /// The caller.
    pub actor: Actor,
    /// Until when his session lasts, unless it is renewed.
    pub until: Instant,
    /// Whether the access token was seen for the first time.
    pub first_seen: bool,
}

/// Which sessions.
#[derive(Debug, Clone)]
pub struct SessionFilter {
    /// Of this user.
    pub user_id: UserId,
    /// Those that last at this time.
    pub at: Instant,
}

/// Finder of sessions.
#[derive(Debug)]
pub struct Sessions<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Sessions.
    #[must_use]
    pub fn sessions(self) -> Sessions<'a, C> {
        Sessions(self)
    }
}

#[derive(FromQueryResult)]
struct CallerRow {
    user_id: Uuid,
    person_id: Option<Uuid>,
    display_name: String,
    authenticated_at: Instant,
    expires_at: Instant,
    password_set_at: Instant,
    has_second_factor: bool,
    access_seen_at: Option<Instant>,
}

#[derive(FromQueryResult)]
struct StandingRow {
    id: Uuid,
    region_code: String,
    team_id: Option<Uuid>,
}

#[derive(FromQueryResult)]
struct SessionRow {
    #[sea_orm(nested)]
    session: session::Model,
    region_code: Option<String>,
}

/// Where the account of a session is kept.
const REGION: &str = "(SELECT u.region_code FROM users u WHERE u.id = sessions.user_id)";

/// Sessions that have not ended.
fn lasting() -> Select<session::Entity> {
    session::Entity::find().expr_as(Expr::cust(REGION), "region_code").filter(session::Column::EndedAt.is_null())
}

fn visible(access: &Access) -> Condition {
    let own = scope::own_of_user(session::Column::UserId);
    let region = Some(Expr::cust(REGION));
    scope::visible(access, &ScopeColumns { region, related: &own, ..Default::default() })
}

impl Findable for Session {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = lasting().filter(session::Column::Id.eq(id.0)).filter(visible(access));
        rows.one_of::<_, SessionRow, _>(select, access, lock).await
    }
}

impl SortKey for SessionRow {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.session.id.to_string() }
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = Error;

    fn try_from(row: SessionRow) -> Result<Self> {
        let SessionRow { session, region_code } = row;
        let session::Model {
            id,
            user_id,
            authenticated_at: _,
            ended_at: _,
            end_reason: _,
            device,
            network,
            last_used_at,
            expires_at,
            created_at,
        } = session;
        let region_code = region_code
            .map(|code| word(RegionCode::parse(&code).ok(), "users", "region_code", &user_id))
            .transpose()?;
        Ok(Self {
            id: id.into(),
            user_id: user_id.into(),
            region_code,
            device,
            network,
            last_used_at,
            expires_at,
            created_at,
        })
    }
}

impl<C: ConnectionTrait> Sessions<'_, C> {
    /// The caller behind an access token: `None` if his session ended or ran out, his account is closed, or the
    /// refresh token that came with it was taken out of use.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn actor(&self, session: SessionId, token: RefreshTokenId, now: Instant) -> Result<Option<ActorRow>> {
        let conn = self.0.conn;
        let statement = Statement::from_sql_and_values(
            conn.get_database_backend(),
            "SELECT u.id AS user_id, u.person_id, u.display_name, s.authenticated_at, s.expires_at, t.access_seen_at, \
             COALESCE(u.password_set_at, u.created_at) AS password_set_at, \
             EXISTS (SELECT 1 FROM second_factors f WHERE f.id = u.id AND f.confirmed_at IS NOT NULL) \
             AS has_second_factor \
             FROM sessions s JOIN users u ON u.id = s.user_id JOIN refresh_tokens t ON t.session_id = s.id \
             WHERE s.id = $1 AND t.id = $2 AND s.ended_at IS NULL AND s.expires_at > $3 AND u.state = 'active' \
             AND t.revoked_at IS NULL",
            [session.0.into(), token.0.into(), now.into()],
        );
        let Some(row) = CallerRow::find_by_statement(statement).one(conn).await? else { return Ok(None) };
        let user_id = UserId(row.user_id);
        let grants = self.0.grants().of_user(user_id).await?;
        let person_id = row.person_id.map(PersonId);
        let volunteer = match person_id {
            Some(person) => self.standing(person).await?,
            None => None,
        };
        let CallerRow {
            user_id: _,
            person_id: _,
            display_name,
            authenticated_at,
            expires_at,
            password_set_at,
            has_second_factor,
            access_seen_at,
        } = row;
        let actor = Actor {
            user_id,
            session_id: session,
            authenticated_at,
            person_id,
            display_name,
            grants,
            volunteer,
            proof: Some(Proof { password_set_at, has_second_factor }),
            scopes: None,
        };
        Ok(Some(ActorRow { actor, until: expires_at, first_seen: access_seen_at.is_none() }))
    }

    /// A page of sessions of one user that the caller sees, by id: those that last.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &SessionFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Session>>> {
        let SessionFilter { user_id, at } = filter;
        let select = lasting()
            .filter(visible(access))
            .filter(session::Column::UserId.eq(user_id.0))
            .filter(session::Column::ExpiresAt.gt(*at));
        let sorting =
            Sorting { name: None, column: None, id: Expr::col((session::Entity, session::Column::Id)), uuid: true };
        let rows = page::<_, SessionRow, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// Sessions that have run out and are not marked as ended, some of them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn run_out(&self, at: Instant, limit: u64) -> Result<Vec<Session>> {
        let select = lasting().filter(session::Column::ExpiresAt.lte(at)).order_by_asc(session::Column::ExpiresAt);
        let rows = select.limit(limit).into_model::<SessionRow>().all(self.0.conn).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn standing(&self, person: PersonId) -> Result<Option<VolunteerStanding>> {
        let statement = Statement::from_sql_and_values(
            self.0.conn.get_database_backend(),
            "SELECT v.id, v.region_code, m.team_id FROM volunteers v \
             LEFT JOIN volunteer_team_members m ON m.volunteer_id = v.id AND m.left_at IS NULL \
             WHERE v.person_id = $1 AND v.state = 'approved'",
            [person.0.into()],
        );
        let rows = StandingRow::find_by_statement(statement).all(self.0.conn).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let area = word(RegionCode::parse(&first.region_code).ok(), "volunteers", "region_code", &first.id)?;
        let teams = rows.iter().filter_map(|row| row.team_id.map(Into::into)).collect();
        Ok(Some(VolunteerStanding { id: first.id.into(), area, teams }))
    }
}

impl Tx {
    /// Begins a session with its first refresh token.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn begin_session(&self, new: &NewSession, token: &NewRefreshToken, event: EventDraft) -> Result<()> {
        let now = self.now();
        let NewSession { id, user_id, device, network } = new;
        let row = session::ActiveModel {
            id: Set(id.0),
            user_id: Set(user_id.0),
            authenticated_at: Set(now),
            ended_at: Set(None),
            end_reason: Set(None),
            device: Set(device.clone()),
            network: Set(network.clone()),
            last_used_at: Set(now),
            expires_at: Set(token.expires_at),
            created_at: Set(now),
        };
        session::Entity::insert(row).exec_without_returning(&self.conn).await?;
        self.insert_refresh_token(token).await?;
        self.record(&[event])
    }

    async fn insert_refresh_token(&self, token: &NewRefreshToken) -> Result<()> {
        let NewRefreshToken { id, session_id, secret_hash, expires_at } = token;
        let row = refresh_token::ActiveModel {
            id: Set(id.0),
            session_id: Set(session_id.0),
            secret_hash: Set(secret_hash.clone()),
            replaced_by: Set(None),
            access_seen_at: Set(None),
            revoked_at: Set(None),
            expires_at: Set(*expires_at),
            created_at: Set(self.now()),
        };
        refresh_token::Entity::insert(row).exec_without_returning(&self.conn).await?;
        Ok(())
    }

    /// A presented refresh token, locked until this transaction ends: of two that present it, one waits.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn presented(&self, id: RefreshTokenId) -> Result<Option<Presented>> {
        let find = |id: Uuid| refresh_token::Entity::find_by_id(id).lock_exclusive().one(&self.conn);
        let Some(row) = find(id.0).await? else { return Ok(None) };
        let successor = match row.replaced_by {
            Some(next) => find(next).await?,
            None => None,
        };
        #[derive(FromQueryResult)]
        struct Owner {
            user_id: Uuid,
            authenticated_at: Instant,
            created_at: Instant,
            ended_at: Option<Instant>,
            state: String,
        }
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "SELECT s.user_id, s.authenticated_at, s.created_at, s.ended_at, u.state FROM sessions s \
             JOIN users u ON u.id = s.user_id WHERE s.id = $1",
            [row.session_id.into()],
        );
        let Some(owner) = Owner::find_by_statement(statement).one(&self.conn).await? else { return Ok(None) };
        let secret_hash = row.secret_hash.clone();
        Ok(Some(Presented {
            token: token_of(row),
            successor: successor.map(token_of),
            secret_hash,
            user_id: owner.user_id.into(),
            authenticated_at: owner.authenticated_at,
            began_at: owner.created_at,
            live: owner.ended_at.is_none() && owner.state == "active",
        }))
    }

    /// Replaces a token by the next one, which renews the session, taking `revoked`, a successor that was never used,
    /// out of use.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn rotate(
        &self,
        old: RefreshTokenId,
        revoked: Option<RefreshTokenId>,
        next: &NewRefreshToken,
    ) -> Result<()> {
        if let Some(revoked) = revoked {
            let row = refresh_token::ActiveModel { revoked_at: Set(Some(self.now())), ..Default::default() };
            self.update_token(revoked, row).await?;
        }
        self.insert_refresh_token(next).await?;
        let row = refresh_token::ActiveModel { replaced_by: Set(Some(next.id.0)), ..Default::default() };
        self.update_token(old, row).await?;
        self.renew(next.session_id, renewed_by(self.now(), next)).await
    }

    /// Renews a session in which somebody has proved once more who he is: what comes after its last token is the next one.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn authenticate_again(&self, next: &NewRefreshToken, event: EventDraft) -> Result<()> {
        let row = refresh_token::ActiveModel { replaced_by: Set(Some(next.id.0)), ..Default::default() };
        refresh_token::Entity::update_many()
            .set(row)
            .filter(refresh_token::Column::SessionId.eq(next.session_id.0))
            .filter(refresh_token::Column::ReplacedBy.is_null())
            .filter(refresh_token::Column::RevokedAt.is_null())
            .exec(&self.conn)
            .await?;
        self.insert_refresh_token(next).await?;
        let row = session::ActiveModel { authenticated_at: Set(self.now()), ..renewed_by(self.now(), next) };
        self.renew(next.session_id, row).await?;
        self.record(&[event])
    }

    async fn renew(&self, session: SessionId, row: session::ActiveModel) -> Result<()> {
        let renewed = session::Entity::update_many().set(row).filter(session::Column::Id.eq(session.0));
        if renewed.exec(&self.conn).await?.rows_affected == 1 { Ok(()) } else { Err(Error::Stale) }
    }

    /// When a session began.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn session_began(&self, id: SessionId) -> Result<Instant> {
        let row = session::Entity::find_by_id(id.0).lock_exclusive().one(&self.conn).await?;
        row.map(|row| row.created_at).ok_or(Error::NotFound)
    }

    /// Notes that an access token which came with this refresh token was seen.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn access_seen(&self, token: RefreshTokenId) -> Result<()> {
        let row = refresh_token::ActiveModel { access_seen_at: Set(Some(self.now())), ..Default::default() };
        refresh_token::Entity::update_many()
            .set(row)
            .filter(refresh_token::Column::Id.eq(token.0))
            .filter(refresh_token::Column::AccessSeenAt.is_null())
            .exec(&self.conn)
            .await?;
        Ok(())
    }

    async fn update_token(&self, id: RefreshTokenId, row: refresh_token::ActiveModel) -> Result<()> {
        let done = refresh_token::Entity::update_many()
            .set(row)
            .filter(refresh_token::Column::Id.eq(id.0))
            .exec(&self.conn)
            .await?;
        if done.rows_affected == 1 { Ok(()) } else { Err(Error::Stale) }
    }

    /// Ends a session; `false` if it had ended before.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn end_session(&self, id: SessionId, reason: &'static str, event: EventDraft) -> Result<bool> {
        let ended = self.end_sessions(session::Column::Id.eq(id.0), reason).await?;
        if ended > 0 {
            self.record(&[event])?;
        }
        Ok(ended > 0)
    }

    /// Ends all sessions of a user, as part of a change to his account that leaves an event of its own.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn end_sessions_of(&self, user: UserId, reason: &'static str) -> Result<u64> {
        self.end_sessions(session::Column::UserId.eq(user.0), reason).await
    }

    /// Ends all sessions, as part of a change that leaves an event of its own.
    pub(crate) async fn end_all_sessions(&self, reason: &'static str) -> Result<u64> {
        self.end_sessions(session::Column::EndedAt.is_null(), reason).await
    }

    async fn end_sessions(&self, which: sea_orm::sea_query::SimpleExpr, reason: &'static str) -> Result<u64> {
        let row = session::ActiveModel {
            ended_at: Set(Some(self.now())),
            end_reason: Set(Some(reason.to_owned())),
            ..Default::default()
        };
        let done = session::Entity::update_many()
            .set(row)
            .filter(which)
            .filter(session::Column::EndedAt.is_null())
            .exec(&self.conn)
            .await?;
        Ok(done.rows_affected)
    }
}

fn renewed_by(now: Instant, next: &NewRefreshToken) -> session::ActiveModel {
    session::ActiveModel { last_used_at: Set(now), expires_at: Set(next.expires_at), ..Default::default() }
}

fn token_of(row: refresh_token::Model) -> RefreshToken {
    let refresh_token::Model {
        id,
        session_id,
        secret_hash: _,
        replaced_by,
        access_seen_at,
        revoked_at,
        expires_at,
        created_at: _,
    } = row;
    RefreshToken {
        id: id.into(),
        session_id: session_id.into(),
        replaced_by: replaced_by.map(Into::into),
        access_seen_at,
        revoked_at,
        expires_at,
    }
}
