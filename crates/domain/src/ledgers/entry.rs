//! An entry of a ledger: entered by one, and where money goes out signed by another.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::{
    access::{Action, ActionSet, Actor, Located, Reach, words},
    cn::RegionCode,
    event::{Datum, EventDraft},
    id::{CompoundId, LedgerEntryId, LedgerId, PersonId, UserId},
    money::Money,
    outcome::Outcome,
    refusal::{FieldError, Refusal, Standing},
    resource::{Resource as _, resource},
    time::{EARLIEST_DAY, Instant, day_in_china},
};

words! {
    /// What an entry is.
    EntryKind {
        /// 收入
        Income = "income",
        /// 支出
        Payment = "payment",
        /// 冲正: takes an entry back that was wrong
        Reversal = "reversal",
    }
}

words! {
    /// What is written down as an entry; what takes one back is made from it.
    NewEntryKind {
        /// 收入
        Income = "income",
        /// 支出
        Payment = "payment",
    }
}

words! {
    /// Where money goes.
    Flow {
        /// It comes in.
        In = "in",
        /// It goes out.
        Out = "out",
    }
}

words! {
    /// Where an entry stands.
    EntryState {
        /// It waits for the second signature.
        Pending = "pending",
        /// It counts.
        Posted = "posted",
        /// The second signer said no.
        Refused = "refused",
    }
}

words! {
    /// From what money comes, or for what it is paid.
    EntryCategory {
        /// 业主缴费
        OwnersFees = "owners_fees",
        /// 停车
        Parking = "parking",
        /// 广告
        Advertising = "advertising",
        /// 土地流转
        LandLease = "land_lease",
        /// 资产出租
        AssetLease = "asset_lease",
        /// 经营收益
        BusinessProfit = "business_profit",
        /// 补助
        Subsidy = "subsidy",
        /// 利息
        Interest = "interest",
        /// 保洁
        Cleaning = "cleaning",
        /// 维修养护
        Maintenance = "maintenance",
        /// 绿化
        Greenery = "greenery",
        /// 安全防护
        Security = "security",
        /// 水电
        Utilities = "utilities",
        /// 工资
        Wages = "wages",
        /// 分红
        Dividends = "dividends",
        /// 公益
        PublicWelfare = "public_welfare",
        /// 其他
        Other = "other",
    }
}

/// Who signed, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// His account.
    pub user_id: UserId,
    /// The person behind it.
    pub person_id: Option<PersonId>,
    /// What he is called.
    pub display_name: String,
    /// When.
    pub at: Instant,
}

impl Signature {
    /// The signature of a caller.
    #[must_use]
    pub fn of(actor: &Actor, now: Instant) -> Self {
        Self { user_id: actor.user_id, person_id: actor.person_id, display_name: actor.display_name.clone(), at: now }
    }

    /// Whether both are of one and the same: two accounts of one person are not two signers.
    #[must_use]
    pub fn is_of_the_same(&self, other: &Self) -> bool {
        let same_person = self.person_id.is_some() && self.person_id == other.person_id;
        self.user_id == other.user_id || same_person
    }
}

/// An entry as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its id.
    pub id: LedgerEntryId,
    /// Income or payment.
    pub kind: NewEntryKind,
    /// How much, above nothing.
    pub amount: Money,
    /// From what, or for what.
    pub category: EntryCategory,
    /// The day on which the money came or went.
    pub occurred_on: NaiveDate,
    /// From whom, or to whom.
    pub counterparty: Option<String>,
    /// What there is to say.
    pub memo: Option<String>,
}

