//! The context of a request: who asks, when, and under which conditions.

use std::{net::IpAddr, str::FromStr, sync::Arc};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web::Data};
use chrono::TimeDelta;
use domain::{
    access::{Access, Action, Actor, Grant, ResourceKind},
    clocks::{Calendar, CalendarDay},
    cn::{RegionCode, RegionLevel},
    compounds::{Building, Compound, Dwelling, Inspection, Unit},
    event::EventDraft,
    identity::{Client, User},
    inbox::Notification,
    ledgers::{Disclosure, Ledger, LedgerEntry},
    orders::{ServiceKind, ServiceOrder, Volunteer, VolunteerTeam},
    people::{Appointment, Household, Person},
    places::{Organization, Region},
    time::Instant,
};
use persistence::{
    CodeStanding, Connection, Findable, Found, KeyStanding, KeyUse, Lock, Notes, PageRequest, Rows, Stamp,
    StoredAnswer, Tx,
};
use serde_json::Value;

use super::reply::Reply;
use crate::{
    problem::{Locale, Problem},
    state::App,
};

/// How long ago somebody may have signed in to do what is sensitive.
const RECENT_LOGIN: TimeDelta = TimeDelta::minutes(10);

/// What the envelope knows of a request before anybody is identified.
#[derive(Debug, Clone)]
pub struct Trace {
    /// By which the caller names it.
    pub request_id: String,
    /// By which logs of several systems are joined (W3C trace context).
    pub trace_id: String,
    /// From where it comes.
    pub address: Option<IpAddr>,
}

/// The context of an authenticated request.
#[derive(Clone)]
pub struct Ctx {
    /// The service.
    pub app: Data<App>,
    /// Who asks.
    pub actor: Arc<Actor>,
    /// When, the same instant throughout the request.
    pub now: Instant,
    /// In which language words of ours are answered.
    pub locale: Locale,
    trace: Trace,
    method: String,
    path: String,
    operation: String,
    idempotency_key: Option<String>,
    if_match: Option<String>,
    if_none_match: Option<String>,
}

/// The caller that authentication left with the request.
#[must_use]
pub fn actor_of(request: &HttpRequest) -> Option<Arc<Actor>> {
    request.extensions().get::<Arc<Actor>>().cloned()
}

/// The trace that the envelope left with the request.
#[must_use]
pub fn trace_of(request: &HttpRequest) -> Trace {
    let unknown = || Trace { request_id: String::new(), trace_id: String::new(), address: None };
    request.extensions().get::<Trace>().cloned().unwrap_or_else(unknown)
}

impl FromRequest for Ctx {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Self::new(request))
    }
}

