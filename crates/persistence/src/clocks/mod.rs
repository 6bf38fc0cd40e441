//! The business calendar.

mod days;
pub(crate) mod entity;

pub use days::{CalendarDayFilter, CalendarDays};
