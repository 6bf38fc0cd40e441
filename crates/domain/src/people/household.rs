//! Households 户 and who belongs to them, over time.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Located, Reach, words},
    cn::RegionCode,
    event::Datum,
    id::{BuildingId, CompoundId, HouseholdId, PersonId, UnitId},
    outcome::Outcome,
    refusal::Refusal,
    resource::{Resource as _, resource},
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

impl HouseholdMember {
    /// Whether he belongs to it on no day at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.valid_until.is_some_and(|until| until <= self.valid_from)
    }
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

resource!(Household, id: HouseholdId);

impl Household {
    /// Adds a member. It has one head at a time, and nobody belongs to it twice at a time.
    ///
    /// # Errors
    /// [`Refusal::Invalid`]
    pub fn join(mut self, member: HouseholdMember, now: Instant) -> Result<Outcome<Self>, Refusal> {
        let present =
            || self.members.iter().filter(|other| other.valid_until.is_none_or(|until| member.valid_from < until));
        if present().any(|other| other.person_id == member.person_id) {
            return Err(Refusal::invalid("/person_id", "duplicate"));
        }
        if member.relation == Relation::Head && present().any(|other| other.relation == Relation::Head) {
            return Err(Refusal::invalid("/relation", "duplicate"));
        }
        let (person, relation) = (member.person_id, member.relation);
        self.members.push(member);
        self.touch(now);
        let event = self
            .event("household.member_added")
            .with("person_id", Datum::Id(person.into()))
            .with("relation", Datum::Word(relation.name()));
        Ok(Outcome::new(self, event))
    }

    /// Ends a member's belonging as of a day; `None` if he does not belong to it. Who was not there for a day was
    /// written down by mistake and is no member of the past either.
    #[must_use]
    pub fn leave(mut self, person: PersonId, day: NaiveDate, now: Instant) -> Option<(Outcome<Self>, HouseholdMember)> {
        let at = self.members.iter().position(|member| member.person_id == person && member.valid_until.is_none())?;
        let mut ended = self.members.remove(at);
        ended.valid_until = Some(day.max(ended.valid_from));
        if !ended.is_empty() {
            self.members.insert(at, ended.clone());
        }
        self.touch(now);
        let event = self.event("household.member_ended").with("person_id", Datum::Id(person.into()));
        Some((Outcome::new(self, event), ended))
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
