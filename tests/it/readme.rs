//! The examples of the papers work as they are printed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use harness::{database::Backend::Sqlite, debian, server::Server};
use serde_json::Value;
use tokio::process::Command;

/// A section of examples has a heading that ends so. Its blocks build upon each other.
const HEADING: &str = "with curl";

/// The blocks of all sections of examples in a paper, as one script.
fn script(paper: &str) -> String {
    let (mut runs, mut inside) = (false, false);
    let mut script = String::new();
    for line in paper.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside && runs => script.extend([line, "\n"]),
            _ if !inside && line.starts_with('#') => runs = line.ends_with(HEADING),
            _ => {}
        }
    }
    script
}

/// The papers in docs, and the readme. The administrator's page is run by `deployment::operations`, as a whole.
fn papers() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let is_ours = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let papers = docs.filter(|path| is_ours(path) && !path.ends_with("operations.md"));
    papers.chain([root.join("README.md")]).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a script prints when it talks to a server; it must not fail.
async fn run(script: &str, server: &Server) -> String {
    let curl = || debian::has_program("curl").then_some(());
    let found = debian::find_or_install("curl", curl, || debian::install(&["curl"])).unwrap();
    assert!(found.is_some(), "there is no curl to run the examples with");
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", script]).env("LIANXIN", &server.url).stdin(Stdio::null());
    let output = bash.output().await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// The statuses that a script prints at the ends of lines.
fn statuses(printed: &str) -> Vec<u16> {
    printed.lines().filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).collect()
}

#[actix_web::test]
async fn the_order_loop_of_the_readme_works() {
    let server = Server::start(Sqlite).await;
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let printed = run(&script(&read(&readme)), &server).await;
    assert_eq!(statuses(&printed), [200; 6], "{printed}");
    let events: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    let kinds: Vec<&str> =
        events["items"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let told = ["placed", "dispatched", "accepted", "contact_read", "started", "completed", "confirmed"];
    assert_eq!(kinds, told.map(|kind| format!("service_order.{kind}")));
}

#[actix_web::test]
async fn the_examples_of_all_papers_work() {
    for path in papers() {
        let script = script(&read(&path));
        if !script.is_empty() {
            let printed = run(&script, &Server::start(Sqlite).await).await;
            let failed = statuses(&printed).into_iter().find(|status| *status >= 400);
            assert_eq!(failed, None, "{}: {printed}", path.display());
        }
    }
}

#[test]
fn every_example_is_run() {
    for path in papers() {
        let paper = read(&path);
        let calls = |text: &str| text.matches("$LIANXIN/").count();
        assert_eq!(calls(&paper), calls(&script(&paper)), "{}: a call outside «… {HEADING}»", path.display());
    }
}

#[test]
fn only_examples_are_run() {
    let paper = "## Run it\n```sh\nserve\n```\n## Loop with curl\n```sh\n# a comment\none\n```\ntext\n```json\n{}\n```\n\
                 ```sh\ntwo\n```\n## More\n```sh\nthree\n```\n";
    assert_eq!(script(paper), "# a comment\none\ntwo\n");
}
