//! The caller, and what the policy yields for him.

use super::{Action, ActionSet, Extent, Grant, Located, Place, Reach, ResourceKind, Role, Scope, rules, rules_for_all};
use crate::{
    cn::RegionCode,
    id::{PersonId, SessionId, UserId, VolunteerId, VolunteerTeamId},
    identity::Proof,
    time::Instant,
};

/// What the caller is as a volunteer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolunteerStanding {
    /// His row.
    pub id: VolunteerId,
    /// His service area: the subtree of this region.
    pub area: RegionCode,
    /// The teams that he is a member of.
    pub teams: Vec<VolunteerTeamId>,
}

/// A signed-in caller: somebody, or a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// His account.
    pub user_id: UserId,
    /// His session.
    pub session_id: SessionId,
    /// When he last proved who he is.
    pub authenticated_at: Instant,
    /// The person behind the account.
    pub person_id: Option<PersonId>,
    /// What others see as his name.
    pub display_name: String,
    /// His grants, those that do not hold now included.
    pub grants: Vec<Grant>,
    /// His standing as an approved volunteer.
    pub volunteer: Option<VolunteerStanding>,
    /// How he proves who he is; `None` for a client.
    pub proof: Option<Proof>,
    /// Of a client, what it may do at most; `None` for somebody, whom his grants alone restrict.
    pub scopes: Option<Vec<Scope>>,
}

/// How much of a row is shown. A row that is reached in several ways is shown at the greatest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detail {
    /// Id, region, state and dates: what a figure is made of, no person, text, contact or link to one.
    Bare,
    /// What is to be done and where; not for whom.
    Matter,
    /// All of it, personal members masked.
    Masked,
    /// The caller's own.
    Own,
}

/// Why the policy gives no access at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied;

/// Rows that the caller reaches by one of his rights, how they are shown to him, and what he may do to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Which rows.
    pub reach: Reach,
    /// How much of them.
    pub detail: Detail,
    /// What may be done.
    pub actions: ActionSet,
}

/// The key to the rows of one kind, for one action. Only the policy makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    kind: ResourceKind,
    action: Action,
    sights: Vec<Sight>,
}

/// What the caller has of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grasp {
    /// How much of it is shown.
    pub detail: Detail,
    /// What he may do to it, its state aside.
    pub actions: ActionSet,
}

impl Actor {
    /// The grants that hold at an instant.
    pub fn grants_at(&self, now: Instant) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| grant.holds_at(now))
    }

    /// Whether he has a role now.
    #[must_use]
    pub fn has_role(&self, role: Role, now: Instant) -> bool {
        self.grants_at(now).any(|grant| grant.role == role)
    }

    /// What he may do at most to a kind of resource, whatever his grants say.
    fn allowed(&self, kind: ResourceKind) -> ActionSet {
        self.scopes.as_ref().map_or(ActionSet::of(Action::ALL), |scopes| Scope::allowed(scopes, kind))
    }

    /// Asks the policy. [`Denied`] where none of his roles has anything to do with the kind of resource;
    /// whether the action is permitted is judged on the row, after its visibility.
    pub fn authorize(&self, action: Action, kind: ResourceKind, now: Instant) -> Result<Access, Denied> {
        let of_all = rules_for_all(kind, self.has_role(Role::Auditor, now)).iter().map(|rule| (rule, &Place::System));
        let granted = self
            .grants_at(now)
            .flat_map(|grant| rules(grant.role, kind, grant.level()).iter().map(|rule| (rule, &grant.place)));
        let allowed = self.allowed(kind);
        let mut sights = Vec::new();
        for (rule, place) in of_all.chain(granted) {
            if let Some(reach) = self.reach(rule.extent, place) {
                let actions = ActionSet::of(rule.actions).intersection(allowed);
                let sight = Sight { reach, detail: rule.detail, actions };
                if actions != ActionSet::default() && !sights.contains(&sight) {
                    sights.push(sight);
                }
            }
        }
        if sights.is_empty() { Err(Denied) } else { Ok(Access { kind, action, sights }) }
    }

    fn reach(&self, extent: Extent, place: &Place) -> Option<Reach> {
        let region = || place.region().cloned();
        match extent {
            Extent::Everywhere => Some(Reach::Everywhere),
            Extent::Place => match place {
                Place::Compound(id, _) => Some(Reach::Compound(*id)),
                _ => region().map(Reach::Region),
            },
            Extent::Disclosed => self.reach(Extent::Place, place).map(|reach| Reach::Disclosed(Box::new(reach))),
            Extent::Heads => region().map(Reach::Heads),
            Extent::Own => Some(Reach::Own(self.user_id, self.person_id)),
            Extent::Requester => self.person_id.map(Reach::Requester),
            Extent::Participant => self.person_id.map(Reach::Participant),
            Extent::Neighbor => region().map(Reach::Neighbor),
            Extent::OpenPool => self.volunteer.as_ref().map(|v| Reach::OpenPool(v.area.clone())),
            Extent::ClaimArea => self.volunteer.as_ref().map(|v| Reach::ClaimArea(v.area.clone())),
            Extent::Addressee => self.volunteer.as_ref().map(|v| Reach::Addressee(v.id, v.teams.clone())),
            Extent::Holder => self.volunteer.as_ref().map(|v| Reach::Holder(v.id)),
        }
    }
}

