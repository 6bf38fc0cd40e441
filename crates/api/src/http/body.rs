//! Request bodies. Each is held to the JSON schema of its type, the one that stands in the OpenAPI document, so
//! that every fault is named at once and the document cannot say other than the code does.

use std::{
    any::TypeId,
    borrow::Cow,
    collections::HashMap,
    marker::PhantomData,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use chrono::{Datelike as _, NaiveDate};
use domain::{refusal::FieldError, text};
use futures_util::{StreamExt as _, future::LocalBoxFuture};
use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::{resource::Writable, strict_json};
use crate::problem::Problem;

/// The largest body, in bytes.
pub const LIMIT: usize = 1 << 20;
/// How long a body may take to arrive.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(30);

/// A JSON body, with its keyed digest for those who must tell whether it is sent again.
#[derive(Debug)]
pub struct Body<T> {
    /// What was sent.
    pub value: T,
    /// The same as normalized JSON.
    pub content: Value,
}

/// A merge patch (RFC 7396).
#[derive(Debug)]
pub struct Patch<T> {
    /// What was sent.
    pub value: T,
}

impl<T: DeserializeOwned + ToSchema + Validate + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let content = read(&request, payload, "application/json").await?;
            Ok(Self { value: parse(&content)?, content })
        })
    }
}

impl<T: DeserializeOwned + ToSchema + Validate + 'static> FromRequest for Patch<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let content = read(&request, payload, "application/merge-patch+json").await?;
            Ok(Self { value: parse(&content)? })
        })
    }
}

/// A merge patch of what clients write of a resource. Its schema is that of the whole with nothing required, and
/// without the members that never change.
#[derive(Debug)]
pub struct MergePatch<T> {
    members: Value,
    of: PhantomData<T>,
}

impl<T: Writable> MergePatch<T> {
    /// What is written once the patch is applied to what was there.
    ///
    /// # Errors
    /// `validation-failed`
    pub fn onto(self, before: &T) -> Result<T, Problem> {
        let mut whole = Value::Object(members(before));
        json_patch::merge(&mut whole, &self.members);
        parse(&whole)
    }
}

/// The members of what a client writes, those without a value left out.
pub fn members<T: Serialize>(written: &T) -> Map<String, Value> {
    match serde_json::to_value(written) {
        Ok(Value::Object(members)) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

impl<T: Writable> FromRequest for MergePatch<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let content = read(&request, payload, "application/merge-patch+json").await?;
            Ok(Self { members: checked::<Self>(&content)?, of: PhantomData })
        })
    }
}

impl<T: Writable> PartialSchema for MergePatch<T> {
    fn schema() -> RefOr<Schema> {
        match T::schema() {
            RefOr::T(Schema::Object(mut object)) => {
                object.required.clear();
                object.properties.retain(|name, _| !T::FIXED.contains(&name.as_str()));
                object.example = None;
                RefOr::T(Schema::Object(object))
            }
            other => other,
        }
    }
}

impl<T: Writable> ToSchema for MergePatch<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Patch", T::name().trim_start_matches("New")).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// The bytes of a body, no more of them than may be and no later.
///
/// # Errors
/// `unsupported-media-type` where it is compressed, `body-too-large`, `bad-request` where it does not arrive.
pub async fn received(request: &HttpRequest, payload: Payload) -> Result<Vec<u8>, Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header("content-encoding").is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::new("unsupported-media-type"));
    }
    let declared = header("content-length").and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > LIMIT) {
        return Err(Problem::new("body-too-large"));
    }
    tokio::time::timeout(DEADLINE, collect(payload)).await.map_err(|_| Problem::new("bad-request"))?
}

async fn read(request: &HttpRequest, payload: Payload, media_type: &str) -> Result<Value, Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let bytes = received(request, payload).await?;
    // a transition without anything to say needs no body
    if bytes.is_empty() && header("content-type").is_none() && media_type == "application/json" {
        return Ok(Value::Object(Map::new()));
    }
    let given = header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !given.eq_ignore_ascii_case(media_type) {
        return Err(Problem::new("unsupported-media-type"));
    }
    strict_json::parse(&bytes).map_err(|_| Problem::new("invalid-json"))
}

