//! What every request needs: settings, database, keys, clock.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use domain::{
    access::{Actor, Scope},
    clocks::{Calendar, CalendarDay},
    cn::RegionCode,
    id::{ClientId, ClientSecretId, IdSource, RefreshTokenId, SessionId},
    orders::ServiceKind,
    time::{Clock, Instant},
};
use opentelemetry_sdk::trace::SdkTracer;
use persistence::{Database, Numbers, Stamp};
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use crate::{config::Settings, http::limit::Limiter, keys::Keys, problem::Problem, tokens::Tokens};

/// How long rights of callers, codes of regions and kinds of service are taken from memory: within this time a change takes
/// effect everywhere.
const FRESH: TimeDelta = TimeDelta::seconds(3);

/// Whether what was read then may still be taken from memory.
fn is_fresh(at: Instant, now: Instant) -> bool {
    (at..at + FRESH).contains(&now)
}

/// Codes of regions that others came after, and when they were read.
#[derive(Default)]
struct Successors {
    read_at: Option<Instant>,
    codes: HashMap<RegionCode, RegionCode>,
}

/// The running service.
pub struct App {
    /// Its settings.
    pub settings: Settings,
    /// Its database.
    pub database: Database,
    /// Its access tokens.
    pub tokens: Tokens,
    /// The key of cursors.
    pub cursor_key: [u8; 32],
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its ids.
    pub ids: Arc<dyn IdSource>,
    /// Its order numbers.
    pub numbers: Numbers,
    /// Its name among the replicas.
    pub replica: Uuid,
    /// Tells the sequencer that there may be events.
    pub wrote: Notify,
    /// As many passwords are hashed at once as there are cores; each takes memory and time.
    pub hashing: Semaphore,
    /// Whether it takes requests: not before it is ready, no more when it is told to stop.
    pub ready: AtomicBool,
    /// How many requests each caller has sent.
    pub limiter: Limiter,
    /// What makes a span of each request, where they are traced.
    pub tracer: Option<SdkTracer>,
    callers: moka::sync::Cache<Uuid, Known>,
    kinds: moka::sync::Cache<(RegionCode, String), (Instant, Option<ServiceKind>)>,
    successors: RwLock<Successors>,
    refusals: Mutex<HashMap<(Uuid, String, i64), u64>>,
    days: RwLock<Arc<[CalendarDay]>>,
}

/// A caller as he was found.
#[derive(Clone)]
struct Known {
    /// When.
    at: Instant,
    /// Until when he is signed in.
    until: Instant,
    actor: Arc<Actor>,
}

impl Known {
    fn is_fresh(&self, now: Instant) -> bool {
        is_fresh(self.at, now) && now < self.until
    }
}

