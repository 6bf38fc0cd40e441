//! A ledger and its balance.

use serde::{Deserialize, Serialize};

use super::{Disclosure, EntryState, Flow, LedgerEntry};
use crate::{
    access::{Action, ActionSet, Located, words},
    cn::{RegionCode, RegionLevel},
    event::{Datum, EventDraft},
    id::{CompoundId, DisclosureId, LedgerId},
    money::Money,
    outcome::Outcome,
    refusal::{FieldError, Refusal},
    resource::{Resource as _, resource},
    time::Instant,
};

words! {
    /// Whose money a ledger holds.
    LedgerKind {
        /// 共管账户: the owners of a compound
        CoManagedAccount = "co_managed_account",
        /// 村集体经济: the members of a village
        CollectiveEconomy = "collective_economy",
    }
}

/// A ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Its id.
    pub id: LedgerId,
    /// Whose money it holds.
    pub kind: LedgerKind,
    /// Its name.
    pub name: String,
    /// The village, or the community or grid in which the compound lies.
    pub region_code: RegionCode,
    /// The compound, of a co-managed account.
    pub compound_id: Option<CompoundId>,
    /// How many entries count.
    pub entries: i64,
    /// What there is after the last of them.
    pub balance: Money,
    /// The last entry that was disclosed; 0 before the first disclosure.
    pub disclosed: i64,
    /// The balance after that entry.
    pub disclosed_balance: Money,
    /// Counts changes, of its entries too.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(Ledger, id: LedgerId);

impl Ledger {
    /// Names the members that contradict each other.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        match (self.kind, self.compound_id) {
            (LedgerKind::CoManagedAccount, None) => faults.push(FieldError::new("/compound_id", "required")),
            (LedgerKind::CollectiveEconomy, Some(_)) => {
                faults.push(FieldError::new("/compound_id", "contradicts-member"));
            }
            (LedgerKind::CollectiveEconomy, None) if self.region_code.level() != RegionLevel::Community => {
                faults.push(FieldError::new("/region_code", "contradicts-member"));
            }
            _ => {}
        }
        faults
    }

    /// Lets an entry count: it gets the next number and the balance after it.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] `overdraft` where more would be paid than there is.
    pub(super) fn post(mut self, mut entry: LedgerEntry, now: Instant) -> Result<(Self, LedgerEntry), Refusal> {
        let balance = match entry.flow {
            Flow::In => self.balance.plus(entry.amount),
            Flow::Out => self.balance.minus(entry.amount).filter(|left| *left >= Money::ZERO),
        };
        self.balance = balance.ok_or(Refusal::Conflict("overdraft"))?;
        self.entries += 1;
        self.touch(now);
        entry.number = Some(self.entries);
        entry.balance_after = Some(self.balance);
        entry.state = EntryState::Posted;
        entry.posted_at = Some(now);
        Ok((self, entry))
    }

    /// The event that tells of an entry that counts from now on.
    #[must_use]
    pub fn counted(&self, entry: &LedgerEntry) -> EventDraft {
        self.event("ledger.entry_posted")
            .with("entry_id", Datum::Id(entry.id.0))
            .with("number", Datum::Count(self.entries))
    }

    /// Shows all entries since the last disclosure, with these sums of what came in and what was paid.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] `nothing-to-disclose` where there is none.
    pub fn disclose(
        mut self,
        id: DisclosureId,
        income: Money,
        payments: Money,
        now: Instant,
    ) -> Result<Outcome<Self, Disclosure>, Refusal> {
        if self.entries == self.disclosed {
            return Err(Refusal::Conflict("nothing-to-disclose"));
        }
        let disclosure = Disclosure {
            id,
            ledger_id: self.id,
            region_code: self.region_code.clone(),
            compound_id: self.compound_id,
            first_number: self.disclosed + 1,
            last_number: self.entries,
            opening_balance: self.disclosed_balance,
            income,
            payments,
            closing_balance: self.balance,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.disclosed = self.entries;
        self.disclosed_balance = self.balance;
        self.touch(now);
        let event = self
            .event("ledger.disclosed")
            .with("disclosure_id", Datum::Id(id.0))
            .with("last_number", Datum::Count(disclosure.last_number));
        Ok(Outcome::new(self, event).with_effect(disclosure))
    }

    /// What the caller may do to it now, sorted by name.
    #[must_use]
    pub fn actions(&self, allowed: ActionSet) -> Vec<&'static str> {
        let can_disclose = self.entries > self.disclosed;
        [Action::Disclose, Action::Enter]
            .into_iter()
            .filter(|action| allowed.has(*action))
            .filter(|action| *action != Action::Disclose || can_disclose)
            .map(Action::name)
            .collect()
    }
}

impl Located for Ledger {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        self.compound_id
    }
}
