//! Inspections of the service in compounds.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE inspections (
    id $UUID NOT NULL PRIMARY KEY,
    compound_id $UUID NOT NULL REFERENCES compounds (id),
    region_code $TEXT NOT NULL REFERENCES regions (code),
    inspected_on $DAY NOT NULL,
    pass_mark $INT NOT NULL,
    scores $TEXT NOT NULL,
    failed $INT NOT NULL,
    remark $TEXT,
    inspected_by $UUID NOT NULL REFERENCES users (id),
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_inspections_compound ON inspections (compound_id, id);
CREATE INDEX ix_inspections_region ON inspections (region_code, id);
";
