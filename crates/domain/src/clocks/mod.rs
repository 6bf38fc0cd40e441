//! Clocks 时限: limits that run, and the business calendar by which time is counted.
//!
//! Due dates are data. A [`Clock`] stands with the matter that it measures and changes with it: it is paused, extended,
//! met or stopped by the decisions about the matter, and what it tells by itself, warnings, lateness and rising, is told
//! by events of the matter.

mod calendar;
mod clock;
mod day;
mod limit;
mod set;

pub use calendar::{Calendar, Counting, Pause};
pub use clock::{Clock, ClockState, ExtensionRequest, Ring, Risen};
pub use day::{CalendarDay, CalendarDayKind};
pub use limit::{ClockKind, Limit};
pub use set::Clocks;
