//! Regions 区划: names are data, codes are keys.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Located, words},
    cn::{RegionCode, RegionLevel},
    resource::resource,
    time::Instant,
};

words! {
    /// What a region is, more exactly than its level says.
    RegionKind {
        /// 省、自治区、直辖市
        Province = "province",
        /// 地级市、自治州
        City = "city",
        /// 县、县级市
        County = "county",
        /// 市辖区
        District = "district",
        /// 功能区, at any level from county down
        FunctionalZone = "functional_zone",
        /// 镇、乡
        Township = "township",
        /// 街道
        Street = "street",
        /// 国有林场
        StateForestFarm = "state_forest_farm",
        /// 行政村
        Village = "village",
        /// 社区
        Community = "community",
        /// 网格
        Grid = "grid",
    }
}

impl RegionKind {
    /// Whether a region of this kind can have a code of this level.
    #[must_use]
    pub fn fits(self, level: RegionLevel) -> bool {
        match self {
            Self::Province => level == RegionLevel::Province,
            Self::City => level == RegionLevel::City,
            Self::County | Self::District => level == RegionLevel::County,
            Self::FunctionalZone => (RegionLevel::County..=RegionLevel::Township).contains(&level),
            Self::Township | Self::Street | Self::StateForestFarm => level == RegionLevel::Township,
            Self::Village | Self::Community => level == RegionLevel::Community,
            Self::Grid => level == RegionLevel::Grid,
        }
    }
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Its code without trailing zero groups.
    pub code: RegionCode,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RegionKind,
    /// The region above it: the longest prefix of its code that exists.
    pub parent_code: Option<RegionCode>,
    /// First day on which the code holds.
    pub valid_from: Option<NaiveDate>,
    /// First day on which it no longer holds.
    pub valid_until: Option<NaiveDate>,
    /// Whether the code is a local one, of the same shape, of an area that has no standard code.
    pub local: bool,
    /// The code that came after this one.
    pub successor_code: Option<RegionCode>,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(Region, code: RegionCode);

impl Located for Region {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.code)
    }
}
