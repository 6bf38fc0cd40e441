//! Steps of the schema that are cut short: there is all of a step or nothing, and the next start completes them.

use std::{process::Command, time::Duration};

use harness::{
    chance::{Chance, rounds},
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::Program,
    schema::dump,
    sql::Sql,
};
use migrations::{Migrator, MigratorTrait as _};
use rstest::rstest;

use crate::LIANXIN;

/// The schema after each number of steps, from none on.
async fn schemas(backend: Backend) -> Vec<Vec<String>> {
    let database = TestDatabase::bare(backend).await;
    let rows = Sql::new(&database.url);
    let mut schemas = vec![dump(backend, &rows).await];
    for step in Migrator::migrations() {
        Migrator::up(rows.connection().await, Some(1)).await.unwrap_or_else(|error| panic!("{}: {error}", step.name()));
        schemas.push(dump(backend, &rows).await);
    }
    schemas
}

/// How many steps are done.
async fn steps(backend: Backend, rows: &Sql) -> usize {
    let table = match backend {
        Sqlite => "sqlite_schema WHERE name = 'seaql_migrations'",
        Postgres => "pg_tables WHERE tablename = 'seaql_migrations'",
    };
    if rows.count(table, []).await == 0 {
        return 0;
    }
    usize::try_from(rows.count("seaql_migrations", []).await).unwrap()
}

/// Dies after the first statement of what is missing, the second, and so on through all steps.
#[rstest]
#[actix_web::test]
async fn a_step_is_done_or_not_begun_wherever_it_is_cut(#[values(Sqlite, Postgres)] backend: Backend) {
    let schemas = schemas(backend).await;
    let database = TestDatabase::bare(backend).await;
    let (mut done, mut statements, mut deaths) = (0, 1, 0);
    loop {
        let ended = Command::new(env!("CARGO_BIN_EXE_migrate-and-die"))
            .args([&database.url, &statements.to_string()])
            .status()
            .unwrap();
        if ended.success() {
            break;
        }
        assert_eq!(ended.code(), None, "it died of itself, after {statements} statements of step {}", done + 1);
        deaths += 1;
        let rows = Sql::new(&database.url);
        let now = steps(backend, &rows).await;
        let found = dump(backend, &rows).await;
        // before the first step its own table is made
        if now > 0 {
            assert_eq!(found, schemas[now], "after {statements} statements of step {}", done + 1);
        }
        rows.close().await;
        statements = if now > done { 1 } else { statements + 1 };
        done = now;
    }
    assert!(deaths > 10 * Migrator::migrations().len(), "it died only {deaths} times");
    let program = Program::new(LIANXIN, &database.url);
    assert!(program.run(&["migrate"]).status.success());
    assert_eq!(Some(&dump(backend, &Sql::new(&database.url)).await), schemas.last());
}

/// Two hundred rounds: `just kill`.
#[rstest]
#[actix_web::test]
async fn a_first_start_that_is_killed_is_made_good_by_the_next(#[values(Sqlite, Postgres)] backend: Backend) {
    let whole = schemas(backend).await.pop().unwrap();
    let mut chance = Chance::new(7);
    for round in 0..rounds("LIANXIN_TEST_MIGRATION_ROUNDS", 3) {
        let database = TestDatabase::bare(backend).await;
        let program = Program::new(LIANXIN, &database.url);
        let mut process = program.start(&[]);
        let after = Duration::from_millis(30 + chance.below(400));
        tokio::time::sleep(after).await;
        process.signal("KILL");
        process.ends_within(Duration::from_secs(10)).await;
        let mut next = program.start(&[]);
        assert!(next.becomes_ready().await, "round {round}, killed after {after:?}: {}", next.said());
        assert_eq!(dump(backend, &Sql::new(&database.url)).await, whole, "round {round}, killed after {after:?}");
    }
}
