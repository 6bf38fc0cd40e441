//! What order endpoints take and give.

use std::collections::BTreeMap;

use domain::{
    access::Detail,
    orders::{
        Answer, Assignee, Caller, Point, Remark, Requester, Resolution, ServiceOrder, Site, State, Target, Transition,
    },
};
use persistence::Found;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::catalog::OptionText;
use crate::http::{
    At, Ctx, View,
    resource::shown_as,
    value::{masked_name, present},
};

/// A position in degrees, WGS 84.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Point)]
pub struct PointIo {
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    pub longitude: f64,
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90)]
    pub latitude: f64,
}

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

/// Words that answer a question.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = AnswerText, max_length = 500)]
pub struct AnswerText(String);

/// Options that answer a question.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(as = AnswerChoices, max_items = 50)]
pub struct AnswerChoices(Vec<OptionText>);

/// An answer to a question: text, a number, yes or no, or some of the options.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Answer)]
pub enum AnswerIo {
    /// Yes or no.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// Words, or one of the options.
    Text(AnswerText),
    /// Some of the options.
    Choices(AnswerChoices),
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
    /// Answers to the questions, all of them; `null` takes them back.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<BTreeMap<String, AnswerIo>>)]
    pub answers: Option<Option<BTreeMap<String, AnswerIo>>>,
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

/// How urgent an order is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Priority)]
pub enum PriorityIo {
    /// 紧急
    Urgent,
    /// 一般
    Normal,
    /// 不急
    Low,
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

/// What an order about to be placed resembles.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = SimilarQuery, example = json!({"kind": "corridor_lamp", "region_code": "360502002001"}))]
pub struct SimilarIn {
    /// Code of its kind.
    #[schema(min_length = 1, max_length = 50)]
    pub kind: String,
    /// The compound.
    pub compound_id: Option<Uuid>,
    /// The community, where it is not in a compound.
    #[schema(min_length = 1, max_length = 15)]
    pub region_code: Option<String>,
}

/// A person as an order names him: masked.
#[derive(Serialize, ToSchema)]
#[schema(as = Requester)]
pub struct RequesterOut {
    /// The person.
    pub id: Uuid,
    /// First character and stars.
    pub display_name: String,
    /// First and last digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub phone_masked: Option<String>,
}

/// A volunteer as an order names him.
#[derive(Serialize, ToSchema)]
#[schema(as = Assignee)]
pub struct AssigneeOut {
    /// His row.
    pub volunteer_id: Uuid,
    /// His name.
    pub display_name: String,
}

/// A team as an order names it.
#[derive(Serialize, ToSchema)]
#[schema(as = AssignedTeam)]
pub struct TeamOut {
    /// Its id.
    pub team_id: Uuid,
    /// Its name.
    pub name: String,
}

/// A pause.
#[derive(Serialize, ToSchema)]
#[schema(as = Hold)]
pub struct HoldOut {
    /// Why.
    pub reason: String,
    /// Until when.
    pub until: At,
}

/// The resident's answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Confirmation)]
pub struct ConfirmationOut {
    /// Is it solved?
    pub solved: bool,
    /// 1 to 5; absent where nobody answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub satisfaction: Option<u8>,
    /// resident, by_telephone or system.
    pub confirmed_by: &'static str,
    /// When.
    pub confirmed_at: At,
}

/// A sentence written with a transition.
#[derive(Serialize, ToSchema)]
#[schema(as = Remark)]
pub struct RemarkOut {
    /// With which.
    pub transition: &'static str,
    /// When.
    pub at: At,
    /// What was written.
    pub text: String,
}

/// A service order 点单. Which members are shown depends on who asks.
#[derive(Serialize, ToSchema)]
#[schema(as = ServiceOrder)]
pub struct OrderOut {
    /// Its id.
    pub id: Uuid,
    /// Its number for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub number: Option<String>,
    /// The community or grid.
    pub region_code: String,
    /// Where it stands.
    pub state: &'static str,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub outcome: Option<&'static str>,
    /// Code of its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub kind: Option<String>,
    /// How urgent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub priority: Option<&'static str>,
    /// What is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub description: Option<String>,
    /// The compound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compound_id: Option<Uuid>,
    /// The building.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub building_id: Option<Uuid>,
    /// The entrance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unit_id: Option<Uuid>,
    /// The address with its numbers hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address_masked: Option<String>,
    /// Answers to the questions of its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub answers: Option<BTreeMap<String, AnswerIo>>,
    /// When the resident would like it done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub wished_at: Option<At>,
    /// Whether others of the community are kept from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub private: Option<bool>,
    /// For whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub requester: Option<RequesterOut>,
    /// The holder, or the volunteer that it is dispatched to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub assignee: Option<AssigneeOut>,
    /// The team that it is dispatched to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub team: Option<TeamOut>,
    /// Whether it is open to claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub open: Option<bool>,
    /// The pause that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hold: Option<HoldOut>,
    /// The resident's answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confirmation: Option<ConfirmationOut>,
    /// The order that it was folded into.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub merged_into: Option<Uuid>,
    /// What was written along the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remarks: Option<Vec<RemarkOut>>,
    /// How often the resident asked for more work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reopened_count: Option<i32>,
    /// How many others joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub joined_count: Option<i64>,
    /// When it was accepted, last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub accepted_at: Option<At>,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub closed_at: Option<At>,
    /// What the caller may do now.
    pub actions: Vec<&'static str>,
    /// Counts changes.
    pub version: i64,
    /// When it was placed.
    pub created_at: At,
    /// When it last changed.
    pub updated_at: At,
}

/// A page of orders.
#[derive(ToSchema)]
#[schema(as = ServiceOrderPage)]
#[expect(dead_code, reason = "it only documents")]
pub struct OrderPageOut {
    items: Vec<OrderOut>,
    page: crate::openapi::PageOut,
}

/// How to reach the person, for the holder.
#[derive(Serialize, ToSchema)]
#[schema(as = Contact)]
pub struct ContactOut {
    /// His name.
    pub name: String,
    /// His telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub phone: Option<String>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<String>,
    /// Its position.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub point: Option<PointIo>,
}

/// A similar order: no more than it takes to recognize it.
#[derive(Serialize, ToSchema)]
#[schema(as = SimilarOrder)]
pub struct SimilarOut {
    /// Its id.
    pub id: Uuid,
    /// Code of its kind.
    pub kind: String,
    /// Where it stands.
    pub state: &'static str,
    /// The community or grid.
    pub region_code: String,
    /// The compound.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compound_id: Option<Uuid>,
    /// The building.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub building_id: Option<Uuid>,
    /// How many joined.
    pub joined_count: i64,
    /// When it was placed.
    pub created_at: At,
}

/// Similar orders, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = SimilarOrders)]
pub struct SimilarListOut {
    /// At most ten.
    pub items: Vec<SimilarOut>,
}

/// A volunteer who suits an order.
#[derive(Serialize, ToSchema)]
#[schema(as = Candidate)]
pub struct CandidateOut {
    /// His row.
    pub volunteer_id: Uuid,
    /// His name.
    pub display_name: String,
    /// His service area.
    pub region_code: String,
    /// Whether he can do what it takes.
    pub skilled: bool,
    /// Steps in the tree of regions, 0 where his area holds the order.
    pub distance: i64,
    /// Orders that he holds now.
    pub open_orders: i64,
    /// The mean of residents' answers, 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub satisfaction: Option<f64>,
}

/// Volunteers who suit an order, the best first.
#[derive(Serialize, ToSchema)]
#[schema(as = Candidates)]
pub struct CandidateListOut {
    /// At most twenty.
    pub items: Vec<CandidateOut>,
}

shown_as!(OrderOut, ServiceOrder, Personal);

impl View for OrderOut {
    type Row = ServiceOrder;

