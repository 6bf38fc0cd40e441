//! Clients: other programs that work with Lianxin, each with a row among the accounts that nobody signs in to.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
ALTER TABLE users ADD COLUMN kind $TEXT NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'client'));

CREATE TABLE clients (
    id $UUID NOT NULL PRIMARY KEY REFERENCES users (id),
    name $TEXT NOT NULL,
    region_code $TEXT NOT NULL,
    organization_id $UUID NOT NULL REFERENCES organizations (id),
    scopes $JSON NOT NULL,
    expires_at $TIME NOT NULL,
    state $TEXT NOT NULL CHECK (state IN ('pending', 'active', 'disabled')),
    requested_by $UUID NOT NULL,
    approved_by $UUID,
    deleted_at $TIME,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_clients_region ON clients (region_code, id);

CREATE TABLE client_secrets (
    id $UUID NOT NULL PRIMARY KEY,
    client_id $UUID NOT NULL REFERENCES clients (id),
    secret_hash $BYTES NOT NULL,
    retires_at $TIME,
    created_at $TIME NOT NULL
);
CREATE INDEX ix_client_secrets_client ON client_secrets (client_id);
";
