//! The business calendar: days that are not what the week makes them.

crate::dialect::step!();

pub(crate) const SQL: &str = r"
CREATE TABLE calendar_days (
    id $UUID NOT NULL PRIMARY KEY,
    day $DAY NOT NULL,
    kind $TEXT NOT NULL CHECK (kind IN ('holiday', 'make_up_day')),
    name $TEXT NOT NULL,
    region_code $TEXT REFERENCES regions (code),
    version $LONG NOT NULL,
    created_at $TIME NOT NULL,
    updated_at $TIME NOT NULL
);
CREATE UNIQUE INDEX uq_calendar_days_day ON calendar_days (day, coalesce(region_code, ''));
";
