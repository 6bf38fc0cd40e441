//! The house stands as docs/ARCHITECTURE.md draws it: who builds upon whom, and what no source may hold.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use toml::Table;

/// Each floor with the floors below it that it may name.
const ARROWS: [(&str, &[&str]); 5] = [
    ("crates/domain", &[]),
    ("migrations", &[]),
    ("crates/persistence", &["domain", "migrations"]),
    ("crates/api", &["domain", "persistence"]),
    ("tests", &["api", "domain", "migrations", "persistence"]),
];
/// All that `domain` may be made of: values, and no way to the world.
const DOMAIN: [&str; 8] =
    ["chrono", "geo", "geo-types", "rust_decimal", "serde", "thiserror", "unicode-normalization", "uuid"];
/// Sources in which no other name for a crate may stand than the floor's own.
const FOREIGN: [(&str, &[&str]); 4] = [
    ("crates/api", &["sea_orm", "sea-orm", "sqlx"]),
    ("crates/persistence", &["actix", "utoipa"]),
    ("migrations", &["actix", "utoipa"]),
    ("crates/domain", &["actix", "utoipa", "sea_orm", "sea-orm", "tokio", "async fn"]),
];
/// What is left behind by unfinished work, or silences a check.
const UNFINISHED: [&str; 9] =
    ["todo!", "unimplemented!", "dbg!", "#[allow", "#![allow", "TODO", "FIXME", "XXX", "#[ignore"];
/// The longest source may have as many lines. It may only shrink: whoever makes room lowers it.
const LONGEST: usize = 850;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(folder: &str) -> Table {
    let path = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The crates that a manifest names in a table of dependencies.
fn named(manifest: &Table, table: &str) -> BTreeSet<String> {
    manifest.get(table).and_then(|table| table.as_table()).into_iter().flat_map(Table::keys).cloned().collect()
}

/// The sources below a folder, each with its place in the project.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let place = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((place, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The lines below a folder that hold one of these words.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let holds = |line: &&str| words.iter().any(|word| line.contains(word));
    sources(folder)
        .iter()
        .flat_map(|(place, text)| text.lines().filter(holds).map(move |line| format!("{place}: {}", line.trim())))
        .collect()
}

#[test]
fn each_floor_names_only_those_below_it() {
    let floors: BTreeSet<&str> = ARROWS.iter().map(|(folder, _)| folder.rsplit('/').next().unwrap()).collect();
    for (folder, below) in ARROWS {
        let manifest = manifest(folder);
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let others = named(&manifest, table);
            let above: Vec<_> = others
                .iter()
                .filter(|name| floors.contains(name.as_str()) && !below.contains(&name.as_str()))
                .collect();
            assert!(above.is_empty(), "{folder}: {table} name {above:?}");
        }
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{folder}: not the lints of the workspace");
    }
}

#[test]
fn each_member_of_the_workspace_is_a_floor() {
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().unwrap().iter().map(|member| member.as_str().unwrap());
    assert_eq!(members.collect::<BTreeSet<_>>(), ARROWS.iter().map(|(folder, _)| *folder).collect());
}

#[test]
fn the_domain_is_pure() {
    let more: Vec<_> = named(&manifest("crates/domain"), "dependencies").into_iter().collect();
    let more: Vec<_> = more.iter().filter(|name| !DOMAIN.contains(&name.as_str())).collect();
    assert!(more.is_empty(), "domain is made of {more:?} too");
    let workspace = manifest(".");
    let chrono = &workspace["workspace"]["dependencies"]["chrono"];
    assert_eq!(chrono["default-features"].as_bool(), Some(false));
    assert!(!chrono["features"].to_string().contains("clock"), "chrono has a clock");
}

#[test]
fn no_floor_speaks_of_what_is_none_of_its_business() {
    for (folder, words) in FOREIGN {
        let crates = named(&manifest(folder), "dependencies");
        let foreign: Vec<_> = crates.iter().filter(|name| words.iter().any(|word| name.starts_with(word))).collect();
        assert!(foreign.is_empty(), "{folder} depends on {foreign:?}");
        // a word within a text or comment, as the name of a log's target, makes no dependency
        let lines = lines_with(&format!("{folder}/src"), words);
        let code: Vec<_> = lines.iter().filter(|line| !line.contains("//") && !line.contains('"')).collect();
        assert!(code.is_empty(), "{code:#?}");
    }
}

#[test]
fn only_begin_write_begins() {
    let mut begins = lines_with("crates", &[".begin(", ".begin_with", ".transaction(", ".transaction_with", "\"BEGIN"]);
    begins.sort();
    let mut allowed = [
        // what a backup reads, in Database::begin_reading
        "crates/persistence/src/connect/mod.rs: DbBackend::Postgres => \"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY\",",
        "crates/persistence/src/connect/mod.rs: Ok(Transaction::new(pool.begin(sql).await?, pool.backend()))",
        "crates/persistence/src/connect/mod.rs: _ => \"BEGIN\",",
        // the steps of the schema, all in one
        "crates/persistence/src/connect/mod.rs: let transaction = connection.begin().await?;",
        // Database::begin_write, and what those share who only add something
        "crates/persistence/src/connect/mod.rs: Ok(Tx::new(self.begin().await?, self.note(stamp), span))",
        "crates/persistence/src/notes.rs: async move { database.begin().await }",
        "crates/persistence/src/notes.rs: let conn = database.begin().await?;",
        // both of them, on SQLite and on PostgreSQL
        "crates/persistence/src/connect/mod.rs: let mut lease = pool.begin(\"BEGIN IMMEDIATE\").await?;",
        "crates/persistence/src/connect/mod.rs: return pool.begin(\"BEGIN\").await;",
        // what all of these come to
        "crates/persistence/src/connect/pool.rs: let begun = lease.begin(sql).await;",
    ];
    allowed.sort_unstable();
    assert_eq!(begins, allowed);
}

#[test]
fn nothing_is_left_unfinished() {
    for folder in ["crates", "migrations/src"] {
        let lines = lines_with(folder, &UNFINISHED);
        assert!(lines.is_empty(), "{lines:#?}");
    }
}

#[test]
fn no_source_is_too_long() {
    for folder in ["crates", "migrations/src", "tests/src", "tests/it"] {
        let long = sources(folder).into_iter().map(|(place, text)| (text.lines().count(), place)).max();
        assert!(long.as_ref().is_some_and(|(lines, _)| *lines <= LONGEST), "{long:?}");
    }
}
