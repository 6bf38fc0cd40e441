//! Compounds with their buildings and units.

use std::collections::HashMap;

use domain::{
    access::Access,
    cn::RegionCode,
    event::EventDraft,
    id::{BuildingId, CompoundId},
    places::{Building, Compound, Unit},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Condition, Expr},
};
use uuid::Uuid;

use super::entity::{building, compound, unit};
use crate::{
    connect::Reader,
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock},
    scope::{self, ScopeColumns},
    single::ById,
    tx::Tx,
};

/// Which compounds.
#[derive(Debug, Clone, Default)]
pub struct CompoundFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// With this in the name.
    pub q: Option<String>,
}

/// A compound by name, without what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompoundName {
    /// Its id.
    pub id: CompoundId,
    /// The community or grid in which it lies.
    pub region_code: RegionCode,
    /// Its code within the community.
    pub code: String,
    /// Its name.
    pub name: String,
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
    let compound = Some(Expr::col((compound::Entity, compound::Column::Id)));
    scope::visible(access, &ScopeColumns { region: Some(region_column()), compound, ..Default::default() })
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

impl Findable for Compound {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = compound::Entity::find_by_id(id.0).filter(visible(access));
        let row = lock.on(select).one(rows.conn).await?.ok_or(Error::NotFound)?;
        let inside = rows.compounds().buildings(&[row.id]).await?.remove(&row.id).unwrap_or_default();
        Found::judge(access, compound_of(row, inside)?)
    }
}

impl ById for compound::Entity {
    fn id(row: &compound::Model) -> Uuid {
        row.id
    }
}

impl Compounds<'_, Reader> {
    /// One compound by name.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn name(&self, access: &Access, id: CompoundId) -> Result<CompoundName> {
        let row = self.0.conn.single().compounds.read(self.0.conn, id.0).await?.ok_or(Error::NotFound)?;
        Ok(Found::judge(access, compound_of(row, Vec::new())?)?.row.into())
    }
}

impl<C: ConnectionTrait> Compounds<'_, C> {
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

    /// Those of some compounds that the caller sees, by name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn names(&self, access: &Access, ids: &[CompoundId]) -> Result<Vec<CompoundName>> {
        let select = compound::Entity::find()
            .filter(visible(access))
            .filter(compound::Column::Id.is_in(ids.iter().map(|id| id.0)));
        let rows = select.all(self.0.conn).await?;
        rows.into_iter().map(|row| compound_of(row, Vec::new()).map(Into::into)).collect()
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

impl From<Compound> for CompoundName {
    fn from(compound: Compound) -> Self {
        let Compound { id, region_code, code, name, .. } = compound;
        Self { id, region_code, code, name }
    }
}

impl SortKey for compound::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}

impl Tx {
    /// Saves a new compound with its buildings and units.
    ///
    /// # Errors
    /// [`Error::Duplicate`] if its community has the code already.
    pub async fn insert_compound(&self, value: Compound, event: EventDraft) -> Result<Compound> {
        let Compound { id, region_code, code, name, buildings, version, created_at, updated_at } = &value;
        let row = compound::ActiveModel {
            id: Set(id.0),
            region_code: Set(region_code.to_string()),
            code: Set(code.clone()),
            name: Set(name.clone()),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        };
        compound::Entity::insert(row).exec_without_returning(&self.conn).await?;
        let building_rows: Vec<_> = buildings.iter().map(|building| building_row(*id, building)).collect();
        if !building_rows.is_empty() {
            building::Entity::insert_many(building_rows).exec_without_returning(&self.conn).await?;
        }
        let unit_rows: Vec<_> = buildings
            .iter()
            .flat_map(|building| building.units.iter().map(|unit| unit_row(building.id, unit)))
            .collect();
        if !unit_rows.is_empty() {
            unit::Entity::insert_many(unit_rows).exec_without_returning(&self.conn).await?;
        }
        self.record(&[event])?;
        Ok(value)
    }
}

fn building_row(compound: CompoundId, value: &Building) -> building::ActiveModel {
    let Building { id, code, name, units: _ } = value;
    building::ActiveModel {
        id: Set(id.0),
        compound_id: Set(compound.0),
        code: Set(code.clone()),
        name: Set(name.clone()),
    }
}

fn unit_row(building: BuildingId, value: &Unit) -> unit::ActiveModel {
    let Unit { id, code, name } = value;
    unit::ActiveModel { id: Set(id.0), building_id: Set(building.0), code: Set(code.clone()), name: Set(name.clone()) }
}
