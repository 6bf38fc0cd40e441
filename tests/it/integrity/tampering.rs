//! One who writes to the database past the service.

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    program::Program,
    server::{Server, Setup},
};
use rstest::rstest;
use sea_orm::Value as Bound;
use serde_json::{Value, json};
use uuid::Uuid;

use super::placed;
use crate::LIANXIN;

async fn person(server: &Server, username: &str) -> Uuid {
    server.sql.one("SELECT person_id FROM users WHERE username = $1", [username.into()]).await
}

async fn exchange(server: &Server, column: &str, people: [Uuid; 2]) {
    let [one, other] = people;
    let read = format!("SELECT {column} FROM persons WHERE id = $1");
    let values: [String; 2] = [server.sql.one(&read, [one.into()]).await, server.sql.one(&read, [other.into()]).await];
    let write = format!("UPDATE persons SET {column} = $2 WHERE id = $1");
    let [first, second] = values;
    server.sql.run(&write, [one.into(), second.into()]).await;
    server.sql.run(&write, [other.into(), first.into()]).await;
}

/// A problem and nothing else: no member in which a value could stand.
fn only_a_problem(body: &Value) {
    let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "instance", "status", "title", "trace_id", "type"]);
}

#[rstest]
#[actix_web::test]
async fn exchanged_numbers_do_not_open(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("id_number", "phone", "address")] column: &str,
) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
    let people = [person(&server, "resident").await, person(&server, "resident2").await];
    let sealed = format!("{column}_sealed");
    exchange(&server, &sealed, people).await;

    // to place an order, the service reads who places it
    let answer = resident.post("/service-orders", order.clone()).await;
    assert_eq!((answer.status, answer.text("/code")), (500, "data-integrity"), "{:?}", answer.body);
    only_a_problem(&answer.body);
    let mut found = 1;
    if column == "phone" {
        for path in ["/service-orders?limit=200", "/service-orders"] {
            let answer = resident.get(path).await;
            assert_eq!((answer.status, answer.text("/code")), (500, "data-integrity"), "{path}");
            only_a_problem(&answer.body);
            found += 1;
        }
    }
    let told: Vec<Value> = server.sql.all("SELECT data FROM events WHERE kind = 'security.integrity_failed'", []).await;
    assert_eq!(told.len(), found);
    let [mine, _] = people;
    for data in told {
        assert_eq!(data, json!({"table": "persons", "column": column, "row": mine}));
    }
    let by = "events e JOIN users u ON u.id = e.actor_user_id \
              WHERE e.kind = 'security.integrity_failed' AND u.username = 'resident' AND e.session_id IS NOT NULL";
    assert_eq!(server.sql.count(by, []).await, i64::try_from(found).unwrap());

    exchange(&server, &sealed, people).await;
    assert_eq!(resident.post("/service-orders", order).await.status, 201);
}

/// The same value at another place of the same row, under the key of another class, cut short, or in plain text.
#[rstest]
#[actix_web::test]
async fn a_sealed_value_opens_where_it_was_sealed(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
    let me = person(&server, "resident").await;
    let sealed: String = server.sql.one("SELECT id_number_sealed FROM persons WHERE id = $1", [me.into()]).await;
    let (key, text) = sealed.split_once('.').unwrap();
    let flipped = if text.starts_with('A') { text.replacen('A', "B", 1) } else { format!("A{}", &text[1..]) };
    for (what, column, value) in [
        ("moved", "address_sealed", sealed.clone()),
        ("moved", "phone_sealed", sealed.clone()),
        ("another class", "id_number_sealed", format!("p1.{text}")),
        ("unknown key", "id_number_sealed", format!("x9.{text}")),
        ("changed", "id_number_sealed", format!("{key}.{flipped}")),
        ("cut", "id_number_sealed", sealed[..sealed.len() - 4].to_owned()),
        ("plain", "id_number_sealed", "360502195105160022".to_owned()),
        ("empty", "id_number_sealed", String::new()),
    ] {
        let old: Option<String> =
            server.sql.one(&format!("SELECT {column} FROM persons WHERE id = $1"), [me.into()]).await;
        let set = format!("UPDATE persons SET {column} = $2 WHERE id = $1");
        server.sql.run(&set, [me.into(), value.into()]).await;
        let answer = resident.post("/service-orders", order.clone()).await;
        assert_eq!((answer.status, answer.text("/code")), (500, "data-integrity"), "{what} {column}");
        server.sql.run(&set, [me.into(), old.into()]).await;
    }
    assert_eq!(resident.post("/service-orders", order).await.status, 201);
}

