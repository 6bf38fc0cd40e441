//! Rows of orders into orders and back.

use domain::{
    cn::{Phone, RegionCode},
    orders::{
        Assignee, Confirmation, ConfirmedBy, Dispatch, Hold, OrderState, Point, Priority, Requester, Resolution,
        ServiceOrder, Site, State, Target, Team, Work,
    },
};
use sea_orm::{ActiveValue::Set, DbErr, FromQueryResult, QueryResult};
use serde::Serialize;
use uuid::Uuid;

use super::{entity::service_order, row::OrderColumns};
use crate::{
    connect::{Columns, Read},
    error::{Error, Result},
    people,
    rows::{Sealer, word},
    vault::{Class, Vault},
};

pub(super) const TABLE: &str = "service_orders";
const ADDRESS: &str = "address";
const POINT: &str = "point";

/// An order with the names that go with it, and who ordered: as he is read, or as he is known.
pub(super) struct OrderRow<R = Requesting> {
    pub order: OrderColumns,
    pub requester: R,
    pub target_volunteer_name: Option<String>,
    pub target_team_name: Option<String>,
    pub holder_name: Option<String>,
    pub joined_by_caller: bool,
}

/// What is read of who ordered.
#[derive(Clone)]
pub(super) struct Requesting {
    pub name: String,
    pub phone: Option<String>,
    pub has_account: bool,
}

impl Requesting {
    /// The person of this id.
    pub fn open(self, vault: &Vault, person_id: Uuid) -> Result<Requester> {
        let Self { name, phone, has_account } = self;
        let row = person_id.to_string();
        let sealer = Sealer { vault, table: people::PERSONS, row: &row };
        let phone = sealer
            .open(Class::Personal, people::PHONE, phone.as_deref())?
            .map(|phone| Phone::from_e164(&phone))
            .transpose()
            .map_err(|_| sealer.corrupt(people::PHONE))?;
        Ok(Requester { person_id: person_id.into(), name, phone, has_account })
    }
}

impl OrderRow {
    /// Reads the columns of an order and [`NAMES`].
    pub fn read(columns: &mut Columns<'_>) -> std::result::Result<Self, DbErr> {
        Ok(Self {
            order: OrderColumns::read(columns)?,
            joined_by_caller: columns.next()?,
            requester: Requesting { name: columns.next()?, phone: columns.next()?, has_account: columns.next()? },
            target_volunteer_name: columns.next()?,
            target_team_name: columns.next()?,
            holder_name: columns.next()?,
        })
    }
}

impl FromQueryResult for OrderRow {
    fn from_query_result(row: &QueryResult, _: &str) -> std::result::Result<Self, DbErr> {
        Self::read(&mut Columns::of(row))
    }
}

/// The last columns of [`OrderRow`]. Each looks a row up by its key.
pub(super) const NAMES: &str = "\
    (SELECT p.name FROM persons p WHERE p.id = service_orders.requester_id), \
    (SELECT p.phone_sealed FROM persons p WHERE p.id = service_orders.requester_id), \
    EXISTS (SELECT 1 FROM users u WHERE u.person_id = service_orders.requester_id AND u.state = 'active'), \
    (SELECT p.name FROM volunteers v JOIN persons p ON p.id = v.person_id \
     WHERE v.id = service_orders.target_volunteer_id), \
    (SELECT t.name FROM volunteer_teams t WHERE t.id = service_orders.target_team_id), \
    (SELECT p.name FROM volunteers v JOIN persons p ON p.id = v.person_id WHERE v.id = service_orders.holder_id)";

/// Reads an order.
pub(super) fn order_of(vault: &Vault, row: OrderRow) -> Result<ServiceOrder> {
    let OrderRow { order, requester, target_volunteer_name, target_team_name, holder_name, joined_by_caller } = row;
    let requester = requester.open(vault, order.requester_id)?;
    let row = OrderRow { order, requester, target_volunteer_name, target_team_name, holder_name, joined_by_caller };
    order_by(vault, row)
}

