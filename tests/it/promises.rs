//! The document promises no more than the code keeps, and the code refuses nothing that the document allows. Each of
//! these was found by fuzzing.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::Server,
};
use rstest::rstest;
use serde_json::json;

#[rstest]
#[actix_web::test]
async fn a_literal_path_has_its_own_methods(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    for (method, path, allow) in [
        ("PUT", "/service-orders/counts", "GET"),
        ("PATCH", "/service-orders/similar", "POST"),
        ("DELETE", "/service-orders/019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10", "GET, PATCH, PUT"),
    ] {
        let answer = worker.send(method, path, &[], Some(&json!({}))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
    }
}
