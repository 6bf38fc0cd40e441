//! Regions, organizations, and compounds with their buildings and units.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE regions (
    code $TEXT NOT NULL PRIMARY KEY,
    name $TEXT NOT NULL,
    kind $TEXT NOT NULL,
    parent_code $TEXT REFERENCES regions (code),
    valid_from $DAY,
    valid_until $DAY,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_regions_parent ON regions (parent_code, code);

CREATE TABLE organizations (
    id $UUID NOT NULL PRIMARY KEY,
    name $TEXT NOT NULL,
    kind $TEXT NOT NULL,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    parent_id $UUID REFERENCES organizations (id),
    credit_code $TEXT,
    formation $TEXT,
    credit_grade $TEXT,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_organizations_credit_code ON organizations (credit_code);
CREATE INDEX ix_organizations_region ON organizations (region_code, id);
CREATE INDEX ix_organizations_parent ON organizations (parent_id);

CREATE TABLE compounds (
    id $UUID NOT NULL PRIMARY KEY,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    code $TEXT NOT NULL,
    name $TEXT NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_compounds_code ON compounds (region_code, code);

CREATE TABLE buildings (
    id $UUID NOT NULL PRIMARY KEY,
    compound_id $UUID NOT NULL REFERENCES compounds (id),
    code $TEXT NOT NULL,
    name $TEXT NOT NULL
);
CREATE UNIQUE INDEX uq_buildings_code ON buildings (compound_id, code);

CREATE TABLE units (
    id $UUID NOT NULL PRIMARY KEY,
    building_id $UUID NOT NULL REFERENCES buildings (id),
    code $TEXT NOT NULL,
    name $TEXT NOT NULL
);
CREATE UNIQUE INDEX uq_units_code ON units (building_id, code);
";
