//! A kept answer stays in its row. Its text is sealed, so it cannot be made smaller, and PostgreSQL would try to for each one
//! and then write it to a second table, with an index of its own.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
$ONLY_POSTGRES ALTER TABLE idempotency_keys SET (toast_tuple_target = 8160);
";
