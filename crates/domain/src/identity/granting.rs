//! Who may grant what: never to himself, never his own level, never outside his subtree.

use chrono::Duration;

use super::User;
use crate::{
    access::{Action, ActionSet, Actor, Grant, Place, Role},
    cn::RegionLevel,
    event::Datum,
    id::{GrantId, UserId},
    outcome::Outcome,
    refusal::{Refusal, Standing},
    resource::Resource as _,
    time::{Instant, Validity},
};

/// A grant that somebody wants to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    /// Its id.
    pub id: GrantId,
    /// The role.
    pub role: Role,
    /// Where it holds.
    pub place: Place,
    /// From when; from now on if it is not said.
    pub valid_from: Option<Instant>,
    /// Until before when; for a year if it is not said.
    pub valid_until: Option<Instant>,
}

/// How long a grant holds that names no end.
const USUAL: Duration = Duration::days(365);

impl Role {
    /// Whether the role can be held at a place of this kind.
    #[must_use]
    pub fn fits(self, place: &Place) -> bool {
        match self {
            Self::SystemAdministrator => matches!(place, Place::System),
            Self::CommitteeMember | Self::PropertyStaff => matches!(place, Place::Compound(..)),
            Self::DepartmentHandler => matches!(place, Place::Organization(..)),
            Self::Teacher | Self::Counselor | Self::SchoolAdministrator => matches!(place, Place::School(..)),
            _ => matches!(place, Place::Region(_)),
        }
    }

    /// Whether it is an office, so that the password must be longer
    /// ([`check_password`](super::check_password)).
    #[must_use]
    pub fn is_privileged(self) -> bool {
        !matches!(self, Self::Resident | Self::Guardian | Self::Volunteer)
    }

    /// The role that nobody may have beside this one: who runs the system does not audit it
    /// (GB/T 22239-2019, 8.1.4.2 d).
    fn excludes(self) -> Option<Self> {
        match self {
            Self::SystemAdministrator => Some(Self::Auditor),
            Self::Auditor => Some(Self::SystemAdministrator),
            _ => None,
        }
    }

    /// Whether a second pair of eyes must see it given: administrators of the system, auditors, whoever works in a
    /// department, officials of a county and above.
    fn needs_approval(self, place: &Place) -> bool {
        let county_or_above = place.region().is_some_and(|code| code.level() <= RegionLevel::County);
        matches!(self, Self::SystemAdministrator | Self::Auditor | Self::DepartmentHandler)
            || (self == Self::Official && county_or_above)
    }
}

impl Actor {
    /// Whether one of his grants lets him give a role at a place.
    #[must_use]
    pub fn may_give(&self, now: Instant, role: Role, place: &Place) -> bool {
        self.grants_at(now).any(|own| may_give(own, role, place))
    }

    /// Whether he may act on an account as such, given the grants that it has: he could have given all of them. So
    /// nobody gets at rights above his own by way of somebody else's account.
    #[must_use]
    pub fn may_answer_for(&self, now: Instant, user: UserId, present: &[Grant]) -> bool {
        user != self.user_id
            && present
                .iter()
                .filter(|grant| grant.revoked_at.is_none() && grant.validity.until.is_none_or(|until| now < until))
                .all(|grant| self.may_give(now, grant.role, &grant.place))
    }

    /// Whether he may close an account. Who runs the system may close any: that gives no rights to anybody.
    #[must_use]
    pub fn may_close(&self, now: Instant, user: UserId, present: &[Grant]) -> bool {
        user != self.user_id
            && (self.has_role(Role::SystemAdministrator, now) || self.may_answer_for(now, user, present))
    }
}

