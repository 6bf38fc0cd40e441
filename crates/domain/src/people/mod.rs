//! People: persons, the households that they live in and the posts that they hold.

mod appointment;
mod household;
mod look;
mod person;

pub use appointment::{Appointment, AppointmentState, EndReason, HandOver, Heir, NOTICE, Post, Profession, Seat};
pub use household::{Household, HouseholdMember, Relation};
pub use look::{LOOKS, LimitReached, Look, PERSONS, WINDOW as LOOK_WINDOW, may_look};
pub use person::{Person, PoliticalStatus, RevealField, RevealPurpose, Tag};
