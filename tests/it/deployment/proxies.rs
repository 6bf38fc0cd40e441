//! Two replicas behind a proxy, set up by the files in `deploy`. Instead of the name `api`, which Docker resolves, the
//! test writes the addresses of the replicas; instead of `/tmp`, a directory of its own.

use std::{cell::Cell, fs, net::SocketAddr, path::PathBuf, time::Duration};

use futures_util::future::{join, join_all};
use harness::{
    chance::rounds,
    client::Client,
    daemon::Daemon,
    database::{Backend::Postgres, TestDatabase},
    debian,
    program::{Process, Program, Scratch, free_address},
    sql::Sql,
};
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{file, replaced};
use crate::LIANXIN;

const CLIENTS: usize = 4;
/// How often a client sends a request again, and how long it waits in between.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
enum Kind {
    Nginx,
    Haproxy,
}

/// A program of this name, which may be where only administrators look.
fn installed(name: &'static str) -> PathBuf {
    let folders = || debian::search_path().into_iter().chain([PathBuf::from("/usr/sbin")]);
    let find = || folders().map(|folder| folder.join(name)).find(|file| file.is_file());
    let found = debian::find_or_install(name, find, || debian::install(&[name])).unwrap();
    found.unwrap_or_else(|| panic!("there is no {name}: install it (on Debian: apt-get install {name})"))
}

/// Its file for these replicas.
fn configuration(kind: Kind, address: SocketAddr, replicas: [SocketAddr; 2], directory: &str) -> String {
    match kind {
        Kind::Nginx => {
            let text = replaced(&file("deploy/nginx.conf"), "    resolver 127.0.0.11 valid=5s ipv6=off;\n", "");
            let servers = replicas.map(|replica| format!("server {replica} max_fails=1 fail_timeout=1s;"));
            let text = replaced(&text, "server api:8080 resolve max_fails=1 fail_timeout=1s;", &servers.join("\n"));
            let text = replaced(&text, "listen 8080;", &format!("listen {address};"));
            replaced(&text, " /tmp/", &format!(" {directory}/"))
        }
        Kind::Haproxy => {
            let text = replaced(&file("deploy/haproxy.cfg"), "bind :8080", &format!("bind {address}"));
            let [one, other] = replicas;
            let servers = format!("server one {one}\n    server other {other}");
            replaced(&text, "server-template replica 4 api:8080 resolvers names init-addr none", &servers)
        }
    }
}

/// The replicas and the proxy.
struct Stand {
    program: Program,
    replicas: Vec<(SocketAddr, Process)>,
    /// The way through the proxy.
    client: Client,
    sql: Sql,
    _proxy: Daemon,
    _directory: Scratch,
    _database: TestDatabase,
}

async fn stand(kind: Kind) -> Stand {
    let (database, directory, address) = (TestDatabase::new(Postgres).await, Scratch::default(), free_address());
    let program = Program::new(LIANXIN, &database.url)
        .setting("LIANXIN_TRUSTED_PROXIES", "127.0.0.1")
        .setting("LIANXIN_PUBLIC_URL", &format!("http://{address}"))
        .setting("LIANXIN_LOG", "error")
        .unlimited();
    let filled = program.run(&["demo"]);
    assert!(filled.status.success(), "{filled:?}");
    let addresses = [free_address(), free_address()];
    let mut replicas = Vec::new();
    for address in addresses {
        let mut replica = program.start_at(address, &[]);
        assert!(replica.becomes_ready().await, "{}", replica.said());
        replicas.push((address, replica));
    }
    let path = directory.path().display().to_string();
    let settings = directory.path().join("settings");
    fs::write(&settings, configuration(kind, address, addresses, &path)).unwrap();
    let settings = settings.display().to_string();
    let command = match kind {
        Kind::Nginx => vec!["-p", &path, "-e", "/dev/stderr", "-g", "daemon off;", "-c", &settings],
        Kind::Haproxy => vec!["-db", "-f", &settings],
    };
    let name = match kind {
        Kind::Nginx => "nginx",
        Kind::Haproxy => "haproxy",
    };
    let command: Vec<_> = [installed(name)].into_iter().chain(command.into_iter().map(PathBuf::from)).collect();
    let log = directory.path().join("log");
    let proxy = Daemon::start(&command, "TERM", None, &log).unwrap();
    let client = Client::new(format!("http://{address}"));
    let mut tries = 0;
    while !client.probe("/readyz").await.is_ok_and(|answer| answer.status == 200) {
        tries += 1;
        assert!(tries < 200, "{name} does not serve: {}", fs::read_to_string(&log).unwrap());
        sleep(Duration::from_millis(50)).await;
    }
    let sql = Sql::new(&database.url);
    Stand { program, replicas, client, sql, _proxy: proxy, _directory: directory, _database: database }
}

/// Somebody who sends a request until it is answered, with a body under its key. A proxy has answers of its own, which no document describes.
struct Caller<'a> {
    http: &'a reqwest::Client,
    url: &'a str,
    token: &'a str,
    again: &'a Cell<u32>,
}

