//! Who may do what: each operation as each role, on things of its own, of its compound, of its community, of another
//! community of the township, of another township and of another county. The answers stand in
//! `openapi/role-matrix.txt`.

mod callers;
mod requests;
mod things;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use harness::{
    database::Backend::{self, Postgres, Sqlite},
    golden,
    server::{Answer, Server},
};
use rstest::rstest;
use serde_json::Value;

use callers::{Caller, Own};
use requests::{Call, calls};
use things::Things;

/// Statuses of one operation for one role, by column.
type Line = Vec<String>;

const HEAD: &str = "\
# Status of each operation for each role. Columns: a thing of the caller's own, one in the compound, one in the
# community outside of it, one in another community of the township, in another township of the county, in another
# county. Callers hold their role at the compound (committee member, property staff), at the county (department
# handler), at the region named, at the system, and otherwise at the community. Operations without a thing have one
# column. Changes are asked for with a version that is not the present one: 412 says that they would have been made.
# «-»: the caller has no such thing.
";

#[rstest]
#[actix_web::test]
async fn every_operation_answers_each_role_as_is_written(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let database = things::open(&server).await;
    let document = api::app::document("http://127.0.0.1:8080");
    let mut table: BTreeMap<String, BTreeMap<Line, Vec<&'static str>>> = BTreeMap::new();
    let mut members: BTreeMap<String, BTreeMap<String, Vec<&'static str>>> = BTreeMap::new();
    let things = Things::make(&database, &server, callers::ROLES.len()).await;
    let anybody = Caller::make(&database, &server, &things, &callers::ROLES[0]).await;
    for call in calls(&things, &anybody, callers::ROLES.len()) {
        for request in call.requests.iter().flatten() {
            let path = format!("/api/v1{}", request.path);
            let answer = server.send(call.method, &path, &[], request.body.as_ref()).await;
            assert_eq!((answer.status, answer.text("/code")), (401, "unauthenticated"), "{}", call.operation);
        }
    }
    for (number, role) in callers::ROLES.iter().enumerate() {
        let things = Things::make(&database, &server, number).await;
        let caller = Caller::make(&database, &server, &things, role).await;
        let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for call in calls(&things, &caller, number) {
            let mut line = Line::new();
            for request in &call.requests {
                let Some(request) = request else {
                    line.push("-".to_owned());
                    continue;
                };
                let answer = caller.send(&server, &call, request).await;
                assert!(answer.status < 500, "{} as {}: {:?}", call.operation, role.name, answer.body);
                line.push(answer.status.to_string());
                note_members(&mut seen, &call, &caller.own, &answer);
            }
            table.entry(call.operation.to_owned()).or_default().entry(line).or_default().push(role.name);
        }
        for (operation, names) in seen {
            let names = names.into_iter().collect::<Vec<_>>().join(" ");
            members.entry(operation).or_default().entry(names).or_default().push(role.name);
        }
    }
    let known: Vec<&str> = requests::operations(&document);
    let missing: Vec<&&str> = known.iter().filter(|name| !table.contains_key(**name)).collect();
    assert!(missing.is_empty(), "operations that nobody tried: {missing:?}");
    golden::hold("role-matrix.txt", &format!("{HEAD}{}", drawn(&table)));
    golden::hold("members-by-role.txt", &drawn_members(&members));
}

/// Which members a role sees of a kind of thing: all that any of its reads showed, of his own things and of others.
fn note_members(seen: &mut BTreeMap<String, BTreeSet<String>>, call: &Call, own: &Own, answer: &Answer) {
    if answer.status != 200 || call.method != "GET" {
        return;
    }
    let items = answer.body.get("items").and_then(Value::as_array);
    for row in items.map_or_else(|| vec![&answer.body], |items| items.iter().collect()) {
        let is_own = row["id"].as_str().is_some_and(|id| own.ids().any(|own| own.to_string() == id));
        let heading = format!("{}{}", call.operation, if is_own { ", own" } else { "" });
        let names = row.as_object().into_iter().flatten().map(|(name, _)| name.clone());
        seen.entry(heading).or_default().extend(names);
    }
}

fn drawn(table: &BTreeMap<String, BTreeMap<Line, Vec<&str>>>) -> String {
    let mut text = String::new();
    for (operation, lines) in table {
        writeln!(text, "\n{operation}").unwrap();
        for (line, roles) in lines {
            let cells: String = line.iter().map(|cell| format!("{cell:>4}")).collect();
            writeln!(text, "{cells}  {}", roles.join(" ")).unwrap();
        }
    }
    text
}

fn drawn_members(members: &BTreeMap<String, BTreeMap<String, Vec<&str>>>) -> String {
    let mut text =
        "# Members that each role is shown by each operation that reads, over all things that it sees; of its own apart.\n".to_owned();
    for (operation, lines) in members {
        writeln!(text, "\n{operation}").unwrap();
        for (names, roles) in lines {
            writeln!(text, "  {names}\n    {}", roles.join(" ")).unwrap();
        }
    }
    text
}
