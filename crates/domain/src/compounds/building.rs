//! Buildings 楼栋 of a compound and units 单元, their entrances.

use crate::{
    access::Located,
    cn::RegionCode,
    id::{BuildingId, CompoundId, UnitId},
    resource::resource,
    time::Instant,
};

/// A building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Building {
    /// Its id.
    pub id: BuildingId,
    /// The compound.
    pub compound_id: CompoundId,
    /// The community or grid in which the compound lies.
    pub region_code: RegionCode,
    /// Its code within the compound.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

/// A unit: an entrance of a building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: UnitId,
    /// The building.
    pub building_id: BuildingId,
    /// The compound.
    pub compound_id: CompoundId,
    /// The community or grid in which the compound lies.
    pub region_code: RegionCode,
    /// Its code within the building.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(Building, id: BuildingId);
resource!(Unit, id: UnitId);

impl Located for Building {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        Some(self.compound_id)
    }
}

impl Located for Unit {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        Some(self.compound_id)
    }
}
