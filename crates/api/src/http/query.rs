//! Query strings: every parameter is known, stands once and has a value that means something.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashMap},
    fmt,
    marker::PhantomData,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::{access::Word, cn::RegionCode, text};
use jsonschema::Validator;
use persistence::PageRequest;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value, json};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::cursor::Cursor;
use crate::{http::ctx, problem::Problem, state::App};

/// The parameters of every list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only documents; List reads these parameters")]
pub struct ListParams {
    /// At most as many items.
    #[param(minimum = 1, maximum = 200, default = 20)]
    limit: Option<u32>,
    /// Where the page begins: from `page.next`.
    #[param(min_length = 1, max_length = 4000, pattern = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// Whether to count all items.
    #[param(inline)]
    count: Option<CountIn>,
    /// Only these members of each item, separated by commas; `id` is always shown. The others are absent then, also
    /// those that are required otherwise.
    #[param(min_length = 1, max_length = 500, pattern = "^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$")]
    fields: Option<String>,
}

#[derive(Debug, utoipa::ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "it only documents")]
enum CountIn {
    Exact,
    Estimate,
}

/// Filters of one list.
pub trait ListFilter: DeserializeOwned + IntoParams {
    /// By what it can be sorted; the first, with `-` for the greatest first, is the default.
    const SORTS: &'static [&'static str];
}

/// What a list is asked for.
#[derive(Debug)]
pub struct List<T> {
    /// The filters of this list.
    pub filter: T,
    /// Which part of it.
    pub page: PageRequest,
    /// Sorted by which member.
    pub sort: String,
    /// Only these members.
    pub fields: Option<Vec<String>>,
    /// The query, cursor aside, for the next cursor.
    pub query: Vec<(String, String)>,
}

/// The member of a cursor that stands for the body which the list goes on with.
const BODY: &str = "body";

impl<T> List<T> {
    /// Binds the list to the body of its request: a cursor goes on with the same one only.
    ///
    /// # Errors
    /// `invalid-cursor`
    pub fn bound_to(mut self, digest: &[u8]) -> Result<Self, Problem> {
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        match self.query.iter().find(|(name, _)| name == BODY) {
            Some((_, given)) if *given == digest => Ok(self),
            Some(_) => Err(Problem::new("invalid-cursor")),
            None if self.page.after.is_some() => Err(Problem::new("invalid-cursor")),
            None => {
                self.query.push((BODY.to_owned(), digest));
                Ok(self)
            }
        }
    }
}

const COMMON: &[&str] = &["limit", "cursor", "count", "fields", "sort"];

impl<T: ListFilter + 'static> FromRequest for List<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(list(request))
    }
}

fn list<T: ListFilter + 'static>(request: &HttpRequest) -> Result<List<T>, Problem> {
    let mut given = pairs(request.query_string())?;
    follow_codes(request, &mut given);
    let (common, own) = (documented::<ListParams>()?, documented::<T>()?);
    let cursor = given.remove("cursor").map(|text| open_cursor(request, &text)).transpose()?;
    let query: BTreeMap<String, String> = match &cursor {
        // a cursor knows its query; what is repeated beside it must be the same
        Some(cursor) => {
            let own: BTreeMap<_, _> = cursor.query.iter().cloned().collect();
            if given.iter().any(|(name, value)| name != "limit" && own.get(name) != Some(value)) {
                return Err(Problem::new("invalid-cursor"));
            }
            own.into_iter().chain(given).collect()
        }
        None => given,
    };
    let get = |name: &str| query.get(name).map(String::as_str);
    let limit = match get("limit") {
        None => 20,
        Some(text) => text
            .parse::<u64>()
            .ok()
            .filter(|limit| (1..=200).contains(limit) && !text.starts_with('+'))
            .ok_or_else(|| Problem::parameter("limit", "not-allowed"))?,
    };
    let count = match get("count") {
        None => false,
        Some("exact" | "estimate") => true,
        Some(_) => return Err(Problem::parameter("count", "not-allowed")),
    };
    let default = T::SORTS.first().copied().unwrap_or("id");
    let sort = get("sort").unwrap_or(default);
    let column = sort.strip_prefix('-').unwrap_or(sort);
    if !T::SORTS.iter().any(|known| known.trim_start_matches('-') == column) {
        return Err(Problem::parameter("sort", "not-allowed"));
    }
    let fields = get("fields").map(|fields| fields.split(',').map(str::to_owned).collect());
    let members: Map<String, Value> = query
        .iter()
        .filter(|(name, _)| !COMMON.contains(&name.as_str()) && *name != BODY)
        .map(|(name, value)| (name.clone(), Value::String(value.clone())))
        .collect();
    let filter = serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| {
        Problem::parameter(error.path().to_string().split('.').next().unwrap_or_default(), "not-allowed")
    })?;
    hold(&common, &query)?;
    hold(&own, &query)?;
    Ok(List {
        filter,
        page: PageRequest { limit, after: cursor.map(|cursor| cursor.after), descending: sort.starts_with('-'), count },
        sort: column.to_owned(),
        fields,
        query: query.into_iter().collect(),
    })
}

/// Parameters that hold the code of a region.
const BY_REGION: [&str; 4] = ["region", "parent", "place", "holds_in"];

/// Whether a query may name a region by a code that another one came after.
#[must_use]
pub fn names_region(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| BY_REGION.contains(&name.as_ref()))
}

