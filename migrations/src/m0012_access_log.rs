//! Who looked at personal data: the notes of looks, which can be erased, and the ways to the events that tell of them.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE access_notes (
    event_id $UUID NOT NULL PRIMARY KEY REFERENCES events (id),
    note_sealed $TEXT NOT NULL,
    created_at $TIME NOT NULL
);
CREATE INDEX ix_events_acting_for ON events (acting_for, id) WHERE acting_for IS NOT NULL;
CREATE INDEX ix_events_looks ON events (actor_user_id, received_at) WHERE kind = 'person.revealed';
";
