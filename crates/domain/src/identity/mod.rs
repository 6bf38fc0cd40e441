//! Identity: accounts, clients, what may be granted to whom, sessions and the lives of refresh tokens.

mod attempts;
mod client;
mod granting;
mod password;
mod profile;
mod refresh;
mod session;
mod user;

pub use attempts::{ATTEMPTS_OF_ACCOUNT, ATTEMPTS_OF_ADDRESS, AttemptLimit, Attempts};
pub use client::{Client, ClientState, LONGEST_CLIENT, OLD_SECRET};
pub use granting::{NewGrant, give};
pub use password::{PasswordFault, PasswordRules, check_password};
pub use profile::{Duty, PasswordProfile, Proof};
pub use refresh::{Refresh, RefreshToken, refresh};
pub use session::{Session, Term, device_of, network_of};
pub use user::{User, UserState};