    const COLLECTION: &'static str = "service-orders";

    fn of(ctx: &Ctx, found: Found<ServiceOrder>) -> Self {
        Self::new(ctx, found)
    }
}

impl From<AnswerIo> for Answer {
    fn from(answer: AnswerIo) -> Self {
        match answer {
            AnswerIo::Boolean(value) => Self::Boolean(value),
            AnswerIo::Number(value) => Self::Number(value),
            AnswerIo::Text(AnswerText(value)) => Self::Text(value),
            AnswerIo::Choices(AnswerChoices(value)) => {
                Self::Choices(value.into_iter().map(|option| option.0).collect())
            }
        }
    }
}

impl From<Answer> for AnswerIo {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Boolean(value) => Self::Boolean(value),
            Answer::Number(value) => Self::Number(value),
            Answer::Text(value) => Self::Text(AnswerText(value)),
            Answer::Choices(value) => Self::Choices(AnswerChoices(value.into_iter().map(OptionText).collect())),
        }
    }
}

impl From<PointIo> for Point {
    fn from(point: PointIo) -> Self {
        let PointIo { longitude, latitude } = point;
        Self { longitude, latitude }
    }
}

impl From<Point> for PointIo {
    fn from(point: Point) -> Self {
        let Point { longitude, latitude } = point;
        Self { longitude, latitude }
    }
}

impl From<Assignee> for AssigneeOut {
    fn from(assignee: Assignee) -> Self {
        let Assignee { volunteer_id, display_name } = assignee;
        Self { volunteer_id: volunteer_id.0, display_name }
    }
}

impl From<Requester> for RequesterOut {
    fn from(requester: Requester) -> Self {
        let Requester { person_id, name, phone, has_account: _ } = requester;
        Self { id: person_id.0, display_name: masked_name(&name), phone_masked: phone.map(|phone| phone.masked()) }
    }
}

/// An address with its digits hidden: house, floor and door numbers.
fn masked_address(address: &str) -> String {
    address.chars().map(|c| if c.is_numeric() || "零〇一二三四五六七八九十百".contains(c) { '*' } else { c }).collect()
}