impl Ctx {
    fn new(request: &HttpRequest) -> Result<Self, Problem> {
        let app = request.app_data::<Data<App>>().ok_or_else(|| Problem::new("internal"))?.clone();
        let actor = actor_of(request).ok_or_else(|| Problem::new("unauthenticated"))?;
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let idempotency_key = match request.headers().get("idempotency-key") {
            None => None,
            Some(value) => {
                let key = value.to_str().unwrap_or_default().trim().trim_matches('"').to_owned();
                if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(Problem::parameter("Idempotency-Key", "format"));
                }
                Some(key)
            }
        };
        let now = app.now();
        Ok(Self {
            now,
            actor,
            locale: Locale::accepted(header("accept-language").as_deref()),
            trace: trace_of(request),
            method: request.method().to_string(),
            path: request.path().to_owned(),
            operation: operation_of(request),
            idempotency_key,
            if_match: condition(request)?,
            if_none_match: header("if-none-match"),
            app,
        })
    }

    /// The business calendar of a place.
    #[must_use]
    pub fn calendar(&self, place: &RegionCode) -> Calendar {
        self.app.calendar(place)
    }

    /// Asks the policy.
    ///
    /// # Errors
    /// `forbidden` where none of the caller's roles has anything to do with the kind of resource.
    pub fn authorize(&self, action: Action, kind: ResourceKind) -> Result<Access, Problem> {
        self.actor.authorize(action, kind, self.now).map_err(|_| Problem::new("forbidden"))
    }

    /// Who writes and when.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        Stamp {
            now: self.now,
            user_id: Some(self.actor.user_id),
            session_id: Some(self.actor.session_id),
            address: self.trace.address,
            operation: self.operation.clone(),
            request_id: self.trace.request_id.clone(),
        }
    }

    /// Writes in one transaction: replays the answer to a key that was used before, else does the work, keeps the
    /// answer under the key and commits. Whatever fails undoes all of it.
    ///
    /// # Errors
    /// What the work refuses, and `idempotency-key-reused`.
    pub async fn write(
        &self,
        content: &Value,
        work: impl AsyncFnOnce(&Tx) -> Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        let Some(key) = self.key_use(content) else { return self.write_once(None, work).await };
        if let Some(reply) = self.replay(&key).await? {
            return Ok(reply);
        }
        match self.write_once(Some(&key), work).await {
            Ok(reply) => Ok(reply),
            // the same request may have been faster, and be the reason
            Err(refused) => self.replay(&key).await?.ok_or(refused),
        }
    }

    async fn write_once(
        &self,
        key: Option<&KeyUse>,
        work: impl AsyncFnOnce(&Tx) -> Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        let tx = self.app.database.begin_write(self.stamp()).await?;
        let reply = work(&tx).await?;
        if let Some(key) = key {
            tx.notes().keep_answer(key, &reply.stored())?;
        }
        tx.commit().await?;
        self.app.wrote.notify_one();
        Ok(reply)
    }

    /// Writes what only adds something, in one transaction with what others add at the same time. The answer to a key that was
    /// used before is replayed once that is found out, at the end: until then nothing is written.
    ///
    /// # Errors
    /// What the work refuses, and `idempotency-key-reused`.
    pub async fn add(
        &self,
        content: &Value,
        work: impl AsyncFnOnce(&Notes) -> Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        let key = self.key_use(content);
        match (self.add_once(key.as_ref(), work).await, key) {
            (Err(refused), Some(key)) => self.replay(&key).await?.ok_or(refused),
            (reply, _) => reply,
        }
    }

    async fn add_once(
        &self,
        key: Option<&KeyUse>,
        work: impl AsyncFnOnce(&Notes) -> Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        let notes = self.app.database.note(self.stamp());
        let reply = work(&notes).await?;
        if let Some(key) = key {
            notes.keep_answer(key, &reply.stored())?;
        }
        self.app.database.write(notes).await?;
        self.app.wrote.notify_one();
        Ok(reply)
    }

    /// Refuses what must not be done twice where the request has no key by which it would be known again.
    ///
    /// # Errors
    /// `idempotency-key-required`
    pub fn require_key(&self) -> Result<(), Problem> {
        if self.idempotency_key.is_some() { Ok(()) } else { Err(Problem::new("idempotency-key-required")) }
    }

    /// The answer to a key that was used before.
    async fn replay(&self, key: &KeyUse) -> Result<Option<Reply>, Problem> {
        match self.app.database.rows().key_standing(key, self.now).await? {
            KeyStanding::Fresh => Ok(None),
            KeyStanding::Reused => Err(Problem::new("idempotency-key-reused")),
            KeyStanding::Replay(answer) => {
                self.still_visible(&answer).await?;
                Ok(Some(Reply::replayed(answer)))
            }
        }
    }

    /// Writes in one transaction what is not kept under a key, because its answer shows a secret once. The same request
    /// again is another one.
    ///
    /// # Errors
    /// What the work refuses.
    pub async fn write_unkept(&self, work: impl AsyncFnOnce(&Tx) -> Result<Reply, Problem>) -> Result<Reply, Problem> {
        self.write_once(None, work).await
    }

    /// Records a look that is allowed. Nothing is kept under an idempotency key: the same look again is another one, and
    /// shows what there is then.
    ///
    /// # Errors
    /// If the trail cannot be written.
    pub async fn record_look(&self, event: EventDraft) -> Result<(), Problem> {
        let tx = self.app.database.begin_write(self.stamp()).await?;
        tx.record_look(event)?;
        tx.commit().await?;
        self.app.wrote.notify_one();
        Ok(())
    }

    fn key_use(&self, content: &Value) -> Option<KeyUse> {
        let key = self.idempotency_key.clone().filter(|_| self.method == "POST")?;
        let digest = self.app.database.vault().digest("request", content.to_string().as_bytes());
        Some(KeyUse { user_id: self.actor.user_id, operation: format!("{} {}", self.method, self.path), key, digest })
    }

    /// An answer is only given again to one who still sees what it shows.
    async fn still_visible(&self, answer: &StoredAnswer) -> Result<(), Problem> {
        let Some((kind, id)) = answer.subject.as_ref().filter(|_| answer.in_sight) else { return Ok(()) };
        match kind {
            ResourceKind::ServiceOrder => self.still_sees::<ServiceOrder>(id).await,
            ResourceKind::ServiceKind => self.still_sees::<ServiceKind>(id).await,
            ResourceKind::Volunteer => self.still_sees::<Volunteer>(id).await,
            ResourceKind::VolunteerTeam => self.still_sees::<VolunteerTeam>(id).await,
            ResourceKind::Person => self.still_sees::<Person>(id).await,
            ResourceKind::Household => self.still_sees::<Household>(id).await,
            ResourceKind::Appointment => self.still_sees::<Appointment>(id).await,
            ResourceKind::User => self.still_sees::<User>(id).await,
            ResourceKind::Grant => self.still_sees::<Grant>(id).await,
            ResourceKind::Region => self.still_sees::<Region>(id).await,
            ResourceKind::Organization => self.still_sees::<Organization>(id).await,
            ResourceKind::Compound => self.still_sees::<Compound>(id).await,
            ResourceKind::Building => self.still_sees::<Building>(id).await,
            ResourceKind::Unit => self.still_sees::<Unit>(id).await,
            ResourceKind::Dwelling => self.still_sees::<Dwelling>(id).await,
            ResourceKind::Inspection => self.still_sees::<Inspection>(id).await,
            ResourceKind::Ledger => self.still_sees::<Ledger>(id).await,
            ResourceKind::LedgerEntry => self.still_sees::<LedgerEntry>(id).await,
            ResourceKind::Disclosure => self.still_sees::<Disclosure>(id).await,
            ResourceKind::Notification => self.still_sees::<Notification>(id).await,
            ResourceKind::CalendarDay => self.still_sees::<CalendarDay>(id).await,
            ResourceKind::Client => self.still_sees::<Client>(id).await,
            // none of these is shown by any answer that is kept
            ResourceKind::Session | ResourceKind::Event | ResourceKind::Database | ResourceKind::KeySet => {
                Err(Problem::new("not-found"))
            }
        }
    }

    async fn still_sees<T: Findable<Id: FromStr>>(&self, id: &str) -> Result<(), Problem> {
        let access = self.authorize(Action::Read, T::KIND)?;
        let id = id.parse().map_err(|_| Problem::new("not-found"))?;
        self.app.database.rows().read::<T>(&access, &id).await?;
        Ok(())
    }

    /// A resource that a body names. One that the caller cannot see is told like one that does not exist.
    ///
    /// # Errors
    /// `validation-failed` with `not-found` at the pointer.
    pub async fn named<T: Findable, C: Connection>(
        &self,
        rows: Rows<'_, C>,
        id: &T::Id,
        pointer: &str,
    ) -> Result<Found<T>, Problem> {
        let unseen = || Problem::field(pointer, "not-found");
        let access = self.authorize(Action::Read, T::KIND).map_err(|_| unseen())?;
        seen(rows.find(&access, id).await, unseen)
    }

    /// The same for something by which a row is placed: it stays where it is until the transaction ends.
    ///
    /// # Errors
    /// `validation-failed` with `not-found` at the pointer.
    pub async fn named_place<T: Findable, C: Connection>(
        &self,
        rows: Rows<'_, C>,
        id: &T::Id,
        pointer: &str,
    ) -> Result<Found<T>, Problem> {
        let unseen = || Problem::field(pointer, "not-found");
        let access = self.authorize(Action::Read, T::KIND).map_err(|_| unseen())?;
        seen(T::find(rows, &access, id, Lock::Share).await, unseen)
    }

    /// The same, kept from others until the transaction ends: for what only one of two may do at a time.
    ///
    /// # Errors
    /// `validation-failed` with `not-found` at the pointer.
    pub async fn named_alone<T: Findable>(&self, tx: &Tx, id: &T::Id, pointer: &str) -> Result<Found<T>, Problem> {
        let unseen = || Problem::field(pointer, "not-found");
        let access = self.authorize(Action::Read, T::KIND).map_err(|_| unseen())?;
        seen(tx.rows().find_to_change(&access, id).await, unseen)
    }

    /// A region that a body names, of a level or below.
    ///
    /// # Errors
    /// `validation-failed` at the pointer.
    pub async fn named_region<C: Connection>(
        &self,
        rows: Rows<'_, C>,
        code: &str,
        level: RegionLevel,
        pointer: &str,
    ) -> Result<RegionCode, Problem> {
        let code = RegionCode::parse(code).map_err(|error| Problem::field(pointer, error.code()))?;
        let standing =
            if code.level() < level { CodeStanding::Unknown } else { rows.regions().standing(&code).await? };
        match standing {
            CodeStanding::Current => Ok(code),
            CodeStanding::Unknown => Err(Problem::field(pointer, "not-found")),
            CodeStanding::SupersededBy(successor) => Err(Problem::superseded(pointer, &successor)),
        }
    }

    /// The code in use for one that was followed by another.
    #[must_use]
    pub fn current_region(&self, code: Option<RegionCode>) -> Option<RegionCode> {
        code.map(|code| self.app.current_code(&code).unwrap_or(code))
    }

    /// Holds `If-Match` to a version, where it was sent.
    ///
    /// # Errors
    /// `version-mismatch`
    pub fn check_version(&self, version: i64) -> Result<(), Problem> {
        let Some(given) = &self.if_match else { return Ok(()) };
        let matches = given.split(',').map(str::trim).any(|tag| {
            let tag = tag.trim_matches('"');
            tag == "*" || tag.split('-').next().and_then(|text| text.parse().ok()) == Some(version)
        });
        if matches { Ok(()) } else { Err(Problem::new("version-mismatch").with("current_version", version)) }
    }

    /// The same where `If-Match` must be sent.
    ///
    /// # Errors
    /// `precondition-required`, `version-mismatch`
    pub fn require_version(&self, version: i64) -> Result<(), Problem> {
        if self.if_match.is_none() {
            return Err(Problem::new("precondition-required"));
        }
        self.check_version(version)
    }

    /// Refuses who proved too long ago who he is (RFC 9470).
    ///
    /// # Errors
    /// `reauthentication-required`
    pub fn require_recent_login(&self) -> Result<(), Problem> {
        if self.now - self.actor.authenticated_at <= RECENT_LOGIN {
            return Ok(());
        }
        Err(Problem::new("reauthentication-required"))
    }

    /// Whether the caller holds this representation already.
    #[must_use]
    pub fn holds(&self, etag: &str) -> bool {
        let plain = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
        let strip = |tag: String| tag.trim_end_matches("-gzip").trim_end_matches("-br").to_owned();
        self.method == "GET"
            && self
                .if_none_match
                .as_ref()
                .is_some_and(|given| given.split(',').any(|tag| tag.trim() == "*" || strip(plain(tag)) == plain(etag)))
    }

    /// The path of the request.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// An absolute URL of this service.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.app.settings.public_url)
    }

    /// A region to filter by: one that shares nothing with the caller's scope is not found. His scope is where his
    /// grants are, and everything where the policy shows him all rows.
    ///
    /// # Errors
    /// `not-found`
    pub fn region_in_scope(&self, access: &Access, region: Option<&RegionCode>) -> Result<(), Problem> {
        let Some(region) = region else { return Ok(()) };
        let mut places = self.actor.grants_at(self.now).filter_map(|grant| grant.place.region());
        if access.sees_all() || places.any(|place| place.overlaps(region)) {
            return Ok(());
        }
        Err(Problem::new("not-found"))
    }

    /// Tells an empty list of a region from a region that does not exist.
    ///
    /// # Errors
    /// `not-found`
    pub async fn region_exists(
        &self,
        region: Option<&RegionCode>,
        empty: bool,
        page: &PageRequest,
    ) -> Result<(), Problem> {
        let Some(region) = region.filter(|_| empty && page.after.is_none()) else { return Ok(()) };
        if self.app.database.rows().regions().exists(region).await? { Ok(()) } else { Err(Problem::new("not-found")) }
    }
}

