//! Sees the suite fail where a guard is off (positive controls):
//!
//! ```text
//! cargo run --bin controls
//! ```
//!
//! In a copy of the workspace each guard of [`GUARDS`] gets a switch, so that the product itself needs none. With all
//! guards on the tests named there pass; with one off, each that holds it must fail. A guard whose code has changed
//! is not found any more, which is an error too.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use harness::{debian::say, nested::forget_cargo};
use serde_json::Value;

mod guards;

use guards::{GUARDS, Guard};

/// The variable that names the guard that is off.
const SWITCH: &str = "LIANXIN_TEST_GUARD_OFF";
/// What is copied of the workspace.
const COPIED: [&str; 14] = [
    ".cargo",
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "clippy.toml",
    "rustfmt.toml",
    "deny.toml",
    "docker-compose.yml",
    "crates",
    "deploy",
    "docs",
    "migrations",
    "openapi",
    "tests",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace has no root")?;
    let copy = root.join("target/controls");
    let mut switched = Switched { from: root.to_owned(), to: copy.clone(), guards: Vec::new() };
    for name in COPIED {
        switched.take(Path::new(name))?;
    }
    if let Some(guard) = GUARDS.iter().find(|guard| !switched.guards.contains(&guard.name)) {
        return Err(format!("controls: {} has no {:?} any more: mend guards.rs", guard.file, guard.code));
    }
    let suite = Suite { directory: copy };
    suite.take_libraries(root)?;
    suite.build()?;

    let tests: Vec<&str> = GUARDS.iter().flat_map(|guard| guard.tests).copied().collect();
    let failed = suite.failed(&tests, None)?;
    if !failed.is_empty() {
        return Err(format!("controls: all guards are on, and these fail: {}", failed.join(", ")));
    }
    let mut unheld = Vec::new();
    for guard in GUARDS {
        let failed = suite.failed(guard.tests, Some(guard))?;
        let passed: Vec<&str> = guard.tests.iter().copied().filter(|test| !failed.contains(test)).collect();
        say(&format!("controls: without {}: {} of {} tests fail", guard.name, failed.len(), guard.tests.len()));
        if !passed.is_empty() {
            unheld.push(format!("without {} these pass: {}", guard.name, passed.join(", ")));
        }
    }
    if unheld.is_empty() { Ok(()) } else { Err(format!("controls: {}", unheld.join("; "))) }
}

/// A copy of the workspace in which guards have switches.
struct Switched {
    from: PathBuf,
    to: PathBuf,
    /// Names of those that were found.
    guards: Vec<&'static str>,
}

impl Switched {
    /// Copies a file or folder. What is there already stays as it is, so that it is not compiled once more; what is gone
    /// goes from the copy, too.
    fn take(&mut self, path: &Path) -> Result<(), String> {
        let said = |error: std::io::Error| format!("{}: {error}", path.display());
        let source = self.from.join(path);
        if source.is_dir() {
            for old in fs::read_dir(self.to.join(path)).into_iter().flatten().flatten() {
                if old.path().is_file() && !source.join(old.file_name()).exists() {
                    fs::remove_file(old.path()).map_err(said)?;
                }
            }
            for entry in fs::read_dir(&source).map_err(said)? {
                let name = entry.map_err(said)?.file_name();
                if name != "node_modules" {
                    self.take(&path.join(name))?;
                }
            }
            return Ok(());
        }
        let mut content = fs::read(&source).map_err(said)?;
        for guard in GUARDS.iter().filter(|guard| Path::new(guard.file) == path) {
            let text = String::from_utf8(content).map_err(|error| format!("{}: {error}", path.display()))?;
            let is_there = text.matches(guard.code).count() == 1;
            content = if is_there {
                self.guards.push(guard.name);
                text.replace(guard.code, &guard.switched()).into_bytes()
            } else {
                text.into_bytes()
            };
        }
        let target = self.to.join(path);
        let folder = target.parent().unwrap_or(&self.to);
        fs::create_dir_all(folder).map_err(said)?;
        if fs::read(&target).is_ok_and(|old| old == content) {
            return Ok(());
        }
        fs::write(&target, content).map_err(said)
    }
}

