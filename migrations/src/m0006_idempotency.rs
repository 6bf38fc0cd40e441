//! Answers kept for requests that may be sent again.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE idempotency_keys (
    user_id $UUID NOT NULL,
    operation $TEXT NOT NULL,
    idempotency_key $TEXT NOT NULL,
    request_digest $BYTES NOT NULL,
    status $INT,
    headers $JSON,
    body_sealed $TEXT,
    subject_type $TEXT,
    subject_id $TEXT,
    in_sight $BOOL,
    created_at $TIME NOT NULL,
    expires_at $TIME NOT NULL,
    PRIMARY KEY (user_id, operation, idempotency_key)
);
CREATE INDEX ix_idempotency_keys_expiry ON idempotency_keys (expires_at);
";
