//! The tables as they are.

pub mod ledger {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ledgers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub name: String,
        pub region_code: String,
        pub compound_id: Option<Uuid>,
        pub entries: i64,
        pub balance: i64,
        pub disclosed: i64,
        pub disclosed_balance: i64,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod ledger_entry {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ledger_entries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub ledger_id: Uuid,
        pub region_code: String,
        pub compound_id: Option<Uuid>,
        pub number: Option<i64>,
        pub kind: String,
        pub flow: String,
        pub amount: i64,
        pub balance_after: Option<i64>,
        pub category: String,
        pub occurred_on: Date,
        pub counterparty: Option<String>,
        pub memo: Option<String>,
        pub reverses: Option<Uuid>,
        pub reversed_by: Option<Uuid>,
        pub state: String,
        pub entered_by: Uuid,
        pub entered_by_person: Option<Uuid>,
        pub signed_by: Option<Uuid>,
        pub signed_by_person: Option<Uuid>,
        pub signed_at: Option<DateTimeUtc>,
        pub refusal: Option<String>,
        pub posted_at: Option<DateTimeUtc>,
        pub disclosed: bool,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod disclosure {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "disclosures")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub ledger_id: Uuid,
        pub region_code: String,
        pub compound_id: Option<Uuid>,
        pub first_number: i64,
        pub last_number: i64,
        pub opening_balance: i64,
        pub income: i64,
        pub payments: i64,
        pub closing_balance: i64,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