/// Gives a file a second name, or all files of a folder.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return fs::hard_link(from, to);
    }
    fs::create_dir_all(to)?;
    fs::read_dir(from)?.try_for_each(|entry| entry.and_then(|entry| link(&entry.path(), &to.join(entry.file_name()))))
}

impl Guard {
    /// Its code with a switch.
    fn switched(&self) -> String {
        let off = format!("std::env::var(\"{SWITCH}\").is_ok_and(|guard| guard == \"{}\")", self.name);
        self.with_switch.replace("{off}", &off)
    }
}

/// The tests of the copy.
struct Suite {
    directory: PathBuf,
}

impl Suite {
    fn cargo(&self) -> Command {
        let mut command = Command::new("cargo");
        // all crates are named, so that the libraries have the features that they were compiled with
        command.args(["test", "--locked", "--workspace", "--test", "it"]);
        forget_cargo(&mut command).current_dir(&self.directory).env_remove(SWITCH);
        // a place of its own: in one place, cargo would take the copy for the product
        command.env("CARGO_TARGET_DIR", self.directory.join("target")).env("CARGO_PROFILE_DEV_DEBUG", "none");
        command
    }

    /// Takes what is compiled of the libraries from the product, where it is: cargo knows it again, and compiles only the
    /// crates of the copy. What it does not find is compiled once more, which takes longer and nothing else.
    fn take_libraries(&self, root: &Path) -> Result<(), String> {
        let said = |error: std::io::Error| format!("{}: {error}", self.directory.display());
        let ours = self.crates()?;
        let ours = |name: &str| {
            let name = name.strip_prefix("lib").unwrap_or(name).replace('-', "_");
            ours.iter().any(|ours| name.strip_prefix(ours).is_some_and(|rest| rest.starts_with('_')))
        };
        for part in ["deps", "build", ".fingerprint"] {
            let (from, to) = (root.join("target/debug").join(part), self.directory.join("target/debug").join(part));
            fs::create_dir_all(&to).map_err(said)?;
            for entry in fs::read_dir(from).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if !ours(&name.to_string_lossy()) && !to.join(&name).exists() {
                    link(&entry.path(), &to.join(&name)).map_err(said)?;
                }
            }
        }
        Ok(())
    }

    /// The crates of the workspace and their programs, as cargo names what it compiles of them.
    fn crates(&self) -> Result<Vec<String>, String> {
        let mut cargo = Command::new("cargo");
        cargo.args(["metadata", "--locked", "--no-deps", "--format-version", "1"]).current_dir(&self.directory);
        let output = cargo.output().map_err(|error| format!("cargo: {error}"))?;
        let told: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
        let all = |of: &Value, what: &str| of.get(what).and_then(Value::as_array).cloned().unwrap_or_default();
        let packages = all(&told, "packages");
        let targets = packages.iter().flat_map(|package| all(package, "targets")).collect::<Vec<_>>();
        let names = packages.iter().chain(&targets).filter_map(|of| of.get("name").and_then(Value::as_str));
        Ok(names.map(|name| name.replace('-', "_")).collect())
    }

    fn build(&self) -> Result<(), String> {
        let status = self.cargo().arg("--no-run").status().map_err(|error| format!("cargo: {error}"))?;
        if status.success() { Ok(()) } else { Err("controls: the copy with switches does not compile".to_owned()) }
    }

    /// Those of some tests that fail, all guards on but one. All of them must exist.
    fn failed<'a>(&self, tests: &[&'a str], off: Option<&Guard>) -> Result<Vec<&'a str>, String> {
        let mut command = self.cargo();
        command.args(["--no-fail-fast", "--", "--exact"]).args(tests).stderr(Stdio::null());
        if let Some(guard) = off {
            command.env(SWITCH, guard.name);
        }
        let output = command.output().map_err(|error| format!("cargo: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let became = |test: &str, what: &str| said.lines().any(|line| line == format!("test {test} ... {what}"));
        if let Some(missing) = tests.iter().find(|test| !became(test, "ok") && !became(test, "FAILED")) {
            return Err(format!("controls: there is no test {missing}, or it did not end"));
        }
        Ok(tests.iter().copied().filter(|test| became(test, "FAILED")).collect())
    }
}
