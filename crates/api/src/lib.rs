//! The HTTP service of Lianxin and its command line.

pub mod app;
mod backup;
pub mod cli;
mod clocks;
mod compounds;
pub mod config;
mod console;
pub mod demo;
pub mod http;
mod identity;
mod inbox;
pub mod jobs;
pub mod keys;
mod ledgers;
pub mod openapi;
mod orders;
mod people;
mod places;
pub mod problem;
mod problem_page;
pub mod state;
pub mod system;
pub mod tokens;
mod watch;

/// A page takes thousands of small pieces of memory: see `docs/adr/0018-the-build-for-production.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Hashes a password as accounts keep it.
///
/// # Errors
/// If the machine has no memory for it.
pub fn hash_password(password: &str) -> Result<String, problem::Problem> {
    identity::hash(password)
}
