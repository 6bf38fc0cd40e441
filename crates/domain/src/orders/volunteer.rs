//! Volunteers and their teams.

use crate::{
    access::{Action, ActionSet, Located, Reach, words},
    cn::RegionCode,
    event::Datum,
    id::{PersonId, UserId, VolunteerId, VolunteerTeamId},
    outcome::Outcome,
    refusal::{Refusal, Standing},
    resource::{Resource as _, resource},
    time::Instant,
};
use serde::{Deserialize, Serialize};

words! {
    /// Where a volunteer comes from.
    Origin {
        /// 机关党员干部
        AgencyCadre = "agency_cadre",
        /// 企业党员
        EnterprisePartyMember = "enterprise_party_member",
        /// 群众
        Citizen = "citizen",
    }
}

words! {
    /// Where an application stands.
    VolunteerState {
        /// Applied, not yet vetted.
        Applied = "applied",
        /// Vetted; serves.
        Approved = "approved",
        /// Not accepted.
        Refused = "refused",
        /// Serves no longer.
        Left = "left",
    }
}

/// A volunteer 志愿者, or somebody who applied to be one.
#[derive(Debug, Clone, PartialEq)]
pub struct Volunteer {
    /// His row.
    pub id: VolunteerId,
    /// The person.
    pub person_id: PersonId,
    /// His account, where he has one.
    pub user_id: Option<UserId>,
    /// His name.
    pub display_name: String,
    /// What he can do, as codes.
    pub skills: Vec<String>,
    /// His service area: the subtree of this region.
    pub region_code: RegionCode,
    /// Whether he takes orders at present.
    pub available: bool,
    /// Where he comes from.
    pub origin: Origin,
    /// Where his application stands.
    pub state: VolunteerState,
    /// Orders that he completed.
    pub orders_done: i64,
    /// Minutes in progress, holds not counted.
    pub minutes_served: i64,
    /// Counts changes.
    pub version: i64,
    /// When he applied.
    pub created_at: Instant,
    /// When the row last changed.
    pub updated_at: Instant,
}

resource!(Volunteer, id: VolunteerId);

impl Located for Volunteer {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn related(&self, reach: &Reach) -> bool {
        matches!(reach, Reach::Own(_, Some(person)) if *person == self.person_id)
    }
}

impl Volunteer {
    /// An application; `vetted` where somebody who may vet makes it.
    pub fn apply(self, vetted: bool) -> Outcome<Self> {
        let state = if vetted { VolunteerState::Approved } else { VolunteerState::Applied };
        let volunteer = Self { state, ..self };
        let event = volunteer.event("volunteer.applied").with("state", Datum::Word(state.name()));
        Outcome::new(volunteer, event)
    }

    /// Says yes to an application, also to one who left or was refused before.
    pub fn approve(self, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        match self.state {
            VolunteerState::Approved => Err(self.wrong_state(actions)),
            _ => Ok(self.turned(VolunteerState::Approved, "volunteer.approved", now)),
        }
    }

    /// Says no to an application.
    pub fn refuse(self, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        match self.state {
            VolunteerState::Applied => Ok(self.turned(VolunteerState::Refused, "volunteer.refused", now)),
            _ => Err(self.wrong_state(actions)),
        }
    }

    /// Ends the service.
    pub fn leave(self, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if self.is_open() {
            Ok(self.turned(VolunteerState::Left, "volunteer.left", now))
        } else {
            Err(self.wrong_state(actions))
        }
    }

    /// Whether what he offers can be changed: not once he was refused or has left.
    pub fn offers(&self, actions: ActionSet) -> Result<(), Refusal> {
        if self.is_open() { Ok(()) } else { Err(self.wrong_state(actions)) }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, VolunteerState::Applied | VolunteerState::Approved)
    }

    /// What a caller with these rights may do now, sorted by name.
    #[must_use]
    pub fn actions(&self, actions: ActionSet) -> Vec<&'static str> {
        [
            (Action::Approve, self.state != VolunteerState::Approved),
            (Action::Leave, self.is_open()),
            (Action::Refuse, self.state == VolunteerState::Applied),
            (Action::Update, self.is_open()),
        ]
        .into_iter()
        .filter(|(action, possible)| *possible && actions.has(*action))
        .map(|(action, _)| action.name())
        .collect()
    }

    fn wrong_state(&self, actions: ActionSet) -> Refusal {
        Refusal::WrongState(Box::new(Standing {
            state: self.state.name(),
            version: self.version,
            actions: self.actions(actions),
            assignee: None,
        }))
    }

    fn turned(mut self, state: VolunteerState, kind: &'static str, now: Instant) -> Outcome<Self> {
        self.state = state;
        self.version += 1;
        self.updated_at = now;
        let event = self.event(kind).with("state", Datum::Word(state.name()));
        Outcome::new(self, event)
    }
}

/// A team 志愿服务队.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolunteerTeam {
    /// Its row.
    pub id: VolunteerTeamId,
    /// Its name.
    pub name: String,
    /// Where it serves: the subtree of this region.
    pub region_code: RegionCode,
    /// Where its members come from.
    pub origin: Origin,
    /// How many members it has now.
    pub member_count: i64,
    /// Counts changes, of its members too.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(VolunteerTeam, id: VolunteerTeamId);

impl VolunteerTeam {
    /// It has a new member.
    pub fn joined(mut self, volunteer: VolunteerId, now: Instant) -> Outcome<Self> {
        self.member_count += 1;
        self.changed("volunteer_team.member_added", volunteer, now)
    }

    /// It has lost a member.
    pub fn left(mut self, volunteer: VolunteerId, now: Instant) -> Outcome<Self> {
        self.member_count -= 1;
        self.changed("volunteer_team.member_ended", volunteer, now)
    }

    fn changed(mut self, kind: &'static str, volunteer: VolunteerId, now: Instant) -> Outcome<Self> {
        self.touch(now);
        let event = self.event(kind).with("volunteer_id", Datum::Id(volunteer.into()));
        Outcome::new(self, event)
    }
}

impl Located for VolunteerTeam {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }
}
