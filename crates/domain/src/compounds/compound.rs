//! A compound, how it is managed and by which party organization it is covered, over time.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Action, ActionSet, Located, words},
    cn::RegionCode,
    event::Datum,
    geo::{Outline, Position},
    id::{BuildingId, CompoundId, OrganizationId, UnitId},
    outcome::Outcome,
    periods::Periods,
    refusal::{FieldError, Refusal},
    resource::{Resource as _, resource},
    time::{Instant, day_in_china},
};

words! {
    /// How a compound is managed.
    ManagementMode {
        /// 无物业: by nobody
        None = "none",
        /// 专业物业: by a company of its own
        Professional = "professional",
        /// 共享物业: by the company of a neighbor
        Shared = "shared",
        /// 连片打包: by one company, with other compounds, under one contract
        Bundled = "bundled",
        /// 专职物管人: by a person whose work it is
        Keeper = "keeper",
        /// 共管账户: by the owners, who pay from an account of their own
        CoManaged = "co_managed",
    }
}

words! {
    /// How hard it is to find a management for a compound. Easy ones come first.
    Difficulty {
        /// 易
        Easy = "easy",
        /// 中
        Moderate = "moderate",
        /// 难
        Hard = "hard",
    }
}

/// A unit of a compound, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitName {
    /// Its id.
    pub id: UnitId,
    /// Its code within the building.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// A building of a compound, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildingName {
    /// Its id.
    pub id: BuildingId,
    /// Its code within the compound.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its entrances.
    pub units: Vec<UnitName>,
}

/// A compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compound {
    /// Its id.
    pub id: CompoundId,
    /// The community or grid in which it lies.
    pub region_code: RegionCode,
    /// Its code within the community.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The year in which it was built.
    pub built_year: Option<i32>,
    /// How many people live in it, as the community reports.
    pub population: Option<i32>,
    /// Where it is.
    pub position: Option<Position>,
    /// Its border.
    pub outline: Option<Outline>,
    /// How hard it is to find a management for it.
    pub difficulty: Option<Difficulty>,
    /// The mode to which it is to move next.
    pub planned_mode: Option<ManagementMode>,
    /// The day by which it is to have moved there.
    pub planned_by: Option<NaiveDate>,
    /// Whether it goes ahead as an example 示范小区.
    pub demonstration: bool,
    /// How it is managed over time; by nobody where there is nothing.
    pub management: Periods<ManagementMode>,
    /// The party organization by which it is covered over time.
    pub party_organizations: Periods<OrganizationId>,
    /// Its buildings.
    pub buildings: Vec<BuildingName>,
    /// When it was taken off the list.
    pub deleted_at: Option<Instant>,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(Compound, id: CompoundId);

/// The first year that is believed of a compound: that of the republic.
const EARLIEST_YEAR: i32 = 1949;
/// As many years ahead can be planned.
const PLANNED_AHEAD: chrono::Months = chrono::Months::new(12 * 10);

