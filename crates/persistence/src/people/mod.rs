//! Persons, households and appointments.

mod appointments;
pub(crate) mod entity;
mod households;
mod persons;

pub use appointments::{AppointmentFilter, Appointments, SeatFilter};
pub use households::{HouseholdFilter, Households};
pub(crate) use persons::{PHONE, PersonsByPhone, TABLE as PERSONS, row_of};
pub use persons::{PersonFilter, PersonSearch, Persons};
