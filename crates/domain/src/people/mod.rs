//! People: persons and the households that they live in.

mod household;
mod person;

pub use household::{Household, HouseholdMember, Relation};
pub use person::{Person, PoliticalStatus, RevealField, RevealPurpose, Tag};
