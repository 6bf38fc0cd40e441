//! Every transition, from every state, by every caller, against `openapi/transitions.txt`.

mod cast;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use cast::{CALLERS, Cast, Kind, ROWS, Row};
use chrono::TimeDelta;
use domain::{id::ServiceOrderId, orders::Transition};
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, User},
};
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

const HEAD: &str = "\
The answer to every transition of an order, from every state, to every caller (domain::orders::RULES, domain::access::policy).
Written by the test `transitions` under LIANXIN_TEST_WRITE_GOLDEN=1, and held by it.

200 done · 403 seen, but not his to do · 404 out of sight · 409 his to do, but not in this state · - there is no such caller

resident   whose order it is                            township   the official of its street
neighbor   another resident of its compound             county     the official of its county
addressee  whom it waits for, or one of that team       cadre      a visiting cadre of its community
holder     who holds it or did it                       auditor    the auditor of the province
area       another volunteer of the area                stranger   the worker of a community of another street
worker     the worker of its community

Orders are private unless it is said otherwise, and the resident has an account.
";

/// What is asked of an order, as a block of the table.
struct Block {
    title: &'static str,
    /// `None` reads it.
    transition: Option<Transition>,
    kind: Kind,
    body: Value,
}

const USUAL: Kind = Kind { private: true, account: true };
const PUBLIC: Kind = Kind { private: false, account: true };
const NO_ACCOUNT: Kind = Kind { private: true, account: false };

fn blocks(into: ServiceOrderId) -> Vec<Block> {
    use Transition as T;
    let block = |title, transition, kind, body| Block { title, transition: Some(transition), kind, body };
    let reason = || json!({"reason": "有事"});
    let answers = || json!({"solved": true, "satisfaction": 5});
    vec![
        Block { title: "GET", transition: None, kind: USUAL, body: Value::Null },
        block("dispatch", T::Dispatch, USUAL, json!({"open": true})),
        block("accept", T::Accept, USUAL, json!({})),
        block("decline", T::Decline, USUAL, reason()),
        block("claim", T::Claim, USUAL, json!({})),
        block("transfer", T::Transfer, USUAL, json!({"open": true, "reason": "有事"})),
        block("start", T::Start, USUAL, json!({})),
        block("hold", T::Hold, USUAL, json!({"reason": "等配件", "until": "2026-03-14T09:30:00+08:00"})),
        block("resume", T::Resume, USUAL, json!({})),
        block(
            "extend",
            T::Extend,
            USUAL,
            json!({"clock": "resolution", "until": "2026-05-01T09:00:00+08:00", "reason": "等配件"}),
        ),
        block("refuse-extension", T::RefuseExtension, USUAL, json!({"clock": "resolution", "reason": "不急"})),
        block("complete", T::Complete, USUAL, json!({"outcome": "solved"})),
        block("confirm", T::Confirm, USUAL, answers()),
        block("confirm, for one without an account", T::Confirm, NO_ACCOUNT, answers()),
        block("reopen", T::Reopen, USUAL, reason()),
        block("reopen, for one without an account", T::Reopen, NO_ACCOUNT, reason()),
        block("cancel", T::Cancel, USUAL, json!({})),
        block("reject", T::Reject, USUAL, reason()),
        block("merge", T::Merge, USUAL, json!({"into": into})),
        block("join, a private order", T::Join, USUAL, json!({})),
        block("join, a public order", T::Join, PUBLIC, json!({})),
        block("contact", T::Contact, USUAL, json!({})),
        block("PATCH description", T::Update, USUAL, json!({"description": "水龙头和水管"})),
        block("PATCH priority", T::Update, USUAL, json!({"priority": "urgent"})),
    ]
}

/// A cell of the table: an order of its own.
struct Cell {
    block: usize,
    row: Row,
    caller: &'static str,
    id: ServiceOrderId,
    status: u16,
}

#[rstest]
#[actix_web::test]
async fn every_transition_from_every_state_by_every_caller(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let mut cast = Cast::assemble(&server).await;
    let blocks = blocks(cast.other);
    let mut cells = lay_out(&mut cast, &blocks).await;
    server.advance(TimeDelta::minutes(1));

    let mut seen = HashMap::new();
    for cell in &mut cells {
        let block = &blocks[cell.block];
        let answer = ask(cast.user(cell.caller), block, cell.id).await;
        cell.status = answer.status;
        let place = (cell.row.title, cell.caller);
        let Some(transition) = block.transition else {
            seen.insert(place, actions(&answer));
            continue;
        };
        let known = seen.get(&place).and_then(Option::as_ref).filter(|_| block.kind == USUAL);
        check(cell, block, transition, &answer, known);
    }
    check_traces(&server, &blocks, &cells).await;
    compare(&table(&blocks, &cells));
}

