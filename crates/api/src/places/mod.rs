//! Places: regions and compounds.

mod compounds;
mod regions;

pub use compounds::{get_compound, list_compounds};
pub use regions::{get_region, list_regions};
