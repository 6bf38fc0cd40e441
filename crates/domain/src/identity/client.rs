//! Clients 接入方: other programs that work with Lianxin. One is made by whoever runs the system, and works once an
//! official who holds its region has approved the scope of data that it asks for.

use chrono::Duration;

use crate::{
    access::{Action, ActionSet, Actor, Grant, Located, Place, Role, Scope, words},
    cn::RegionCode,
    event::Datum,
    id::{ClientId, ClientSecretId, OrganizationId, SessionId, UserId},
    outcome::Outcome,
    refusal::{Refusal, Standing},
    resource::{Resource as _, resource},
    time::{Instant, Validity},
};
use serde::{Deserialize, Serialize};

words! {
    /// Whether a client can be used.
    ClientState {
        /// The scope of its data waits for approval.
        Pending = "pending",
        /// It can, until it expires.
        Active = "active",
        /// It was closed.
        Disabled = "disabled",
    }
}

/// How far ahead a client may expire.
pub const LONGEST_CLIENT: Duration = Duration::days(366);
/// How long a secret is still taken after another one replaced it.
pub const OLD_SECRET: Duration = Duration::hours(24);

/// A client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id, by which it signs in.
    pub id: ClientId,
    /// What it is called.
    pub name: String,
    /// The region whose subtree it works in.
    pub region_code: RegionCode,
    /// Who answers for it.
    pub organization_id: OrganizationId,
    /// What it may do there, sorted.
    pub scopes: Vec<Scope>,
    /// Until before when.
    pub expires_at: Instant,
    /// Whether it can be used.
    pub state: ClientState,
    /// Who asked for the scope of data that it has.
    pub requested_by: UserId,
    /// Who approved it.
    pub approved_by: Option<UserId>,
    /// When it was removed.
    pub deleted_at: Option<Instant>,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(Client, id: ClientId);

impl Located for Client {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }
}

impl Client {
    /// Approves the scope of its data, as an official who could do himself, in its region, all that it allows.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] for who asked for it or may not do it himself, [`Refusal::WrongState`] where it does not
    /// wait.
    pub fn approve(mut self, actor: &Actor, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if !self.may_approve(actor, actions, now) {
            return Err(Refusal::Forbidden);
        }
        if self.state != ClientState::Pending {
            return Err(self.wrong_state(actor, actions, now));
        }
        self.state = ClientState::Active;
        self.approved_by = Some(actor.user_id);
        self.touch(now);
        let scopes = self.scopes.iter().map(|scope| scope.name()).collect();
        let event = self.event("client.approved").with("scopes", Datum::Words(scopes));
        Ok(Outcome::new(self, event))
    }

    /// Closes it.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] where it is closed.
    pub fn disable(mut self, actor: &Actor, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if self.state == ClientState::Disabled {
            return Err(self.wrong_state(actor, actions, now));
        }
        self.state = ClientState::Disabled;
        self.touch(now);
        let event = self.event("client.disabled");
        Ok(Outcome::new(self, event))
    }

    /// Removes it, for good.
    pub fn delete(mut self, now: Instant) -> Outcome<Self> {
        self.state = ClientState::Disabled;
        self.deleted_at = Some(now);
        self.touch(now);
        let event = self.event("client.deleted");
        Outcome::new(self, event)
    }

    /// Gives it another secret, which is kept beside it.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] where it is closed.
    pub fn rotate_secret(mut self, actor: &Actor, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if self.state == ClientState::Disabled {
            return Err(self.wrong_state(actor, actions, now));
        }
        self.touch(now);
        let event = self.event("client.secret_rotated");
        Ok(Outcome::new(self, event))
    }

    /// The same client with another scope of data: one that was approved waits again.
    #[must_use]
    pub fn asking_for(mut self, scopes: Vec<Scope>, expires_at: Instant, by: UserId) -> Self {
        let is_other = self.scopes != scopes || self.expires_at != expires_at;
        if is_other && self.state != ClientState::Disabled {
            self.state = ClientState::Pending;
            self.requested_by = by;
            self.approved_by = None;
        }
        Self { scopes, expires_at, ..self }
    }

    /// Whether it can be used now.
    #[must_use]
    pub fn is_open(&self, now: Instant) -> bool {
        self.state == ClientState::Active && self.deleted_at.is_none() && now < self.expires_at
    }

    /// The caller that it is, by one of its secrets.
    #[must_use]
    pub fn actor(self, secret: ClientSecretId) -> Actor {
        let user_id = UserId(self.id.0);
        let grant = Grant {
            id: self.id.0.into(),
            user_id,
            role: Role::Integrator,
            place: Place::Region(self.region_code),
            validity: Validity { from: self.created_at, until: Some(self.expires_at) },
            pending: false,
            revoked_at: None,
            granted_by: Some(self.requested_by),
            approved_by: self.approved_by,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        };
        Actor {
            user_id,
            session_id: SessionId(secret.0),
            authenticated_at: self.created_at,
            person_id: None,
            display_name: self.name,
            grants: vec![grant],
            volunteer: None,
            proof: None,
            scopes: Some(self.scopes),
        }
    }

    /// What the caller may do to it now, sorted by name.
    #[must_use]
    pub fn actions(&self, actor: &Actor, actions: ActionSet, now: Instant) -> Vec<&'static str> {
        let open = self.state != ClientState::Disabled;
        let pending = self.state == ClientState::Pending;
        [
            (Action::Approve, pending && self.may_approve(actor, actions, now)),
            (Action::Delete, actions.has(Action::Delete)),
            (Action::Disable, open && actions.has(Action::Disable)),
            (Action::RotateSecret, open && actions.has(Action::RotateSecret)),
            (Action::Update, open && actions.has(Action::Update)),
        ]
        .into_iter()
        .filter(|(_, possible)| *possible)
        .map(|(action, _)| action.name())
        .collect()
    }

    fn may_approve(&self, actor: &Actor, actions: ActionSet, now: Instant) -> bool {
        let may_himself = |scope: &Scope| {
            scope
                .actions()
                .all(|action| actor.authorize(action, scope.kind(), now).is_ok_and(|access| access.permits_at(self)))
        };
        self.requested_by != actor.user_id && actions.has(Action::Approve) && self.scopes.iter().all(may_himself)
    }

    fn wrong_state(&self, actor: &Actor, actions: ActionSet, now: Instant) -> Refusal {
        Refusal::WrongState(Box::new(Standing {
            state: self.state.name(),
            version: self.version,
            actions: self.actions(actor, actions, now),
            assignee: None,
        }))
    }
}
