//! Compounds 小区 as places: what they are called and where their buildings are.

use crate::{
    access::Located,
    cn::RegionCode,
    id::{BuildingId, CompoundId, UnitId},
    refusal::FieldError,
    resource::resource,
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

resource!(Compound, id: CompoundId);

impl Compound {
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
}

impl Located for Compound {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        Some(self.id)
    }
}