/// An answer that was kept for one request is not given to another.
#[rstest]
#[actix_web::test]
async fn a_kept_answer_opens_for_its_own_key(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let resident = server.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "水龙头", "compound_id": resident.compound("福园小区").await});
    let place =
        async |key: &str| resident.send("POST", "/service-orders", &[("idempotency-key", key)], Some(&order)).await;
    assert_eq!((place("one").await.status, place("two").await.status), (201, 201));
    let read = "SELECT body_sealed FROM idempotency_keys WHERE idempotency_key = 'one'";
    let one: String = server.sql.one(read, []).await;
    server.sql.run("UPDATE idempotency_keys SET body_sealed = $1 WHERE idempotency_key = 'two'", [one.into()]).await;
    let answer = place("two").await;
    assert_eq!((answer.status, answer.text("/code")), (500, "data-integrity"));
    assert_eq!(place("one").await.status, 201);
    assert_eq!(server.sql.count("events WHERE kind = 'security.integrity_failed'", []).await, 1);
}

/// A server whose chain has ten events.
async fn chained(backend: Backend) -> Server {
    let server = Setup::default().empty().start(backend).await;
    for n in 0..10 {
        assert_eq!(server.log_in(&format!("nobody{n}"), "x").await.status, 401);
    }
    server.run_jobs().await;
    assert_eq!(server.sql.count("event_positions", []).await, 10);
    server
}

#[rstest]
#[actix_web::test]
async fn events_are_only_added(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[values("events", "event_positions")] table: &str,
) {
    let server = chained(backend).await;
    let (key, column) = if table == "events" { ("id", "operation") } else { ("position", "hash") };
    let update = format!("UPDATE {table} SET {column} = {column}");
    let delete = format!("DELETE FROM {table}");
    let replace = format!(
        "INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 1 ON CONFLICT ({key}) DO UPDATE SET {column} = excluded.{column}"
    );
    let mut statements = vec![update, delete, replace];
    if backend == Postgres {
        statements.push(format!("TRUNCATE {table} CASCADE"));
    }
    for statement in statements {
        let refused = server.sql.attempt(&statement, []).await.expect_err(&statement);
        assert!(refused.contains("insert-only"), "{statement}: {refused}");
    }
    assert_eq!(server.sql.count(table, []).await, 10);
}

