//! An order as it is shown.

use std::collections::BTreeMap;

use domain::{
    access::Detail,
    id::CompoundId,
    orders::{Assignee, Caller, Remark, Requester, Resolution, ServiceOrder, Site, State, Target, Transition},
    time::Instant,
};
use persistence::Found;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    clock::ClockOut,
    values::{AnswerIo, PointIo},
};
use crate::{
    compounds::expand::{CompoundNameOut, InCompound},
    http::{At, Ctx, View, resource::shown_as, value::masked_name},
};

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
    /// The compound by name, with `expand=compound`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compound: Option<CompoundNameOut>,
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
    /// Its clocks: the last one of each kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub clocks: Option<Vec<ClockOut>>,
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

shown_as!(OrderOut, ServiceOrder, Personal);

impl View for OrderOut {
    type Row = ServiceOrder;

    const COLLECTION: &'static str = "service-orders";

    fn of(ctx: &Ctx, found: Found<ServiceOrder>) -> Self {
        Self::new(ctx, found)
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

impl InCompound for OrderOut {
    fn compound_id(&self) -> Option<CompoundId> {
        self.compound_id.map(Into::into)
    }

    fn show_compound(&mut self, compound: CompoundNameOut) {
        self.compound = Some(compound);
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
            | Transition::Extend
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
        Self::shown(found.row, found.grasp.detail, actions, ctx.now)
    }

    /// An order that the caller no longer sees.
    pub fn bare(ctx: &Ctx, order: ServiceOrder) -> Self {
        Self::shown(order, Detail::Bare, Vec::new(), ctx.now)
    }

    fn shown(order: ServiceOrder, detail: Detail, actions: Vec<&'static str>, now: Instant) -> Self {
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
            limits: _,
            clocks,
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
            compound: None,
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
            clocks: matter.then(|| clocks.current().map(|clock| ClockOut::at(clock, now)).collect()),
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
