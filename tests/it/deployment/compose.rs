//! What `docker-compose.yml` tells its services to do, done without Docker: with its environment, its settings of
//! PostgreSQL and its healthchecks. Paths, ports and the address of the proxy are the test's.

use std::{
    fs,
    net::SocketAddr,
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use harness::{
    daemon::Daemon,
    postgres::{find_programs, server_user},
    program::{Process, Program, Scratch, free_address},
    sql::Sql,
};
use serde_json::json;

use super::{file, replaced};
use crate::LIANXIN;

const PASSWORD: &str = "8Jb2vQx0cEs3Wm5TnR7y";
/// How long PostgreSQL may take.
const READY: Duration = Duration::from_secs(20);

/// The lines that stand deeper than a key, as if they began with it.
fn below(text: &str, key: &str) -> String {
    let key = format!("{key}:");
    let inner = text.lines().skip_while(|line| *line != key).skip(1);
    let inner = inner.take_while(|line| line.is_empty() || line.starts_with("  "));
    inner.filter_map(|line| line.get(2..)).flat_map(|line| [line, "\n"]).collect()
}

/// A part of a service.
fn part(service: &str, key: &str) -> String {
    let part = below(&below(&below(&file("docker-compose.yml"), "services"), service), key);
    assert!(!part.is_empty(), "{service} has no {key}");
    part
}

/// The environment of a service, by name and value.
fn environment(service: &str) -> Vec<(String, String)> {
    let part = part(service, "environment");
    let pairs = part.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect()
}

/// The command that tells how a service is.
fn healthcheck(service: &str) -> Vec<String> {
    let part = part(service, "healthcheck");
    let list = match part.lines().find_map(|line| line.strip_prefix("test: ")) {
        Some(list) => serde_json::from_str(list).unwrap(),
        None => below(&part, "test").lines().filter_map(|line| line.strip_prefix("- ")).map(str::to_owned).collect(),
    };
    let list: Vec<String> = list;
    assert_eq!(list[0], "CMD");
    list[1..].to_vec()
}

fn is_well(command: &[String], path: &Path) -> bool {
    let mut check = Command::new(&command[0]);
    let path = format!("{}:/usr/bin:/bin", path.display());
    check.args(&command[1..]).env("PATH", path).output().unwrap().status.success()
}

/// PostgreSQL as its image is told to set it up.
struct Db {
    _daemon: Daemon,
    programs: PathBuf,
    port: u16,
    directory: Scratch,
}

impl Db {
    async fn start() -> Self {
        let (programs, user, directory) = (find_programs().unwrap(), server_user().unwrap(), Scratch::default());
        let path = directory.path();
        fs::write(path.join("password"), PASSWORD).unwrap();
        if let Some((uid, gid)) = user {
            chown(path, Some(uid), Some(gid)).unwrap();
            chown(path.join("password"), Some(uid), Some(gid)).unwrap();
        }
        let told = environment("db");
        let told = |name: &str| told.iter().find(|(known, _)| known == name).unwrap().1.clone();
        let mut initdb = Command::new(programs.join("initdb"));
        initdb.args(["-D", "data", "--no-sync", "--pwfile=password", "--username", &told("POSTGRES_USER")]);
        initdb.args(told("POSTGRES_INITDB_ARGS").split(' ')).current_dir(path);
        if let Some((uid, gid)) = user {
            initdb.uid(uid).gid(gid);
        }
        let made = initdb.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // so does the image
        let rules = path.join("data/pg_hba.conf");
        let all = fs::read_to_string(&rules).unwrap() + "\nhost all all all scram-sha-256\n";
        fs::write(&rules, all).unwrap();
        let port = free_address().port();
        let (server, data, socket) = (programs.join("postgres"), path.join("data"), path.display().to_string());
        let number = port.to_string();
        let arguments = ["-k", &socket, "-p", &number, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-D"];
        let mut command = vec![server.display().to_string()];
        command.extend(arguments.map(str::to_owned).into_iter().chain([data.display().to_string()]));
        let daemon = Daemon::start(&command, "INT", user, &path.join("log")).unwrap();
        let db = Self { _daemon: daemon, programs, port, directory };
        let begun = Instant::now();
        while !db.is_up() {
            assert!(begun.elapsed() < READY, "{}", fs::read_to_string(db.directory.path().join("log")).unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let made = Sql::new(&db.url("postgres", PASSWORD)).attempt("CREATE DATABASE lianxin", []).await;
        assert_eq!(made.err(), None);
        db
    }

    /// What its healthcheck says.
    fn is_up(&self) -> bool {
        let port = ["-p".to_owned(), self.port.to_string()];
        is_well(&[&healthcheck("db")[..], &port].concat(), &self.programs)
    }

    /// The line of the settings file that the comment at the head gives.
    fn setting(&self) -> String {
        let compose = file("docker-compose.yml");
        let line =
            compose.lines().find_map(|line| line.strip_prefix('#')?.trim().strip_prefix("database_url = ")).unwrap();
        let here = format!("{}&port={}", self.directory.path().display(), self.port);
        let line = replaced(&replaced(line, "/var/run/postgresql", &here), "WORD", PASSWORD);
        format!("database_url = {line}\n")
    }

    fn url(&self, database: &str, password: &str) -> String {
        let (directory, port) = (self.directory.path().display(), self.port);
        format!("postgres:///{database}?host={directory}&port={port}&user=lianxin&password={password}")
    }
}

/// The service as its container is told to run, and the addresses of two replicas.
fn api(db: &Db) -> (Program, [SocketAddr; 2]) {
    let mut program = Program::bare(LIANXIN);
    for (name, value) in environment("api") {
        let value = match name.as_str() {
            "LIANXIN_CONFIG" | "LIANXIN_KEYS_FILE" => {
                program.file(value.rsplit('/').next().unwrap()).display().to_string()
            }
            "LIANXIN_METRICS_LISTEN" => "127.0.0.1:0".to_owned(),
            "LIANXIN_PUBLIC_URL" => value.split_once(":-").unwrap().1.trim_end_matches('}').to_owned(),
            _ => value,
        };
        program = program.setting(&name, &value);
    }
    fs::write(program.file("lianxin.toml"), db.setting()).unwrap();
    (program, [free_address(), free_address()])
}

/// Whether the healthcheck of a replica is content.
fn is_ready(address: SocketAddr) -> bool {
    let port = format!("127.0.0.1/{}", address.port());
    let check: Vec<String> = healthcheck("api").iter().map(|word| word.replace("127.0.0.1/8080", &port)).collect();
    is_well(&check, Path::new("/bin"))
}

async fn status(process: &Process, path: &str) -> u16 {
    process.client.probe(path).await.unwrap().status
}

#[actix_web::test]
async fn the_services_start_from_nothing_as_they_are_told() {
    let db = Db::start().await;
    let refused = sea_orm::Database::connect(db.url("lianxin", "guessed")).await.expect_err("anybody is let in");
    assert!(refused.to_string().contains("password authentication failed"), "{refused}");
    let (program, addresses) = api(&db);
    let no_keys = program.run(&["serve"]);
    assert!(String::from_utf8_lossy(&no_keys.stderr).contains("lianxin admin keys init"), "{no_keys:?}");
    let made = program.run(&["admin", "keys", "init"]);
    assert!(made.status.success(), "{made:?}");

    assert!(!is_ready(addresses[0]), "there is nobody yet");
    let mut replicas = addresses.map(|address| program.start_at(address, &[]));
    for replica in &mut replicas {
        assert!(replica.becomes_ready().await, "{}", replica.said());
    }
    assert!(addresses.into_iter().all(is_ready));
    let code = program.run(&["admin", "first-administrator"]);
    assert!(code.status.success(), "{code:?}");
    let body = json!({
        "code": String::from_utf8(code.stdout).unwrap().trim(), "username": "ops", "password": "drei-blaue-Kraniche",
        "display_name": "运维",
    });
    let first = replicas[1].client.send("POST", "/api/v1/auth/first-administrator", &[], Some(&body)).await;
    assert_eq!(first.status, 204, "{:?}", first.body);
    let tokens = replicas[0].client.log_in("ops", "drei-blaue-Kraniche").await;
    assert_eq!(tokens.status, 200, "{:?}", tokens.body);

    drop(db);
    for (replica, address) in replicas.iter().zip(addresses) {
        assert_eq!((status(replica, "/livez").await, status(replica, "/readyz").await), (200, 503));
        assert!(!is_ready(address), "its healthcheck must notice that it is not ready");
    }
}

/// Whoever adds a service says how it is found to be well, that it comes back, and what it may not do.
#[test]
fn each_service_is_watched_and_comes_back() {
    let services = below(&file("docker-compose.yml"), "services");
    let names: Vec<&str> = services
        .lines()
        .filter(|line| !line.starts_with([' ', '#']))
        .filter_map(|line| line.strip_suffix(':'))
        .collect();
    assert_eq!(names, ["db", "api", "proxy", "storage"]);
    for name in names {
        let service = below(&services, name);
        assert!(!healthcheck(name).is_empty());
        for line in ["restart: unless-stopped", "security_opt: [\"no-new-privileges:true\"]"] {
            assert!(service.lines().any(|own| own == line), "{name}: {line}");
        }
        // the proxy alone can be reached from outside
        assert_eq!(service.contains("\nports:"), name == "proxy", "{name}");
        assert_eq!(service.contains("outside]"), name == "proxy", "{name}");
    }
}
