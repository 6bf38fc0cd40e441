//! Holds each HTTP response to the OpenAPI document.
//!
//! The test client passes everything it receives through [`Contract::check`], so a response that the
//! document does not promise fails the test that met it, whatever that test was about.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use jsonschema::{Draft, Registry, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Value, json};

/// Where references into the document start from.
const DOCUMENT: &str = "lianxin:///openapi.json";
/// The methods an item of `paths` can have; its other members are no operations.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// More findings than these on one body are noise.
const MOST_FINDINGS: usize = 5;
/// A finding quotes the value it is about, which may be the whole body.
const LONGEST_FINDING: usize = 400;

/// An OpenAPI 3.1 document to hold responses to.
pub struct Contract {
    document: Value,
    paths: Vec<Template>,
    registry: Registry<'static>,
    /// By the place of the schema in the document. Compiling one takes longer than most tests may.
    validators: RwLock<HashMap<String, Arc<Validator>>>,
}

/// A path of the document.
struct Template {
    path: String,
    segments: Vec<Segment>,
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    id: String,
    pointer: String,
}

/// What stands between two slashes.
enum Segment {
    Literal(String),
    Parameter { before: String, after: String },
}

/// One response, with what it answers.
struct Exchange<'a> {
    method: &'a str,
    /// Items of a list may lack members that the caller did not ask for.
    narrowed: bool,
    request_content_type: Option<&'a str>,
    status: u16,
    headers: &'a [(String, String)],
    body: &'a [u8],
}

impl Contract {
    /// Reads a document. The error names what makes it unfit to hold anything to.
    pub fn new(document: Value) -> Result<Self, String> {
        let items = document.get("paths").and_then(Value::as_object).ok_or("the document has no paths")?;
        let mut paths = items.iter().map(|(path, item)| Template::new(path, item)).collect::<Result<Vec<_>, _>>()?;
        // a concrete path is served by its own operations, not by those of a pattern that fits too
        paths.sort_by_cached_key(|template| Reverse(template.rank()));
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(DOCUMENT, document.clone())
            .and_then(|registry| registry.prepare())
            .map_err(|error| format!("the document's references: {error}"))?;
        Ok(Self { document, paths, registry, validators: RwLock::default() })
    }

