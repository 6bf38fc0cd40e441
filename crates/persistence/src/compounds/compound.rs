//! Compounds, how they are managed and covered over time.

use std::collections::HashMap;

use chrono::NaiveDate;
use domain::{
    access::Access,
    cn::RegionCode,
    compounds::{BuildingName, Compound, Difficulty, ManagementMode, UnitName},
    geo::{Outline, Position},
    id::{CompoundId, OrganizationId},
    periods::{Period, Periods},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::{Condition, Expr, ExprTrait as _},
};
use uuid::Uuid;

use super::{
    entity::{building, compound, compound_mode, compound_party_organization, unit},
    periods,
};
use crate::{
    connect::Reader,
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    single::ById,
    tx::Tx,
    vault::Vault,
};

const TABLE: &str = "compounds";
const MODES: &str = "compound_modes";
const PARTY_ORGANIZATIONS: &str = "compound_party_organizations";

/// Which compounds.
#[derive(Debug, Clone, Default)]
pub struct CompoundFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// With this in the name.
    pub q: Option<String>,
    /// Managed in one of these ways on `day`; all if empty.
    pub mode: Vec<ManagementMode>,
    /// Covered by a party organization on `day`, or not.
    pub covered: Option<bool>,
    /// Covered by this one on `day`.
    pub party_organization_id: Option<OrganizationId>,
    /// Of one of these classes; all if empty.
    pub difficulty: Vec<Difficulty>,
    /// Going ahead as an example, or not.
    pub demonstration: Option<bool>,
    /// Which are to have moved to another mode before this day.
    pub planned_before: Option<NaiveDate>,
    /// The day of which is asked.
    pub day: NaiveDate,
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
    let reached =
        scope::visible(access, &ScopeColumns { region: Some(region_column()), compound, ..Default::default() });
    Condition::all().add(compound::Column::DeletedAt.is_null()).add(reached)
}

fn managed(modes: &[ManagementMode], day: NaiveDate) -> Condition {
    let id = Expr::col((compound::Entity, compound::Column::Id));
    let mut any = Condition::any();
    if modes.contains(&ManagementMode::None) {
        let others = periods::lasting(MODES, "compound_id", day)
            .and_where(Expr::col("mode").ne(ManagementMode::None.name()))
            .take();
        any = any.add(id.clone().not_in_subquery(others));
    }
    let named = modes.iter().filter(|mode| **mode != ManagementMode::None).map(|mode| mode.name());
    let these = periods::lasting(MODES, "compound_id", day).and_where(Expr::col("mode").is_in(named)).take();
    any.add(id.in_subquery(these))
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

/// What stands in other tables of a compound.
#[derive(Default)]
struct Beside {
    buildings: Vec<BuildingName>,
    management: Option<Vec<Period<ManagementMode>>>,
    party_organizations: Option<Vec<Period<OrganizationId>>>,
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
        let beside = rows.compounds().beside(&[row.id]).await?.remove(&row.id).unwrap_or_default();
        Found::judge(access, compound_of(row, beside)?)
    }
}

impl Stored for Compound {
    type Entity = compound::Entity;

    fn row(&self, _: &Vault) -> Result<compound::ActiveModel> {
        row_of(self)
    }

