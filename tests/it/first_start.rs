//! A system that nobody has used yet, and settings that production does not take.

use std::{fs, os::unix::fs::PermissionsExt as _};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{
    client::Client,
    database::{
        Backend::{self, Postgres, Sqlite},
        TestDatabase,
    },
    program::Program,
    server::{Server, Setup},
    sql::Sql,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::LIANXIN;

async fn first_administrator(client: &Client, code: &str) -> u16 {
    let body = json!({"code": code, "username": "ops", "password": "drei-blaue-Kraniche", "display_name": "运维"});
    client.send("POST", "/api/v1/auth/first-administrator", &[], Some(&body)).await.status
}

#[rstest]
#[actix_web::test]
async fn the_first_administrator_comes_from_the_command_line(#[values(Sqlite, Postgres)] backend: Backend) {
    let database = TestDatabase::bare(backend).await;
    let program = Program::new(LIANXIN, &database.url);
    let process = program.serve(&[]).await;
    let rows = Sql::new(&database.url);
    assert_eq!(rows.count("users", []).await, 0);
    for name in ["admin", "root", "lianxin"] {
        assert_eq!(process.client.log_in(name, "lianxin-demo").await.status, 401, "{name}");
    }
    assert_eq!(first_administrator(&process.client, "guessed").await, 401);

    let printed = program.run(&["admin", "first-administrator"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let code = String::from_utf8(printed.stdout).unwrap().trim().to_owned();
    assert!(code.len() >= 43, "{code} is less than 32 random bytes");
    assert_eq!(rows.count("users", []).await, 0);
    assert_eq!(first_administrator(&process.client, &code).await, 204);
    assert_eq!(first_administrator(&process.client, &code).await, 401);
    let tokens = process.client.log_in("ops", "drei-blaue-Kraniche").await;
    let me = process.client.user(tokens.text("/access_token")).get("/me").await;
    assert_eq!(me.text("/grants/0/role"), "system_administrator", "{:?}", me.body);

    let late = program.run(&["admin", "first-administrator"]);
    assert!(!late.status.success());
    assert_eq!(rows.count("users", []).await, 1);
}

/// Keeps a code as the command line does.
async fn keep_code(server: &Server, code: &str) {
    let hash = digest(&SHA256, code.as_bytes()).as_ref().to_vec();
    let insert = "INSERT INTO one_time_codes (code_hash, purpose, expires_at) VALUES ($1, 'first-administrator', $2)";
    server.sql.run(insert, [hash.into(), (server.now() + TimeDelta::hours(1)).into()]).await;
}

#[rstest]
#[actix_web::test]
async fn the_code_lapses_after_an_hour(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Setup::default().empty().start(backend).await;
    keep_code(&server, "early").await;
    server.advance(TimeDelta::hours(1));
    assert_eq!(first_administrator(&server, "early").await, 401);
    keep_code(&server, "late").await;
    server.advance(TimeDelta::minutes(59));
    assert_eq!(first_administrator(&server, "late").await, 204);
}

#[rstest]
#[actix_web::test]
async fn one_code_makes_one_administrator(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Setup::default().empty().start(backend).await;
    let replica = server.replica();
    keep_code(&server, "one").await;
    let tried = |n: usize| {
        let client: &Client = if n.is_multiple_of(2) { &server } else { &replica };
        let body = json!({
            "code": "one", "username": format!("ops{n}"), "password": "drei-blaue-Kraniche", "display_name": "运维",
        });
        async move { client.send("POST", "/api/v1/auth/first-administrator", &[], Some(&body)).await.status }
    };
    let all = join_all((0..8).map(tried));
    // each has seen a system without users before one of them uses the code
    let codes = "SELECT 1 FROM one_time_codes FOR UPDATE";
    let mut statuses = if backend == Postgres { server.sql.meeting(codes, 8, all).await } else { all.await };
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401, 401, 401, 401, 401, 401, 401]);
    assert_eq!(server.sql.count("users", []).await, 1);
}

/// Runs the program with production settings and one that is wrong: it must name that one, and show no secret.
#[rstest]
#[case::no_tls("LIANXIN_DATABASE_URL", "postgres://u:Zx81pQ@db.example/lianxin", "sslmode=verify-full")]
#[case::elsewhere(
    "LIANXIN_DATABASE_URL",
    "postgres:///x?host=db.example&user=u&password=Zx81pQ",
    "sslmode=verify-full"
)]
#[case::unchecked("LIANXIN_DATABASE_URL", "postgres://u:Zx81pQ@db.example/x?sslmode=require", "sslmode=verify-full")]
#[case::example("LIANXIN_DATABASE_URL", "postgres://u:changeme@localhost/lianxin", "everybody knows")]
#[case::any_origin("LIANXIN_CORS_ORIGINS", "*", "is not an origin")]
#[case::any_origin_too("LIANXIN_CORS_ORIGINS", "https://a.example, *", "is not an origin")]
#[case::null_origin("LIANXIN_CORS_ORIGINS", "null", "is not an origin")]
#[case::no_keys("LIANXIN_KEYS_FILE", "missing.keys", "does not exist")]
#[case::short_key("LIANXIN_KEYS_FILE", "short.keys", "is not of 32 bytes")]
#[case::broken_keys("LIANXIN_KEYS_FILE", "broken.keys", "is not a file of keys")]
#[case::unknown("LIANXIN_KEYS", "x", "no such setting")]
#[actix_web::test]
async fn production_refuses(#[case] name: &str, #[case] value: &str, #[case] why: &str) {
    let database = TestDatabase::new(Sqlite).await;
    let program = Program::new(LIANXIN, &database.url).setting("LIANXIN_PROFILE", "production");
    let sound = program.run(&["migrate"]);
    assert!(sound.status.success(), "{}", String::from_utf8_lossy(&sound.stderr));

    let text = fs::read_to_string(program.file("lianxin.keys")).unwrap();
    let mut keys: Value = serde_json::from_str(&text).unwrap();
    keys["sensitive"][0]["key"] = json!("Zx81pQZx81pQZx81pQZx81pQZx81pQZx81pQZx81pQ");
    fs::write(program.file("short.keys"), keys.to_string()).unwrap();
    fs::write(program.file("broken.keys"), "Zx81pQ").unwrap();
    let program = program.setting(name, value);
    for command in [&["serve"][..], &["migrate"]] {
        let refused = program.run(command);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("{name}:")) && said.contains(why), "{said}");
        assert!(!said.contains("Zx81pQ"), "{said}");
    }
}

