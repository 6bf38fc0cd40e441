//! The files that the service is run with do what they say: proxies, poolers, and what Compose starts.

mod compose;
mod operations;
mod poolers;
mod proxies;

/// A file of the project.
fn file(name: &str) -> String {
    let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A text with something else in the place of what must stand there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from:?} is not in {text}");
    text.replace(from, to)
}
