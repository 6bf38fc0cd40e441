//! Compounds with their buildings and units.

use std::collections::HashMap;

use domain::{
    access::Access,
    cn::RegionCode,
    id::CompoundId,
    places::{Building, Compound, Unit},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Condition, Expr},
};
use uuid::Uuid;

use super::entity::{building, compound, unit};
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    scope::{self, ScopeColumns},
};

/// Which compounds.
#[derive(Debug, Clone, Default)]
pub struct CompoundFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// With this in the name.
    pub q: Option<String>,
}

/// Finder of compounds.
#[derive(Debug)]
pub struct Compounds<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Compounds.
    #[must_use]
    pub fn compounds(self) -> Compounds<'a, C> {
        Compounds(self)
    }
}

fn region_column() -> Expr {
    Expr::col((compound::Entity, compound::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    scope::visible(
        access,
        &ScopeColumns {
            region: Some(region_column()),
            compound: Some(Expr::col((compound::Entity, compound::Column::Id))),
            cut: false,
            related: &|_| None,
        },
    )
}

#[derive(FromQueryResult)]
struct InsideRow {
    compound_id: Uuid,
    building_id: Uuid,
    building_code: String,
    building_name: String,
    unit_id: Option<Uuid>,
    unit_code: Option<String>,
    unit_name: Option<String>,
}

impl<C: ConnectionTrait> Compounds<'_, C> {
    /// One compound that the caller sees, with its buildings and units.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn get(&self, access: &Access, id: CompoundId) -> Result<Found<Compound>> {
        let row = compound::Entity::find_by_id(id.0).filter(visible(access)).one(self.0.conn).await?;
        let row = row.ok_or(Error::NotFound)?;
        let inside = self.buildings(&[row.id]).await?.remove(&row.id).unwrap_or_default();
        Found::judge(access, compound_of(row, inside)?)
    }

    /// A page of compounds that the caller sees, with buildings and units, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &CompoundFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Compound>>> {
        let CompoundFilter { region, q } = filter;
        let mut select = compound::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if let Some(q) = q {
            select = select.filter(scope::contains(Expr::col(compound::Column::Name), q));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(compound::Column::Id), uuid: true };
        let rows = page::<_, compound::Model, _>(self.0.conn, select, sorting, request).await?;
        let ids: Vec<Uuid> = rows.items.iter().map(|row| row.id).collect();
        let mut inside = self.buildings(&ids).await?;
        rows.try_map(|row| {
            let buildings = inside.remove(&row.id).unwrap_or_default();
            Found::judge(access, compound_of(row, buildings)?)
        })
    }

    async fn buildings(&self, compounds: &[Uuid]) -> Result<HashMap<Uuid, Vec<Building>>> {
        let mut inside: HashMap<Uuid, Vec<Building>> = HashMap::new();
        if compounds.is_empty() {
            return Ok(inside);
        }
        let units = building::Entity::belongs_to(unit::Entity).from(building::Column::Id).to(unit::Column::BuildingId);
        let rows: Vec<InsideRow> = building::Entity::find()
            .select_only()
            .column(building::Column::CompoundId)
            .column_as(building::Column::Id, "building_id")
            .column_as(building::Column::Code, "building_code")
            .column_as(building::Column::Name, "building_name")
            .column_as(unit::Column::Id, "unit_id")
            .column_as(unit::Column::Code, "unit_code")
            .column_as(unit::Column::Name, "unit_name")
            .join(sea_orm::JoinType::LeftJoin, units.into())
            .filter(building::Column::CompoundId.is_in(compounds.iter().copied()))
            .order_by_asc(building::Column::CompoundId)
            .order_by_asc(building::Column::Code)
            .order_by_asc(unit::Column::Code)
            .into_model()
            .all(self.0.conn)
            .await?;
        for row in rows {
            let InsideRow { compound_id, building_id, building_code, building_name, unit_id, unit_code, unit_name } =
                row;
            let buildings = inside.entry(compound_id).or_default();
            if buildings.last().is_none_or(|building| building.id.0 != building_id) {
                let (code, name) = (building_code, building_name);
                buildings.push(Building { id: building_id.into(), code, name, units: Vec::new() });
            }
            if let (Some(id), Some(code), Some(name), Some(building)) =
                (unit_id, unit_code, unit_name, buildings.last_mut())
            {
                building.units.push(Unit { id: id.into(), code, name });
            }
        }
        Ok(inside)
    }
}

fn compound_of(row: compound::Model, buildings: Vec<Building>) -> Result<Compound> {
    let compound::Model { id, region_code, code, name, version, created_at, updated_at } = row;
    Ok(Compound {
        id: id.into(),
        region_code: word(RegionCode::parse(&region_code).ok(), "compounds", "region_code", &id)?,
        code,
        name,
        buildings,
        version,
        created_at,
        updated_at,
    })
}

impl SortKey for compound::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}
