//! A clock: a limit that runs, with everything that happened to it.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{Calendar, ClockKind, Counting, Limit, Pause};
use crate::{
    access::words,
    cn::RegionLevel,
    event::{Datum, EventDraft},
    id::UserId,
    refusal::Refusal,
    time::Instant,
};

words! {
    /// How a clock stands.
    ClockState {
        /// Time counts.
        Running = "running",
        /// A pause keeps it from counting.
        Paused = "paused",
        /// What it measures has come about.
        Met = "met",
        /// What it measures is no longer waited for.
        Stopped = "stopped",
    }
}

words! {
    /// To whom a matter that is overdue has risen.
    Risen {
        /// 社区
        Community = "community",
        /// 乡镇 or 街道
        Township = "township",
    }
}

impl Risen {
    /// The level of the region to which it rises.
    #[must_use]
    pub fn level(self) -> RegionLevel {
        match self {
            Self::Community => RegionLevel::Community,
            Self::Township => RegionLevel::Township,
        }
    }
}

/// Who holds a matter cannot stop its clock by pausing again and again: as many pauses keep it from counting, no more.
const PAUSES: usize = 50;

/// No time is given beyond this, counted from when it is given.
const LONGEST_EXTENSION: Duration = Duration::days(90);

/// More time, asked for and not yet given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionRequest {
    /// Until when.
    pub until: Instant,
    /// Who asks.
    pub by: UserId,
    /// When he asked.
    pub at: Instant,
}

/// How a clock ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Ended {
    at: Instant,
    met: bool,
}

/// A clock. Its dates are data: they are reckoned when something happens to it, and told as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// What it measures.
    pub kind: ClockKind,
    /// Since when.
    pub started_at: Instant,
    /// How long it may take.
    pub limit: Limit,
    /// When that is over.
    pub due_at: Instant,
    /// When to warn of it: a quarter of the time is left then.
    warn_at: Instant,
    /// When it rises a second time: as much time again has passed then.
    rise_at: Instant,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pauses: Vec<Pause>,
    /// Until when it was extended, last, and when that was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    extended: Option<Extended>,
    /// More time that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<ExtensionRequest>,
    /// When somebody was warned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned_at: Option<Instant>,
    /// When it was found overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_at: Option<Instant>,
    /// To whom it has risen, last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risen: Option<Risen>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Extended {
    at: Instant,
    until: Instant,
}