/// Puts an order into the database for every cell.
async fn lay_out(cast: &mut Cast<'_>, blocks: &[Block]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (number, block) in blocks.iter().enumerate() {
        let mut orders = Vec::new();
        for row in ROWS {
            for caller in CALLERS {
                if row.has(caller) && (block.kind.account || caller != "resident") {
                    let order = cast.order(row, block.kind);
                    cells.push(Cell { block: number, row, caller, id: order.value.id, status: 0 });
                    orders.push(order);
                }
            }
        }
        cast.put(orders).await;
    }
    cells
}

async fn ask(user: &User<'_>, block: &Block, id: ServiceOrderId) -> Answer {
    let path = format!("/service-orders/{id}");
    match block.transition {
        None => user.get(&path).await,
        Some(Transition::Update) => user.send("PATCH", &path, &[("if-match", "\"1\"")], Some(&block.body)).await,
        Some(transition) => user.post(&format!("{path}/{}", transition.name()), block.body.clone()).await,
    }
}

fn actions(answer: &Answer) -> Option<BTreeSet<String>> {
    let names = answer.body["actions"].as_array()?;
    Some(names.iter().map(|name| name.as_str().unwrap().to_owned()).collect())
}

/// Holds one answer to what was shown before, and a refusal to what it must tell.
fn check(cell: &Cell, block: &Block, transition: Transition, answer: &Answer, known: Option<&BTreeSet<String>>) {
    let place = format!("{}, {}, {}: {:?}", block.title, cell.row.title, cell.caller, answer.body);
    assert!(matches!(answer.status, 200 | 403 | 404 | 409), "{place}");
    // who may change the priority may not change everything
    if let Some(known) = known.filter(|_| transition != Transition::Update) {
        assert_eq!(known.contains(transition.name()), answer.status == 200, "{known:?} {place}");
    }
    if answer.status == 409 {
        assert_eq!(answer.text("/code"), "invalid-transition", "{place}");
        assert_eq!(answer.text("/current_state"), cell.row.state.name(), "{place}");
        assert_eq!(answer.body["current_version"], 1, "{place}");
        if let Some(known) = known {
            assert_eq!(actions(answer).as_ref(), Some(known), "{place}");
        }
    }
}

/// Whatever was refused has left no trace, and whatever was done has left one event.
async fn check_traces(server: &Server, blocks: &[Block], cells: &[Cell]) {
    let now = server.now();
    let untouched = "SELECT id FROM service_orders WHERE version = 1 AND updated_at < $1";
    let untouched: BTreeSet<Uuid> = server.sql.all(untouched, [now.into()]).await.into_iter().collect();
    let told = "SELECT subject_id FROM events WHERE subject_type = 'service_order' AND received_at >= $1";
    let mut events: BTreeMap<String, usize> = BTreeMap::new();
    for order in server.sql.all::<String>(told, [now.into()]).await {
        *events.entry(order).or_default() += 1;
    }
    for cell in cells {
        let transition = blocks[cell.block].transition;
        let done = cell.status == 200 && transition.is_some();
        let place = format!("{}, {}, {}", blocks[cell.block].title, cell.row.title, cell.caller);
        // a look at the contact changes nothing but the trail
        let changed = done && transition != Some(Transition::Contact);
        assert_eq!(untouched.contains(&cell.id.0), !changed, "{place}");
        assert_eq!(events.get(&cell.id.to_string()).copied().unwrap_or_default(), usize::from(done), "{place}");
    }
}

fn table(blocks: &[Block], cells: &[Cell]) -> String {
    let statuses: HashMap<_, _> =
        cells.iter().map(|cell| ((cell.block, cell.row.title, cell.caller), cell.status)).collect();
    let mut text = HEAD.to_owned();
    for (number, block) in blocks.iter().enumerate() {
        write!(text, "\n{:<36}", block.title).unwrap();
        for caller in CALLERS {
            write!(text, "{caller:>10}").unwrap();
        }
        text.push('\n');
        for row in ROWS {
            write!(text, "  {:<34}", row.title).unwrap();
            for caller in CALLERS {
                let status = statuses.get(&(number, row.title, caller)).map(ToString::to_string);
                write!(text, "{:>10}", status.as_deref().unwrap_or("-")).unwrap();
            }
            text.push('\n');
        }
    }
    text
}

fn compare(table: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/transitions.txt");
    if std::env::var_os("LIANXIN_TEST_WRITE_GOLDEN").is_some() {
        fs::write(&path, table).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let other: Vec<_> = golden
        .lines()
        .zip(table.lines())
        .enumerate()
        .filter(|(_, (golden, now))| golden != now)
        .map(|(at, (golden, now))| format!("line {}\n- {golden}\n+ {now}", at + 1))
        .collect();
    assert!(
        other.is_empty() && golden.len() == table.len(),
        "openapi/transitions.txt says otherwise:\n{}",
        other.join("\n")
    );
}