    /// Method, path and `operationId` of each documented operation.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.paths.iter().flat_map(|template| {
            template
                .operations
                .iter()
                .map(|operation| (operation.method.as_str(), template.path.as_str(), operation.id.as_str()))
        })
    }

    /// Holds one response to the document. Names of headers are in lower case; the path may have a
    /// query. The error says what the document does not promise.
    ///
    /// The content type of the request counts where the request was granted: the document must
    /// name it too.
    pub fn check(
        &self,
        method: &str,
        path: &str,
        request_content_type: Option<&str>,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<(), String> {
        let method = method.to_ascii_uppercase();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let narrowed = query.split('&').any(|parameter| parameter.starts_with("fields="));
        let exchange = Exchange { method: &method, narrowed, request_content_type, status, headers, body };
        self.judge(path, &exchange).map_err(|error| format!("{method} {path} answered {status}: {error}"))
    }

    fn judge(&self, path: &str, exchange: &Exchange<'_>) -> Result<(), String> {
        let Some(template) = self.paths.iter().find(|template| template.fits(path)) else {
            return exchange.must_be_refused(&[404, 405], "the document has no such path");
        };
        let documented = template.operations.iter().find(|known| known.method == exchange.method);
        let Some(operation) = documented else {
            return exchange.must_be_refused(&[405], "the document has no such method on this path");
        };
        if (200..300).contains(&exchange.status)
            && let Some((_, request)) = self.follow(&format!("{}/requestBody", operation.pointer))?
        {
            exchange.request_must_be_in(request)?;
        }
        let (pointer, response) = self
            .follow(&format!("{}/responses/{}", operation.pointer, exchange.status))?
            .ok_or_else(|| format!("{} does not document this status", operation.id))?;
        self.check_headers(&pointer, response, exchange)?;
        self.check_body(&pointer, response, exchange)
    }

    fn check_headers(&self, pointer: &str, response: &Value, exchange: &Exchange<'_>) -> Result<(), String> {
        for name in keys(response.get("headers")) {
            let described = self.follow(&format!("{pointer}/headers/{}", escape(name)))?;
            let required = described.and_then(|(_, header)| header.get("required")?.as_bool());
            if required == Some(true) && exchange.header(&name.to_ascii_lowercase()).is_none() {
                return Err(format!("the required header {name} is missing"));
            }
        }
        Ok(())
    }

    fn check_body(&self, pointer: &str, response: &Value, exchange: &Exchange<'_>) -> Result<(), String> {
        let content = response.get("content");
        let bodiless = matches!(exchange.status, 204 | 304) || exchange.method == "HEAD";
        if bodiless || keys(content).next().is_none() {
            let empty = exchange.body.is_empty();
            return if empty { Ok(()) } else { Err("there must be no body".to_owned()) };
        }
        let sent = exchange.header("content-type").ok_or("the content type is missing")?;
        let documented =
            documented_type(content, sent).ok_or_else(|| format!("the content type {sent} is not documented"))?;
        if !is_json(&media_type(sent)) {
            return Ok(());
        }
        let body = serde_json::from_slice(exchange.body).map_err(|error| format!("the body is no JSON: {error}"))?;
        let schema = format!("{pointer}/content/{}/schema", escape(documented));
        if self.document.pointer(&schema).is_none() {
            return Ok(());
        }
        let findings: Vec<String> = self
            .validator(&schema)?
            .iter_errors(&body)
            .filter(|error| !exchange.may_lack(error))
            .take(MOST_FINDINGS)
            .map(|error| {
                let text: String = error.to_string().chars().take(LONGEST_FINDING).collect();
                format!("\n  at {:?}: {text}", error.instance_path().as_str())
            })
            .collect();
        if findings.is_empty() {
            return Ok(());
        }
        Err(format!("the body is not as documented:{}", findings.concat()))
    }

    /// What a pointer leads to, and by which pointer, once references are followed.
    fn follow(&self, pointer: &str) -> Result<Option<(String, &Value)>, String> {
        let Some(mut value) = self.document.pointer(pointer) else {
            return Ok(None);
        };
        let mut pointer = pointer.to_owned();
        while let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            pointer = reference.strip_prefix('#').unwrap_or(reference).to_owned();
            value = self
                .document
                .pointer(&pointer)
                .ok_or_else(|| format!("the document's reference {reference} leads nowhere"))?;
        }
        Ok(Some((pointer, value)))
    }

    fn validator(&self, pointer: &str) -> Result<Arc<Validator>, String> {
        let known = self.validators.read().unwrap_or_else(PoisonError::into_inner).get(pointer).cloned();
        if let Some(validator) = known {
            return Ok(validator);
        }
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .should_validate_formats(true)
            .build(&json!({ "$ref": format!("{DOCUMENT}#{}", encode(pointer)) }))
            .map_err(|error| format!("the document's schema at {pointer}: {error}"))?;
        let validator = Arc::new(validator);
        let mut validators = self.validators.write().unwrap_or_else(PoisonError::into_inner);
        validators.insert(pointer.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }
}

