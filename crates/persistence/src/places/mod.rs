//! Regions, organizations and compounds.

mod compounds;
pub(crate) mod entity;
mod organizations;
mod regions;
mod succession;

pub use compounds::{CompoundFilter, CompoundName, Compounds};
pub use organizations::{OrganizationFilter, Organizations};
pub use regions::{CodeStanding, RegionFilter, Regions};
pub use succession::{Clash, MOVED_TABLES};
