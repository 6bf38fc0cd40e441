//! Regions and organizations, over HTTP.

use utoipa_actix_web::service_config::ServiceConfig;

mod organizations;
mod regions;
mod succession;

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(regions::list_regions)
        .service(regions::create_region)
        .service(regions::get_region)
        .service(regions::update_region)
        .service(succession::recode_region)
        .service(succession::merge_region)
        .service(regions::list_region_events)
        .service(organizations::list_organizations)
        .service(organizations::create_organization)
        .service(organizations::get_organization)
        .service(organizations::put_organization)
        .service(organizations::update_organization)
        .service(organizations::list_organization_events);
}