impl App {
    /// Puts it together.
    ///
    /// # Errors
    /// If a key is not usable.
    pub fn new(
        settings: Settings,
        database: Database,
        keys: &Keys,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, String> {
        let tokens = Tokens::new(&settings.public_url, &keys.signing)?;
        let replica = ids.next();
        Ok(Self {
            limiter: Limiter::new(settings.rate_limit),
            tracer: None,
            settings,
            database,
            tokens,
            cursor_key: keys.cursor,
            clock,
            ids,
            numbers: Numbers::default(),
            replica,
            wrote: Notify::new(),
            hashing: Semaphore::new(2),
            ready: AtomicBool::new(false),
            callers: moka::sync::Cache::builder().max_capacity(100_000).time_to_live(Duration::from_secs(60)).build(),
            kinds: moka::sync::Cache::builder().max_capacity(10_000).time_to_live(Duration::from_secs(60)).build(),
            successors: RwLock::default(),
            refusals: Mutex::default(),
            days: RwLock::new(Arc::new([])),
        })
    }

    /// Signs, verifies, seals and opens with these keys from now on.
    ///
    /// # Errors
    /// If a key is not usable; then nothing changes.
    pub fn use_keys(&self, keys: &Keys) -> Result<(), String> {
        self.database.vault().replace(&keys.vault)?;
        self.tokens.replace(&keys.signing)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Whether requests are taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// The caller behind a verified token.
    ///
    /// # Errors
    /// `invalid-token` if his session ended or his account is closed.
    pub async fn caller(&self, session: SessionId, token: RefreshTokenId) -> Result<Arc<Actor>, Problem> {
        let now = self.now();
        if let Some(actor) = self.known(token.0, now) {
            return Ok(actor);
        }
        let found = self.database.rows().sessions().actor(session, token, now).await?;
        let Some(found) = found else {
            self.callers.invalidate(&token.0);
            return Err(Problem::new("invalid-token"));
        };
        if found.first_seen {
            let tx = self.database.begin_write(Stamp::system(now, "access-seen")).await?;
            tx.access_seen(token).await?;
            tx.commit().await?;
        }
        Ok(self.note(token.0, now, found.actor, found.until))
    }

    /// The client behind a verified token, with the scopes that the token has and the client still.
    ///
    /// # Errors
    /// `invalid-token` if it is closed or has expired, or its secret is no longer taken.
    pub async fn client(
        &self,
        id: ClientId,
        secret: ClientSecretId,
        scope: Option<&str>,
    ) -> Result<Arc<Actor>, Problem> {
        let now = self.now();
        let client = match self.known(secret.0, now) {
            Some(client) => client,
            None => match self.database.rows().clients().actor(id, secret, now).await? {
                Some((client, until)) => self.note(secret.0, now, client, until),
                None => return Err(Problem::new("invalid-token")),
            },
        };
        let granted: Vec<&str> = scope.unwrap_or_default().split(' ').collect();
        let scopes = client.scopes.iter().flatten().filter(|scope| granted.contains(&scope.name()));
        let scopes: Vec<Scope> = scopes.copied().collect();
        if client.scopes.as_ref() == Some(&scopes) {
            return Ok(client);
        }
        Ok(Arc::new(Actor { scopes: Some(scopes), ..Actor::clone(&client) }))
    }

    /// A caller who was found a moment ago.
    fn known(&self, key: Uuid, now: Instant) -> Option<Arc<Actor>> {
        self.callers.get(&key).filter(|known| known.is_fresh(now)).map(|known| known.actor)
    }

    fn note(&self, key: Uuid, now: Instant, actor: Actor, until: Instant) -> Arc<Actor> {
        let actor = Arc::new(actor);
        self.callers.insert(key, Known { at: now, until, actor: Arc::clone(&actor) });
        actor
    }

    /// Forgets what callers may do, after something changed that it depends on. Other replicas ask again within
    /// three seconds.
    pub fn forget_callers(&self) {
        self.callers.invalidate_all();
    }

    /// Forgets which codes others came after, after a region got another one. Other replicas ask again within three
    /// seconds.
    pub fn forget_successors(&self) {
        self.successors.write().unwrap_or_else(PoisonError::into_inner).read_at = None;
    }

    /// The code in use after one that others came after; `None` for all others.
    #[must_use]
    pub fn current_code(&self, code: &RegionCode) -> Option<RegionCode> {
        self.successors.read().unwrap_or_else(PoisonError::into_inner).codes.get(code).cloned()
    }

    /// Reads again which codes others came after, where that was not done lately.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read_successors(&self) -> Result<(), Problem> {
        let now = self.now();
        if self.successors.read().unwrap_or_else(PoisonError::into_inner).read_at.is_some_and(|at| is_fresh(at, now)) {
            return Ok(());
        }
        let codes = self.database.rows().regions().successors().await?;
        *self.successors.write().unwrap_or_else(PoisonError::into_inner) = Successors { read_at: Some(now), codes };
        Ok(())
    }

    /// The kind of service that a code means at a place, as it was read last.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn service_kind(&self, place: &RegionCode, code: &str) -> Result<Option<ServiceKind>, Problem> {
        let (now, key) = (self.now(), (place.clone(), code.to_owned()));
        if let Some((_, kind)) = self.kinds.get(&key).filter(|(at, _)| is_fresh(*at, now)) {
            return Ok(kind);
        }
        let kind = self.database.rows().service_kinds().at(place, code).await?;
        self.kinds.insert(key, (now, kind.clone()));
        Ok(kind)
    }

    /// Forgets the kinds of service, after one was changed. Other replicas ask again within three seconds.
    pub fn forget_service_kinds(&self) {
        self.kinds.invalidate_all();
    }

    /// The business calendar of a place, as it was read last.
    #[must_use]
    pub fn calendar(&self, place: &RegionCode) -> Calendar {
        Calendar::of(&self.days.read().unwrap_or_else(PoisonError::into_inner), place)
    }

    /// Reads the business calendar: clocks count by it without asking the database each time.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn read_calendar(&self) -> Result<(), Problem> {
        let days = self.database.rows().calendar_days().all().await?;
        *self.days.write().unwrap_or_else(PoisonError::into_inner) = days.into();
        Ok(())
    }

    /// Notes a refusal; they are written once a minute, counted.
    pub fn note_refusal(&self, user: Uuid, operation: &str, now: Instant) {
        let minute = now.timestamp() / 60;
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry((user, operation.to_owned(), minute)).or_default() += 1;
    }

    /// Takes the refusals of minutes that are over, or all of them.
    pub fn take_refusals(&self, now: Instant, all: bool) -> Vec<(Uuid, String, u64)> {
        let minute = now.timestamp() / 60;
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let (over, rest): (HashMap<_, _>, HashMap<_, _>) =
            refusals.drain().partition(|((_, _, of), _)| all || *of < minute);
        *refusals = rest;
        over.into_iter().map(|((user, operation, _), count)| (user, operation, count)).collect()
    }
}
