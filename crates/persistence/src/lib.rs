//! The rows of Lianxin, on SQLite and PostgreSQL alike.
//!
//! * What a caller asks for is found with an [`domain::access::Access`], which only the policy makes. The few finders
//!   without one serve who has no caller yet (`credentials`), the caller himself (`own`), a decision whose right was
//!   judged before (`by_phone`, `exists`, `timeline`, `to_serve`, the members of a team), what is public (codes of regions,
//!   days of the calendar), or the work that the program does by itself (`ringing`, `run_out`); each says so.
//! * Every write goes through a [`Tx`], or through [`Notes`] where nothing is changed but only added, and leaves its events in
//!   the same transaction.
//! * What is personal is sealed by the [`Vault`] before it reaches a row.

mod backup;
mod clocks;
mod compounds;
mod connect;
mod counters;
mod error;
mod events;
mod gather;
mod idempotency;
mod identity;
mod inbox;
mod keyset;
mod leases;
mod ledgers;
mod looks;
mod many;
mod notes;
mod numbers;
mod orders;
mod people;
mod places;
mod rows;
mod save;
mod scope;
mod sealed;
mod single;
mod tx;
mod vault;
mod watch;

pub use backup::{Loading, Row, Snapshot, Table};
pub use clocks::{CalendarDayFilter, CalendarDays};
pub use compounds::{
    BuildingFilter, Buildings, CompoundFilter, CompoundName, Compounds, DwellingFilter, Dwellings, InspectionFilter,
    Inspections, UnitFilter, Units,
};
pub use connect::{Database, Health, Patience, Reader, Transaction, is_private, migrate, migrate_as_far_as};
pub use counters::{Count, CountBy};
pub use error::{Error, Result};
pub use events::{ChainFault, EventFilter, Sequenced, StoredEvent};
pub use idempotency::{KeyStanding, KeyUse, StoredAnswer};
pub use identity::{
    ActorRow, ClientFilter, ClientSecret, Clients, Credentials, GrantFilter, Grants, NewClientSecret, NewRefreshToken,
    NewSession, Presented, SecondFactor, SessionFilter, Sessions, UserFilter, Users,
};
pub use inbox::{NotificationFilter, Notifications};
pub use keyset::{Keyset, Page, PageRequest, SortKey, SortValue};
pub use ledgers::{DisclosureFilter, Disclosures, LedgerEntries, LedgerEntryFilter, LedgerFilter, Ledgers};
pub use looks::Access as AccessEntry;
pub use notes::Notes;
pub use numbers::Numbers;
pub use orders::{
    Candidate, OrderFilter, OrderLimit, Orders, ServiceKindFilter, ServiceKinds, SimilarQuery, TeamFilter, Teams,
    VolunteerFilter, Volunteers,
};
pub use people::{
    AppointmentFilter, Appointments, HouseholdFilter, Households, PersonFilter, PersonSearch, Persons, SeatFilter,
};
pub use places::{Clash, CodeStanding, MOVED_TABLES, OrganizationFilter, Organizations, RegionFilter, Regions};
pub use rows::{Found, Rows};
pub use save::{Findable, Lock, Stored};
/// A connection or a transaction, as generic code above names it.
pub use sea_orm::ConnectionTrait as Connection;
pub use sealed::{SEALED, SealedAgain, SealedCounts, SealedTable};
pub use tx::{Stamp, Tx};
pub use vault::{Class, Vault, VaultKeys};
pub use watch::{Connections, describe_metrics};
