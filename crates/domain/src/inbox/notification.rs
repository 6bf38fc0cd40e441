//! A notification.

use crate::{
    access::{Located, Reach, ResourceKind},
    cn::RegionCode,
    id::{EventId, NotificationId, UserId},
    outcome::Outcome,
    resource::{Resource as _, resource},
    time::Instant,
};

/// Tells one person of one event. It holds ids only; what it is about is looked up by those who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Its id.
    pub id: NotificationId,
    /// Who is told.
    pub user_id: UserId,
    /// Of which event.
    pub event_id: EventId,
    /// The kind of that event.
    pub kind: String,
    /// What that is about.
    pub subject_kind: ResourceKind,
    /// The id of that.
    pub subject_id: String,
    /// Where it belongs.
    pub region_code: Option<RegionCode>,
    /// When it was read.
    pub read_at: Option<Instant>,
    /// Counts changes.
    pub version: i64,
    /// When the event arrived.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(Notification, id: NotificationId);

impl Located for Notification {
    fn region(&self) -> Option<&RegionCode> {
        self.region_code.as_ref()
    }

    fn related(&self, reach: &Reach) -> bool {
        matches!(reach, Reach::Own(user, _) if *user == self.user_id)
    }
}

impl Notification {
    /// It is read; `None` where it was before.
    #[must_use]
    pub fn read(mut self, now: Instant) -> Option<Outcome<Self>> {
        if self.read_at.is_some() {
            return None;
        }
        self.read_at = Some(now);
        self.touch(now);
        let event = self.event("notification.read");
        Some(Outcome::new(self, event))
    }
}
