//! Holds requests to the document before a handler sees them: methods, and the names of query parameters.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ResourceDef, ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};
use serde_json::Value;

use super::query;
use crate::problem::Problem;

/// A path of the document.
pub struct Path {
    path: ResourceDef,
    /// Without parameters: served by its own operations, not by those of a pattern that fits too.
    literal: bool,
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    /// Names of its query parameters.
    parameters: Vec<String>,
}

/// The paths of a document, those without parameters first.
#[must_use]
pub fn paths(document: &Value) -> Vec<Path> {
    let items = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let mut paths: Vec<Path> = items.map(|(path, item)| Path::new(path, item)).collect();
    paths.sort_by_key(|path| !path.literal);
    paths
}

impl Path {
    fn new(path: &str, item: &Value) -> Self {
        let operations = item.as_object().into_iter().flatten();
        let mut operations: Vec<Operation> = operations.map(|(method, item)| Operation::new(method, item)).collect();
        operations.sort_by(|a, b| a.method.cmp(&b.method));
        Self { path: ResourceDef::new(path), literal: !path.contains('{'), operations }
    }

    fn refusal(&self) -> Problem {
        let methods: Vec<&str> = self.operations.iter().map(|operation| operation.method.as_str()).collect();
        Problem::new("method-not-allowed").with_header("allow", methods.join(", "))
    }
}

impl Operation {
    fn new(method: &str, item: &Value) -> Self {
        let parameters = item.get("parameters").and_then(Value::as_array).into_iter().flatten();
        let in_query = |parameter: &&Value| parameter.get("in").is_some_and(|place| place == "query");
        let name = |parameter: &Value| parameter.get("name").and_then(Value::as_str).map(str::to_owned);
        Self { method: method.to_uppercase(), parameters: parameters.filter(in_query).filter_map(name).collect() }
    }
}

/// Refuses a method that a literal path does not have, before a pattern that fits it takes the request, and query
/// parameters that an operation does not have.
pub async fn hold(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match refused(&request) {
        Some(problem) => Ok(request.into_response(problem.error_response())),
        None => Ok(next.call(request).await?.map_into_boxed_body()),
    }
}

fn refused(request: &ServiceRequest) -> Option<Problem> {
    let paths = request.app_data::<Data<Vec<Path>>>()?;
    let has_query = !request.query_string().is_empty();
    // only literal paths and queries need a look: most requests are spared it
    let mut candidates = paths.iter().filter(|known| known.literal || has_query);
    let path = candidates.find(|known| known.path.is_match(request.path()))?;
    let method = request.method().as_str();
    let Some(operation) = path.operations.iter().find(|operation| operation.method == method) else {
        return path.literal.then(|| path.refusal());
    };
    if !has_query {
        return None;
    }
    match query::pairs(request.query_string()) {
        Ok(given) => {
            let unknown = given.into_keys().find(|name| !operation.parameters.contains(name))?;
            Some(Problem::parameter(unknown, "unknown-member"))
        }
        Err(problem) => Some(problem),
    }
}

/// A path that is known with another method, or not at all.
pub async fn elsewhere(request: HttpRequest, paths: Data<Vec<Path>>) -> HttpResponse {
    match paths.iter().find(|known| known.path.is_match(request.path())) {
        Some(path) => path.refusal().error_response(),
        None => Problem::new("not-found").error_response(),
    }
}
