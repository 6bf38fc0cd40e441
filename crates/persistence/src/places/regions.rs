//! Regions.

use std::collections::{BTreeSet, HashMap};

use domain::{
    access::Access,
    cn::RegionCode,
    places::{Region, RegionKind},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Statement,
    sea_query::{Condition, Expr},
};

use super::entity::region;
use crate::{
    connect::Transaction,
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    many,
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    tx::Tx,
    vault::Vault,
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
    /// Only those that have a successor, or only those that have none.
    pub superseded: bool,
}

/// How a code stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeStanding {
    /// No region has it.
    Unknown,
    /// It is in use.
    Current,
    /// It, or that of a region above it, was followed by this one.
    SupersededBy(RegionCode),
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
    let region = Some(Expr::col((region::Entity, region::Column::Code)));
    scope::visible(access, &ScopeColumns { region, ..Default::default() })
}

impl Findable for Region {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = region::Entity::find_by_id(id.as_str()).filter(visible(access));
        rows.one_of::<_, region::Model, _>(select, access, lock).await
    }
}

impl Stored for Region {
    type Entity = region::Entity;

    fn row(&self, _: &Vault) -> Result<region::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (region::Column, region::Column) {
        (region::Column::Code, region::Column::Version)
    }
}

impl<C: ConnectionTrait> Regions<'_, C> {
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
        let RegionFilter { region, parent, kind, q, superseded } = filter;
        let succeeded = region::Column::SuccessorCode;
        let standing = if *superseded { succeeded.is_not_null() } else { succeeded.is_null() };
        let mut select = region::Entity::find().filter(visible(access)).filter(standing);
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

    /// How a code stands, for one who is about to write into its region: until his transaction ends the region keeps its
    /// code.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn standing(&self, code: &RegionCode) -> Result<CodeStanding> {
        let row = Lock::Share.on(region::Entity::find_by_id(code.as_str())).one(self.0.conn).await?;
        Ok(match row.map(Region::try_from).transpose()? {
            None => CodeStanding::Unknown,
            Some(Region { successor_code: Some(code), .. }) => CodeStanding::SupersededBy(code),
            Some(_) => CodeStanding::Current,
        })
    }

    /// The code that came after a code, or after the nearest one above it that has a successor.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn successor_above(&self, code: &RegionCode) -> Result<Option<RegionCode>> {
        let candidates = std::iter::once(code.clone()).chain(code.ancestors()).map(|code| code.to_string());
        let row = region::Entity::find()
            .filter(region::Column::Code.is_in(candidates))
            .filter(region::Column::SuccessorCode.is_not_null())
            .order_by_desc(region::Column::Code)
            .one(self.0.conn)
            .await?;
        Ok(row.map(Region::try_from).transpose()?.and_then(|region| region.successor_code))
    }

    /// All codes that have a successor, and those that are in use after them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn successors(&self) -> Result<HashMap<RegionCode, RegionCode>> {
        let rows = region::Entity::find().filter(region::Column::SuccessorCode.is_not_null()).all(self.0.conn).await?;
        let mut next = HashMap::new();
        for row in rows {
            let region = Region::try_from(row)?;
            next.extend(region.successor_code.map(|code| (region.code, code)));
        }
        let last = |code: &RegionCode| {
            // no code comes after itself: a successor is in use when it becomes one
            let mut last = code;
            while let Some(later) = next.get(last) {
                last = later;
            }
            last.clone()
        };
        Ok(next.keys().map(|code| (code.clone(), last(code))).collect())
    }

    /// The name of a region; names are as public as codes.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn name(&self, code: &RegionCode) -> Result<Option<String>> {
        Ok(region::Entity::find_by_id(code.as_str()).one(self.0.conn).await?.map(|row| row.name))
    }

    /// The region above a code: the longest of its prefixes that exists.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn parent_of(&self, code: &RegionCode) -> Result<Option<RegionCode>> {
        let candidates: Vec<String> = code.ancestors().map(|code| code.to_string()).collect();
        let row = region::Entity::find()
            .filter(region::Column::Code.is_in(candidates))
            .filter(region::Column::SuccessorCode.is_null())
            .order_by_desc(region::Column::Code)
            .one(self.0.conn)
            .await?;
        row.map(|row| word(RegionCode::parse(&row.code).ok(), "regions", "code", &row.code)).transpose()
    }
}

/// Which of some regions are in use. They are so until the transaction ends.
pub(crate) async fn hold_in_use(conn: &Transaction, codes: BTreeSet<&RegionCode>) -> Result<BTreeSet<RegionCode>> {
    #[derive(FromQueryResult)]
    struct Row {
        code: String,
    }
    let backend = conn.get_database_backend();
    // SQLite has one writer at a time
    let lock = if backend == DbBackend::Postgres { "FOR SHARE" } else { "" };
    let sql = format!(
        "SELECT code FROM regions WHERE {} AND successor_code IS NULL ORDER BY code {lock}",
        many::is_one_of_codes(backend, "code", 1)
    );
    let select = Statement::from_sql_and_values(backend, sql, [many::codes(backend, codes)]);
    let rows = Row::find_by_statement(select).all(conn).await?;
    let code = |Row { code }| word(RegionCode::parse(&code).ok(), "regions", "code", &code);
    rows.into_iter().map(code).collect()
}

impl Tx {
    /// Hangs the regions of a new region's subtree, which hung on the one above until now, on it. What is above a
    /// region follows from the codes alone, so it is no change of those regions.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn adopt_regions(&self, new: &Region) -> Result<()> {
        let above = match &new.parent_code {
            Some(parent) => region::Column::ParentCode.eq(parent.as_str()),
            None => region::Column::ParentCode.is_null(),
        };
        let row = region::ActiveModel { parent_code: Set(Some(new.code.to_string())), ..Default::default() };
        region::Entity::update_many()
            .set(row)
            .filter(scope::within(Expr::col(region::Column::Code), &new.code))
            .filter(region::Column::Code.ne(new.code.as_str()))
            .filter(above)
            .exec(&self.conn)
            .await?;
        Ok(())
    }
}

pub(crate) fn row_of(value: &Region) -> region::ActiveModel {
    let Region {
        code,
        name,
        kind,
        parent_code,
        valid_from,
        valid_until,
        local,
        successor_code,
        version,
        created_at,
        updated_at,
    } = value;
    region::ActiveModel {
        code: Set(code.to_string()),
        name: Set(name.clone()),
        kind: Set(kind.name().to_owned()),
        parent_code: Set(parent_code.as_ref().map(ToString::to_string)),
        valid_from: Set(*valid_from),
        valid_until: Set(*valid_until),
        successor_code: Set(successor_code.as_ref().map(ToString::to_string)),
        local: Set(*local),
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
        let region::Model {
            code,
            name,
            kind,
            parent_code,
            valid_from,
            valid_until,
            successor_code,
            local,
            version,
            created_at,
            updated_at,
        } = row;
        let other = |column: &'static str, other: Option<String>| {
            other.map(|other| word(RegionCode::parse(&other).ok(), "regions", column, &code)).transpose()
        };
        let parent_code = other("parent_code", parent_code)?;
        let successor_code = other("successor_code", successor_code)?;
        Ok(Self {
            kind: word(RegionKind::from_name(&kind), "regions", "kind", &code)?,
            code: word(RegionCode::parse(&code).ok(), "regions", "code", &code)?,
            name,
            parent_code,
            valid_from,
            valid_until,
            local,
            successor_code,
            version,
            created_at,
            updated_at,
        })
    }
}
