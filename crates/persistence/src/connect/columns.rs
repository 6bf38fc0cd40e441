//! The columns of a row as they are read: each at its place. To look each one up by its name would take longer than to read it.

use chrono::DateTime;
use domain::time::Instant;
use rusqlite::types::ValueRef;
use sea_orm::{
    DbErr, QueryResult, RuntimeErr,
    sqlx::{Database, Decode, Postgres, Row as _, Sqlite, Type, error::BoxDynError, types::Json},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// The values of a row, one after the other.
pub(crate) struct Columns<'a> {
    row: Row<'a>,
    next: usize,
}

enum Row<'a> {
    /// As the driver of a database gives it.
    Given(&'a QueryResult),
    /// As it stands in an SQLite file.
    OfFile(&'a rusqlite::Row<'a>),
}

/// What a column holds.
pub(crate) trait Column<'a>: Decode<'a, Postgres> + Type<Postgres> + Decode<'a, Sqlite> + Type<Sqlite> {
    /// Reads it where it stands in an SQLite file; nothing where it is something else.
    fn of_file(value: ValueRef<'a>) -> Option<Self>;
}

impl<'a> Columns<'a> {
    pub fn of(row: &'a QueryResult) -> Self {
        Self { row: Row::Given(row), next: 0 }
    }

    pub fn of_file(row: &'a rusqlite::Row<'a>) -> Self {
        Self { row: Row::OfFile(row), next: 0 }
    }

    /// The next value. That the column is of its type is not asked for each row: the schema says so.
    pub fn next<T: Column<'a>>(&mut self) -> Result<T, DbErr> {
        let place = self.next;
        self.next += 1;
        let value = match self.row {
            Row::Given(row) => match (row.try_as_pg_row(), row.try_as_sqlite_row()) {
                (Some(row), _) => row.try_get_unchecked(place),
                (_, Some(row)) => row.try_get_unchecked(place),
                _ => return Err(DbErr::Type("a row of neither database".to_owned())),
            },
            Row::OfFile(row) => {
                let value = row.get_ref(place).ok().and_then(T::of_file);
                return value.ok_or_else(|| DbErr::Type(format!("column {place} holds something else")));
            }
        };
        value.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
    }
}

impl<'a, T: Column<'a>> Column<'a> for Option<T> {
    fn of_file(value: ValueRef<'a>) -> Option<Self> {
        if value == ValueRef::Null { Some(None) } else { T::of_file(value).map(Some) }
    }
}

impl Column<'_> for String {
    fn of_file(value: ValueRef<'_>) -> Option<Self> {
        value.as_str().ok().map(str::to_owned)
    }
}

impl Column<'_> for Uuid {
    fn of_file(value: ValueRef<'_>) -> Option<Self> {
        Self::from_slice(value.as_bytes().ok()?).ok()
    }
}

impl Column<'_> for Instant {
    fn of_file(value: ValueRef<'_>) -> Option<Self> {
        DateTime::parse_from_rfc3339(value.as_str().ok()?).ok().map(|at| at.to_utc())
    }
}

impl Column<'_> for i64 {
    fn of_file(value: ValueRef<'_>) -> Option<Self> {
        value.as_i64().ok()
    }
}

impl Column<'_> for i32 {
    fn of_file(value: ValueRef<'_>) -> Option<Self> {
        value.as_i64().ok()?.try_into().ok()
    }
}

impl Column<'_> for bool {
    fn of_file(value: ValueRef<'_>) -> Option<Self> {
        value.as_i64().ok().map(|value| value != 0)
    }
}

/// What a column of JSON holds; nothing where that is not what this program writes.
pub(crate) struct Read<T>(pub Option<T>);

impl<'a, T: DeserializeOwned + 'a> Column<'a> for Read<T> {
    fn of_file(value: ValueRef<'a>) -> Option<Self> {
        value.as_bytes().ok().map(|text| Self(serde_json::from_slice(text).ok()))
    }
}

macro_rules! reads_json {
    ($($database:ty),*) => {$(
        impl<T> Type<$database> for Read<T> {
            fn type_info() -> <$database as Database>::TypeInfo {
                <Json<()> as Type<$database>>::type_info()
            }
        }

        impl<'r, T: DeserializeOwned + 'r> Decode<'r, $database> for Read<T> {
            fn decode(value: <$database as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let read = <Json<T> as Decode<'r, $database>>::decode(value);
                Ok(Self(read.ok().map(|Json(value)| value)))
            }
        }
    )*};
}

reads_json!(Postgres, Sqlite);
