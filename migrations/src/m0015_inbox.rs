//! What people are told: one row for each event and each person whom it concerns, and how far the events were read for
//! that.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE event_readers (
    name $TEXT NOT NULL PRIMARY KEY,
    position $LONG NOT NULL
);

CREATE TABLE notifications (
    id $UUID NOT NULL PRIMARY KEY,
    user_id $UUID NOT NULL REFERENCES users (id),
    event_id $UUID NOT NULL REFERENCES events (id),
    kind $TEXT NOT NULL,
    subject_type $TEXT NOT NULL,
    subject_id $TEXT NOT NULL,
    region_code $TEXT,
    read_at $TIME,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_notifications_event ON notifications (event_id, user_id);
CREATE INDEX ix_notifications_user ON notifications (user_id, created_at, id);
CREATE INDEX ix_notifications_unread ON notifications (user_id, created_at, id) WHERE read_at IS NULL;
CREATE INDEX ix_notifications_age ON notifications (created_at);
";
