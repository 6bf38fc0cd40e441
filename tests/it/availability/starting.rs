//! Several programs start at once where there is nothing yet.

use std::time::Duration;

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
#[actix_web::test]
async fn one_migrates_and_all_serve(#[values(Sqlite, Postgres)] backend: Backend) {
    let database = TestDatabase::bare(backend).await;
    // one and the same, so that they share their keys as replicas do
    let program = Program::new(LIANXIN, &database.url);
    let rows = Sql::new(&database.url);
    // a file is held until all of them want to have it; a server has room for all
    if backend == Sqlite {
        rows.run("BEGIN EXCLUSIVE", []).await;
    }
    let mut processes: Vec<_> = (0..5).map(|_| program.start(&[])).collect();
    if backend == Sqlite {
        tokio::time::sleep(Duration::from_secs(1)).await;
        rows.run("COMMIT", []).await;
    }
    for process in &mut processes {
        assert!(process.becomes_ready().await, "{}", process.said());
    }
    let steps: Vec<String> = migrations::Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let run: Vec<String> = rows.all("SELECT version FROM seaql_migrations ORDER BY version", []).await;
    assert_eq!(run, steps);
    for process in &mut processes {
        assert_eq!(process.client.probe("/readyz").await.unwrap().text("/schema"), run.last().unwrap());
        assert_eq!((process.ended(), process.said()), (None, String::new()));
    }
}
