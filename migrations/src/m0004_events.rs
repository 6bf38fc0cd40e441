//! Events, their order, and the leases of background work.
//!
//! `events` and `event_positions` are insert-only, held so by triggers. What has no position yet stands in
//! `event_queue`, which a trigger fills, so that no event can be written past it.

crate::dialect::step!(GUARDS_SQLITE, GUARDS_POSTGRES);

pub(crate) const SQL: &str = r"
CREATE TABLE events (
    id $UUID NOT NULL PRIMARY KEY,
    kind $TEXT NOT NULL,
    subject_type $TEXT NOT NULL,
    subject_id $TEXT NOT NULL,
    subject_version $LONG NOT NULL,
    region_code $TEXT,
    actor_user_id $UUID,
    acting_for $UUID,
    session_id $UUID,
    address $TEXT,
    operation $TEXT NOT NULL,
    result $TEXT NOT NULL,
    request_id $TEXT NOT NULL,
    data $JSON NOT NULL,
    occurred_at $TIME NOT NULL,
    received_at $TIME NOT NULL
);
CREATE INDEX ix_events_subject ON events (subject_type, subject_id, subject_version, id);

CREATE TABLE event_queue (
    event_id $UUID NOT NULL PRIMARY KEY
);

CREATE TABLE event_positions (
    position $LONG NOT NULL PRIMARY KEY,
    event_id $UUID NOT NULL UNIQUE REFERENCES events (id),
    hash $BYTES NOT NULL
);

CREATE TABLE leases (
    name $TEXT NOT NULL PRIMARY KEY,
    holder $UUID NOT NULL,
    expires_at $TIME NOT NULL
);
";

pub(crate) const GUARDS_SQLITE: &str = r"CREATE TRIGGER events_queue AFTER INSERT ON events
BEGIN INSERT INTO event_queue (event_id) VALUES (NEW.id); END

CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are insert-only'); END

CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are insert-only'); END

CREATE TRIGGER event_positions_no_update BEFORE UPDATE ON event_positions
BEGIN SELECT RAISE(ABORT, 'event positions are insert-only'); END

CREATE TRIGGER event_positions_no_delete BEFORE DELETE ON event_positions
BEGIN SELECT RAISE(ABORT, 'event positions are insert-only'); END";

pub(crate) const GUARDS_POSTGRES: &str = r"CREATE FUNCTION lianxin_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME USING ERRCODE = 'raise_exception'; END $$

CREATE FUNCTION lianxin_queue_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO event_queue (event_id) VALUES (NEW.id); RETURN NULL; END $$

CREATE TRIGGER events_queue AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION lianxin_queue_event()

CREATE TRIGGER events_insert_only BEFORE UPDATE OR DELETE ON events
FOR EACH ROW EXECUTE FUNCTION lianxin_insert_only()

CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION lianxin_insert_only()

CREATE TRIGGER event_positions_insert_only BEFORE UPDATE OR DELETE ON event_positions
FOR EACH ROW EXECUTE FUNCTION lianxin_insert_only()

CREATE TRIGGER event_positions_no_truncate BEFORE TRUNCATE ON event_positions
FOR EACH STATEMENT EXECUTE FUNCTION lianxin_insert_only()";
