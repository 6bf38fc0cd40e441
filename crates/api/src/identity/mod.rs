//! Identity: signing in and out, and who one is.

mod dto;
mod handlers;
mod password;
mod service;

pub use handlers::{first_administrator, jwks, login, logout, me, refresh};
pub use password::hash;
pub use service::{FIRST_ADMINISTRATOR, code_digest};
