//! Regions.

use domain::{
    access::Access,
    cn::RegionCode,
    event::EventDraft,
    places::{Region, RegionKind},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Condition, Expr},
};

use super::entity::region;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    scope::{self, ScopeColumns},
    tx::Tx,
};

/// Which regions.
#[derive(Debug, Clone, Default)]
pub struct RegionFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Directly below this one.
    pub parent: Option<RegionCode>,
    /// Of one of these kinds; all if empty.
    pub kind: Vec<RegionKind>,
    /// With this in the name.
    pub q: Option<String>,
}

/// Finder of regions.
#[derive(Debug)]
pub struct Regions<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Regions.
    #[must_use]
    pub fn regions(self) -> Regions<'a, C> {
        Regions(self)
    }
}

fn visible(access: &Access) -> Condition {
    scope::visible(
        access,
        &ScopeColumns {
            region: Some(Expr::col((region::Entity, region::Column::Code))),
            compound: None,
            cut: false,
            related: &|_| None,
        },
    )
}

impl<C: ConnectionTrait> Regions<'_, C> {
    /// One region that the caller sees.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn get(&self, access: &Access, code: &RegionCode) -> Result<Found<Region>> {
        let row = region::Entity::find_by_id(code.as_str()).filter(visible(access)).one(self.0.conn).await?;
        Found::judge(access, row.ok_or(Error::NotFound)?.try_into()?)
    }

    /// A page of regions that the caller sees, by code.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &RegionFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Region>>> {
        let RegionFilter { region, parent, kind, q } = filter;
        let mut select = region::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(Expr::col((region::Entity, region::Column::Code)), region));
        }
        if let Some(parent) = parent {
            select = select.filter(region::Column::ParentCode.eq(parent.as_str()));
        }
        if !kind.is_empty() {
            select = select.filter(region::Column::Kind.is_in(kind.iter().map(|kind| kind.name())));
        }
        if let Some(q) = q {
            select = select.filter(scope::contains(Expr::col(region::Column::Name), q));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(region::Column::Code), uuid: false };
        let rows = page::<_, region::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// Whether a code is a region; codes are public.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn exists(&self, code: &RegionCode) -> Result<bool> {
        Ok(region::Entity::find_by_id(code.as_str()).one(self.0.conn).await?.is_some())
    }

    /// The region above a code: the longest of its prefixes that exists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn parent_of(&self, code: &RegionCode) -> Result<Option<RegionCode>> {
        let candidates: Vec<String> = code.ancestors().map(|code| code.to_string()).collect();
        let row = region::Entity::find()
            .filter(region::Column::Code.is_in(candidates))
            .order_by_desc(region::Column::Code)
            .one(self.0.conn)
            .await?;
        row.map(|row| word(RegionCode::parse(&row.code).ok(), "regions", "code", &row.code)).transpose()
    }
}

impl Tx {
    /// Saves a new region.
    ///
    /// # Errors
    /// [`Error::Duplicate`] if the code exists.
    pub async fn insert_region(&self, value: Region, event: EventDraft) -> Result<Region> {
        region::Entity::insert(row_of(&value)).exec_without_returning(&self.conn).await?;
        self.record(&[event]).await?;
        Ok(value)
    }

    /// Saves a changed region.
    ///
    /// # Errors
    /// [`Error::Stale`] if it was changed meanwhile.
    pub async fn update_region(&self, value: Region, event: EventDraft) -> Result<Region> {
        let mut row = row_of(&value);
        row.code = sea_orm::ActiveValue::NotSet;
        let done = region::Entity::update_many()
            .set(row)
            .filter(region::Column::Code.eq(value.code.as_str()))
            .filter(region::Column::Version.eq(value.version - 1))
            .exec(&self.conn)
            .await?;
        if done.rows_affected != 1 {
            return Err(Error::Stale);
        }
        self.record(&[event]).await?;
        Ok(value)
    }
}

pub(crate) fn row_of(value: &Region) -> region::ActiveModel {
    let Region { code, name, kind, parent_code, valid_from, valid_until, version, created_at, updated_at } = value;
    region::ActiveModel {
        code: Set(code.to_string()),
        name: Set(name.clone()),
        kind: Set(kind.name().to_owned()),
        parent_code: Set(parent_code.as_ref().map(ToString::to_string)),
        valid_from: Set(*valid_from),
        valid_until: Set(*valid_until),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for region::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.code.clone() }
    }
}

impl TryFrom<region::Model> for Region {
    type Error = Error;

    fn try_from(row: region::Model) -> Result<Self> {
        let region::Model { code, name, kind, parent_code, valid_from, valid_until, version, created_at, updated_at } =
            row;
        let parent_code = parent_code
            .map(|parent| word(RegionCode::parse(&parent).ok(), "regions", "parent_code", &code))
            .transpose()?;
        Ok(Self {
            kind: word(RegionKind::from_name(&kind), "regions", "kind", &code)?,
            code: word(RegionCode::parse(&code).ok(), "regions", "code", &code)?,
            name,
            parent_code,
            valid_from,
            valid_until,
            version,
            created_at,
            updated_at,
        })
    }
}
