//! The policy's reaches as conditions: the twin of `domain::access::Located`.

use domain::{
    access::{Access, Reach},
    cn::{RegionCode, RegionLevel},
};
use sea_orm::{
    ColumnTrait,
    sea_query::{Condition, Expr, ExprTrait, LikeExpr, SimpleExpr},
};

/// The columns of a table that say where a row is, and the relations that only it knows.
pub(crate) struct ScopeColumns<'a> {
    pub region: Option<SimpleExpr>,
    pub compound: Option<SimpleExpr>,
    /// Whether the table has indexes on its code cut to the levels of [`within_cut`].
    pub cut: bool,
    pub related: &'a dyn Fn(&Reach) -> Option<SimpleExpr>,
}

impl Default for ScopeColumns<'_> {
    /// Of a table whose rows are nowhere and nobody's.
    fn default() -> Self {
        Self { region: None, compound: None, cut: false, related: &|_| None }
    }
}

/// The relation of a row to the account that it names.
pub(crate) fn own_of_user(column: impl ColumnTrait) -> impl Fn(&Reach) -> Option<SimpleExpr> {
    move |reach| match reach {
        Reach::Own(user, _) => Some(column.eq(user.0)),
        _ => None,
    }
}

/// The relation of a row to the person whom it names.
pub(crate) fn own_of_person(column: impl ColumnTrait) -> impl Fn(&Reach) -> Option<SimpleExpr> {
    move |reach| match reach {
        Reach::Own(_, Some(person)) => Some(column.eq(person.0)),
        _ => None,
    }
}

/// The rows that are visible for an access.
pub(crate) fn visible(access: &Access, columns: &ScopeColumns<'_>) -> Condition {
    let mut any = Condition::any();
    let mut is_empty = true;
    for reach in access.visible() {
        let condition = match reach {
            Reach::Everywhere => Some(Expr::cust("1 = 1")),
            Reach::Region(code) => columns
                .region
                .clone()
                .map(|column| if columns.cut { within_cut(column, code) } else { within(column, code) }),
            Reach::Compound(id) => columns.compound.clone().map(|column| column.eq(id.0)),
            relation => (columns.related)(relation),
        };
        if let Some(condition) = condition {
            any = any.add(condition);
            is_empty = false;
        }
    }
    if is_empty { any.add(Expr::cust("1 = 0")) } else { any }
}

/// Whether everything in a region is visible: then who asks for that region needs no other condition, and the database
/// none that it could be misled by.
pub(crate) fn sees_all_of(access: &Access, region: &RegionCode) -> bool {
    access.visible().any(|reach| match reach {
        Reach::Everywhere => true,
        Reach::Region(scope) => scope.contains(region),
        _ => false,
    })
}

/// A subtree as a range of codes, which a plain index serves.
pub(crate) fn within(column: SimpleExpr, code: &RegionCode) -> SimpleExpr {
    column.clone().gte(code.as_str()).and(column.lt(end(code)))
}

/// The first text after all that begin with a code: its last digit counted up (`9` becomes `:`).
pub(crate) fn end(code: &RegionCode) -> String {
    let mut end = code.as_str().to_owned();
    if let Some(last) = end.pop() {
        end.push(char::from_u32(u32::from(last) + 1).unwrap_or(last));
    }
    end
}

/// The areas that serve a place: those within its township, and those above that.
pub(crate) fn serving(column: Expr, place: &RegionCode) -> Condition {
    let township = place.at(RegionLevel::Township).unwrap_or_else(|| place.clone());
    let above = township.ancestors().map(|code| code.to_string());
    Condition::any().add(within(column.clone(), &township)).add(column.is_in(above))
}

/// A subtree as an equality on the code cut to its level, where an index begins with that; sorted lists of a
/// subtree then need no sorting.
pub(crate) fn within_cut(column: SimpleExpr, code: &RegionCode) -> SimpleExpr {
    match code.level() {
        RegionLevel::County => Expr::cust("substr(service_orders.region_code, 1, 6)").eq(code.as_str()),
        RegionLevel::Township => Expr::cust("substr(service_orders.region_code, 1, 9)").eq(code.as_str()),
        RegionLevel::Community => Expr::cust("substr(service_orders.region_code, 1, 12)").eq(code.as_str()),
        RegionLevel::Province | RegionLevel::City | RegionLevel::Grid => within(column, code),
    }
}

/// Whether a text contains another one, letter case aside; `%` and `_` mean themselves.
pub(crate) fn contains(column: SimpleExpr, text: &str) -> SimpleExpr {
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    let lower = Expr::expr(sea_orm::sea_query::Func::lower(column));
    lower.like(LikeExpr::new(format!("%{escaped}%")).escape('\\'))
}