/// What was found, or the refusal of what is out of sight.
///
/// # Errors
/// `unseen`, or that of the database.
pub fn seen<T>(found: persistence::Result<T>, unseen: impl Fn() -> Problem) -> Result<T, Problem> {
    match found {
        Ok(found) => Ok(found),
        Err(persistence::Error::NotFound) => Err(unseen()),
        Err(error) => Err(error.into()),
    }
}

/// The `If-Match` of a request (RFC 9110 §13.1.1). One that cannot be read is no condition that may be passed over.
fn condition(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get("if-match") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let is_tag = |tag: &str| {
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let opaque = opaque.strip_prefix('"').and_then(|opaque| opaque.strip_suffix('"'));
        opaque.is_some_and(|opaque| opaque.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))
    };
    if text == "*" || text.split(',').all(|tag| is_tag(tag.trim())) {
        return Ok(Some(text.to_owned()));
    }
    Err(Problem::parameter("If-Match", "format"))
}

/// Method and path pattern: what an event or log line calls the operation. It holds no id.
#[must_use]
pub fn operation_of(request: &HttpRequest) -> String {
    operation(request, &route_of(request))
}

/// The same where the pattern of the path is at hand.
#[must_use]
pub fn operation(request: &HttpRequest, route: &str) -> String {
    format!("{} {route}", request.method())
}

/// What stands for the pattern where a path has none.
pub const UNKNOWN_ROUTE: &str = "(unknown)";

/// The pattern of the path. There are as many as routes, whatever paths are asked for.
#[must_use]
pub fn route_of(request: &HttpRequest) -> String {
    request.match_pattern().unwrap_or_else(|| UNKNOWN_ROUTE.to_owned())
}
