//! Identity: signing in and out, who one is, accounts and what they are granted.

use utoipa_actix_web::service_config::ServiceConfig;

mod attempts;
mod clients;
mod dto;
mod grants;
mod handlers;
mod oauth;
mod password;
mod second_factor;
mod service;
mod sessions;
mod users;

pub use attempts::forget_old_attempts;
pub use handlers::jwks;
pub use password::hash;
pub use service::{FIRST_ADMINISTRATOR, code_digest, end_run_out_sessions};

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(handlers::login)
        .service(handlers::reauthenticate)
        .service(handlers::refresh)
        .service(handlers::logout)
        .service(handlers::first_administrator)
        .service(handlers::me)
        .service(second_factor::begin_second_factor)
        .service(second_factor::confirm_second_factor)
        .service(second_factor::renew_recovery_codes)
        .service(second_factor::delete_second_factor)
        .service(second_factor::reset_user_second_factor)
        .service(oauth::issue_client_token)
        .service(clients::list_clients)
        .service(clients::create_client)
        .service(clients::get_client)
        .service(clients::update_client)
        .service(clients::delete_client)
        .service(clients::approve_client)
        .service(clients::disable_client)
        .service(clients::rotate_client_secret)
        .service(clients::list_client_events)
        .service(sessions::list_sessions)
        .service(sessions::get_session)
        .service(sessions::delete_session)
        .service(sessions::list_session_events)
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
