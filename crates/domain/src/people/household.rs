//! Households 户 and who belongs to them, over time.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Located, Reach, ResourceKind, words},
    cn::RegionCode,
    event::{EventDraft, Subject},
    id::{BuildingId, CompoundId, HouseholdId, PersonId, UnitId},
    time::Instant,
};

words! {
    /// What a member is to the head of the household.
    Relation {
        /// 户主
        Head = "head",
        /// 配偶
        Spouse = "spouse",
        /// 子女
        Child = "child",
        /// 父母
        Parent = "parent",
        /// 祖父母
        Grandparent = "grandparent",
        /// 孙子女
        Grandchild = "grandchild",
        /// 其他
        Other = "other",
    }
}

/// A member of a household, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HouseholdMember {
    /// The person.
    pub person_id: PersonId,
    /// What he is to the head.
    pub relation: Relation,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which he no longer belongs to it.
    pub valid_until: Option<NaiveDate>,
}

/// A household.
#[derive(Clone, PartialEq, Eq)]
pub struct Household {
    /// Its id.
    pub id: HouseholdId,
    /// The grid or community.
    pub region_code: RegionCode,
    /// The compound.
    pub compound_id: Option<CompoundId>,
    /// The building.
    pub building_id: Option<BuildingId>,
    /// The entrance.
    pub unit_id: Option<UnitId>,
    /// Address below compound or village: floor and door.
    pub address: Option<String>,
    /// Who belongs and belonged to it.
    pub members: Vec<HouseholdMember>,
    /// Counts changes, of its members too.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl std::fmt::Debug for Household {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Household({})", self.id)
    }
}

impl Located for Household {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        self.compound_id
    }

    fn related(&self, reach: &Reach) -> bool {
        let Reach::Own(_, Some(person)) = reach else { return false };
        self.members.iter().any(|member| member.person_id == *person && member.valid_until.is_none())
    }
}

impl Household {
    /// The event of a change to it, after its version was counted up.
    #[must_use]
    pub fn event(&self, kind: &'static str) -> EventDraft {
        let subject = Subject { kind: ResourceKind::Household, id: self.id.to_string(), version: self.version };
        EventDraft::new(kind, subject, Some(self.region_code.clone()))
    }
}