/// Puts the code in use in the place of one that it came after, so that what was kept of an old one still leads to what
/// lay there. Who asks for the old codes themselves means them.
fn follow_codes(request: &HttpRequest, given: &mut BTreeMap<String, String>) {
    let Some(app) = request.app_data::<actix_web::web::Data<App>>() else { return };
    if given.get("superseded").is_some_and(|value| value == "true") {
        return;
    }
    for name in BY_REGION {
        let Some(value) = given.get_mut(name) else { continue };
        let code = Some(&*value).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let code = code.and_then(|text| RegionCode::parse(text).ok());
        if let Some(current) = code.and_then(|code| app.current_code(&code)) {
            *value = current.to_string();
        }
    }
}

/// The documented parameters of a type, those that are strings with their schemas.
type Documented = HashMap<String, Option<Validator>>;

static DOCUMENTED: LazyLock<RwLock<HashMap<TypeId, Arc<Documented>>>> = LazyLock::new(RwLock::default);

fn documented<T: IntoParams + 'static>() -> Result<Arc<Documented>, Problem> {
    let id = TypeId::of::<T>();
    if let Some(known) = DOCUMENTED.read().unwrap_or_else(PoisonError::into_inner).get(&id) {
        return Ok(Arc::clone(known));
    }
    let mut known = Documented::new();
    for parameter in T::into_params(|| None) {
        let schema = json!(parameter.schema);
        let validator = schema
            .get("type")
            .is_some_and(|name| name == "string")
            .then(|| jsonschema::draft202012::new(&schema))
            .transpose();
        let validator = validator.map_err(|error| {
            tracing::error!(error = %error, parameter = parameter.name, "a schema is not usable");
            Problem::new("internal")
        })?;
        known.insert(parameter.name, validator);
    }
    let known = Arc::new(known);
    DOCUMENTED.write().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::clone(&known));
    Ok(known)
}

/// Holds what was given to what is documented, as bodies are held.
fn hold(known: &Documented, given: &BTreeMap<String, String>) -> Result<(), Problem> {
    let wrong = given.iter().find(|(name, value)| {
        let validator = known.get(*name).and_then(Option::as_ref);
        validator.is_some_and(|validator| !validator.is_valid(&Value::String((*value).clone())))
    });
    wrong.map_or(Ok(()), |(name, _)| Err(Problem::parameter(name.clone(), "not-allowed")))
}

fn open_cursor(request: &HttpRequest, text: &str) -> Result<Cursor, Problem> {
    let invalid = || Problem::new("invalid-cursor");
    let app = request.app_data::<actix_web::web::Data<App>>().ok_or_else(invalid)?;
    let user = ctx::actor_of(request).ok_or_else(invalid)?.user_id;
    Cursor::open(text, &app.cursor_key, user.0).filter(|cursor| cursor.path == request.path()).ok_or_else(invalid)
}

/// The parameters of a query string.
///
/// # Errors
/// `invalid-parameter` if one stands twice or holds a control character.
pub fn pairs(query: &str) -> Result<BTreeMap<String, String>, Problem> {
    let mut pairs = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let bad = |text: &str| {
            text::first_forbidden(text).is_some() || text.contains(['\n', '\t', char::REPLACEMENT_CHARACTER])
        };
        if bad(&name) {
            return Err(Problem::parameter("", "control-character"));
        }
        if bad(&value) {
            return Err(Problem::parameter(name.into_owned(), "control-character"));
        }
        if value.chars().count() > 4000 {
            return Err(Problem::parameter(name.into_owned(), "too-long"));
        }
        if pairs.insert(name.clone().into_owned(), text::normalize(&value)).is_some() {
            return Err(Problem::parameter(name.into_owned(), "duplicate"));
        }
    }
    Ok(pairs)
}

/// Values separated by commas, any of which will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOf<T>(pub Vec<T>);

impl<T> Default for OneOf<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<T: DeserializeOwned> serde::de::Visitor<'_> for Visitor<T> {
            type Value = OneOf<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("values separated by commas")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                text.split(',')
                    .map(|item| serde_json::from_value(Value::String(item.to_owned())).map_err(E::custom))
                    .collect::<Result<_, _>>()
                    .map(OneOf)
            }
        }
        deserializer.deserialize_str(Visitor(PhantomData))
    }
}

impl<T: Word> PartialSchema for OneOf<T> {
    fn schema() -> RefOr<Schema> {
        let word = T::ALL.iter().map(|word| word.name()).collect::<Vec<_>>().join("|");
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(format!("^({word})(,({word}))*$"))).into()
    }
}

impl<T: Word> ToSchema for OneOf<T> {}

/// A region code as the document describes it in a query.
pub struct RegionText;

impl PartialSchema for RegionText {
    fn schema() -> RefOr<Schema> {
        let levels = "^[1-9][0-9]([0-9]{2}([0-9]{2}([0-9]{3}){0,3})?)?$";
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(levels)).into()
    }
}

impl ToSchema for RegionText {}

/// `true` or `false` in a query.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "true" => Ok(Some(true)),
        "false" => Ok(Some(false)),
        _ => Err(D::Error::custom("is neither true nor false")),
    }
}

/// The parameters of an operation that is not a list.
///
/// # Errors
/// `invalid-parameter` naming the parameter.
pub fn parse<T: DeserializeOwned + IntoParams + 'static>(query: &str) -> Result<T, Problem> {
    let given = pairs(query)?;
    let known = documented::<T>()?;
    let members = given.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
    let parsed = serde_path_to_error::deserialize(Value::Object(members.collect()))
        .map_err(|error| Problem::parameter(error.path().to_string(), "not-allowed"))?;
    hold(&known, &given)?;
    Ok(parsed)
}
