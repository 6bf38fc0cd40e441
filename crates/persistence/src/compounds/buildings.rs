//! Buildings and units.

use domain::{
    access::Access,
    cn::RegionCode,
    compounds::{Building, Unit},
    id::{BuildingId, CompoundId},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr},
};

use super::entity::{building, unit};
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    vault::Vault,
};

/// Which buildings.
#[derive(Debug, Clone, Default)]
pub struct BuildingFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Of this compound.
    pub compound_id: Option<CompoundId>,
}

/// Which units.
#[derive(Debug, Clone, Default)]
pub struct UnitFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Of this compound.
    pub compound_id: Option<CompoundId>,
    /// Of this building.
    pub building_id: Option<BuildingId>,
}

/// Finder of buildings.
#[derive(Debug)]
pub struct Buildings<'a, C>(Rows<'a, C>);

/// Finder of units.
#[derive(Debug)]
pub struct Units<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Buildings.
    #[must_use]
    pub fn buildings(self) -> Buildings<'a, C> {
        Buildings(self)
    }

    /// Units.
    #[must_use]
    pub fn units(self) -> Units<'a, C> {
        Units(self)
    }
}

fn reached(access: &Access, region: Expr, compound: Expr) -> Condition {
    scope::visible(access, &ScopeColumns { region: Some(region), compound: Some(compound), ..Default::default() })
}

fn of_buildings(access: &Access) -> Condition {
    let column = |column| Expr::col((building::Entity, column));
    reached(access, column(building::Column::RegionCode), column(building::Column::CompoundId))
}

fn of_units(access: &Access) -> Condition {
    let column = |column| Expr::col((unit::Entity, column));
    reached(access, column(unit::Column::RegionCode), column(unit::Column::CompoundId))
}

impl Findable for Building {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = building::Entity::find_by_id(id.0).filter(of_buildings(access));
        rows.one_of::<_, building::Model, _>(select, access, lock).await
    }
}

impl Findable for Unit {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = unit::Entity::find_by_id(id.0).filter(of_units(access));
        rows.one_of::<_, unit::Model, _>(select, access, lock).await
    }
}

impl Stored for Building {
    type Entity = building::Entity;

    fn row(&self, _: &Vault) -> Result<building::ActiveModel> {
        let Self { id, compound_id, region_code, code, name, version, created_at, updated_at } = self;
        Ok(building::ActiveModel {
            id: Set(id.0),
            compound_id: Set(compound_id.0),
            region_code: Set(region_code.to_string()),
            code: Set(code.clone()),
            name: Set(name.clone()),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        })
    }

    fn columns() -> (building::Column, building::Column) {
        (building::Column::Id, building::Column::Version)
    }
}

impl Stored for Unit {
    type Entity = unit::Entity;

    fn row(&self, _: &Vault) -> Result<unit::ActiveModel> {
        let Self { id, building_id, compound_id, region_code, code, name, version, created_at, updated_at } = self;
        Ok(unit::ActiveModel {
            id: Set(id.0),
            building_id: Set(building_id.0),
            compound_id: Set(compound_id.0),
            region_code: Set(region_code.to_string()),
            code: Set(code.clone()),
            name: Set(name.clone()),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        })
    }

    fn columns() -> (unit::Column, unit::Column) {
        (unit::Column::Id, unit::Column::Version)
    }
}

impl<C: ConnectionTrait> Buildings<'_, C> {
    /// A page of buildings that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &BuildingFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Building>>> {
        let BuildingFilter { region, compound_id } = filter;
        let mut select = building::Entity::find().filter(of_buildings(access));
        if let Some(region) = region {
            select = select.filter(scope::within(Expr::col(building::Column::RegionCode), region));
        }
        if let Some(compound) = compound_id {
            select = select.filter(building::Column::CompoundId.eq(compound.0));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(building::Column::Id), uuid: true };
        let rows = page::<_, building::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }
}

impl<C: ConnectionTrait> Units<'_, C> {
    /// A page of units that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(&self, access: &Access, filter: &UnitFilter, request: &PageRequest) -> Result<Page<Found<Unit>>> {
        let UnitFilter { region, compound_id, building_id } = filter;
        let mut select = unit::Entity::find().filter(of_units(access));
        if let Some(region) = region {
            select = select.filter(scope::within(Expr::col(unit::Column::RegionCode), region));
        }
        if let Some(compound) = compound_id {
            select = select.filter(unit::Column::CompoundId.eq(compound.0));
        }
        if let Some(building) = building_id {
            select = select.filter(unit::Column::BuildingId.eq(building.0));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(unit::Column::Id), uuid: true };
        let rows = page::<_, unit::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }
}

impl TryFrom<building::Model> for Building {
    type Error = Error;

    fn try_from(row: building::Model) -> Result<Self> {
        let building::Model { id, compound_id, region_code, code, name, version, created_at, updated_at } = row;
        Ok(Self {
            id: id.into(),
            compound_id: compound_id.into(),
            region_code: word(RegionCode::parse(&region_code).ok(), "buildings", "region_code", &id)?,
            code,
            name,
            version,
            created_at,
            updated_at,
        })
    }
}

impl TryFrom<unit::Model> for Unit {
    type Error = Error;

    fn try_from(row: unit::Model) -> Result<Self> {
        let unit::Model { id, building_id, compound_id, region_code, code, name, version, created_at, updated_at } =
            row;
        Ok(Self {
            id: id.into(),
            building_id: building_id.into(),
            compound_id: compound_id.into(),
            region_code: word(RegionCode::parse(&region_code).ok(), "units", "region_code", &id)?,
            code,
            name,
            version,
            created_at,
            updated_at,
        })
    }
}

impl SortKey for building::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}

impl SortKey for unit::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}
