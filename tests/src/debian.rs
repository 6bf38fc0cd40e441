//! Programs that the tests need: found on the machine, or installed from the distribution where that can be done.

use std::{
    env,
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
};

/// What stands before the names of packages to install.
const INSTALL: [&str; 5] = ["-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends"];

/// What `find` finds. If that is nothing, this is Debian and the user is root, `install` is called before a second
/// look. `None` is for the caller to explain, who knows what else there is to try.
pub fn find_or_install<T>(
    what: &str,
    find: impl Fn() -> Option<T>,
    install: impl FnOnce() -> Result<(), String>,
) -> Result<Option<T>, String> {
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    if !is_root()? || !has_program("apt-get") {
        return Ok(None);
    }
    // many test processes may come here at once; a directory serves as lock without leaving a file
    let lock = File::open("/etc/apt").map_err(|error| format!("/etc/apt: {error}"))?;
    lock.lock().map_err(|error| format!("/etc/apt: {error}"))?;
    if find().is_none() {
        say(&format!("there is no {what} on this machine: installing it"));
        run("apt-get", &["update"])?;
        install()?;
    }
    Ok(find())
}

/// Installs packages.
pub fn install(packages: &[&str]) -> Result<(), String> {
    run("apt-get", &[&INSTALL[..], packages].concat())
}

/// Runs a program that has nothing to say unless it fails.
pub fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{program} {} failed: {}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}

/// Whether the user is root, for whom some programs will not run.
pub fn is_root() -> Result<bool, String> {
    let output = Command::new("id").arg("-u").output().map_err(|error| format!("cannot run id: {error}"))?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Whether `PATH` leads to a program.
pub fn has_program(name: &str) -> bool {
    search_path().iter().any(|directory| directory.join(name).is_file())
}

/// The directories of `PATH`.
pub fn search_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).filter(|directory| directory.is_absolute()).collect()
}

/// Writes a line for people past the test runner, which holds back what `eprintln!` writes.
pub fn say(line: &str) {
    // when standard error is closed there is nobody to tell
    let _ = writeln!(io::stderr(), "tests: {line}");
}
