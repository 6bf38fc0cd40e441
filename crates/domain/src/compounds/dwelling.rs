//! A dwelling 专有部分 and its owners, over time.

use std::{fmt, str::FromStr};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Action, ActionSet, Located, Reach, words},
    area::Area,
    cn::RegionCode,
    event::Datum,
    id::{BuildingId, CompoundId, DwellingId, OrganizationId, PersonId, UnitId},
    outcome::Outcome,
    periods::Periods,
    refusal::{FieldError, Refusal},
    resource::{Resource as _, resource},
    time::{Instant, day_in_china},
};

words! {
    /// From where the area of a dwelling is known, the best first (interpretation of the Supreme People's Court on
    /// building ownership, article 8).
    AreaSource {
        /// 不动产登记簿
        Register = "register",
        /// 测绘
        Surveyed = "surveyed",
        /// 买卖合同
        Contract = "contract",
    }
}

/// An owner: somebody, or an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A person.
    Person(PersonId),
    /// An organization.
    Organization(OrganizationId),
}

/// A part of a whole, in lowest terms: above nothing, and the whole at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share {
    numerator: u32,
    denominator: u32,
}

/// The greatest denominator of a share.
pub const GREATEST_DENOMINATOR: u32 = 10_000;
/// The most owners that a dwelling has at a time.
pub const MOST_OWNERS: usize = 50;

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { numerator: 1, denominator: 1 };

    /// A share. `None` where it is nothing, more than the whole, or of a greater denominator than
    /// [`GREATEST_DENOMINATOR`].
    #[must_use]
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        let is_part = numerator > 0 && numerator <= denominator && denominator <= GREATEST_DENOMINATOR;
        let divisor = gcd(u128::from(numerator), u128::from(denominator));
        let lowest = |number: u32| u32::try_from(u128::from(number) / divisor.max(1)).ok();
        Some(Self { numerator: lowest(numerator)?, denominator: lowest(denominator)? }).filter(|_| is_part)
    }

    /// Whether shares make the whole, exactly.
    #[must_use]
    pub fn make_whole(shares: impl IntoIterator<Item = Self>) -> bool {
        // in lowest terms after each step, a sum that is no more than the whole stays within what is counted here or fails
        let sum = shares.into_iter().try_fold((0_u128, 1_u128), |(numerator, denominator), share| {
            let (n, d) = (u128::from(share.numerator), u128::from(share.denominator));
            let top = numerator.checked_mul(d)?.checked_add(n.checked_mul(denominator)?)?;
            let bottom = denominator.checked_mul(d)?;
            let divisor = gcd(top, bottom);
            Some((top / divisor, bottom / divisor))
        });
        sum == Some((1, 1))
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (numerator, denominator) = text.split_once('/').ok_or("is no fraction")?;
        let number = |text: &str| -> Option<u32> {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
            text.parse().ok().filter(|_| is_plain)
        };
        let share = number(numerator).zip(number(denominator)).and_then(|(n, d)| Self::new(n, d));
        share.ok_or("is no share")
    }
}

impl TryFrom<String> for Share {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Share> for String {
    fn from(share: Share) -> Self {
        share.to_string()
    }
}

/// What somebody owns of a dwelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stake {
    /// Who.
    pub owner: Owner,
    /// What he is called.
    pub display_name: String,
    /// How much of it.
    pub share: Share,
}

/// A dwelling: what one or several own together, behind one door.
#[derive(Clone, PartialEq, Eq)]
pub struct Dwelling {
    /// Its id.
    pub id: DwellingId,
    /// The unit.
    pub unit_id: UnitId,
    /// The building.
    pub building_id: BuildingId,
    /// The compound.
    pub compound_id: CompoundId,
    /// The community or grid in which the compound lies.
    pub region_code: RegionCode,
    /// Its number within the unit.
    pub code: String,
    /// The floor; below the ground it is negative, the one on the ground is 1.
    pub floor: Option<i32>,
    /// The exclusive area.
    pub area: Option<Area>,
    /// From where the area is known.
    pub area_source: Option<AreaSource>,
    /// Whether the developer has handed it over to a buyer.
    pub delivered: bool,
    /// Its owners over time, sorted; the shares of a time make the whole.
    pub owners: Periods<Vec<Stake>>,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl fmt::Debug for Dwelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dwelling({})", self.id)
    }
}

resource!(Dwelling, id: DwellingId);

impl Dwelling {
    /// Names the members that contradict each other.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.area.is_some_and(|area| area.0 <= 0) {
            faults.push(FieldError::new("/area_m2", "too-small"));
        }
        match (self.area, self.area_source) {
            (Some(_), None) => faults.push(FieldError::new("/area_source", "required")),
            (None, Some(_)) => faults.push(FieldError::new("/area_m2", "required")),
            _ => {}
        }
        faults
    }

    /// From a day on it belongs to these. Whoever it belonged to before stays known.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where somebody is named twice, the shares do not make the whole, or the day is none for it.
    pub fn change_owners(
        mut self,
        mut stakes: Vec<Stake>,
        from: NaiveDate,
        now: Instant,
    ) -> Result<Outcome<Self>, Refusal> {
        let mut faults = Vec::new();
        for (at, stake) in stakes.iter().enumerate() {
            if stakes.iter().take(at).any(|earlier| earlier.owner == stake.owner) {
                faults.push(FieldError::new(format!("/owners/{at}"), "duplicate"));
            }
        }
        if !Share::make_whole(stakes.iter().map(|stake| stake.share)) {
            faults.push(FieldError::new("/owners", "shares-not-whole"));
        }
        if !faults.is_empty() {
            return Err(Refusal::Invalid(faults));
        }
        stakes.sort_unstable_by_key(|stake| stake.owner);
        let today = day_in_china(now);
        let count = i64::try_from(stakes.len()).unwrap_or(i64::MAX);
        self.owners.set(stakes, from, today).map_err(|fault| Refusal::Invalid(vec![fault]))?;
        self.touch(now);
        let event = self
            .event("dwelling.owners_changed")
            .with("owners", Datum::Count(count))
            .with("valid_from", Datum::Day(from));
        Ok(Outcome::new(self, event))
    }

    /// What the caller may do to it now, sorted by name.
    #[must_use]
    pub fn actions(allowed: ActionSet) -> Vec<&'static str> {
        let possible = [Action::ChangeOwners, Action::Update].into_iter();
        possible.filter(|action| allowed.has(*action)).map(Action::name).collect()
    }
}

