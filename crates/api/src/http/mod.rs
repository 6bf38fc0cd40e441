//! What all endpoints have in common, written once.

pub mod address;
pub mod alarm;
pub mod auth;
pub mod body;
pub mod ctx;
pub mod cursor;
pub mod documented;
pub mod envelope;
pub mod geo;
pub mod limit;
pub mod query;
pub mod reply;
pub mod resource;
pub mod strict_json;
pub mod timeline;
pub mod traceparent;
pub mod value;

pub use body::{Body, MergePatch, Patch};
pub use ctx::{Ctx, seen};
pub use query::{List, ListFilter, ListParams, OneOf, RegionText};
pub use reply::{Reply, Shown};
pub use resource::{Editable, Make, View, Writable};
pub use value::{At, PathId, PathIds, WordOf};
