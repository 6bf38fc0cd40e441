//! What surrounds every request: its ids, its log line, the headers of its answer, and problem documents.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Instant,
};

use actix_web::{
    HttpMessage as _, HttpResponse, ResponseError as _,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use domain::text;
use futures_util::future::Either;
use opentelemetry::{Context, context::FutureExt as _};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::{
    alarm,
    ctx::{Trace, UNKNOWN_ROUTE, actor_of, operation, operation_of, route_of},
    traceparent::TraceParent,
};
use crate::{
    problem::{Locale, Problem},
    state::App,
    watch::{
        requests::{self, Answering},
        traces,
    },
};

/// Addresses longer than this are refused.
const LONGEST_URI: usize = 8 * 1024;
/// The same of the whole head: the address and all headers.
const LONGEST_HEAD: usize = 16 * 1024;
/// Answers smaller than this are not compressed.
const WORTH_COMPRESSING: u64 = 1024;

/// Marks an answer that tells what is wrong in a form of its own, which a standard prescribes.
#[derive(Debug, Clone, Copy)]
pub struct OwnDocument;

/// The outermost layer.
///
/// # Errors
/// What the inner service could not turn into an answer.
pub async fn envelope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let _answering = Answering::begin();
    let (trace, span) = trace(&request);
    let begun = Begun { at: Instant::now(), method: request.method().clone(), span };
    request.extensions_mut().insert(trace.clone());
    let response = match refusal(&request) {
        Some(problem) => request.into_response(problem.error_response()),
        None => match call(request, next, &trace, begun.span.clone()).await {
            Ok(response) => response,
            Err(error) => {
                begun.end(UNKNOWN_ROUTE, error.as_response_error().status_code(), None);
                return Err(error);
            }
        },
    };
    let mut response = documented(response, &trace);
    alarm::sound(&response, &trace).await;
    let is_docs = response.request().path().starts_with("/docs");
    let is_secure = is_secure(response.request().app_data());
    dress(response.headers_mut(), &trace, is_docs, is_secure);
    if response.request().app_data::<Data<App>>().is_some_and(|app| !app.is_ready()) {
        // whoever stays connected would be cut off in the midst of a request when the service ends
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let code = response.response().extensions().get::<Problem>().map(Problem::code);
    let route = route_of(response.request());
    log(&response, &trace, &route, code, begun.at);
    begun.end(&route, response.status(), code);
    Ok(response)
}

/// A request that is being answered, to whoever watches.
struct Begun {
    at: Instant,
    method: Method,
    /// Where requests are traced.
    span: Option<Context>,
}

impl Begun {
    /// Tells how it ended.
    fn end(self, route: &str, status: StatusCode, code: Option<&'static str>) {
        let Self { at, method, span } = self;
        let (method, status) = (requests::method_word(method.as_str()), status.as_u16());
        requests::note(method, route, status, at.elapsed());
        if let Some(span) = span {
            traces::end(&span, method, route, status, code);
        }
    }
}

/// What is refused before anybody looks at it.
fn refusal(request: &ServiceRequest) -> Option<Problem> {
    let uri = request.uri().to_string().len();
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    let is_text = |path: &str| text::first_forbidden(path).is_none() && !path.contains(['\n', '\t']);
    if uri > LONGEST_URI {
        Some(Problem::new("uri-too-long"))
    } else if uri + headers.sum::<usize>() > LONGEST_HEAD {
        Some(Problem::new("head-too-long"))
    } else if !percent_decode_str(request.path()).decode_utf8().is_ok_and(|path| is_text(&path)) {
        Some(Problem::new("bad-request"))
    } else {
        (!acceptable(request)).then(|| Problem::new("not-acceptable"))
    }
}

/// Lets the inner service answer. Should it panic, the caller gets a problem like any other.
async fn call(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    trace: &Trace,
    span: Option<Context>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let (path, locale) = (request.path().to_owned(), locale(request.headers()));
    let is_secure = is_secure(request.app_data());
    let answer = next.call(request);
    let answer = match span {
        Some(span) => Either::Left(answer.with_context(span)),
        None => Either::Right(answer),
    };
    let mut answering = pin!(answer);
    let answered = poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context)));
        poll.map_or_else(|_| Poll::Ready(None), |poll| poll.map(Some))
    });
    if let Some(answer) = answered.await {
        return Ok(answer?.map_into_boxed_body());
    }
    tracing::error!(request_id = trace.request_id, trace_id = trace.trace_id, "a handler panicked");
    let document = Problem::new("internal").document(&path, &trace.trace_id, locale);
    let mut response = HttpResponse::InternalServerError().body(document.to_string());
    mark_problem(response.headers_mut(), locale);
    dress(response.headers_mut(), trace, false, is_secure);
    Err(InternalError::from_response("a handler panicked", response).into())
}

