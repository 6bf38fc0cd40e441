//! The domain of Lianxin 连心: what grassroots governance consists of, and its rules.
//!
//! Pure and synchronous. Nothing here reads a clock, draws a random number, speaks SQL or HTTP: the
//! time and every id come in as arguments, a decision goes out as an [`outcome::Outcome`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`cn`], [`text`] | Chinese identifiers and bounded text: parsed once, valid ever after |
//! | [`id`], [`time`], [`periods`] | typed ids, instants and days, what something is over time |
//! | [`area`], [`money`], [`geo`] | areas and money, exact, and places on the ground |
//! | [`access`] | who may see and do what: roles, actors, the policy and the row scopes it yields |
//! | [`resource`] | what all resources have in common |
//! | [`event`], [`outcome`], [`refusal`] | what a decision leaves behind, or why there is none |
//! | [`identity`], [`places`], [`people`], [`compounds`], [`ledgers`], [`clocks`], [`orders`], [`inbox`] | the areas; each has a folder of the same name on every floor |

pub mod access;
pub mod area;
pub mod clocks;
pub mod cn;
pub mod compounds;
pub mod event;
pub mod geo;
pub mod id;
pub mod identity;
pub mod inbox;
pub mod ledgers;
pub mod money;
pub mod orders;
pub mod outcome;
pub mod people;
pub mod periods;
pub mod places;
pub mod refusal;
pub mod resource;
pub mod text;
pub mod time;
