//! Places: regions, the organizations in them, and compounds.

mod compound;
mod organization;
mod region;
mod succession;

pub use compound::{Building, Compound, Unit};
pub use organization::{Organization, OrganizationKind, PartyFormation};
pub use region::{Region, RegionKind};
pub use succession::{Recode, Succession, superfluous};