/// Reads an order of somebody who is known already.
pub(super) fn order_by(vault: &Vault, row: OrderRow<Requester>) -> Result<ServiceOrder> {
    let id = row.order.id.to_string();
    let sealer = Sealer { vault, table: TABLE, row: &id };
    let state = state_of(&row, &sealer)?;
    let OrderRow { order, requester, target_volunteer_name: _, target_team_name: _, holder_name: _, joined_by_caller } =
        row;
    let site = site_of(&order, &sealer)?;
    Ok(ServiceOrder {
        id: order.id.into(),
        number: order.number,
        region_code: word(RegionCode::parse(&order.region_code).ok(), TABLE, "region_code", &id)?,
        kind: order.kind,
        description: order.description,
        site,
        answers: json(order.answers, "answers", &sealer)?,
        wished_at: order.wished_at,
        private: order.private,
        priority: word(Priority::from_name(&order.priority), TABLE, "priority", &id)?,
        requester,
        placed_by: order.placed_by.into(),
        state,
        outcome: order.outcome.map(|name| word(Resolution::from_name(&name), TABLE, "outcome", &id)).transpose()?,
        reopened_count: order.reopened_count,
        joined_count: order.joined_count,
        joined_by_caller,
        remarks: json(order.remarks, "remarks", &sealer)?,
        limits: json(order.limits, "limits", &sealer)?,
        clocks: json(order.clocks, "clocks", &sealer)?,
        accepted_at: order.accepted_at,
        closed_at: order.closed_at,
        version: order.version,
        created_at: order.created_at,
        updated_at: order.updated_at,
    })
}

fn json<T>(read: Read<T>, column: &'static str, sealer: &Sealer<'_>) -> Result<T> {
    read.0.ok_or_else(|| sealer.corrupt(column))
}

fn state_of<R>(row: &OrderRow<R>, sealer: &Sealer<'_>) -> Result<State> {
    let order = &row.order;
    let kind = OrderState::from_name(&order.state).ok_or_else(|| sealer.corrupt("state"))?;
    let dispatch = || dispatch_of(row, sealer);
    let last_dispatch = || order.target.is_some().then(dispatch).transpose();
    let work = || {
        let holder = assignee(order.holder_id, row.holder_name.clone()).ok_or_else(|| sealer.corrupt("holder_id"))?;
        Ok::<_, Error>(Work { holder, dispatch: dispatch()? })
    };
    Ok(match kind {
        OrderState::Placed => State::Placed,
        OrderState::Dispatched => State::Dispatched(dispatch()?),
        OrderState::Accepted => State::Accepted(work()?),
        OrderState::InProgress => State::InProgress(work()?),
        OrderState::OnHold => {
            let hold = (order.hold_reason.clone(), order.hold_until, order.hold_in_progress);
            let (Some(reason), Some(until), Some(in_progress)) = hold else { return Err(sealer.corrupt("hold_until")) };
            State::OnHold(work()?, Hold { reason, until, in_progress })
        }
        OrderState::Completed => {
            State::Completed(work()?, order.completed_at.ok_or_else(|| sealer.corrupt("completed_at"))?)
        }
        OrderState::Confirmed => {
            let by = order.confirmed_by.as_deref().and_then(ConfirmedBy::from_name);
            let (Some(solved), Some(by), Some(at)) = (order.solved, by, order.confirmed_at) else {
                return Err(sealer.corrupt("confirmed_by"));
            };
            let satisfaction =
                order.satisfaction.map(u8::try_from).transpose().map_err(|_| sealer.corrupt("satisfaction"))?;
            State::Confirmed(work()?, Confirmation { solved, satisfaction, by, at })
        }
        OrderState::Cancelled => State::Cancelled(last_dispatch()?),
        OrderState::Rejected => State::Rejected(last_dispatch()?),
        OrderState::Merged => {
            let into = order.merged_into.ok_or_else(|| sealer.corrupt("merged_into"))?;
            State::Merged(into.into(), last_dispatch()?)
        }
    })
}

fn assignee(id: Option<Uuid>, name: Option<String>) -> Option<Assignee> {
    Some(Assignee { volunteer_id: id?.into(), display_name: name? })
}

fn dispatch_of<R>(row: &OrderRow<R>, sealer: &Sealer<'_>) -> Result<Dispatch> {
    let order = &row.order;
    let target = match order.target.as_deref() {
        Some("volunteer") => {
            assignee(order.target_volunteer_id, row.target_volunteer_name.clone()).map(Target::Volunteer)
        }
        Some("team") => order
            .target_team_id
            .zip(row.target_team_name.clone())
            .map(|(id, name)| Target::Team(Team { id: id.into(), name })),
        Some("open") => Some(Target::Open),
        _ => None,
    };
    let declined_by = order.declined_by.0.clone().ok_or_else(|| sealer.corrupt("declined_by"))?;
    Ok(Dispatch { target: target.ok_or_else(|| sealer.corrupt("target"))?, declined_by })
}

fn site_of(order: &OrderColumns, sealer: &Sealer<'_>) -> Result<Site> {
    let address = sealer.open(Class::Personal, ADDRESS, order.address_sealed.as_deref())?;
    let point = sealer
        .open(Class::Sensitive, POINT, order.point_sealed.as_deref())?
        .map(|text| serde_json::from_str::<Point>(&text))
        .transpose()
        .map_err(|_| sealer.corrupt(POINT))?;
    Ok(match order.compound_id {
        Some(compound) => Site::Compound {
            compound_id: compound.into(),
            building_id: order.building_id.map(Into::into),
            unit_id: order.unit_id.map(Into::into),
            address,
        },
        None => Site::Address { address: address.ok_or_else(|| sealer.corrupt(ADDRESS))?, point },
    })
}

