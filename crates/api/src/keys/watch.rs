//! A running replica takes over what is new in the file of keys.

use std::time::Duration;

use actix_web::web::Data;

use super::KeyFile;
use crate::state::App;

/// How often the file is looked at. It is small, and it is its content that counts: that sees every change, however the file
/// was replaced.
pub const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// Looks at the file until the program ends. `known` is what the service runs with.
pub async fn watch(app: Data<App>, mut known: KeyFile) {
    let mut complained = None;
    loop {
        tokio::time::sleep(LOOKS_EVERY).await;
        let complaint = look(&app, &mut known).await.err();
        if complaint != complained
            && let Some(complaint) = &complaint
        {
            tracing::warn!("the keys stay as they are: {complaint}");
        }
        complained = complaint;
    }
}

async fn look(app: &App, known: &mut KeyFile) -> Result<(), String> {
    let path = app.settings.keys_file.clone();
    let read = tokio::task::spawn_blocking(move || KeyFile::read(&path, false));
    let file = read.await.map_err(|error| error.to_string())??;
    if file == *known {
        return Ok(());
    }
    if (&file.index, &file.cursor) != (&known.index, &known.cursor) {
        return Err("LIANXIN_KEYS_FILE: the key of the blind index or of cursors is another one".to_owned());
    }
    app.use_keys(&file.keys()?)?;
    tracing::info!("the keys were read anew");
    *known = file;
    Ok(())
}
