//! Accounts.

use serde::{Deserialize, Serialize};

use crate::{
    access::{Action, ActionSet, Located, Reach, words},
    cn::RegionCode,
    id::{PersonId, UserId},
    outcome::Outcome,
    refusal::{Refusal, Standing},
    resource::{Resource as _, resource},
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
    /// Whether its password is long enough for an office, and not only for a resident.
    pub has_long_password: bool,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(User, id: UserId);

impl Located for User {
    fn region(&self) -> Option<&RegionCode> {
        self.region_code.as_ref()
    }

    fn related(&self, reach: &Reach) -> bool {
        matches!(reach, Reach::Own(user, _) if *user == self.id)
    }
}

impl User {
    /// Closes it.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] where it is closed.
    pub fn disable(mut self, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if self.state == UserState::Disabled {
            return Err(self.wrong_state(actions));
        }
        self.state = UserState::Disabled;
        self.touch(now);
        let event = self.event("user.disabled");
        Ok(Outcome::new(self, event))
    }

    /// Gives it a new password, which is kept beside it.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] where it is closed.
    pub fn reset_password(mut self, is_long: bool, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if self.state == UserState::Disabled {
            return Err(self.wrong_state(actions));
        }
        self.has_long_password = is_long;
        self.touch(now);
        let event = self.event("user.password_reset");
        Ok(Outcome::new(self, event))
    }

    /// What a caller with these rights may do now, sorted by name.
    #[must_use]
    pub fn actions(&self, actions: ActionSet) -> Vec<&'static str> {
        let active = self.state == UserState::Active;
        [Action::Disable, Action::ResetPassword, Action::Update]
            .into_iter()
            .filter(|action| active && actions.has(*action))
            .map(Action::name)
            .collect()
    }

    fn wrong_state(&self, actions: ActionSet) -> Refusal {
        Refusal::WrongState(Box::new(Standing {
            state: self.state.name(),
            version: self.version,
            actions: self.actions(actions),
            assignee: None,
        }))
    }
}

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordFault {
    /// Fewer characters than needed.
    TooShort,
    /// It contains the name of the product, or something that everybody knows of the account.
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

/// Characters of the password of whoever holds an office.
const LONG: usize = 12;
/// Characters of the password of a resident.
const SHORT: usize = 8;

/// Judges a password (OWASP ASVS 5.0 §6.2: length counts, composition rules do not), and tells whether it is long
/// enough for an office too. `context` is what everybody knows of the account: user name, region, telephone number.
///
/// # Errors
/// [`PasswordFault`]
pub fn check_password(password: &str, context: &[&str], privileged: bool) -> Result<bool, PasswordFault> {
    let length = password.chars().count();
    if length < if privileged { LONG } else { SHORT } {
        return Err(PasswordFault::TooShort);
    }
    // a number is the same number with hyphens in it
    let plain = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let typed = plain(password);
    let known = ["lianxin", "连心"].iter().chain(context).map(|word| plain(word));
    if known.into_iter().any(|word| !word.is_empty() && typed.contains(&word)) {
        return Err(PasswordFault::Guessable);
    }
    Ok(length >= LONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_and_offices_need_more() {
        assert_eq!(check_password("七个汉字不够长", &[], false), Err(PasswordFault::TooShort));
        assert_eq!(check_password("八个汉字就够长了", &[], false), Ok(false));
        assert_eq!(check_password("eleven-char", &[], true), Err(PasswordFault::TooShort));
        assert_eq!(check_password("twelve-chars", &[], true), Ok(true));
    }

    #[test]
    fn what_everybody_knows_is_no_password() {
        let context = ["zhang.min", "公园北村社区", "13800138000"];
        for password in ["my-LianXin-2026", "ZhangMin-2026", "爱公园北村社区呀", "138 0013-8000", "连心连心连心连心"]
        {
            assert_eq!(check_password(password, &context, false), Err(PasswordFault::Guessable), "{password}");
        }
        assert_eq!(check_password("138-0013-8001", &context, false), Ok(true));
        assert_eq!(check_password("--------", &["", "-"], false), Ok(false));
    }
}
