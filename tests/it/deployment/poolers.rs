//! A pooler stands between the service and PostgreSQL. The whole suite passes through one by `just pgbouncer`.

use harness::{
    database::{Backend::Postgres, TestDatabase},
    pooler::{Pooler, place},
    postgres::Server,
    program::Program,
};

use crate::LIANXIN;

/// Without its limits one slow statement would hold a connection for ever, and nobody would know why.
#[actix_web::test]
async fn limits_that_a_pooler_keeps_to_itself_are_missed_at_start() {
    let server = Server::shared().unwrap();
    let database = TestDatabase::new(Postgres).await;
    let name = database.url.split(['/', '?']).find(|part| part.starts_with("lianxin_test_")).unwrap();
    let debian = Pooler::of_debian().unwrap();
    for (limits, missing) in [
        ("", Some("statement_timeout is not in effect")),
        (" connect_query='SET statement_timeout = 5000'", Some("lock_timeout is not in effect")),
        (" connect_query='SET statement_timeout = 5000; SET lock_timeout = 4000'", None),
    ] {
        let all = format!("* = {}{limits}", place(&server.url).unwrap());
        // Debian's is too old to keep prepared statements apart: here each client has a connection of its own, which is
        // not reset for the next one
        let old = [
            "pool_mode = session",
            "server_reset_query = DEALLOCATE ALL",
            "max_prepared_statements =",
            "ignore_startup_parameters = extra_float_digits, options",
        ];
        let pooler = Pooler::start(&debian, &server.url, &[&old[..], &[&all]].concat()).unwrap();
        let migrated = Program::new(LIANXIN, &pooler.url(name)).run(&["migrate"]);
        let said = String::from_utf8_lossy(&migrated.stderr);
        assert_eq!(migrated.status.success(), missing.is_none(), "{said}");
        assert!(missing.is_none_or(|missing| said.contains(&format!("LIANXIN_DATABASE_URL: {missing}"))), "{said}");
    }
}