impl Located for Dwelling {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        Some(self.compound_id)
    }

    fn related(&self, reach: &Reach) -> bool {
        let Reach::Own(_, Some(person)) = reach else { return false };
        let open = self.owners.open();
        open.is_some_and(|period| period.value.iter().any(|stake| stake.owner == Owner::Person(*person)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn share(text: &str) -> Share {
        text.parse().unwrap()
    }

    fn now() -> Instant {
        "2026-03-12T02:00:00Z".parse().unwrap()
    }

    fn person(number: u128) -> Owner {
        Owner::Person(Uuid::from_u128(number).into())
    }

    fn stakes(of: &[(u128, &str)]) -> Vec<Stake> {
        of.iter()
            .map(|(number, text)| Stake {
                owner: person(*number),
                display_name: "丁小梅".to_owned(),
                share: share(text),
            })
            .collect()
    }

    fn dwelling() -> Dwelling {
        let id = Uuid::from_u128(1);
        Dwelling {
            id: id.into(),
            unit_id: id.into(),
            building_id: id.into(),
            compound_id: id.into(),
            region_code: RegionCode::parse("360502002001").unwrap(),
            code: "301".to_owned(),
            floor: Some(3),
            area: Area::from_m2("89.37"),
            area_source: Some(AreaSource::Register),
            delivered: true,
            owners: Periods::default(),
            version: 1,
            created_at: now(),
            updated_at: now(),
        }
    }

    #[test]
    fn shares_are_parts_of_a_whole() {
        assert_eq!(share("2/4").to_string(), "1/2");
        assert_eq!(share("10000/10000"), Share::WHOLE);
        for wrong in ["", "1", "0/1", "1/0", "3/2", "-1/2", "01/2", "1/ 2", "1/10001", "１/２", "1/2/3"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn thirds_make_the_whole_exactly() {
        let whole = |texts: &[&str]| Share::make_whole(texts.iter().map(|text| share(text)));
        assert!(whole(&["1/1"]) && whole(&["1/3", "1/3", "1/3"]) && whole(&["1/2", "1/3", "1/6"]));
        assert!(!whole(&[]) && !whole(&["1/3", "1/3"]) && !whole(&["1/2", "5001/10000"]));
        assert!(!whole(&["3333/10000", "3333/10000", "3333/10000"]));
    }

    #[test]
    fn owners_follow_each_other() {
        let day = |text: &str| text.parse().unwrap();
        let one = dwelling().change_owners(stakes(&[(7, "1/1")]), day("2010-05-01"), now()).unwrap().value;
        let two = one.change_owners(stakes(&[(9, "1/2"), (8, "1/2")]), day("2020-05-01"), now()).unwrap();
        let value = two.value;
        assert_eq!(value.owners.on(day("2020-04-30")), Some(&stakes(&[(7, "1/1")])));
        assert_eq!(value.owners.on(day("2020-05-01")), Some(&stakes(&[(8, "1/2"), (9, "1/2")])));
        assert_eq!(two.events[0].kind, "dwelling.owners_changed");
        let own = |number: u128| value.related(&Reach::Own(Uuid::nil().into(), Some(Uuid::from_u128(number).into())));
        assert!(own(8) && own(9) && !own(7));
        let refused = |of: &[(u128, &str)], from: &str| match value
            .clone()
            .change_owners(stakes(of), day(from), now())
            .unwrap_err()
        {
            Refusal::Invalid(faults) => (faults[0].pointer.clone(), faults[0].code),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&[(7, "1/2"), (7, "1/2")], "2021-01-01"), ("/owners/1".to_owned(), "duplicate"));
        assert_eq!(refused(&[(7, "1/2")], "2021-01-01"), ("/owners".to_owned(), "shares-not-whole"));
        assert_eq!(refused(&[(7, "1/1")], "2019-01-01"), ("/valid_from".to_owned(), "before-start"));
    }

    #[test]
    fn an_area_has_a_source() {
        let codes = |dwelling: Dwelling| -> Vec<String> {
            dwelling.faults().into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
        };
        assert!(codes(dwelling()).is_empty());
        assert_eq!(codes(Dwelling { area_source: None, ..dwelling() }), ["/area_source required"]);
        assert_eq!(codes(Dwelling { area: None, ..dwelling() }), ["/area_m2 required"]);
        assert_eq!(codes(Dwelling { area: Some(Area(0)), ..dwelling() }), ["/area_m2 too-small"]);
    }

    proptest! {
        /// Any way to cut something into equal parts gives them back whole, and not without one of them.
        #[test]
        fn parts_make_the_whole(parts in 2_u32..=50, denominator in 1_u32..=200) {
            let part = Share::new(1, parts).unwrap();
            let all = vec![part; parts as usize];
            prop_assert!(Share::make_whole(all.clone()));
            prop_assert!(!Share::make_whole(all.into_iter().skip(1)));
            let counted = (1..=denominator).filter_map(|n| Share::new(n, denominator));
            prop_assert!(counted.clone().all(|share| share.to_string().parse() == Ok(share)));
        }
    }
}
