//! Changing an order: single members, or all that may be replaced.

use std::collections::BTreeMap;

use domain::{
    access::{Action, ResourceKind},
    cn::{Phone, RegionCode},
    id::{BuildingId, CompoundId, ServiceOrderId, UnitId},
    orders::{Answers, Caller, OrderChange, ServiceOrder, Site, Transition, check_answers},
    refusal::FieldError,
};
use persistence::Tx;
use serde_json::Value;

use super::{
    dto::{AnswerChangeIn, ChangeIn, OnBehalfIn, OrderOut, PlaceIn},
    service::shown,
};
use crate::{
    http::{Ctx, Reply},
    problem::Problem,
};

/// The answer to a `PUT` of an order that exists: the order as it is now if this was what was sent last, else it is
/// replaced. Who names the present version wants it replaced even by what was sent before a patch.
pub async fn placed_before(ctx: &Ctx, id: ServiceOrderId, digest: Vec<u8>, input: PlaceIn) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::ServiceOrder)?;
    let rows = ctx.app.database.rows();
    let found = rows.find::<ServiceOrder>(&access, &id).await?;
    let names_present = ctx.require_version(found.row.version).is_ok();
    if !names_present && rows.orders(None).content_digest(&access, id).await? == Some(digest.clone()) {
        return Reply::ok(ctx, &OrderOut::new(ctx, found));
    }
    replace(ctx, id, digest, input).await
}

/// Replaces what may change of an order by what is sent; the rest must be as it was.
async fn replace(ctx: &Ctx, id: ServiceOrderId, digest: Vec<u8>, input: PlaceIn) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Update, ResourceKind::ServiceOrder)?;
    ctx.write(&Value::Null, async |tx| {
        let found = tx.rows().find_to_change::<ServiceOrder>(&access, &id).await?;
        let by = Caller { actor: &ctx.actor, actions: found.grasp.actions, now: ctx.now };
        let before = found.row;
        before.check_right(Transition::Update, by)?;
        let faults = fixed_members(&before, &input);
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let PlaceIn { description, answers, wished_at, private, address, point, .. } = input;
        let moves = matches!(before.site, Site::Address { .. });
        // what is not sent again is taken back
        let mut all: BTreeMap<_, _> = before.answers.keys().map(|key| (key.clone(), AnswerChangeIn(None))).collect();
        all.extend(answers.into_iter().flatten().map(|(key, answer)| (key, AnswerChangeIn(Some(answer)))));
        let patch = ChangeIn {
            description: Some(description),
            answers: Some(Some(all)),
            wished_at: Some(wished_at),
            private: Some(private.unwrap_or(true)),
            address: Some(address),
            point: moves.then_some(point),
            priority: None,
        };
        let wanted = change_of(tx, &before, patch).await?;
        let state = before.state.kind();
        let Some(outcome) = before.clone().update(by, wanted, &ctx.calendar(&before.region_code))? else {
            return shown(ctx, before);
        };
        ctx.require_version(before.version)?;
        let order = tx.save_order(state, outcome).await?;
        tx.save_content_digest(id, digest).await?;
        shown(ctx, order)
    })
    .await
}

/// Changes single members of an order.
pub async fn edit(ctx: &Ctx, id: ServiceOrderId, patch: ChangeIn) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Update, ResourceKind::ServiceOrder)?;
    ctx.write(&Value::Null, async |tx| {
        let found = tx.rows().find_to_change::<ServiceOrder>(&access, &id).await?;
        let by = Caller { actor: &ctx.actor, actions: found.grasp.actions, now: ctx.now };
        let before = found.row;
        before.check_right(Transition::Update, by)?;
        ctx.require_version(before.version)?;
        let wanted = change_of(tx, &before, patch).await?;
        let state = before.state.kind();
        let Some(outcome) = before.clone().update(by, wanted, &ctx.calendar(&before.region_code))? else {
            return shown(ctx, before);
        };
        shown(ctx, tx.save_order(state, outcome).await?)
    })
    .await
}

/// Members that are said once: what is ordered, where, and for whom.
fn fixed_members(order: &ServiceOrder, input: &PlaceIn) -> Vec<FieldError> {
    let PlaceIn { kind, compound_id, building_id, unit_id, region_code, on_behalf_of, .. } = input;
    let (compound, building, unit) = match &order.site {
        Site::Compound { compound_id, building_id, unit_id, .. } => (Some(*compound_id), *building_id, *unit_id),
        Site::Address { .. } => (None, None, None),
    };
    let same_region =
        region_code.as_ref().is_none_or(|code| RegionCode::parse(code).is_ok_and(|code| code == order.region_code));
    let same_person = on_behalf_of.as_ref().is_none_or(|whom| {
        let OnBehalfIn { person_id, name, phone } = whom;
        let requester = &order.requester;
        person_id.is_none_or(|id| id == requester.person_id.0)
            && name.as_ref().is_none_or(|name| name.trim() == requester.name)
            && phone.as_ref().is_none_or(|phone| Phone::parse(phone).ok() == requester.phone)
    });
    [
        ("/kind", *kind == order.kind),
        ("/compound_id", compound_id.map(CompoundId) == compound),
        ("/building_id", building_id.map(BuildingId) == building),
        ("/unit_id", unit_id.map(UnitId) == unit),
        ("/region_code", same_region),
        ("/on_behalf_of", same_person),
    ]
    .into_iter()
    .filter(|(_, same)| !same)
    .map(|(pointer, _)| FieldError::new(pointer, "not-changeable"))
    .collect()
}

/// What a merge patch changes.
async fn change_of(tx: &Tx, order: &ServiceOrder, patch: ChangeIn) -> Result<OrderChange, Problem> {
    let ChangeIn { description, answers, wished_at, private, address, point, priority } = patch;
    let answers = match answers {
        None => None,
        Some(given) => {
            let merged = merged(&order.answers, given);
            let kind = tx.rows().service_kinds().at(&order.region_code, &order.kind).await?;
            let faults = check_answers(&kind.map(|kind| kind.questions).unwrap_or_default(), &merged);
            if !faults.is_empty() {
                return Err(Problem::invalid(faults));
            }
            Some(merged)
        }
    };
    let site = match (order.site.clone(), address, point) {
        (_, None, None) => None,
        (Site::Compound { .. }, _, Some(_)) => return Err(Problem::field("/point", "not-changeable")),
        (Site::Address { .. }, Some(None), _) => return Err(Problem::field("/address", "required")),
        (Site::Compound { compound_id, building_id, unit_id, address: old }, new, None) => {
            let address = new.map_or(old, |new| new.map(trimmed));
            Some(Site::Compound { compound_id, building_id, unit_id, address })
        }
        (Site::Address { address: old, point: at }, new, moved) => {
            let address = new.flatten().map_or(old, trimmed);
            Some(Site::Address { address, point: moved.map_or(at, |moved| moved.map(Into::into)) })
        }
    };
    Ok(OrderChange {
        description: description.map(trimmed),
        answers,
        wished_at: wished_at.map(|at| at.map(|at| at.0)),
        private,
        site,
        priority: priority.map(Into::into),
    })
}

/// Answers as a merge patch leaves them (RFC 7396).
fn merged(answers: &Answers, patch: Option<BTreeMap<String, AnswerChangeIn>>) -> Answers {
    let Some(patch) = patch else { return Answers::new() };
    let mut answers = answers.clone();
    for (key, answer) in patch {
        match answer.0 {
            Some(answer) => answers.insert(key, answer.into()),
            None => answers.remove(&key),
        };
    }
    answers
}

fn trimmed(text: String) -> String {
    text.trim().to_owned()
}
