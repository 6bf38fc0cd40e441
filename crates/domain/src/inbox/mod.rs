//! The inbox 消息: what happened and concerns somebody.

mod audience;
mod notification;

pub use audience::{Audience, Office, People, Told, audiences};
pub use notification::Notification;
