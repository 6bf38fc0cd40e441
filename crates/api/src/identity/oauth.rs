//! Tokens for clients: the client credentials grant (RFC 6749 §4.4). Unlike everything else here it takes a form and
//! answers faults as that standard says (§5.2).

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, post, web::Data, web::Payload};
use aws_lc_rs::constant_time;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{
    access::{ResourceKind, Scope},
    event::{Datum, EventDraft, Subject},
    id::{ClientId, RefreshTokenId, SessionId, UserId},
    identity::Client,
};
use persistence::{ClientSecret, Stamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{handlers::anonymous, service::code_digest};
use crate::{
    http::{body, envelope::OwnDocument},
    problem::Problem,
    state::App,
    tokens::{Bearer, LIFETIME},
};

/// What a client sends. Its id and secret may stand in the header `Authorization: Basic` instead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientTokenRequest)]
#[expect(dead_code, reason = "it only documents")]
pub struct ClientTokenIn {
    /// `client_credentials`
    #[schema(pattern = "^client_credentials$", max_length = 50)]
    grant_type: String,
    /// The client.
    #[schema(nullable = false, max_length = 100)]
    client_id: Option<String>,
    /// Its secret.
    #[schema(nullable = false, max_length = 200, format = Password)]
    client_secret: Option<String>,
    /// Some of its scopes, separated by blanks; all of them if it is not said.
    #[schema(nullable = false, max_length = 2000)]
    scope: Option<String>,
}

/// A token (RFC 6749 §5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = ClientToken)]
pub struct ClientTokenOut {
    /// For the `Authorization` header: `Bearer …`.
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds until it ends.
    expires_in: i64,
    /// What it allows.
    scope: String,
}

/// Why there is no token (RFC 6749 §5.2).
#[derive(Serialize, ToSchema)]
#[schema(as = ClientTokenError)]
pub struct ClientTokenErrorOut {
    /// `invalid_request`, `invalid_client`, `unsupported_grant_type` or `invalid_scope`
    error: &'static str,
    /// The same in words.
    error_description: &'static str,
}

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Request,
    Client,
    GrantType,
    Scope,
}

impl Fault {
    fn answer(self) -> HttpResponse {
        let (status, error, error_description) = match self {
            Self::Request => (StatusCode::BAD_REQUEST, "invalid_request", "the form is malformed or incomplete"),
            Self::Client => (StatusCode::UNAUTHORIZED, "invalid_client", "client or secret is not valid"),
            Self::GrantType => {
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", "only client_credentials is supported")
            }
            Self::Scope => (StatusCode::BAD_REQUEST, "invalid_scope", "the client does not have this scope"),
        };
        let mut builder = HttpResponse::build(status);
        if self == Self::Client {
            builder.insert_header(("WWW-Authenticate", "Basic realm=\"lianxin\", charset=\"UTF-8\""));
        }
        let mut response = not_kept(&mut builder).json(ClientTokenErrorOut { error, error_description });
        response.extensions_mut().insert(OwnDocument);
        response
    }
}

fn not_kept(builder: &mut actix_web::HttpResponseBuilder) -> &mut actix_web::HttpResponseBuilder {
    builder.insert_header(("Cache-Control", "no-store")).insert_header(("Pragma", "no-cache"))
}

/// Get a token as a client (client credentials, RFC 6749 §4.4)
#[utoipa::path(tag = "auth", operation_id = "issueClientToken", request_body(content = ClientTokenIn, content_type = "application/x-www-form-urlencoded"), responses((status = 200, body = ClientTokenOut), (status = 400, body = ClientTokenErrorOut), (status = 401, body = ClientTokenErrorOut)))]
#[post("/oauth/token")]
pub async fn issue_client_token(
    app: Data<App>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let bytes = body::received(&request, payload.into_inner()).await?;
    let form = match form(&request, &bytes) {
        Ok(form) => form,
        Err(fault) => return Ok(fault.answer()),
    };
    match issue(&app, anonymous(&app, &request), form).await? {
        Ok(token) => Ok(not_kept(&mut HttpResponse::Ok()).json(token)),
        Err(fault) => Ok(fault.answer()),
    }
}

/// What was sent, once it is known that it is well formed.
struct Form {
    id: String,
    secret: String,
    scope: Option<String>,
}

