//! The decisions about an order. Each takes the order, checks right and state, and gives it back as it is from
//! now on, with the event that tells of it.

use super::{
    Answers, Assignee, Caller, Confirmation, ConfirmedBy, Dispatch, Hold, KindLimit, OrderState, Priority, Remark,
    Requester, Resolution, ServiceOrder, Site, State, Target, Transition, Work, order::REMARKS_KEPT,
    transition::AFTER_CLOSE,
};
use crate::{
    access::Action,
    clocks::{Calendar, ClockKind, Clocks},
    cn::{RegionCode, RegionLevel},
    event::{Datum, EventDraft},
    id::{PersonId, ServiceOrderId, UserId, VolunteerId},
    outcome::Outcome,
    refusal::Refusal,
    resource::Resource as _,
    time::Instant,
};
use chrono::Duration;

/// A pause ends within this time.
const LONGEST_HOLD: Duration = Duration::days(90);

/// What a decision about an order gives.
pub type Decision = Result<Outcome<ServiceOrder, OrderEffect>, Refusal>;

/// Rows beside the order that change with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEffect {
    /// The volunteer began to work; his hours run.
    WorkStarted(VolunteerId),
    /// His hours stop.
    WorkEnded,
    /// A person joined.
    Joined(PersonId),
    /// Who was concerned by the other order is now concerned by this one.
    TookOver(ServiceOrderId),
}

/// An order about to be placed.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// Its id.
    pub id: ServiceOrderId,
    /// Its number for people.
    pub number: String,
    /// The community or grid.
    pub region_code: RegionCode,
    /// The code of its kind.
    pub kind: String,
    /// What is to be done.
    pub description: String,
    /// Where.
    pub site: Site,
    /// Answers to the questions of its kind.
    pub answers: Answers,
    /// When the resident would like it done.
    pub wished_at: Option<Instant>,
    /// Whether others are kept from it.
    pub private: bool,
    /// For whom.
    pub requester: Requester,
    /// Who places it.
    pub placed_by: UserId,
    /// Whether it is placed for somebody else.
    pub on_behalf: bool,
    /// How long it may take, by priority.
    pub limits: Vec<KindLimit>,
}

/// What to change in an order; `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct OrderChange {
    /// What is to be done.
    pub description: Option<String>,
    /// Answers to the questions.
    pub answers: Option<Answers>,
    /// When; `Some(None)` takes the wish back.
    pub wished_at: Option<Option<Instant>>,
    /// Whether others are kept from it.
    pub private: Option<bool>,
    /// Where, within the same place: address and position.
    pub site: Option<Site>,
    /// How urgent.
    pub priority: Option<Priority>,
}

/// What the holder says when he is done.
#[derive(Debug, Clone)]
pub struct Completion {
    /// What came of it.
    pub outcome: Resolution,
    /// What he wants to say about it.
    pub note: Option<String>,
}

