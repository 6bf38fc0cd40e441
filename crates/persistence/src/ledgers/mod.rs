//! Ledgers, their entries and disclosures.

mod disclosures;
pub(crate) mod entity;
mod entries;
mod ledger;

pub use disclosures::{DisclosureFilter, Disclosures};
pub use entries::{LedgerEntries, LedgerEntryFilter};
pub use ledger::{LedgerFilter, Ledgers};
