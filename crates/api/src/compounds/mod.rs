//! Compounds, their buildings, units and dwellings, over HTTP.

use utoipa_actix_web::service_config::ServiceConfig;

mod buildings;
mod compound;
mod dwellings;
pub mod expand;
mod inspections;
mod management;
mod units;

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(compound::list_compounds)
        .service(compound::create_compound)
        .service(compound::get_compound)
        .service(compound::put_compound)
        .service(compound::update_compound)
        .service(compound::delete_compound)
        .service(management::change_compound_mode)
        .service(management::cover_compound)
        .service(management::uncover_compound)
        .service(compound::list_compound_events)
        .service(buildings::list_buildings)
        .service(buildings::create_building)
        .service(buildings::get_building)
        .service(buildings::put_building)
        .service(buildings::update_building)
        .service(buildings::list_building_events)
        .service(units::list_units)
        .service(units::create_unit)
        .service(units::get_unit)
        .service(units::put_unit)
        .service(units::update_unit)
        .service(units::list_unit_events)
        .service(dwellings::list_dwellings)
        .service(dwellings::create_dwelling)
        .service(dwellings::get_dwelling)
        .service(dwellings::put_dwelling)
        .service(dwellings::update_dwelling)
        .service(dwellings::change_dwelling_owners)
        .service(dwellings::list_dwelling_events)
        .service(inspections::list_inspections)
        .service(inspections::create_inspection)
        .service(inspections::get_inspection)
        .service(inspections::list_inspection_events);
}
