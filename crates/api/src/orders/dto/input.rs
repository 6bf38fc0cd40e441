//! What the endpoints of orders take.

use std::collections::BTreeMap;

use domain::orders::Resolution;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::values::{AnswerChangeIn, AnswerIo, ClockIo, PointIo, PriorityIo};
use crate::http::{At, value::present};

/// For whom an order is placed: a person on record, or name and telephone number of one who called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OnBehalfOf)]
pub struct OnBehalfIn {
    /// The person.
    #[schema(format = Uuid)]
    pub person_id: Option<Uuid>,
    /// His name.
    #[schema(min_length = 1, max_length = 50)]
    pub name: Option<String>,
    /// His telephone number.
    #[schema(min_length = 1, max_length = 40)]
    pub phone: Option<String>,
}

/// An order about to be placed.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewServiceOrder, example = json!({"kind": "tap", "description": "厨房水龙头漏水", "region_code": "360502002001", "address": "桂花巷 3 号"}))]
pub struct PlaceIn {
    /// Code of the kind of service.
    #[schema(min_length = 1, max_length = 50)]
    pub kind: String,
    /// What is to be done.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S")]
    pub description: String,
    /// The compound; either this or an address with its region.
    pub compound_id: Option<Uuid>,
    /// The building of the compound.
    pub building_id: Option<Uuid>,
    /// The entrance of the building.
    pub unit_id: Option<Uuid>,
    /// The community or grid, only beside an address.
    #[schema(min_length = 1, max_length = 15)]
    pub region_code: Option<String>,
    /// The address; in a compound, floor and door.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\n\t]+$")]
    pub address: Option<String>,
    /// Position of the address.
    pub point: Option<PointIo>,
    /// For whom, if not for oneself.
    pub on_behalf_of: Option<OnBehalfIn>,
    /// Answers to the questions of the kind, by key.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, AnswerIo>>)]
    pub answers: Option<BTreeMap<String, AnswerIo>>,
    /// When the resident would like it done.
    pub wished_at: Option<At>,
    /// Whether others of the community are kept from it; true if not given.
    pub private: Option<bool>,
}

/// Changes to an order (RFC 7396).
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = ServiceOrderPatch, example = json!({"description": "厨房水龙头漏水，水很大"}))]
pub struct ChangeIn {
    /// What is to be done.
    #[schema(min_length = 1, max_length = 2000, pattern = r"\S", nullable = false)]
    pub description: Option<String>,
    /// Answers to the questions, by key: those not named stay; `null` takes one, or all of them, back.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<BTreeMap<String, AnswerChangeIn>>)]
    pub answers: Option<Option<BTreeMap<String, AnswerChangeIn>>>,
    /// When; `null` takes the wish back.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<At>)]
    pub wished_at: Option<Option<At>>,
    /// Whether others are kept from it.
    #[schema(nullable = false)]
    pub private: Option<bool>,
    /// The address; in a compound, floor and door, which `null` removes.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200, pattern = r"^[^\n\t]+$")]
    pub address: Option<Option<String>>,
    /// Position of the address; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<PointIo>)]
    pub point: Option<Option<PointIo>>,
    /// How urgent; the dispatcher's to say.
    #[schema(nullable = false)]
    pub priority: Option<PriorityIo>,
}

/// To whom an order is handed: exactly one of the three.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Dispatch, example = json!({"open": true}))]
#[validate(schema(function = "one_target"))]
pub struct DispatchIn {
    /// To a volunteer.
    pub volunteer_id: Option<Uuid>,
    /// To a team.
    pub team_id: Option<Uuid>,
    /// To whoever of the area claims it.
    pub open: Option<bool>,
    /// A word to the one who does it.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub note: Option<String>,
    /// How urgent.
    pub priority: Option<PriorityIo>,
}

fn one_target(dispatch: &DispatchIn) -> Result<(), ValidationError> {
    check_targets(dispatch.volunteer_id, dispatch.team_id, dispatch.open)
}

fn check_targets(volunteer: Option<Uuid>, team: Option<Uuid>, open: Option<bool>) -> Result<(), ValidationError> {
    let given = [volunteer.is_some(), team.is_some(), open == Some(true)];
    match given.into_iter().filter(|given| *given).count() {
        0 => Err(ValidationError::new("required")),
        1 => Ok(()),
        _ => Err(ValidationError::new("not-together")),
    }
}

/// To whom an order is handed over, and why.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Transfer)]
#[validate(schema(function = "one_new_target"))]
pub struct TransferIn {
    /// To a volunteer.
    pub volunteer_id: Option<Uuid>,
    /// To a team.
    pub team_id: Option<Uuid>,
    /// To whoever of the area claims it.
    pub open: Option<bool>,
    /// Why.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub reason: String,
}

fn one_new_target(transfer: &TransferIn) -> Result<(), ValidationError> {
    check_targets(transfer.volunteer_id, transfer.team_id, transfer.open)
}

/// A reason.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Reason, example = json!({"reason": "家里有事，今天去不了"}))]
pub struct ReasonIn {
    /// Why.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub reason: String,
}

/// A reason, if one wants to give it.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = OptionalReason)]
pub struct MaybeReasonIn {
    /// Why.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub reason: Option<String>,
}

/// A pause.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = HoldRequest)]
pub struct HoldIn {
    /// Why.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub reason: String,
    /// Until when: after now, at most 90 days ahead.
    pub until: At,
}

/// More time for a clock.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = ExtensionRequest)]
pub struct ExtendIn {
    /// For which.
    pub clock: ClockIo,
    /// Until when: later than it is due, at most 90 days ahead.
    pub until: At,
    /// Why; the person concerned reads it.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub reason: String,
}

/// Why a clock gets no more time.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = ExtensionRefusal)]
pub struct RefuseExtensionIn {
    /// Which.
    pub clock: ClockIo,
    /// Why.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub reason: String,
}

/// What came of an order, as its holder sees it.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CompletionOutcome)]
pub enum OutcomeIn {
    /// 已解决
    Solved,
    /// 部分解决
    Partly,
    /// Not for the community to solve.
    NotOurs,
    /// Cannot be done.
    Impossible,
}

impl From<OutcomeIn> for Resolution {
    fn from(outcome: OutcomeIn) -> Self {
        match outcome {
            OutcomeIn::Solved => Self::Solved,
            OutcomeIn::Partly => Self::Partly,
            OutcomeIn::NotOurs => Self::NotOurs,
            OutcomeIn::Impossible => Self::Impossible,
        }
    }
}

/// The holder is done.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Completion, example = json!({"outcome": "solved", "note": "换了新阀芯"}))]
pub struct CompleteIn {
    /// What came of it.
    pub outcome: OutcomeIn,
    /// What he wants to say about it.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub note: Option<String>,
}

/// The two questions.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = ConfirmationRequest, example = json!({"solved": true, "satisfaction": 5}))]
pub struct ConfirmIn {
    /// Is it solved?
    pub solved: bool,
    /// Are you satisfied? 1 (not at all) to 5.
    #[schema(minimum = 1, maximum = 5)]
    pub satisfaction: u8,
    /// What else there is to say.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    pub comment: Option<String>,
}

/// The order that goes on.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Merge)]
pub struct MergeIn {
    /// Its id.
    pub into: Uuid,
}
