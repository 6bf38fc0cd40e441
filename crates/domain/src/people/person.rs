//! Persons 居民.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::{
    access::{Located, Reach, words},
    cn::{IdNumber, Phone, RegionCode, Sex},
    id::{CompoundId, PersonId},
    refusal::FieldError,
    resource::resource,
    time::Instant,
};

words! {
    /// 政治面貌
    PoliticalStatus {
        /// 中共党员
        PartyMember = "party_member",
        /// 中共预备党员
        ProbationaryPartyMember = "probationary_party_member",
        /// 共青团员
        YouthLeagueMember = "youth_league_member",
        /// 民主党派成员
        DemocraticPartyMember = "democratic_party_member",
        /// 群众
        Citizen = "citizen",
    }
}

words! {
    /// What a cadre should know about a person.
    Tag {
        /// 独居
        LivesAlone = "lives_alone",
        /// 留守儿童
        LeftBehindChild = "left_behind_child",
        /// 低保
        LowIncome = "low_income",
        /// 残疾
        Disabled = "disabled",
        /// 高龄
        VeryOld = "very_old",
        /// 退役军人
        Veteran = "veteran",
    }
}

words! {
    /// A member that is masked and can be revealed.
    RevealField {
        /// Name in full.
        Name = "name",
        /// Telephone number.
        Phone = "phone",
        /// ID number.
        IdNumber = "id_number",
        /// Date of birth.
        BirthDate = "birth_date",
        /// Address.
        Address = "address",
    }
}

words! {
    /// For what a masked member is looked at.
    RevealPurpose {
        /// To serve the person.
        Service = "service",
        /// To visit him.
        Visit = "visit",
        /// To verify who he is.
        Verification = "verification",
        /// To mediate.
        Mediation = "mediation",
        /// In an emergency.
        Emergency = "emergency",
    }
}

/// A person.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The id.
    pub id: PersonId,
    /// The community or grid in which he lives.
    pub region_code: RegionCode,
    /// The compound in which he lives.
    pub compound_id: Option<CompoundId>,
    /// His name.
    pub name: String,
    /// Sex.
    pub sex: Option<Sex>,
    /// Date of birth.
    pub birth_date: Option<NaiveDate>,
    /// Telephone number.
    pub phone: Option<Phone>,
    /// ID number as stored.
    pub id_number: Option<IdNumber>,
    /// Address below the compound or village.
    pub address: Option<String>,
    /// 政治面貌
    pub political_status: Option<PoliticalStatus>,
    /// What a cadre should know.
    pub tags: Vec<Tag>,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // personal values must not reach a log by way of a debug print
        write!(f, "Person({})", self.id)
    }
}

resource!(Person, id: PersonId);

impl Located for Person {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        self.compound_id
    }

    fn related(&self, reach: &Reach) -> bool {
        matches!(reach, Reach::Own(_, Some(person)) if *person == self.id)
    }
}

impl Person {
    /// The year of birth, all that is shown by default.
    #[must_use]
    pub fn birth_year(&self) -> Option<i32> {
        self.birth_date.map(|date| date.year())
    }

    /// Fills birth date and sex from the ID number where they are not given, and names both members where they
    /// contradict it (GB 11643-1999: digits 7–14 and 17).
    #[must_use]
    pub fn reconcile(mut self) -> (Self, Vec<FieldError>) {
        let mut errors = Vec::new();
        if let Some(number) = &self.id_number {
            let (born, sex) = (number.birth_date(), number.sex());
            if self.birth_date.is_some_and(|given| given != born) {
                errors.push(FieldError::new("/birth_date", "contradicts-id-number"));
            }
            if self.sex.is_some_and(|given| given != sex) {
                errors.push(FieldError::new("/sex", "contradicts-id-number"));
            }
            if !errors.is_empty() {
                errors.push(FieldError::new("/id_number", "contradicts-member"));
            }
            self.birth_date = self.birth_date.or(Some(born));
            self.sex = self.sex.or(Some(sex));
        }
        (self, errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    fn person(id_number: Option<&str>, birth_date: Option<NaiveDate>, sex: Option<Sex>) -> Person {
        let id_number = id_number.map(|number| IdNumber::parse(number, day(2026, 3, 12)).unwrap());
        Person {
            id: uuid::Uuid::nil().into(),
            region_code: RegionCode::parse("360502002001").unwrap(),
            compound_id: None,
            name: "王强".to_owned(),
            sex,
            birth_date,
            phone: None,
            id_number,
            address: None,
            political_status: None,
            tags: Vec::new(),
            version: 1,
            created_at: Instant::UNIX_EPOCH,
            updated_at: Instant::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_id_number_fills_what_it_tells() {
        let (person, errors) = person(Some("11010519491231002x"), None, None).reconcile();
        assert_eq!(errors, []);
        assert_eq!((person.birth_date, person.sex), (Some(day(1949, 12, 31)), Some(Sex::Female)));
        assert_eq!(person.id_number.unwrap().as_str(), "11010519491231002X");
    }

    #[test]
    fn a_contradiction_names_both_members() {
        let born = Some(day(1949, 12, 31));
        let contradicts = |pointer: &str| FieldError::new(pointer, "contradicts-id-number");
        let id_number = FieldError::new("/id_number", "contradicts-member");
        for (birth_date, sex, expected) in [
            (born, Some(Sex::Female), vec![]),
            (Some(day(1949, 12, 30)), None, vec![contradicts("/birth_date"), id_number.clone()]),
            (None, Some(Sex::Male), vec![contradicts("/sex"), id_number.clone()]),
            (
                Some(day(1950, 12, 31)),
                Some(Sex::Male),
                vec![contradicts("/birth_date"), contradicts("/sex"), id_number.clone()],
            ),
        ] {
            let (_, errors) = person(Some("11010519491231002X"), birth_date, sex).reconcile();
            assert_eq!(errors, expected, "{birth_date:?} {sex:?}");
        }
        let (same, errors) = person(None, born, Some(Sex::Male)).reconcile();
        assert_eq!((same.birth_date, same.sex, errors), (born, Some(Sex::Male), vec![]));
    }
}
