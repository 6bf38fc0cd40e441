//! Cargo within a program that cargo runs.

use std::{env, process::Command};

/// What cargo tells a program that it runs.
const TOLD: [&str; 5] =
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];

/// Takes from a command what cargo told this program. Build scripts of libraries ask for some of that: cargo within would find
/// it changed, and compile them, and all that uses them, once more.
pub fn forget_cargo(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| TOLD.iter().any(|told| name.starts_with(told))) {
            command.env_remove(name);
        }
    }
    command
}
