//! Dwellings and their owners.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::{
    access::{Access, Reach},
    area::Area,
    cn::RegionCode,
    compounds::{AreaSource, Dwelling, Owner, Share, Stake},
    id::{BuildingId, CompoundId, PersonId, UnitId},
    periods::Period,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Condition, Expr, ExprTrait, Query, SimpleExpr},
};
use uuid::Uuid;

use super::{
    entity::{dwelling, dwelling_owner},
    periods,
};
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    tx::Tx,
    vault::Vault,
};

const TABLE: &str = "dwellings";
const OWNERS: &str = "dwelling_owners";

/// Which dwellings.
#[derive(Debug, Clone, Default)]
pub struct DwellingFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Of this compound.
    pub compound_id: Option<CompoundId>,
    /// Of this building.
    pub building_id: Option<BuildingId>,
    /// Of this unit.
    pub unit_id: Option<UnitId>,
    /// Handed over to a buyer, or not.
    pub delivered: Option<bool>,
    /// With an owner on `day`, or without.
    pub owned: Option<bool>,
    /// Of this person on `day`, among others or alone.
    pub owner_id: Option<PersonId>,
    /// The day of which is asked.
    pub day: NaiveDate,
}

/// Finder of dwellings.
#[derive(Debug)]
pub struct Dwellings<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Dwellings.
    #[must_use]
    pub fn dwellings(self) -> Dwellings<'a, C> {
        Dwellings(self)
    }
}

fn column(column: dwelling::Column) -> Expr {
    Expr::col((dwelling::Entity, column))
}

fn visible(access: &Access) -> Condition {
    let own = |reach: &Reach| -> Option<SimpleExpr> {
        let Reach::Own(_, Some(person)) = reach else { return None };
        let his = Query::select()
            .column("dwelling_id")
            .from(OWNERS)
            .and_where(Expr::col("person_id").eq(person.0))
            .and_where(Expr::col("valid_until").is_null())
            .take();
        Some(column(dwelling::Column::Id).in_subquery(his))
    };
    let (region, compound) = (column(dwelling::Column::RegionCode), column(dwelling::Column::CompoundId));
    scope::visible(
        access,
        &ScopeColumns { region: Some(region), compound: Some(compound), related: &own, ..Default::default() },
    )
}

/// An owner as he is read, with what he is called.
#[derive(FromQueryResult)]
struct OwnerRow {
    #[sea_orm(nested)]
    owner: dwelling_owner::Model,
    display_name: String,
}

type Stakes = Vec<Period<Vec<Stake>>>;

impl Findable for Dwelling {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = dwelling::Entity::find_by_id(id.0).filter(visible(access));
        let row = lock.on(select).one(rows.conn).await?.ok_or(Error::NotFound)?;
        let owners = rows.dwellings().owners(&[row.id]).await?.remove(&row.id);
        Found::judge(access, dwelling_of(row, owners)?)
    }
}

impl Stored for Dwelling {
    type Entity = dwelling::Entity;

    fn row(&self, _: &Vault) -> Result<dwelling::ActiveModel> {
        let Self {
            id,
            unit_id,
            building_id,
            compound_id,
            region_code,
            code,
            floor,
            area,
            area_source,
            delivered,
            owners: _,
            version,
            created_at,
            updated_at,
        } = self;
        Ok(dwelling::ActiveModel {
            id: Set(id.0),
            unit_id: Set(unit_id.0),
            building_id: Set(building_id.0),
            compound_id: Set(compound_id.0),
            region_code: Set(region_code.to_string()),
            code: Set(code.clone()),
            floor: Set(*floor),
            area: Set(area.map(|area| area.0)),
            area_source: Set(area_source.map(|source| source.name().to_owned())),
            delivered: Set(*delivered),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        })
    }

    fn columns() -> (dwelling::Column, dwelling::Column) {
        (dwelling::Column::Id, dwelling::Column::Version)
    }
}