impl Template {
    fn new(path: &str, item: &Value) -> Result<Self, String> {
        let mut operations = Vec::new();
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let id = operation.get("operationId").and_then(Value::as_str);
            operations.push(Operation {
                id: id.ok_or_else(|| format!("{method} {path} has no operationId"))?.to_owned(),
                method: method.to_ascii_uppercase(),
                pointer: format!("/paths/{}/{method}", escape(path)),
            });
        }
        let segments = path.split('/').map(Segment::new).collect();
        Ok(Self { path: path.to_owned(), segments, operations })
    }

    fn fits(&self, path: &str) -> bool {
        let mut sent = path.split('/');
        self.segments.iter().all(|segment| sent.next().is_some_and(|text| segment.fits(text))) && sent.next().is_none()
    }

    /// The more is spelled out, and the further left, the higher.
    fn rank(&self) -> Vec<usize> {
        self.segments.iter().map(Segment::rank).collect()
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        match (text.split_once('{'), text.rsplit_once('}')) {
            (Some((before, _)), Some((_, after))) => {
                Self::Parameter { before: before.to_owned(), after: after.to_owned() }
            }
            _ => Self::Literal(text.to_owned()),
        }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => literal == text,
            Self::Parameter { before, after } => text
                .strip_prefix(before.as_str())
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .is_some_and(|value| !value.is_empty()),
        }
    }

    fn rank(&self) -> usize {
        match self {
            Self::Literal(_) => usize::MAX,
            Self::Parameter { before, after } => before.len() + after.len(),
        }
    }
}

