//! Regions, organizations and compounds.

mod compounds;
pub(crate) mod entity;
mod organizations;
mod regions;

pub use compounds::{CompoundFilter, CompoundName, Compounds};
pub use organizations::{OrganizationFilter, Organizations};
pub use regions::{RegionFilter, Regions};
