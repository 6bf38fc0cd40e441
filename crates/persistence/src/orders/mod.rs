//! Service orders, their catalog, volunteers and teams.

mod convert;
pub(crate) mod entity;
mod find;
mod kinds;
mod limit;
mod names;
mod row;
mod save;
mod single;
mod teams;
mod volunteers;

pub use find::{Candidate, OrderFilter, Orders, SimilarQuery};
pub use kinds::{ServiceKindFilter, ServiceKinds};
pub use limit::OrderLimit;
pub(crate) use limit::OrdersPlaced;
pub(crate) use names::NamesOfPages;
pub(crate) use single::SingleOrders;
pub use teams::{TeamFilter, Teams};
pub use volunteers::{VolunteerFilter, Volunteers};
