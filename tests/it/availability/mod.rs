//! The service while something around it goes away and comes back.

mod database;
mod starting;
mod stopping;
