//! When a password was set, and those before it, for the profile that asks for others from time to time.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
ALTER TABLE users ADD COLUMN password_set_at $TIME;

CREATE TABLE former_passwords (
    id $UUID NOT NULL PRIMARY KEY,
    user_id $UUID NOT NULL REFERENCES users (id),
    password_hash $TEXT NOT NULL
);
CREATE INDEX ix_former_passwords_user ON former_passwords (user_id, id);
";
