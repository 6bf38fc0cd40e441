//! The tables as they are.

pub mod compound {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "compounds")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region_code: String,
        pub code: String,
        pub name: String,
        pub built_year: Option<i32>,
        pub population: Option<i32>,
        pub longitude: Option<i32>,
        pub latitude: Option<i32>,
        pub outline: Option<String>,
        pub difficulty: Option<String>,
        pub planned_mode: Option<String>,
        pub planned_by: Option<Date>,
        pub demonstration: bool,
        pub deleted_at: Option<DateTimeUtc>,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod compound_mode {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "compound_modes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub compound_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub valid_from: Date,
        pub valid_until: Option<Date>,
        pub mode: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod compound_party_organization {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "compound_party_organizations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub compound_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub valid_from: Date,
        pub valid_until: Option<Date>,
        pub organization_id: Uuid,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod building {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "buildings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub compound_id: Uuid,
        pub region_code: String,
        pub code: String,
        pub name: String,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod unit {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "units")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub building_id: Uuid,
        pub compound_id: Uuid,
        pub region_code: String,
        pub code: String,
        pub name: String,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod dwelling {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dwellings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub unit_id: Uuid,
        pub building_id: Uuid,
        pub compound_id: Uuid,
        pub region_code: String,
        pub code: String,
        pub floor: Option<i32>,
        pub area: Option<i64>,
        pub area_source: Option<String>,
        pub delivered: bool,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod dwelling_owner {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dwelling_owners")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub dwelling_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub valid_from: Date,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub valid_until: Option<Date>,
        pub person_id: Option<Uuid>,
        pub organization_id: Option<Uuid>,
        pub share: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod inspection {
    use sea_orm::entity::prelude::*;

    /// `scores` are JSON as text; `failed` counts those below the mark.
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "inspections")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub compound_id: Uuid,
        pub region_code: String,
        pub inspected_on: Date,
        pub pass_mark: i32,
        pub scores: String,
        pub failed: i32,
        pub remark: Option<String>,
        pub inspected_by: Uuid,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
