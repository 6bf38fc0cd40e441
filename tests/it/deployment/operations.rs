//! The administrator's page: its commands do what it says.

use std::{os::unix::fs::symlink, process::Stdio};

use harness::{
    debian,
    program::{Scratch, free_address},
};
use tokio::process::Command;

use super::file;
use crate::LIANXIN;

/// How a block begins that is not run.
const NOT_RUN: &str = "# not run: ";

/// The blocks of commands of a paper.
fn blocks(paper: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut inside = false;
    for line in paper.lines() {
        match (line, blocks.last_mut()) {
            ("```sh", _) => {
                inside = true;
                blocks.push(String::new());
            }
            ("```", _) => inside = false,
            (_, Some(block)) if inside => block.extend([line, "\n"]),
            _ => {}
        }
    }
    blocks
}

/// What the script ends with, so that nothing of it stays.
const END: &str = "trap 'kill -s INT $(jobs -p) && wait' EXIT\n";

#[actix_web::test]
async fn the_commands_of_the_administrator_work() {
    for (program, package) in [("curl", "curl"), ("oathtool", "oathtool")] {
        let find = || debian::has_program(program).then_some(());
        let found = debian::find_or_install(program, find, || debian::install(&[package])).unwrap();
        assert!(found.is_some(), "there is no {program} to run the commands with");
    }
    let blocks = blocks(&file("docs/operations.md"));
    let script: String = blocks.into_iter().filter(|block| !block.starts_with(NOT_RUN)).collect();
    let (scratch, address) = (Scratch::default(), free_address());
    symlink(LIANXIN, scratch.path().join("lianxin")).unwrap();
    let path = format!("{}:{}", scratch.path().display(), std::env::var("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &format!("{END}{script}")]).current_dir(scratch.path());
    bash.env("PATH", path).env("LIANXIN", format!("http://{address}")).env("LIANXIN_LISTEN", address.to_string());
    bash.env("LIANXIN_METRICS_LISTEN", "off").env("BACKUPS", scratch.path()).stdin(Stdio::null()).kill_on_drop(true);
    let output = bash.output().await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{said}");
    let statuses: Vec<u16> = printed
        .lines()
        .filter_map(|line| line.rsplit_once(' ')?.1.parse().ok())
        .filter(|status| *status > 99)
        .collect();
    assert_eq!(statuses, [204, 200, 201, 200, 201, 200, 200], "{printed}\n{said}");
    assert!(printed.contains("Approved.") && printed.contains("the chain is whole"), "{printed}");
}

/// What is not run is said to be so, and why.
#[test]
fn what_is_not_run_is_listed() {
    let paper = file("docs/operations.md");
    let (_, list) = paper.split_once("\n## Not run\n").unwrap();
    let marks = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(NOT_RUN)).map(str::to_owned).collect()
    };
    let marked: Vec<String> = blocks(&paper).iter().flat_map(|block| marks(block)).collect();
    assert_eq!(marked.len(), blocks(&paper).iter().filter(|block| block.starts_with(NOT_RUN)).count());
    for mark in marked {
        assert!(list.contains(&format!("- `{NOT_RUN}{mark}`: ")), "{mark}");
    }
}
