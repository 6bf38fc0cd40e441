//! Lists of orders of a city or province, newest first: most rows are theirs, so the index need not begin with the code.
//! What an order does not have when it is placed is left out of its indexes.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE INDEX ix_service_orders_created ON service_orders (created_at, id);
CREATE INDEX ix_service_orders_state ON service_orders (state, created_at, id);
DROP INDEX ix_service_orders_holder;
CREATE INDEX ix_service_orders_holder ON service_orders (holder_id, created_at, id) WHERE holder_id IS NOT NULL;
DROP INDEX ix_service_orders_target_volunteer;
CREATE INDEX ix_service_orders_target_volunteer ON service_orders (target_volunteer_id) WHERE target_volunteer_id IS NOT NULL;
DROP INDEX ix_service_orders_target_team;
CREATE INDEX ix_service_orders_target_team ON service_orders (target_team_id) WHERE target_team_id IS NOT NULL;
";
