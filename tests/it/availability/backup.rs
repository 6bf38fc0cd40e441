//! A backup holds what was there when it was taken, opens to nobody else, and becomes a database of either kind.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use futures_util::future::{join, join_all};
use harness::{
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
use serde_json::json;
use uuid::Uuid;

use crate::LIANXIN;

/// Tables that a restoration adds to, or changes: the event that it leaves, and the sessions that it ends.
const CHANGED: [&str; 3] = ["events", "event_queue", "sessions"];
/// Tables with JSON, which PostgreSQL writes with blanks.
const WITH_JSON: [&str; 7] =
    ["clients", "idempotency_keys", "login_failures", "persons", "service_kinds", "service_orders", "volunteers"];

/// Rows and digest of each table, as the command told them.
type Sums = BTreeMap<String, (i64, String)>;

fn told(output: &std::process::Output) -> Sums {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let sum = |words: Vec<&str>| match words.as_slice() {
        [table, rows, digest] if digest.len() == 64 => {
            Some(((*table).to_owned(), (rows.parse().unwrap(), (*digest).to_owned())))
        }
        _ => None,
    };
    lines.filter_map(sum).collect()
}

fn refused(program: &Program, arguments: &[&str]) -> String {
    let output = program.run(arguments);
    assert!(!output.status.success(), "{arguments:?} was done");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The same program with the same keys on another database.
fn beside(program: &Program, url: &str) -> Program {
    Program::new(LIANXIN, url).setting("LIANXIN_KEYS_FILE", path(&program.file("lianxin.keys"))).unlimited()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn demonstration(backend: Backend) -> (TestDatabase, Program) {
    let database = TestDatabase::bare(backend).await;
    let program = Program::new(LIANXIN, &database.url).unlimited();
    assert!(program.run(&["demo"]).status.success());
    (database, program)
}

#[rstest]
#[actix_web::test]
async fn it_holds_what_was_there_while_others_wrote(
    #[values(Sqlite, Postgres)] from: Backend,
    #[values(Sqlite, Postgres)] to: Backend,
) {
    let (database, program) = demonstration(from).await;
    let file = program.file("a.backup");
    let process = program.serve(&[]).await;
    let resident = process.client.sign_in("resident").await;
    let compound = resident.compound("福园小区").await;
    let orders = RefCell::new(Vec::<(Uuid, bool)>::new());
    let (begun, ended) = (Cell::new(false), Cell::new(false));
    let place = async |writer: usize| {
        for n in 0.. {
            if ended.get() {
                return;
            }
            let before = !begun.get();
            let order = json!({"kind": "tap", "description": format!("{writer}-{n}"), "compound_id": compound});
            let answer = resident.post("/service-orders", order).await;
            assert_eq!(answer.status, 201, "{:?}", answer.body);
            orders.borrow_mut().push((answer.text("/id").parse().unwrap(), before && !begun.get()));
        }
    };
    let back_up = async {
        while orders.borrow().len() < 10 {
            tokio::task::yield_now().await;
        }
        begun.set(true);
        let output = program.begin(&["backup", path(&file)]).ends().await;
        ended.set(true);
        told(&output)
    };
    let (sums, _) = join(back_up, join_all((0..4).map(place))).await;
    assert!(orders.borrow().iter().any(|(_, before)| !before), "nobody wrote meanwhile");
    drop(process);
    let bytes = fs::read(&file).unwrap();
    assert!(!bytes.windows(8).any(|part| part == b"resident"), "the file can be read");

    // what it tells is what it holds
    assert_eq!(told(&program.run(&["restore", "--check", path(&file)])), sums);
    let other = TestDatabase::bare(to).await;
    let restored = beside(&program, &other.url);
    assert_eq!(told(&restored.run(&["restore", path(&file)])), sums);
    let rows = Sql::new(&other.url);
    for (table, (count, _)) in &sums {
        let more = i64::from(CHANGED.iter().take(2).any(|changed| changed == table));
        assert_eq!(rows.count(table, []).await, count + more, "{table}");
    }
    assert_eq!(rows.count("sessions WHERE ended_at IS NULL", []).await, 0);
    let fresh = TestDatabase::new(to).await;
    assert_eq!(dump(to, &rows).await, dump(to, &Sql::new(&fresh.url)).await);

    // whatever was acknowledged before is there, each order with its event, the chain is whole
    let there: BTreeSet<Uuid> = rows.all("SELECT id FROM service_orders", []).await.into_iter().collect();
    for (id, _) in orders.borrow().iter().filter(|(_, before)| *before) {
        assert!(there.contains(id), "{id} is missing");
    }
    let placed: Vec<String> =
        rows.all("SELECT subject_id FROM events WHERE kind = 'service_order.placed' ORDER BY subject_id", []).await;
    assert_eq!(placed, there.iter().map(Uuid::to_string).collect::<Vec<_>>());
    rows.close().await;
    let verified = restored.run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    // a backup of the copy tells the same, table by table
    let again = told(&restored.run(&["backup", path(&restored.file("again.backup"))]));
    for (table, sum) in sums.iter().filter(|(table, _)| !CHANGED.contains(&table.as_str())) {
        if from == to || !WITH_JSON.contains(&table.as_str()) {
            assert_eq!(again.get(table), Some(sum), "{table}");
        }
    }
    drop(database);
    let process = restored.serve(&[]).await;
    let worker = process.client.sign_in("worker").await;
    let seen = worker.get("/service-orders?q=0-0&limit=1").await;
    assert_eq!((seen.status, seen.body["items"].as_array().map(Vec::len)), (200, Some(1)), "{:?}", seen.body);
    let resident = process.client.sign_in("resident").await;
    let order = json!({"kind": "tap", "description": "afterwards", "compound_id": resident.compound("福园小区").await});
    assert_eq!(resident.post("/service-orders", order).await.status, 201);
}

#[rstest]
#[actix_web::test]
async fn what_is_not_whole_or_not_ours_changes_nothing(#[values(Sqlite, Postgres)] backend: Backend) {
    let (_database, program) = demonstration(backend).await;
    let file = program.file("a.backup");
    let _sums = told(&program.run(&["backup", path(&file)]));
    let whole = fs::read(&file).unwrap();
    let changed = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        let file = program.file(name);
        fs::write(&file, bytes).unwrap();
        file
    };
    let altered = changed("altered.backup", &|bytes| bytes[whole.len() / 2] ^= 1);
    let cut = changed("cut.backup", &|bytes| bytes.truncate(whole.len() - 40));
    let longer = changed("longer.backup", &|bytes| bytes.push(0));
    let other = TestDatabase::bare(backend).await;
    let restored = beside(&program, &other.url);
    for (file, why) in [(&altered, "was changed"), (&cut, "cut off"), (&longer, "was changed")] {
        let said = refused(&restored, &["restore", path(file)]);
        assert!(said.contains(why), "{}: {said}", file.display());
        assert!(refused(&program, &["restore", "--check", path(file)]).contains(why));
    }
    let stranger = Program::new(LIANXIN, &other.url);
    assert!(refused(&stranger, &["restore", path(&file)]).contains("was changed"));
    assert!(refused(&restored, &["restore", "/nowhere"]).contains("/nowhere"));
    let rows = Sql::new(&other.url);
    assert_eq!(dump(backend, &rows).await, [""; 0]);
    rows.close().await;

    assert!(refused(&program, &["restore", path(&file)]).contains("already"), "a database with rows was loaded");
    assert!(refused(&program, &["backup", path(&file)]).contains("already"), "a file was overwritten");
    assert_eq!(fs::read(&file).unwrap(), whole);
}

/// A backup of a former release is loaded into the schema of its day, which is brought up to date then.
#[rstest]
#[actix_web::test]
async fn a_schema_is_made_as_far_as_a_backup_needs(#[values(Sqlite, Postgres)] backend: Backend) {
    let (older, newer) = (TestDatabase::bare(backend).await, TestDatabase::bare(backend).await);
    let half = Migrator::migrations().len() / 2;
    let step = Migrator::migrations()[half].name().to_owned();
    persistence::migrate_as_far_as(&older.url, &step).await.unwrap();
    let rows = Sql::new(&older.url);
    assert_eq!(rows.count("seaql_migrations", []).await, i64::try_from(half + 1).unwrap());
    persistence::migrate_as_far_as(&older.url, &step).await.unwrap();
    persistence::migrate(&older.url).await.unwrap();
    persistence::migrate(&newer.url).await.unwrap();
    assert_eq!(dump(backend, &rows).await, dump(backend, &Sql::new(&newer.url)).await);
    assert!(persistence::migrate_as_far_as(&older.url, &step).await.is_err(), "steps are not undone");
    assert!(persistence::migrate_as_far_as(&older.url, "m9999_of_a_later_release").await.is_err());
}
