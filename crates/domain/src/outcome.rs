//! What a decision leaves: the new state of a thing and the events that tell of it.

use crate::event::EventDraft;

/// A decision taken. It can only be made with its first event, and nothing can be saved without one:
/// so no change goes unrecorded.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a decision has no effect until it is saved"]
pub struct Outcome<T, E = ()> {
    /// The thing as it is from now on.
    pub value: T,
    /// What happened to it, at least one event.
    pub events: Vec<EventDraft>,
    /// Rows beside the thing itself that change with it.
    pub effects: Vec<E>,
}

impl<T, E> Outcome<T, E> {
    /// A decision and its event.
    pub fn new(value: T, event: EventDraft) -> Self {
        Self { value, events: vec![event], effects: Vec::new() }
    }

    /// Adds a row that changes with it.
    pub fn with_effect(mut self, effect: E) -> Self {
        self.effects.push(effect);
        self
    }
}
