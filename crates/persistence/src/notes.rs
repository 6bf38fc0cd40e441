//! What is noted while something is decided, and written at the end: because nothing else in the transaction needs it, or
//! because it goes with whatever is written. Who does nothing but note shares a transaction with those who do so at the same
//! time: to write eight orders takes a database little longer than to write one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{cn::RegionCode, event::EventDraft, id::IdSource, outcome::Outcome, people::Person};
use sea_orm::{ConnectionTrait as _, DbErr, EntityTrait as _, QueryTrait as _, sea_query::InsertStatement};

use crate::{
    connect::{Database, Transaction},
    counters,
    error::{Error, Result},
    events::event,
    gather::{Answer, Gather},
    idempotency::{self, KeptAnswer},
    orders::{OrderLimit, OrdersPlaced, entity::service_order},
    people::{entity::person, row_of},
    places,
    tx::Stamp,
    vault::Vault,
    watch,
};

/// As many orders are written by one statement, and by as many who share it.
const TOGETHER: usize = 16;
/// As many events.
const EVENTS_AT_ONCE: usize = 500;

/// What somebody notes, for the transaction in which it is written.
pub struct Notes {
    pending: Mutex<Pending>,
    vault: Arc<Vault>,
    ids: Arc<dyn IdSource>,
    stamp: Stamp,
}

/// What is noted.
#[derive(Clone, Default)]
pub(crate) struct Pending {
    /// Regions that are in use, and stay so until it is written.
    pub regions: BTreeSet<RegionCode>,
    /// What users may not go beyond.
    pub limits: Vec<OrderLimit>,
    /// New persons.
    pub persons: Vec<person::ActiveModel>,
    /// New orders.
    pub orders: Vec<service_order::ActiveModel>,
    /// The events of all decisions.
    pub events: Vec<event::ActiveModel>,
    /// Steps of counters, by region and state of orders.
    pub counts: BTreeMap<(String, &'static str), i64>,
    /// The answers that are kept under keys of requests.
    pub answers: Vec<KeptAnswer>,
}

/// Those who write nothing but notes, on one thread.
#[derive(Clone)]
pub(crate) struct Writers(Arc<Gather<Pending, Result<()>>>);

impl Writers {
    /// As many share a transaction as there are, in a few sizes only, so that statements have few texts. Who comes while one
    /// is under way waits for the next: two at a time would wait for each other's counters.
    pub fn new() -> Self {
        let size = |waiting: usize| 1 << waiting.clamp(1, TOGETHER).ilog2();
        Self(Arc::new(Gather::new(1, size)))
    }
}

impl std::fmt::Debug for Notes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Notes({})", self.stamp.operation)
    }
}

impl Notes {
    pub(crate) fn new(vault: Arc<Vault>, ids: Arc<dyn IdSource>, stamp: Stamp) -> Self {
        Self { pending: Mutex::default(), vault, ids, stamp }
    }

    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(crate) fn ids(&self) -> &dyn IdSource {
        &*self.ids
    }

    pub(crate) fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Notes that a region must be in use when all of it is written, which fails with [`Error::Superseded`] otherwise.
    pub fn keep_region(&self, code: &RegionCode) {
        self.pending().regions.insert(code.clone());
    }

    /// Notes how many orders a user may place, the noted one among them. To write it fails with [`Error::TooMany`] where it
    /// were more.
    pub fn limit_orders(&self, limit: OrderLimit) {
        self.pending().limits.push(limit);
    }

    /// Notes a new person.
    ///
    /// # Errors
    /// If a value cannot be sealed.
    pub fn insert_person(&self, outcome: Outcome<Person>) -> Result<Person> {
        let Outcome { value, events, effects: _ } = outcome;
        let row = row_of(&self.vault, &value)?;
        self.pending().persons.push(row);
        self.record(&events)?;
        Ok(value)
    }

    /// Notes the events of a decision.
    pub(crate) fn record(&self, events: &[EventDraft]) -> Result<()> {
        self.record_as("ok", events)
    }

    pub(crate) fn record_as(&self, result: &'static str, events: &[EventDraft]) -> Result<()> {
        let rows = events.iter().map(|draft| self.event(result, draft)).collect::<Result<Vec<_>>>()?;
        self.pending().events.extend(rows);
        Ok(())
    }

    pub(crate) fn take(&self) -> Pending {
        std::mem::take(&mut *self.pending())
    }
}

impl Database {
    /// Writes what was noted: all of it, or nothing.
    ///
    /// # Errors
    /// [`Error::Superseded`], [`Error::TooMany`], [`Error::Duplicate`] if a value that must be unique exists,
    /// [`Error::Stale`] if somebody else used the key of a request meanwhile, [`Error::Audit`] if the database does not take
    /// something else.
    pub async fn write(&self, notes: Notes) -> Result<()> {
        let reader = self.connection();
        let _span = watch::span(reader.get_database_backend(), &notes.stamp.operation);
        let (beginning, database) = (self.clone(), self.clone());
        let begin = move || {
            let database = beginning.clone();
            async move { database.begin().await }
        };
        let all = move |conn, noted| write_together(database.clone(), conn, noted);
        reader.writers().0.ask_once_begun(notes.take(), reader.patience(), begin, all).await?
    }
}