impl Caller<'_> {
    async fn call(&self, method: Method, path: &str, body: Option<(&str, &Value)>, expected: u16) -> Value {
        for _ in 0..TRIES {
            let mut request = self.http.request(method.clone(), format!("{}/api/v1{path}", self.url));
            request = request.bearer_auth(self.token);
            if let Some((key, body)) = body {
                request = request.header("idempotency-key", key).json(body);
            }
            match request.send().await {
                Ok(answer) if answer.status().as_u16() == expected => {
                    // the connection may end in the midst of an answer
                    if let Ok(body) = answer.json().await {
                        return body;
                    }
                }
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    assert!([502, 503, 504].contains(&status), "{path}: {status} {:?}", answer.text().await);
                }
                Err(error) => assert!(error.is_request() || error.is_body(), "{path}: {error:?}"),
            }
            self.again.set(self.again.get() + 1);
            sleep(PAUSE).await;
        }
        panic!("{path}: no answer after {TRIES} tries");
    }
}

/// A hundred rounds: `just kill-replicas`.
#[rstest]
#[case::nginx(Kind::Nginx)]
#[case::haproxy(Kind::Haproxy)]
#[actix_web::test]
async fn who_tries_again_does_not_miss_a_killed_replica(#[case] kind: Kind) {
    let Stand { program, mut replicas, client, sql, _proxy, _directory, _database } = stand(kind).await;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
    let resident = client.sign_in("resident").await;
    let compound = resident.compound("福园小区").await;
    let (done, again) = (Cell::new(false), Cell::new(0));
    let caller = Caller { http: &http, url: &client.url, token: resident.token(), again: &again };
    let place_on = async |number: usize| {
        let mut placed = 0;
        while !done.get() {
            let key = format!("proxy-{number}-{placed}");
            let order = json!({"kind": "tap", "description": key, "compound_id": compound});
            let made = caller.call(Method::POST, "/service-orders", Some((&key, &order)), 201).await;
            let path = format!("/service-orders/{}", made["id"].as_str().unwrap());
            assert_eq!(caller.call(Method::GET, &path, None, 200).await["description"], key);
            placed += 1;
        }
        placed
    };
    let kill = async {
        for round in 0..rounds("LIANXIN_TEST_KILLED_REPLICAS", 4) {
            sleep(Duration::from_millis(400)).await;
            let (address, replica) = &mut replicas[usize::try_from(round % 2).unwrap()];
            replica.signal("KILL");
            replica.ends_within(Duration::from_secs(10)).await;
            sleep(Duration::from_millis(200)).await;
            *replica = program.start_at(*address, &[]);
            assert!(replica.becomes_ready().await, "{}", replica.said());
        }
        done.set(true);
    };
    let (placed, ()) = join(join_all((0..CLIENTS).map(place_on)), kill).await;
    assert!(placed.iter().all(|placed| *placed > 0), "{placed:?}");
    let there = sql.count("service_orders WHERE description LIKE 'proxy-%'", []).await;
    assert_eq!(there, i64::try_from(placed.iter().sum::<usize>()).unwrap(), "{} requests were sent again", again.get());
}

#[rstest]
#[case::nginx(Kind::Nginx)]
#[case::haproxy(Kind::Haproxy)]
#[actix_web::test]
async fn the_proxy_is_believed_and_its_clients_are_not(#[case] kind: Kind) {
    let stand = stand(kind).await;
    let direct = format!("http://{}", stand.replicas[0].0);
    let from = async |host: &str, url: &str| {
        let http = reqwest::Client::builder().no_proxy().local_address(host.parse::<std::net::IpAddr>().unwrap());
        let guess = json!({"username": format!("from-{host}"), "password": "guess"});
        let request = http.build().unwrap().post(format!("{url}/api/v1/auth/login")).json(&guess);
        assert_eq!(request.header("x-forwarded-for", "203.0.113.9").send().await.unwrap().status(), 401);
        let last =
            "SELECT address FROM events WHERE kind = 'auth.login_failed' ORDER BY occurred_at DESC, id DESC LIMIT 1";
        stand.sql.one::<String>(last, []).await
    };
    assert_eq!(from("127.0.0.2", &stand.client.url).await, "127.0.0.2");
    assert_eq!(from("127.0.0.2", &direct).await, "127.0.0.2");
    // whoever has the address of the proxy is taken for it
    assert_eq!(from("127.0.0.1", &direct).await, "203.0.113.9");
}

/// Both have the same keys, and neither keeps anything that the other would need.
#[actix_web::test]
async fn tokens_and_cursors_of_one_replica_are_good_at_the_other() {
    let stand = stand(Kind::Nginx).await;
    let [one, other] = [0, 1].map(|number: usize| &stand.replicas[number].1.client);
    let worker = one.sign_in("worker").await;
    let mut seen = Vec::new();
    let mut next = Some("/service-orders?limit=2&sort=-created_at".to_owned());
    while let Some(path) = next {
        let at = if seen.len().is_multiple_of(4) { one } else { other };
        let page = worker.at(at).get(&path).await;
        assert_eq!(page.status, 200, "{path}: {:?}", page.body);
        seen.extend(page.body["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()));
        next = page.body["page"]["next"].as_str().map(|next| next.split_once("/api/v1").unwrap().1.to_owned());
    }
    let in_order = seen.clone();
    seen.sort();
    seen.dedup();
    assert!(in_order.len() > 4 && seen.len() == in_order.len(), "{in_order:?}");
}
