//! Golden files: what is checked in must be what the code yields.

use std::{fs, path::Path};

/// With this set the files are written instead.
const WRITE: &str = "LIANXIN_TEST_WRITE_GOLDEN";

/// Holds a text to a file of `openapi/`.
///
/// # Panics
/// If they differ.
pub fn hold(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi").join(name);
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let differing = kept.lines().zip(text.lines()).position(|(kept, new)| kept != new);
    let line = differing.unwrap_or_else(|| kept.lines().count().min(text.lines().count()));
    let of = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
    assert!(
        kept == text,
        "openapi/{name}, line {}:\n- {}\n+ {}\nRead what changed; {WRITE}=1 writes the file.",
        line + 1,
        of(&kept),
        of(text)
    );
}