/// Why nothing was written.
enum Failure {
    /// Something was refused before the end.
    Refused(Error),
    /// It is not known whether it was made permanent.
    AtTheEnd(DbErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// Writes what several have noted in one transaction. What the database refuses for the sake of one of them, it is asked for
/// by each of them alone.
async fn write_together(
    database: Database,
    conn: Transaction,
    noted: Vec<Pending>,
) -> std::result::Result<Vec<Answer<Result<()>>>, DbErr> {
    let is_one = noted.len() == 1;
    match write_at_once(conn, noted.clone()).await {
        Ok(answers) => return Ok(answers.into_iter().map(Ok).collect()),
        Err(Failure::AtTheEnd(error)) => return Err(error),
        Err(Failure::Refused(error)) if is_one => return Ok(vec![Ok(Err(error))]),
        Err(Failure::Refused(Error::Unavailable(error))) => return Err(error),
        Err(Failure::Refused(_)) => {}
    }
    let mut answers = Vec::with_capacity(noted.len());
    for one in noted {
        answers.push(write_alone(&database, one).await);
    }
    Ok(answers)
}

async fn write_alone(database: &Database, noted: Pending) -> Answer<Result<()>> {
    let conn = database.begin().await?;
    match write_at_once(conn, vec![noted]).await {
        Ok(answers) => Ok(answers.into_iter().collect()),
        Err(Failure::Refused(error)) => Ok(Err(error)),
        Err(Failure::AtTheEnd(error)) => Err(error),
    }
}

/// What becomes of each.
async fn write_at_once(conn: Transaction, noted: Vec<Pending>) -> std::result::Result<Vec<Result<()>>, Failure> {
    let answers = write_all(&conn, noted).await?;
    conn.commit().await.map_err(Failure::AtTheEnd)?;
    Ok(answers)
}

/// Writes what several have noted, but not of those whose conditions do not hold.
pub(crate) async fn write_all(conn: &Transaction, noted: Vec<Pending>) -> Result<Vec<Result<()>>> {
    let in_use = regions_in_use(conn, &noted).await?;
    let mut placed = OrdersPlaced::count(conn, noted.iter().flat_map(|one| &one.limits)).await?;
    let mut all = Pending::default();
    let answers = noted
        .into_iter()
        .map(|one| {
            if !one.regions.is_subset(&in_use) {
                return Err(Error::Superseded);
            }
            placed.add(&one.limits)?;
            all.extend(one);
            Ok(())
        })
        .collect();
    all.insert(conn).await?;
    Ok(answers)
}

/// Which of the regions are in use. They are so until the transaction ends.
async fn regions_in_use(conn: &Transaction, noted: &[Pending]) -> Result<BTreeSet<RegionCode>> {
    let regions: BTreeSet<_> = noted.iter().flat_map(|one| &one.regions).collect();
    if regions.is_empty() { Ok(BTreeSet::new()) } else { places::hold_in_use(conn, regions).await }
}

impl Pending {
    fn extend(&mut self, other: Self) {
        let Self { regions: _, limits: _, persons, orders, events, counts, answers } = other;
        self.persons.extend(persons);
        self.orders.extend(orders);
        self.events.extend(events);
        for (counter, step) in counts {
            *self.counts.entry(counter).or_default() += step;
        }
        self.answers.extend(answers);
    }

    /// Writes it: the last statements as one, where the database takes that.
    async fn insert(mut self, conn: &Transaction) -> Result<()> {
        if self.orders.len() > TOGETHER || self.persons.len() > TOGETHER {
            self.insert_rows(conn).await?;
        }
        let Self { regions: _, limits: _, persons, orders, mut events, counts, mut answers } = self;
        // in one order always, so that two transactions never wait for each other's keys
        answers.sort_by(|one, other| one.key.cmp(&other.key));
        let insert = |events| event::Entity::insert_many(events).into_query();
        while events.len() > EVENTS_AT_ONCE {
            let rest = events.split_off(EVENTS_AT_ONCE);
            conn.execute(&insert(events)).await.map_err(Error::Audit)?;
            events = rest;
        }
        let persons = (!persons.is_empty()).then(|| person::Entity::insert_many(persons).into_query());
        let orders = (!orders.is_empty()).then(|| service_order::Entity::insert_many(orders).into_query());
        let events = (!events.is_empty()).then(|| insert(events));
        let steps = counters::steps(conn.get_database_backend(), counts)?;
        let inserts = persons.into_iter().chain(orders).chain(events).chain(steps).collect();
        let count = answers.len() as u64;
        let written = together(conn, inserts, idempotency::insert(answers)).await?;
        if count > 0 && written != count { Err(Error::Stale) } else { Ok(()) }
    }

    /// Writes the new rows, for what needs them.
    pub async fn insert_rows(&mut self, conn: &Transaction) -> Result<()> {
        let (persons, orders) = (std::mem::take(&mut self.persons), std::mem::take(&mut self.orders));
        for rows in persons.chunks(TOGETHER) {
            together(conn, vec![person::Entity::insert_many(rows.to_vec()).into_query()], None).await?;
        }
        for rows in orders.chunks(TOGETHER) {
            together(conn, vec![service_order::Entity::insert_many(rows.to_vec()).into_query()], None).await?;
        }
        Ok(())
    }
}

/// How many rows the last of some statements wrote.
async fn together(conn: &Transaction, inserts: Vec<InsertStatement>, last: Option<InsertStatement>) -> Result<u64> {
    conn.together(inserts, last).await.map_err(|error| match Error::from(error.clone()) {
        // of the rows: nothing else that is written here can be there already
        duplicate @ Error::Duplicate { .. } => duplicate,
        unavailable @ Error::Unavailable(_) => unavailable,
        _ => Error::Audit(error),
    })
}