/// The row of an order; `content_digest` is set for new ones only.
pub(crate) fn row_of(vault: &Vault, order: &ServiceOrder) -> Result<service_order::ActiveModel> {
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
        placed_by,
        state,
        outcome,
        reopened_count,
        joined_count,
        joined_by_caller: _,
        remarks,
        limits,
        clocks,
        accepted_at,
        closed_at,
        version,
        created_at,
        updated_at,
    } = order;
    let row = id.to_string();
    let sealer = Sealer { vault, table: TABLE, row: &row };
    let (compound_id, building_id, unit_id, point) = match site {
        Site::Compound { compound_id, building_id, unit_id, address: _ } => {
            (Some(compound_id.0), building_id.map(Uuid::from), unit_id.map(Uuid::from), None)
        }
        Site::Address { address: _, point } => (None, None, None, point.as_ref()),
    };
    let point = point.map(serde_json::to_string).transpose().map_err(|_| sealer.corrupt(POINT))?;
    let (target, target_volunteer_id, target_team_id) = match state.dispatch().map(|dispatch| &dispatch.target) {
        Some(Target::Volunteer(assignee)) => (Some("volunteer"), Some(assignee.volunteer_id.0), None),
        Some(Target::Team(team)) => (Some("team"), None, Some(team.id.0)),
        Some(Target::Open) => (Some("open"), None, None),
        None => (None, None, None),
    };
    let declined_by = state.dispatch().map(|dispatch| dispatch.declined_by.as_slice()).unwrap_or_default();
    let hold = order.pause();
    let (completed_at, confirmation) = match state {
        State::Completed(_, at) => (Some(*at), None),
        State::Confirmed(_, confirmation) => (None, Some(confirmation)),
        _ => (None, None),
    };
    let merged_into = match state {
        State::Merged(into, _) => Some(into.0),
        _ => None,
    };
    Ok(service_order::ActiveModel {
        id: Set(id.0),
        number: Set(number.clone()),
        region_code: Set(region_code.to_string()),
        kind: Set(kind.clone()),
        description: Set(description.clone()),
        compound_id: Set(compound_id),
        building_id: Set(building_id),
        unit_id: Set(unit_id),
        address_sealed: Set(sealer.seal(Class::Personal, ADDRESS, site.address())?),
        point_sealed: Set(sealer.seal(Class::Sensitive, POINT, point.as_deref())?),
        answers: Set(to_json(answers, "answers", &sealer)?),
        wished_at: Set(*wished_at),
        private: Set(*private),
        priority: Set(priority.name().to_owned()),
        requester_id: Set(requester.person_id.0),
        placed_by: Set(placed_by.0),
        content_digest: sea_orm::ActiveValue::NotSet,
        state: Set(state.name().to_owned()),
        target: Set(target.map(str::to_owned)),
        target_volunteer_id: Set(target_volunteer_id),
        target_team_id: Set(target_team_id),
        declined_by: Set(to_json(&declined_by, "declined_by", &sealer)?),
        holder_id: Set(state.work().map(|work| work.holder.volunteer_id.0)),
        hold_reason: Set(hold.map(|hold| hold.reason.clone())),
        hold_until: Set(hold.map(|hold| hold.until)),
        hold_in_progress: Set(hold.map(|hold| hold.in_progress)),
        outcome: Set(outcome.map(|outcome| outcome.name().to_owned())),
        completed_at: Set(completed_at),
        solved: Set(confirmation.map(|answer| answer.solved)),
        satisfaction: Set(confirmation.and_then(|answer| answer.satisfaction).map(i32::from)),
        confirmed_by: Set(confirmation.map(|answer| answer.by.name().to_owned())),
        confirmed_at: Set(confirmation.map(|answer| answer.at)),
        merged_into: Set(merged_into),
        reopened_count: Set(*reopened_count),
        joined_count: Set(*joined_count),
        remarks: Set(to_json(remarks, "remarks", &sealer)?),
        limits: Set(to_json(limits, "limits", &sealer)?),
        clocks: Set(to_json(clocks, "clocks", &sealer)?),
        due_at: Set(clocks.due_at()),
        rings_at: Set(clocks.rings_at()),
        risen: Set(clocks.risen().map(|risen| risen.name().to_owned())),
        accepted_at: Set(*accepted_at),
        closed_at: Set(*closed_at),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    })
}

fn to_json<T: Serialize + ?Sized>(value: &T, column: &'static str, sealer: &Sealer<'_>) -> Result<String> {
    serde_json::to_string(value).map_err(|_| sealer.corrupt(column))
}