impl Exchange<'_> {
    fn may_lack(&self, error: &ValidationError<'_>) -> bool {
        let of_item = error.instance_path().as_str().strip_prefix("/items/").is_some_and(|item| !item.contains('/'));
        self.narrowed && of_item && matches!(error.kind(), ValidationErrorKind::Required { .. })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What the document does not have must be refused, with a problem.
    fn must_be_refused(&self, statuses: &[u16], why: &str) -> Result<(), String> {
        if !statuses.contains(&self.status) {
            return Err(why.to_owned());
        }
        if self.status == 405 && self.header("allow").is_none() {
            return Err(format!("{why}, and the header allow is missing"));
        }
        let sent = self.header("content-type").map(media_type).unwrap_or_default();
        if sent != "application/problem+json" && self.method != "HEAD" {
            return Err(format!("{why}, and the refusal is no problem but {sent:?}"));
        }
        Ok(())
    }

    /// What was granted must have been asked for in a documented form.
    fn request_must_be_in(&self, request: &Value) -> Result<(), String> {
        match self.request_content_type {
            Some(sent) if documented_type(request.get("content"), sent).is_none() => {
                Err(format!("the request's content type {sent} is not documented, but was taken"))
            }
            None if request.get("required") == Some(&Value::Bool(true)) => {
                Err("the document requires a request body, but none was needed".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn keys(object: Option<&Value>) -> impl Iterator<Item = &String> {
    object.and_then(Value::as_object).into_iter().flat_map(|object| object.keys())
}

/// The media type of a content type, without its parameters.
fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(media_type: &str) -> bool {
    media_type == "application/json" || media_type.ends_with("+json")
}

/// The member of `content` that a content type comes under: itself before a range such as `image/*`.
fn documented_type<'a>(content: Option<&'a Value>, content_type: &str) -> Option<&'a str> {
    let sent = media_type(content_type);
    let group = sent.split('/').next().unwrap_or_default();
    [sent.as_str(), &format!("{group}/*"), "*/*"]
        .iter()
        .find_map(|wanted| keys(content).find(|known| media_type(known) == *wanted))
        .map(String::as_str)
}

/// A name as part of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A JSON pointer as the fragment of a URI: the braces of a path may not stand there.
fn encode(pointer: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/~-._".contains(byte);
    pointer
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const JSON: Option<&str> = Some("application/json");

    fn contract() -> Contract {
        Contract::new(json!({
            "openapi": "3.1.0",
            "info": { "title": "test", "version": "1" },
            "paths": {
                "/orders/{id}": {
                    "parameters": [],
                    "get": {
                        "operationId": "get_order",
                        "responses": {
                            "200": {
                                "description": "OK",
                                "headers": {
                                    "ETag": { "required": true, "schema": { "type": "string" } },
                                    "Age": { "schema": { "type": "integer" } },
                                    "X-Request-Id": { "$ref": "#/components/headers/RequestId" }
                                },
                                "content": {
                                    "application/json": { "schema": { "$ref": "#/components/schemas/Order" } },
                                    "text/csv": {}
                                }
                            },
                            "304": { "description": "Not Modified" },
                            "404": { "$ref": "#/components/responses/NotFound" }
                        }
                    },
                    "patch": {
                        "operationId": "change_order",
                        "requestBody": {
                            "required": true,
                            "content": { "application/merge-patch+json": { "schema": {} } }
                        },
                        "responses": { "204": { "description": "No Content" } }
                    }
                },
                "/orders/summary": {
                    "get": {
                        "operationId": "order_summary",
                        "responses": {
                            "200": {
                                "description": "OK",
                                "content": { "application/json": { "schema": {
                                    "type": "array", "items": { "$ref": "#/components/schemas/Order" }
                                } } }
                            }
                        }
                    }
                },
                "/files/{id}": {
                    "get": {
                        "operationId": "get_file",
                        "responses": {
                            "200": { "description": "OK", "content": { "image/*": {}, "*/*": {} } },
                            "302": { "description": "Found" }
                        }
                    }
                }
            },
            "components": {
                "headers": { "RequestId": { "required": true, "schema": { "type": "string" } } },
                "responses": {
                    "NotFound": {
                        "description": "Not Found",
                        "content": {
                            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } }
                        }
                    }
                },
                "schemas": {
                    "Order": {
                        "type": "object",
                        "required": ["id", "title"],
                        "additionalProperties": false,
                        "properties": {
                            "id": { "type": "string", "format": "uuid" },
                            "title": { "type": "string" },
                            "count": { "type": "integer", "format": "int64" },
                            "part_of": { "$ref": "#/components/schemas/Order" }
                        }
                    },
                    "Problem": {
                        "type": "object",
                        "required": ["status"],
                        "properties": { "status": { "type": "integer" } }
                    }
                }
            }
        }))
        .unwrap()
    }

    fn headers(content_type: &str) -> Vec<(String, String)> {
        [("content-type", content_type), ("etag", "\"1\""), ("x-request-id", "r")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    fn without(name: &str) -> Vec<(String, String)> {
        headers("application/json").into_iter().filter(|(known, _)| known != name).collect()
    }

    fn order() -> Value {
        json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057",
            "title": "扫雪",
            "part_of": { "id": "01890a5d-ac96-774b-bcce-b302099a8058", "title": "冬" }
        })
    }

    /// A `GET` of an order.
    fn get(status: u16, headers: &[(String, String)], body: &str) -> Result<(), String> {
        contract().check("GET", "/orders/1", None, status, headers, body.as_bytes())
    }

    #[test]
    fn what_is_documented_passes() {
        let order = order().to_string();
        assert_eq!(get(200, &headers("application/json"), &order), Ok(()));
        assert_eq!(get(200, &headers("Application/JSON; charset=utf-8"), &order), Ok(()));
        assert_eq!(get(200, &headers("text/csv; header=present"), "id,title\n"), Ok(()));
        assert_eq!(get(304, &[], ""), Ok(()));
        assert_eq!(get(404, &headers("application/problem+json"), r#"{"status":404}"#), Ok(()));
        let patch = Some("application/merge-patch+json");
        assert_eq!(contract().check("patch", "/orders/1?x=/", patch, 204, &[], b""), Ok(()));
    }

    #[rstest]
    #[case(json!({ "id": 1, "title": "x" }), "\"/id\"")]
    #[case(json!({ "id": "no uuid", "title": "x" }), "uuid")]
    #[case(json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057" }), "title")]
    #[case(json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057", "title": "x", "more": 1 }), "more")]
    #[case(json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057", "title": "x", "part_of": {} }), "/part_of")]
    #[case(json!([]), "object")]
    fn a_wrong_body_fails(#[case] body: Value, #[case] finding: &str) {
        let error = get(200, &headers("application/json"), &body.to_string()).unwrap_err();
        assert!(error.starts_with("GET /orders/1 answered 200: the body is not as documented"), "{error}");
        assert!(error.contains(finding), "{error}");
    }

    #[rstest]
    #[case::status(get(201, &headers("application/json"), &order().to_string()), "get_order does not document this status")]
    #[case::content_type(get(200, &headers("text/plain"), "1"), "text/plain is not documented")]
    #[case::content_type_of_another_status(get(404, &headers("application/json"), "{}"), "not documented")]
    #[case::no_content_type(get(200, &without("content-type"), "1"), "content type is missing")]
    #[case::no_header(get(200, &without("etag"), &order().to_string()), "ETag is missing")]
    #[case::no_referenced_header(get(200, &without("x-request-id"), &order().to_string()), "X-Request-Id is missing")]
    #[case::no_json(get(200, &headers("application/json"), "{"), "no JSON")]
    #[case::no_body(get(200, &headers("application/json"), ""), "no JSON")]
    #[case::a_body_too_many(get(304, &[], "x"), "must be no body")]
    #[case::referenced_body(get(404, &headers("application/problem+json"), "{}"), "status")]
    fn what_is_not_documented_fails(#[case] judged: Result<(), String>, #[case] finding: &str) {
        let error = judged.unwrap_err();
        assert!(error.contains(finding), "{error}");
    }

    #[test]
    fn a_literal_wins_over_a_parameter() {
        let contract = contract();
        let list = json!([order()]).to_string();
        let json = headers("application/json");
        assert_eq!(contract.check("GET", "/orders/summary", None, 200, &json, list.as_bytes()), Ok(()));
        assert!(contract.check("GET", "/orders/1", None, 200, &json, list.as_bytes()).is_err());
    }

    #[test]
    fn a_range_of_content_types_covers_its_members() {
        let check = |content_type| contract().check("GET", "/files/1", None, 200, &headers(content_type), b"x");
        assert_eq!(check("image/png"), Ok(()));
        assert_eq!(check("application/pdf"), Ok(()));
        assert_eq!(contract().check("GET", "/files/1", None, 302, &[], b""), Ok(()));
    }

    #[test]
    fn a_granted_request_must_be_documented() {
        let patch = |content_type| contract().check("PATCH", "/orders/1", content_type, 204, &[], b"");
        assert!(patch(JSON).unwrap_err().contains("not documented, but was taken"));
        assert!(patch(None).unwrap_err().contains("requires a request body"));
    }

    #[test]
    fn outside_the_document_everything_is_refused() {
        let contract = contract();
        let problem = headers("application/problem+json");
        let check = |method, path, status, headers: &[_]| contract.check(method, path, None, status, headers, b"{}");
        assert_eq!(check("GET", "/nothing", 404, &problem), Ok(()));
        assert_eq!(check("GET", "/orders/", 404, &problem), Ok(()));
        assert!(check("GET", "/nothing", 200, &problem).is_err());
        assert!(check("GET", "/nothing", 404, &headers("text/plain")).is_err());

        assert!(check("PUT", "/orders/1", 405, &problem).unwrap_err().contains("allow is missing"));
        let allow = [problem.clone(), vec![("allow".to_owned(), "GET".to_owned())]].concat();
        assert_eq!(check("PUT", "/orders/1", 405, &allow), Ok(()));
        assert!(check("PUT", "/orders/1", 404, &allow).is_err());
    }

    #[test]
    fn operations_are_listed() {
        let contract = contract();
        let mut operations: Vec<_> = contract.operations().collect();
        operations.sort_unstable();
        assert_eq!(
            operations,
            [
                ("GET", "/files/{id}", "get_file"),
                ("GET", "/orders/summary", "order_summary"),
                ("GET", "/orders/{id}", "get_order"),
                ("PATCH", "/orders/{id}", "change_order"),
            ]
        );
    }

    #[rstest]
    #[case(json!({}), "no paths")]
    #[case(json!({ "paths": { "/x": { "get": {} } } }), "get /x has no operationId")]
    fn an_unfit_document_is_refused(#[case] document: Value, #[case] finding: &str) {
        let error = Contract::new(document).err().unwrap();
        assert!(error.contains(finding), "{error}");
    }
}
