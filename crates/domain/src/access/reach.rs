//! Which rows a right reaches.

use crate::{
    cn::RegionCode,
    id::{CompoundId, PersonId, UserId, VolunteerId, VolunteerTeamId},
};

/// A set of rows, named by what makes a row belong to it. The persistence layer writes each as a condition;
/// [`Located::within`] judges one row in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Every row.
    Everywhere,
    /// Rows in a region and below it.
    Region(RegionCode),
    /// Rows of a compound.
    Compound(CompoundId),
    /// Appointments of building and unit heads in a region and below it.
    Heads(RegionCode),
    /// What was disclosed, of rows that are reached so.
    Disclosed(Box<Reach>),
    /// Rows of the caller himself: his account, his person.
    Own(UserId, Option<PersonId>),
    /// Orders that the person placed or that were placed for him.
    Requester(PersonId),
    /// Orders that the person joined.
    Participant(PersonId),
    /// Orders in the region that a neighbor may join if they are public.
    Neighbor(RegionCode),
    /// Orders in the region that are open to claims now.
    OpenPool(RegionCode),
    /// Orders in the region that are or were open to claims since they were last dispatched.
    ClaimArea(RegionCode),
    /// Orders dispatched to the volunteer or to one of his teams, until he declines.
    Addressee(VolunteerId, Vec<VolunteerTeamId>),
    /// Orders that the volunteer holds or did.
    Holder(VolunteerId),
}

impl Located for RegionCode {
    fn region(&self) -> Option<&RegionCode> {
        Some(self)
    }
}

/// A row that has a place and relations.
pub trait Located {
    /// Where it is.
    fn region(&self) -> Option<&RegionCode>;

    /// In which compound it is.
    fn compound(&self) -> Option<CompoundId> {
        None
    }

    /// Whether it belongs to a set of rows that only its own kind knows.
    fn related(&self, _reach: &Reach) -> bool {
        false
    }

    /// Whether it belongs to a set of rows.
    fn within(&self, reach: &Reach) -> bool {
        match reach {
            Reach::Everywhere => true,
            Reach::Region(scope) => self.region().is_some_and(|code| scope.contains(code)),
            Reach::Compound(id) => self.compound() == Some(*id),
            relation => self.related(relation),
        }
    }
}