    fn columns() -> (compound::Column, compound::Column) {
        (compound::Column::Id, compound::Column::Version)
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
        let row = self.0.conn.single().compounds.read(self.0.conn, id.0).await?;
        let row = row.filter(|row| row.deleted_at.is_none()).ok_or(Error::NotFound)?;
        Ok(Found::judge(access, compound_of(row, Beside::default())?)?.row.into())
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
        let CompoundFilter {
            region,
            q,
            mode,
            covered,
            party_organization_id,
            difficulty,
            demonstration,
            planned_before,
            day,
        } = filter;
        let mut select = compound::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if let Some(q) = q {
            select = select.filter(scope::contains(Expr::col(compound::Column::Name), q));
        }
        if !mode.is_empty() {
            select = select.filter(managed(mode, *day));
        }
        let id = || Expr::col((compound::Entity, compound::Column::Id));
        let covering = || periods::lasting(PARTY_ORGANIZATIONS, "compound_id", *day);
        if let Some(covered) = covered {
            let condition = if *covered { id().in_subquery(covering()) } else { id().not_in_subquery(covering()) };
            select = select.filter(condition);
        }
        if let Some(organization) = party_organization_id {
            let by = covering().and_where(Expr::col("organization_id").eq(organization.0)).take();
            select = select.filter(id().in_subquery(by));
        }
        if !difficulty.is_empty() {
            let classes = difficulty.iter().map(|class| class.name());
            select = select.filter(compound::Column::Difficulty.is_in(classes));
        }
        if let Some(demonstration) = demonstration {
            select = select.filter(compound::Column::Demonstration.eq(*demonstration));
        }
        if let Some(before) = planned_before {
            select = select.filter(compound::Column::PlannedBy.lt(*before));
        }
        let sorting = Sorting { name: None, column: None, id: id(), uuid: true };
        let rows = page::<_, compound::Model, _>(self.0.conn, select, sorting, request).await?;
        let ids: Vec<Uuid> = rows.items.iter().map(|row| row.id).collect();
        let mut beside = self.beside(&ids).await?;
        rows.try_map(|row| {
            let beside = beside.remove(&row.id).unwrap_or_default();
            Found::judge(access, compound_of(row, beside)?)
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
        rows.into_iter().map(|row| compound_of(row, Beside::default()).map(Into::into)).collect()
    }

    /// Whether something hangs on a compound: who has found the compound may know that it is so, not what it is.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_dependents(&self, id: CompoundId) -> Result<bool> {
        let tables = ["buildings", "persons", "households", "appointments", "service_orders"];
        let any = tables.map(|table| format!("EXISTS (SELECT 1 FROM {table} WHERE compound_id = $1)")).join(" OR ");
        let granted = "EXISTS (SELECT 1 FROM grants WHERE compound_id = $1 AND revoked_at IS NULL)";
        let sql = format!("SELECT id FROM compounds WHERE id = $1 AND ({any} OR {granted})");
        let statement = Statement::from_sql_and_values(self.0.conn.get_database_backend(), sql, [id.0.into()]);
        Ok(self.0.conn.query_one_raw(statement).await?.is_some())
    }

    async fn beside(&self, compounds: &[Uuid]) -> Result<HashMap<Uuid, Beside>> {
        let mut beside: HashMap<Uuid, Beside> = HashMap::new();
        if compounds.is_empty() {
            return Ok(beside);
        }
        self.buildings(compounds, &mut beside).await?;
        let modes = compound_mode::Entity::find()
            .filter(compound_mode::Column::CompoundId.is_in(compounds.iter().copied()))
            .order_by_asc(compound_mode::Column::CompoundId)
            .order_by_asc(compound_mode::Column::ValidFrom);
        for row in modes.all(self.0.conn).await? {
            let compound_mode::Model { compound_id, valid_from, valid_until, mode } = row;
            let value = word(ManagementMode::from_name(&mode), MODES, "mode", &compound_id)?;
            let spans = &mut beside.entry(compound_id).or_default().management;
            spans.get_or_insert_default().push(Period { value, valid_from, valid_until });
        }
        let covering = compound_party_organization::Entity::find()
            .filter(compound_party_organization::Column::CompoundId.is_in(compounds.iter().copied()))
            .order_by_asc(compound_party_organization::Column::CompoundId)
            .order_by_asc(compound_party_organization::Column::ValidFrom);
        for row in covering.all(self.0.conn).await? {
            let compound_party_organization::Model { compound_id, valid_from, valid_until, organization_id } = row;
            let spans = &mut beside.entry(compound_id).or_default().party_organizations;
            spans.get_or_insert_default().push(Period { value: organization_id.into(), valid_from, valid_until });
        }
        Ok(beside)
    }

    async fn buildings(&self, compounds: &[Uuid], beside: &mut HashMap<Uuid, Beside>) -> Result<()> {
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
            let buildings = &mut beside.entry(compound_id).or_default().buildings;
            if buildings.last().is_none_or(|building| building.id.0 != building_id) {
                let (code, name) = (building_code, building_name);
                buildings.push(BuildingName { id: building_id.into(), code, name, units: Vec::new() });
            }
            if let (Some(id), Some(code), Some(name), Some(building)) =
                (unit_id, unit_code, unit_name, buildings.last_mut())
            {
                building.units.push(UnitName { id: id.into(), code, name });
            }
        }
        Ok(())
    }
}

