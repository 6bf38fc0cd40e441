//! Identity: signing in and out, who one is, accounts and what they are granted.

use utoipa_actix_web::service_config::ServiceConfig;

mod dto;
mod grants;
mod handlers;
mod password;
mod service;
mod users;

pub use handlers::jwks;
pub use password::hash;
pub use service::{FIRST_ADMINISTRATOR, code_digest};

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::login)
        .service(handlers::refresh)
        .service(handlers::logout)
        .service(handlers::first_administrator)
        .service(handlers::me)
        .service(users::list_users)
        .service(users::create_user)
        .service(users::get_user)
        .service(users::update_user)
        .service(users::disable_user)
        .service(users::reset_user_password)
        .service(users::list_user_events)
        .service(grants::list_grants)
        .service(grants::create_grant)
        .service(grants::get_grant)
        .service(grants::approve_grant)
        .service(grants::delete_grant)
        .service(grants::list_grant_events);
}
