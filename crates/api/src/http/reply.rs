//! Answers: how a resource, a list or nothing is sent.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, http::StatusCode};
use domain::access::ResourceKind;
use persistence::{Page, StoredAnswer};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{ctx::Ctx, cursor::Cursor, query::List};
use crate::problem::Problem;

/// How long an answer may be kept, by the class of what it holds (`security.md` §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Personal data: kept by the client alone and asked for again each time.
    Personal,
    /// Reference data.
    Reference,
    /// Sensitive data (class S) and secrets: not kept.
    Never,
}

impl Caching {
    fn header(self) -> &'static str {
        match self {
            Self::Personal => "private, no-cache",
            Self::Reference => "private, max-age=300",
            Self::Never => "no-store",
        }
    }
}

/// A resource as an answer shows it.
pub trait Shown: Serialize {
    /// Its kind.
    const KIND: ResourceKind;
    /// The class of what it holds.
    const CACHING: Caching;

    /// Its id.
    fn id(&self) -> String;
    /// Its version.
    fn version(&self) -> i64;
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    /// JSON.
    body: Option<Vec<u8>>,
    /// The body with a secret that is not kept for a repetition of the request.
    shown_once: Option<Vec<u8>>,
    subject: Option<(ResourceKind, String)>,
    in_sight: bool,
}

/// What tells two bodies of one version apart. It guards nothing, so that it need not be hard to forge.
fn tag(body: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(body))
}

impl Reply {
    fn of<T: Shown>(status: u16, shown: &T) -> Result<Self, Problem> {
        let body = written(shown, 1)?;
        let etag = format!("\"{}-{}\"", shown.version(), tag(&body));
        Ok(Self {
            status,
            headers: vec![("etag".to_owned(), etag), ("cache-control".to_owned(), T::CACHING.header().to_owned())],
            body: Some(body),
            shown_once: None,
            subject: Some((T::KIND, shown.id())),
            in_sight: true,
        })
    }

