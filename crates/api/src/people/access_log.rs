//! Who looked at a person's data: for the person himself, and for auditors.

use actix_web::get;
use domain::{
    access::{Action, ResourceKind, Role},
    id::PersonId,
    people::Person,
};
use persistence::{AccessEntry, Page, PageRequest};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{
        At, Ctx, List, ListFilter, ListParams, PathId, Reply, Shown, WordOf, reply::Caching, resource::page_of,
        value::masked_name,
    },
    problem::Problem,
};

type RoleIo = WordOf<Role>;

/// Who looked.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessActor)]
pub struct AccessActorOut {
    /// What he is called.
    display_name: String,
    /// The office in which he did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    role: Option<RoleIo>,
    /// The region of that office, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unit: Option<String>,
}

/// A look at the data of a person.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessEntry)]
pub struct AccessOut {
    /// The event that tells of it.
    id: Uuid,
    /// `person.revealed`: masked members in full; `service_order.contact_read`: how to reach him, to do the work.
    kind: String,
    /// The order by way of which it was, if it was by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    service_order_id: Option<String>,
    /// Who looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    actor: Option<AccessActorOut>,
    /// At which members.
    fields: Vec<String>,
    /// Why.
    purpose: String,
    /// What he wrote of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<String>,
    /// When.
    at: At,
}

page_of!(AccessPageOut, AccessPage, AccessOut);

impl Shown for AccessOut {
    const KIND: ResourceKind = ResourceKind::Event;
    const CACHING: Caching = Caching::Never;

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn version(&self) -> i64 {
        1
    }
}

/// What the holder of an order is shown of the person for whom it is.
const OF_CONTACT: [&str; 3] = ["name", "phone", "address"];

impl AccessOut {
    fn of(ctx: &Ctx, entry: AccessEntry) -> Self {
        let AccessEntry {
            id,
            kind,
            subject_type,
            subject_id,
            actor_user_id,
            actor_display_name,
            actor_serves,
            role,
            unit,
            data,
            note,
            at,
        } = entry;
        let by_order = subject_type == ResourceKind::ServiceOrder.name();
        let words = data.get("fields").and_then(Value::as_array).into_iter().flatten();
        let fields: Vec<String> = words.filter_map(Value::as_str).map(str::to_owned).collect();
        let purpose = data.get("purpose").and_then(Value::as_str).unwrap_or("service").to_owned();
        let actor = actor_display_name.map(|name| {
            // who looked as an official is named; who only lives there is not
            let in_full = actor_serves || actor_user_id == Some(ctx.actor.user_id);
            let display_name = if in_full { name } else { masked_name(&name) };
            AccessActorOut { display_name, role: role.map(WordOf), unit }
        });
        Self {
            id: id.0,
            kind,
            service_order_id: by_order.then_some(subject_id),
            actor,
            fields: if by_order { OF_CONTACT.map(str::to_owned).to_vec() } else { fields },
            purpose,
            note,
            at: at.into(),
        }
    }
}

/// The log has no filters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccessListIn {
    /// By what it is sorted; the latest first if it is not said.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    #[expect(dead_code, reason = "it only documents; the list reads this parameter")]
    sort: (),
}

impl ListFilter for AccessListIn {
    const SORTS: &'static [&'static str] = &["-id"];
}

/// List who looked at one's own data
#[utoipa::path(tag = "me", operation_id = "listMyAccessLog", params(ListParams, AccessListIn), security(("bearer" = [])), responses((status = 200, body = AccessPageOut)))]
#[get("/me/access-log")]
pub async fn list_my_access_log(ctx: Ctx, list: List<AccessListIn>) -> Result<Reply, Problem> {
    match ctx.actor.person_id {
        Some(person) => log(&ctx, &list, person).await,
        None => answer(&ctx, &list, nothing(&list.page)),
    }
}

/// List who looked at a person's data
#[utoipa::path(tag = "persons", operation_id = "listPersonAccessLog", params(("id" = Uuid, Path, description = "person id"), ListParams, AccessListIn), security(("bearer" = [])), responses((status = 200, body = AccessPageOut)))]
#[get("/persons/{id}/access-log")]
pub async fn list_person_access_log(
    ctx: Ctx,
    id: PathId<PersonId>,
    list: List<AccessListIn>,
) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::AccessLog, ResourceKind::Person)?;
    ctx.app.database.rows().find::<Person>(&access, &id.0).await?.permitted(&access)?;
    log(&ctx, &list, id.0).await
}

async fn log(ctx: &Ctx, list: &List<AccessListIn>, person: PersonId) -> Result<Reply, Problem> {
    answer(ctx, list, ctx.app.database.rows().access_log(person, &list.page).await?)
}

fn answer(ctx: &Ctx, list: &List<AccessListIn>, page: Page<AccessEntry>) -> Result<Reply, Problem> {
    Reply::page(ctx, list, &page.try_map(|entry| Ok(AccessOut::of(ctx, entry)))?)
}

/// An account without a person behind it has no data that could be looked at.
fn nothing(request: &PageRequest) -> Page<AccessEntry> {
    Page { items: Vec::new(), next: None, total: request.count.then_some(0) }
}
