//! What is sealed, what is sealed again, and what keeps a former key.

use std::sync::Arc;

use api::{keys::KeyFile, system::SystemIds};
use futures_util::future::join;
use harness::{
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    schema::columns,
    server::Server,
    sql::Sql,
};
use persistence::{Class, Database, Patience, SEALED, SealedAgain, Stamp, Vault, VaultKeys};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{file, filled, ids, let_time_pass, line, said, sealed, succeeded};
use crate::hands;

const COMMUNITY: &str = "360502002001";

/// Every column whose name tells that it is sealed is sealed again by a rotation, and there is no other one.
#[rstest]
#[actix_web::test]
async fn no_sealed_column_is_forgotten(#[values(Sqlite, Postgres)] backend: Backend) {
    let database = TestDatabase::new(backend).await;
    let mut columns = columns(backend, &Sql::new(&database.url)).await;
    columns.retain(|column| column.contains("sealed"));
    let listed = SEALED.iter().flat_map(|table| table.columns.iter().map(|(name, _)| (table.name, name)));
    let mut listed: Vec<String> = listed.map(|(table, column)| format!("{table}.{column}_sealed")).collect();
    listed.sort();
    assert_eq!(columns, listed);
}

/// The database of a server with a new key before the one that the server has.
async fn with_new_keys(server: &Server) -> Database {
    let old = &server.keys.vault;
    let before = |id: &str, ring: &[(String, [u8; 32])]| [&[(id.to_owned(), [7; 32])], ring].concat();
    let keys = VaultKeys {
        personal: before("p-new", &old.personal),
        sensitive: before("s-new", &old.sensitive),
        index: old.index,
    };
    let vault = Vault::new(&keys).unwrap();
    Database::open(&server.app.settings.database_url, 2, Patience::OfRequests, vault, Arc::new(SystemIds))
        .await
        .unwrap()
}

async fn again(server: &Server, database: &Database) -> SealedAgain {
    database.seal_again(&Stamp::system(server.now(), "test"), &|_| {}).await.unwrap()
}

/// Something in every sealed column.
async fn fill(server: &Server) {
    let worker = server.sign_in("worker").await;
    hands::second_factor(server, &worker).await;
    let person = worker.get("/persons?limit=1").await.text("/items/0/id").to_owned();
    let look = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修"});
    assert_eq!(worker.post(&format!("/persons/{person}/reveal"), look).await.status, 200);
    hands::made(&worker, "/households", json!({"region_code": COMMUNITY, "address": "18 号"})).await;
    let order = json!({
        "kind": "tap", "description": "水龙头", "region_code": COMMUNITY, "address": "桂花巷 5 号",
        "point": {"longitude": 114.93, "latitude": 27.81},
        "on_behalf_of": {"name": "王建国", "phone": "13987650123"},
    });
    let key = [("idempotency-key", "of/this/test")];
    let placed = worker.send("POST", "/service-orders", &key, Some(&order)).await;
    assert_eq!(placed.status, 201, "{:?}", placed.body);
}

/// What rows hold beside what is sealed.
async fn the_rest(server: &Server) -> Vec<String> {
    let mut all = Vec::new();
    for table in ["persons", "households", "service_orders"] {
        let rows = format!("SELECT CAST(version AS TEXT) || ' ' || CAST(updated_at AS TEXT) FROM {table} ORDER BY id");
        all.extend(server.sql.all::<String>(&rows, []).await);
    }
    all
}

/// Two at once do it once, and nothing but the sealing changes.
#[rstest]
#[actix_web::test]
async fn all_is_sealed_again_and_nothing_else_changes(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    fill(&server).await;
    for table in SEALED {
        for (column, _) in table.columns {
            let filled = format!("{} WHERE {column}_sealed IS NOT NULL", table.name);
            assert!(server.sql.count(&filled, []).await > 0, "{}.{column} is not tried", table.name);
        }
    }
    let (one, other) = (with_new_keys(&server).await, with_new_keys(&server).await);
    let before = (one.count_sealed().await.unwrap(), the_rest(&server).await);
    let events = server.sql.count("events", []).await;
    assert!(before.0.keys().all(|(_, id)| ["p1", "s1"].contains(&id.as_str())), "{:?}", before.0);
    let all: u64 = before.0.values().sum();

    let (first, second) = join(again(&server, &one), again(&server, &other)).await;
    assert_eq!((first.done + second.done, first.broken + second.broken), (all, 0), "{first:?} {second:?}");
    let after = other.count_sealed().await.unwrap();
    for (class, old, new) in [(Class::Personal, "p1", "p-new"), (Class::Sensitive, "s1", "s-new")] {
        assert_eq!(after.get(&(class, new.to_owned())), before.0.get(&(class, old.to_owned())));
    }
    assert_eq!(after.len(), 2, "{after:?}");
    assert_eq!(the_rest(&server).await, before.1);
    assert_eq!(server.sql.count("events", []).await, events);
    let third = again(&server, &one).await;
    assert_eq!((third.done, third.missed, third.broken), (0, 0, 0));
}

