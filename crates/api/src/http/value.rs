//! Values as they stand in answers and paths.

use std::str::FromStr;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use chrono::{DateTime, Datelike as _, FixedOffset, SecondsFormat};
use domain::{access::Word, cn::PersonName, time::Instant};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

use validator::Validate;

use crate::problem::Problem;

/// A time: any offset in, `+08:00` and milliseconds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At(pub Instant);

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = Self(Instant::deserialize(deserializer)?);
        // RFC 3339 has no year but these, wherever the time is written down
        let year = at.local().map_or_else(|| at.0.year(), |at| at.year());
        if (1..=9999).contains(&year) { Ok(at) } else { Err(D::Error::custom("the year has not four digits")) }
    }
}

impl At {
    /// As answers show it.
    #[must_use]
    pub fn text(self) -> String {
        self.local().map_or_else(
            || self.0.to_rfc3339_opts(SecondsFormat::Millis, true),
            |at| at.to_rfc3339_opts(SecondsFormat::Millis, false),
        )
    }

    fn local(self) -> Option<DateTime<FixedOffset>> {
        FixedOffset::east_opt(8 * 3600).map(|zone| self.0.with_timezone(&zone))
    }
}

impl From<Instant> for At {
    fn from(at: Instant) -> Self {
        Self(at)
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl PartialSchema for At {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples(["2026-03-12T09:30:05.120+08:00"])
            .into()
    }
}

impl ToSchema for At {
    fn name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }
}

/// A value of a closed list of the domain, as bodies write and answers show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WordOf<T>(pub T);

impl<T: Word> PartialSchema for WordOf<T> {
    fn schema() -> RefOr<Schema> {
        let words = T::ALL.iter().map(|word| word.name());
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}

impl<T: Word> ToSchema for WordOf<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        T::NAME.into()
    }
}

/// Tells a member that is absent (`None`) from one that is `null` (`Some(None)`), as merge patch needs (RFC 7396).
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Nothing to say.
#[derive(Debug, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = Nothing, example = json!({}))]
pub struct NothingIn {}

/// The name of a person as others see it.
#[must_use]
pub fn masked_name(name: &str) -> String {
    PersonName::parse(name).map_or_else(|_| "**".to_owned(), |name| name.masked())
}

/// An id of the path: what cannot be one names nothing, hence 404.
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(pub T);

impl<T: FromStr> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").or_else(|| request.match_info().get("code"));
        std::future::ready(named(id).map(Self))
    }
}

/// The ids of a path: of something, and of what is part of it.
#[derive(Debug, Clone, Copy)]
pub struct PathIds<P, T>(pub P, pub T);

impl<P: FromStr, T: FromStr> FromRequest for PathIds<P, T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut ids = request.match_info().iter().map(|(_, id)| id);
        let (whole, part) = (named(ids.next()), named(ids.next()));
        std::future::ready(whole.and_then(|whole| part.map(|part| Self(whole, part))))
    }
}

/// An id as it is written one way: in lower case, with hyphens.
fn named<T: FromStr>(id: Option<&str>) -> Result<T, Problem> {
    let id = id.filter(|id| !id.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'{'));
    id.and_then(|id| id.parse().ok()).ok_or_else(|| Problem::new("not-found"))
}
