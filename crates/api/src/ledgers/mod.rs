//! Ledgers, their entries and disclosures, over HTTP.

use utoipa_actix_web::service_config::ServiceConfig;

mod disclosures;
mod entries;
mod ledger;
mod signing;

/// The operations of this area.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(ledger::list_ledgers)
        .service(ledger::create_ledger)
        .service(ledger::get_ledger)
        .service(ledger::put_ledger)
        .service(ledger::list_ledger_events)
        .service(entries::list_ledger_entries)
        .service(entries::create_ledger_entry)
        .service(entries::get_ledger_entry)
        .service(entries::list_ledger_entry_events)
        .service(signing::sign_ledger_entry)
        .service(signing::refuse_ledger_entry)
        .service(signing::reverse_ledger_entry)
        .service(disclosures::list_disclosures)
        .service(disclosures::create_disclosure)
        .service(disclosures::get_disclosure)
        .service(disclosures::list_disclosure_events);
}
