//! Regions over time: the region that came after one, and codes that are local.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
ALTER TABLE regions ADD COLUMN successor_code $TEXT REFERENCES regions (code);
ALTER TABLE regions ADD COLUMN local $BOOL NOT NULL DEFAULT FALSE;
CREATE INDEX ix_regions_succeeded ON regions (code) WHERE successor_code IS NOT NULL;
";