impl ServiceOrder {
    /// Places an order.
    pub fn place(new: NewOrder, now: Instant, calendar: &Calendar) -> Outcome<Self, OrderEffect> {
        let NewOrder {
            id,
            number,
            region_code,
            kind,
            description,
            site,
            answers,
            wished_at,
            private,
            requester,
            placed_by,
            on_behalf,
            limits,
        } = new;
        let person = requester.person_id;
        let mut order = Self {
            id,
            number,
            region_code,
            kind,
            description,
            site,
            answers,
            wished_at,
            private,
            priority: Priority::Normal,
            requester,
            placed_by,
            state: State::Placed,
            outcome: None,
            reopened_count: 0,
            joined_count: 0,
            joined_by_caller: false,
            remarks: Vec::new(),
            limits,
            clocks: Clocks::default(),
            accepted_at: None,
            closed_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        order.start_clocks(ClockKind::ALL, now, calendar);
        let mut event = order.event("service_order.placed").with("state", Datum::Word(order.state.name()));
        if on_behalf {
            event.acting_for = Some(person.into());
        }
        Outcome::new(order, event)
    }

    /// Hands the order out.
    pub fn dispatch(
        self,
        by: Caller<'_>,
        target: Target,
        note: Option<String>,
        priority: Option<Priority>,
        calendar: &Calendar,
    ) -> Decision {
        self.check(Transition::Dispatch, by)?;
        let mut order = self.moved(by, State::Dispatched(Dispatch::to(target)));
        order.remark(by, Transition::Dispatch, note);
        if let Some(priority) = priority {
            order.prioritize(priority, by.now, calendar);
        }
        let event = order.moved_event("service_order.dispatched");
        Ok(Outcome::new(order, event))
    }

    /// The one it was dispatched to takes it.
    pub fn accept(self, by: Caller<'_>) -> Decision {
        self.taken(Transition::Accept, "service_order.accepted", by)
    }

    /// A volunteer of the area takes an open order.
    pub fn claim(self, by: Caller<'_>) -> Decision {
        self.taken(Transition::Claim, "service_order.claimed", by)
    }

    fn taken(self, transition: Transition, event: &'static str, by: Caller<'_>) -> Decision {
        self.check(transition, by)?;
        let holder = Assignee { volunteer_id: by.volunteer()?, display_name: by.actor.display_name.clone() };
        let State::Dispatched(dispatch) = &self.state else { return Err(self.wrong_state(by)) };
        let work = Work { holder, dispatch: dispatch.clone() };
        let mut order = self.moved(by, State::Accepted(work));
        order.accepted_at = Some(by.now);
        order.clocks.meet(ClockKind::Response, by.now);
        let event = order.moved_event(event);
        Ok(Outcome::new(order, event))
    }

    /// Gives the order back. A member of a team speaks for himself: the order goes back to the dispatcher once
    /// all of `team` (its active members) have declined.
    pub fn decline(self, by: Caller<'_>, team: &[VolunteerId], reason: String, calendar: &Calendar) -> Decision {
        self.check(Transition::Decline, by)?;
        let volunteer = by.volunteer()?;
        let state = match &self.state {
            State::Dispatched(dispatch) if matches!(dispatch.target, Target::Team(_)) => {
                let mut dispatch = dispatch.clone();
                dispatch.declined_by.push(volunteer);
                let all = team.iter().all(|member| dispatch.declined_by.contains(member));
                if all { State::Placed } else { State::Dispatched(dispatch) }
            }
            _ => State::Placed,
        };
        let was_taken = self.state.work().is_some();
        let mut order = self.moved(by, state);
        order.accepted_at = None;
        if was_taken {
            order.start_clocks(&[ClockKind::Response], by.now, calendar);
        }
        order.remark(by, Transition::Decline, Some(reason));
        let event = order.moved_event("service_order.declined").with("volunteer_id", Datum::Id(volunteer.into()));
        Ok(Outcome::new(order, event))
    }

    /// The holder begins.
    pub fn start(self, by: Caller<'_>) -> Decision {
        self.check(Transition::Start, by)?;
        let State::Accepted(work) = self.state.clone() else { return Err(self.wrong_state(by)) };
        let volunteer = work.holder.volunteer_id;
        let order = self.moved(by, State::InProgress(work));
        let event = order.moved_event("service_order.started");
        Ok(Outcome::new(order, event).with_effect(OrderEffect::WorkStarted(volunteer)))
    }

    /// Pauses the work until a time that is after now and at most ninety days ahead.
    pub fn hold(self, by: Caller<'_>, reason: String, until: Instant, calendar: &Calendar) -> Decision {
        self.check(Transition::Hold, by)?;
        if until <= by.now {
            return Err(Refusal::invalid("/until", "not-in-future"));
        }
        if until > by.now + LONGEST_HOLD {
            return Err(Refusal::invalid("/until", "too-far-ahead"));
        }
        let (work, in_progress) = match self.state.clone() {
            State::Accepted(work) => (work, false),
            State::InProgress(work) => (work, true),
            _ => return Err(self.wrong_state(by)),
        };
        let mut order = self.moved(by, State::OnHold(work, Hold { reason: reason.clone(), until, in_progress }));
        order.clocks.all_open_mut().for_each(|clock| clock.pause(by.now, until, calendar));
        order.remark(by, Transition::Hold, Some(reason));
        let event = order.moved_event("service_order.held").with("until", Datum::At(until));
        let outcome = Outcome::new(order, event);
        Ok(if in_progress { outcome.with_effect(OrderEffect::WorkEnded) } else { outcome })
    }

    /// Goes on where the pause began.
    pub fn resume(self, by: Caller<'_>, calendar: &Calendar) -> Decision {
        self.check(Transition::Resume, by)?;
        let State::OnHold(work, hold) = self.state.clone() else { return Err(self.wrong_state(by)) };
        let volunteer = work.holder.volunteer_id;
        let state = if hold.in_progress { State::InProgress(work) } else { State::Accepted(work) };
        let mut order = self.moved(by, state);
        order.clocks.all_open_mut().for_each(|clock| clock.resume(by.now, calendar));
        let event = order.moved_event("service_order.resumed");
        let outcome = Outcome::new(order, event);
        Ok(if hold.in_progress { outcome.with_effect(OrderEffect::WorkStarted(volunteer)) } else { outcome })
    }

    /// Hands the order over to another target.
    pub fn transfer(self, by: Caller<'_>, target: Target, reason: String, calendar: &Calendar) -> Decision {
        self.check(Transition::Transfer, by)?;
        let was_in_progress = matches!(self.state, State::InProgress(_));
        let was_taken = self.state.work().is_some();
        let mut order = self.moved(by, State::Dispatched(Dispatch::to(target)));
        order.accepted_at = None;
        if was_taken {
            order.clocks.all_open_mut().for_each(|clock| clock.resume(by.now, calendar));
            order.start_clocks(&[ClockKind::Response], by.now, calendar);
        }
        order.remark(by, Transition::Transfer, Some(reason));
        let event = order.moved_event("service_order.transferred");
        let outcome = Outcome::new(order, event);
        Ok(if was_in_progress { outcome.with_effect(OrderEffect::WorkEnded) } else { outcome })
    }

    /// The holder is done.
    pub fn complete(self, by: Caller<'_>, completion: Completion) -> Decision {
        self.check(Transition::Complete, by)?;
        let Completion { outcome: resolution, note } = completion;
        if resolution == Resolution::Withdrawn {
            return Err(Refusal::invalid("/outcome", "not-allowed"));
        }
        let was_in_progress = matches!(self.state, State::InProgress(_));
        let (State::Accepted(work) | State::InProgress(work)) = self.state.clone() else {
            return Err(self.wrong_state(by));
        };
        let mut order = self.moved(by, State::Completed(work, by.now));
        order.outcome = Some(resolution);
        order.clocks.meet(ClockKind::Resolution, by.now);
        order.remark(by, Transition::Complete, note);
        let event = order.moved_event("service_order.completed").with("outcome", Datum::Word(resolution.name()));
        let outcome = Outcome::new(order, event);
        Ok(if was_in_progress { outcome.with_effect(OrderEffect::WorkEnded) } else { outcome })
    }

    /// The resident answers the two questions; for one without an account the community worker writes it down.
    pub fn confirm(self, by: Caller<'_>, solved: bool, satisfaction: u8, comment: Option<String>) -> Decision {
        self.check(Transition::Confirm, by)?;
        let how = if self.is_for(by.actor.person_id) && by.actions.has(Action::Confirm) {
            ConfirmedBy::Resident
        } else {
            ConfirmedBy::ByTelephone
        };
        let State::Completed(work, _) = self.state.clone() else { return Err(self.wrong_state(by)) };
        let confirmation = Confirmation { solved, satisfaction: Some(satisfaction), by: how, at: by.now };
        let for_whom = self.requester.person_id;
        let mut order = self.moved(by, State::Confirmed(work, confirmation));
        order.closed_at = Some(by.now);
        order.remark(by, Transition::Confirm, comment);
        let mut event = order.confirmed_event(how, Some(solved));
        if how == ConfirmedBy::ByTelephone {
            event.acting_for = Some(for_whom.into());
        }
        Ok(Outcome::new(order, event))
    }

    /// Seven days of silence confirm an order, marked as such; `None` before that or in another state.
    #[must_use]
    pub fn confirm_by_silence(mut self, now: Instant) -> Option<Outcome<Self, OrderEffect>> {
        let State::Completed(work, completed_at) = self.state.clone() else { return None };
        if now < completed_at + AFTER_CLOSE {
            return None;
        }
        let confirmation = Confirmation {
            solved: self.outcome == Some(Resolution::Solved),
            satisfaction: None,
            by: ConfirmedBy::System,
            at: now,
        };
        self.state = State::Confirmed(work, confirmation);
        self.closed_at = Some(now);
        self.version += 1;
        self.updated_at = now;
        let event = self.confirmed_event(ConfirmedBy::System, None);
        Some(Outcome::new(self, event))
    }

    /// Asks the same holder for more work. One who no longer serves cannot be asked: then the dispatcher has it.
    pub fn reopen(self, by: Caller<'_>, holder_serves: bool, reason: String, calendar: &Calendar) -> Decision {
        self.check(Transition::Reopen, by)?;
        let Some(work) = self.state.work().cloned() else { return Err(self.wrong_state(by)) };
        let by_telephone = !self.is_for(by.actor.person_id);
        let for_whom = self.requester.person_id;
        let state =
            if holder_serves { State::Dispatched(Dispatch::to(Target::Volunteer(work.holder))) } else { State::Placed };
        let mut order = self.moved(by, state);
        order.accepted_at = None;
        order.closed_at = None;
        order.outcome = None;
        order.reopened_count += 1;
        order.start_clocks(ClockKind::ALL, by.now, calendar);
        order.remark(by, Transition::Reopen, Some(reason));
        let mut event = order
            .moved_event("service_order.reopened")
            .with("reopened_count", Datum::Count(order.reopened_count.into()));
        if by_telephone {
            event.acting_for = Some(for_whom.into());
        }
        Ok(Outcome::new(order, event))
    }

    /// The resident calls it off.
    pub fn cancel(self, by: Caller<'_>, reason: Option<String>) -> Decision {
        self.check(Transition::Cancel, by)?;
        let dispatch = self.state.dispatch().cloned();
        let mut order = self.moved(by, State::Cancelled(dispatch));
        order.outcome = Some(Resolution::Withdrawn);
        order.closed_at = Some(by.now);
        order.clocks.stop_all(by.now);
        order.remark(by, Transition::Cancel, reason);
        let event = order.moved_event("service_order.cancelled");
        Ok(Outcome::new(order, event))
    }

    /// The dispatcher turns it down.
    pub fn reject(self, by: Caller<'_>, reason: String) -> Decision {
        self.check(Transition::Reject, by)?;
        let dispatch = self.state.dispatch().cloned();
        let mut order = self.moved(by, State::Rejected(dispatch));
        order.closed_at = Some(by.now);
        order.clocks.stop_all(by.now);
        order.remark(by, Transition::Reject, Some(reason));
        let event = order.moved_event("service_order.rejected");
        Ok(Outcome::new(order, event))
    }

    /// The dispatcher folds it into another open order of the same community; those concerned by it are from
    /// now on concerned by the other one.
    pub fn merge(self, into: Self, by: Caller<'_>) -> Result<Merged, Refusal> {
        self.check(Transition::Merge, by)?;
        let community = self.region_code.at(RegionLevel::Community);
        let same_place = community.is_some() && community == into.region_code.at(RegionLevel::Community);
        if self.id == into.id || !same_place || !into.state.kind().is_open() {
            return Err(Refusal::invalid("/into", "not-mergeable"));
        }
        let (from_id, into_id) = (self.id, into.id);
        let dispatch = self.state.dispatch().cloned();
        let mut order = self.moved(by, State::Merged(into_id, dispatch));
        order.closed_at = Some(by.now);
        order.clocks.stop_all(by.now);
        let event = order.moved_event("service_order.merged");

        let state = into.state.clone();
        let into = into.moved(by, state);
        let joined = into.event("service_order.joined").with("merged_order_id", Datum::Id(from_id.into()));
        Ok(Merged {
            merged: Outcome::new(order, event),
            into: Outcome::new(into, joined).with_effect(OrderEffect::TookOver(from_id)),
        })
    }

    /// Another resident of the community says «me too».
    pub fn join(self, by: Caller<'_>) -> Decision {
        self.check(Transition::Join, by)?;
        let Some(person) = by.actor.person_id else { return Err(Refusal::Forbidden) };
        let state = self.state.clone();
        let mut order = self.moved(by, state);
        order.joined_count += 1;
        order.joined_by_caller = true;
        let event = order
            .event("service_order.joined")
            .with("person_id", Datum::Id(person.into()))
            .with("joined_count", Datum::Count(order.joined_count));
        Ok(Outcome::new(order, event).with_effect(OrderEffect::Joined(person)))
    }

    /// Changes members; `None` where all of them are so already. Who may only set the priority may change nothing
    /// else.
    pub fn update(
        self,
        by: Caller<'_>,
        change: OrderChange,
        calendar: &Calendar,
    ) -> Result<Option<Outcome<Self, OrderEffect>>, Refusal> {
        self.check_right(Transition::Update, by)?;
        let OrderChange { description, answers, wished_at, private, site, priority } = change;
        let changes_matter =
            description.is_some() || answers.is_some() || wished_at.is_some() || private.is_some() || site.is_some();
        let is_early = matches!(self.state.kind(), OrderState::Placed | OrderState::Dispatched);
        if priority.is_some() && !by.actions.has(Action::Prioritize) {
            return Err(Refusal::Forbidden);
        }
        if changes_matter && !by.actions.has(Action::Update) {
            return Err(Refusal::Forbidden);
        }
        self.check(Transition::Update, by)?;
        if changes_matter && !is_early {
            return Err(self.wrong_state(by));
        }
        let before = self.clone();
        let state = self.state.clone();
        let mut order = self.moved(by, state);
        order.description = description.unwrap_or(order.description);
        order.answers = answers.unwrap_or(order.answers);
        order.wished_at = wished_at.unwrap_or(order.wished_at);
        order.private = private.unwrap_or(order.private);
        order.site = site.unwrap_or(order.site);
        if let Some(priority) = priority {
            order.prioritize(priority, by.now, calendar);
        }
        let changed = order.changed_since(&before);
        if changed.is_empty() {
            return Ok(None);
        }
        let event = order.event("service_order.updated").with("changed", Datum::Words(changed));
        Ok(Some(Outcome::new(order, event)))
    }

    fn changed_since(&self, before: &Self) -> Vec<&'static str> {
        let pairs = [
            ("description", self.description != before.description),
            ("answers", self.answers != before.answers),
            ("wished_at", self.wished_at != before.wished_at),
            ("private", self.private != before.private),
            ("address", self.site != before.site),
            ("priority", self.priority != before.priority),
        ];
        pairs.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
    }