/// Remarks that tell the resident something; the others are between those who serve him.
fn is_for_resident(on: Transition) -> bool {
    matches!(
        on,
        Transition::Reject
            | Transition::Hold
            | Transition::Complete
            | Transition::Confirm
            | Transition::Reopen
            | Transition::Cancel
    )
}

fn remark_out(remark: Remark) -> RemarkOut {
    let Remark { on, version: _, at, by: _, text } = remark;
    RemarkOut { transition: on.name(), at: at.into(), text }
}

impl OrderOut {
    /// An order as this caller sees it.
    pub fn new(ctx: &Ctx, found: Found<ServiceOrder>) -> Self {
        let caller = Caller { actor: &ctx.actor, actions: found.grasp.actions, now: ctx.now };
        let actions = found.row.actions(caller);
        Self::shown(found.row, found.grasp.detail, actions)
    }

    /// An order that the caller no longer sees.
    pub fn bare(order: ServiceOrder) -> Self {
        Self::shown(order, Detail::Bare, Vec::new())
    }

    fn shown(order: ServiceOrder, detail: Detail, actions: Vec<&'static str>) -> Self {
        let ServiceOrder {
            id,
            number,
            region_code,
            kind,
            description,
            site,
            answers,
            wished_at,
            private,
            priority,
            requester,
            placed_by: _,
            state,
            outcome,
            reopened_count,
            joined_count,
            joined_by_caller: _,
            remarks,
            accepted_at,
            closed_at,
            version,
            created_at,
            updated_at,
        } = order;
        let matter = detail >= Detail::Matter;
        let personal = detail >= Detail::Masked;
        let name = state.name();
        let team = match state.dispatch().map(|dispatch| dispatch.target.clone()) {
            Some(Target::Team(team)) => Some(TeamOut { team_id: team.id.0, name: team.name }),
            _ => None,
        };
        let (assignee, open) = (state.assignee().cloned(), state.is_open_to_claims());
        let (hold, confirmation, merged_into) = match state {
            State::OnHold(_, hold) => (Some(HoldOut { reason: hold.reason, until: hold.until.into() }), None, None),
            State::Confirmed(_, confirmation) => {
                let confirmation = ConfirmationOut {
                    solved: confirmation.solved,
                    satisfaction: confirmation.satisfaction,
                    confirmed_by: confirmation.by.name(),
                    confirmed_at: confirmation.at.into(),
                };
                (None, Some(confirmation), None)
            }
            State::Merged(into, _) => (None, None, Some(into.0)),
            _ => (None, None, None),
        };
        let (compound_id, building_id, unit_id) = match &site {
            Site::Compound { compound_id, building_id, unit_id, address: _ } => {
                (Some(compound_id.0), building_id.map(Uuid::from), unit_id.map(Uuid::from))
            }
            Site::Address { .. } => (None, None, None),
        };
        let remarks = remarks.into_iter().filter(|remark| detail != Detail::Own || is_for_resident(remark.on));
        Self {
            id: id.0,
            number: matter.then_some(number),
            region_code: region_code.to_string(),
            state: name,
            outcome: outcome.map(Resolution::name),
            kind: matter.then_some(kind),
            priority: matter.then_some(priority.name()),
            description: matter.then_some(description),
            compound_id: compound_id.filter(|_| matter),
            building_id: building_id.filter(|_| matter),
            unit_id: unit_id.filter(|_| personal),
            address_masked: site.address().filter(|_| personal).map(masked_address),
            answers: personal.then(|| answers.into_iter().map(|(key, answer)| (key, answer.into())).collect()),
            wished_at: wished_at.filter(|_| matter).map(Into::into),
            private: matter.then_some(private),
            requester: personal.then(|| requester.into()),
            assignee: assignee.filter(|_| personal).map(Into::into),
            team: team.filter(|_| personal),
            open: matter.then_some(open),
            hold: hold.filter(|_| personal),
            confirmation: confirmation.filter(|_| personal),
            merged_into: merged_into.filter(|_| personal),
            remarks: personal.then(|| remarks.map(remark_out).collect()),
            reopened_count: matter.then_some(reopened_count),
            joined_count: matter.then_some(joined_count),
            accepted_at: accepted_at.map(Into::into),
            closed_at: closed_at.map(Into::into),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

impl From<ServiceOrder> for SimilarOut {
    fn from(order: ServiceOrder) -> Self {
        let (compound_id, building_id) = match &order.site {
            Site::Compound { compound_id, building_id, .. } => (Some(compound_id.0), building_id.map(Uuid::from)),
            Site::Address { .. } => (None, None),
        };
        Self {
            id: order.id.0,
            kind: order.kind,
            state: order.state.name(),
            region_code: order.region_code.to_string(),
            compound_id,
            building_id,
            joined_count: order.joined_count,
            created_at: order.created_at.into(),
        }
    }
}

impl From<PriorityIo> for domain::orders::Priority {
    fn from(priority: PriorityIo) -> Self {
        match priority {
            PriorityIo::Urgent => Self::Urgent,
            PriorityIo::Normal => Self::Normal,
            PriorityIo::Low => Self::Low,
        }
    }
}
