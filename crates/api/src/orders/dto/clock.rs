//! A clock as it is shown.

use domain::{
    clocks::{Clock, ClockState, Risen},
    time::Instant,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::values::ClockIo;
use crate::http::{At, WordOf};

type ClockStateIo = WordOf<ClockState>;
type RisenIo = WordOf<Risen>;

/// A clock: how long something may take, and how it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Clock)]
pub struct ClockOut {
    /// What it measures.
    clock: ClockIo,
    /// Whether it runs.
    state: ClockStateIo,
    /// Since when it runs.
    started_at: At,
    /// When its time is over.
    due_at: At,
    /// Whether its time is over, or was when it ended.
    overdue: bool,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ended_at: Option<At>,
    /// When those who hold the matter were warned that little time is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    warned_at: Option<At>,
    /// To whom the matter has risen because it is overdue, last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    risen_to: Option<RisenIo>,
    /// Until when it was extended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    extended_until: Option<At>,
    /// Until when more time is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    requested_until: Option<At>,
}

impl ClockOut {
    /// A clock as it stands at a time.
    pub fn at(clock: &Clock, now: Instant) -> Self {
        Self {
            clock: WordOf(clock.kind),
            state: WordOf(clock.state(now)),
            started_at: clock.started_at.into(),
            due_at: clock.due_at.into(),
            overdue: clock.is_overdue(now),
            ended_at: clock.ended_at().map(Into::into),
            warned_at: clock.warned_at.map(Into::into),
            risen_to: clock.risen.map(WordOf),
            extended_until: clock.extended_until().map(Into::into),
            requested_until: clock.requested.as_ref().map(|request| request.until.into()),
        }
    }
}