fn form(request: &HttpRequest, bytes: &[u8]) -> Result<Form, Fault> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let media_type = header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Fault::Request);
    }
    let mut sent = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        // §3.2: a parameter without a value is as good as none, and none may stand twice
        if !value.is_empty() && sent.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(Fault::Request);
        }
    }
    let mut take = |name: &str| sent.remove(name);
    match take("grant_type").as_deref() {
        Some("client_credentials") => {}
        Some(_) => return Err(Fault::GrantType),
        None => return Err(Fault::Request),
    }
    let in_body = (take("client_id"), take("client_secret"));
    let scope = take("scope");
    let (id, secret) = match (header("authorization"), in_body) {
        (Some(header), (None, None)) => basic(header).ok_or(Fault::Client)?,
        // §2.3: one way of proving who one is, not two
        (Some(_), _) => return Err(Fault::Request),
        (None, (Some(id), Some(secret))) => (id, secret),
        (None, _) => return Err(Fault::Client),
    };
    Ok(Form { id, secret, scope })
}

/// Id and secret of a header (RFC 6749 §2.3.1: each is written as in a form first).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, coded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |text: &str| {
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        pairs.next().map(|(name, _)| name.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

async fn issue(app: &App, stamp: Stamp, form: Form) -> Result<Result<ClientTokenOut, Fault>, Problem> {
    let Some((client, secret)) = proved(app, &form, stamp.now).await? else {
        let subject = Subject { kind: ResourceKind::Session, id: String::new(), version: 0 };
        let tx = app.database.begin_write(stamp).await?;
        tx.record_as("failed", &[EventDraft::new("auth.client_refused", subject, None)])?;
        tx.commit().await?;
        return Ok(Err(Fault::Client));
    };
    let Some(scopes) = wanted(&client, form.scope.as_deref()) else { return Ok(Err(Fault::Scope)) };
    let (user, session) = (UserId(client.id.0), SessionId(secret.id.0));
    let names: Vec<&'static str> = scopes.iter().map(|scope| scope.name()).collect();
    let scope = names.join(" ");
    let subject = Subject { kind: ResourceKind::Session, id: session.to_string(), version: 1 };
    let event = EventDraft::new("auth.client_token_issued", subject, Some(client.region_code))
        .with("client_id", Datum::Id(client.id.0))
        .with("scopes", Datum::Words(names));
    let now = stamp.now;
    let tx = app.database.begin_write(Stamp { user_id: Some(user), session_id: Some(session), ..stamp }).await?;
    tx.record_look(event)?;
    tx.commit().await?;
    let refresh = RefreshTokenId(secret.id.0);
    let bearer = Bearer { user, session, refresh, authenticated_at: client.created_at, scope: Some(scope.clone()) };
    let access_token = app.tokens.issue(bearer, app.ids.next(), now).map_err(|_| Problem::new("internal"))?;
    Ok(Ok(ClientTokenOut { access_token, token_type: "Bearer", expires_in: LIFETIME, scope }))
}

/// The client that has shown one of its secrets.
async fn proved(app: &App, form: &Form, now: domain::time::Instant) -> Result<Option<(Client, ClientSecret)>, Problem> {
    let Ok(id) = form.id.parse::<ClientId>() else { return Ok(None) };
    let Some((client, secrets)) = app.database.rows().clients().credentials(id, now).await? else { return Ok(None) };
    let digest = code_digest(&form.secret);
    let shown = |secret: &ClientSecret| constant_time::verify_slices_are_equal(&digest, &secret.secret_hash).is_ok();
    Ok(secrets.into_iter().find(shown).map(|secret| (client, secret)))
}

/// The scopes that are asked for, if the client has all of them.
fn wanted(client: &Client, scope: Option<&str>) -> Option<Vec<Scope>> {
    let Some(scope) = scope else { return Some(client.scopes.clone()) };
    let mut scopes = scope
        .split(' ')
        .map(|name| Scope::from_name(name).filter(|scope| client.scopes.contains(scope)))
        .collect::<Option<Vec<_>>>()?;
    scopes.sort_unstable();
    scopes.dedup();
    Some(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_client_and_secret() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(basic(&header("a:b")), Some(("a".to_owned(), "b".to_owned())));
        assert_eq!(basic(&header("a%20x:b%3A%2B+")), Some(("a x".to_owned(), "b:+ ".to_owned())));
        for wrong in ["Basic", "Basic x", "Bearer YTpi", &header("a"), &header("a:"), &header(":b")] {
            assert_eq!(basic(wrong), None, "{wrong}");
        }
    }
}