/// An entry.
#[derive(Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its id.
    pub id: LedgerEntryId,
    /// The ledger.
    pub ledger_id: LedgerId,
    /// Where the ledger is.
    pub region_code: RegionCode,
    /// The compound of the ledger.
    pub compound_id: Option<CompoundId>,
    /// Its number, once it counts.
    pub number: Option<i64>,
    /// What it is.
    pub kind: EntryKind,
    /// Where the money goes.
    pub flow: Flow,
    /// How much, above nothing.
    pub amount: Money,
    /// The balance after it, once it counts.
    pub balance_after: Option<Money>,
    /// From what, or for what.
    pub category: EntryCategory,
    /// The day on which the money came or went.
    pub occurred_on: NaiveDate,
    /// From whom, or to whom.
    pub counterparty: Option<String>,
    /// What there is to say.
    pub memo: Option<String>,
    /// The entry that it takes back.
    pub reverses: Option<LedgerEntryId>,
    /// The entry by which it is taken back.
    pub reversed_by: Option<LedgerEntryId>,
    /// Where it stands.
    pub state: EntryState,
    /// Who entered it.
    pub entered_by: Signature,
    /// Who signed it, or refused to.
    pub signed_by: Option<Signature>,
    /// Why it was refused.
    pub refusal: Option<String>,
    /// When it began to count.
    pub posted_at: Option<Instant>,
    /// Whether it was shown to those to whom the money belongs.
    pub disclosed: bool,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl std::fmt::Debug for LedgerEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LedgerEntry({})", self.id)
    }
}

resource!(LedgerEntry, id: LedgerEntryId);

/// What becomes of a ledger by an entry, and of the entry itself.
#[derive(Debug)]
pub struct Entered {
    /// The ledger, where the entry counts.
    pub ledger: Option<Ledger>,
    /// The entry.
    pub entry: Outcome<LedgerEntry>,
}

impl Ledger {
    /// Writes down what came in, which counts at once, or what is to be paid, which waits for another one's signature.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the amount is nothing or the day is not believed.
    pub fn enter(self, new: NewEntry, by: Signature, now: Instant) -> Result<Entered, Refusal> {
        let NewEntry { id, kind, amount, category, occurred_on, counterparty, memo } = new;
        let mut faults = Vec::new();
        if amount <= Money::ZERO {
            faults.push(FieldError::new("/amount", "too-small"));
        }
        if occurred_on > day_in_china(now) {
            faults.push(FieldError::new("/occurred_on", "in-future"));
        } else if occurred_on < EARLIEST_DAY {
            faults.push(FieldError::new("/occurred_on", "implausible"));
        }
        if !faults.is_empty() {
            return Err(Refusal::Invalid(faults));
        }
        let (kind, flow) = match kind {
            NewEntryKind::Income => (EntryKind::Income, Flow::In),
            NewEntryKind::Payment => (EntryKind::Payment, Flow::Out),
        };
        let entry = LedgerEntry {
            id,
            ledger_id: self.id,
            region_code: self.region_code.clone(),
            compound_id: self.compound_id,
            number: None,
            kind,
            flow,
            amount,
            balance_after: None,
            category,
            occurred_on,
            counterparty,
            memo,
            reverses: None,
            reversed_by: None,
            state: EntryState::Pending,
            entered_by: by,
            signed_by: None,
            refusal: None,
            posted_at: None,
            disclosed: false,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        if flow == Flow::Out {
            let event = entry.told("ledger_entry.entered");
            return Ok(Entered { ledger: None, entry: Outcome::new(entry, event) });
        }
        let (ledger, entry) = self.post(entry, now)?;
        let event = entry.told("ledger_entry.posted");
        Ok(Entered { ledger: Some(ledger), entry: Outcome::new(entry, event) })
    }
}

impl LedgerEntry {
    /// Signs it as the second one: from now on it counts.
    ///
    /// # Errors
    /// [`Refusal::WrongState`], [`Refusal::Conflict`] `same-signer` where he entered it himself, or `overdraft`.
    pub fn sign(mut self, ledger: Ledger, by: Signature, allowed: ActionSet, now: Instant) -> Result<Entered, Refusal> {
        self.can_be_signed(&by, allowed)?;
        self.signed_by = Some(by);
        let (ledger, mut entry) = ledger.post(self, now)?;
        entry.touch(now);
        let event = entry.told("ledger_entry.posted");
        Ok(Entered { ledger: Some(ledger), entry: Outcome::new(entry, event) })
    }