    /// One resource, or 304 if the caller holds it already.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn ok<T: Shown>(ctx: &Ctx, shown: &T) -> Result<Self, Problem> {
        let mut reply = Self::of(200, shown)?;
        if reply.etag().is_some_and(|etag| ctx.holds(etag)) {
            reply.status = 304;
            reply.body = None;
        }
        Ok(reply)
    }

    /// A resource that was made, at a path.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn created<T: Shown>(ctx: &Ctx, collection: &str, shown: &T) -> Result<Self, Problem> {
        let mut reply = Self::of(201, shown)?;
        let location = ctx.url(&format!("/api/v1/{collection}/{}", shown.id()));
        reply.headers.push(("location".to_owned(), location));
        Ok(reply)
    }

    /// Nothing to show.
    #[must_use]
    pub fn no_content() -> Self {
        Self { status: 204, headers: Vec::new(), body: None, shown_once: None, subject: None, in_sight: false }
    }

    /// Something that is not a resource.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn json(status: u16, value: &impl Serialize, caching: Caching) -> Result<Self, Problem> {
        let body = written(value, 0)?;
        let headers = vec![("cache-control".to_owned(), caching.header().to_owned())];
        Ok(Self { status, headers, body: Some(body), shown_once: None, subject: None, in_sight: false })
    }

    /// The caller no longer sees the thing, by his own doing: the answer shows no more than that it is done.
    #[must_use]
    pub fn out_of_sight(mut self) -> Self {
        self.in_sight = false;
        self
    }

    /// The same with a secret in it, this once: it is neither kept here nor by anybody on the way.
    ///
    /// # Errors
    /// If there is no body that could hold it.
    pub fn with_secret(mut self, name: &str, secret: &str) -> Result<Self, Problem> {
        let body = self.body.as_deref().and_then(|body| serde_json::from_slice::<Map<String, Value>>(body).ok());
        let mut members = body.ok_or_else(|| Problem::new("internal"))?;
        members.insert(name.to_owned(), secret.into());
        self.shown_once = Some(Value::Object(members).to_string().into_bytes());
        for (name, value) in &mut self.headers {
            if name == "cache-control" {
                Caching::Never.header().clone_into(value);
            }
        }
        Ok(self)
    }

    /// A page of a list.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn page<T: Shown, F>(ctx: &Ctx, list: &List<F>, page: &Page<T>) -> Result<Self, Problem> {
        let mut about = Map::new();
        about.insert("limit".to_owned(), list.page.limit.into());
        let mut headers = Vec::new();
        if let Some(after) = &page.next {
            let cursor = Cursor { path: ctx.path().to_owned(), query: list.query.clone(), after: after.clone() };
            let text = cursor.seal(&ctx.app.cursor_key, ctx.actor.user_id.0);
            let next = ctx.url(&format!("{}?cursor={text}", ctx.path()));
            headers.push(("link".to_owned(), format!("<{next}>; rel=\"next\"")));
            about.insert("next".to_owned(), next.into());
        }
        if let Some(total) = page.total {
            about.insert("total".to_owned(), total.into());
        }
        let body = match list.fields.as_deref() {
            // almost every list: as it is, without a copy in between
            None => written(&PageBody { items: &page.items, page: about }, page.items.len())?,
            Some(fields) => {
                let items = page.items.iter().map(|item| narrowed(item, fields)).collect::<Result<Vec<_>, _>>()?;
                written(&PageBody { items: &items, page: about }, items.len())?
            }
        };
        let etag = format!("W/\"p-{}\"", tag(&body));
        let held = ctx.holds(&etag);
        headers.push(("etag".to_owned(), etag));
        headers.push(("cache-control".to_owned(), T::CACHING.header().to_owned()));
        let (status, body) = if held { (304, None) } else { (200, Some(body)) };
        Ok(Self { status, headers, body, shown_once: None, subject: None, in_sight: false })
    }

    fn etag(&self) -> Option<&str> {
        self.headers.iter().find(|(name, _)| name == "etag").map(|(_, value)| value.as_str())
    }

    /// As it is kept for a repetition of the request.
    #[must_use]
    pub fn stored(&self) -> StoredAnswer {
        StoredAnswer {
            status: self.status,
            headers: json!(self.headers),
            // serde_json writes nothing but UTF-8
            body: self.body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default(),
            subject: self.subject.clone(),
            in_sight: self.in_sight,
        }
    }

    /// The answer that was given before.
    #[must_use]
    pub fn replayed(answer: StoredAnswer) -> Self {
        let StoredAnswer { status, headers, body, subject, in_sight } = answer;
        let mut headers: Vec<(String, String)> = serde_json::from_value(headers).unwrap_or_default();
        headers.push(("idempotency-replayed".to_owned(), "true".to_owned()));
        Self {
            status,
            headers,
            body: (!body.is_empty()).then(|| body.into_bytes()),
            shown_once: None,
            subject,
            in_sight,
        }
    }
}

/// A page as it is sent.
#[derive(Serialize)]
struct PageBody<'a, T> {
    items: &'a [T],
    page: Map<String, Value>,
}

/// As many bytes as a resource takes, with some to spare: a page that outgrows what was meant for it is copied each time.
const RESOURCE: usize = 1_280;

fn written(value: &impl Serialize, resources: usize) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::with_capacity((resources + 1) * RESOURCE);
    serde_json::to_writer(&mut body, value).map_err(|_| Problem::new("internal"))?;
    Ok(body)
}

fn narrowed<T: Serialize>(shown: &T, fields: &[String]) -> Result<Value, Problem> {
    let mut value = serde_json::to_value(shown).map_err(|_| Problem::new("internal"))?;
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| name == "id" || fields.contains(name));
    }
    Ok(value)
}

impl Responder for Reply {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut builder = HttpResponse::build(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK));
        for (name, value) in self.headers {
            builder.insert_header((name, value));
        }
        match self.shown_once.or(self.body) {
            Some(body) => builder.content_type("application/json").body(body),
            None => builder.finish(),
        }
    }
}
