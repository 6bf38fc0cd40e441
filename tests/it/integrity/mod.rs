//! What is written is written once and whole, by one of many, and nobody changes it past the service.

mod contention;
mod failure;
mod repetition;
mod tampering;
