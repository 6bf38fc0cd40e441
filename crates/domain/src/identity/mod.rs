//! Identity: accounts, what may be granted to whom, and the lives of refresh tokens.

mod granting;
mod refresh;
mod user;

pub use granting::{NewGrant, give};
pub use refresh::{Refresh, RefreshToken, refresh};
pub use user::{PasswordFault, User, UserState, check_password};