/// A value that somebody erases between reading and writing does not come back.
#[rstest]
#[actix_web::test]
async fn what_is_changed_meanwhile_stays_changed(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let database = with_new_keys(&server).await;
    let erased = "persons WHERE phone_sealed IS NULL";
    let before = server.sql.count(erased, []).await;
    let person: Uuid = server.sql.one("SELECT id FROM persons WHERE phone_sealed IS NOT NULL LIMIT 1", []).await;
    server.sql.run(if backend == Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" }, []).await;
    server.sql.run("UPDATE persons SET phone_sealed = NULL WHERE id = $1", [person.into()]).await;
    let release = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        server.sql.run("COMMIT", []).await;
    };
    let (became, ()) = join(again(&server, &database), release).await;
    // where a row is held, none of its values is touched
    assert!(became.missed >= 1 && became.broken == 0, "{became:?}");
    assert_eq!(server.sql.count(erased, []).await, before + 1);
    let left = again(&server, &database).await;
    assert_eq!((left.done, left.missed), (became.missed - 1, 0), "{left:?}");
    assert_eq!(server.sql.count(erased, []).await, before + 1);
    assert!(database.count_sealed().await.unwrap().keys().all(|(_, id)| id.ends_with("-new")));
}

/// A value that does not open is told of, and keeps the key under which it may open once it is mended.
#[rstest]
#[actix_web::test]
async fn a_former_key_stays_as_long_as_it_is_needed(#[values(Sqlite, Postgres)] backend: Backend) {
    let (program, database) = filled(backend).await;
    let rows = Sql::new(&database.url);
    let early = program.run(&["admin", "keys", "retire"]);
    assert!(!early.status.success() && said(&program, &early).contains("no rotation yet"), "{early:?}");
    let before = file(&program);
    let people: Vec<Uuid> =
        rows.all("SELECT id FROM persons WHERE phone_sealed IS NOT NULL ORDER BY id LIMIT 2", []).await;
    let read = "SELECT phone_sealed FROM persons WHERE id = $1";
    let moved: String = rows.one(read, [people[0].into()]).await;
    let original: String = rows.one(read, [people[1].into()]).await;
    let write = "UPDATE persons SET phone_sealed = $2 WHERE id = $1";
    rows.run(write, [people[1].into(), moved.into()]).await;

    let rotated = program.begin(&["admin", "keys", "rotate", "--class", "personal", "--wait", "2"]).ends().await;
    let told = said(&program, &rotated);
    assert!(!rotated.status.success() && told.contains("1 values do not open"), "{told}");
    assert!(told.contains(&people[1].to_string()), "{told}");
    let after = file(&program);
    assert_eq!((&after["signing"], &after["sensitive"]), (&before["signing"], &before["sensitive"]));
    let keys = ids(&after, "personal");
    assert_eq!((keys.len(), keys[1].as_str()), (2, "p1"));
    let list = succeeded(&program, &program.run(&["admin", "keys", "list"]));
    assert_eq!(line(&list, &keys[0]), ["in", "use", &sealed(&rows, &keys[0]).await.to_string()]);
    assert_eq!(line(&list, "p1"), ["former", "1"]);
    assert_eq!(line(&list, &ids(&after, "signing")[0]), ["in", "use", "-"]);

    let early = program.run(&["admin", "keys", "retire"]);
    assert!(!early.status.success() && said(&program, &early).contains("can go from"), "{early:?}");
    let_time_pass(&program);
    let kept = succeeded(&program, &program.run(&["admin", "keys", "retire"]));
    assert!(kept.contains("p1 stays") && kept.contains("No key was removed"), "{kept}");
    assert_eq!(ids(&file(&program), "personal"), keys);

    // mended, it is sealed again by the next rotation
    rows.run(write, [people[1].into(), original.into()]).await;
    let rotated = program.begin(&["admin", "keys", "rotate", "--class", "sensitive", "--wait", "2"]).ends().await;
    succeeded(&program, &rotated);
    let_time_pass(&program);
    let gone = succeeded(&program, &program.run(&["admin", "keys", "retire"]));
    assert!(gone.contains("p1") && gone.contains("s1"), "{gone}");
    assert_eq!(ids(&file(&program), "personal"), [keys[0].clone()]);
    events_tell_ids_and_counts(&rows, &file(&program)).await;
}

/// One event for a rotation and one for each time that keys went.
async fn events_tell_ids_and_counts(rows: &Sql, file: &Value) {
    let kinds = "SELECT kind FROM events WHERE subject_type = 'key_set' ORDER BY received_at, id";
    let kinds: Vec<String> = rows.all(kinds, []).await;
    assert_eq!(kinds, ["key_set.rotated", "key_set.rotated", "key_set.retired"]);
    let last = "SELECT data FROM events WHERE kind = 'key_set.rotated' AND subject_id = $1";
    let last: Value = rows.one(last, [file["rotation"]["id"].as_str().unwrap().into()]).await;
    assert_eq!(last["in_use"], json!([file["sensitive"][0]["id"]]));
    assert_eq!(last["former"], json!(["p1", "s1"]));
    assert!(last["sealed_again"].as_i64() > Some(1) && last["unreadable"] == 0, "{last}");
    assert!(serde_json::from_value::<KeyFile>(file.clone()).unwrap().keys().is_ok());
}
