//! Accounts, grants and sessions.

mod entity;
mod grants;
mod sessions;
mod users;

pub use grants::{GrantFilter, Grants};
pub use sessions::{ActorRow, NewRefreshToken, NewSession, Presented, Sessions};
pub use users::{Credentials, UserFilter, Users};
