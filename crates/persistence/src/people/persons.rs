//! Persons. Telephone number, ID number and address are sealed; the first two have a blind index.

use domain::{
    access::Access,
    cn::{IdNumber, Phone, RegionCode, Sex},
    id::{CompoundId, PersonId},
    people::{Person, PoliticalStatus, Tag},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr, ExprTrait},
};
use uuid::Uuid;

use super::entity::person;
use crate::{
    connect::Reader,
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, Sealer, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    single::ById,
    vault::{Class, Vault},
};

pub(crate) const TABLE: &str = "persons";
/// The column of telephone numbers as seals and indexes name it.
pub(crate) const PHONE: &str = "phone";
const ID_NUMBER: &str = "id_number";
const ADDRESS: &str = "address";

/// Which persons.
#[derive(Debug, Clone, Default)]
pub struct PersonFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// In this compound.
    pub compound_id: Option<CompoundId>,
}

/// By what to find persons; all that is given must fit.
#[derive(Debug, Clone, Default)]
pub struct PersonSearch {
    /// Name begins with.
    pub name: Option<String>,
    /// Telephone number.
    pub phone: Option<Phone>,
    /// ID number.
    pub id_number: Option<IdNumber>,
    /// In this subtree.
    pub region: Option<RegionCode>,
}

/// Finder of persons.
#[derive(Debug)]
pub struct Persons<'a, C>(pub(super) Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Persons.
    #[must_use]
    pub fn persons(self) -> Persons<'a, C> {
        Persons(self)
    }
}

fn region_column() -> Expr {
    Expr::col((person::Entity, person::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    let own = scope::own_of_person(person::Column::Id);
    let compound = Some(Expr::col((person::Entity, person::Column::CompoundId)));
    scope::visible(
        access,
        &ScopeColumns { region: Some(region_column()), compound, related: &own, ..Default::default() },
    )
}

impl Findable for Person {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = person::Entity::find_by_id(id.0).filter(visible(access));
        let row = lock.on(select).one(rows.conn).await?.ok_or(Error::NotFound)?;
        Found::judge(access, person_of(rows.vault, row)?)
    }
}

impl Stored for Person {
    type Entity = person::Entity;

    fn row(&self, vault: &Vault) -> Result<person::ActiveModel> {
        row_of(vault, self)
    }

    fn columns() -> (person::Column, person::Column) {
        (person::Column::Id, person::Column::Version)
    }
}

impl<C: ConnectionTrait> Persons<'_, C> {
    /// A page of persons whom the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &PersonFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Person>>> {
        let PersonFilter { region, compound_id } = filter;
        let mut select = person::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if let Some(compound) = compound_id {
            select = select.filter(person::Column::CompoundId.eq(compound.0));
        }
        self.read(access, select, request).await
    }

    /// A page of persons whom the caller sees and the search finds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn search(
        &self,
        access: &Access,
        search: &PersonSearch,
        request: &PageRequest,
    ) -> Result<Page<Found<Person>>> {
        let PersonSearch { name, phone, id_number, region } = search;
        let mut select = person::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if let Some(name) = name {
            // a range, not LIKE: an index serves it on both databases and nothing in the name is a pattern
            let column = || Expr::col((person::Entity, person::Column::Name));
            select = select.filter(column().gte(name.clone()).and(column().lt(format!("{name}\u{10FFFF}"))));
        }
        if let Some(phone) = phone {
            select = select.filter(person::Column::PhoneIndex.eq(self.0.vault.blind_index(PHONE, phone.e164())));
        }
        if let Some(number) = id_number {
            select =
                select.filter(person::Column::IdNumberIndex.eq(self.0.vault.blind_index(ID_NUMBER, number.as_str())));
        }
        self.read(access, select, request).await
    }

    async fn read(
        &self,
        access: &Access,
        select: sea_orm::Select<person::Entity>,
        request: &PageRequest,
    ) -> Result<Page<Found<Person>>> {
        let sorting = Sorting { name: None, column: None, id: Expr::col(person::Column::Id), uuid: true };
        let rows = page::<_, person::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, person_of(self.0.vault, row)?))
    }

    /// The caller's own person.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn own(&self, id: PersonId) -> Result<Person> {
        let row = person::Entity::find_by_id(id.0).one(self.0.conn).await?;
        person_of(self.0.vault, row.ok_or(Error::NotFound)?)
    }
}

