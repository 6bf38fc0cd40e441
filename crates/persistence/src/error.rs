//! What can go wrong below the service.

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong. The text is for the log; the API has words of its own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such row, or the caller does not see it: he cannot tell which.
    #[error("not found")]
    NotFound,
    /// The caller sees the row, but this is not his to do.
    #[error("forbidden")]
    Forbidden,
    /// Somebody changed the row between reading and writing.
    #[error("the row was changed meanwhile")]
    Stale,
    /// A region got another code meanwhile. The same request may find that one.
    #[error("a region got another code meanwhile")]
    Superseded,
    /// There are as many as there may be.
    #[error("there are as many as there may be")]
    TooMany,
    /// A value that must be unique exists already.
    #[error("a value of {member} exists already")]
    Duplicate {
        /// The member of the API that holds it.
        member: &'static str,
    },
    /// The database cannot be reached or is too busy; trying again later may help.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] DbErr),
    /// What goes with a change, its event above all, could not be written, so the change was not made.
    #[error("what goes with the change was not written: {0}")]
    Audit(#[source] DbErr),
    /// A row holds something that this program did not write.
    #[error("{table}.{column} of row {row} cannot be read")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The id of the row.
        row: String,
    },
    /// A sealed value does not open: it was changed, or moved here from another row.
    #[error("{table}.{column} of row {row} was tampered with")]
    Tampered {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The id of the row.
        row: String,
    },
    /// Something about the schema that this program does not know.
    #[error("this program does not know {0}")]
    Schema(String),
    /// Only an empty database is loaded.
    #[error("the database holds accounts or events already")]
    NotEmpty,
    /// Anything else from the database.
    #[error("the database refused: {0}")]
    Database(#[source] DbErr),
    /// Statements have no end: something between this program and the database did not pass on the limits it asks for.
    #[error("{name} is not in effect: let the pooler set it on each connection to the server (connect_query)")]
    Unlimited {
        /// The setting of PostgreSQL.
        name: &'static str,
    },
    /// A file of the database or its lock cannot be used.
    #[error("{0}")]
    File(#[from] std::io::Error),
}

/// Unique indexes: name on PostgreSQL, columns as SQLite names them, the member of the API.
const UNIQUE: &[(&str, &str, &str)] = &[
    ("uq_users_username", "users.username", "username"),
    ("uq_persons_id_number", "persons.id_number_index", "id_number"),
    ("uq_organizations_credit_code", "organizations.credit_code", "credit_code"),
    ("regions_pkey", "regions.code", "code"),
    ("uq_compounds_code", "compounds.region_code, compounds.code", "code"),
    ("uq_buildings_code", "buildings.compound_id, buildings.code", "code"),
    ("uq_units_code", "units.building_id, units.code", "code"),
    ("uq_dwellings_code", "dwellings.unit_id, dwellings.code", "code"),
    ("uq_service_kinds_code", "service_kinds.code, service_kinds.region_code", "code"),
    ("uq_calendar_days_day", "uq_calendar_days_day", "date"),
    ("uq_volunteers_person", "volunteers.person_id", "person_id"),
];

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(text)) = error.sql_err() {
            let known = UNIQUE.iter().find(|(name, columns, _)| text.contains(name) || text.contains(columns));
            return Self::Duplicate { member: known.map_or("id", |(_, _, member)| member) };
        }
        if is_unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

/// Whether the database cannot be reached or is too busy.
pub(crate) fn is_unavailable(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| is_transient(&code)),
            _ => false,
        },
        _ => false,
    }
}

/// Codes after which the same request may succeed: SQLite busy, locked, I/O, full and cannot open; PostgreSQL
/// classes 08 (connection), 53 (resources), 57 (operator), serialization failure, deadlock, lock timeout.
fn is_transient(code: &str) -> bool {
    if let Ok(sqlite) = code.parse::<i32>()
        && code.len() < 5
    {
        return matches!(sqlite & 0xff, 5 | 6 | 10 | 13 | 14);
    }
    matches!(code, "40001" | "40P01" | "55P03") || ["08", "53", "57"].iter().any(|class| code.starts_with(class))
}
