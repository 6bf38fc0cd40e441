//! What compounds consist of, who manages and covers them over time, and to whom dwellings belong.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
ALTER TABLE compounds ADD COLUMN built_year $INT;
ALTER TABLE compounds ADD COLUMN population $INT;
ALTER TABLE compounds ADD COLUMN longitude $INT;
ALTER TABLE compounds ADD COLUMN latitude $INT;
ALTER TABLE compounds ADD COLUMN outline $TEXT;
ALTER TABLE compounds ADD COLUMN difficulty $TEXT;
ALTER TABLE compounds ADD COLUMN planned_mode $TEXT;
ALTER TABLE compounds ADD COLUMN planned_by $DAY;
ALTER TABLE compounds ADD COLUMN demonstration $BOOL NOT NULL DEFAULT FALSE;
ALTER TABLE compounds ADD COLUMN deleted_at $TIME;
DROP INDEX uq_compounds_code;
CREATE UNIQUE INDEX uq_compounds_code ON compounds (region_code, code) WHERE deleted_at IS NULL;
CREATE INDEX ix_compounds_region ON compounds (region_code, id);

CREATE TABLE compound_modes (
    compound_id $UUID NOT NULL REFERENCES compounds (id),
    valid_from $DAY NOT NULL,
    valid_until $DAY,
    mode $TEXT NOT NULL,
    PRIMARY KEY (compound_id, valid_from)
);

CREATE TABLE compound_party_organizations (
    compound_id $UUID NOT NULL REFERENCES compounds (id),
    valid_from $DAY NOT NULL,
    valid_until $DAY,
    organization_id $UUID NOT NULL REFERENCES organizations (id),
    PRIMARY KEY (compound_id, valid_from)
);
CREATE INDEX ix_compound_party_organizations_organization ON compound_party_organizations (organization_id);

ALTER TABLE buildings ADD COLUMN region_code $TEXT REFERENCES regions (code);
ALTER TABLE buildings ADD COLUMN version $LONG NOT NULL DEFAULT 1;
ALTER TABLE buildings ADD COLUMN created_at $TIME;
ALTER TABLE buildings ADD COLUMN updated_at $TIME;
UPDATE buildings SET
    region_code = (SELECT c.region_code FROM compounds c WHERE c.id = buildings.compound_id),
    created_at = (SELECT c.created_at FROM compounds c WHERE c.id = buildings.compound_id),
    updated_at = (SELECT c.created_at FROM compounds c WHERE c.id = buildings.compound_id);
CREATE INDEX ix_buildings_region ON buildings (region_code, id);

ALTER TABLE units ADD COLUMN compound_id $UUID REFERENCES compounds (id);
ALTER TABLE units ADD COLUMN region_code $TEXT REFERENCES regions (code);
ALTER TABLE units ADD COLUMN version $LONG NOT NULL DEFAULT 1;
ALTER TABLE units ADD COLUMN created_at $TIME;
ALTER TABLE units ADD COLUMN updated_at $TIME;
UPDATE units SET
    compound_id = (SELECT b.compound_id FROM buildings b WHERE b.id = units.building_id),
    region_code = (SELECT b.region_code FROM buildings b WHERE b.id = units.building_id),
    created_at = (SELECT b.created_at FROM buildings b WHERE b.id = units.building_id),
    updated_at = (SELECT b.created_at FROM buildings b WHERE b.id = units.building_id);
CREATE INDEX ix_units_region ON units (region_code, id);
CREATE INDEX ix_units_compound ON units (compound_id, id);

CREATE TABLE dwellings (
    id $UUID NOT NULL PRIMARY KEY,
    unit_id $UUID NOT NULL REFERENCES units (id),
    building_id $UUID NOT NULL REFERENCES buildings (id),
    compound_id $UUID NOT NULL REFERENCES compounds (id),
    region_code $TEXT NOT NULL REFERENCES regions (code),
    code $TEXT NOT NULL,
    floor $INT,
    area $LONG,
    area_source $TEXT,
    delivered $BOOL NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_dwellings_code ON dwellings (unit_id, code);
CREATE INDEX ix_dwellings_compound ON dwellings (compound_id, id);
CREATE INDEX ix_dwellings_building ON dwellings (building_id, id);
CREATE INDEX ix_dwellings_region ON dwellings (region_code, id);

CREATE TABLE dwelling_owners (
    dwelling_id $UUID NOT NULL REFERENCES dwellings (id),
    valid_from $DAY NOT NULL,
    number $INT NOT NULL,
    valid_until $DAY,
    person_id $UUID REFERENCES persons (id),
    organization_id $UUID REFERENCES organizations (id),
    share $TEXT NOT NULL,
    PRIMARY KEY (dwelling_id, valid_from, number),
    CHECK ((person_id IS NULL) <> (organization_id IS NULL))
);
CREATE INDEX ix_dwelling_owners_person ON dwelling_owners (person_id);
CREATE INDEX ix_dwelling_owners_organization ON dwelling_owners (organization_id);
";
