//! The inbox, over HTTP.

use utoipa_actix_web::service_config::ServiceConfig;

mod notifications;
mod words;

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(notifications::list_notifications)
        .service(notifications::read_all_notifications)
        .service(notifications::get_notification)
        .service(notifications::read_notification)
        .service(notifications::list_notification_events);
}
