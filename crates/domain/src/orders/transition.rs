//! The table of transitions: from where, and by whose right.

use super::{OrderState, ServiceOrder, State};
use crate::{
    access::{Action, ActionSet, Actor, words},
    refusal::{Refusal, Standing},
    time::Instant,
};
use chrono::Duration;
use serde::{Deserialize, Serialize};

words! {
    /// What can be done to an order.
    Transition {
        /// 派单
        Dispatch = "dispatch",
        /// 接单
        Accept = "accept",
        /// 退单
        Decline = "decline",
        /// 抢单
        Claim = "claim",
        /// 转单
        Transfer = "transfer",
        /// 开始
        Start = "start",
        /// 暂停
        Hold = "hold",
        /// 恢复
        Resume = "resume",
        /// 完成
        Complete = "complete",
        /// 确认
        Confirm = "confirm",
        /// 重开
        Reopen = "reopen",
        /// 撤单
        Cancel = "cancel",
        /// 拒单
        Reject = "reject",
        /// 并单
        Merge = "merge",
        /// 延期
        Extend = "extend",
        /// 不予延期
        RefuseExtension = "refuse-extension",
        /// 我也是
        Join = "join",
        /// 修改
        Update = "update",
        /// 联系
        Contact = "contact",
    }
}

/// How long after the resident's answer he may ask for more work, and how long a holder keeps the contact.
pub(super) const AFTER_CLOSE: Duration = Duration::days(7);

/// Who decides about an order, what the policy lets him do to it, and when.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// What the policy lets him do to this order, its state aside.
    pub actions: ActionSet,
    /// When.
    pub now: Instant,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct TransitionRule {
    /// What is done.
    pub transition: Transition,
    /// From which states.
    pub from: &'static [OrderState],
    /// By whose right: any of these actions of the policy.
    pub by: &'static [Action],
}

const fn rule(transition: Transition, by: &'static [Action], from: &'static [OrderState]) -> TransitionRule {
    TransitionRule { transition, from, by }
}

use OrderState::{Accepted, Completed, Confirmed, Dispatched, InProgress, OnHold, Placed};
use Transition as T;

/// The life cycle of an order (`api.md` §3, order loop).
pub const RULES: &[TransitionRule] = &[
    rule(T::Dispatch, &[Action::Dispatch], &[Placed]),
    rule(T::Accept, &[Action::Accept], &[Dispatched]),
    rule(T::Decline, &[Action::Decline], &[Dispatched, Accepted]),
    rule(T::Claim, &[Action::Claim], &[Dispatched]),
    rule(T::Transfer, &[Action::Transfer], &[Dispatched, Accepted, InProgress, OnHold]),
    rule(T::Start, &[Action::Start], &[Accepted]),
    rule(T::Hold, &[Action::Hold], &[Accepted, InProgress]),
    rule(T::Resume, &[Action::Resume], &[OnHold]),
    rule(T::Complete, &[Action::Complete], &[Accepted, InProgress]),
    rule(T::Confirm, &[Action::Confirm, Action::ConfirmByTelephone], &[Completed]),
    rule(T::Reopen, &[Action::Reopen, Action::ReopenByTelephone], &[Completed, Confirmed]),
    rule(T::Cancel, &[Action::Cancel], &[Placed, Dispatched]),
    rule(T::Reject, &[Action::Reject], &[Placed, Dispatched]),
    rule(T::Merge, &[Action::Merge], &[Placed, Dispatched]),
    rule(T::Extend, &[Action::Extend, Action::RequestExtension], OrderState::OPEN),
    rule(T::RefuseExtension, &[Action::RefuseExtension], OrderState::OPEN),
    rule(T::Join, &[Action::Join], OrderState::OPEN),
    rule(T::Update, &[Action::Update, Action::Prioritize], &[Placed, Dispatched, Accepted, InProgress, OnHold]),
    rule(T::Contact, &[Action::Contact], &[Accepted, InProgress, OnHold, Completed, Confirmed]),
];

