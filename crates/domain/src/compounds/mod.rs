//! Compounds 小区: what they consist of, who manages them, and which party organization covers them.

mod building;
mod compound;
mod dwelling;
mod inspection;

pub use building::{Building, Unit};
pub use compound::{BuildingName, Compound, Difficulty, ManagementMode, UnitName};
pub use dwelling::{AreaSource, Dwelling, MOST_OWNERS, Owner, Share, Stake};
pub use inspection::{BEST_SCORE, Inspection, PASS_MARK, ServiceStandard, StandardScore};
