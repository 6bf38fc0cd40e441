//! Several programs start at once where there is nothing yet.

use harness::{
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::Program,
    sql::Sql,
};
use migrations::MigratorTrait as _;
use rstest::rstest;

use crate::LIANXIN;

#[rstest]
#[case::sqlite(Sqlite, 2)]
#[case::postgres(Postgres, 5)]
#[actix_web::test]
async fn one_migrates_and_all_serve(#[case] backend: Backend, #[case] programs: usize) {
    let database = TestDatabase::bare(backend).await;
    // one and the same, so that they share their keys as replicas do
    let program = Program::new(LIANXIN, &database.url);
    let mut processes: Vec<_> = (0..programs).map(|_| program.start(&[])).collect();
    for process in &mut processes {
        assert!(process.becomes_ready().await, "{}", process.said());
    }
    let steps: Vec<String> = migrations::Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let rows = Sql::new(&database.url);
    let run: Vec<String> = rows.all("SELECT version FROM seaql_migrations ORDER BY version", []).await;
    assert_eq!(run, steps);
    for process in &mut processes {
        assert_eq!(process.client.probe("/readyz").await.unwrap().text("/schema"), run.last().unwrap());
        assert_eq!((process.ended(), process.said()), (None, String::new()));
    }
}
