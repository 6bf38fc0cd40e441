//! What all endpoints have in common, written once.

pub mod auth;
pub mod body;
pub mod ctx;
pub mod cursor;
pub mod envelope;
pub mod query;
pub mod reply;
pub mod strict_json;
pub mod value;

pub use body::{Body, Patch};
pub use ctx::Ctx;
pub use query::{List, ListFilter, ListParams, OneOf};
pub use reply::{Reply, Shown};
pub use value::{At, PathId};
