//! The PostgreSQL server the tests run on.
//!
//! It is the one named by `LIANXIN_TEST_PG_URL`, or else a throw-away cluster: its own directory, a
//! unix socket and no port, so it meets no other server of the machine, and nothing of it is left
//! when the process that started it ends, however that ends.

use std::{
    env,
    fs::{self, DirBuilder},
    io::{ErrorKind, Read as _},
    os::unix::{
        fs::{DirBuilderExt as _, chown},
        process::CommandExt as _,
    },
    path::{self, Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use url::Url;
use uuid::Uuid;

use crate::debian::{self, is_root, say, search_path};

/// Names the server to use instead of a throw-away one: a URL whose user may create databases.
pub const URL_VARIABLE: &str = "LIANXIN_TEST_PG_URL";
/// Is `1` when the server named by [`URL_VARIABLE`] goes away after the run, with all its databases.
pub const THROWAWAY_VARIABLE: &str = "LIANXIN_TEST_PG_THROWAWAY";
/// Names a pooler before that server, through which the service reaches its databases: the URL of one of them.
pub const POOLER_VARIABLE: &str = "LIANXIN_TEST_PG_POOLER_URL";
/// Names the directory with the programs of the PostgreSQL to start.
pub const BIN_VARIABLE: &str = "LIANXIN_TEST_PG_BIN";

/// What a cluster is started with.
const PROGRAMS: [&str; 2] = ["initdb", "postgres"];
/// A unix socket's path has room for 103 bytes or a few more. Of these, 58 come after the base.
const LONGEST_BASE: usize = 45;
/// Kibibytes for a cluster, its log and the databases of the tests that run at one time.
const ROOM: u64 = 2 * 1024 * 1024;

/// Makes, starts, stops and removes the cluster. Its standard input is a pipe whose other end only
/// the starting process holds: when that process ends, by `kill -9` too, `cat` returns. It may end
/// before the server is ready, and then `echo` has nobody to write to.
/// Arguments: directory of the programs, directory of the cluster, settings.
const KEEPER: &str = r#"
trap '' PIPE
exec 2>&1
start() {
    "$1/initdb" -D data -U lianxin -A trust -E UTF8 --locale=C.UTF-8 --no-sync >log || return
    printf '%s\n' "$3" >>data/postgresql.conf
    "$1/postgres" -D data >>log 2>&1 &
    server=$!
    until grep -qs ^ready data/postmaster.pid; do
        kill -0 "$server" || return
        sleep 0.05
    done
}
cd "$2" || exit
if start "$@"; then echo ready; else cat log; fi
exec >/dev/null 2>&1
cat
kill -QUIT "$server"
wait
cd /
rm -rf "$2"
"#;

/// The server of this process.
pub struct Server {
    /// Where it is; a database the user may connect to is part of it.
    pub url: Url,
    /// Where it came from, for people.
    pub origin: String,
    /// Whether its databases go away with it, so that nobody need remove them.
    pub throwaway: bool,
    /// A way to it for the service, where that is another one than for us.
    pooler: Option<Url>,
    /// Keeps a server that this process started.
    _cluster: Option<Cluster>,
}

impl Server {
    /// The server named by the environment, or a new throw-away one, which lives as long as the value.
    pub fn find() -> Result<Self, String> {
        if let Ok(named) = env::var(URL_VARIABLE) {
            // the URL may hold a password: no message shows it
            let url = Url::parse(&named).map_err(|error| format!("{URL_VARIABLE}: {error}"))?;
            let pooler = env::var(POOLER_VARIABLE).ok().map(|url| Url::parse(&url)).transpose();
            return Ok(Self {
                url,
                pooler: pooler.map_err(|error| format!("{POOLER_VARIABLE}: {error}"))?,
                origin: format!("the server named by {URL_VARIABLE}"),
                throwaway: env::var(THROWAWAY_VARIABLE).is_ok_and(|value| value == "1"),
                _cluster: None,
            });
        }
        let programs = find_programs()?;
        let cluster = Cluster::start(&programs)?;
        Ok(Self {
            url: cluster.url()?,
            origin: format!("a throw-away server from {}", programs.display()),
            throwaway: true,
            pooler: None,
            _cluster: Some(cluster),
        })
    }

    /// The one server of this process, found at the first call.
    pub fn shared() -> Result<&'static Self, String> {
        // a static is never dropped; the end of the process stops a cluster all the same
        static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
        SERVER.get_or_init(Self::find).as_ref().map_err(String::clone)
    }

    /// The URL of another database on the same server.
    pub fn database(&self, name: &str) -> Url {
        at(&self.url, name)
    }

    /// The same for the service.
    pub fn served(&self, name: &str) -> Url {
        at(self.pooler.as_ref().unwrap_or(&self.url), name)
    }
}

fn at(url: &Url, database: &str) -> Url {
    let mut url = url.clone();
    url.set_path(database);
    url
}

/// A running PostgreSQL with nothing but its own directory. Dropping it stops the server.
struct Cluster {
    directory: String,
    keeper: Child,
}

impl Cluster {
    fn start(programs: &Path) -> Result<Self, String> {
        let user = server_user()?;
        let directory = make_directory(user)?;
        let keeper =
            keeper(programs, &directory, user).spawn().map_err(|error| format!("cannot run /bin/sh: {error}"))?;
        let mut cluster = Self { directory, keeper };
        let mut said = String::new();
        if let Some(stdout) = &mut cluster.keeper.stdout {
            // ends when the server is ready, and when it will never be
            stdout.read_to_string(&mut said).map_err(|error| format!("cannot read what PostgreSQL says: {error}"))?;
        }
        if said.lines().last() != Some("ready") {
            return Err(format!(
                "PostgreSQL from {} does not start in {}: {said}",
                programs.display(),
                cluster.directory,
            ));
        }
        Ok(cluster)
    }

    fn url(&self) -> Result<Url, String> {
        let url = format!("postgres://lianxin@localhost:5432/postgres?host={}", self.directory);
        Url::parse(&url).map_err(|error| format!("{url}: {error}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            say(&format!("cannot wait for PostgreSQL to stop: {error}"));
        }
        // the keeper may not remove it from a directory where only this user can write
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                say(&format!("cannot remove {}: {error}", self.directory));
            }
            _ => {}
        }
    }
}

