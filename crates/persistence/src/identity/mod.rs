//! Accounts, clients, grants and sessions.

mod attempts;
mod clients;
pub(crate) mod entity;
mod factors;
mod grants;
mod sessions;
mod users;

pub use clients::{ClientFilter, ClientSecret, Clients, NewClientSecret};
pub use factors::SecondFactor;
pub use grants::{GrantFilter, Grants};
pub use sessions::{ActorRow, NewRefreshToken, NewSession, Presented, SessionFilter, Sessions};
pub(crate) use users::hold_users;
pub use users::{Credentials, UserFilter, Users};
