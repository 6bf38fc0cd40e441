//! Compounds 小区 as places: what they are called and where their buildings are.

use crate::{
    access::{Located, ResourceKind},
    cn::RegionCode,
    event::{EventDraft, Subject},
    id::{BuildingId, CompoundId, UnitId},
    time::Instant,
};

/// A unit 单元: an entrance of a building.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: UnitId,
    /// Its code within the building.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// A building 楼栋.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Building {
    /// Its id.
    pub id: BuildingId,
    /// Its code within the compound.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its entrances.
    pub units: Vec<Unit>,
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
    /// Its buildings.
    pub buildings: Vec<Building>,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl Located for Compound {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        Some(self.id)
    }
}

impl Compound {
    /// The event of a change to it, after its version was counted up.
    #[must_use]
    pub fn event(&self, kind: &'static str) -> EventDraft {
        let subject = Subject { kind: ResourceKind::Compound, id: self.id.to_string(), version: self.version };
        EventDraft::new(kind, subject, Some(self.region_code.clone()))
    }
}
