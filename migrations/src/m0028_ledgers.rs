//! Ledgers, their entries and disclosures. What an entry says is never changed, and no entry is taken away: triggers hold
//! both, whoever writes.

crate::dialect::step!(GUARDS_SQLITE, GUARDS_POSTGRES);

pub(crate) const SQL: &str = r"
CREATE TABLE ledgers (
    id $UUID NOT NULL PRIMARY KEY,
    kind $TEXT NOT NULL,
    name $TEXT NOT NULL,
    region_code $TEXT NOT NULL REFERENCES regions (code),
    compound_id $UUID REFERENCES compounds (id),
    entries $LONG NOT NULL,
    balance $LONG NOT NULL CHECK (balance >= 0),
    disclosed $LONG NOT NULL CHECK (disclosed <= entries),
    disclosed_balance $LONG NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE INDEX ix_ledgers_region ON ledgers (region_code, id);
CREATE INDEX ix_ledgers_compound ON ledgers (compound_id, id);

CREATE TABLE ledger_entries (
    id $UUID NOT NULL PRIMARY KEY,
    ledger_id $UUID NOT NULL REFERENCES ledgers (id),
    region_code $TEXT NOT NULL REFERENCES regions (code),
    compound_id $UUID REFERENCES compounds (id),
    number $LONG,
    kind $TEXT NOT NULL,
    flow $TEXT NOT NULL CHECK (flow IN ('in', 'out')),
    amount $LONG NOT NULL CHECK (amount > 0),
    balance_after $LONG CHECK (balance_after >= 0),
    category $TEXT NOT NULL,
    occurred_on $DAY NOT NULL,
    counterparty $TEXT,
    memo $TEXT,
    reverses $UUID REFERENCES ledger_entries (id),
    reversed_by $UUID REFERENCES ledger_entries (id),
    state $TEXT NOT NULL CHECK (state IN ('pending', 'posted', 'refused')),
    entered_by $UUID NOT NULL REFERENCES users (id),
    entered_by_person $UUID,
    signed_by $UUID REFERENCES users (id),
    signed_by_person $UUID,
    signed_at $TIME,
    refusal $TEXT,
    posted_at $TIME,
    disclosed $BOOL NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL,
    CHECK (state <> 'posted' OR flow = 'in' OR signed_by <> entered_by),
    CHECK ((state = 'posted') = (number IS NOT NULL))
);
CREATE UNIQUE INDEX uq_ledger_entries_number ON ledger_entries (ledger_id, number);
CREATE UNIQUE INDEX uq_ledger_entries_reverses ON ledger_entries (reverses) WHERE state <> 'refused';
CREATE INDEX ix_ledger_entries_ledger ON ledger_entries (ledger_id, id);
CREATE INDEX ix_ledger_entries_region ON ledger_entries (region_code, id);

CREATE TABLE disclosures (
    id $UUID NOT NULL PRIMARY KEY,
    ledger_id $UUID NOT NULL REFERENCES ledgers (id),
    region_code $TEXT NOT NULL REFERENCES regions (code),
    compound_id $UUID REFERENCES compounds (id),
    first_number $LONG NOT NULL,
    last_number $LONG NOT NULL,
    opening_balance $LONG NOT NULL,
    income $LONG NOT NULL,
    payments $LONG NOT NULL,
    closing_balance $LONG NOT NULL,
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL,
    CHECK (opening_balance + income - payments = closing_balance)
);
CREATE UNIQUE INDEX uq_disclosures_number ON disclosures (ledger_id, first_number);
CREATE INDEX ix_disclosures_ledger ON disclosures (ledger_id, id);
CREATE INDEX ix_disclosures_region ON disclosures (region_code, id);
";

pub(crate) const GUARDS_SQLITE: &str = r"CREATE TRIGGER ledger_entries_no_change BEFORE UPDATE ON ledger_entries
WHEN NEW.ledger_id IS NOT OLD.ledger_id OR NEW.kind IS NOT OLD.kind OR NEW.flow IS NOT OLD.flow
OR NEW.amount IS NOT OLD.amount OR NEW.category IS NOT OLD.category OR NEW.occurred_on IS NOT OLD.occurred_on
OR NEW.reverses IS NOT OLD.reverses OR NEW.entered_by IS NOT OLD.entered_by
OR (OLD.state <> 'pending' AND (NEW.state IS NOT OLD.state OR NEW.number IS NOT OLD.number
OR NEW.balance_after IS NOT OLD.balance_after OR NEW.signed_by IS NOT OLD.signed_by))
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END

CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END

CREATE TRIGGER disclosures_no_update BEFORE UPDATE ON disclosures
WHEN NEW.first_number IS NOT OLD.first_number OR NEW.last_number IS NOT OLD.last_number
OR NEW.income IS NOT OLD.income OR NEW.payments IS NOT OLD.payments OR NEW.ledger_id IS NOT OLD.ledger_id
BEGIN SELECT RAISE(ABORT, 'disclosures are append-only'); END

CREATE TRIGGER disclosures_no_delete BEFORE DELETE ON disclosures
BEGIN SELECT RAISE(ABORT, 'disclosures are append-only'); END";

pub(crate) const GUARDS_POSTGRES: &str = r"CREATE TRIGGER ledger_entries_no_change BEFORE UPDATE ON ledger_entries FOR EACH ROW
WHEN ((NEW.ledger_id, NEW.kind, NEW.flow, NEW.amount, NEW.category, NEW.occurred_on, NEW.reverses, NEW.entered_by)
IS DISTINCT FROM (OLD.ledger_id, OLD.kind, OLD.flow, OLD.amount, OLD.category, OLD.occurred_on, OLD.reverses, OLD.entered_by)
OR (OLD.state <> 'pending' AND (NEW.state, NEW.number, NEW.balance_after, NEW.signed_by)
IS DISTINCT FROM (OLD.state, OLD.number, OLD.balance_after, OLD.signed_by)))
EXECUTE FUNCTION lianxin_insert_only()

CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries FOR EACH ROW
EXECUTE FUNCTION lianxin_insert_only()

CREATE TRIGGER disclosures_no_update BEFORE UPDATE ON disclosures FOR EACH ROW
WHEN ((NEW.first_number, NEW.last_number, NEW.income, NEW.payments, NEW.ledger_id)
IS DISTINCT FROM (OLD.first_number, OLD.last_number, OLD.income, OLD.payments, OLD.ledger_id))
EXECUTE FUNCTION lianxin_insert_only()

CREATE TRIGGER disclosures_no_delete BEFORE DELETE ON disclosures FOR EACH ROW
EXECUTE FUNCTION lianxin_insert_only()";
