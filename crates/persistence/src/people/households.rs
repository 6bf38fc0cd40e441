//! Households and their members.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::{
    access::{Access, Reach},
    cn::RegionCode,
    id::{CompoundId, HouseholdId, PersonId},
    people::{Household, HouseholdMember, Relation},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Condition, Expr, ExprTrait, Query, SimpleExpr},
};
use uuid::Uuid;

use super::entity::{household, household_member};
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, Sealer, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    tx::Tx,
    vault::{Class, Vault},
};

const TABLE: &str = "households";
const ADDRESS: &str = "address";

/// Which households.
#[derive(Debug, Clone, Default)]
pub struct HouseholdFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// In this compound.
    pub compound_id: Option<CompoundId>,
}

/// Finder of households.
#[derive(Debug)]
pub struct Households<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Households.
    #[must_use]
    pub fn households(self) -> Households<'a, C> {
        Households(self)
    }
}

fn region_column() -> Expr {
    Expr::col((household::Entity, household::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    let own = |reach: &Reach| -> Option<SimpleExpr> {
        match reach {
            Reach::Own(_, Some(person)) => Some(belongs_to(*person)),
            _ => None,
        }
    };
    let compound = Some(Expr::col((household::Entity, household::Column::CompoundId)));
    scope::visible(
        access,
        &ScopeColumns { region: Some(region_column()), compound, related: &own, ..Default::default() },
    )
}

fn belongs_to(person: PersonId) -> SimpleExpr {
    let households = Query::select()
        .column("household_id")
        .from("household_members")
        .and_where(Expr::col("person_id").eq(person.0))
        .and_where(Expr::col("valid_until").is_null())
        .take();
    Expr::col((household::Entity, household::Column::Id)).in_subquery(households)
}

impl Findable for Household {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = household::Entity::find_by_id(id.0).filter(visible(access));
        let row = lock.on(select).one(rows.conn).await?.ok_or(Error::NotFound)?;
        let members = rows.households().members(&[row.id]).await?.remove(&row.id).unwrap_or_default();
        Found::judge(access, household_of(rows.vault, row, members)?)
    }
}

impl<C: ConnectionTrait> Households<'_, C> {
    /// Whether somebody belongs to another household on some day from this one on: nobody belongs to two.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn elsewhere_from(&self, person: PersonId, day: NaiveDate, than: HouseholdId) -> Result<bool> {
        let later = household_member::Column::ValidUntil.gt(day).or(household_member::Column::ValidUntil.is_null());
        let row = household_member::Entity::find()
            .filter(household_member::Column::PersonId.eq(person.0))
            .filter(household_member::Column::HouseholdId.ne(than.0))
            .filter(later)
            .one(self.0.conn)
            .await?;
        Ok(row.is_some())
    }

    /// A page of households that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &HouseholdFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Household>>> {
        let HouseholdFilter { region, compound_id } = filter;
        let mut select = household::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if let Some(compound) = compound_id {
            select = select.filter(household::Column::CompoundId.eq(compound.0));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(household::Column::Id), uuid: true };
        let rows = page::<_, household::Model, _>(self.0.conn, select, sorting, request).await?;
        let ids: Vec<Uuid> = rows.items.iter().map(|row| row.id).collect();
        let mut members = self.members(&ids).await?;
        rows.try_map(|row| {
            let members = members.remove(&row.id).unwrap_or_default();
            Found::judge(access, household_of(self.0.vault, row, members)?)
        })
    }

    async fn members(&self, households: &[Uuid]) -> Result<HashMap<Uuid, Vec<HouseholdMember>>> {
        let mut members: HashMap<Uuid, Vec<HouseholdMember>> = HashMap::new();
        if households.is_empty() {
            return Ok(members);
        }
        let rows = household_member::Entity::find()
            .filter(household_member::Column::HouseholdId.is_in(households.iter().copied()))
            .order_by_asc(household_member::Column::ValidFrom)
            .order_by_asc(household_member::Column::PersonId)
            .all(self.0.conn)
            .await?;
        for row in rows {
            let household_member::Model { household_id, person_id, relation, valid_from, valid_until } = row;
            let relation = word(Relation::from_name(&relation), "household_members", "relation", &household_id)?;
            members.entry(household_id).or_default().push(HouseholdMember {
                person_id: person_id.into(),
                relation,
                valid_from,
                valid_until,
            });
        }
        Ok(members)
    }
}

impl Stored for Household {
    type Entity = household::Entity;

    fn row(&self, vault: &Vault) -> Result<household::ActiveModel> {
        row_of(vault, self)
    }

    fn columns() -> (household::Column, household::Column) {
        (household::Column::Id, household::Column::Version)
    }
}

impl Tx {
    /// Saves that somebody belongs to a household from now on. The change of the household itself is saved beside it.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn insert_household_member(&self, household: HouseholdId, member: &HouseholdMember) -> Result<()> {
        household_member::Entity::insert(member_row(household, member)).exec_without_returning(&self.conn).await?;
        Ok(())
    }

    /// Saves the last day of somebody in a household, or that he was not there at all.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn end_household_member(&self, household: HouseholdId, member: &HouseholdMember) -> Result<()> {
        let this = household_member::Column::HouseholdId
            .eq(household.0)
            .and(household_member::Column::PersonId.eq(member.person_id.0))
            .and(household_member::Column::ValidFrom.eq(member.valid_from));
        if member.is_empty() {
            household_member::Entity::delete_many().filter(this).exec(&self.conn).await?;
        } else {
            let row = household_member::ActiveModel { valid_until: Set(member.valid_until), ..Default::default() };
            household_member::Entity::update_many().set(row).filter(this).exec(&self.conn).await?;
        }
        Ok(())
    }
}

pub(crate) fn member_row(household: HouseholdId, member: &HouseholdMember) -> household_member::ActiveModel {
    let HouseholdMember { person_id, relation, valid_from, valid_until } = member;
    household_member::ActiveModel {
        household_id: Set(household.0),
        person_id: Set(person_id.0),
        relation: Set(relation.name().to_owned()),
        valid_from: Set(*valid_from),
        valid_until: Set(*valid_until),
    }
}

pub(crate) fn row_of(vault: &Vault, value: &Household) -> Result<household::ActiveModel> {
    let Household {
        id,
        region_code,
        compound_id,
        building_id,
        unit_id,
        address,
        members: _,
        version,
        created_at,
        updated_at,
    } = value;
    let row = id.to_string();
    let sealer = Sealer { vault, table: TABLE, row: &row };
    Ok(household::ActiveModel {
        id: Set(id.0),
        region_code: Set(region_code.to_string()),
        compound_id: Set(compound_id.map(Into::into)),
        building_id: Set(building_id.map(Into::into)),
        unit_id: Set(unit_id.map(Into::into)),
        address_sealed: Set(sealer.seal(Class::Personal, ADDRESS, address.as_deref())?),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    })
}

fn household_of(vault: &Vault, row: household::Model, members: Vec<HouseholdMember>) -> Result<Household> {
    let household::Model {
        id,
        region_code,
        compound_id,
        building_id,
        unit_id,
        address_sealed,
        version,
        created_at,
        updated_at,
    } = row;
    let row = id.to_string();
    let sealer = Sealer { vault, table: TABLE, row: &row };
    Ok(Household {
        id: id.into(),
        region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
        compound_id: compound_id.map(Into::into),
        building_id: building_id.map(Into::into),
        unit_id: unit_id.map(Into::into),
        address: sealer.open(Class::Personal, ADDRESS, address_sealed.as_deref())?,
        members,
        version,
        created_at,
        updated_at,
    })
}

impl SortKey for household::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}