/// The command that keeps a cluster in this directory, as this user.
fn keeper(programs: &Path, directory: &str, user: Option<(u32, u32)>) -> Command {
    let mut keeper = Command::new("/bin/sh");
    keeper
        .args(["-c", KEEPER, "sh"])
        .arg(programs)
        .args([directory, &settings(directory)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // an interrupt from the keyboard must not end the keeper before its work
        .process_group(0);
    if let Some((uid, gid)) = user {
        keeper.uid(uid).gid(gid);
    }
    keeper
}

/// Tests need no safety from power cuts, and no help from a vacuum they cannot foresee.
fn settings(directory: &str) -> String {
    [
        "listen_addresses = ''",
        "port = 5432",
        &format!("unix_socket_directories = '{directory}'"),
        "max_connections = 300",
        "max_wal_size = 128MB",
        "fsync = off",
        "full_page_writes = off",
        "synchronous_commit = off",
        "autovacuum = off",
        "timezone = 'UTC'",
    ]
    .join("\n")
}

/// A new directory that only the server's user can enter.
fn make_directory(user: Option<(u32, u32)>) -> Result<String, String> {
    let base = roomy_memory()
        .or_else(|| env::temp_dir().into_os_string().into_string().ok())
        .filter(|base| is_plain(base))
        .unwrap_or_else(|| "/tmp".to_owned());
    let directory = format!("{base}/lianxin-pg-{}", Uuid::new_v4().simple());
    let cannot = |error| format!("cannot make {directory}: {error}");
    DirBuilder::new().mode(0o700).create(&directory).map_err(cannot)?;
    if let Some((uid, gid)) = user {
        chown(&directory, Some(uid), Some(gid)).map_err(cannot)?;
    }
    Ok(directory)
}

/// Whether a path can stand in a setting and in a URL as it is, and leaves room for a socket's name.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.starts_with('/') && path.len() <= LONGEST_BASE && path.bytes().all(plain)
}

/// A file system in memory with room for a run, unless the user wants temporary files elsewhere.
/// Each database is three hundred files, and copying them is ten times as quick there as on a disk.
fn roomy_memory() -> Option<String> {
    let memory = "/dev/shm";
    if env::var_os("TMPDIR").is_some() {
        return None;
    }
    let output = Command::new("df").args(["-Pk", memory]).output().ok()?;
    let table = String::from_utf8(output.stdout).ok()?;
    (available(&table)? >= ROOM).then(|| memory.to_owned())
}

/// The kibibytes available, in the words of `df -Pk`.
fn available(table: &str) -> Option<u64> {
    table.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

/// The user and group to run the server as, when it cannot be the present user: PostgreSQL refuses root.
pub fn server_user() -> Result<Option<(u32, u32)>, String> {
    if !is_root()? {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| ids(&users, name))
        .map(Some)
        .ok_or_else(|| "PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody".to_owned())
}

/// The user and group number of a name in the text of `/etc/passwd`.
fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        Some((uid, fields.next()?.parse().ok()?))
    })
}

