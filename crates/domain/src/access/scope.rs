//! What another program may be allowed to do: a closed list of scopes, each of which is a part of what the policy gives
//! to programs at all.

use serde::{Deserialize, Serialize};

use super::{Action, ActionSet, ResourceKind, Role, role::words, rules};

words! {
    /// A scope of a client: a kind of resource, and whether it is only read or written as well.
    Scope {
        /// Regions are read.
        RegionsRead = "regions:read",
        /// Organizations are read.
        OrganizationsRead = "organizations:read",
        /// Compounds are read.
        CompoundsRead = "compounds:read",
        /// Buildings are read.
        BuildingsRead = "buildings:read",
        /// Units are read.
        UnitsRead = "units:read",
        /// Dwellings are read, their owners aside.
        DwellingsRead = "dwellings:read",
        /// Inspections of compounds are read.
        InspectionsRead = "inspections:read",
        /// Ledgers are read.
        LedgersRead = "ledgers:read",
        /// Entries of ledgers are read.
        LedgerEntriesRead = "ledger_entries:read",
        /// Disclosures of ledgers are read.
        DisclosuresRead = "disclosures:read",
        /// The business calendar is read.
        CalendarDaysRead = "calendar_days:read",
        /// The catalog of services is read.
        ServiceKindsRead = "service_kinds:read",
        /// Service orders are read and counted.
        ServiceOrdersRead = "service_orders:read",
        /// Service orders are placed for others, and read.
        ServiceOrdersWrite = "service_orders:write",
    }
}

impl Scope {
    /// The kind of resource that it is about.
    #[must_use]
    pub fn kind(self) -> ResourceKind {
        match self {
            Self::RegionsRead => ResourceKind::Region,
            Self::OrganizationsRead => ResourceKind::Organization,
            Self::CompoundsRead => ResourceKind::Compound,
            Self::BuildingsRead => ResourceKind::Building,
            Self::UnitsRead => ResourceKind::Unit,
            Self::DwellingsRead => ResourceKind::Dwelling,
            Self::InspectionsRead => ResourceKind::Inspection,
            Self::LedgersRead => ResourceKind::Ledger,
            Self::LedgerEntriesRead => ResourceKind::LedgerEntry,
            Self::DisclosuresRead => ResourceKind::Disclosure,
            Self::CalendarDaysRead => ResourceKind::CalendarDay,
            Self::ServiceKindsRead => ResourceKind::ServiceKind,
            Self::ServiceOrdersRead | Self::ServiceOrdersWrite => ResourceKind::ServiceOrder,
        }
    }

    fn writes(self) -> bool {
        matches!(self, Self::ServiceOrdersWrite)
    }

    /// What it allows. Who writes a thing reads it, too.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        let of_programs = rules(Role::Integrator, self.kind(), None).iter().flat_map(|rule| rule.actions);
        of_programs.copied().filter(move |action| self.writes() || action.only_reads())
    }

    /// What some scopes allow for a kind of resource.
    #[must_use]
    pub fn allowed(scopes: &[Self], kind: ResourceKind) -> ActionSet {
        let of_kind = scopes.iter().filter(|scope| scope.kind() == kind);
        ActionSet::of(&of_kind.flat_map(|scope| scope.actions()).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No scope is without effect, and whatever the policy gives to programs some scope allows.
    #[test]
    fn scopes_are_the_parts_of_what_programs_may_do() {
        for kind in ResourceKind::ALL {
            let given: Vec<Action> =
                rules(Role::Integrator, *kind, None).iter().flat_map(|rule| rule.actions).copied().collect();
            let allowed = Scope::allowed(Scope::ALL, *kind);
            assert_eq!(allowed, ActionSet::of(&given), "{kind:?}");
        }
        for scope in Scope::ALL {
            assert!(scope.actions().any(|action| action.only_reads() != scope.writes()), "{scope:?}");
            let (kind, action) = scope.name().split_once(':').unwrap();
            let several = format!("{}s", scope.kind().name()).replace("ys", "ies").replace("daies", "days");
            assert_eq!((kind, action == "write"), (several.as_str(), scope.writes()));
        }
    }
}
