//! The clocks of an order: until somebody has accepted, and until it is done.

use super::{Caller, OrderEffect, Priority, ServiceOrder, State, Transition, decide::Decision, limit_at};
use crate::{
    access::Action,
    clocks::{Calendar, Clock, ClockKind, ExtensionRequest, Ring},
    event::{Datum, EventDraft},
    outcome::Outcome,
    refusal::Refusal,
    time::Instant,
};

impl ServiceOrder {
    /// Starts clocks by the limits of the order at its priority.
    pub(super) fn start_clocks(&mut self, kinds: &[ClockKind], now: Instant, calendar: &Calendar) {
        for kind in kinds {
            self.clocks.start(*kind, limit_at(&self.limits, self.priority, *kind), now, calendar);
        }
    }

    /// Gives the order another priority, and its clocks the limits of that. Where there was none so far, one starts.
    pub(super) fn prioritize(&mut self, priority: Priority, now: Instant, calendar: &Calendar) {
        if priority == self.priority {
            return;
        }
        self.priority = priority;
        for kind in ClockKind::ALL {
            let Some(limit) = limit_at(&self.limits, priority, *kind) else { continue };
            if let Some(clock) = self.clocks.open_mut(*kind) {
                clock.limit_to(limit, now, calendar);
            } else if self.waits_for(*kind) {
                self.start_clocks(&[*kind], now, calendar);
                if let (State::OnHold(_, hold), Some(clock)) = (&self.state, self.clocks.open_mut(*kind)) {
                    clock.pause(now, hold.until, calendar);
                }
            }
        }
    }

    /// Whether that which a kind of clock measures is still to come.
    fn waits_for(&self, kind: ClockKind) -> bool {
        match kind {
            ClockKind::Response => self.state.work().is_none(),
            ClockKind::Resolution => true,
        }
    }

    /// Gives a clock more time, or asks for it: the holder asks, the dispatcher grants, and nobody grants what he
    /// asks for himself.
    pub fn extend(
        self,
        by: Caller<'_>,
        clock: ClockKind,
        until: Instant,
        reason: String,
        calendar: &Calendar,
    ) -> Decision {
        self.check(Transition::Extend, by)?;
        let holds = self.is_held_by(by.actor.volunteer.as_ref().map(|volunteer| volunteer.id));
        let grants = by.actions.has(Action::Extend) && !holds;
        let state = self.state.clone();
        let mut order = self.moved(by, state);
        let open = order.clocks.open_mut(clock).ok_or_else(|| Refusal::invalid("/clock", "clock-expired"))?;
        let asked_by = open.requested.as_ref().map(|request| Datum::Id(request.by.into()));
        let kind = if grants {
            open.extend(until, by.now, calendar)?;
            "service_order.extended"
        } else {
            open.request(ExtensionRequest { until, by: by.actor.user_id, at: by.now })?;
            "service_order.extension_requested"
        };
        let open = open.clone();
        order.remark(by, Transition::Extend, Some(reason));
        let event = open.told(order.moved_event(kind)).with("until", Datum::At(until));
        Ok(Outcome::new(order, event.with_some("requested_by", asked_by.filter(|_| grants))))
    }

    /// Says no to one who asks for more time.
    pub fn refuse_extension(self, by: Caller<'_>, clock: ClockKind, reason: String) -> Decision {
        self.check(Transition::RefuseExtension, by)?;
        let state = self.state.clone();
        let mut order = self.moved(by, state);
        let open = order.clocks.open_mut(clock).filter(|open| open.requested.is_some());
        let open = open.ok_or_else(|| Refusal::invalid("/clock", "not-requested"))?;
        open.requested = None;
        let open = open.clone();
        order.remark(by, Transition::RefuseExtension, Some(reason));
        let event = open.told(order.moved_event("service_order.extension_refused"));
        Ok(Outcome::new(order, event))
    }

    /// Tells what its clocks have to tell by now: warnings, lateness, and that it rises to those who answer for it.
    /// `None` where there is nothing to tell.
    #[must_use]
    pub fn ring(mut self, now: Instant) -> Option<Outcome<Self, OrderEffect>> {
        let rung = self.clocks.ring(now);
        if rung.is_empty() {
            return None;
        }
        self.version += 1;
        self.updated_at = now;
        let events = rung.into_iter().map(|(clock, ring)| self.rung(&clock, ring)).collect();
        Some(Outcome { value: self, events, effects: Vec::new() })
    }

    fn rung(&self, clock: &Clock, ring: Ring) -> EventDraft {
        let kind = match ring {
            Ring::Warned => "service_order.warned",
            Ring::Overdue => "service_order.overdue",
            Ring::Risen(_) => "service_order.risen",
        };
        let event = clock.told(self.moved_event(kind));
        match ring {
            Ring::Risen(to) => event
                .with("to", Datum::Word(to.name()))
                .with_some("region_code", self.region_code.at(to.level()).map(Datum::Region)),
            Ring::Warned | Ring::Overdue => event,
        }
    }
}
