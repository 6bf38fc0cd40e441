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

    /// Takes its second factor from it, which is kept beside it.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] where it is closed.
    pub fn reset_second_factor(mut self, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if self.state == UserState::Disabled {
            return Err(self.wrong_state(actions));
        }
        self.touch(now);
        let event = self.event("user.second_factor_reset");
        Ok(Outcome::new(self, event))
    }

    /// What a caller with these rights may do now, sorted by name.
    #[must_use]
    pub fn actions(&self, actions: ActionSet) -> Vec<&'static str> {
        let active = self.state == UserState::Active;
        [Action::Disable, Action::ResetPassword, Action::ResetSecondFactor, Action::Update]
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
