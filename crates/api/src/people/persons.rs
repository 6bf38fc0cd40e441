//! Persons.

use actix_web::{get, patch, post, put};
use chrono::NaiveDate;
use domain::{
    access::{Action, Detail, ResourceKind},
    cn::{IdNumber, PersonName, Phone, RegionCode, RegionLevel, Sex},
    compounds::Compound,
    id::{CompoundId, PersonId},
    people::{Person, PoliticalStatus, Tag},
    refusal::FieldError,
    time::day_in_china,
};
use persistence::{Found, PersonFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, MergePatch, PathId, RegionText, Reply, View,
        WordOf, Writable,
        resource::{self, page_of, plain_actions, shown_as, timeline_of},
        value::masked_name,
    },
    problem::Problem,
};

type PoliticalStatusIo = WordOf<PoliticalStatus>;
type TagIo = WordOf<Tag>;
type PersonPatch = MergePatch<PersonIn>;

/// Sex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Sex)]
pub enum SexIo {
    /// 男
    Male,
    /// 女
    Female,
}

impl From<Sex> for SexIo {
    fn from(sex: Sex) -> Self {
        match sex {
            Sex::Male => Self::Male,
            Sex::Female => Self::Female,
        }
    }
}

impl From<SexIo> for Sex {
    fn from(sex: SexIo) -> Self {
        match sex {
            SexIo::Male => Self::Male,
            SexIo::Female => Self::Female,
        }
    }
}

/// A person 居民. Name, telephone number, ID number and address stand masked, in full only for the person himself;
/// who has only aggregates sees no more than where and when.
#[derive(Serialize, ToSchema)]
#[schema(as = Person)]
pub struct PersonOut {
    /// The id.
    id: Uuid,
    /// The community or grid in which he lives.
    region_code: String,
    /// The compound in which he lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compound_id: Option<Uuid>,
    /// His name, for others the first character and stars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    display_name: Option<String>,
    /// Sex.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sex: Option<SexIo>,
    /// Year of birth.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    birth_year: Option<i32>,
    /// Date of birth, for the person himself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    birth_date: Option<NaiveDate>,
    /// First and last digits of the telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone_masked: Option<String>,
    /// The telephone number (E.164), for the person himself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<String>,
    /// First and last character of the ID number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id_number_masked: Option<String>,
    /// The address below compound or village, for the person himself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<String>,
    /// 政治面貌
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    political_status: Option<PoliticalStatusIo>,
    /// What a cadre should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tags: Option<Vec<TagIo>>,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When the row was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(PersonPageOut, PersonPage, PersonOut);
shown_as!(PersonOut, Person, Personal);

impl View for PersonOut {
    type Row = Person;

    const COLLECTION: &'static str = "persons";

    fn of(_: &Ctx, found: Found<Person>) -> Self {
        let detail = found.grasp.detail;
        let (matter, masked, own) = (detail >= Detail::Matter, detail >= Detail::Masked, detail == Detail::Own);
        let mut actions = plain_actions(found.grasp);
        if masked && found.grasp.actions.has(Action::Reveal) {
            actions.insert(0, Action::Reveal.name());
        }
        let birth_year = found.row.birth_year();
        let Person {
            id,
            region_code,
            compound_id,
            name,
            sex,
            birth_date,
            phone,
            id_number,
            address,
            political_status,
            tags,
            version,
            created_at,
            updated_at,
        } = found.row;
        let name = if own { name } else { masked_name(&name) };
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            compound_id: compound_id.filter(|_| matter).map(Into::into),
            display_name: matter.then_some(name),
            sex: sex.filter(|_| masked).map(Into::into),
            birth_year: birth_year.filter(|_| masked),
            birth_date: birth_date.filter(|_| own),
            phone_masked: phone.as_ref().filter(|_| masked).map(Phone::masked),
            phone: phone.filter(|_| own).map(|phone| phone.e164().to_owned()),
            id_number_masked: id_number.filter(|_| masked).map(|number| number.masked()),
            address: address.filter(|_| own),
            political_status: political_status.filter(|_| masked).map(WordOf),
            tags: masked.then(|| tags.into_iter().map(WordOf).collect()),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A person as he is written down: in a compound, or in a community or grid.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPerson, example = json!({"region_code": "360502002001", "name": "丁小梅", "phone": "13800138000", "political_status": "citizen", "tags": ["lives_alone"]}))]
pub struct PersonIn {
    /// The community or grid in which he lives, where he lives in no compound.
    #[schema(min_length = 12, max_length = 15, pattern = "^[0-9]+$")]
    region_code: Option<String>,
    /// The compound in which he lives.
    compound_id: Option<Uuid>,
    /// His name.
    #[schema(min_length = 1, max_length = 50, pattern = r"\S")]
    name: String,
    /// Sex; taken from the ID number where there is one.
    sex: Option<SexIo>,
    /// Date of birth; taken from the ID number where there is one.
    birth_date: Option<NaiveDate>,
    /// Telephone number.
    #[schema(min_length = 1, max_length = 40)]
    phone: Option<String>,
    /// ID number of 18 characters (GB 11643-1999).
    #[schema(min_length = 1, max_length = 40)]
    id_number: Option<String>,
    /// Address below compound or village.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    address: Option<String>,
    /// 政治面貌
    political_status: Option<PoliticalStatusIo>,
    /// What a cadre should know.
    #[serde(default)]
    #[schema(max_items = 6)]
    tags: Vec<TagIo>,
}

impl Writable for PersonIn {
    const MEMBERS: &'static [&'static str] = &[
        "region_code",
        "compound_id",
        "name",
        "sex",
        "birth_date",
        "phone",
        "id_number",
        "address",
        "political_status",
        "tags",
    ];
}

