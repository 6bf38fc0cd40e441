//! Limits of the catalog by priority, and the clocks of orders.
//!
//! What clocks need to be found by stands in columns of its own: when the first is due, when the next one tells
//! something by itself, and how far the order has risen. All are empty where nothing is waited for.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
ALTER TABLE service_kinds ADD COLUMN limits $JSON NOT NULL DEFAULT '[]';
ALTER TABLE service_kinds DROP COLUMN response_minutes;
ALTER TABLE service_kinds DROP COLUMN resolution_minutes;

ALTER TABLE service_orders ADD COLUMN limits $JSON NOT NULL DEFAULT '[]';
ALTER TABLE service_orders ADD COLUMN clocks $JSON NOT NULL DEFAULT '[]';
ALTER TABLE service_orders ADD COLUMN due_at $TIME;
ALTER TABLE service_orders ADD COLUMN rings_at $TIME;
ALTER TABLE service_orders ADD COLUMN risen $TEXT CHECK (risen IN ('community', 'township'));
CREATE INDEX ix_service_orders_rings ON service_orders (rings_at) WHERE rings_at IS NOT NULL;
CREATE INDEX ix_service_orders_due ON service_orders (region_code, due_at) WHERE due_at IS NOT NULL;
";