    /// Says no to it: it never counts.
    ///
    /// # Errors
    /// [`Refusal::WrongState`], [`Refusal::Conflict`] `same-signer`.
    pub fn refuse(
        mut self,
        reason: String,
        by: Signature,
        allowed: ActionSet,
        now: Instant,
    ) -> Result<Outcome<Self>, Refusal> {
        self.can_be_signed(&by, allowed)?;
        self.signed_by = Some(by);
        self.refusal = Some(reason);
        self.state = EntryState::Refused;
        self.touch(now);
        let event = self.told("ledger_entry.refused");
        Ok(Outcome::new(self, event))
    }

    /// An entry that takes this one back. It waits for another one's signature, whichever way the money goes. That there
    /// is no other one for it is looked at before.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] where it does not count, or is itself a reversal or taken back.
    pub fn reverse(
        &self,
        id: LedgerEntryId,
        reason: String,
        by: Signature,
        allowed: ActionSet,
        now: Instant,
    ) -> Result<Outcome<Self>, Refusal> {
        if !self.can_be_reversed() {
            return Err(self.wrong_state(allowed));
        }
        let entry = Self {
            id,
            number: None,
            kind: EntryKind::Reversal,
            flow: if self.flow == Flow::In { Flow::Out } else { Flow::In },
            balance_after: None,
            occurred_on: day_in_china(now),
            memo: Some(reason),
            reverses: Some(self.id),
            state: EntryState::Pending,
            entered_by: by,
            signed_by: None,
            posted_at: None,
            disclosed: false,
            version: 1,
            created_at: now,
            updated_at: now,
            ..self.clone()
        };
        let event = entry.told("ledger_entry.entered").with("reverses", Datum::Id(self.id.0));
        Ok(Outcome::new(entry, event))
    }

    /// This entry, taken back by another one that counts from now on.
    pub fn reversed(mut self, by: LedgerEntryId, now: Instant) -> Outcome<Self> {
        self.reversed_by = Some(by);
        self.touch(now);
        let event = self.event("ledger_entry.reversed").with("reversed_by", Datum::Id(by.0));
        Outcome::new(self, event)
    }

    /// What the caller may do to it now, sorted by name.
    #[must_use]
    pub fn actions(&self, allowed: ActionSet, by: &Signature) -> Vec<&'static str> {
        let is_possible = |action: &Action| match action {
            Action::Reverse => self.can_be_reversed(),
            _ => self.state == EntryState::Pending && !by.is_of_the_same(&self.entered_by),
        };
        [Action::Refuse, Action::Reverse, Action::Sign]
            .into_iter()
            .filter(|action| allowed.has(*action))
            .filter(is_possible)
            .map(Action::name)
            .collect()
    }

    fn can_be_reversed(&self) -> bool {
        self.state == EntryState::Posted && self.kind != EntryKind::Reversal && self.reversed_by.is_none()
    }

    fn can_be_signed(&self, by: &Signature, allowed: ActionSet) -> Result<(), Refusal> {
        if self.state != EntryState::Pending {
            return Err(self.wrong_state(allowed));
        }
        if by.is_of_the_same(&self.entered_by) { Err(Refusal::Conflict("same-signer")) } else { Ok(()) }
    }

    fn wrong_state(&self, allowed: ActionSet) -> Refusal {
        Refusal::WrongState(Box::new(Standing {
            state: self.state.name(),
            version: self.version,
            actions: self.actions(allowed, &self.entered_by),
            assignee: None,
        }))
    }

    fn told(&self, kind: &'static str) -> EventDraft {
        self.event(kind)
            .with("ledger_id", Datum::Id(self.ledger_id.0))
            .with("flow", Datum::Word(self.flow.name()))
            .with("amount", Datum::Count(self.amount.0))
            .with_some("number", self.number.map(Datum::Count))
    }
}