impl<C: ConnectionTrait> Dwellings<'_, C> {
    /// A page of dwellings that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &DwellingFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Dwelling>>> {
        use dwelling::Column as D;
        let DwellingFilter { region, compound_id, building_id, unit_id, delivered, owned, owner_id, day } = filter;
        let mut select = dwelling::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(column(D::RegionCode), region));
        }
        if let Some(compound) = compound_id {
            select = select.filter(D::CompoundId.eq(compound.0));
        }
        if let Some(building) = building_id {
            select = select.filter(D::BuildingId.eq(building.0));
        }
        if let Some(unit) = unit_id {
            select = select.filter(D::UnitId.eq(unit.0));
        }
        if let Some(delivered) = delivered {
            select = select.filter(D::Delivered.eq(*delivered));
        }
        let owning = || periods::lasting(OWNERS, "dwelling_id", *day);
        match owned {
            Some(true) => select = select.filter(column(D::Id).in_subquery(owning())),
            Some(false) => select = select.filter(column(D::Id).not_in_subquery(owning())),
            None => {}
        }
        if let Some(owner) = owner_id {
            let his = owning().and_where(Expr::col("person_id").eq(owner.0)).take();
            select = select.filter(column(D::Id).in_subquery(his));
        }
        let sorting = Sorting { name: None, column: None, id: column(D::Id), uuid: true };
        let rows = page::<_, dwelling::Model, _>(self.0.conn, select, sorting, request).await?;
        let ids: Vec<Uuid> = rows.items.iter().map(|row| row.id).collect();
        let mut owners = self.owners(&ids).await?;
        rows.try_map(|row| {
            let owners = owners.remove(&row.id);
            Found::judge(access, dwelling_of(row, owners)?)
        })
    }

    async fn owners(&self, dwellings: &[Uuid]) -> Result<HashMap<Uuid, Stakes>> {
        let mut owners: HashMap<Uuid, Stakes> = HashMap::new();
        if dwellings.is_empty() {
            return Ok(owners);
        }
        let name = "COALESCE((SELECT p.name FROM persons p WHERE p.id = dwelling_owners.person_id), \
                    (SELECT o.name FROM organizations o WHERE o.id = dwelling_owners.organization_id))";
        let rows: Vec<OwnerRow> = dwelling_owner::Entity::find()
            .expr_as(Expr::cust(name), "display_name")
            .filter(dwelling_owner::Column::DwellingId.is_in(dwellings.iter().copied()))
            .order_by_asc(dwelling_owner::Column::DwellingId)
            .order_by_asc(dwelling_owner::Column::ValidFrom)
            .order_by_asc(dwelling_owner::Column::Number)
            .into_model()
            .all(self.0.conn)
            .await?;
        for OwnerRow { owner, display_name } in rows {
            let dwelling_owner::Model {
                dwelling_id,
                valid_from,
                number: _,
                valid_until,
                person_id,
                organization_id,
                share,
            } = owner;
            let person = person_id.map(|id| Owner::Person(id.into()));
            let owner = person.or(organization_id.map(|id| Owner::Organization(id.into())));
            let stake = Stake {
                owner: word(owner, OWNERS, "person_id", &dwelling_id)?,
                display_name,
                share: word(share.parse::<Share>().ok(), OWNERS, "share", &dwelling_id)?,
            };
            let spans = owners.entry(dwelling_id).or_default();
            match spans.last_mut().filter(|span| span.valid_from == valid_from) {
                Some(span) => span.value.push(stake),
                None => spans.push(Period { value: vec![stake], valid_from, valid_until }),
            }
        }
        Ok(owners)
    }
}

fn dwelling_of(row: dwelling::Model, owners: Option<Stakes>) -> Result<Dwelling> {
    let dwelling::Model {
        id,
        unit_id,
        building_id,
        compound_id,
        region_code,
        code,
        floor,
        area,
        area_source,
        delivered,
        version,
        created_at,
        updated_at,
    } = row;
    let area_source = area_source.map(|name| word(AreaSource::from_name(&name), TABLE, "area_source", &id));
    Ok(Dwelling {
        id: id.into(),
        unit_id: unit_id.into(),
        building_id: building_id.into(),
        compound_id: compound_id.into(),
        region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
        code,
        floor,
        area: area.map(Area),
        area_source: area_source.transpose()?,
        delivered,
        owners: periods::stored(owners, OWNERS, &id)?,
        version,
        created_at,
        updated_at,
    })
}

impl SortKey for dwelling::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}

impl Tx {
    /// Saves to whom a dwelling belongs over time. The change of the dwelling itself is saved beside it.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn replace_owners(&self, dwelling: &Dwelling) -> Result<()> {
        use dwelling_owner::{ActiveModel, Column, Entity};
        let id = dwelling.id.0;
        Entity::delete_many().filter(Column::DwellingId.eq(id)).exec(&self.conn).await?;
        let rows = dwelling.owners.all().iter().flat_map(|span| {
            (0_i32..).zip(&span.value).map(|(number, stake)| {
                let (person, organization) = match stake.owner {
                    Owner::Person(id) => (Some(id.0), None),
                    Owner::Organization(id) => (None, Some(id.0)),
                };
                ActiveModel {
                    dwelling_id: Set(id),
                    valid_from: Set(span.valid_from),
                    number: Set(number),
                    valid_until: Set(span.valid_until),
                    person_id: Set(person),
                    organization_id: Set(organization),
                    share: Set(stake.share.to_string()),
                }
            })
        });
        Entity::insert_many(rows).exec_without_returning(&self.conn).await?;
        Ok(())
    }
}