impl Compound {
    /// A new one of which nothing is known but where it lies and what it is called.
    #[must_use]
    pub fn new(id: CompoundId, region_code: RegionCode, code: String, name: String, now: Instant) -> Self {
        Self {
            id,
            region_code,
            code,
            name,
            built_year: None,
            population: None,
            position: None,
            outline: None,
            difficulty: None,
            planned_mode: None,
            planned_by: None,
            demonstration: false,
            management: Periods::default(),
            party_organizations: Periods::default(),
            buildings: Vec::new(),
            deleted_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// A building and a unit of it, each if it is named.
    ///
    /// # Errors
    /// The member that names what is not in the compound.
    pub fn inside(
        &self,
        building: Option<BuildingId>,
        unit: Option<UnitId>,
    ) -> Result<(Option<BuildingId>, Option<UnitId>), FieldError> {
        let found = building.map(|id| self.buildings.iter().find(|building| building.id == id));
        let found = match found {
            Some(None) => return Err(FieldError::new("/building_id", "not-found")),
            found => found.flatten(),
        };
        let has_unit = |id| found.is_some_and(|building| building.units.iter().any(|unit| unit.id == id));
        match unit {
            Some(id) if !has_unit(id) => Err(FieldError::new("/unit_id", "not-found")),
            _ => Ok((building, unit)),
        }
    }

    /// How it is managed on a day.
    #[must_use]
    pub fn mode_on(&self, day: NaiveDate) -> ManagementMode {
        self.management.on(day).copied().unwrap_or(ManagementMode::None)
    }

    /// Names the members that contradict each other or are not believed, on a day.
    #[must_use]
    pub fn faults(&self, today: NaiveDate) -> Vec<FieldError> {
        use chrono::Datelike as _;
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, code| faults.push(FieldError::new(pointer, code));
        match self.built_year {
            Some(year) if year > today.year() => fault("/built_year", "in-future"),
            Some(year) if year < EARLIEST_YEAR => fault("/built_year", "implausible"),
            _ => {}
        }
        if let (Some(position), Some(outline)) = (self.position, &self.outline)
            && !outline.contains(position)
        {
            fault("/position", "contradicts-member");
        }
        match (self.planned_mode, self.planned_by) {
            (None, Some(_)) => fault("/planned_mode", "required"),
            (Some(_), Some(day)) if today.checked_add_months(PLANNED_AHEAD).is_some_and(|last| day > last) => {
                fault("/planned_by", "too-far-ahead");
            }
            _ => {}
        }
        faults
    }

    /// From a day on it is managed in another way. What was planned and is reached is planned no more.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the day is none for it, or it is managed so already.
    pub fn change_mode(
        mut self,
        mode: ManagementMode,
        from: NaiveDate,
        now: Instant,
    ) -> Result<Outcome<Self>, Refusal> {
        let today = day_in_china(now);
        let before = self.management.open().map_or(ManagementMode::None, |period| period.value);
        if before == mode {
            return Err(Refusal::invalid("/mode", "duplicate"));
        }
        self.management.set(mode, from, today).map_err(|fault| Refusal::Invalid(vec![fault]))?;
        if self.planned_mode == Some(mode) {
            (self.planned_mode, self.planned_by) = (None, None);
        }
        self.touch(now);
        let event = self
            .event("compound.mode_changed")
            .with("mode", Datum::Word(mode.name()))
            .with("before", Datum::Word(before.name()))
            .with("valid_from", Datum::Day(from));
        Ok(Outcome::new(self, event))
    }

    /// From a day on a party organization covers it, in place of the one before.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the day is none for it, or the organization covers it already.
    pub fn cover(mut self, by: OrganizationId, from: NaiveDate, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if self.party_organizations.open().is_some_and(|period| period.value == by) {
            return Err(Refusal::invalid("/organization_id", "duplicate"));
        }
        let today = day_in_china(now);
        self.party_organizations.set(by, from, today).map_err(|fault| Refusal::Invalid(vec![fault]))?;
        self.touch(now);
        let event = self
            .event("compound.covered")
            .with("organization_id", Datum::Id(by.0))
            .with("valid_from", Datum::Day(from));
        Ok(Outcome::new(self, event))
    }

    /// From a day on no party organization covers it.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the day is none for it, or none covers it.
    pub fn uncover(mut self, on: NaiveDate, now: Instant) -> Result<Outcome<Self>, Refusal> {
        let today = day_in_china(now);
        self.party_organizations.end(on, today).map_err(|fault| Refusal::Invalid(vec![fault]))?;
        self.touch(now);
        let event = self.event("compound.uncovered").with("on", Datum::Day(on));
        Ok(Outcome::new(self, event))
    }

    /// Takes it off the list. Whether something still hangs on it has been looked at before.
    pub fn delete(mut self, now: Instant) -> Outcome<Self> {
        self.deleted_at = Some(now);
        self.touch(now);
        let event = self.event("compound.deleted");
        Outcome::new(self, event)
    }

    /// What the caller may do to it now, sorted by name.
    #[must_use]
    pub fn actions(&self, allowed: ActionSet) -> Vec<&'static str> {
        let is_covered = self.party_organizations.open().is_some();
        let is_possible = |action: &Action| *action != Action::Uncover || is_covered;
        [Action::ChangeMode, Action::Cover, Action::Delete, Action::Uncover, Action::Update]
            .into_iter()
            .filter(|action| allowed.has(*action))
            .filter(is_possible)
            .map(Action::name)
            .collect()
    }
}

impl Located for Compound {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        Some(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{geo::CoordinateSystem, id::OrganizationId};

    fn now() -> Instant {
        "2026-03-12T02:00:00Z".parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn compound() -> Compound {
        let region = RegionCode::parse("360502002001").unwrap();
        let id = uuid::Uuid::from_u128(1).into();
        Compound::new(id, region, "fuyuan".to_owned(), "福园小区".to_owned(), now())
    }

    fn code(refusal: Refusal) -> (String, &'static str) {
        match refusal {
            Refusal::Invalid(faults) => (faults[0].pointer.clone(), faults[0].code),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mode_follows_another_one() {
        let planned =
            Compound { planned_mode: Some(ManagementMode::Shared), planned_by: Some(day("2026-06-01")), ..compound() };
        assert_eq!(planned.mode_on(day("2026-03-12")), ManagementMode::None);
        let keeper = planned.change_mode(ManagementMode::Keeper, day("2024-01-01"), now()).unwrap().value;
        assert_eq!(keeper.planned_mode, Some(ManagementMode::Shared), "that is still to come");
        let shared = keeper.change_mode(ManagementMode::Shared, day("2026-03-01"), now()).unwrap();
        let value = shared.value;
        assert_eq!((value.planned_mode, value.planned_by), (None, None));
        assert_eq!(value.mode_on(day("2023-12-31")), ManagementMode::None);
        assert_eq!(value.mode_on(day("2026-02-28")), ManagementMode::Keeper);
        assert_eq!(value.mode_on(day("2026-03-01")), ManagementMode::Shared);
        assert_eq!((value.version, shared.events[0].kind), (3, "compound.mode_changed"));
        let again = value.change_mode(ManagementMode::Shared, day("2026-03-02"), now());
        assert_eq!(code(again.unwrap_err()), ("/mode".to_owned(), "duplicate"));
        let none = compound().change_mode(ManagementMode::None, day("2026-03-02"), now());
        assert_eq!(code(none.unwrap_err()), ("/mode".to_owned(), "duplicate"));
    }

    #[test]
    fn one_organization_covers_it_at_a_time() {
        let [first, second] = [1, 2].map(|number| OrganizationId(uuid::Uuid::from_u128(number)));
        let covered = compound().cover(first, day("2023-05-01"), now()).unwrap().value;
        let again = covered.clone().cover(first, day("2024-05-01"), now());
        assert_eq!(code(again.unwrap_err()), ("/organization_id".to_owned(), "duplicate"));
        let other = covered.cover(second, day("2024-05-01"), now()).unwrap().value;
        assert_eq!(other.party_organizations.on(day("2024-04-30")), Some(&first));
        assert_eq!(other.party_organizations.on(day("2024-05-01")), Some(&second));
        let none = other.uncover(day("2025-01-01"), now()).unwrap().value;
        assert_eq!(none.party_organizations.on(day("2025-01-01")), None);
        assert_eq!(code(none.uncover(day("2025-01-02"), now()).unwrap_err()), ("/on".to_owned(), "not-found"));
    }

    #[test]
    fn members_are_held_to_each_other() {
        let faults = |compound: Compound| -> Vec<(String, &str)> {
            compound.faults(day("2026-03-12")).into_iter().map(|fault| (fault.pointer, fault.code)).collect()
        };
        let one = |pointer: &str, code| vec![(pointer.to_owned(), code)];
        assert!(faults(compound()).is_empty());
        assert_eq!(faults(Compound { built_year: Some(2027), ..compound() }), one("/built_year", "in-future"));
        assert_eq!(faults(Compound { built_year: Some(1948), ..compound() }), one("/built_year", "implausible"));
        let by = Some(day("2026-06-01"));
        assert_eq!(faults(Compound { planned_by: by, ..compound() }), one("/planned_mode", "required"));
        let planned = |mode, by: &str| Compound { planned_mode: Some(mode), planned_by: Some(day(by)), ..compound() };
        assert!(faults(planned(ManagementMode::Bundled, "2036-03-12")).is_empty());
        assert_eq!(faults(planned(ManagementMode::Bundled, "2036-03-13")), one("/planned_by", "too-far-ahead"));
        let at = |longitude, latitude| Position::of(longitude, latitude, CoordinateSystem::Wgs84).unwrap();
        let ring = [(114.9, 27.8), (114.91, 27.8), (114.91, 27.81), (114.9, 27.8)].map(|(x, y)| at(x, y));
        let outline = Outline::of(vec![ring.to_vec()]).unwrap();
        let placed = |position| Compound { position: Some(position), outline: Some(outline.clone()), ..compound() };
        assert!(faults(placed(at(114.906, 27.803))).is_empty());
        assert_eq!(faults(placed(at(114.95, 27.8))), one("/position", "contradicts-member"));
    }
}
