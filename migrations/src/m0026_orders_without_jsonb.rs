//! What an order holds as JSON is written and read as a whole and never asked for by its members. As `jsonb` PostgreSQL would
//! take it apart when it is written, and put it together again each time it is read.

crate::dialect::step!();

pub(crate) const SQL: &str = r#"
$ONLY_POSTGRES ALTER TABLE service_orders
    ALTER COLUMN answers TYPE text COLLATE "C",
    ALTER COLUMN declined_by TYPE text COLLATE "C",
    ALTER COLUMN remarks TYPE text COLLATE "C",
    ALTER COLUMN limits TYPE text COLLATE "C",
    ALTER COLUMN clocks TYPE text COLLATE "C";
"#;