/// The directory with PostgreSQL's programs; where root can, it is installed if there is none.
pub fn find_programs() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os(BIN_VARIABLE) {
        // the keeper works in another directory
        let named = path::absolute(named).map_err(|error| format!("{BIN_VARIABLE}: {error}"))?;
        if has_programs(&named) {
            return Ok(named);
        }
        return Err(format!("{BIN_VARIABLE}: {} lacks one of {}", named.display(), PROGRAMS.join(", ")));
    }
    debian::find_or_install("PostgreSQL", installed_programs, install)?.ok_or_else(|| {
        format!(
            "there is no PostgreSQL server to test on: install one (on Debian: apt-get install postgresql), \
             or name its programs' directory in {BIN_VARIABLE} or a running server in {URL_VARIABLE}"
        )
    })
}

/// Debian keeps the server's programs out of `PATH`, one directory for each major version.
fn installed_programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, bin)| bin).chain(search_path()).find(|bin| has_programs(bin))
}

fn has_programs(directory: &Path) -> bool {
    PROGRAMS.iter().all(|program| directory.join(program).is_file())
}

/// Installs Debian's server without the cluster it would make and start by itself.
fn install() -> Result<(), String> {
    debian::install(&["postgresql-common"])?;
    debian::run("pg_conftool", &["/etc/postgresql-common/createcluster.conf", "set", "create_main_cluster", "off"])?;
    debian::install(&["postgresql"])
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, BufRead as _, BufReader, Write as _},
        thread,
        time::{Duration, Instant},
    };

    use super::*;

    /// Tells the test below that it is the process to be killed.
    const VICTIM_VARIABLE: &str = "LIANXIN_TEST_VICTIM";

    /// Where somebody's own server is named, the machine need not have the programs of another.
    fn programs() -> Option<PathBuf> {
        let theirs = env::var_os(URL_VARIABLE).is_some() && env::var_os(THROWAWAY_VARIABLE).is_none();
        if theirs { None } else { Some(find_programs().unwrap()) }
    }

    #[test]
    fn a_cluster_goes_when_dropped() {
        let Some(programs) = programs() else { return };
        let cluster = Cluster::start(&programs).unwrap();
        let directory = cluster.directory.clone();
        assert!(Path::new(&directory).exists());
        drop(cluster);
        assert!(!Path::new(&directory).exists());
    }

    #[test]
    fn a_cluster_goes_although_nobody_waits_for_it() {
        let Some(programs) = programs() else { return };
        let user = server_user().unwrap();
        let directory = make_directory(user).unwrap();
        let mut keeper = keeper(&programs, &directory, user).spawn().unwrap();
        drop((keeper.stdin.take(), keeper.stdout.take()));
        keeper.wait().unwrap();
        assert!(!Path::new(&directory).exists());
    }

    #[test]
    fn a_cluster_goes_when_its_process_is_killed() {
        if env::var_os(VICTIM_VARIABLE).is_some() {
            let cluster = Cluster::start(&find_programs().unwrap()).unwrap();
            writeln!(io::stdout(), "\ndirectory={}", cluster.directory).unwrap();
            thread::sleep(Duration::from_secs(60));
            return;
        }
        let Some(_) = programs() else { return };
        let name = "postgres::tests::a_cluster_goes_when_its_process_is_killed";
        let mut victim = Command::new(env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(VICTIM_VARIABLE, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let directory = BufReader::new(victim.stdout.take().unwrap())
            .lines()
            .find_map(|line| line.unwrap().strip_prefix("directory=").map(PathBuf::from))
            .unwrap();
        let server: i32 =
            fs::read_to_string(directory.join("data/postmaster.pid")).unwrap().lines().next().unwrap().parse().unwrap();
        victim.kill().unwrap();
        victim.wait().unwrap();
        let killed = Instant::now();
        while directory.exists() {
            assert!(killed.elapsed() < Duration::from_secs(20), "{} is still there", directory.display());
            thread::sleep(Duration::from_millis(20));
        }
        let alive = Command::new("kill").args(["-0", &server.to_string()]).output().unwrap();
        assert!(!alive.status.success(), "the server still runs");
    }

    #[test]
    fn a_server_that_cannot_start_says_why() {
        let error = Cluster::start(Path::new("/nowhere")).err().unwrap();
        assert!(error.contains("/nowhere/initdb"), "{error}");
    }

    #[test]
    fn only_plain_paths_hold_a_socket() {
        assert!(is_plain("/var/tmp"));
        for path in ["tmp", "/a b", "/it's", "/a?b", "/a%20b", &format!("/{}", "x".repeat(45))] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn room_is_read() {
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 65536 1 65535 1% /dev/shm\n";
        assert_eq!(available(table), Some(65535));
        assert_eq!(available(""), None);
    }

    #[test]
    fn users_are_read() {
        let users = "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65533:nobody:/:/usr/sbin/nologin\n";
        assert_eq!(ids(users, "nobody"), Some((65534, 65533)));
        assert_eq!(ids(users, "postgres"), None);
    }
}
