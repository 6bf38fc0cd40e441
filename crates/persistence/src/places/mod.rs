//! Regions and organizations.

pub(crate) mod entity;
mod organizations;
mod regions;
mod succession;

pub use organizations::{OrganizationFilter, Organizations};
pub(crate) use regions::hold_in_use;
pub use regions::{CodeStanding, RegionFilter, Regions};
pub use succession::{Clash, MOVED_TABLES};
