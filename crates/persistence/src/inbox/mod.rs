//! The inbox.

pub(crate) mod entity;
mod notifications;
mod reading;
mod recipients;

pub use notifications::{NotificationFilter, Notifications};
