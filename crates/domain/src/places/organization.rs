//! Organizations 组织.

use serde::{Deserialize, Serialize};

use crate::{
    access::{Located, words},
    cn::{CreditCode, RegionCode},
    id::OrganizationId,
    refusal::FieldError,
    resource::resource,
    time::Instant,
};

words! {
    /// What an organization is.
    OrganizationKind {
        /// 党委
        PartyCommittee = "party_committee",
        /// 党总支
        PartyGeneralBranch = "party_general_branch",
        /// 党支部
        PartyBranch = "party_branch",
        /// 党小组
        PartyGroup = "party_group",
        /// 政府机关
        GovernmentOffice = "government_office",
        /// 县直部门
        CountyDepartment = "county_department",
        /// 学校
        School = "school",
        /// 林长办
        ForestChiefOffice = "forest_chief_office",
        /// 国有林场
        StateForestFarm = "state_forest_farm",
        /// 物业公司
        PropertyCompany = "property_company",
        /// 居民委员会
        ResidentsCommittee = "residents_committee",
        /// 村民委员会
        VillagersCommittee = "villagers_committee",
        /// 驻区单位
        ResidentUnit = "resident_unit",
        /// 睦邻中心经营主体
        CenterOperator = "center_operator",
        /// 村办企业
        VillageEnterprise = "village_enterprise",
    }
}

words! {
    /// How a party organization is formed.
    PartyFormation {
        /// 单建
        Single = "single",
        /// 联建
        Joint = "joint",
    }
}

impl OrganizationKind {
    /// Whether it is a party organization.
    #[must_use]
    pub fn is_party(self) -> bool {
        matches!(self, Self::PartyCommittee | Self::PartyGeneralBranch | Self::PartyBranch | Self::PartyGroup)
    }
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: OrganizationKind,
    /// Where it sits.
    pub region_code: RegionCode,
    /// The organization above it.
    pub parent_id: Option<OrganizationId>,
    /// 统一社会信用代码
    pub credit_code: Option<CreditCode>,
    /// How it is formed; for party organizations only.
    pub formation: Option<PartyFormation>,
    /// Provincial credit grade, for property companies only.
    pub credit_grade: Option<String>,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(Organization, id: OrganizationId);

impl Organization {
    /// Names members that do not fit its kind.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.formation.is_some() && !self.kind.is_party() {
            errors.push(FieldError::new("/formation", "contradicts-member"));
        }
        if self.credit_grade.is_some() && self.kind != OrganizationKind::PropertyCompany {
            errors.push(FieldError::new("/credit_grade", "contradicts-member"));
        }
        errors
    }
}

impl Located for Organization {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }
}
