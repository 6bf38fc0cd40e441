//! Days of the business calendar.

use chrono::NaiveDate;
use domain::{
    access::Access,
    clocks::{CalendarDay, CalendarDayKind},
    cn::RegionCode,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr, ExprTrait as _},
};

use super::entity::calendar_day;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, SortValue, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    vault::Vault,
};

/// Which days.
#[derive(Debug, Clone, Default)]
pub struct CalendarDayFilter {
    /// Of this subtree.
    pub region: Option<RegionCode>,
    /// That hold at this place: its own, those of the regions above it, and those of the country.
    pub holds_in: Option<RegionCode>,
    /// On this day or after.
    pub from: Option<NaiveDate>,
    /// On this day or before.
    pub until: Option<NaiveDate>,
    /// Of one of these kinds; all if empty.
    pub kind: Vec<CalendarDayKind>,
}

/// Finder of days of the calendar.
#[derive(Debug)]
pub struct CalendarDays<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Days of the calendar.
    #[must_use]
    pub fn calendar_days(self) -> CalendarDays<'a, C> {
        CalendarDays(self)
    }
}

fn region_column() -> Expr {
    Expr::col((calendar_day::Entity, calendar_day::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    scope::visible(access, &ScopeColumns { region: Some(region_column()), ..Default::default() })
}

impl Findable for CalendarDay {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = calendar_day::Entity::find_by_id(id.0).filter(visible(access));
        rows.one_of::<_, calendar_day::Model, _>(select, access, lock).await
    }
}

impl Stored for CalendarDay {
    type Entity = calendar_day::Entity;

    fn row(&self, _: &Vault) -> Result<calendar_day::ActiveModel> {
        let Self { id, date, kind, name, region_code, version, created_at, updated_at } = self;
        Ok(calendar_day::ActiveModel {
            id: Set(id.0),
            day: Set(*date),
            kind: Set(kind.name().to_owned()),
            name: Set(name.clone()),
            region_code: Set(region_code.as_ref().map(ToString::to_string)),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        })
    }

    fn columns() -> (calendar_day::Column, calendar_day::Column) {
        (calendar_day::Column::Id, calendar_day::Column::Version)
    }
}

impl<C: ConnectionTrait> CalendarDays<'_, C> {
    /// A page of days that the caller sees.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &CalendarDayFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<CalendarDay>>> {
        let CalendarDayFilter { region, holds_in, from, until, kind } = filter;
        let mut select = calendar_day::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if let Some(place) = holds_in {
            let above = std::iter::once(place.clone()).chain(place.ancestors()).map(|code| code.to_string());
            let country = calendar_day::Column::RegionCode.is_null();
            select = select.filter(country.or(calendar_day::Column::RegionCode.is_in(above)));
        }
        if let Some(from) = from {
            select = select.filter(calendar_day::Column::Day.gte(*from));
        }
        if let Some(until) = until {
            select = select.filter(calendar_day::Column::Day.lte(*until));
        }
        if !kind.is_empty() {
            select = select.filter(calendar_day::Column::Kind.is_in(kind.iter().map(|kind| kind.name())));
        }
        let sorting = Sorting {
            name: Some("date"),
            column: Some(Expr::col(calendar_day::Column::Day)),
            id: Expr::col(calendar_day::Column::Id),
            uuid: true,
        };
        let rows = page::<_, calendar_day::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// All days of all places, for counting time: clocks run whoever asks.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn all(&self) -> Result<Vec<CalendarDay>> {
        let rows = calendar_day::Entity::find().all(self.0.conn).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

impl SortKey for calendar_day::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: Some(SortValue::Day(self.day)), id: self.id.to_string() }
    }
}

impl TryFrom<calendar_day::Model> for CalendarDay {
    type Error = Error;

    fn try_from(row: calendar_day::Model) -> Result<Self> {
        const TABLE: &str = "calendar_days";
        let calendar_day::Model { id, day, kind, name, region_code, version, created_at, updated_at } = row;
        let region_code =
            region_code.map(|code| word(RegionCode::parse(&code).ok(), TABLE, "region_code", &id)).transpose()?;
        Ok(Self {
            id: id.into(),
            date: day,
            kind: word(CalendarDayKind::from_name(&kind), TABLE, "kind", &id)?,
            name,
            region_code,
            version,
            created_at,
            updated_at,
        })
    }
}
