//! Pages by keyset: the next page begins after the last row of this one, however deep.

use chrono::NaiveDate;
use domain::time::Instant;
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    QueryTrait, Select, Statement,
    sea_query::{Expr, ExprTrait, Order, SimpleExpr, SubQueryStatement},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};

/// The value of the column by which a list is sorted, and of the id that makes the order complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyset {
    /// The sort column, where it is not the id alone.
    pub sort: Option<SortValue>,
    /// The id as the API shows it.
    pub id: String,
}

/// A value to sort by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortValue {
    /// A time.
    At(Instant),
    /// A day.
    Day(NaiveDate),
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// What a list is asked for.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// At most as many rows.
    pub limit: u64,
    /// After this row.
    pub after: Option<Keyset>,
    /// From the greatest down.
    pub descending: bool,
    /// Whether to count all rows.
    pub count: bool,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Keyset>,
    /// The number of all rows, if it was asked for.
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// The same page with each row turned into something else.
    pub fn try_map<U>(self, turn: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
        let items = self.items.into_iter().map(turn).collect::<Result<_>>()?;
        Ok(Page { items, next: self.next, total: self.total })
    }
}

/// What a row must tell to be paged.
pub trait SortKey {
    /// The value of the sort column and the id.
    fn keyset(&self, sorted_by: Option<&'static str>) -> Keyset;
}

/// The columns of an order: the sort column, if any, and the id.
pub(crate) struct Sorting {
    /// Its public name.
    pub name: Option<&'static str>,
    pub column: Option<SimpleExpr>,
    pub id: SimpleExpr,
    /// Whether ids are UUIDs (or else codes).
    pub uuid: bool,
}

/// A row, and how many there are in all where that was asked for.
pub(crate) struct Counted<R> {
    pub row: R,
    pub total: Option<i64>,
}

impl<R: FromQueryResult> FromQueryResult for Counted<R> {
    fn from_query_result(result: &QueryResult, prefix: &str) -> std::result::Result<Self, DbErr> {
        let total = Some(result.try_get(prefix, "page_total")?);
        Ok(Self { row: R::from_query_result(result, prefix)?, total })
    }
}

/// Reads a page in one statement, the count included; only a page after the last row takes a second one.
pub(crate) async fn page<E, R, C>(
    conn: &C,
    select: Select<E>,
    sorting: Sorting,
    request: &PageRequest,
) -> Result<Page<R>>
where
    E: EntityTrait,
    R: FromQueryResult + SortKey + Send + Sync,
    C: ConnectionTrait,
{
    let read = async |statement, counts: bool| {
        if counts {
            return Counted::<R>::find_by_statement(statement).all(conn).await;
        }
        let rows = R::find_by_statement(statement).all(conn).await?;
        Ok(rows.into_iter().map(|row| Counted { row, total: None }).collect())
    };
    page_read(conn, select, sorting, request, read).await
}

/// The same with a way to read the rows of its statement: the total, if it is asked for, is their last column.
pub(crate) async fn page_read<E, R, C>(
    conn: &C,
    select: Select<E>,
    sorting: Sorting,
    request: &PageRequest,
    read: impl AsyncFnOnce(Statement, bool) -> std::result::Result<Vec<Counted<R>>, DbErr>,
) -> Result<Page<R>>
where
    E: EntityTrait,
    R: SortKey,
    C: ConnectionTrait,
{
    let Sorting { name, column, id, uuid } = sorting;
    let counting = || {
        let mut query = select.clone().into_query();
        query.clear_selects().clear_order_by().expr_as(Expr::cust("count(*)"), "page_total");
        query
    };
    let mut paged = select.clone();
    if request.count {
        let subquery = SubQueryStatement::SelectStatement(counting());
        paged = paged.expr_as(SimpleExpr::SubQuery(None, Box::new(subquery)), "page_total");
    }
    let order = if request.descending { Order::Desc } else { Order::Asc };
    if let Some(after) = &request.after {
        paged = paged.filter(beyond(after, column.clone(), id.clone(), uuid, request.descending)?);
    }
    if let Some(column) = column {
        paged = paged.order_by(column, order.clone());
    }
    let mut statement = conn.get_database_backend().build(&paged.order_by(id, order).into_query());
    // as a parameter PostgreSQL would not know how few it is, and might sort all rows instead of reading an index
    statement.sql.push_str(&format!(" LIMIT {}", request.limit + 1));
    let mut rows = read(statement, request.count).await?;

    let has_next = rows.len() as u64 > request.limit;
    rows.truncate(usize::try_from(request.limit).unwrap_or(usize::MAX));
    let total = match (request.count, rows.first()) {
        (false, _) => None,
        (true, Some(first)) => first.total,
        (true, None) if request.after.is_none() => Some(0),
        (true, None) => {
            let statement = conn.get_database_backend().build(&counting());
            let row = conn.query_one_raw(statement).await?;
            row.map(|row| row.try_get::<i64>("", "page_total")).transpose()?
        }
    };
    let next = rows.last().filter(|_| has_next).map(|last| last.row.keyset(name));
    Ok(Page {
        items: rows.into_iter().map(|counted| counted.row).collect(),
        next,
        total: total.map(|total| u64::try_from(total).unwrap_or(0)),
    })
}

/// `(a, id) < (x, y)`: as a row value it is a condition on the index; written out with OR it would be a filter.
fn beyond(
    after: &Keyset,
    column: Option<SimpleExpr>,
    id: SimpleExpr,
    uuid: bool,
    descending: bool,
) -> Result<SimpleExpr> {
    let id_value = if uuid {
        Expr::val(after.id.parse::<Uuid>().map_err(|_| Error::NotFound)?)
    } else {
        Expr::val(after.id.clone())
    };
    let (left, right) = match (column, &after.sort) {
        (Some(column), Some(value)) => {
            let value = match value {
                SortValue::At(at) => Expr::val(*at),
                SortValue::Day(day) => Expr::val(*day),
                SortValue::Text(text) => Expr::val(text.clone()),
                SortValue::Number(number) => Expr::val(*number),
            };
            (Expr::tuple([column, id]), Expr::tuple([value, id_value]))
        }
        _ => (id, id_value),
    };
    Ok(if descending { left.lt(right) } else { left.gt(right) })
}
