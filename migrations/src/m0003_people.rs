//! Persons and households. Telephone numbers, ID numbers and addresses are encrypted; the first two are found by
//! a blind index.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE persons (
    id $UUID NOT NULL PRIMARY KEY,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    compound_id $UUID REFERENCES compounds (id),
    name $TEXT NOT NULL,
    sex $TEXT,
    birth_date $DAY,
    phone_sealed $TEXT,
    phone_index $BYTES,
    id_number_sealed $TEXT,
    id_number_index $BYTES,
    address_sealed $TEXT,
    political_status $TEXT,
    tags $JSON NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_persons_id_number ON persons (id_number_index);
CREATE INDEX ix_persons_phone ON persons (phone_index);
CREATE INDEX ix_persons_region ON persons (region_code, id);
CREATE INDEX ix_persons_compound ON persons (compound_id);

CREATE TABLE households (
    id $UUID NOT NULL PRIMARY KEY,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    compound_id $UUID REFERENCES compounds (id),
    building_id $UUID REFERENCES buildings (id),
    unit_id $UUID REFERENCES units (id),
    address_sealed $TEXT,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_households_region ON households (region_code, id);

CREATE TABLE household_members (
    household_id $UUID NOT NULL REFERENCES households (id),
    person_id $UUID NOT NULL REFERENCES persons (id),
    relation $TEXT NOT NULL,
    valid_from $DAY NOT NULL,
    valid_until $DAY,
    PRIMARY KEY (household_id, person_id, valid_from)
);
CREATE INDEX ix_household_members_person ON household_members (person_id);
";
