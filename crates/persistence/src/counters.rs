//! Counters of orders, kept for the lowest region only: higher levels add them up.

use std::collections::BTreeMap;

use domain::{
    access::{Access, Reach},
    cn::RegionCode,
    orders::OrderState,
};
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement,
    sea_query::{Condition, Expr, InsertStatement, OnConflict, Query, SelectStatement},
};

use crate::{
    error::{Error, Result},
    many,
    notes::Notes,
    rows::{Rows, word},
    scope,
};

/// By what to split a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CountBy {
    /// By the child regions of this length of code.
    pub region_digits: Option<u32>,
    /// By state.
    pub state: bool,
}

/// A count of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// The region, if it was split by region.
    pub region_code: Option<RegionCode>,
    /// The state, if it was split by state.
    pub state: Option<OrderState>,
    /// How many.
    pub count: i64,
}

impl Notes {
    /// Moves one order from a state to another in the counters of its region.
    pub(crate) fn count_order(&self, region: &RegionCode, from: Option<OrderState>, to: OrderState) {
        let mut pending = self.pending();
        for (state, step) in from.map(|state| (state, -1)).into_iter().chain([(to, 1)]) {
            *pending.counts.entry((region.to_string(), state.name())).or_default() += step;
        }
    }
}

/// Adds steps to counters. They come in one order always, so that two transactions never wait for each other.
pub(crate) fn steps(
    backend: DbBackend,
    counts: BTreeMap<(String, &'static str), i64>,
) -> Result<Option<InsertStatement>> {
    let counts: Vec<_> = counts.into_iter().filter(|(_, step)| *step != 0).collect();
    if counts.is_empty() {
        return Ok(None);
    }
    let mut insert = Query::insert();
    insert.into_table("order_counters").columns(["region_code", "state", "orders"]);
    if backend == DbBackend::Postgres {
        // it is part of a statement that would have another text, and need another plan, for each number of counters
        let steps = counts.iter().map(|(_, step)| step.to_string()).collect::<Vec<_>>();
        let mut select = Query::select();
        select
            .expr(array("text", counts.iter().map(|((region, _), _)| region.as_str())))
            .expr(array("text", counts.iter().map(|((_, state), _)| *state)))
            .expr(array("bigint", steps.iter().map(String::as_str)));
        insert.select_from(select).map_err(|error| Error::Database(DbErr::Custom(error.to_string())))?;
    } else {
        for ((region, state), step) in counts {
            insert.values_panic([region.into(), state.into(), step.into()]);
        }
    }
    let mut conflict = OnConflict::columns(["region_code", "state"]);
    conflict.value("orders", Expr::cust("order_counters.orders + excluded.orders"));
    insert.on_conflict(conflict);
    Ok(Some(insert))
}

fn array<'a>(of: &str, texts: impl Iterator<Item = &'a str>) -> Expr {
    Expr::cust_with_values(format!("unnest(CAST($1 AS {of}[]))"), [many::texts(texts)])
}

#[derive(FromQueryResult)]
struct Row {
    region: Option<String>,
    state: Option<String>,
    counted: i64,
}

impl<C: ConnectionTrait> Rows<'_, C> {
    /// Counts orders in a region and in the caller's scope.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn count_orders(&self, access: &Access, region: Option<&RegionCode>, by: CountBy) -> Result<Vec<Count>> {
        let column = || Expr::col(("order_counters", "region_code"));
        let mut scope = Condition::any().add(Expr::cust("1 = 0"));
        for reach in access.visible() {
            if let Reach::Region(code) = reach {
                scope = scope.add(scope::within(column(), code));
            }
        }
        let mut query: SelectStatement = Query::select();
        query.from("order_counters").cond_where(scope);
        if let Some(region) = region {
            query.and_where(scope::within(column(), region));
        }
        query.expr_as(Expr::cust("CAST(SUM(orders) AS BIGINT)"), "counted");
        match by.region_digits {
            Some(digits) => {
                // a number of this program, not of the caller: positions cannot be bound in GROUP BY on PostgreSQL
                let cut = format!("substr(order_counters.region_code, 1, {digits})");
                query.expr_as(Expr::cust(cut.clone()), "region").add_group_by([Expr::cust(cut)]);
            }
            None => {
                query.expr_as(Expr::cust("CAST(NULL AS TEXT)"), "region");
            }
        }
        if by.state {
            query
                .expr_as(Expr::cust("order_counters.state"), "state")
                .add_group_by([Expr::cust("order_counters.state")]);
        } else {
            query.expr_as(Expr::cust("CAST(NULL AS TEXT)"), "state");
        }
        query.and_having(Expr::cust("SUM(orders) > 0"));
        query.order_by_expr(Expr::cust("2"), sea_orm::sea_query::Order::Asc);
        query.order_by_expr(Expr::cust("3"), sea_orm::sea_query::Order::Asc);
        let statement: Statement = self.conn.get_database_backend().build(&query);
        let rows = Row::find_by_statement(statement).all(self.conn).await?;
        rows.into_iter()
            .map(|row| {
                let Row { region, state, counted } = row;
                let region_code = region
                    .map(|code| word(RegionCode::parse(&code).ok(), "order_counters", "region_code", &code))
                    .transpose()?;
                let state = state
                    .map(|name| word(OrderState::from_name(&name), "order_counters", "state", &name))
                    .transpose()?;
                Ok(Count { region_code, state, count: counted })
            })
            .collect()
    }
}
