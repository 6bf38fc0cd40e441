//! Appointments: who holds which post, where and for how long.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE appointments (
    id $UUID NOT NULL PRIMARY KEY,
    person_id $UUID NOT NULL REFERENCES persons (id),
    post $TEXT NOT NULL,
    profession $TEXT,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    organization_id $UUID REFERENCES organizations (id),
    compound_id $UUID REFERENCES compounds (id),
    building_id $UUID REFERENCES buildings (id),
    unit_id $UUID REFERENCES units (id),
    valid_from $DAY NOT NULL,
    valid_until $DAY,
    ended_on $DAY,
    end_reason $TEXT,
    succeeded_by $UUID REFERENCES appointments (id),
    preceded_by $UUID REFERENCES appointments (id),
    announced_at $TIME,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_appointments_region ON appointments (region_code, id);
CREATE INDEX ix_appointments_person ON appointments (person_id);
CREATE INDEX ix_appointments_compound ON appointments (compound_id, id);
CREATE INDEX ix_appointments_organization ON appointments (organization_id, id);
CREATE INDEX ix_appointments_terms ON appointments (valid_until) WHERE announced_at IS NULL AND ended_on IS NULL;
";