impl Access {
    /// The kind of resource that it opens.
    #[must_use]
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// The action that it was asked for.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// The caller's person, where some of the rows are his own as a person.
    #[must_use]
    pub fn person(&self) -> Option<PersonId> {
        self.sights.iter().find_map(|sight| match sight.reach {
            Reach::Own(_, person) => person,
            Reach::Requester(person) | Reach::Participant(person) => Some(person),
            _ => None,
        })
    }

    /// The rows that are visible for the action: what may be read, and what the action itself is about.
    pub fn visible(&self) -> impl Iterator<Item = &Reach> {
        self.sights
            .iter()
            .filter(|sight| sight.actions.has(Action::Read) || sight.actions.has(self.action))
            .map(|sight| &sight.reach)
    }

    /// Whether every row is visible for the action.
    #[must_use]
    pub fn sees_all(&self) -> bool {
        self.visible().any(|reach| *reach == Reach::Everywhere)
    }

    /// Whether the caller may do the action to some row at all.
    #[must_use]
    pub fn permits_some(&self) -> bool {
        self.sights.iter().any(|sight| sight.actions.has(self.action))
    }

    /// The places within which the action is permitted, as far as they are regions.
    pub fn permitted_regions(&self) -> impl Iterator<Item = &RegionCode> {
        self.sights.iter().filter(|sight| sight.actions.has(self.action)).filter_map(|sight| match &sight.reach {
            Reach::Region(code) => Some(code),
            _ => None,
        })
    }

    /// The same for those places only in which the action is permitted. By it he can name what lies there and is part of
    /// the action, although he does not see it otherwise.
    #[must_use]
    pub fn where_permitted(&self) -> Self {
        let sights = self.sights.iter().filter(|sight| sight.actions.has(self.action)).cloned().collect();
        Self { kind: self.kind, action: self.action, sights }
    }

    /// The same for those rows only that are shown in this detail at least: what is not shown must not be found out by
    /// filtering. `None` where only the caller's own are.
    #[must_use]
    pub fn showing(&self, detail: Detail) -> Option<Self> {
        let sights: Vec<Sight> = self.sights.iter().filter(|sight| sight.detail >= detail).cloned().collect();
        let others = sights.iter().any(|sight| !matches!(sight.reach, Reach::Own(..)));
        others.then_some(Self { kind: self.kind, action: self.action, sights })
    }

    /// Whether the action is permitted at the place of a row that does not exist yet.
    #[must_use]
    pub fn permits_at(&self, place: &impl Located) -> bool {
        self.sights.iter().any(|sight| sight.actions.has(self.action) && place.within(&sight.reach))
    }

    /// The same by a right that does not come from the row being the caller's own.
    #[must_use]
    pub fn permits_as_keeper(&self, row: &impl Located) -> bool {
        self.sights
            .iter()
            .filter(|sight| !matches!(sight.reach, Reach::Own(..)))
            .any(|sight| sight.actions.has(self.action) && row.within(&sight.reach))
    }

    /// Whether the rows of others that may be read are shown bare, every one of them.
    #[must_use]
    pub fn only_bare(&self) -> bool {
        let of_others = |sight: &&Sight| sight.actions.has(Action::Read) && !matches!(sight.reach, Reach::Own(..));
        let mut details = self.sights.iter().filter(of_others).map(|sight| sight.detail).peekable();
        details.peek().is_some() && details.all(|detail| detail == Detail::Bare)
    }

    /// What the caller has of a row; `None` where it is out of his sight.
    #[must_use]
    pub fn grasp(&self, row: &impl Located) -> Option<Grasp> {
        let matching = || self.sights.iter().filter(|sight| row.within(&sight.reach));
        let detail = matching()
            .filter(|sight| sight.actions.has(Action::Read) || sight.actions.has(self.action))
            .map(|sight| sight.detail)
            .max()?;
        let actions = matching().fold(ActionSet::default(), |all, sight| all.union(sight.actions));
        Some(Grasp { detail, actions })
    }
}
