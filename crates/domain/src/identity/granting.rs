//! Who may grant what: never to himself, never his own level, never outside his subtree.

use crate::{
    access::{Actor, Grant, Place, Role},
    cn::RegionLevel,
    id::UserId,
    time::Instant,
};

/// A grant that may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// It holds at once.
    Now,
    /// Somebody else must approve it first.
    Pending,
}

/// Why a grant may not be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantRefusal {
    /// It is not the caller's to give.
    Forbidden,
    /// The user may not have both roles: who runs the system does not audit it (GB/T 22239 8.1.4.2 d).
    Incompatible,
}

/// Judges whether the caller may give a role at a place to a user who has `present` grants.
pub fn judge_grant(
    actor: &Actor,
    now: Instant,
    to: UserId,
    present: &[Grant],
    role: Role,
    place: &Place,
) -> Result<Granted, GrantRefusal> {
    if to == actor.user_id {
        return Err(GrantRefusal::Forbidden);
    }
    if !actor.grants_at(now).any(|own| may_give(own, role, place)) {
        return Err(GrantRefusal::Forbidden);
    }
    let excluded = match role {
        Role::SystemAdministrator => Some(Role::Auditor),
        Role::Auditor => Some(Role::SystemAdministrator),
        _ => None,
    };
    if present.iter().any(|grant| grant.revoked_at.is_none() && Some(grant.role) == excluded) {
        return Err(GrantRefusal::Incompatible);
    }
    let county_or_above = place.region().is_some_and(|code| code.level() <= RegionLevel::County);
    let four_eyes =
        matches!(role, Role::SystemAdministrator | Role::Auditor) || (role == Role::Official && county_or_above);
    Ok(if four_eyes { Granted::Pending } else { Granted::Now })
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
