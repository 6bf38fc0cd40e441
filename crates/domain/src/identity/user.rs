//! Accounts.

use serde::{Deserialize, Serialize};

use crate::{
    access::{Located, Reach, ResourceKind, words},
    cn::RegionCode,
    event::{EventDraft, Subject},
    id::{PersonId, UserId},
    time::Instant,
};

words! {
    /// Whether an account can be used.
    UserState {
        /// It can.
        Active = "active",
        /// It was closed.
        Disabled = "disabled",
    }
}

/// An account 账号.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: String,
    /// What others see.
    pub display_name: String,
    /// The person behind it.
    pub person_id: Option<PersonId>,
    /// Where it is kept; `None` for accounts of the system.
    pub region_code: Option<RegionCode>,
    /// Whether it can be used.
    pub state: UserState,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl Located for User {
    fn region(&self) -> Option<&RegionCode> {
        self.region_code.as_ref()
    }

    fn related(&self, reach: &Reach) -> bool {
        matches!(reach, Reach::Own(user, _) if *user == self.id)
    }
}

impl User {
    /// The event of a change to it, after its version was counted up.
    #[must_use]
    pub fn event(&self, kind: &'static str) -> EventDraft {
        let subject = Subject { kind: ResourceKind::User, id: self.id.to_string(), version: self.version };
        EventDraft::new(kind, subject, self.region_code.clone())
    }
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordFault {
    /// Fewer characters than needed.
    TooShort,
    /// It contains the name of the product or of the account.
    Guessable,
}

impl PasswordFault {
    /// The code of the public catalog.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password-too-short",
            Self::Guessable => "password-guessable",
        }
    }
}

/// Judges a password (OWASP ASVS 5.0 §6.2: length counts, composition rules do not). 12 characters for whoever
/// has more rights than a resident, 8 for residents.
pub fn check_password(password: &str, username: &str, privileged: bool) -> Result<(), PasswordFault> {
    let least = if privileged { 12 } else { 8 };
    if password.chars().count() < least {
        return Err(PasswordFault::TooShort);
    }
    let lower = password.to_lowercase();
    let context = ["lianxin", "连心", username];
    if context.iter().any(|word| !word.is_empty() && lower.contains(&word.to_lowercase())) {
        return Err(PasswordFault::Guessable);
    }
    Ok(())
}
