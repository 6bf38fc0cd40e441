//! Why a decision was not taken.

use crate::orders::Assignee;

/// A fault in one member of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the member.
    pub pointer: String,
    /// What is wrong, as a code of the public catalog.
    pub code: &'static str,
}

impl FieldError {
    /// A fault at a pointer.
    #[must_use]
    pub fn new(pointer: impl Into<String>, code: &'static str) -> Self {
        Self { pointer: pointer.into(), code }
    }
}

/// Where a thing stands that is not in a state for what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub state: &'static str,
    /// Its version.
    pub version: i64,
    /// What the caller may do to it now.
    pub actions: Vec<&'static str>,
    /// Who holds it, for one who may know.
    pub assignee: Option<Assignee>,
}

/// A decision refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The caller sees the thing, but this is not his to do.
    #[error("not permitted")]
    Forbidden,
    /// The thing is not in a state in which this can be done.
    #[error("not possible in state {}", .0.state)]
    WrongState(Box<Standing>),
    /// Things stand so that it cannot be done: a code of the public catalog.
    #[error("not possible: {0}")]
    Conflict(&'static str),
    /// Members of what was sent break a rule.
    #[error("{} members are not valid", .0.len())]
    Invalid(Vec<FieldError>),
}

impl Refusal {
    /// One faulty member.
    #[must_use]
    pub fn invalid(pointer: impl Into<String>, code: &'static str) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, code)])
    }
}
