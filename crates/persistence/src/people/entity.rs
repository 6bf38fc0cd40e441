//! The tables as they are.

pub mod person {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "persons")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region_code: String,
        pub compound_id: Option<Uuid>,
        pub name: String,
        pub sex: Option<String>,
        pub birth_date: Option<Date>,
        pub phone_sealed: Option<String>,
        pub phone_index: Option<Vec<u8>>,
        pub id_number_sealed: Option<String>,
        pub id_number_index: Option<Vec<u8>>,
        pub address_sealed: Option<String>,
        pub political_status: Option<String>,
        #[sea_orm(column_type = "JsonBinary")]
        pub tags: Json,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod appointment {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "appointments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub person_id: Uuid,
        pub post: String,
        pub profession: Option<String>,
        pub region_code: String,
        pub organization_id: Option<Uuid>,
        pub compound_id: Option<Uuid>,
        pub building_id: Option<Uuid>,
        pub unit_id: Option<Uuid>,
        pub valid_from: Date,
        pub valid_until: Option<Date>,
        pub ended_on: Option<Date>,
        pub end_reason: Option<String>,
        pub succeeded_by: Option<Uuid>,
        pub preceded_by: Option<Uuid>,
        pub announced_at: Option<DateTimeUtc>,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod household {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "households")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region_code: String,
        pub compound_id: Option<Uuid>,
        pub building_id: Option<Uuid>,
        pub unit_id: Option<Uuid>,
        pub address_sealed: Option<String>,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod household_member {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "household_members")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub household_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub person_id: Uuid,
        pub relation: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub valid_from: Date,
        pub valid_until: Option<Date>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
