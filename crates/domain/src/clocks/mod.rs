//! Clocks 时限: the business calendar by which time is counted.

mod calendar;
mod day;

pub use calendar::{Calendar, Counting, Pause};
pub use day::{CalendarDay, CalendarDayKind};
