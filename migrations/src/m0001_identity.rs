//! Accounts, grants, sessions and their refresh tokens.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE users (
    id $UUID NOT NULL PRIMARY KEY,
    username $TEXT NOT NULL,
    password_hash $TEXT NOT NULL,
    display_name $TEXT NOT NULL,
    person_id $UUID,
    region_code $TEXT,
    state $TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    has_long_password $BOOL NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_users_username ON users (username);
CREATE INDEX ix_users_person ON users (person_id);
CREATE INDEX ix_users_region ON users (region_code, id);

CREATE TABLE grants (
    id $UUID NOT NULL PRIMARY KEY,
    user_id $UUID NOT NULL REFERENCES users (id),
    role $TEXT NOT NULL,
    place $TEXT NOT NULL CHECK (place IN ('region', 'organization', 'compound', 'school', 'system')),
    region_code $TEXT,
    organization_id $UUID,
    compound_id $UUID,
    school_id $UUID,
    valid_from $TIME NOT NULL,
    valid_until $TIME,
    pending $BOOL NOT NULL,
    revoked_at $TIME,
    granted_by $UUID,
    approved_by $UUID,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_grants_user ON grants (user_id);
CREATE INDEX ix_grants_region ON grants (region_code, id);

CREATE TABLE sessions (
    id $UUID NOT NULL PRIMARY KEY,
    user_id $UUID NOT NULL REFERENCES users (id),
    authenticated_at $TIME NOT NULL,
    ended_at $TIME,
    end_reason $TEXT,
    created_at $TIME NOT NULL
);
CREATE INDEX ix_sessions_user ON sessions (user_id);

CREATE TABLE refresh_tokens (
    id $UUID NOT NULL PRIMARY KEY,
    session_id $UUID NOT NULL REFERENCES sessions (id),
    secret_hash $BYTES NOT NULL,
    replaced_by $UUID,
    access_seen_at $TIME,
    revoked_at $TIME,
    expires_at $TIME NOT NULL,
    created_at $TIME NOT NULL
);
CREATE INDEX ix_refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE one_time_codes (
    code_hash $BYTES NOT NULL PRIMARY KEY,
    purpose $TEXT NOT NULL,
    expires_at $TIME NOT NULL,
    used_at $TIME
);
";
