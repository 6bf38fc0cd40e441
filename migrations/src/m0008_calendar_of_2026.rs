//! The holidays of 2026, which hold in the whole country: 国务院办公厅关于2026年部分节假日安排的通知 of 4 November
//! 2025. Those of later years are entered by whoever runs the system, once the notice is out.

use sea_orm_migration::{
    prelude::{DbErr, DeriveMigrationName, Query, SchemaManager},
    sea_orm::prelude::{Date, DateTimeUtc, Uuid},
};

/// This step.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// Name, kind, days as month and day.
type Days = (&'static str, &'static str, &'static [(u32, u32)]);

const DAYS: &[Days] = &[
    ("元旦", "holiday", &[(1, 1), (1, 2), (1, 3)]),
    ("元旦调休", "make_up_day", &[(1, 4)]),
    ("春节调休", "make_up_day", &[(2, 14), (2, 28)]),
    ("春节", "holiday", &[(2, 15), (2, 16), (2, 17), (2, 18), (2, 19), (2, 20), (2, 21), (2, 22), (2, 23)]),
    ("清明节", "holiday", &[(4, 4), (4, 5), (4, 6)]),
    ("劳动节", "holiday", &[(5, 1), (5, 2), (5, 3), (5, 4), (5, 5)]),
    ("劳动节调休", "make_up_day", &[(5, 9)]),
    ("端午节", "holiday", &[(6, 19), (6, 20), (6, 21)]),
    ("国庆节调休", "make_up_day", &[(9, 20), (10, 10)]),
    ("中秋节", "holiday", &[(9, 25), (9, 26), (9, 27)]),
    ("国庆节", "holiday", &[(10, 1), (10, 2), (10, 3), (10, 4), (10, 5), (10, 6), (10, 7)]),
];

/// The day of the notice in Shanghai, in milliseconds since 1970: the same ids and times in every database.
const NOTICE: i64 = 1_762_185_600_000;

/// The id of a day (UUIDv7 as of the day of the notice).
fn id(month: u32, day: u32) -> Uuid {
    let time = u128::from(NOTICE.unsigned_abs()) << 80;
    let number = u128::from(month * 100 + day);
    Uuid::from_u128(time | (0x7 << 76) | (0b10 << 62) | number)
}

#[async_trait::async_trait]
impl sea_orm_migration::MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let made = DateTimeUtc::from_timestamp_millis(NOTICE).unwrap_or_default();
        let mut insert = Query::insert();
        insert.into_table("calendar_days").columns([
            "id",
            "day",
            "kind",
            "name",
            "version",
            "created_at",
            "updated_at",
        ]);
        for (name, kind, days) in DAYS {
            for (month, day) in *days {
                let date = Date::from_ymd_opt(2026, *month, *day).unwrap_or_default();
                let row = [
                    id(*month, *day).into(),
                    date.into(),
                    (*kind).into(),
                    (*name).into(),
                    1i64.into(),
                    made.into(),
                    made.into(),
                ];
                insert.values_panic(row);
            }
        }
        manager.execute(insert).await
    }
}