impl ById for person::Entity {
    fn id(row: &person::Model) -> Uuid {
        row.id
    }
}

impl Persons<'_, Reader> {
    /// The caller's own person, outside any transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn read_own(&self, id: PersonId) -> Result<Person> {
        let row = self.0.conn.single().persons.read(self.0.conn, id.0).await?;
        person_of(self.0.vault, row.ok_or(Error::NotFound)?)
    }
}

pub(crate) fn row_of(vault: &Vault, value: &Person) -> Result<person::ActiveModel> {
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
    } = value;
    let row = id.to_string();
    let sealer = Sealer { vault, table: TABLE, row: &row };
    let phone = phone.as_ref().map(Phone::e164);
    let id_number = id_number.as_ref().map(IdNumber::as_str);
    Ok(person::ActiveModel {
        id: Set(id.0),
        region_code: Set(region_code.to_string()),
        compound_id: Set(compound_id.map(Into::into)),
        name: Set(name.clone()),
        sex: Set(sex.map(|sex| sex_name(sex).to_owned())),
        birth_date: Set(*birth_date),
        phone_sealed: Set(sealer.seal(Class::Personal, PHONE, phone)?),
        phone_index: Set(phone.map(|phone| vault.blind_index(PHONE, phone))),
        id_number_sealed: Set(sealer.seal(Class::Sensitive, ID_NUMBER, id_number)?),
        id_number_index: Set(id_number.map(|number| vault.blind_index(ID_NUMBER, number))),
        address_sealed: Set(sealer.seal(Class::Personal, ADDRESS, address.as_deref())?),
        political_status: Set(political_status.map(|status| status.name().to_owned())),
        tags: Set(tags.iter().map(|tag| tag.name()).collect()),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    })
}

fn sex_name(sex: Sex) -> &'static str {
    match sex {
        Sex::Male => "male",
        Sex::Female => "female",
    }
}

fn sex_of(name: &str) -> Option<Sex> {
    match name {
        "male" => Some(Sex::Male),
        "female" => Some(Sex::Female),
        _ => None,
    }
}

pub(super) fn person_of(vault: &Vault, row: person::Model) -> Result<Person> {
    let person::Model {
        id,
        region_code,
        compound_id,
        name,
        sex,
        birth_date,
        phone_sealed,
        phone_index: _,
        id_number_sealed,
        id_number_index: _,
        address_sealed,
        political_status,
        tags,
        version,
        created_at,
        updated_at,
    } = row;
    let row = id.to_string();
    let sealer = Sealer { vault, table: TABLE, row: &row };
    let phone = sealer.open(Class::Personal, PHONE, phone_sealed.as_deref())?;
    let id_number = sealer.open(Class::Sensitive, ID_NUMBER, id_number_sealed.as_deref())?;
    let today = domain::time::day_in_china(updated_at);
    let tags: Vec<String> = serde_json::from_value(tags).map_err(|_| sealer.corrupt("tags"))?;
    Ok(Person {
        id: id.into(),
        region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
        compound_id: compound_id.map(Into::into),
        name,
        sex: sex.map(|name| word(sex_of(&name), TABLE, "sex", &id)).transpose()?,
        birth_date,
        phone: phone.map(|phone| Phone::from_e164(&phone)).transpose().map_err(|_| sealer.corrupt(PHONE))?,
        id_number: id_number
            .map(|number| IdNumber::parse(&number, today))
            .transpose()
            .map_err(|_| sealer.corrupt(ID_NUMBER))?,
        address: sealer.open(Class::Personal, ADDRESS, address_sealed.as_deref())?,
        political_status: political_status
            .map(|name| word(PoliticalStatus::from_name(&name), TABLE, "political_status", &id))
            .transpose()?,
        tags: tags.iter().map(|name| word(Tag::from_name(name), TABLE, "tags", &id)).collect::<Result<_>>()?,
        version,
        created_at,
        updated_at,
    })
}

impl SortKey for person::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}
