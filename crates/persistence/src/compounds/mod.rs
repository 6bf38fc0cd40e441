//! Compounds, what they consist of, and to whom dwellings belong.

mod buildings;
mod compound;
mod dwellings;
pub(crate) mod entity;
mod inspections;
mod periods;

pub use buildings::{BuildingFilter, Buildings, UnitFilter, Units};
pub use compound::{CompoundFilter, CompoundName, Compounds};
pub use dwellings::{DwellingFilter, Dwellings};
pub use inspections::{InspectionFilter, Inspections};
