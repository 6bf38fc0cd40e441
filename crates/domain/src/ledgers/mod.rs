//! Ledgers 账本: money that belongs to many, such as the co-managed account 共管账户 of a compound or what a village owns
//! together 村集体经济.
//!
//! Entries are only added. What is paid out, and what is taken back, needs two different signers; nothing is paid that is
//! not there. Each entry that counts has a number and the balance after it, so that the balance is proved by the entries. A
//! disclosure shows all entries since the last one to those to whom the money belongs.

mod disclosure;
mod entry;
mod ledger;

pub use disclosure::Disclosure;
pub use entry::{Entered, EntryCategory, EntryKind, EntryState, Flow, LedgerEntry, NewEntry, NewEntryKind, Signature};
pub use ledger::{Ledger, LedgerKind};
