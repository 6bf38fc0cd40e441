//! A service order and what stands in it.

use super::{Answers, Hold, KindLimit, Resolution, State, Target, Transition};
use crate::{
    access::{Located, Reach, words},
    clocks::Clocks,
    cn::{Phone, RegionCode},
    id::{BuildingId, CompoundId, PersonId, ServiceOrderId, UnitId, UserId, VolunteerId, VolunteerTeamId},
    resource::resource,
    time::Instant,
};
use serde::{Deserialize, Serialize};

words! {
    /// How urgent an order is.
    Priority {
        /// 紧急
        Urgent = "urgent",
        /// 一般
        Normal = "normal",
        /// 不急
        Low = "low",
    }
}

words! {
    /// How an order came to be confirmed.
    ConfirmedBy {
        /// The resident answered.
        Resident = "resident",
        /// The resident answered on the telephone, a community worker wrote it down.
        ByTelephone = "by_telephone",
        /// Seven days of silence.
        System = "system",
    }
}

/// A position: WGS 84, which CGCS2000 is treated as equal to; degrees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

/// Where something is to be done.
#[derive(Clone, PartialEq)]
pub enum Site {
    /// In a compound, as exactly as is known.
    Compound {
        /// The compound.
        compound_id: CompoundId,
        /// The building.
        building_id: Option<BuildingId>,
        /// The entrance.
        unit_id: Option<UnitId>,
        /// The rest of the address: floor and door.
        address: Option<String>,
    },
    /// At an address outside any compound.
    Address {
        /// The address as people say it.
        address: String,
        /// Its position.
        point: Option<Point>,
    },
}

impl Site {
    /// The typed part of the address.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Compound { address, .. } => address.as_deref(),
            Self::Address { address, .. } => Some(address),
        }
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // an address is personal: it must not reach a log by way of a debug print
        match self {
            Self::Compound { compound_id, .. } => write!(f, "Site({compound_id})"),
            Self::Address { .. } => f.write_str("Site(address)"),
        }
    }
}

/// The person for whom an order is.
#[derive(Clone, PartialEq, Eq)]
pub struct Requester {
    /// The person.
    pub person_id: PersonId,
    /// His name.
    pub name: String,
    /// His telephone number.
    pub phone: Option<Phone>,
    /// Whether he has an account of his own, with which he can answer himself.
    pub has_account: bool,
}

impl std::fmt::Debug for Requester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Requester({})", self.person_id)
    }
}

/// A volunteer as an order names him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignee {
    /// His row.
    pub volunteer_id: VolunteerId,
    /// His name.
    pub display_name: String,
}

/// A team as an order names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its row.
    pub id: VolunteerTeamId,
    /// Its name.
    pub name: String,
}

/// The resident's answers to the two questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Confirmation {
    /// Is it solved?
    pub solved: bool,
    /// Are you satisfied? 1 (not at all) to 5; `None` where nobody answered.
    pub satisfaction: Option<u8>,
    /// How it was confirmed.
    pub by: ConfirmedBy,
    /// When.
    pub at: Instant,
}

/// A sentence that somebody wrote with a transition. It is kept with the order, where it can be erased; the
/// event of the same version tells that there was one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// With which transition.
    pub on: Transition,
    /// The version that it led to.
    pub version: i64,
    /// When.
    pub at: Instant,
    /// Who wrote it; `None` is the system.
    pub by: Option<UserId>,
    /// What he wrote.
    pub text: String,
}

impl std::fmt::Debug for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Remark(on {:?})", self.on)
    }
}

/// As many remarks as an order keeps, the latest.
pub(super) const REMARKS_KEPT: usize = 100;

/// A service order 点单.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceOrder {
    /// Its id.
    pub id: ServiceOrderId,
    /// Its number for people: `{county code}-{yyyymmdd}-{n}`.
    pub number: String,
    /// The community or grid.
    pub region_code: RegionCode,
    /// The code of its kind in the catalog.
    pub kind: String,
    /// What is to be done.
    pub description: String,
    /// Where.
    pub site: Site,
    /// Answers to the questions of its kind.
    pub answers: Answers,
    /// When the resident would like it done.
    pub wished_at: Option<Instant>,
    /// Whether others of the community are kept from it.
    pub private: bool,
    /// How urgent it is.
    pub priority: Priority,
    /// For whom.
    pub requester: Requester,
    /// Who placed it.
    pub placed_by: UserId,
    /// Where it stands.
    pub state: State,
    /// What came of it.
    pub outcome: Option<Resolution>,
    /// How often the resident asked for more work.
    pub reopened_count: i32,
    /// How many others joined.
    pub joined_count: i64,
    /// Whether the caller is among them; known only for the caller it was loaded for.
    pub joined_by_caller: bool,
    /// What was written along the way.
    pub remarks: Vec<Remark>,
    /// How long it may take, by priority, as the catalog said when it was placed.
    pub limits: Vec<KindLimit>,
    /// Its clocks.
    pub clocks: Clocks,
    /// When it was accepted, last.
    pub accepted_at: Option<Instant>,
    /// When it was closed.
    pub closed_at: Option<Instant>,
    /// Counts changes.
    pub version: i64,
    /// When it was placed.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl ServiceOrder {
    /// Whether this person is the one for whom it is.
    #[must_use]
    pub fn is_for(&self, person: Option<PersonId>) -> bool {
        person == Some(self.requester.person_id)
    }

    /// Whether this volunteer holds it or did it.
    #[must_use]
    pub fn is_held_by(&self, volunteer: Option<VolunteerId>) -> bool {
        self.state.work().is_some_and(|work| Some(work.holder.volunteer_id) == volunteer)
    }

    /// The pause that it is in.
    #[must_use]
    pub fn pause(&self) -> Option<&Hold> {
        match &self.state {
            State::OnHold(_, hold) => Some(hold),
            _ => None,
        }
    }

    /// Whether it is open to claims, or was when it was last dispatched.
    fn was_open_to_claims(&self) -> bool {
        self.state.dispatch().is_some_and(|dispatch| dispatch.target == Target::Open)
    }
}

resource!(ServiceOrder, id: ServiceOrderId);

impl Located for ServiceOrder {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        match &self.site {
            Site::Compound { compound_id, .. } => Some(*compound_id),
            Site::Address { .. } => None,
        }
    }

    fn related(&self, reach: &Reach) -> bool {
        let in_region = |scope: &RegionCode| scope.contains(&self.region_code);
        match reach {
            Reach::Requester(person) => self.requester.person_id == *person,
            Reach::Participant(_) => self.joined_by_caller,
            Reach::Neighbor(scope) => !self.private && in_region(scope),
            Reach::OpenPool(scope) => self.state.is_open_to_claims() && in_region(scope),
            Reach::ClaimArea(scope) => self.was_open_to_claims() && in_region(scope),
            Reach::Addressee(volunteer, teams) => {
                self.state.dispatch().is_some_and(|dispatch| dispatch.is_to(*volunteer, teams))
            }
            Reach::Holder(volunteer) => self.is_held_by(Some(*volunteer)),
            Reach::Everywhere
            | Reach::Region(_)
            | Reach::Compound(_)
            | Reach::Heads(_)
            | Reach::Disclosed(_)
            | Reach::Own(..) => false,
        }
    }
}
