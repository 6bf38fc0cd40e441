//! What the tests stand on.
#![expect(clippy::panic, reason = "a test harness fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "databases of parallel tests need names that nobody else has")]

pub mod browser;
pub mod chance;
pub mod client;
pub mod collector;
pub mod contract;
pub mod daemon;
pub mod database;
pub mod debian;
pub mod forge;
pub mod golden;
pub mod nested;
pub mod pooler;
pub mod postgres;
pub mod program;
pub mod proxy;
pub mod schema;
pub mod server;
pub mod sql;
pub mod wire;
pub mod world;
