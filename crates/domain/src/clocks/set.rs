//! The clocks of one matter.

use serde::{Deserialize, Serialize};

use super::{Calendar, Clock, ClockKind, Limit, Ring, Risen};
use crate::time::Instant;

/// As many clocks as a matter keeps, the latest; events tell of those before.
const KEPT: usize = 20;

/// The clocks of one matter, in the order in which they were started. Of each kind the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Clocks(Vec<Clock>);

impl Clocks {
    /// Starts a clock where there is a limit; one of its kind that still runs is no longer waited for.
    pub fn start(&mut self, kind: ClockKind, limit: Option<Limit>, now: Instant, calendar: &Calendar) {
        self.stop(kind, now);
        if let Some(limit) = limit {
            self.0.push(Clock::start(kind, limit, now, calendar));
        }
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
    }

    /// The last clock of each kind.
    pub fn current(&self) -> impl Iterator<Item = &Clock> {
        ClockKind::ALL.iter().filter_map(|kind| self.last(*kind))
    }

    /// The last clock of a kind.
    #[must_use]
    pub fn last(&self, kind: ClockKind) -> Option<&Clock> {
        self.0.iter().rfind(|clock| clock.kind == kind)
    }

    /// The clock of a kind that still waits.
    pub fn open_mut(&mut self, kind: ClockKind) -> Option<&mut Clock> {
        self.0.iter_mut().rfind(|clock| clock.kind == kind && clock.is_open())
    }

    fn open(&self) -> impl Iterator<Item = &Clock> {
        self.0.iter().filter(|clock| clock.is_open())
    }

    /// Those that still wait.
    pub fn all_open_mut(&mut self) -> impl Iterator<Item = &mut Clock> {
        self.0.iter_mut().filter(|clock| clock.is_open())
    }

    /// What a kind of clock measures has come about.
    pub fn meet(&mut self, kind: ClockKind, now: Instant) {
        if let Some(clock) = self.open_mut(kind) {
            clock.meet(now);
        }
    }

    fn stop(&mut self, kind: ClockKind, now: Instant) {
        if let Some(clock) = self.open_mut(kind) {
            clock.stop(now);
        }
    }

    /// Nothing is waited for any longer.
    pub fn stop_all(&mut self, now: Instant) {
        self.all_open_mut().for_each(|clock| clock.stop(now));
    }

    /// When the first of those that still wait is due.
    #[must_use]
    pub fn due_at(&self) -> Option<Instant> {
        self.open().map(|clock| clock.due_at).min()
    }

    /// When one of them next tells something by itself.
    #[must_use]
    pub fn rings_at(&self) -> Option<Instant> {
        self.open().filter_map(Clock::rings_at).min()
    }

    /// How far the matter has risen by those that still wait.
    #[must_use]
    pub fn risen(&self) -> Option<Risen> {
        self.open().filter_map(|clock| clock.risen).max()
    }

    /// Whether more time can be given to one of them.
    #[must_use]
    pub fn are_extendable(&self, now: Instant) -> bool {
        self.open().any(|clock| clock.is_extendable(now))
    }

    /// Whether more time is asked for by one of them.
    #[must_use]
    pub fn are_asked_for(&self) -> bool {
        self.open().any(|clock| clock.requested.is_some())
    }

    /// Everything that they have to tell by now, each thing with the clock that tells it.
    pub fn ring(&mut self, now: Instant) -> Vec<(Clock, Ring)> {
        let rung = self.all_open_mut().map(|clock| (clock.ring(now), clock.clone()));
        rung.flat_map(|(rings, clock)| rings.into_iter().map(move |ring| (clock.clone(), ring))).collect()
    }
}
