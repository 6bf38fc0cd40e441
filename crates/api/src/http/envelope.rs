//! What surrounds every request: its ids, its log line, the headers of its answer, and problem documents.

use std::time::Instant;

use actix_web::{
    HttpMessage as _, ResponseError as _,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use uuid::Uuid;

use super::ctx::{Trace, actor_of, operation_of};
use crate::{
    problem::{Locale, Problem},
    state::App,
};

/// Addresses longer than this are refused.
const LONGEST_URI: usize = 8 * 1024;
/// Answers smaller than this are not compressed.
const WORTH_COMPRESSING: u64 = 1024;

/// The outermost layer.
///
/// # Errors
/// What the inner service could not turn into an answer.
pub async fn envelope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let started = Instant::now();
    let trace = trace(&request);
    request.extensions_mut().insert(trace.clone());
    let uri_length = request.uri().to_string().len();
    let response = if uri_length > LONGEST_URI {
        request.into_response(Problem::new("uri-too-long").error_response())
    } else if acceptable(&request) {
        next.call(request).await?.map_into_boxed_body()
    } else {
        request.into_response(Problem::new("not-acceptable").error_response())
    };
    let mut response = documented(response, &trace);
    dress(&mut response, &trace);
    log(&response, &trace, started);
    Ok(response)
}

fn trace(request: &ServiceRequest) -> Trace {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let app = request.app_data::<Data<App>>();
    let fresh = || app.map(|app| app.ids.next()).unwrap_or(Uuid::nil());
    let plain = |text: &&str| {
        (1..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    let request_id = header("x-request-id").filter(plain).map_or_else(|| fresh().to_string(), str::to_owned);
    // version 00: 2-32-16-2 lower-case hexadecimal digits
    let parent = header("traceparent").and_then(|value| {
        let parts: Vec<&str> = value.split('-').collect();
        let hex = |part: &str, length| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        match parts.as_slice() {
            ["00", trace, span, flags]
                if hex(trace, 32) && hex(span, 16) && hex(flags, 2) && !trace.trim_matches('0').is_empty() =>
            {
                Some((*trace).to_owned())
            }
            _ => None,
        }
    });
    Trace { request_id, trace_id: parent.unwrap_or_else(|| fresh().simple().to_string()) }
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
    if is_document {
        return response;
    }
    let problem = known.unwrap_or_else(|| Problem::of_status(status.as_u16()));
    let request = response.request();
    if status == StatusCode::FORBIDDEN
        && let (Some(app), Some(actor)) = (request.app_data::<Data<App>>(), actor_of(request))
    {
        app.note_refusal(actor.user_id.0, &operation_of(request), app.now());
    }
    let language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let locale = Locale::accepted(language);
    let mut document = problem.document(request.path(), &trace.trace_id, locale);
    // the status of the answer is the truth
    if let Some(members) = document.as_object_mut() {
        members.insert("status".to_owned(), status.as_u16().into());
    }
    let mut response = response.map_body(|_, _| BoxBody::new(document.to_string()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(header::CONTENT_LENGTH);
    response
}

fn dress(response: &mut ServiceResponse<BoxBody>, trace: &Trace) {
    let is_docs = response.request().path().starts_with("/docs");
    let secure =
        response.request().app_data::<Data<App>>().is_some_and(|app| app.settings.public_url.starts_with("https"));
    let coding =
        response.headers().get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let headers = response.headers_mut();
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
    if secure {
        put("strict-transport-security", "max-age=31536000; includeSubDomains");
    }
}

/// One line a request. It names the pattern of the path, so no id of a person; queries and bodies never.
fn log(response: &ServiceResponse<BoxBody>, trace: &Trace, started: Instant) {
    let request = response.request();
    tracing::info!(
        operation = operation_of(request),
        status = response.status().as_u16(),
        milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        user = actor_of(request).map(|actor| actor.user_id.to_string()),
        request_id = trace.request_id,
        trace_id = trace.trace_id,
        code = response.response().extensions().get::<Problem>().map(Problem::code),
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
