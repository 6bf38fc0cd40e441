//! The columns of an order.

use std::sync::LazyLock;

use domain::{
    clocks::Clocks,
    id::VolunteerId,
    orders::{Answers, KindLimit, Remark},
    time::Instant,
};
use sea_orm::DbErr;
use uuid::Uuid;

use crate::connect::{Columns, Read};

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

            pub fn read(columns: &mut Columns<'_>) -> Result<Self, DbErr> {
                Ok(Self { $($field: columns.next()?,)* })
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
