//! Service orders, their catalog, and the volunteers who serve, over HTTP.

use utoipa_actix_web::service_config::ServiceConfig;

mod catalog;
mod dto;
mod edits;
mod handlers;
mod help;
mod lists;
mod service;
mod teams;
mod volunteers;

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(catalog::list_service_kinds)
        .service(catalog::create_service_kind)
        .service(catalog::get_service_kind)
        .service(catalog::put_service_kind)
        .service(catalog::update_service_kind)
        .service(catalog::list_service_kind_events)
        .service(lists::list_service_orders)
        .service(handlers::create_service_order)
        .service(help::similar_service_orders)
        .service(lists::count_service_orders)
        .service(handlers::get_service_order)
        .service(handlers::put_service_order)
        .service(handlers::update_service_order)
        .service(handlers::list_service_order_events)
        .service(help::service_order_candidates)
        .service(handlers::dispatch_service_order)
        .service(handlers::accept_service_order)
        .service(handlers::decline_service_order)
        .service(handlers::claim_service_order)
        .service(handlers::transfer_service_order)
        .service(handlers::start_service_order)
        .service(handlers::hold_service_order)
        .service(handlers::resume_service_order)
        .service(handlers::extend_service_order)
        .service(handlers::refuse_service_order_extension)
        .service(handlers::complete_service_order)
        .service(handlers::confirm_service_order)
        .service(handlers::reopen_service_order)
        .service(handlers::cancel_service_order)
        .service(handlers::reject_service_order)
        .service(handlers::merge_service_order)
        .service(handlers::join_service_order)
        .service(handlers::contact_service_order)
        .service(volunteers::list_volunteers)
        .service(volunteers::create_volunteer)
        .service(volunteers::get_volunteer)
        .service(volunteers::update_volunteer)
        .service(volunteers::approve_volunteer)
        .service(volunteers::refuse_volunteer)
        .service(volunteers::leave_volunteers)
        .service(volunteers::list_volunteer_events)
        .service(teams::list_volunteer_teams)
        .service(teams::create_volunteer_team)
        .service(teams::get_volunteer_team)
        .service(teams::put_volunteer_team)
        .service(teams::update_volunteer_team)
        .service(teams::add_volunteer_team_member)
        .service(teams::end_volunteer_team_member)
        .service(teams::list_volunteer_team_events);
}
