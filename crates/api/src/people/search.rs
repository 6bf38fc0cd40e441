//! Finding persons by name or number, which never stand in a URL.

use actix_web::post;
use aws_lc_rs::digest::{SHA256, digest};
use domain::{
    access::{Access, Action, ResourceKind},
    cn::{IdNumber, Phone, RegionCode},
    event::{Datum, EventDraft, Subject},
    refusal::FieldError,
    time::day_in_china,
};
use persistence::PersonSearch;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use validator::Validate;

use super::persons::{PersonOut, PersonPageOut};
use crate::{
    http::{Body, Ctx, List, ListFilter, ListParams, Reply, resource},
    problem::Problem,
};

/// By what to find persons; all that is given must fit, and one of name, phone and ID number must be given.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = PersonSearch, example = json!({"name": "丁", "region_code": "360502002001"}))]
pub struct SearchIn {
    /// The name begins with this.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: Option<String>,
    /// The whole telephone number.
    #[schema(min_length = 1, max_length = 40)]
    phone: Option<String>,
    /// The whole ID number.
    #[schema(min_length = 1, max_length = 40)]
    id_number: Option<String>,
    /// In this subtree.
    #[schema(min_length = 2, max_length = 15, pattern = "^[0-9]+$")]
    region_code: Option<String>,
}

/// A search has its filters in the body.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchListIn {
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for SearchListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// Find persons by name, telephone number or ID number
///
/// Pages go on at `page.next` with the same body.
#[utoipa::path(tag = "persons", operation_id = "searchPersons", params(ListParams, SearchListIn), request_body = SearchIn, security(("bearer" = [])), responses((status = 200, body = PersonPageOut)))]
#[post("/persons/search")]
pub async fn search_persons(ctx: Ctx, list: List<SearchListIn>, body: Body<SearchIn>) -> Result<Reply, Problem> {
    let SearchListIn { sort: () } = &list.filter;
    let access = ctx.authorize(Action::Search, ResourceKind::Person)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    let named = [
        ("name", body.value.name.is_some()),
        ("phone", body.value.phone.is_some()),
        ("id_number", body.value.id_number.is_some()),
        ("region_code", body.value.region_code.is_some()),
    ];
    let by: Vec<&'static str> = named.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    let search = search_of(&ctx, &access, body.value)?;
    // a cursor goes on with one search: its digest stands for it, since the URL may not hold what was typed
    let digest = digest(&SHA256, body.content.to_string().as_bytes());
    let list = list.bound_to(digest.as_ref())?;
    let page = ctx.app.database.rows().persons().search(&access, &search, &list.page).await?;
    let subject = Subject { kind: ResourceKind::Session, id: ctx.actor.session_id.to_string(), version: 1 };
    let found = i64::try_from(page.items.len()).unwrap_or(i64::MAX);
    let event = EventDraft::new("person.searched", subject, search.region.clone());
    ctx.record_look(event.with("by", Datum::Words(by)).with("found", Datum::Count(found))).await?;
    resource::page::<PersonOut, _>(&ctx, &list, page)
}

fn search_of(ctx: &Ctx, access: &Access, search: SearchIn) -> Result<PersonSearch, Problem> {
    let SearchIn { name, phone, id_number, region_code } = search;
    if name.is_none() && phone.is_none() && id_number.is_none() {
        return Err(Problem::field("/name", "required"));
    }
    let mut errors = Vec::new();
    let mut fault = |pointer: &str, code: &'static str| errors.push(FieldError::new(pointer, code));
    let phone = phone.and_then(|phone| Phone::parse(&phone).map_err(|error| fault("/phone", error.code())).ok());
    let today = day_in_china(ctx.now);
    let id_number = id_number
        .and_then(|number| IdNumber::parse(&number, today).map_err(|error| fault("/id_number", error.code())).ok());
    let region =
        region_code.and_then(|code| RegionCode::parse(&code).map_err(|error| fault("/region_code", error.code())).ok());
    if !errors.is_empty() {
        return Err(Problem::invalid(errors));
    }
    ctx.region_in_scope(access, region.as_ref()).map_err(|_| Problem::field("/region_code", "not-found"))?;
    Ok(PersonSearch { name: name.map(|name| name.trim().to_owned()), phone, id_number, region })
}
