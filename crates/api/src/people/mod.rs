//! Persons, households and appointments, over HTTP.

use utoipa_actix_web::service_config::ServiceConfig;

mod access_log;
mod appointments;
mod hand_over;
mod households;
mod members;
mod persons;
mod reveal;
mod search;

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(persons::list_persons)
        .service(persons::create_person)
        .service(search::search_persons)
        .service(persons::get_person)
        .service(persons::put_person)
        .service(persons::update_person)
        .service(reveal::reveal_person)
        .service(access_log::list_my_access_log)
        .service(access_log::list_person_access_log)
        .service(persons::list_person_events)
        .service(households::list_households)
        .service(households::create_household)
        .service(households::get_household)
        .service(households::put_household)
        .service(households::update_household)
        .service(members::add_household_member)
        .service(members::end_household_member)
        .service(households::list_household_events)
        .service(appointments::list_appointments)
        .service(appointments::create_appointment)
        .service(hand_over::hand_over_appointments)
        .service(appointments::get_appointment)
        .service(appointments::put_appointment)
        .service(appointments::end_appointment)
        .service(appointments::list_appointment_events);
}
