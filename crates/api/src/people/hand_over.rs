//! The posts of one person handed over to another, all of them or none.

use actix_web::post;
use chrono::NaiveDate;
use domain::{
    access::{Access, Action, ResourceKind},
    id::PersonId,
    people::{Appointment, HandOver, Heir, Person},
    refusal::Refusal,
};
use persistence::{Found, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::appointments::{self, AppointmentOut};
use crate::{
    http::{Body, Ctx, Reply, reply::Caching},
    problem::Problem,
};

/// Whose posts are handed over to whom.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = HandOver, example = json!({"from_person_id": "019cd111-7f00-7a00-9b00-aaaaaaaaaaaa", "to_person_id": "019cd111-7f00-7a00-9b00-bbbbbbbbbbbb", "on": "2026-04-01"}))]
pub struct HandOverIn {
    /// Who holds them.
    from_person_id: Uuid,
    /// Who is to hold them.
    to_person_id: Uuid,
    /// His first day.
    on: NaiveDate,
    /// Which of them; all that are held on that day if it is not said.
    #[schema(min_items = 1, max_items = 100)]
    appointment_ids: Option<Vec<Uuid>>,
}

/// The appointments that begin by a hand-over.
#[derive(Serialize, ToSchema)]
#[schema(as = HandedOver)]
pub struct HandedOverOut {
    /// One for each that ended.
    items: Vec<AppointmentOut>,
}

/// An appointment that is to be handed over, and where the body names it.
struct Chosen {
    pointer: String,
    found: Found<Appointment>,
}

/// Hand the posts of a person over to another one
///
/// All of them or none. A refusal names those because of which nothing was done: by their place in `appointment_ids`, and
/// as `appointment_ids` of the problem.
#[utoipa::path(tag = "appointments", operation_id = "handOverAppointments", request_body = HandOverIn, security(("bearer" = [])), responses((status = 200, body = HandedOverOut)))]
#[post("/appointments/hand-over")]
pub async fn hand_over_appointments(ctx: Ctx, body: Body<HandOverIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::HandOver, ResourceKind::Appointment)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    let HandOverIn { from_person_id, to_person_id, on, appointment_ids } = body.value;
    let (from, to) = (PersonId(from_person_id), PersonId(to_person_id));
    if from == to {
        return Err(Problem::field("/to_person_id", "contradicts-member"));
    }
    ctx.write(&body.content, async |tx| {
        let heir = heir(&ctx, tx, &access, from, to).await?;
        let held = tx.rows().appointments().held_by(&access, from, on).await?;
        let chosen = choose(held, appointment_ids.as_deref())?;
        refuse_unpermitted(&access, &chosen)?;
        let mut steps = Vec::new();
        for Chosen { pointer, found } in chosen {
            let heir = Heir { id: ctx.app.ids.next().into(), person_id: to, display_name: heir.name.clone() };
            steps.push((pointer, step(&ctx, found, heir, on)?));
        }
        refuse_doubles(tx, &steps).await?;
        let mut items = Vec::new();
        for (_, HandOver { ended, begun }) in steps {
            // the one that ends names the one that begins, which has to be there first
            let begun = tx.insert(begun).await?;
            tx.update(ended).await?;
            items.extend(appointments::shown(&ctx, &access, begun));
        }
        Reply::json(200, &HandedOverOut { items }, Caching::Personal)
    })
    .await
}

/// Who takes over. Both persons are kept from others in the order of their ids, so that two hand-overs never wait for
/// each other.
async fn heir(ctx: &Ctx, tx: &Tx, access: &Access, from: PersonId, to: PersonId) -> Result<Person, Problem> {
    let reach = access.where_permitted();
    let mut both = [(from, "/from_person_id"), (to, "/to_person_id")];
    both.sort_unstable();
    let mut heir = None;
    for (id, pointer) in both {
        let person = appointments::person(ctx, tx, &reach, id, pointer).await?;
        heir = heir.or((id == to).then_some(person));
    }
    heir.ok_or_else(|| Problem::field("/to_person_id", "not-found"))
}

/// Those of what is held that are to be handed over.
fn choose(held: Vec<Found<Appointment>>, ids: Option<&[Uuid]>) -> Result<Vec<Chosen>, Problem> {
    let Some(ids) = ids else {
        if held.is_empty() {
            return Err(Problem::field("/from_person_id", "holds-no-post"));
        }
        return Ok(held.into_iter().map(|found| Chosen { pointer: "/from_person_id".to_owned(), found }).collect());
    };
    let mut chosen: Vec<Chosen> = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let pointer = format!("/appointment_ids/{index}");
        if chosen.iter().any(|other| other.found.row.id.0 == *id) {
            return Err(Problem::field(pointer, "duplicate"));
        }
        let found = held.iter().find(|found| found.row.id.0 == *id).cloned();
        let found = found.ok_or_else(|| Problem::field(pointer.clone(), "not-found"))?;
        chosen.push(Chosen { pointer, found });
    }
    Ok(chosen)
}

fn step(ctx: &Ctx, found: Found<Appointment>, heir: Heir, on: NaiveDate) -> Result<HandOver, Problem> {
    let id = found.row.id.0;
    found.row.hand_over(heir, on, found.grasp.actions, ctx.now).map_err(|refusal: Refusal| {
        let problem: Problem = refusal.into();
        problem.with("appointment_ids", vec![id.to_string()])
    })
}

/// Refuses all where some are not the caller's to hand over, and names those.
fn refuse_unpermitted(access: &Access, chosen: &[Chosen]) -> Result<(), Problem> {
    let wrong = chosen.iter().filter(|chosen| !chosen.found.grasp.actions.has(access.action()));
    let wrong: Vec<_> = wrong.map(|chosen| (chosen.pointer.as_str(), chosen.found.row.id.0)).collect();
    named(Problem::new("forbidden"), "not-permitted", &wrong)
}

/// Refuses all where the one who takes over holds some of the posts already on a day of what he would get.
async fn refuse_doubles(tx: &Tx, steps: &[(String, HandOver)]) -> Result<(), Problem> {
    let mut wrong = Vec::new();
    for (pointer, HandOver { ended, begun }) in steps {
        if tx.rows().appointments().is_held_twice(&begun.value).await? {
            wrong.push((pointer.as_str(), ended.value.id.0));
        }
    }
    named(Problem::new("validation-failed"), "duplicate", &wrong)
}

fn named(problem: Problem, code: &'static str, wrong: &[(&str, Uuid)]) -> Result<(), Problem> {
    if wrong.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = wrong.iter().map(|(_, id)| id.to_string()).collect();
    let mut pointers: Vec<&str> = wrong.iter().map(|(pointer, _)| *pointer).collect();
    pointers.dedup();
    Err(pointers.into_iter().fold(problem, |problem, pointer| problem.at(pointer, code)).with("appointment_ids", ids))
}
