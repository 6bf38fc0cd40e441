//! A disclosure 公示: what came in and what was paid, entry by entry, shown to those to whom the money belongs.

use crate::{
    access::Located,
    cn::RegionCode,
    id::{CompoundId, DisclosureId, LedgerId},
    money::Money,
    resource::resource,
    time::Instant,
};

/// A disclosure. Each begins where the one before ended, so that no entry is left out and none stands in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Its id.
    pub id: DisclosureId,
    /// The ledger.
    pub ledger_id: LedgerId,
    /// Where the ledger is.
    pub region_code: RegionCode,
    /// The compound of the ledger.
    pub compound_id: Option<CompoundId>,
    /// The first entry.
    pub first_number: i64,
    /// The last entry.
    pub last_number: i64,
    /// The balance before the first entry.
    pub opening_balance: Money,
    /// What came in.
    pub income: Money,
    /// What was paid.
    pub payments: Money,
    /// The balance after the last entry.
    pub closing_balance: Money,
    /// Always 1: it is never changed.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// The same.
    pub updated_at: Instant,
}

resource!(Disclosure, id: DisclosureId);

impl Disclosure {
    /// Whether what came in and what was paid lead from one balance to the other.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        let expected = self.opening_balance.plus(self.income).and_then(|sum| sum.minus(self.payments));
        expected == Some(self.closing_balance)
    }
}

impl Located for Disclosure {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        self.compound_id
    }
}
