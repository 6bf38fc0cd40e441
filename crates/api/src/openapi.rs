//! The OpenAPI document: what the handlers say, and what is true of all of them.
#![expect(clippy::indexing_slicing, reason = "a member that a JSON value lacks is null, and made when written")]

use serde_json::{Map, Value, json};
use utoipa::{OpenApi, ToSchema};

use crate::{
    http::auth::TOKEN_ENDPOINT,
    problem::{CODES, ProblemOut},
};

mod classes;
mod text;

/// A key as the code reads it: visible characters, of which quotation marks around the others do not count.
const IDEMPOTENCY_KEY: &str = r"^[\x21-\x7e]*[\x21\x23-\x7e][\x21-\x7e]*$";
/// Entity tags (RFC 9110 §8.8.3).
const ENTITY_TAGS: &str = r#"^(\*|(W/)?"[\x21\x23-\x2b\x2d-\x7e]*"( *, *(W/)?"[\x21\x23-\x2b\x2d-\x7e]*")*)$"#;
/// A UUIDv7 (RFC 9562).
const UUID_V7: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";

/// Which part of a list a page is.
#[derive(ToSchema)]
#[schema(as = Page)]
#[expect(dead_code, reason = "it only documents")]
pub struct PageOut {
    /// At most as many items.
    limit: u64,
    /// Where the next page is; absent on the last one.
    #[schema(nullable = false)]
    next: Option<String>,
    /// How many items there are, if it was asked for.
    #[schema(nullable = false)]
    total: Option<u64>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "连心 Lianxin API",
        description = "基层治理开放后端：居民点单、社区派单、党员接单。Open backend for grassroots governance.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(name = "Lianxin developers")
    ),
    components(schemas(ProblemOut, PageOut)),
    tags(
        (name = "auth", description = "登录 Signing in and out"),
        (name = "me", description = "本人 The caller"),
        (name = "notifications", description = "消息 What concerns the caller"),
        (name = "regions", description = "区划 Regions"),
        (name = "sessions", description = "会话 Devices on which somebody is signed in"),
        (name = "users", description = "账号 Accounts"),
        (name = "clients", description = "接入方 Other programs"),
        (name = "grants", description = "授权 Roles at places"),
        (name = "organizations", description = "组织 Organizations"),
        (name = "persons", description = "居民 Persons"),
        (name = "households", description = "户 Households"),
        (name = "appointments", description = "任职 Who holds which post"),
        (name = "volunteers", description = "志愿者 Volunteers"),
        (name = "volunteer-teams", description = "志愿服务队 Volunteer teams"),
        (name = "compounds", description = "小区 Compounds"),
        (name = "buildings", description = "楼栋 Buildings of compounds"),
        (name = "units", description = "单元 Entrances of buildings"),
        (name = "dwellings", description = "专有部分 Dwellings and their owners"),
        (name = "inspections", description = "检查 Whether the service in compounds keeps its standards"),
        (name = "ledgers", description = "账本 Money that belongs to many"),
        (name = "calendar-days", description = "节假日与调休 The business calendar"),
        (name = "service-kinds", description = "服务目录 The catalog of services"),
        (name = "service-orders", description = "点单 Service orders"),
    )
)]
pub struct Document;

/// How to come by what proves who one is.
const BEARER: &str = "`access_token` 取自登录接口 `POST /api/v1/auth/login`，十分钟内有效。\
    The `access_token` that signing in answers with, good for ten minutes; a JWT (RFC 9068), treated as RFC8725 says.";

/// Adds what all operations have in common: security, servers, and the problems that each can answer.
#[must_use]
pub fn finish(document: &utoipa::openapi::OpenApi, public_url: &str) -> Value {
    let mut document = json!(document);
    document["servers"] = json!([{ "url": public_url, "x-internal": false }]);
    document["components"]["securitySchemes"] =
        json!({"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": BEARER}});
    document["components"]["headers"] = limit_headers();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            let Some(item) = item.as_object_mut() else { continue };
            for (method, operation) in item {
                if let Some(operation) = operation.as_object_mut() {
                    complete(path, method, operation);
                }
            }
        }
    }
    text::restrict(&mut document);
    classes::mark(&mut document);
    document
}

/// Makes a document that is tried from a page beside it: whatever name leads to the page leads to the service too.
pub fn serve_from_here(document: &mut Value) {
    document["servers"] = json!([{ "url": "/" }]);
}

