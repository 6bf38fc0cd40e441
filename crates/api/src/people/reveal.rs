//! Looking at masked members in full: for a stated purpose, soon after signing in, and never unrecorded.

use actix_web::post;
use chrono::NaiveDate;
use domain::{
    access::{Action, ResourceKind},
    event::{Datum, EventDraft, Subject},
    id::PersonId,
    people::{LOOK_WINDOW, LOOKS, LimitReached, Person, RevealField, RevealPurpose, may_look},
    resource::Resource as _,
};
use persistence::Tx;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{Body, Ctx, PathId, Reply, WordOf, reply::Caching},
    problem::Problem,
};

type FieldIo = WordOf<RevealField>;
type PurposeIo = WordOf<RevealPurpose>;

/// What to look at, and why.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Reveal, example = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修前确认电话"}))]
pub struct RevealIn {
    /// The members.
    #[schema(min_items = 1, max_items = 5)]
    fields: Vec<FieldIo>,
    /// Why.
    purpose: PurposeIo,
    /// Why in words, which the person himself and auditors read.
    #[schema(min_length = 4, max_length = 200, pattern = r"\S")]
    note: String,
}

/// The members that were asked for, as far as they are known.
#[derive(Serialize, ToSchema)]
#[schema(as = Revealed)]
pub struct RevealedOut {
    /// The person.
    id: Uuid,
    /// Name in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// Telephone number (E.164).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<String>,
    /// ID number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id_number: Option<String>,
    /// Date of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    birth_date: Option<NaiveDate>,
    /// Address below compound or village.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<String>,
}

/// Look at masked members in full
///
/// The caller must have signed in within the last ten minutes.
#[utoipa::path(tag = "persons", operation_id = "revealPerson", params(("id" = Uuid, Path, description = "person id")), request_body = RevealIn, security(("bearer" = [])), responses((status = 200, body = RevealedOut)))]
#[post("/persons/{id}/reveal")]
pub async fn reveal_person(ctx: Ctx, id: PathId<PersonId>, body: Body<RevealIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Reveal, ResourceKind::Person)?;
    // before the key is looked at: who may no longer look gets no kept answer either
    let person = ctx.app.database.rows().find::<Person>(&access, &id.0).await?.permitted(&access)?.row;
    ctx.require_recent_login()?;
    let RevealIn { fields, purpose, note } = body.value;
    let mut fields: Vec<RevealField> = fields.into_iter().map(|field| field.0).collect();
    fields.sort_unstable();
    fields.dedup();
    let reply = ctx.write(&body.content, async |tx| {
        within_limits(&ctx, tx, person.id).await?;
        let names = fields.iter().map(|field| field.name()).collect();
        let event = person.event("person.revealed").with("fields", Datum::Words(names));
        let event = event.with("purpose", Datum::Word(purpose.0.name()));
        tx.record_look_with_note(event, note.trim()).await?;
        let wants = |field: RevealField| fields.contains(&field);
        let revealed = RevealedOut {
            id: person.id.0,
            name: Some(person.name).filter(|_| wants(RevealField::Name)),
            phone: person.phone.filter(|_| wants(RevealField::Phone)).map(|phone| phone.e164().to_owned()),
            id_number: person
                .id_number
                .filter(|_| wants(RevealField::IdNumber))
                .map(|number| number.as_str().to_owned()),
            birth_date: person.birth_date.filter(|_| wants(RevealField::BirthDate)),
            address: person.address.filter(|_| wants(RevealField::Address)),
        };
        Reply::json(200, &revealed, Caching::Never)
    });
    let reply = reply.await;
    if reply.as_ref().is_err_and(|problem| problem.code() == "quota-exceeded") {
        tell_limit(&ctx).await?;
    }
    reply
}

/// Nobody looks at more than his work takes. What is counted are the events, so it holds over all replicas.
async fn within_limits(ctx: &Ctx, tx: &Tx, person: PersonId) -> Result<(), Problem> {
    let past = tx.looks_of(ctx.actor.user_id, LOOK_WINDOW, LOOKS).await?;
    may_look(&past, person, ctx.now).map_err(|LimitReached { policy, until }| {
        Problem::new("quota-exceeded").with("violated-policies", json!([policy])).until(until, ctx.now)
    })
}

/// Writes that somebody reached the limit, once in the time for which it holds.
async fn tell_limit(ctx: &Ctx) -> Result<(), Problem> {
    let user = ctx.actor.user_id;
    if ctx.app.database.rows().limit_was_told(user, ctx.now - LOOK_WINDOW).await? {
        return Ok(());
    }
    let subject = Subject { kind: ResourceKind::User, id: user.to_string(), version: 0 };
    ctx.record_look(EventDraft::new("auth.reveal_limit_reached", subject, None)).await
}
