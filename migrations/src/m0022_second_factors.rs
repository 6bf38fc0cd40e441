//! Second factors: one-time passwords by time, and the codes for whoever has lost the device that makes them.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE second_factors (
    id $UUID NOT NULL PRIMARY KEY REFERENCES users (id),
    secret_sealed $TEXT NOT NULL,
    last_step $LONG,
    confirmed_at $TIME,
    created_at $TIME NOT NULL
);

CREATE TABLE recovery_codes (
    user_id $UUID NOT NULL REFERENCES users (id),
    code_hash $BYTES NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);
";
