//! What commands share: a line for whoever called them, and the database.

use std::{io::Write as _, sync::Arc};

use persistence::{Database, Patience, Vault};

use crate::{config::Settings, keys::Keys, system::SystemIds};

/// Prints a line.
///
/// # Errors
/// If nobody reads it.
pub fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}

/// As many connections as each thread has.
const CONNECTIONS: u32 = 8;

/// Opens the database of these settings.
///
/// # Errors
/// If it cannot be reached or a key is not usable.
pub async fn open(settings: &Settings, keys: &Keys, patience: Patience) -> Result<Database, String> {
    let vault = Vault::new(&keys.vault)?;
    Database::open(&settings.database_url, CONNECTIONS, patience, vault, Arc::new(SystemIds))
        .await
        .map_err(|error| format!("LIANXIN_DATABASE_URL: {error}"))
}
