//! Events: one immutable record for each change, made by the decision that made the change.
//!
//! Their data can hold ids, names of members, enum values, counts and times. There is no way to put a
//! text that somebody typed into them: personal values stay in the row, where they can be erased.

use chrono::NaiveDate;
use serde::{Serialize, Serializer, ser::SerializeMap};
use uuid::Uuid;

use crate::{access::ResourceKind, cn::RegionCode, id::KeyId, time::Instant};

/// What an event is about: one version of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The kind of resource.
    pub kind: ResourceKind,
    /// Its id as the API shows it.
    pub id: String,
    /// The version that the change led to.
    pub version: i64,
}

/// A value that may stand in an event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Datum {
    /// The id of a resource.
    Id(Uuid),
    /// Several ids.
    Ids(Vec<Uuid>),
    /// An enum value or a member name of the API, hence known at compile time.
    Word(&'static str),
    /// Several of them.
    Words(Vec<&'static str>),
    /// A count.
    Count(i64),
    /// A yes or no.
    Flag(bool),
    /// A point in time.
    At(Instant),
    /// A calendar day.
    Day(NaiveDate),
    /// The code of a region.
    Region(RegionCode),
    /// Keys, by what they are called.
    Keys(Vec<KeyId>),
}

/// The data of an event: members in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventData(Vec<(&'static str, Datum)>);

impl EventData {
    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Datum) -> Self {
        self.0.push((name, value));
        self
    }

    /// Adds a member where there is a value.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<Datum>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl Serialize for EventData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// An event as a decision leaves it; who, when and by which request are added where it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct EventDraft {
    /// `{resource}.{past tense}`.
    pub kind: &'static str,
    /// What changed.
    pub subject: Subject,
    /// Where it belongs; `None` for what has no place, such as a failed login.
    pub region: Option<RegionCode>,
    /// What else is to be known.
    pub data: EventData,
    /// When it happened, where the person concerned says so; otherwise it happened when it arrived.
    pub occurred_at: Option<Instant>,
    /// The person for whom the actor acted, if not for himself.
    pub acting_for: Option<Uuid>,
}

impl EventDraft {
    /// An event without data.
    #[must_use]
    pub fn new(kind: &'static str, subject: Subject, region: Option<RegionCode>) -> Self {
        Self { kind, subject, region, data: EventData::default(), occurred_at: None, acting_for: None }
    }

    /// Adds a member to the data.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Datum) -> Self {
        self.data = self.data.with(name, value);
        self
    }

    /// Adds a member to the data where there is a value.
    #[must_use]
    pub fn with_some(mut self, name: &'static str, value: Option<Datum>) -> Self {
        self.data = self.data.with_some(name, value);
        self
    }
}
