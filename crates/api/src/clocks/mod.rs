//! The business calendar, over HTTP.

use utoipa_actix_web::service_config::ServiceConfig;

mod days;

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(days::list_calendar_days)
        .service(days::create_calendar_day)
        .service(days::get_calendar_day)
        .service(days::put_calendar_day)
        .service(days::update_calendar_day)
        .service(days::list_calendar_day_events);
}
