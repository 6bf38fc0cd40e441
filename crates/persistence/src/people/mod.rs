//! Persons, households and appointments.

mod appointments;
mod by_phone;
pub(crate) mod entity;
mod households;
mod persons;

pub use appointments::{AppointmentFilter, Appointments, SeatFilter};
pub(crate) use by_phone::PersonsByPhone;
pub use households::{HouseholdFilter, Households};
pub(crate) use persons::{PHONE, TABLE as PERSONS, row_of};
pub use persons::{PersonFilter, PersonSearch, Persons};
