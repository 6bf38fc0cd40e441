//! Inspections.

use chrono::NaiveDate;
use domain::{
    access::Access,
    cn::RegionCode,
    compounds::{Inspection, StandardScore},
    id::CompoundId,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr},
};

use super::entity::inspection;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    vault::Vault,
};

const TABLE: &str = "inspections";

/// Which inspections.
#[derive(Debug, Clone, Default)]
pub struct InspectionFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Of this compound.
    pub compound_id: Option<CompoundId>,
    /// With a standard that is not kept, or with none.
    pub failed: Option<bool>,
    /// On this day or after it.
    pub from: Option<NaiveDate>,
    /// On this day or before it.
    pub to: Option<NaiveDate>,
}

/// Finder of inspections.
#[derive(Debug)]
pub struct Inspections<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Inspections.
    #[must_use]
    pub fn inspections(self) -> Inspections<'a, C> {
        Inspections(self)
    }
}

fn visible(access: &Access) -> Condition {
    let column = |column| Some(Expr::col((inspection::Entity, column)));
    let (region, compound) = (column(inspection::Column::RegionCode), column(inspection::Column::CompoundId));
    scope::visible(access, &ScopeColumns { region, compound, ..Default::default() })
}

impl Findable for Inspection {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = inspection::Entity::find_by_id(id.0).filter(visible(access));
        rows.one_of::<_, inspection::Model, _>(select, access, lock).await
    }
}

impl Stored for Inspection {
    type Entity = inspection::Entity;

    fn row(&self, _: &Vault) -> Result<inspection::ActiveModel> {
        let failed = i32::try_from(self.failed().len()).unwrap_or(i32::MAX);
        let Self {
            id,
            compound_id,
            region_code,
            inspected_on,
            pass_mark,
            scores,
            remark,
            inspected_by,
            version,
            created_at,
            updated_at,
        } = self;
        Ok(inspection::ActiveModel {
            id: Set(id.0),
            compound_id: Set(compound_id.0),
            region_code: Set(region_code.to_string()),
            inspected_on: Set(*inspected_on),
            pass_mark: Set(*pass_mark),
            scores: Set(word(serde_json::to_string(scores).ok(), TABLE, "scores", id)?),
            failed: Set(failed),
            remark: Set(remark.clone()),
            inspected_by: Set(inspected_by.0),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        })
    }

    fn columns() -> (inspection::Column, inspection::Column) {
        (inspection::Column::Id, inspection::Column::Version)
    }
}

impl<C: ConnectionTrait> Inspections<'_, C> {
    /// A page of inspections that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &InspectionFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Inspection>>> {
        use inspection::Column as I;
        let InspectionFilter { region, compound_id, failed, from, to } = filter;
        let mut select = inspection::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(Expr::col(I::RegionCode), region));
        }
        if let Some(compound) = compound_id {
            select = select.filter(I::CompoundId.eq(compound.0));
        }
        if let Some(failed) = failed {
            select = select.filter(if *failed { I::Failed.gt(0) } else { I::Failed.eq(0) });
        }
        if let Some(from) = from {
            select = select.filter(I::InspectedOn.gte(*from));
        }
        if let Some(to) = to {
            select = select.filter(I::InspectedOn.lte(*to));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(I::Id), uuid: true };
        let rows = page::<_, inspection::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }
}

impl TryFrom<inspection::Model> for Inspection {
    type Error = Error;

    fn try_from(row: inspection::Model) -> Result<Self> {
        let inspection::Model {
            id,
            compound_id,
            region_code,
            inspected_on,
            pass_mark,
            scores,
            failed: _,
            remark,
            inspected_by,
            version,
            created_at,
            updated_at,
        } = row;
        Ok(Self {
            id: id.into(),
            compound_id: compound_id.into(),
            region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
            inspected_on,
            pass_mark,
            scores: word(serde_json::from_str::<Vec<StandardScore>>(&scores).ok(), TABLE, "scores", &id)?,
            remark,
            inspected_by: inspected_by.into(),
            version,
            created_at,
            updated_at,
        })
    }
}

impl SortKey for inspection::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}
