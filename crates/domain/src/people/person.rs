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
