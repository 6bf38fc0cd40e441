//! The columns of an order as they are read: each at its place. To look each one up by its name would take longer than to
//! read it.

use std::sync::LazyLock;

use domain::{
    clocks::Clocks,
    id::VolunteerId,
    orders::{Answers, KindLimit, Remark},
    time::Instant,
};
use sea_orm::{
    DbErr, QueryResult, RuntimeErr,
    sqlx::{Database, Decode, Postgres, Row as _, Sqlite, Type, error::BoxDynError, types::Json},
};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// What a column of JSON holds; nothing where that is not what this program writes.
pub(super) struct Read<T>(pub Option<T>);

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

/// The values of a row, one after the other.
pub(super) struct Places<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl<'a> Places<'a> {
    pub fn of(row: &'a QueryResult) -> Self {
        Self { row, next: 0 }
    }

    /// The next value. That the column is of its type is not asked for each row: the schema says so.
    pub fn next<T>(&mut self) -> Result<T, DbErr>
    where
        T: Decode<'a, Postgres> + Type<Postgres> + Decode<'a, Sqlite> + Type<Sqlite>,
    {
        let place = self.next;
        self.next += 1;
        let value = match (self.row.try_as_pg_row(), self.row.try_as_sqlite_row()) {
            (Some(row), _) => row.try_get_unchecked(place),
            (_, Some(row)) => row.try_get_unchecked(place),
            _ => return Err(DbErr::Type("a row of neither database".to_owned())),
        };
        value.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
    }
}

macro_rules! columns {
    ($(#[$doc:meta])* $name:ident of $table:ident: $($field:ident: $type:ty,)*) => {
        $(#[$doc])*
        pub(super) struct $name {
            $(pub $field: $type,)*
        }

        impl $name {
            /// The columns, as a statement names them.
            pub fn named() -> &'static str {
                static NAMES: LazyLock<String> = LazyLock::new(|| {
                    [$(concat!(stringify!($table), ".", stringify!($field))),*].join(", ")
                });
                &NAMES
            }

            pub fn read(places: &mut Places<'_>) -> Result<Self, DbErr> {
                Ok(Self { $($field: places.next()?,)* })
            }
        }
    };
}

columns! {
    /// What is read of an order.
    OrderColumns of service_orders:
    id: Uuid,
    number: String,
    region_code: String,
    kind: String,
    description: String,
    compound_id: Option<Uuid>,
    building_id: Option<Uuid>,
    unit_id: Option<Uuid>,
    address_sealed: Option<String>,
    point_sealed: Option<String>,
    answers: Read<Answers>,
    wished_at: Option<Instant>,
    private: bool,
    priority: String,
    requester_id: Uuid,
    placed_by: Uuid,
    state: String,
    target: Option<String>,
    target_volunteer_id: Option<Uuid>,
    target_team_id: Option<Uuid>,
    declined_by: Read<Vec<VolunteerId>>,
    holder_id: Option<Uuid>,
    hold_reason: Option<String>,
    hold_until: Option<Instant>,
    hold_in_progress: Option<bool>,
    outcome: Option<String>,
    completed_at: Option<Instant>,
    solved: Option<bool>,
    satisfaction: Option<i32>,
    confirmed_by: Option<String>,
    confirmed_at: Option<Instant>,
    merged_into: Option<Uuid>,
    reopened_count: i32,
    joined_count: i64,
    remarks: Read<Vec<Remark>>,
    limits: Read<Vec<KindLimit>>,
    clocks: Read<Clocks>,
    accepted_at: Option<Instant>,
    closed_at: Option<Instant>,
    version: i64,
    created_at: Instant,
    updated_at: Instant,
}
