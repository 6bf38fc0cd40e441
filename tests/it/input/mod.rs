//! Hostile and mistaken input: how it is answered, and that nothing of it is stored.

mod disguise;
mod json;
mod members;
mod patch;
mod query;
mod text;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use harness::server::{Answer, Server, User};
use serde_json::Value;

/// Names nothing, wherever it stands.
const NOTHING: &str = "019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10";

/// An operation, as the document has it.
struct Operation {
    id: String,
    method: String,
    /// With ids that name nothing.
    path: String,
    /// The members of its body, with the JSON types that each may have.
    members: BTreeMap<String, BTreeSet<String>>,
    /// A body, where there is an example.
    example: Value,
    /// The parameters of its query.
    parameters: Vec<String>,
}

/// All operations under `/api/v1` but the one that takes a form: also those that will be added.
fn operations() -> Vec<Operation> {
    let document = api::app::document("http://127.0.0.1:8080");
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/api/v1/")) {
        let content = "/requestBody/content/application~1x-www-form-urlencoded";
        for (method, operation) in item.as_object().unwrap().iter().filter(|(_, item)| item.pointer(content).is_none())
        {
            operations.push(Operation::new(&document, path, method, operation));
        }
    }
    operations
}

impl Operation {
    fn new(document: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let contents = operation.pointer("/requestBody/content").and_then(Value::as_object);
        let schema = contents.and_then(|contents| contents.values().next()).map(|content| &content["schema"]);
        let schema = schema.map(|schema| whole(document, schema)).unwrap_or_default();
        let properties = schema["properties"].as_object().cloned().unwrap_or_default();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        Self {
            id: operation["operationId"].as_str().unwrap().to_owned(),
            method: method.to_uppercase(),
            path: path.split('/').map(concrete).collect::<Vec<_>>().join("/"),
            members: properties.iter().map(|(name, schema)| (name.clone(), types(document, schema))).collect(),
            example: schema["example"].clone(),
            parameters: parameters
                .iter()
                .filter(|parameter| parameter["in"] == "query")
                .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                .collect(),
        }
    }

    async fn send(&self, user: &User<'_>, body: &Value) -> Answer {
        user.send(&self.method, self.path.trim_start_matches("/api/v1"), &[], Some(body)).await
    }
}

/// A segment of a path, with what names nothing in place of an id.
fn concrete(segment: &str) -> &str {
    match segment {
        "{code}" => "36",
        id if id.starts_with('{') => NOTHING,
        word => word,
    }
}

/// The schema behind a reference, or the one of an optional body.
fn whole<'a>(document: &'a Value, schema: &'a Value) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return whole(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    let branches = schema["oneOf"].as_array().into_iter().flatten();
    branches.map(|branch| whole(document, branch)).find(|branch| branch["type"] == "object").unwrap_or(schema.clone())
}

/// The JSON types that a schema lets pass.
fn types(document: &Value, schema: &Value) -> BTreeSet<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return types(document, document.pointer(reference.trim_start_matches('#')).unwrap());
    }
    let own = match &schema["type"] {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    };
    let branches = ["oneOf", "anyOf", "allOf"].iter().filter_map(|name| schema[*name].as_array()).flatten();
    own.into_iter().chain(branches.flat_map(|branch| types(document, branch))).collect()
}

/// The faults that an answer names, with the member or parameter that has them.
fn faults(answer: &Answer) -> Vec<(&str, &str)> {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors
        .iter()
        .map(|error| {
            let place = error.get("pointer").or_else(|| error.get("parameter"));
            (place.and_then(Value::as_str).unwrap_or_default(), error["code"].as_str().unwrap_or_default())
        })
        .collect()
}

/// How many rows there are of what input could make.
async fn rows(server: &Server) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in ["service_orders", "persons", "events", "idempotency_keys"] {
        counts.push(server.sql.count(table, []).await);
    }
    counts
}
