//! The tables as they are.

pub mod service_order {
    use sea_orm::entity::prelude::*;

    /// `answers`, `declined_by`, `remarks`, `limits` and `clocks` are JSON as text: nobody asks for a part of them.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "service_orders")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub number: String,
        pub region_code: String,
        pub kind: String,
        pub description: String,
        pub compound_id: Option<Uuid>,
        pub building_id: Option<Uuid>,
        pub unit_id: Option<Uuid>,
        pub address_sealed: Option<String>,
        pub point_sealed: Option<String>,
        pub answers: String,
        pub wished_at: Option<DateTimeUtc>,
        pub private: bool,
        pub priority: String,
        pub requester_id: Uuid,
        pub placed_by: Uuid,
        pub content_digest: Vec<u8>,
        pub state: String,
        pub target: Option<String>,
        pub target_volunteer_id: Option<Uuid>,
        pub target_team_id: Option<Uuid>,
        pub declined_by: String,
        pub holder_id: Option<Uuid>,
        pub hold_reason: Option<String>,
        pub hold_until: Option<DateTimeUtc>,
        pub hold_in_progress: Option<bool>,
        pub outcome: Option<String>,
        pub completed_at: Option<DateTimeUtc>,
        pub solved: Option<bool>,
        pub satisfaction: Option<i32>,
        pub confirmed_by: Option<String>,
        pub confirmed_at: Option<DateTimeUtc>,
        pub merged_into: Option<Uuid>,
        pub reopened_count: i32,
        pub joined_count: i64,
        pub remarks: String,
        pub limits: String,
        pub clocks: String,
        pub due_at: Option<DateTimeUtc>,
        pub rings_at: Option<DateTimeUtc>,
        pub risen: Option<String>,
        pub accepted_at: Option<DateTimeUtc>,
        pub closed_at: Option<DateTimeUtc>,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod service_kind {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "service_kinds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub code: String,
        pub region_code: String,
        pub name: String,
        #[sea_orm(column_type = "JsonBinary")]
        pub skills: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub questions: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub limits: Json,
        pub active: bool,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod volunteer {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "volunteers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub person_id: Uuid,
        #[sea_orm(column_type = "JsonBinary")]
        pub skills: Json,
        pub region_code: String,
        pub available: bool,
        pub origin: String,
        pub state: String,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod volunteer_team {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "volunteer_teams")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub region_code: String,
        pub origin: String,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod order_participant {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_participants")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub person_id: Uuid,
        pub joined_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod order_work {
    use sea_orm::entity::prelude::*;

    /// Times are milliseconds since 1970, so that both databases add up spans alike.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "order_work")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        pub volunteer_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub started_ms: i64,
        pub ended_ms: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