impl Located for LedgerEntry {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        self.compound_id
    }

    fn related(&self, reach: &Reach) -> bool {
        match reach {
            Reach::Disclosed(place) => self.disclosed && self.within(place),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{id::DisclosureId, ledgers::LedgerKind};

    fn now() -> Instant {
        "2026-03-12T02:00:00Z".parse().unwrap()
    }

    fn all() -> ActionSet {
        ActionSet::of(Action::ALL)
    }

    fn ledger(balance: i64) -> Ledger {
        Ledger {
            id: Uuid::from_u128(1).into(),
            kind: LedgerKind::CoManagedAccount,
            name: "共管账户".to_owned(),
            region_code: RegionCode::parse("360502002001").unwrap(),
            compound_id: Some(Uuid::from_u128(2).into()),
            entries: 0,
            balance: Money(balance),
            disclosed: 0,
            disclosed_balance: Money(balance),
            version: 1,
            created_at: now(),
            updated_at: now(),
        }
    }

    fn signer(number: u128) -> Signature {
        Signature {
            user_id: Uuid::from_u128(number).into(),
            person_id: Some(Uuid::from_u128(number + 100).into()),
            display_name: "石有福".to_owned(),
            at: now(),
        }
    }

    fn new(kind: NewEntryKind, fen: i64) -> NewEntry {
        NewEntry {
            id: Uuid::from_u128(u128::from(fen.unsigned_abs()) + 1000).into(),
            kind,
            amount: Money(fen),
            category: EntryCategory::Parking,
            occurred_on: "2026-03-11".parse().unwrap(),
            counterparty: None,
            memo: None,
        }
    }

    fn code<T: std::fmt::Debug>(done: Result<T, Refusal>) -> &'static str {
        match done.unwrap_err() {
            Refusal::Conflict(code) => code,
            Refusal::WrongState(standing) => standing.state,
            Refusal::Invalid(faults) => faults[0].code,
            Refusal::Forbidden => "forbidden",
        }
    }

    #[test]
    fn a_payment_needs_another_signer_and_money() {
        let entered = ledger(500).enter(new(NewEntryKind::Payment, 300), signer(1), now()).unwrap();
        assert!(entered.ledger.is_none(), "it does not count yet");
        let pending = entered.entry.value;
        assert_eq!(code(pending.clone().sign(ledger(500), signer(1), all(), now())), "same-signer");
        let other_account = Signature { user_id: Uuid::from_u128(9).into(), ..signer(1) };
        assert_eq!(code(pending.clone().sign(ledger(500), other_account, all(), now())), "same-signer");
        assert_eq!(code(pending.clone().sign(ledger(299), signer(2), all(), now())), "overdraft");
        let signed = pending.sign(ledger(300), signer(2), all(), now()).unwrap();
        let (left, entry) = (signed.ledger.unwrap(), signed.entry.value);
        assert_eq!((left.balance, left.entries), (Money(0), 1));
        assert_eq!((entry.number, entry.balance_after, entry.state), (Some(1), Some(Money(0)), EntryState::Posted));
        assert_eq!(code(entry.sign(ledger(300), signer(2), all(), now())), "posted");
    }

    #[test]
    fn what_comes_in_counts_at_once() {
        let entered = ledger(0).enter(new(NewEntryKind::Income, 700), signer(1), now()).unwrap();
        assert_eq!(entered.ledger.unwrap().balance, Money(700));
        assert_eq!(entered.entry.events[0].kind, "ledger_entry.posted");
        assert_eq!(code(ledger(0).enter(new(NewEntryKind::Income, 0), signer(1), now())), "too-small");
        let late = NewEntry { occurred_on: "2026-03-13".parse().unwrap(), ..new(NewEntryKind::Income, 1) };
        assert_eq!(code(ledger(0).enter(late, signer(1), now())), "in-future");
    }

    #[test]
    fn a_refused_payment_never_counts() {
        let pending = ledger(500).enter(new(NewEntryKind::Payment, 300), signer(1), now()).unwrap().entry.value;
        assert_eq!(code(pending.clone().refuse("无发票".to_owned(), signer(1), all(), now())), "same-signer");
        let refused = pending.refuse("无发票".to_owned(), signer(2), all(), now()).unwrap().value;
        assert_eq!(code(refused.clone().sign(ledger(500), signer(2), all(), now())), "refused");
        assert!(refused.actions(all(), &signer(3)).is_empty());
    }

    #[test]
    fn a_wrong_entry_is_taken_back_by_another_one() {
        let entered = ledger(0).enter(new(NewEntryKind::Income, 700), signer(1), now()).unwrap();
        let (ledger, income) = (entered.ledger.unwrap(), entered.entry.value);
        let id = Uuid::from_u128(77).into();
        let reversal = income.reverse(id, "记错".to_owned(), signer(1), all(), now()).unwrap().value;
        assert_eq!((reversal.flow, reversal.amount, reversal.state), (Flow::Out, Money(700), EntryState::Pending));
        assert_eq!(code(reversal.clone().sign(ledger.clone(), signer(1), all(), now())), "same-signer");
        let signed = reversal.sign(ledger, signer(2), all(), now()).unwrap();
        assert_eq!(signed.ledger.unwrap().balance, Money(0));
        let reversal = signed.entry.value;
        assert_eq!(code(reversal.reverse(id, String::new(), signer(1), all(), now())), "posted");
        let gone = income.reversed(reversal.id, now()).value;
        assert_eq!(code(gone.reverse(id, String::new(), signer(1), all(), now())), "posted");
    }

    proptest! {
        /// Whatever is entered, signed, refused and taken back: the balance is never below nothing, it is the sum of what
        /// counts, and disclosures lead from one balance to the next without leaving an entry out.
        #[test]
        fn the_balance_is_proved_by_the_entries(steps in prop::collection::vec((0..6_u8, 1..500_i64, 1..3_u128), 1..60)) {
            let mut book = ledger(0);
            let mut entries: Vec<LedgerEntry> = Vec::new();
            let mut shown = (0, Money::ZERO);
            for (number, (step, fen, who)) in (0_u128..).zip(steps) {
                let id: LedgerEntryId = Uuid::from_u128(5000 + number).into();
                let pick = entries.get(usize::try_from(fen).unwrap() % entries.len().max(1)).cloned();
                match (step, pick) {
                    (0 | 1, _) => {
                        let kind = if step == 0 { NewEntryKind::Income } else { NewEntryKind::Payment };
                        let entered = book.clone().enter(NewEntry { id, ..new(kind, fen) }, signer(who), now()).unwrap();
                        book = entered.ledger.unwrap_or(book);
                        entries.push(entered.entry.value);
                    }
                    (2, Some(entry)) => {
                        if let Ok(signed) = entry.clone().sign(book.clone(), signer(who), all(), now()) {
                            book = signed.ledger.unwrap();
                            *entries.iter_mut().find(|one| one.id == entry.id).unwrap() = signed.entry.value;
                        }
                    }
                    (3, Some(entry)) => {
                        if let Ok(refused) = entry.clone().refuse("否".to_owned(), signer(who), all(), now()) {
                            *entries.iter_mut().find(|one| one.id == entry.id).unwrap() = refused.value;
                        }
                    }
                    (4, Some(entry)) => {
                        if let Ok(reversal) = entry.reverse(id, "冲".to_owned(), signer(who), all(), now()) {
                            entries.push(reversal.value);
                        }
                    }
                    _ => {
                        let sum = |flow| {
                            let counted = entries.iter().filter(|entry| entry.number.is_some_and(|number| number > shown.0));
                            Money(counted.filter(|entry| entry.flow == flow).map(|entry| entry.amount.0).sum())
                        };
                        let id: DisclosureId = Uuid::from_u128(9000 + number).into();
                        if let Ok(done) = book.clone().disclose(id, sum(Flow::In), sum(Flow::Out), now()) {
                            let disclosure = &done.effects[0];
                            prop_assert!(disclosure.adds_up());
                            prop_assert_eq!((disclosure.first_number, disclosure.opening_balance), (shown.0 + 1, shown.1));
                            shown = (disclosure.last_number, disclosure.closing_balance);
                            book = done.value;
                        }
                    }
                }
                prop_assert!(book.balance >= Money::ZERO);
                let counted: i64 = entries.iter().filter(|entry| entry.state == EntryState::Posted).map(|entry| {
                    if entry.flow == Flow::In { entry.amount.0 } else { -entry.amount.0 }
                }).sum();
                prop_assert_eq!(book.balance.0, counted);
                let mut numbers: Vec<i64> = entries.iter().filter_map(|entry| entry.number).collect();
                numbers.sort_unstable();
                prop_assert_eq!(numbers, (1..=book.entries).collect::<Vec<_>>());
            }
        }
    }
}
