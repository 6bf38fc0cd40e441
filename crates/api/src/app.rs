//! The routes, and the layers around them.

use std::sync::Arc;

use actix_cors::Cors;
use actix_web::{
    App as ActixApp, HttpResponse, ResponseError as _,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    get,
    middleware::{Compress, from_fn},
    web::{self, Data},
};
use serde_json::{Value, json};
use utoipa::OpenApi as _;
use utoipa_actix_web::{AppExt as _, scope, service_config::ServiceConfig};
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    clocks, compounds,
    http::{auth::authenticate, documented, envelope},
    identity, inbox, ledgers, openapi, orders, people, places,
    problem::Problem,
    problem_page::problem_page,
    state::App,
};

fn routes(config: &mut ServiceConfig<'_>) {
    // routes are tried in their order: what is asked for most comes first
    orders::routes(config);
    identity::routes(config);
    places::routes(config);
    people::routes(config);
    compounds::routes(config);
    ledgers::routes(config);
    clocks::routes(config);
    inbox::routes(config);
}

/// The OpenAPI document as it is served under a public URL.
#[must_use]
pub fn document(public_url: &str) -> Value {
    let (_, api) = ActixApp::new()
        .into_utoipa_app()
        .openapi(openapi::Document::openapi())
        .service(scope::scope("/api/v1").configure(routes))
        .split_for_parts();
    openapi::finish(&api, public_url)
}

/// What the workers share.
#[derive(Clone)]
pub struct Served {
    app: Data<App>,
    document: Arc<str>,
    reference: Arc<str>,
    paths: Arc<Vec<documented::Path>>,
}

impl Served {
    /// Puts the document together once.
    #[must_use]
    pub fn new(app: Data<App>) -> Self {
        let mut document = document(&app.settings.public_url);
        let paths = documented::paths(&document);
        let text = document.to_string().into();
        openapi::serve_from_here(&mut document);
        Self { app, document: text, reference: document.to_string().into(), paths: Arc::new(paths) }
    }
}

/// The service of one worker.
pub fn build(
    served: Served,
) -> ActixApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let Served { app, document, reference, paths } = served;
    let (actix, _) =
        ActixApp::new().into_utoipa_app().service(scope::scope("/api/v1").configure(routes)).split_for_parts();
    actix
        .app_data(app.clone())
        .service(identity::jwks)
        .service(livez)
        .service(readyz)
        .service(problem_page)
        .route(
            "/openapi.json",
            web::get().to(move || {
                let document = Arc::clone(&document);
                async move { HttpResponse::Ok().content_type("application/json").body(document.to_string()) }
            }),
        )
        .route(
            "/docs/openapi.json",
            web::get().to(move || {
                let document = Arc::clone(&reference);
                async move { HttpResponse::Ok().content_type("application/json").body(document.to_string()) }
            }),
        )
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").config(reference_page()))
        .app_data(Data::from(paths))
        .default_service(web::to(documented::elsewhere))
        .wrap(from_fn(documented::hold))
        .wrap(from_fn(authenticate))
        .wrap(from_fn(envelope::spare_small))
        .wrap(Compress::default())
        .wrap(cors(&app.settings.cors_origins))
        .wrap(from_fn(envelope::envelope))
}

/// The page of the API reference. The other layout would ask a validator elsewhere for a badge.
fn reference_page() -> utoipa_swagger_ui::Config<'static> {
    utoipa_swagger_ui::Config::from("openapi.json").use_base_layout().persist_authorization(false)
}

fn cors(origins: &[String]) -> Cors {
    let expose = [
        "ETag",
        "Location",
        "Link",
        "X-Request-Id",
        "Idempotency-Replayed",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
    ];
    origins
        .iter()
        .fold(Cors::default(), |cors, origin| cors.allowed_origin(origin))
        .block_on_origin_mismatch(false)
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allow_any_header()
        .expose_headers(expose)
        .max_age(600)
}

#[get("/livez")]
async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Ready: the database answers and its schema is the one that this program knows.
#[get("/readyz")]
async fn readyz(app: Data<App>) -> HttpResponse {
    if !app.is_ready() {
        return Problem::new("unavailable").error_response();
    }
    match app.database.health().await {
        Ok(health) if health.schema == persistence::Database::known_schema() => HttpResponse::Ok()
            .json(json!({"status": "ok", "schema": health.schema, "unsequenced_events": health.unsequenced_events})),
        _ => Problem::new("unavailable").error_response(),
    }
}