/// Gives a role at a place to a user who has `present` grants. Where two pairs of eyes are needed it waits.
///
/// # Errors
/// [`Refusal::Forbidden`] where it is not the caller's to give, [`Refusal::Invalid`] where the members contradict
/// each other or what the user is.
pub fn give(
    actor: &Actor,
    now: Instant,
    user: &User,
    present: &[Grant],
    new: NewGrant,
) -> Result<Outcome<Grant>, Refusal> {
    let NewGrant { id, role, place, valid_from, valid_until } = new;
    if user.id == actor.user_id || !actor.may_give(now, role, &place) {
        return Err(Refusal::Forbidden);
    }
    if role.is_privileged() && !user.has_long_password {
        return Err(Refusal::invalid("/user_id", "password-too-short"));
    }
    let live = |grant: &&Grant| grant.revoked_at.is_none() && grant.validity.until.is_none_or(|until| now < until);
    if present.iter().filter(live).any(|grant| Some(grant.role) == role.excludes()) {
        return Err(Refusal::invalid("/role", "incompatible-roles"));
    }
    if present.iter().filter(live).any(|grant| grant.role == role && grant.place == place) {
        return Err(Refusal::invalid("/role", "duplicate"));
    }
    let from = valid_from.unwrap_or(now);
    let until = valid_until.unwrap_or(from + USUAL);
    if until <= from || until <= now {
        return Err(Refusal::Invalid(
            ["/valid_from", "/valid_until"]
                .map(|member| crate::refusal::FieldError::new(member, "end-before-start"))
                .into(),
        ));
    }
    let pending = role.needs_approval(&place);
    let grant = Grant {
        id,
        user_id: user.id,
        role,
        place,
        validity: Validity { from, until: Some(until) },
        pending,
        revoked_at: None,
        granted_by: Some(actor.user_id),
        approved_by: None,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let event = grant.told("grant.created").with("pending", Datum::Flag(pending));
    Ok(Outcome::new(grant, event))
}

impl Grant {
    /// Where it stands.
    #[must_use]
    pub fn state(&self, now: Instant) -> &'static str {
        if self.revoked_at.is_some() {
            "revoked"
        } else if self.validity.until.is_some_and(|until| until <= now) {
            "ended"
        } else if self.pending {
            "pending"
        } else if now < self.validity.from {
            "coming"
        } else {
            "active"
        }
    }

    /// Approves it, as the second pair of eyes.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] for who gave it or gets it, [`Refusal::WrongState`] where it does not wait.
    pub fn approve(mut self, actor: &Actor, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if !self.may_approve(actor, actions, now) {
            return Err(Refusal::Forbidden);
        }
        if self.state(now) != "pending" {
            return Err(self.wrong_state(actor, actions, now));
        }
        self.pending = false;
        self.approved_by = Some(actor.user_id);
        self.touch(now);
        let event = self.told("grant.approved");
        Ok(Outcome::new(self, event))
    }

    /// Approves it by the command line, which counts as the second pair of eyes.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] where it does not wait.
    pub fn approve_by_command_line(mut self, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if self.state(now) != "pending" {
            return Err(Refusal::WrongState(Box::new(Standing {
                state: self.state(now),
                version: self.version,
                actions: Vec::new(),
                assignee: None,
            })));
        }
        self.pending = false;
        self.touch(now);
        let event = self.told("grant.approved").with("by_command_line", Datum::Flag(true));
        Ok(Outcome::new(self, event))
    }

    /// Takes it back.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] where the caller could not have given it, [`Refusal::WrongState`] where it has ended.
    pub fn revoke(mut self, actor: &Actor, actions: ActionSet, now: Instant) -> Result<Outcome<Self>, Refusal> {
        if !self.may_revoke(actor, actions, now) {
            return Err(Refusal::Forbidden);
        }
        if matches!(self.state(now), "revoked" | "ended") {
            return Err(self.wrong_state(actor, actions, now));
        }
        self.revoked_at = Some(now);
        self.touch(now);
        let event = self.told("grant.revoked");
        Ok(Outcome::new(self, event))
    }

    /// Ends with what it was given for: the role of a volunteer who leaves.
    pub fn end_with_service(mut self, now: Instant) -> Outcome<Self> {
        self.revoked_at = Some(now);
        self.touch(now);
        let event = self.told("grant.revoked");
        Outcome::new(self, event)
    }

    /// What the caller may do to it now, sorted by name.
    #[must_use]
    pub fn actions(&self, actor: &Actor, actions: ActionSet, now: Instant) -> Vec<&'static str> {
        let state = self.state(now);
        let ended = matches!(state, "revoked" | "ended");
        [
            (Action::Approve, state == "pending" && self.may_approve(actor, actions, now)),
            (Action::Delete, !ended && self.may_revoke(actor, actions, now)),
        ]
        .into_iter()
        .filter(|(_, possible)| *possible)
        .map(|(action, _)| action.name())
        .collect()
    }

    fn may_approve(&self, actor: &Actor, actions: ActionSet, now: Instant) -> bool {
        let another = self.user_id != actor.user_id && self.granted_by != Some(actor.user_id);
        another && actions.has(Action::Approve) && actor.may_give(now, self.role, &self.place)
    }

    fn may_revoke(&self, actor: &Actor, actions: ActionSet, now: Instant) -> bool {
        let another = self.user_id != actor.user_id;
        another && actions.has(Action::Delete) && actor.may_give(now, self.role, &self.place)
    }

    fn told(&self, kind: &'static str) -> crate::event::EventDraft {
        self.event(kind).with("user_id", Datum::Id(self.user_id.0)).with("role", Datum::Word(self.role.name()))
    }

    fn wrong_state(&self, actor: &Actor, actions: ActionSet, now: Instant) -> Refusal {
        Refusal::WrongState(Box::new(Standing {
            state: self.state(now),
            version: self.version,
            actions: self.actions(actor, actions, now),
            assignee: None,
        }))
    }
}

fn may_give(own: &Grant, role: Role, place: &Place) -> bool {
    if own.role == Role::SystemAdministrator {
        let above_counties = place.region().is_some_and(|code| code.level() <= RegionLevel::County);
        return match role {
            Role::SystemAdministrator => *place == Place::System,
            Role::RegionAdministrator => place.region().is_some(),
            Role::Auditor => place.region().is_some(),
            Role::Official => above_counties,
            _ => false,
        };
    }
    let (Some(mine), Some(theirs)) = (own.place.region(), place.region()) else { return false };
    if !mine.contains(theirs) {
        return false;
    }
    let below = mine != theirs;
    match own.role {
        Role::CommunityWorker => matches!(role, Role::Resident | Role::Volunteer),
        Role::Official if mine.level() >= RegionLevel::Township => local(role) || (role == Role::Official && below),
        Role::Official if mine.level() == RegionLevel::County => {
            local(role) || school_or_county(role) || (role == Role::Official && below)
        }
        Role::RegionAdministrator => {
            local(role)
                || school_or_county(role)
                || ((role == Role::RegionAdministrator || role == Role::Official) && below)
        }
        _ => false,
    }
}

fn local(role: Role) -> bool {
    matches!(
        role,
        Role::Resident
            | Role::Volunteer
            | Role::CommunityWorker
            | Role::Cadre
            | Role::CommitteeMember
            | Role::PropertyStaff
            | Role::Mediator
            | Role::Treasurer
            | Role::Ranger
            | Role::Guardian
    )
}

fn school_or_county(role: Role) -> bool {
    matches!(
        role,
        Role::SchoolAdministrator | Role::Teacher | Role::Counselor | Role::ForestChief | Role::DepartmentHandler
    )
}
