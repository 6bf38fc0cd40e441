//! Places: regions and the organizations in them.

mod organization;
mod region;
mod succession;

pub use organization::{Organization, OrganizationKind, PartyFormation};
pub use region::{Region, RegionKind};
pub use succession::{Recode, Succession, superfluous};