impl Transition {
    /// Its line of the table.
    #[must_use]
    pub fn rule(self) -> &'static TransitionRule {
        // RULES has a line for each transition, held by a test; the fallback permits nothing
        const NEVER: TransitionRule = rule(T::Contact, &[], &[]);
        RULES.iter().find(|rule| rule.transition == self).unwrap_or(&NEVER)
    }

    /// The action for which the policy is asked. Rights that others have to the same transition come with the row.
    #[must_use]
    pub fn action(self) -> Action {
        self.rule().by.first().copied().unwrap_or(Action::Read)
    }
}

impl ServiceOrder {
    /// Checks right before state: who has nothing to do with it learns nothing of its state.
    pub(super) fn check(&self, transition: Transition, by: Caller<'_>) -> Result<(), Refusal> {
        self.check_right(transition, by)?;
        if !self.is_possible(transition, by) {
            return Err(self.wrong_state(by));
        }
        Ok(())
    }

    /// Checks the right alone.
    pub fn check_right(&self, transition: Transition, by: Caller<'_>) -> Result<(), Refusal> {
        if self.is_right_of(transition, by) { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    /// The refusal that tells the caller where the order stands, and who holds it if he may see that.
    pub(super) fn wrong_state(&self, by: Caller<'_>) -> Refusal {
        // who claimed too late is told who was faster
        let told = [Action::Dispatch, Action::Start, Action::Claim];
        let may_see = self.is_for(by.actor.person_id) || told.into_iter().any(|action| by.actions.has(action));
        Refusal::WrongState(Box::new(Standing {
            state: self.state.name(),
            version: self.version,
            actions: self.actions(by),
            assignee: self.state.assignee().filter(|_| may_see).cloned(),
        }))
    }

    /// What this caller may do now, sorted by name.
    #[must_use]
    pub fn actions(&self, by: Caller<'_>) -> Vec<&'static str> {
        let mut names: Vec<_> = RULES
            .iter()
            .map(|rule| rule.transition)
            .filter(|transition| self.is_right_of(*transition, by))
            .filter(|transition| self.is_possible(*transition, by))
            .map(Transition::name)
            .collect();
        names.sort_unstable();
        names
    }

    fn is_right_of(&self, transition: Transition, by: Caller<'_>) -> bool {
        let by_right = |action: &Action| match action {
            // for one who has an account only he himself answers
            Action::ConfirmByTelephone | Action::ReopenByTelephone => {
                by.actions.has(*action) && !self.requester.has_account
            }
            // «another resident»: not the one whose order it is
            Action::Join => by.actions.has(*action) && !self.is_for(by.actor.person_id),
            _ => by.actions.has(*action),
        };
        transition.rule().by.iter().any(by_right)
    }

    fn is_possible(&self, transition: Transition, by: Caller<'_>) -> bool {
        if !transition.rule().from.contains(&self.state.kind()) {
            return false;
        }
        let volunteer = by.actor.volunteer.as_ref();
        match (transition, &self.state) {
            // a team has many members, but only one of them holds
            (T::Decline, State::Accepted(_)) => self.is_held_by(volunteer.map(|v| v.id)),
            (T::Reopen | T::Contact, State::Confirmed(_, confirmation)) => by.now < confirmation.at + AFTER_CLOSE,
            (T::Extend, _) => self.clocks.are_extendable(by.now),
            (T::RefuseExtension, _) => self.clocks.are_asked_for(),
            (T::Join, _) => !self.joined_by_caller,
            (T::Update, state) if !matches!(state, State::Placed | State::Dispatched(_)) => {
                by.actions.has(Action::Prioritize)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transition_has_one_line() {
        for transition in Transition::ALL {
            let lines = RULES.iter().filter(|rule| rule.transition == *transition).count();
            assert_eq!(lines, 1, "{transition:?}");
        }
    }
}
