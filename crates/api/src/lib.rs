//! The HTTP service of Lianxin and its command line.

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod http;
mod identity;
pub mod jobs;
pub mod keys;
pub mod openapi;
mod orders;
mod places;
pub mod problem;
pub mod state;
pub mod system;
pub mod tokens;
