//! What the tests stand on.
#![expect(clippy::panic, reason = "a test harness fails by panicking")]

pub mod contract;
pub mod database;
pub mod postgres;
pub mod server;
