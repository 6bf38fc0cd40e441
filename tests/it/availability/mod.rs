//! The service while something around it goes away and comes back.

mod backup;
mod database;
mod migrating;
mod starting;
mod stopping;