    /// The holder looks at name, number and address. Nothing changes but the trail.
    pub fn contact(&self, by: Caller<'_>) -> Result<EventDraft, Refusal> {
        self.check(Transition::Contact, by)?;
        let mut event = self.event("service_order.contact_read");
        event.acting_for = Some(self.requester.person_id.into());
        Ok(event)
    }

    pub(super) fn moved(mut self, by: Caller<'_>, state: State) -> Self {
        self.state = state;
        self.version += 1;
        self.updated_at = by.now;
        self
    }

    pub(super) fn remark(&mut self, by: Caller<'_>, on: Transition, text: Option<String>) {
        let Some(text) = text else { return };
        self.remarks.push(Remark { on, version: self.version, at: by.now, by: Some(by.actor.user_id), text });
        let surplus = self.remarks.len().saturating_sub(REMARKS_KEPT);
        self.remarks.drain(..surplus);
    }

    /// An event that says where the order stands, and in whose hands it is, or was.
    pub(super) fn moved_event(&self, kind: &'static str) -> EventDraft {
        let event = self.event(kind).with("state", Datum::Word(self.state.name()));
        let event = match &self.state {
            State::Merged(into, _) => event.with("into", Datum::Id((*into).into())),
            _ => event,
        };
        if let Some(work) = self.state.work() {
            return event.with("volunteer_id", Datum::Id(work.holder.volunteer_id.into()));
        }
        match self.state.dispatch().map(|dispatch| &dispatch.target) {
            Some(Target::Volunteer(assignee)) => event.with("volunteer_id", Datum::Id(assignee.volunteer_id.into())),
            Some(Target::Team(team)) => event.with("team_id", Datum::Id(team.id.into())),
            Some(Target::Open) => event.with("open", Datum::Flag(true)),
            None => event,
        }
    }

    fn confirmed_event(&self, how: ConfirmedBy, solved: Option<bool>) -> EventDraft {
        self.moved_event("service_order.confirmed")
            .with("confirmed_by", Datum::Word(how.name()))
            .with_some("solved", solved.map(Datum::Flag))
    }
}

/// Both sides of a merge.
#[derive(Debug)]
#[must_use = "a decision has no effect until it is saved"]
pub struct Merged {
    /// The order that was folded in.
    pub merged: Outcome<ServiceOrder, OrderEffect>,
    /// The order that goes on.
    pub into: Outcome<ServiceOrder, OrderEffect>,
}

impl Caller<'_> {
    fn volunteer(self) -> Result<VolunteerId, Refusal> {
        self.actor.volunteer.as_ref().map(|volunteer| volunteer.id).ok_or(Refusal::Forbidden)
    }
}
