//! What is told of a session, when it ends, and failed attempts to sign in.
//!
//! A session that began before this step has run out: its user signs in again.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
ALTER TABLE sessions ADD COLUMN device $TEXT;
ALTER TABLE sessions ADD COLUMN network $TEXT;
ALTER TABLE sessions ADD COLUMN last_used_at $TIME NOT NULL DEFAULT '1970-01-01T00:00:00+00:00';
ALTER TABLE sessions ADD COLUMN expires_at $TIME NOT NULL DEFAULT '1970-01-01T00:00:00+00:00';
CREATE INDEX ix_sessions_expiry ON sessions (expires_at) WHERE ended_at IS NULL;

CREATE TABLE login_failures (
    id $TEXT NOT NULL PRIMARY KEY,
    attempts $JSON NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_login_failures_age ON login_failures (updated_at);
";
