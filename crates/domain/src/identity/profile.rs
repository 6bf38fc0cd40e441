//! Profiles of what is asked of passwords and sessions.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Actor, words},
    time::Instant,
};

words! {
    /// What is asked of passwords and sessions beyond length.
    PasswordProfile {
        /// Nothing: rules of composition and forced changes make passwords worse (OWASP ASVS 5.0, 6.2.5 and 6.2.10).
        Standard = "standard",
        /// What the third level of protection asks for (GB/T 22239-2019, 8.1.4.1 a).
        Mlps3 = "mlps3",
    }
}

impl PasswordProfile {
    /// Whether characters of three sorts are needed.
    #[must_use]
    pub fn is_composed(self) -> bool {
        self == Self::Mlps3
    }

    /// After how long another password is needed.
    #[must_use]
    pub fn lasts(self) -> Option<Duration> {
        (self == Self::Mlps3).then_some(Duration::days(90))
    }

    /// How many passwords, the present one included, are not taken again.
    #[must_use]
    pub fn remembers(self) -> usize {
        if self == Self::Mlps3 { 5 } else { 0 }
    }

    /// After how long without use a session ends.
    #[must_use]
    pub fn idle_exit(self) -> Option<Duration> {
        (self == Self::Mlps3).then_some(Duration::minutes(30))
    }
}

/// How somebody proves who he is. A client has nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// When his password was set.
    pub password_set_at: Instant,
    /// Whether he is asked for a second factor when he signs in.
    pub has_second_factor: bool,
}

/// What somebody owes before he can do anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Another password.
    Password,
    /// A second factor.
    SecondFactor,
}

impl Actor {
    /// What he owes, where passwords are held to a profile, and offices to a second factor.
    #[must_use]
    pub fn duty(&self, profile: PasswordProfile, offices_need_factor: bool, now: Instant) -> Option<Duty> {
        let proof = self.proof.as_ref()?;
        if profile.lasts().is_some_and(|lasts| now >= proof.password_set_at + lasts) {
            return Some(Duty::Password);
        }
        let holds_office = self.grants_at(now).any(|grant| grant.role.is_privileged());
        (offices_need_factor && holds_office && !proof.has_second_factor).then_some(Duty::SecondFactor)
    }
}