fn compound_of(row: compound::Model, beside: Beside) -> Result<Compound> {
    let compound::Model {
        id,
        region_code,
        code,
        name,
        built_year,
        population,
        longitude,
        latitude,
        outline,
        difficulty,
        planned_mode,
        planned_by,
        demonstration,
        deleted_at,
        version,
        created_at,
        updated_at,
    } = row;
    let Beside { buildings, management, party_organizations } = beside;
    let outline = outline.map(|text| word(serde_json::from_str::<Outline>(&text).ok(), TABLE, "outline", &id));
    let difficulty = difficulty.map(|name| word(Difficulty::from_name(&name), TABLE, "difficulty", &id));
    let planned_mode = planned_mode.map(|name| word(ManagementMode::from_name(&name), TABLE, "planned_mode", &id));
    Ok(Compound {
        id: id.into(),
        region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
        code,
        name,
        built_year,
        population,
        position: longitude.zip(latitude).map(|(longitude, latitude)| Position { longitude, latitude }),
        outline: outline.transpose()?,
        difficulty: difficulty.transpose()?,
        planned_mode: planned_mode.transpose()?,
        planned_by,
        demonstration,
        management: periods::stored(management, MODES, &id)?,
        party_organizations: periods::stored(party_organizations, PARTY_ORGANIZATIONS, &id)?,
        buildings,
        deleted_at,
        version,
        created_at,
        updated_at,
    })
}

fn row_of(value: &Compound) -> Result<compound::ActiveModel> {
    let Compound {
        id,
        region_code,
        code,
        name,
        built_year,
        population,
        position,
        outline,
        difficulty,
        planned_mode,
        planned_by,
        demonstration,
        management: _,
        party_organizations: _,
        buildings: _,
        deleted_at,
        version,
        created_at,
        updated_at,
    } = value;
    let outline = outline.as_ref().map(|outline| word(serde_json::to_string(outline).ok(), TABLE, "outline", id));
    Ok(compound::ActiveModel {
        id: Set(id.0),
        region_code: Set(region_code.to_string()),
        code: Set(code.clone()),
        name: Set(name.clone()),
        built_year: Set(*built_year),
        population: Set(*population),
        longitude: Set(position.map(|position| position.longitude)),
        latitude: Set(position.map(|position| position.latitude)),
        outline: Set(outline.transpose()?),
        difficulty: Set(difficulty.map(|class| class.name().to_owned())),
        planned_mode: Set(planned_mode.map(|mode| mode.name().to_owned())),
        planned_by: Set(*planned_by),
        demonstration: Set(*demonstration),
        deleted_at: Set(*deleted_at),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
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
    /// Saves how a compound is managed over time. The change of the compound itself is saved beside it.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn replace_modes(&self, compound: &Compound) -> Result<()> {
        use compound_mode::{ActiveModel, Column, Entity};
        let id = compound.id.0;
        Entity::delete_many().filter(Column::CompoundId.eq(id)).exec(&self.conn).await?;
        let rows = spans(&compound.management).map(|(valid_from, valid_until, mode)| ActiveModel {
            compound_id: Set(id),
            valid_from: Set(valid_from),
            valid_until: Set(valid_until),
            mode: Set(mode.name().to_owned()),
        });
        Entity::insert_many(rows).exec_without_returning(&self.conn).await?;
        Ok(())
    }

    /// Saves by which party organizations a compound is covered over time. The change of the compound itself is saved
    /// beside it.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn replace_party_organizations(&self, compound: &Compound) -> Result<()> {
        use compound_party_organization::{ActiveModel, Column, Entity};
        let id = compound.id.0;
        Entity::delete_many().filter(Column::CompoundId.eq(id)).exec(&self.conn).await?;
        let rows = spans(&compound.party_organizations).map(|(valid_from, valid_until, by)| ActiveModel {
            compound_id: Set(id),
            valid_from: Set(valid_from),
            valid_until: Set(valid_until),
            organization_id: Set(by.0),
        });
        Entity::insert_many(rows).exec_without_returning(&self.conn).await?;
        Ok(())
    }
}

fn spans<T: Copy + PartialEq>(periods: &Periods<T>) -> impl Iterator<Item = (NaiveDate, Option<NaiveDate>, T)> + '_ {
    periods.all().iter().map(|period| (period.valid_from, period.valid_until, period.value))
}
