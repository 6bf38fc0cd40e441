//! Looking at masked members in full: for a stated purpose, soon after signing in, and never unrecorded.

use actix_web::post;
use chrono::NaiveDate;
use domain::{
    access::{Action, ResourceKind},
    event::Datum,
    id::PersonId,
    people::{Person, RevealField, RevealPurpose},
    resource::Resource as _,
};
use serde::{Deserialize, Serialize};
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
#[schema(as = Reveal, example = json!({"fields": ["phone"], "purpose": "service"}))]
pub struct RevealIn {
    /// The members.
    #[schema(min_items = 1, max_items = 5)]
    fields: Vec<FieldIo>,
    /// Why.
    purpose: PurposeIo,
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
    let RevealIn { fields, purpose } = body.value;
    let mut fields: Vec<RevealField> = fields.into_iter().map(|field| field.0).collect();
    fields.sort_unstable();
    fields.dedup();
    ctx.write(&body.content, async |tx| {
        let names = fields.iter().map(|field| field.name()).collect();
        let event = person.event("person.revealed").with("fields", Datum::Words(names));
        tx.record_look(event.with("purpose", Datum::Word(purpose.0.name()))).await?;
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
    })
    .await
}
