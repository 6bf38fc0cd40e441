//! Spans as conditions and as rows.

use chrono::NaiveDate;
use domain::periods::{Period, Periods};
use sea_orm::sea_query::{Expr, ExprTrait as _, SelectStatement, SimpleExpr};

use crate::{error::Result, rows::word};

/// Whether the row of a span lasts on a day.
pub(super) fn on(day: NaiveDate) -> SimpleExpr {
    let until = Expr::col("valid_until");
    Expr::col("valid_from").lte(day).and(until.clone().is_null().or(until.gt(day)))
}

/// Those rows of a table of spans that last on a day, by the column that says whose they are.
pub(super) fn lasting(table: &'static str, whose: &'static str, day: NaiveDate) -> SelectStatement {
    SelectStatement::new().column(whose).from(table).and_where(on(day)).take()
}

/// Spans as they stand in a table.
pub(super) fn stored<T: PartialEq>(
    periods: Option<Vec<Period<T>>>,
    table: &'static str,
    whose: &impl std::fmt::Display,
) -> Result<Periods<T>> {
    word(Periods::stored(periods.unwrap_or_default()), table, "valid_until", whose)
}