/// The earliest date of birth that is believed.
const EARLIEST: NaiveDate = match NaiveDate::from_ymd_opt(1880, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Members that the person may not change himself: where he belongs and what others wrote down of him.
const KEPT_BY_OTHERS: &[&str] = &["region_code", "compound_id", "name", "sex", "birth_date", "id_number", "tags"];

impl Editable for PersonOut {
    type In = PersonIn;

    const EVENTS: (&'static str, &'static str) = ("person.created", "person.updated");

    fn written(row: &Person) -> PersonIn {
        let region_code = row.compound_id.is_none().then(|| row.region_code.to_string());
        PersonIn {
            region_code,
            compound_id: row.compound_id.map(Into::into),
            name: row.name.clone(),
            sex: row.sex.map(Into::into),
            birth_date: row.birth_date,
            phone: row.phone.as_ref().map(|phone| phone.e164().to_owned()),
            id_number: row.id_number.as_ref().map(|number| number.as_str().to_owned()),
            address: row.address.clone(),
            political_status: row.political_status.map(WordOf),
            tags: row.tags.iter().copied().map(WordOf).collect(),
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Person>, written: PersonIn) -> Result<Person, Problem> {
        if let Some(before) = make.before() {
            own_members_only(ctx, before, &written)?;
        }
        let PersonIn {
            region_code,
            compound_id,
            name,
            sex,
            birth_date,
            phone,
            id_number,
            address,
            political_status,
            tags,
        } = written;
        let today = day_in_china(ctx.now);
        let mut errors = Vec::new();
        let name = held(&mut errors, "/name", PersonName::parse(&name).map_err(|error| error.code()));
        let phone = phone.map(|phone| Phone::parse(&phone).map_err(|error| error.code())).transpose();
        let phone = held(&mut errors, "/phone", phone);
        let number = id_number.map(|number| IdNumber::parse(&number, today).map_err(|error| error.code())).transpose();
        let id_number = held(&mut errors, "/id_number", number);
        if birth_date.is_some_and(|day| day > today) {
            errors.push(FieldError::new("/birth_date", "in-future"));
        }
        if birth_date.is_some_and(|day| day < EARLIEST) {
            errors.push(FieldError::new("/birth_date", "implausible"));
        }
        let (Some(name), Some(phone), Some(id_number), true) = (name, phone, id_number, errors.is_empty()) else {
            return Err(Problem::invalid(errors));
        };
        let home = home(ctx, tx, region_code, compound_id.map(Into::into), make.before().map(home_of)).await?;
        let before = make.before();
        let mut tags: Vec<Tag> = tags.into_iter().map(|tag| tag.0).collect();
        tags.sort_unstable();
        tags.dedup();
        let person = Person {
            id: make.id(|| ctx.app.ids.next().into()),
            region_code: home.0,
            compound_id: home.1,
            name: name.as_str().to_owned(),
            sex: sex.map(Into::into),
            birth_date,
            phone,
            id_number,
            address: address.map(|address| address.trim().to_owned()),
            political_status: political_status.map(|status| status.0),
            tags,
            version: before.map_or(1, |row| row.version),
            created_at: before.map_or(ctx.now, |row| row.created_at),
            updated_at: before.map_or(ctx.now, |row| row.updated_at),
        };
        let (person, faults) = person.reconcile();
        if faults.is_empty() { Ok(person) } else { Err(Problem::invalid(faults)) }
    }
}

fn held<T>(errors: &mut Vec<FieldError>, pointer: &str, parsed: Result<T, &'static str>) -> Option<T> {
    parsed.map_err(|code| errors.push(FieldError::new(pointer, code))).ok()
}

fn home_of(person: &Person) -> (RegionCode, Option<CompoundId>) {
    (person.region_code.clone(), person.compound_id)
}

/// Where somebody lives: in a compound, or in a community or grid. What stays as it was is not looked up again: who
/// keeps the person need not see the compound.
pub async fn home(
    ctx: &Ctx,
    tx: &Tx,
    region_code: Option<String>,
    compound_id: Option<CompoundId>,
    before: Option<(RegionCode, Option<CompoundId>)>,
) -> Result<(RegionCode, Option<CompoundId>), Problem> {
    match (region_code, compound_id) {
        (Some(_), Some(_)) => Err(Problem::field("/region_code", "not-together")),
        (None, None) => Err(Problem::field("/compound_id", "required")),
        (None, Some(id)) => match before {
            Some(home) if home.1 == Some(id) => Ok(home),
            _ => {
                let compound = ctx.named_place::<Compound, _>(tx.rows(), &id, "/compound_id").await?.row;
                Ok((compound.region_code, Some(id)))
            }
        },
        (Some(code), None) => {
            Ok((ctx.named_region(tx.rows(), &code, RegionLevel::Community, "/region_code").await?, None))
        }
    }
}

/// The person himself corrects how he is reached; the rest is for those who keep his row.
fn own_members_only(ctx: &Ctx, before: &Person, written: &PersonIn) -> Result<(), Problem> {
    let access = ctx.authorize(Action::Update, ResourceKind::Person)?;
    if ctx.actor.person_id != Some(before.id) || access.permits_as_keeper(before) {
        return Ok(());
    }
    resource::keeps::<PersonOut>(KEPT_BY_OTHERS, before, written)
}

/// Filters of the list of persons. Names and numbers are looked for by `POST /persons/search`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PersonListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// In this compound.
    #[param(value_type = Option<Uuid>)]
    compound_id: Option<CompoundId>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for PersonListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List persons
#[utoipa::path(tag = "persons", operation_id = "listPersons", params(ListParams, PersonListIn), security(("bearer" = [])), responses((status = 200, body = PersonPageOut)))]
#[get("/persons")]
pub async fn list_persons(ctx: Ctx, list: List<PersonListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Person)?;
    let PersonListIn { region, compound_id, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    if access.only_bare() && compound_id.is_some() {
        // what is not shown must not be found out by filtering
        return Err(Problem::field_not_allowed("compound_id"));
    }
    let filter = PersonFilter { region: region.clone(), compound_id: *compound_id };
    let page = ctx.app.database.rows().persons().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<PersonOut, _>(&ctx, &list, page)
}

/// Read a person
#[utoipa::path(tag = "persons", operation_id = "getPerson", params(("id" = Uuid, Path, description = "person id")), security(("bearer" = [])), responses((status = 200, body = PersonOut)))]
#[get("/persons/{id}")]
pub async fn get_person(ctx: Ctx, id: PathId<PersonId>) -> Result<Reply, Problem> {
    resource::get::<PersonOut>(&ctx, &id.0).await
}

/// Write down a person
#[utoipa::path(tag = "persons", operation_id = "createPerson", request_body = PersonIn, security(("bearer" = [])), responses((status = 201, body = PersonOut)))]
#[post("/persons")]
pub async fn create_person(ctx: Ctx, body: Body<PersonIn>) -> Result<Reply, Problem> {
    resource::create::<PersonOut>(&ctx, body.value, &body.content).await
}

/// Write down a person under an id of the client's own (UUIDv7), or replace what is written
#[utoipa::path(tag = "persons", operation_id = "putPerson", params(("id" = Uuid, Path, description = "person id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is replaced")), request_body = PersonIn, security(("bearer" = [])), responses((status = 201, body = PersonOut), (status = 200, body = PersonOut)))]
#[put("/persons/{id}")]
pub async fn put_person(ctx: Ctx, id: PathId<PersonId>, body: Body<PersonIn>) -> Result<Reply, Problem> {
    resource::put::<PersonOut>(&ctx, &id.0, body.value, &body.content).await
}

/// Change what is written down of a person
#[utoipa::path(tag = "persons", operation_id = "updatePerson", params(("id" = Uuid, Path, description = "person id"), ("If-Match" = Option<String>, Header, description = "ETag of the version that is changed")), request_body(content = PersonPatch, content_type = "application/merge-patch+json"), security(("bearer" = [])), responses((status = 200, body = PersonOut)))]
#[patch("/persons/{id}")]
pub async fn update_person(ctx: Ctx, id: PathId<PersonId>, patch: PersonPatch) -> Result<Reply, Problem> {
    resource::patch::<PersonOut>(&ctx, &id.0, patch).await
}

timeline_of!(list_person_events, "persons", "listPersonEvents", "/persons/{id}/events", "id", Person);