fn verify(server: &Server) -> (bool, String) {
    let output = Program::new(LIANXIN, &server.app.settings.database_url).run(&["audit", "verify"]);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// What the owner of the database can do before he tampers.
async fn drop_guards(server: &Server, backend: Backend) {
    let statements: &[&str] = match backend {
        Sqlite => &[
            "DROP TRIGGER events_queue",
            "DROP TRIGGER events_no_update",
            "DROP TRIGGER events_no_delete",
            "DROP TRIGGER event_positions_no_update",
            "DROP TRIGGER event_positions_no_delete",
            "PRAGMA foreign_keys = OFF",
        ],
        Postgres => &[
            "DROP TRIGGER events_queue ON events",
            "DROP TRIGGER events_insert_only ON events",
            "DROP TRIGGER event_positions_insert_only ON event_positions",
            "ALTER TABLE event_positions DROP CONSTRAINT event_positions_event_id_fkey",
        ],
    };
    for statement in statements {
        server.sql.run(statement, []).await;
    }
}

const COPY: &str = "INSERT INTO events SELECT $1, kind, subject_type, subject_id, subject_version, region_code, \
                    actor_user_id, acting_for, session_id, address, operation, result, request_id, data, occurred_at, \
                    received_at FROM events WHERE id = (SELECT event_id FROM event_positions WHERE position = 5)";
const AT: &str = "(SELECT event_id FROM event_positions WHERE position = $1)";

#[rstest]
#[case::text("events SET operation = 'x'", &[5])]
#[case::actor("events SET actor_user_id = NULL, address = NULL", &[1])]
#[case::data("events SET data = '{\"a\":1}'", &[10])]
#[case::result("events SET result = 'ok'", &[5])]
#[case::address("events SET address = '192.0.2.1'", &[5])]
#[actix_web::test]
async fn a_changed_event_is_found(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[case] change: &str,
    #[case] positions: &[i64],
) {
    let server = chained(backend).await;
    assert_eq!(verify(&server), (true, "10 events, the chain is whole.\n".to_owned()));
    drop_guards(&server, backend).await;
    for position in positions {
        assert_eq!(server.sql.run(&format!("UPDATE {change} WHERE id = {AT}"), [(*position).into()]).await, 1);
        let (whole, said) = verify(&server);
        assert!(!whole && said.contains(&format!("the event at position {position} was changed")), "{said}");
    }
}

#[rstest]
#[case::event(&["DELETE FROM events WHERE id = (SELECT event_id FROM event_positions WHERE position = 5)"], 5)]
#[case::last_event(&["DELETE FROM events WHERE id = (SELECT event_id FROM event_positions WHERE position = 10)"], 10)]
#[case::position(&["DELETE FROM event_positions WHERE position = 5"], 5)]
#[case::last_position(&["DELETE FROM event_positions WHERE position = 10"], 10)]
#[case::both(
    &[
        "DELETE FROM events WHERE id = (SELECT event_id FROM event_positions WHERE position = 5)",
        "DELETE FROM event_positions WHERE position = 5",
    ],
    5
)]
#[case::closed_up(
    &[
        "DELETE FROM events WHERE id = (SELECT event_id FROM event_positions WHERE position = 5)",
        "DELETE FROM event_positions WHERE position = 5",
        "UPDATE event_positions SET position = -position WHERE position > 5",
        "UPDATE event_positions SET position = -position - 1 WHERE position < 0",
    ],
    5
)]
#[actix_web::test]
async fn a_removed_event_is_found(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[case] statements: &[&str],
    #[case] position: i64,
) {
    let server = chained(backend).await;
    drop_guards(&server, backend).await;
    for statement in statements {
        assert!(server.sql.run(statement, []).await > 0, "{statement}");
    }
    let (whole, said) = verify(&server);
    assert!(!whole && said.contains(&format!("position {position} ")), "{said}");
}

#[rstest]
#[case::past_the_queue(&[], 11)]
#[case::at_the_end(&["INSERT INTO event_positions SELECT 11, $1, hash FROM event_positions WHERE position = 10"], 11)]
#[case::between(
    &[
        "UPDATE event_positions SET position = -position WHERE position > 5",
        "UPDATE event_positions SET position = 1 - position WHERE position < 0",
        "INSERT INTO event_positions SELECT 6, $1, hash FROM event_positions WHERE position = 7",
    ],
    6
)]
#[case::instead(&["UPDATE event_positions SET event_id = $1 WHERE position = 7"], 7)]
#[actix_web::test]
async fn an_inserted_event_is_found(
    #[values(Sqlite, Postgres)] backend: Backend,
    #[case] statements: &[&str],
    #[case] position: i64,
) {
    let server = chained(backend).await;
    drop_guards(&server, backend).await;
    let id = Uuid::from_u64_pair(1, 1);
    assert_eq!(server.sql.run(COPY, [id.into()]).await, 1);
    for statement in statements {
        let values: Vec<Bound> = if statement.contains("$1") { vec![id.into()] } else { Vec::new() };
        assert!(server.sql.run(statement, values).await > 0, "{statement}");
    }
    let (whole, said) = verify(&server);
    assert!(!whole && said.contains(&format!("position {position} ")), "{said}");
}

/// What was sequenced before a crash and what comes after it is one chain, whichever replica goes on.
#[rstest]
#[actix_web::test]
async fn the_chain_goes_on_elsewhere(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let replica = server.replica();
    let _first = placed(&server.sign_in("resident").await).await;
    // the lease of the first one has not run out
    replica.run_jobs().await;
    assert!(server.sql.count("event_queue", []).await > 0);
    server.advance(chrono::TimeDelta::seconds(10));
    replica.run_jobs().await;
    assert_eq!(server.sql.count("event_queue", []).await, 0);
    let events = server.sql.count("events", []).await;
    assert_eq!(verify(&server), (true, format!("{events} events, the chain is whole.\n")));
}