async fn collect(mut payload: Payload) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new("bad-request"))?;
        if bytes.len() + chunk.len() > LIMIT {
            return Err(Problem::new("body-too-large"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads a value of a type, naming every fault.
///
/// # Errors
/// `validation-failed`
pub fn parse<T: DeserializeOwned + ToSchema + Validate + 'static>(content: &Value) -> Result<T, Problem> {
    let content = checked::<T>(content)?;
    let value: T = serde_path_to_error::deserialize(content).map_err(|error| {
        let path = error.path().to_string();
        let pointer = if path == "." { String::new() } else { format!("/{}", path.replace('.', "/")) };
        Problem::field(pointer, "format")
    })?;
    value.validate().map_err(|faults| {
        let mut errors = Vec::new();
        collect_faults("", &faults, &mut errors);
        Problem::invalid(errors)
    })?;
    Ok(value)
}

/// Normalizes a value and holds it to the schema of a type, naming every fault.
fn checked<T: ToSchema + 'static>(content: &Value) -> Result<Value, Problem> {
    let mut content = content.clone();
    let mut errors = Vec::new();
    normalize(&mut content, &mut String::new(), &mut errors);
    for error in validator_of::<T>()?.iter_errors(&content) {
        translate(&error, &content, &mut errors);
    }
    if !errors.is_empty() {
        errors.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        errors.dedup();
        return Err(Problem::invalid(errors));
    }
    Ok(content)
}

/// Brings strings into normal form C and names those with characters that cannot be stored. Whole numbers are written
/// as such: to JSON Schema `4.0` is an integer, to serde it is not. White space alone, the ideographic one too, is
/// nothing.
fn normalize(value: &mut Value, pointer: &mut String, errors: &mut Vec<FieldError>) {
    let length = pointer.len();
    match value {
        Value::String(string) => {
            if text::first_forbidden(string).is_some() {
                errors.push(FieldError::new(pointer.clone(), "control-character"));
            }
            *string = if string.trim().is_empty() { String::new() } else { text::normalize(string) };
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                pointer.push_str(&format!("/{index}"));
                normalize(item, pointer, errors);
                pointer.truncate(length);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                pointer.push_str(&format!("/{}", escape(name)));
                if text::first_forbidden(name).is_some() {
                    errors.push(FieldError::new(pointer.clone(), "control-character"));
                }
                normalize(member, pointer, errors);
                pointer.truncate(length);
            }
        }
        Value::Number(number) => {
            // up to 2^53 every whole number has a floating-point form of its own
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0);
            if let Some(whole) = whole.filter(|_| number.is_f64()) {
                *number = (whole as i64).into();
            }
        }
        Value::Bool(_) | Value::Null => {}
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

static VALIDATORS: LazyLock<RwLock<HashMap<TypeId, Arc<Validator>>>> = LazyLock::new(RwLock::default);

fn validator_of<T: ToSchema + 'static>() -> Result<Arc<Validator>, Problem> {
    let id = TypeId::of::<T>();
    if let Some(validator) = VALIDATORS.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Ok(Arc::clone(validator));
    }
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut parts);
    let schemas: Map<String, Value> = parts.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let mut document = json!(T::schema());
    if let Some(members) = document.as_object_mut() {
        members.insert("components".to_owned(), json!({ "schemas": schemas }));
    }
    let options = jsonschema::draft202012::options().should_validate_formats(true).with_format("date", is_day);
    let validator = options.build(&document).map_err(|error| {
        tracing::error!(error = %error, "a schema is not usable");
        Problem::new("internal")
    })?;
    let validator = Arc::new(validator);
    VALIDATORS.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&validator));
    Ok(validator)
}

/// A calendar day (RFC 3339 `full-date`) of a year that a calendar has.
fn is_day(text: &str) -> bool {
    text.len() == 10 && text.parse::<NaiveDate>().is_ok_and(|day| day.year() > 0)
}

fn translate(error: &ValidationError<'_>, content: &Value, errors: &mut Vec<FieldError>) {
    use ValidationErrorKind as K;
    let pointer = error.instance_path().to_string();
    let code = match error.kind() {
        K::AdditionalProperties { unexpected } => {
            let each =
                unexpected.iter().map(|name| FieldError::new(format!("{pointer}/{}", escape(name)), "unknown-member"));
            errors.extend(each);
            return;
        }
        // a body without any member of its own has this kind, which names none
        K::FalseSchema => {
            let members = content.pointer(&pointer).and_then(Value::as_object).into_iter().flat_map(Map::keys);
            errors.extend(members.map(|name| FieldError::new(format!("{pointer}/{}", escape(name)), "unknown-member")));
            return;
        }
        K::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            errors.push(FieldError::new(format!("{pointer}/{}", escape(name)), "required"));
            return;
        }
        K::OneOfNotValid { context } | K::AnyOf { context } => {
            // of «this or null» the branch that is not about null tells what is wrong
            let telling = context
                .iter()
                .filter(|branch| !branch.is_empty())
                .min_by_key(|branch| branch.iter().filter(|error| matches!(error.kind(), K::Type { .. })).count());
            match telling {
                Some(branch) => branch.iter().for_each(|error| translate(error, content, errors)),
                None => errors.push(FieldError::new(pointer, "wrong-type")),
            }
            return;
        }
        K::Type { .. } => "wrong-type",
        K::MinLength { .. } | K::MinItems { .. } | K::MinProperties { .. } => "too-short",
        K::MaxLength { .. } => "too-long",
        K::MaxItems { .. } | K::MaxProperties { .. } => "too-many",
        K::Minimum { .. } | K::ExclusiveMinimum { .. } => "too-small",
        K::Maximum { .. } | K::ExclusiveMaximum { .. } => "too-large",
        // a word that is not in the list is told like an id that does not exist
        K::Enum { .. } | K::Constant { .. } => "not-found",
        _ => "format",
    };
    errors.push(FieldError::new(pointer, code));
}

/// Faults that a schema cannot tell; their codes are those of the catalog.
fn collect_faults(prefix: &str, faults: &ValidationErrors, errors: &mut Vec<FieldError>) {
    for (member, kind) in faults.errors() {
        // a fault of the whole, which no single member has
        let pointer = if member == "__all__" { prefix.to_owned() } else { format!("{prefix}/{member}") };
        match kind {
            ValidationErrorsKind::Field(list) => {
                for fault in list {
                    let code = crate::problem::FIELD_CODES.iter().find(|(code, ..)| *code == fault.code);
                    errors.push(FieldError::new(pointer.clone(), code.map_or("format", |(code, ..)| code)));
                }
            }
            ValidationErrorsKind::Struct(inner) => collect_faults(&pointer, inner, errors),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    collect_faults(&format!("{pointer}/{index}"), inner, errors);
                }
            }
        }
    }
}
