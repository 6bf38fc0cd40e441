//! Service orders and their catalog, over HTTP.

mod catalog;
mod dto;
mod handlers;
mod service;
mod timeline;

pub use catalog::{get_service_kind, list_service_kinds};
pub use handlers::*;
pub use timeline::list_service_order_events;