/// What a request is called here: by its own words where they fit, else by ours. Where requests are traced, its span says
/// in which trace it is.
fn trace(request: &ServiceRequest) -> (Trace, Option<Context>) {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let app = request.app_data::<Data<App>>();
    let fresh = || app.map(|app| app.ids.next()).unwrap_or(Uuid::nil());
    let plain = |text: &&str| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    let request_id = header("x-request-id").filter(plain).map_or_else(|| fresh().to_string(), str::to_owned);
    let parent = header("traceparent").and_then(TraceParent::parse);
    let span = app.and_then(|app| app.tracer.as_ref()).map(|tracer| traces::begin(tracer, parent));
    let joined = span.as_ref().map(traces::trace_id).or_else(|| parent.map(|parent| parent.trace_id.to_owned()));
    let trace_id = joined.unwrap_or_else(|| fresh().simple().to_string());
    let address = app.and_then(|app| app.settings.trusted_proxies.client_of(request));
    (Trace { request_id, trace_id, address }, span)
}

/// 406 is for resources: whoever asks for none of their forms gets none.
fn acceptable(request: &ServiceRequest) -> bool {
    if !request.path().starts_with("/api/") {
        return true;
    }
    let Some(accept) = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()) else { return true };
    accept.trim().is_empty()
        || accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
            !refused
                && matches!(name.as_str(), "*/*" | "application/*" | "application/json" | "application/problem+json")
        })
}

/// Turns every error into a problem document.
fn documented(response: ServiceResponse<BoxBody>, trace: &Trace) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let known = response.response().extensions().get::<Problem>().cloned();
    let is_document =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/problem+json");
    if is_document || response.response().extensions().get::<OwnDocument>().is_some() {
        return response;
    }
    let problem = known.unwrap_or_else(|| Problem::of_status(status.as_u16()));
    let request = response.request();
    if status == StatusCode::FORBIDDEN
        && let (Some(app), Some(actor)) = (request.app_data::<Data<App>>(), actor_of(request))
    {
        app.note_refusal(actor.user_id.0, &operation_of(request), app.now());
    }
    let locale = locale(request.headers());
    let mut document = problem.document(request.path(), &trace.trace_id, locale);
    // the status of the answer is the truth
    if let Some(members) = document.as_object_mut() {
        members.insert("status".to_owned(), status.as_u16().into());
    }
    let mut response = response.map_body(|_, _| BoxBody::new(document.to_string()));
    mark_problem(response.headers_mut(), locale);
    response
}

fn locale(headers: &HeaderMap) -> Locale {
    Locale::accepted(headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()))
}

fn mark_problem(headers: &mut HeaderMap, locale: Locale) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(header::CONTENT_LENGTH);
}

fn is_secure(app: Option<&Data<App>>) -> bool {
    app.is_some_and(|app| app.settings.public_url.starts_with("https"))
}

fn dress(headers: &mut HeaderMap, trace: &Trace, is_docs: bool, is_secure: bool) {
    let coding = headers.get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // a compressed form is another representation, so its tag is another one
    if let Some(coding) = coding.filter(|coding| coding != "identity")
        && let Some(etag) = headers.get(header::ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned)
        && let Ok(value) = HeaderValue::from_str(&format!("{}-{coding}\"", etag.trim_end_matches('"')))
    {
        headers.insert(header::ETAG, value);
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value == "identity") {
        headers.remove(header::CONTENT_ENCODING);
    }
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    put("x-request-id", &trace.request_id);
    put("x-content-type-options", "nosniff");
    put("referrer-policy", "no-referrer");
    put("x-frame-options", "DENY");
    put("vary", "Accept-Language, Accept-Encoding, Authorization, Origin");
    // the reference page is built of its own scripts and styles, nothing from elsewhere
    let policy = if is_docs {
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
    } else {
        "default-src 'none'; frame-ancestors 'none'"
    };
    put("content-security-policy", policy);
    if is_secure {
        put("strict-transport-security", "max-age=31536000; includeSubDomains");
    }
}

/// One line a request. It names the pattern of the path, so no id of a person; queries and bodies never.
fn log(response: &ServiceResponse<BoxBody>, trace: &Trace, route: &str, code: Option<&'static str>, started: Instant) {
    let request = response.request();
    tracing::info!(
        operation = operation(request, route),
        status = response.status().as_u16(),
        milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        user = actor_of(request).map(|actor| actor.user_id.to_string()),
        request_id = trace.request_id,
        trace_id = trace.trace_id,
        code,
        "request"
    );
}

/// Keeps small answers from being compressed: it costs more than it saves.
///
/// # Errors
/// What the inner service could not turn into an answer.
pub async fn spare_small(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let BodySize::Sized(size) = response.response().body().size()
        && size < WORTH_COMPRESSING
    {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(response)
}
