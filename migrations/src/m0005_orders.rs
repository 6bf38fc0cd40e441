//! The catalog, service orders and what hangs on them, volunteers and teams.
//!
//! Lists ask for the newest of a subtree: an index that begins with the code cut to a level answers that without
//! sorting, for the levels at which people work (county 6, township 9, community 12 digits).

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE service_kinds (
    id $UUID NOT NULL PRIMARY KEY,
    code $TEXT NOT NULL,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    name $TEXT NOT NULL,
    skills $JSON NOT NULL,
    questions $JSON NOT NULL,
    response_minutes $INT,
    resolution_minutes $INT,
    active $BOOL NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_service_kinds_code ON service_kinds (code, region_code);

CREATE TABLE volunteers (
    id $UUID NOT NULL PRIMARY KEY,
    person_id $UUID NOT NULL REFERENCES persons (id),
    skills $JSON NOT NULL,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    available $BOOL NOT NULL,
    origin $TEXT NOT NULL,
    state $TEXT NOT NULL CHECK (state IN ('applied', 'approved', 'refused', 'left')),
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_volunteers_person ON volunteers (person_id);
CREATE INDEX ix_volunteers_region ON volunteers (region_code, id);

CREATE TABLE volunteer_teams (
    id $UUID NOT NULL PRIMARY KEY,
    name $TEXT NOT NULL,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    origin $TEXT NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_volunteer_teams_region ON volunteer_teams (region_code, id);

CREATE TABLE volunteer_team_members (
    team_id $UUID NOT NULL REFERENCES volunteer_teams (id),
    volunteer_id $UUID NOT NULL REFERENCES volunteers (id),
    joined_at $TIME NOT NULL,
    left_at $TIME,
    PRIMARY KEY (team_id, volunteer_id, joined_at)
);
CREATE INDEX ix_volunteer_team_members_volunteer ON volunteer_team_members (volunteer_id);

CREATE TABLE service_orders (
    id $UUID NOT NULL PRIMARY KEY,
    number $TEXT NOT NULL,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    kind $TEXT NOT NULL,
    description $TEXT NOT NULL,
    compound_id $UUID REFERENCES compounds (id),
    building_id $UUID REFERENCES buildings (id),
    unit_id $UUID REFERENCES units (id),
    address_sealed $TEXT,
    point_sealed $TEXT,
    answers $JSON NOT NULL,
    wished_at $TIME,
    private $BOOL NOT NULL,
    priority $TEXT NOT NULL CHECK (priority IN ('urgent', 'normal', 'low')),
    requester_id $UUID NOT NULL REFERENCES persons (id),
    placed_by $UUID NOT NULL REFERENCES users (id),
    content_digest $BYTES NOT NULL,
    state $TEXT NOT NULL,
    target $TEXT CHECK (target IN ('volunteer', 'team', 'open')),
    target_volunteer_id $UUID REFERENCES volunteers (id),
    target_team_id $UUID REFERENCES volunteer_teams (id),
    declined_by $JSON NOT NULL,
    holder_id $UUID REFERENCES volunteers (id),
    hold_reason $TEXT,
    hold_until $TIME,
    hold_in_progress $BOOL,
    outcome $TEXT,
    completed_at $TIME,
    solved $BOOL,
    satisfaction $INT,
    confirmed_by $TEXT,
    confirmed_at $TIME,
    merged_into $UUID REFERENCES service_orders (id),
    reopened_count $INT NOT NULL,
    joined_count $LONG NOT NULL,
    remarks $JSON NOT NULL,
    accepted_at $TIME,
    closed_at $TIME,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_service_orders_number ON service_orders (number);
CREATE INDEX ix_service_orders_county ON service_orders (substr(region_code, 1, 6), created_at, id);
CREATE INDEX ix_service_orders_township ON service_orders (substr(region_code, 1, 9), created_at, id);
CREATE INDEX ix_service_orders_community ON service_orders (substr(region_code, 1, 12), created_at, id);
CREATE INDEX ix_service_orders_county_state ON service_orders (substr(region_code, 1, 6), state, created_at, id);
CREATE INDEX ix_service_orders_community_state ON service_orders (substr(region_code, 1, 12), state, created_at, id);
CREATE INDEX ix_service_orders_compound ON service_orders (compound_id, created_at, id);
CREATE INDEX ix_service_orders_requester ON service_orders (requester_id, created_at, id);
CREATE INDEX ix_service_orders_holder ON service_orders (holder_id, created_at, id);
CREATE INDEX ix_service_orders_target_volunteer ON service_orders (target_volunteer_id);
CREATE INDEX ix_service_orders_target_team ON service_orders (target_team_id);
CREATE INDEX ix_service_orders_completed ON service_orders (completed_at) WHERE state = 'completed';
CREATE INDEX ix_service_orders_open ON service_orders (region_code, created_at, id) WHERE state = 'dispatched' AND target = 'open';

CREATE TABLE order_participants (
    order_id $UUID NOT NULL REFERENCES service_orders (id),
    person_id $UUID NOT NULL REFERENCES persons (id),
    joined_at $TIME NOT NULL,
    PRIMARY KEY (order_id, person_id)
);
CREATE INDEX ix_order_participants_person ON order_participants (person_id);

CREATE TABLE order_work (
    order_id $UUID NOT NULL REFERENCES service_orders (id),
    volunteer_id $UUID NOT NULL REFERENCES volunteers (id),
    started_ms $LONG NOT NULL,
    ended_ms $LONG,
    PRIMARY KEY (order_id, started_ms)
);
CREATE INDEX ix_order_work_volunteer ON order_work (volunteer_id);

CREATE TABLE order_counters (
    region_code $TEXT NOT NULL,
    state $TEXT NOT NULL,
    orders $LONG NOT NULL,
    PRIMARY KEY (region_code, state)
);

CREATE TABLE number_blocks (
    name $TEXT NOT NULL PRIMARY KEY,
    next $LONG NOT NULL
);
";
