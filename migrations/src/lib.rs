//! The schema of Lianxin, step by step, for SQLite and PostgreSQL.
//!
//! A step is written once, in SQL, with a few words that differ between the two ([`dialect`]). Each step runs
//! in a transaction, so that a crash leaves all of it or nothing; on PostgreSQL one transaction holds all steps that are
//! missing.

mod dialect;
mod m0001_identity;
mod m0002_places;
mod m0003_people;
mod m0004_events;
mod m0005_orders;
mod m0006_idempotency;
mod m0007_calendar;
mod m0008_calendar_of_2026;
mod m0009_clocks;
mod m0010_appointments;
mod m0011_region_succession;
mod m0012_access_log;
mod m0015_inbox;
mod m0020_sessions_and_attempts;
mod m0021_clients;
mod m0022_second_factors;
mod m0023_password_profile;
mod m0024_orders_of_large_regions;
mod m0025_kept_answers_in_one_piece;
mod m0026_orders_without_jsonb;
mod m0027_compounds;
mod m0028_ledgers;
mod m0029_inspections;

pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// Runs the steps that a database has not seen.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_identity::Migration),
            Box::new(m0002_places::Migration),
            Box::new(m0003_people::Migration),
            Box::new(m0004_events::Migration),
            Box::new(m0005_orders::Migration),
            Box::new(m0006_idempotency::Migration),
            Box::new(m0007_calendar::Migration),
            Box::new(m0008_calendar_of_2026::Migration),
            Box::new(m0009_clocks::Migration),
            Box::new(m0010_appointments::Migration),
            Box::new(m0011_region_succession::Migration),
            Box::new(m0012_access_log::Migration),
            Box::new(m0015_inbox::Migration),
            Box::new(m0020_sessions_and_attempts::Migration),
            Box::new(m0021_clients::Migration),
            Box::new(m0022_second_factors::Migration),
            Box::new(m0023_password_profile::Migration),
            Box::new(m0024_orders_of_large_regions::Migration),
            Box::new(m0025_kept_answers_in_one_piece::Migration),
            Box::new(m0026_orders_without_jsonb::Migration),
            Box::new(m0027_compounds::Migration),
            Box::new(m0028_ledgers::Migration),
            Box::new(m0029_inspections::Migration),
        ]
    }
}

/// The name of the newest step: the version of the schema.
#[must_use]
pub fn newest() -> String {
    Migrator::migrations().last().map(|step| step.name().to_owned()).unwrap_or_default()
}

/// A digest of the SQL of all steps: whoever keeps a migrated database as a template can tell from it whether it is
/// current.
#[must_use]
pub fn fingerprint() -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    [
        m0001_identity::SQL,
        m0002_places::SQL,
        m0003_people::SQL,
        m0004_events::SQL,
        m0004_events::GUARDS_SQLITE,
        m0004_events::GUARDS_POSTGRES,
        m0005_orders::SQL,
        m0006_idempotency::SQL,
        m0007_calendar::SQL,
        m0009_clocks::SQL,
        m0010_appointments::SQL,
        m0011_region_succession::SQL,
        m0012_access_log::SQL,
        m0015_inbox::SQL,
        m0020_sessions_and_attempts::SQL,
        m0021_clients::SQL,
        m0022_second_factors::SQL,
        m0023_password_profile::SQL,
        m0024_orders_of_large_regions::SQL,
        m0025_kept_answers_in_one_piece::SQL,
        m0026_orders_without_jsonb::SQL,
        m0027_compounds::SQL,
        m0028_ledgers::SQL,
        m0028_ledgers::GUARDS_SQLITE,
        m0028_ledgers::GUARDS_POSTGRES,
        m0029_inspections::SQL,
    ]
    .hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
