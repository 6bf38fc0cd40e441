//! The program is killed while it writes: what it acknowledged is there, once and whole.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::future::{join, join_all};
use harness::{
    chance::{Chance, rounds},
    client::{Answer, User},
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::Program,
    sql::Sql,
};
use rstest::rstest;
use serde_json::json;
use uuid::Uuid;

use crate::LIANXIN;

const WRITERS: usize = 6;

/// What the clients know: of each order by its key, the id if they were told it.
type Ledger = RefCell<BTreeMap<String, Option<Uuid>>>;

/// Places the order of a key, whose description tells it from others.
async fn place(user: &User<'_>, compound: &str, key: &str, ledger: &Ledger) -> Result<Answer, String> {
    let order = json!({"kind": "tap", "description": key, "compound_id": compound});
    ledger.borrow_mut().entry(key.to_owned()).or_default();
    let answer = user.attempt("POST", "/service-orders", &[("idempotency-key", key)], Some(&order)).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status == 201 {
        let id = answer.text("/id").parse().unwrap();
        let known = ledger.borrow_mut().insert(key.to_owned(), Some(id)).flatten();
        assert!(known.is_none_or(|known| known == id), "{key} is {known:?} and {id}");
    }
    Ok(answer)
}

/// Places orders until nobody answers any more.
async fn place_on(user: &User<'_>, compound: &str, name: &str, ledger: &Ledger) {
    for n in 0.. {
        let Ok(answer) = place(user, compound, &format!("{name}-{n}"), ledger).await else { return };
        assert!(matches!(answer.status, 201 | 503), "{answer:?}");
    }
}

/// Places again whatever was not acknowledged.
async fn place_again(user: &User<'_>, compound: &str, ledger: &Ledger) {
    let open = |(key, id): (&String, &Option<Uuid>)| id.is_none().then(|| key.clone());
    let open: Vec<String> = ledger.borrow().iter().filter_map(open).collect();
    for key in open {
        let answer = place(user, compound, &key, ledger).await.unwrap();
        assert_eq!(answer.status, 201, "{key}: {:?}", answer.body);
    }
}

/// Each order of the ledger is there once, with its event and its count, and the files and the chain are whole.
async fn is_whole(backend: Backend, program: &Program, url: &str, ledger: &Ledger) {
    let rows = Sql::new(url);
    let ours = "service_orders WHERE description LIKE 'kill-%' ORDER BY description, id";
    let keys: Vec<String> = rows.all(&format!("SELECT description FROM {ours}"), []).await;
    let ids: Vec<Uuid> = rows.all(&format!("SELECT id FROM {ours}"), []).await;
    let there: BTreeSet<(String, Option<Uuid>)> = keys.into_iter().zip(ids.into_iter().map(Some)).collect();
    let known: BTreeSet<(String, Option<Uuid>)> = ledger.borrow().clone().into_iter().collect();
    let (lost, twice): (Vec<_>, Vec<_>) = (known.difference(&there).collect(), there.difference(&known).collect());
    assert!(lost.is_empty() && twice.is_empty(), "lost {lost:?}, known to nobody {twice:?}");
    let events = "SELECT subject_id FROM events WHERE kind = 'service_order.placed' ORDER BY subject_id";
    let orders = "SELECT id FROM service_orders";
    let events: Vec<String> = rows.all(events, []).await;
    let orders: BTreeSet<String> = rows.all(orders, []).await.iter().map(Uuid::to_string).collect();
    assert_eq!(events, orders.into_iter().collect::<Vec<_>>(), "each order has one event that placed it");
    let counted: i64 = rows.one("SELECT CAST(sum(orders) AS BIGINT) FROM order_counters", []).await;
    assert_eq!(counted, rows.count("service_orders", []).await);
    if backend == Sqlite {
        assert_eq!(rows.all::<String>("PRAGMA integrity_check", []).await, ["ok"]);
        assert_eq!(rows.all::<String>("PRAGMA foreign_key_check", []).await, [""; 0]);
    }
    // no connection of ours is open when the program is killed: it finds the files as it left them
    rows.close().await;
    let verified = program.run(&["audit", "verify"]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}{}", String::from_utf8_lossy(&verified.stderr));
    assert!(said.contains("the chain is whole"), "{said}");
}

/// Two hundred rounds: `just kill`.
#[rstest]
#[actix_web::test]
async fn what_was_acknowledged_outlives_a_kill(#[values(Sqlite, Postgres)] backend: Backend) {
    let database = TestDatabase::bare(backend).await;
    let program = Program::new(LIANXIN, &database.url).unlimited();
    assert!(program.run(&["demo"]).status.success());
    let mut process = program.serve(&[]).await;
    let mut chance = Chance::new(9);
    let ledger = Ledger::default();
    for round in 0..rounds("LIANXIN_TEST_KILL_ROUNDS", 3) {
        let after = Duration::from_millis(200 + chance.below(800));
        let before = ledger.borrow().len();
        {
            let resident = process.client.sign_in("resident").await;
            let compound = resident.compound("福园小区").await;
            let names: Vec<String> = (0..WRITERS).map(|writer| format!("kill-{round:03}-{writer}")).collect();
            let writers = names.iter().map(|name| place_on(&resident, &compound, name, &ledger));
            let kill = async {
                tokio::time::sleep(after).await;
                process.signal("KILL");
            };
            join(join_all(writers), kill).await;
        }
        process.ends_within(Duration::from_secs(10)).await;
        process = program.serve(&[]).await;
        let resident = process.client.sign_in("resident").await;
        let compound = resident.compound("福园小区").await;
        let acknowledged = ledger.borrow().values().flatten().count();
        assert!(acknowledged > before, "round {round}: nothing was acknowledged within {after:?}");
        assert!(acknowledged < ledger.borrow().len(), "round {round}: nobody was writing");
        place_again(&resident, &compound, &ledger).await;
        is_whole(backend, &program, &database.url, &ledger).await;
    }
}
