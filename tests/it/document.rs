//! The golden files say what the code says.

use std::{fs, path::Path};

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_document_is_checked_in() {
    let document = api::app::document("http://127.0.0.1:8080");
    let text = serde_json::to_string_pretty(&document).unwrap();
    assert!(golden("openapi.json").trim_end() == text, "run `cargo run -p api -- openapi > openapi/openapi.json`");
    let operations = api::openapi::operations(&document);
    assert_eq!(golden("operations.txt").trim_end(), operations.trim_end());
}

#[test]
fn every_operation_is_described() {
    let document = api::app::document("http://127.0.0.1:8080");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            let signs_in = path.starts_with("/api/v1/auth/") && path != "/api/v1/auth/reauthenticate";
            let open = signs_in || path == "/api/v1/oauth/token";
            assert_eq!(operation["security"].is_array(), !open, "{method} {path}");
        }
    }
}