/// Production makes no keys by itself: with a wrong path it would begin anew, and could not read what is there.
#[actix_web::test]
async fn the_keys_are_made_by_a_command() {
    let database = TestDatabase::bare(Sqlite).await;
    let program = Program::new(LIANXIN, &database.url).setting("LIANXIN_PROFILE", "production");
    let program = program.setting("LIANXIN_KEYS_FILE", "new.keys");
    assert_eq!(program.run(&["migrate"]).status.code(), Some(1));
    assert!(!program.file("new.keys").exists());

    let made = program.run(&["admin", "keys", "init"]);
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success() && said.starts_with("Made new.keys."), "{said}{:?}", made.stderr);
    let text = fs::read_to_string(program.file("new.keys")).unwrap();
    assert_eq!(fs::metadata(program.file("new.keys")).unwrap().permissions().mode() & 0o777, 0o600);
    let keys: Value = serde_json::from_str(&text).unwrap();
    assert!(!said.contains(keys["index"]["key"].as_str().unwrap()), "{said}");
    // the database was left alone
    assert_eq!(fs::metadata(database.url.trim_start_matches("sqlite://")).unwrap().len(), 0);

    let again = program.run(&["admin", "keys", "init"]);
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && said.contains("LIANXIN_KEYS_FILE: new.keys: File exists"), "{said}");
    assert_eq!(fs::read_to_string(program.file("new.keys")).unwrap(), text);
    assert!(program.run(&["migrate"]).status.success());
}

#[actix_web::test]
async fn production_has_no_demonstration_data() {
    let database = TestDatabase::new(Sqlite).await;
    let program = Program::new(LIANXIN, &database.url).setting("LIANXIN_PROFILE", "production");
    for command in [&["serve", "--demo"][..], &["demo"]] {
        let refused = program.run(command);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("LIANXIN_PROFILE:"));
    }
    assert_eq!(Sql::new(&database.url).count("users", []).await, 0);
}
