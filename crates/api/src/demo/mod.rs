//! The demonstration data set: invented persons in real and invented places, the same ids at every loading.
//!
//! Places and people have fixed dates; orders are dated relative to the time of loading, so that what is alive
//! looks alive. Everything is made by the decisions of the domain and saved with its events, as requests would do.
//! Each area can be loaded again after a crash: what is there already is left as it is.

mod compounds;
mod ledgers;
mod orders;
mod people;
mod posts;
mod regions;

use aws_lc_rs::digest;
use chrono::{NaiveDate, TimeZone as _, Utc};
use domain::{
    access::{Place, ResourceKind},
    cn::RegionCode,
    event::{EventDraft, Subject},
    id::{CompoundId, UserId},
    time::{Instant, start_of_day_in_china},
};
use persistence::{Database, Error, Result, Stamp};
use uuid::Uuid;

/// 2023-12-01 in Asia/Shanghai, in milliseconds: when places and people of the set were made.
const MADE_AT: i64 = 1_701_360_000_000;

/// Loads the data set, dated relative to `now`, with one password for all accounts. `progress` is told how much
/// is done, and of how much.
///
/// # Errors
/// If the database does not take it; loading again goes on where it ended.
pub async fn load(
    database: &Database,
    now: Instant,
    password_hash: &str,
    progress: &dyn Fn(usize, usize),
) -> Result<()> {
    let plans = orders::plans(now)?;
    let all = 5 + plans.iter().map(orders::Plan::len).sum::<usize>();
    progress(0, all);
    regions::load(database).await?;
    progress(1, all);
    people::load(database, password_hash).await?;
    progress(2, all);
    posts::load(database, now).await?;
    progress(3, all);
    compounds::load(database, now).await?;
    progress(4, all);
    ledgers::load(database).await?;
    progress(5, all);
    orders::load(database, plans, &|done| progress(5 + done, all)).await
}

/// The id of what has this name within the set: a UUIDv7 (RFC 9562 §5.7) with a fixed time, and a digest of the
/// name in place of chance.
fn id(name: &str) -> Uuid {
    let digest = digest::digest(&digest::SHA256, format!("lianxin.demo/{name}").as_bytes());
    let mut tail = [0; 10];
    tail.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    uuid::Builder::from_unix_timestamp_millis(MADE_AT.unsigned_abs(), &tail).into_uuid()
}

fn user_id(username: &str) -> UserId {
    id(&format!("user/{username}")).into()
}

fn compound_id(code: &str) -> CompoundId {
    id(&format!("compound/{code}")).into()
}

/// When places and people of the set were made.
fn made_at() -> Instant {
    Utc.timestamp_millis_opt(MADE_AT).single().unwrap_or_default()
}

/// The stamp of a step of the set.
fn stamp(now: Instant, user_id: Option<UserId>) -> Stamp {
    Stamp { user_id, ..Stamp::system(now, "demo") }
}

/// A value of the set that the domain does not take. Tests load the set, so nobody should ever see it.
fn fault(column: &'static str, value: impl std::fmt::Display) -> Error {
    Error::Corrupt { table: "demo", column, row: value.to_string() }
}

fn region(code: &str) -> Result<RegionCode> {
    RegionCode::parse(code).map_err(|_| fault("region_code", code))
}

fn day(text: &str) -> Result<NaiveDate> {
    text.parse().map_err(|_| fault("date", text))
}

/// The event of a new row of a kind whose values do not make events themselves.
fn made(event: &'static str, kind: ResourceKind, id: Uuid, region: Option<RegionCode>) -> EventDraft {
    EventDraft::new(event, Subject { kind, id: id.to_string(), version: 1 }, region)
}

/// Takes one of several by turns.
fn turn<T: Copy + Default>(items: &[T], number: usize) -> T {
    items.get(number % items.len().max(1)).copied().unwrap_or_default()
}

/// Where a grant of the set holds.
#[derive(Debug, Clone, Copy)]
enum At {
    System,
    Region(&'static str),
    Compound(&'static str),
}

impl At {
    fn place(self) -> Result<Place> {
        Ok(match self {
            Self::System => Place::System,
            Self::Region(code) => Place::Region(region(code)?),
            Self::Compound(code) => Place::Compound(compound_id(code), region(regions::community_of(code))?),
        })
    }
}

/// A time of day in Asia/Shanghai, some days before the day of `now`.
fn days_before(now: Instant, days: i64, minute: i64) -> Instant {
    let today = domain::time::day_in_china(now);
    start_of_day_in_china(today - chrono::Duration::days(days)) + chrono::Duration::minutes(minute)
}

/// Whether the set may be loaded: the database has no user yet, or its users are those of the set, so that a load
/// that was cut off goes on.
///
/// # Errors
/// If the database does not answer.
pub async fn may_load(database: &persistence::Database) -> persistence::Result<bool> {
    if database.is_empty().await? {
        return Ok(true);
    }
    let admin = database.rows().users().credentials("admin").await?;
    Ok(admin.is_some_and(|found| found.user.id == user_id("admin")))
}