/// What a clock tells by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// Three quarters of the time are over.
    Warned,
    /// The time is over.
    Overdue,
    /// It is overdue, and those who answer for it hear of it.
    Risen(Risen),
}

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn start(kind: ClockKind, limit: Limit, now: Instant, calendar: &Calendar) -> Self {
        let mut clock = Self {
            kind,
            started_at: now,
            limit,
            due_at: now,
            warn_at: now,
            rise_at: now,
            pauses: Vec::new(),
            extended: None,
            requested: None,
            warned_at: None,
            overdue_at: None,
            risen: None,
            ended: None,
        };
        clock.reckon(calendar);
        clock
    }

    fn reckon(&mut self, calendar: &Calendar) {
        // an extension names a day and an hour: until then all time counts
        let (from, length, counting) = match self.extended {
            Some(Extended { at, until }) => (at, until - at, Counting::AllTime),
            None => (self.started_at, self.limit.length(), self.limit.counting),
        };
        let after = |span| calendar.after(from, span, counting, &self.pauses);
        (self.warn_at, self.due_at, self.rise_at) = (after(length * 3 / 4), after(length), after(length * 2));
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Instant) -> ClockState {
        match self.ended {
            Some(Ended { met: true, .. }) => ClockState::Met,
            Some(Ended { met: false, .. }) => ClockState::Stopped,
            None if self.pauses.iter().any(|pause| pause.from <= now && now < pause.until) => ClockState::Paused,
            None => ClockState::Running,
        }
    }

    /// When it ended.
    #[must_use]
    pub fn ended_at(&self) -> Option<Instant> {
        self.ended.map(|ended| ended.at)
    }

    /// Whether it still waits.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether its time is over: then, or before it ended.
    #[must_use]
    pub fn is_overdue(&self, now: Instant) -> bool {
        self.due_at <= self.ended_at().unwrap_or(now)
    }

    /// When it next tells something by itself.
    #[must_use]
    pub fn rings_at(&self) -> Option<Instant> {
        if !self.is_open() {
            return None;
        }
        match (self.warned_at, self.risen) {
            (None, None) => Some(self.warn_at),
            (Some(_), None) => Some(self.due_at),
            (_, Some(Risen::Community)) => Some(self.rise_at),
            (_, Some(Risen::Township)) => None,
        }
    }

    /// Everything that it has to tell by now, in order; it is told once.
    pub fn ring(&mut self, now: Instant) -> Vec<Ring> {
        let mut rings = Vec::new();
        while self.rings_at().is_some_and(|at| at <= now) {
            match (self.warned_at, self.risen) {
                // who looks only now need not be warned of what is over
                (None, None) if self.due_at > now => {
                    self.warned_at = Some(now);
                    rings.push(Ring::Warned);
                }
                (_, None) => {
                    self.overdue_at = Some(now);
                    self.risen = Some(Risen::Community);
                    rings.extend([Ring::Overdue, Ring::Risen(Risen::Community)]);
                }
                (_, Some(_)) => {
                    self.risen = Some(Risen::Township);
                    rings.push(Ring::Risen(Risen::Township));
                }
            }
        }
        rings
    }

    /// What it measures has come about.
    pub fn meet(&mut self, now: Instant) {
        self.end(now, true);
    }

    /// What it measures is no longer waited for.
    pub fn stop(&mut self, now: Instant) {
        self.end(now, false);
    }

    fn end(&mut self, at: Instant, met: bool) {
        self.requested = None;
        self.ended.get_or_insert(Ended { at, met });
    }

    /// Keeps time from counting, until somebody resumes or the pause is over. What is overdue stays so.
    pub fn pause(&mut self, now: Instant, until: Instant, calendar: &Calendar) {
        if self.is_open() && now < self.due_at && self.pauses.len() < PAUSES {
            self.pauses.push(Pause { from: now, until });
            self.reckon(calendar);
        }
    }

    /// Lets time count again before the pause is over.
    pub fn resume(&mut self, now: Instant, calendar: &Calendar) {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| now < pause.until) {
            pause.until = now;
            self.reckon(calendar);
        }
    }

    /// Goes by another limit, counted from the beginning, unless more time was given for a reason of its own. What is
    /// overdue stays so.
    pub fn limit_to(&mut self, limit: Limit, now: Instant, calendar: &Calendar) {
        if !self.is_extendable(now) || self.extended.is_some() || limit == self.limit {
            return;
        }
        self.limit = limit;
        self.reckon(calendar);
        self.warned_at = self.warned_at.filter(|_| self.warn_at <= now);
    }

    /// Whether more time can be given: only before it is over.
    #[must_use]
    pub fn is_extendable(&self, now: Instant) -> bool {
        self.is_open() && now < self.due_at
    }

    fn check_extension(&self, until: Instant, now: Instant) -> Result<(), Refusal> {
        if !self.is_extendable(now) {
            return Err(Refusal::invalid("/clock", "clock-expired"));
        }
        if until <= self.due_at {
            return Err(Refusal::invalid("/until", "not-later"));
        }
        if until > now + LONGEST_EXTENSION {
            return Err(Refusal::invalid("/until", "too-far-ahead"));
        }
        Ok(())
    }

    /// Asks for more time.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where it is too late to ask, or too little or too much is asked for.
    pub fn request(&mut self, request: ExtensionRequest) -> Result<(), Refusal> {
        self.check_extension(request.until, request.at)?;
        self.requested = Some(request);
        Ok(())
    }

    /// Gives more time. It is warned of anew.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where it is too late, or too little or too much is given.
    pub fn extend(&mut self, until: Instant, now: Instant, calendar: &Calendar) -> Result<(), Refusal> {
        self.check_extension(until, now)?;
        self.extended = Some(Extended { at: now, until });
        self.requested = None;
        self.warned_at = None;
        // a pause that began before is part of what was asked for
        self.pauses.retain(|pause| pause.until <= now);
        self.reckon(calendar);
        Ok(())
    }

    /// Until when it was extended, last.
    #[must_use]
    pub fn extended_until(&self) -> Option<Instant> {
        self.extended.map(|extended| extended.until)
    }

    /// Adds to an event which clock it is about and when that is due.
    #[must_use]
    pub fn told(&self, event: EventDraft) -> EventDraft {
        event.with("clock", Datum::Word(self.kind.name())).with("due_at", Datum::At(self.due_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(hour: i64) -> Instant {
        chrono::DateTime::parse_from_rfc3339("2026-03-10T00:00:00+08:00").unwrap().to_utc() + Duration::hours(hour)
    }

    /// A clock of eight hours, day and night.
    fn clock() -> Clock {
        let limit = Limit { minutes: 480, counting: Counting::AllTime };
        Clock::start(ClockKind::Response, limit, at(0), &Calendar::default())
    }

    fn request(until: Instant, at: Instant) -> ExtensionRequest {
        ExtensionRequest { until, by: uuid::Uuid::nil().into(), at }
    }

    #[test]
    fn it_warns_is_overdue_and_rises_once_each() {
        use Ring::{Overdue, Risen as Rises, Warned};
        let mut clock = clock();
        assert_eq!(clock.ring(at(5)), []);
        assert_eq!(clock.ring(at(6)), [Warned]);
        assert_eq!(clock.ring(at(7)), []);
        assert_eq!(clock.ring(at(8)), [Overdue, Rises(Risen::Community)]);
        assert_eq!(clock.ring(at(15)), []);
        assert_eq!(clock.ring(at(16)), [Rises(Risen::Township)]);
        assert_eq!((clock.ring(at(100)), clock.rings_at()), (vec![], None));
        assert_eq!((clock.warned_at, clock.overdue_at, clock.risen), (Some(at(6)), Some(at(8)), Some(Risen::Township)));
    }

    #[test]
    fn who_looks_late_is_told_all_but_the_warning() {
        use Ring::{Overdue, Risen as Rises};
        let mut late = clock();
        assert_eq!(late.ring(at(30)), [Overdue, Rises(Risen::Community), Rises(Risen::Township)]);
        assert_eq!(late.warned_at, None);
    }

    #[test]
    fn what_has_ended_does_not_ring() {
        let (mut met, mut stopped) = (clock(), clock());
        met.meet(at(9));
        stopped.stop(at(3));
        assert_eq!((met.state(at(10)), met.is_overdue(at(10))), (ClockState::Met, true));
        assert_eq!((stopped.state(at(10)), stopped.is_overdue(at(10))), (ClockState::Stopped, false));
        for mut clock in [met, stopped] {
            assert_eq!((clock.ring(at(100)), clock.rings_at()), (vec![], None));
            let before = clock.clone();
            clock.stop(at(11));
            clock.meet(at(11));
            clock.pause(at(4), at(5), &Calendar::default());
            assert_eq!(clock, before);
        }
    }

    #[test]
    fn a_pause_counts_until_it_is_over_or_somebody_resumes() {
        let calendar = Calendar::default();
        let mut clock = clock();
        clock.pause(at(2), at(26), &calendar);
        assert_eq!((clock.state(at(3)), clock.due_at), (ClockState::Paused, at(32)));
        assert_eq!((clock.ring(at(29)), clock.state(at(26))), (vec![], ClockState::Running));
        clock.resume(at(4), &calendar);
        assert_eq!((clock.state(at(4)), clock.due_at), (ClockState::Running, at(10)));
        clock.resume(at(5), &calendar);
        assert_eq!(clock.due_at, at(10));
        let overdue = {
            clock.pause(at(10), at(50), &calendar);
            clock
        };
        assert_eq!(overdue.due_at, at(10), "what is overdue stays so");
    }

    #[test]
    fn nobody_stops_a_clock_by_pausing_it_again_and_again() {
        let calendar = Calendar::default();
        let mut clock = clock();
        for hour in 0..60 {
            clock.pause(at(2 * hour), at(2 * hour + 2), &calendar);
        }
        assert_eq!(clock.due_at, at(8 + 100));
    }

    #[test]
    fn more_time_is_given_before_it_is_over() {
        let calendar = Calendar::default();
        let mut clock = clock();
        let refused = |result: Result<(), Refusal>| match result {
            Err(Refusal::Invalid(errors)) => (errors[0].pointer.clone(), errors[0].code),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(clock.extend(at(8), at(1), &calendar)), ("/until".to_owned(), "not-later"));
        let far = at(1) + Duration::days(90) + Duration::seconds(1);
        assert_eq!(refused(clock.extend(far, at(1), &calendar)), ("/until".to_owned(), "too-far-ahead"));
        assert_eq!(refused(clock.request(request(at(9), at(8)))), ("/clock".to_owned(), "clock-expired"));
        clock.request(request(at(20), at(2))).unwrap();
        assert_eq!(clock.due_at, at(8), "asking gives nothing");
        assert_eq!(clock.ring(at(6)), [Ring::Warned]);
        clock.extend(at(23), at(7), &calendar).unwrap();
        assert_eq!((clock.due_at, clock.extended_until(), clock.requested.is_none()), (at(23), Some(at(23)), true));
        assert_eq!(clock.ring(at(18)), []);
        assert_eq!(clock.ring(at(19)), [Ring::Warned], "it is warned of anew");
        clock.pause(at(20), at(22), &calendar);
        assert_eq!(clock.due_at, at(25));
        clock.limit_to(Limit { minutes: 60, counting: Counting::AllTime }, at(20), &calendar);
        assert_eq!(clock.due_at, at(25), "what was given for a reason stays");
        assert_eq!(refused(clock.extend(at(90), at(25), &calendar)), ("/clock".to_owned(), "clock-expired"));
    }

    #[test]
    fn another_limit_counts_from_the_beginning() {
        let calendar = Calendar::default();
        let limit = |hours| Limit { minutes: hours * 60, counting: Counting::AllTime };
        let mut clock = clock();
        assert_eq!(clock.ring(at(6)), [Ring::Warned]);
        clock.limit_to(limit(24), at(7), &calendar);
        assert_eq!((clock.due_at, clock.warned_at), (at(24), None));
        clock.limit_to(limit(4), at(7), &calendar);
        assert_eq!(clock.due_at, at(4));
        clock.limit_to(limit(24), at(7), &calendar);
        assert_eq!(clock.due_at, at(4), "nobody is saved by a lower priority");
    }

    proptest! {
        /// Whatever happens in between, each thing is told at most once between two grants, in order, and never early.
        #[test]
        fn rings_come_in_order(steps in proptest::collection::vec((0u8..5, 1i64..30), 1..40)) {
            let calendar = Calendar::default();
            let mut clock = clock();
            let (mut now, mut told) = (0, Vec::new());
            for (what, hours) in steps {
                now += hours;
                match what {
                    0 => clock.pause(at(now), at(now + hours), &calendar),
                    1 => clock.resume(at(now), &calendar),
                    2 => {
                        if clock.extend(at(now + 30), at(now), &calendar).is_ok() {
                            told.clear();
                        }
                    }
                    _ => {
                        for ring in clock.ring(at(now)) {
                            prop_assert!(ring == Ring::Warned || clock.due_at <= at(now));
                            told.push(ring);
                        }
                        prop_assert!(clock.rings_at().is_none_or(|next| next > at(now)));
                    }
                }
            }
            let all = [Ring::Warned, Ring::Overdue, Ring::Risen(Risen::Community), Ring::Risen(Risen::Township)];
            let places: Vec<_> = told.iter().map(|ring| all.iter().position(|known| known == ring)).collect();
            prop_assert!(places.is_sorted_by(|one, next| one < next), "{:?}", told);
        }
    }
}
