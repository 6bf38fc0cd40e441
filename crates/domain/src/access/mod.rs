//! Who may see and do what.
//!
//! An [`Actor`] holds grants: roles at places. The [`policy`] says, for each role and kind of resource,
//! which rows it reaches and what it may do to them. `Actor::authorize` joins both into an [`Access`],
//! the only key to the rows: the persistence layer turns it into a condition, and [`Access::grasp`] judges a
//! loaded row by the same rules.

mod action;
mod actor;
mod policy;
mod reach;
mod role;
mod scope;

pub use action::{Action, ActionSet};
pub use actor::{Access, Actor, Denied, Detail, Grasp, Sight, VolunteerStanding};
pub use policy::{Extent, Rule, rules, rules_for_all};
pub use reach::{Located, Reach};
pub(crate) use role::words;
pub use role::{Grant, Place, ResourceKind, Role, Word};
pub use scope::Scope;