fn complete(path: &str, method: &str, operation: &mut Map<String, Value>) {
    if !operation.contains_key("description") {
        let summary = operation.get("summary").cloned().unwrap_or_default();
        operation.insert("description".to_owned(), summary);
    }
    let is_auth = path.starts_with("/api/v1/auth/") || path == TOKEN_ENDPOINT;
    let has_body = operation.contains_key("requestBody");
    let mut statuses = vec![400, 406, 414, 429, 500, 503];
    if !is_auth {
        statuses.extend([403, 404]);
    }
    if !is_auth || path.ends_with("/login") || path.ends_with("/first-administrator") {
        statuses.push(401);
    }
    if is_auth && operation.contains_key("security") {
        statuses.extend([401, 403]);
    }
    if has_body {
        statuses.extend([413, 415, 422]);
    }
    if method == "post" && !is_auth || method == "put" {
        statuses.extend([409, 412, 422]);
    }
    complete_body(operation);
    if complete_parameters(method, is_auth, operation) {
        statuses.extend([409, 412, 428]);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, response) in responses.iter_mut() {
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = match status.as_str() {
                "201" => "Made".into(),
                "204" => "Done".into(),
                _ => "As asked for".into(),
            };
        }
    }
    if method == "get" && !is_auth {
        responses.entry("304").or_insert_with(|| json!({"description": "The caller holds it already"}));
    }
    for status in statuses {
        let title = CODES.iter().find(|(_, of, ..)| *of == status).map_or("Problem", |(_, _, _, title)| title);
        responses.entry(status.to_string()).or_insert_with(|| {
            json!({
                "description": title,
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
            })
        });
    }
    tell_limits(responses);
}

/// Headers that tell how many requests may still be sent.
fn limit_headers() -> Value {
    json!({
        "RateLimit": {
            "description": "What is left of the limits: `\"user\";r=117;t=41`, requests and seconds",
            "schema": {"type": "string", "example": "\"user\";r=117;t=41"}
        },
        "RateLimit-Policy": {
            "description": "The limits: `\"user\";q=600;w=60`, requests in so many seconds",
            "schema": {"type": "string", "example": "\"user\";q=600;w=60"}
        },
        "Retry-After": {
            "description": "Seconds after which it is worth trying again",
            "schema": {"type": "integer", "example": 41}
        }
    })
}

/// Answers that were asked for, and the one to a request too many, tell of the limits.
fn tell_limits(responses: &mut Map<String, Value>) {
    for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with('2') || *status == "429") {
        for name in ["RateLimit", "RateLimit-Policy", "Retry-After"] {
            if name != "Retry-After" || status == "429" {
                response["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
            }
        }
    }
}

/// A body that may be left out is not for that reason null.
fn complete_body(operation: &mut Map<String, Value>) {
    let content = operation.get_mut("requestBody").and_then(|body| body["content"].as_object_mut());
    for (_, media_type) in content.into_iter().flatten() {
        let some = media_type["schema"]["oneOf"].as_array().and_then(|of| of.iter().find(|one| one["type"] != "null"));
        if let Some(some) = some.cloned() {
            media_type["schema"] = some;
        }
    }
}

/// Adds what all have in common; says whether the operation is bound to a version.
fn complete_parameters(method: &str, is_auth: bool, operation: &mut Map<String, Value>) -> bool {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(parameters) = parameters.as_array_mut() else { return false };
    let declared = parameters.iter().position(|parameter| parameter["name"] == "Idempotency-Key");
    let needs_key = declared.map(|place| parameters.remove(place)).is_some();
    if method == "post" && !is_auth {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": needs_key,
            "description": "Makes it safe to send the request again",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": IDEMPOTENCY_KEY}
        }));
    }
    let declared = parameters.iter().position(|parameter| parameter["name"] == "If-Match");
    let declared = declared.map(|place| parameters.remove(place));
    let is_bound = declared.is_some() || matches!(method, "patch" | "put");
    let is_required = method == "patch" || declared.is_some_and(|parameter| parameter["required"] == true);
    if is_bound {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": is_required,
            "description": "ETag of the version that is meant: another one is left as it is",
            "schema": {"type": "string", "pattern": ENTITY_TAGS}
        }));
    }
    complete_ids(method, parameters);
    if parameters.is_empty() {
        operation.remove("parameters");
    }
    if needs_key {
        operation.insert("x-idempotency".to_owned(), "required".into());
    }
    is_bound
}

/// Ids of the path are UUIDs, which a macro for resources of every kind cannot know; a `PUT` makes only UUIDv7.
fn complete_ids(method: &str, parameters: &mut [Value]) {
    for parameter in parameters.iter_mut().filter(|parameter| parameter["in"] == "path") {
        let name = parameter["name"].as_str().unwrap_or_default();
        let is_own = name == "id";
        if is_own || name.ends_with("_id") {
            parameter["schema"]["format"] = "uuid".into();
        }
        if is_own && method == "put" {
            parameter["schema"]["pattern"] = UUID_V7.into();
        }
    }
}

/// One line for each operation: what a reviewer reads first.
#[must_use]
pub fn operations(document: &Value) -> String {
    let mut lines = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            lines.push(format!("{tag:<16} {:<6} {path:<52} {id}\n", method.to_uppercase()));
        }
    }
    lines.sort();
    lines.concat()
}
