//! The states of an order. Each carries what is only known in it.

use super::{Assignee, Confirmation, Team};
use crate::{
    access::words,
    id::{ServiceOrderId, VolunteerId, VolunteerTeamId},
    time::Instant,
};
use serde::{Deserialize, Serialize};

words! {
    /// The name of a state.
    OrderState {
        /// Waits for the dispatcher.
        Placed = "placed",
        /// Offered to a volunteer, a team, or to whoever claims it.
        Dispatched = "dispatched",
        /// Somebody has taken it.
        Accepted = "accepted",
        /// Being worked on.
        InProgress = "in_progress",
        /// Paused, with a reason and until when.
        OnHold = "on_hold",
        /// Done as the holder says; the resident is asked.
        Completed = "completed",
        /// Answered by the resident, or by silence.
        Confirmed = "confirmed",
        /// Called off by the resident.
        Cancelled = "cancelled",
        /// Turned down by the dispatcher.
        Rejected = "rejected",
        /// Folded into another order.
        Merged = "merged",
    }
}

impl OrderState {
    /// States in which something is still to be done.
    pub const OPEN: &'static [Self] = &[Self::Placed, Self::Dispatched, Self::Accepted, Self::InProgress, Self::OnHold];

    /// Whether something is still to be done.
    #[must_use]
    pub fn is_open(self) -> bool {
        Self::OPEN.contains(&self)
    }
}

words! {
    /// What came of an order, apart from its state: closed does not mean fixed.
    Resolution {
        /// 已解决
        Solved = "solved",
        /// 部分解决
        Partly = "partly",
        /// Not for the community to solve.
        NotOurs = "not_ours",
        /// Cannot be done.
        Impossible = "impossible",
        /// Called off by the resident; the only one that a holder cannot give.
        Withdrawn = "withdrawn",
    }
}

/// To whom an order is dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To one volunteer.
    Volunteer(Assignee),
    /// To a team, each member of which may accept.
    Team(Team),
    /// To the volunteers of the area, one of whom may claim it.
    Open,
}

/// An order handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatch {
    /// To whom.
    pub target: Target,
    /// Members of the team who have declined since.
    pub declined_by: Vec<VolunteerId>,
}

impl Dispatch {
    /// Handed to a target; nobody has declined yet.
    #[must_use]
    pub fn to(target: Target) -> Self {
        Self { target, declined_by: Vec::new() }
    }

    /// Whether it is handed to this volunteer, himself or through one of these teams, and he has not declined.
    #[must_use]
    pub fn is_to(&self, volunteer: VolunteerId, teams: &[VolunteerTeamId]) -> bool {
        match &self.target {
            Target::Volunteer(assignee) => assignee.volunteer_id == volunteer,
            Target::Team(team) => teams.contains(&team.id) && !self.declined_by.contains(&volunteer),
            Target::Open => false,
        }
    }
}

/// An order in somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Whose.
    pub holder: Assignee,
    /// How it came to him.
    pub dispatch: Dispatch,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: Instant,
    /// Whether the work had begun, hence where it goes on.
    pub in_progress: bool,
}

/// The state of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// [`OrderState::Placed`]
    Placed,
    /// [`OrderState::Dispatched`]
    Dispatched(Dispatch),
    /// [`OrderState::Accepted`]
    Accepted(Work),
    /// [`OrderState::InProgress`]
    InProgress(Work),
    /// [`OrderState::OnHold`]
    OnHold(Work, Hold),
    /// [`OrderState::Completed`]: when
    Completed(Work, Instant),
    /// [`OrderState::Confirmed`]
    Confirmed(Work, Confirmation),
    /// [`OrderState::Cancelled`], and to whom it was dispatched then: whoever is about to take it is told
    Cancelled(Option<Dispatch>),
    /// [`OrderState::Rejected`], and to whom it was dispatched then
    Rejected(Option<Dispatch>),
    /// [`OrderState::Merged`]: into which, and to whom it was dispatched then
    Merged(ServiceOrderId, Option<Dispatch>),
}

impl State {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Which of the states it is.
    #[must_use]
    pub fn kind(&self) -> OrderState {
        match self {
            Self::Placed => OrderState::Placed,
            Self::Dispatched(_) => OrderState::Dispatched,
            Self::Accepted(_) => OrderState::Accepted,
            Self::InProgress(_) => OrderState::InProgress,
            Self::OnHold(..) => OrderState::OnHold,
            Self::Completed(..) => OrderState::Completed,
            Self::Confirmed(..) => OrderState::Confirmed,
            Self::Cancelled(_) => OrderState::Cancelled,
            Self::Rejected(_) => OrderState::Rejected,
            Self::Merged(..) => OrderState::Merged,
        }
    }

    /// The work, where somebody has taken it.
    #[must_use]
    pub fn work(&self) -> Option<&Work> {
        match self {
            Self::Accepted(work)
            | Self::InProgress(work)
            | Self::OnHold(work, _)
            | Self::Completed(work, _)
            | Self::Confirmed(work, _) => Some(work),
            Self::Placed | Self::Dispatched(_) | Self::Cancelled(_) | Self::Rejected(_) | Self::Merged(..) => None,
        }
    }

    /// The last dispatch, where there was one that still stands.
    #[must_use]
    pub fn dispatch(&self) -> Option<&Dispatch> {
        match self {
            Self::Dispatched(dispatch) => Some(dispatch),
            Self::Cancelled(dispatch) | Self::Rejected(dispatch) | Self::Merged(_, dispatch) => dispatch.as_ref(),
            other => other.work().map(|work| &work.dispatch),
        }
    }

    /// Who holds it, or whom it waits for.
    #[must_use]
    pub fn assignee(&self) -> Option<&Assignee> {
        match self {
            Self::Dispatched(Dispatch { target: Target::Volunteer(assignee), .. }) => Some(assignee),
            other => other.work().map(|work| &work.holder),
        }
    }

    /// Whether volunteers of the area can claim it now.
    #[must_use]
    pub fn is_open_to_claims(&self) -> bool {
        matches!(self, Self::Dispatched(Dispatch { target: Target::Open, .. }))
    }
}
