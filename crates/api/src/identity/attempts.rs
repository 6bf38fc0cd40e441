//! Attempts to sign in: who has failed too often waits, whatever he tries next.
//!
//! They are counted under keyed hashes of the name that was typed and of the address, in the database, so that all
//! replicas count together and a name that no account has is treated like any other.

use std::net::IpAddr;

use domain::{
    access::ResourceKind,
    event::{Datum, EventDraft, Subject},
    identity::{ATTEMPTS_OF_ACCOUNT, ATTEMPTS_OF_ADDRESS, Attempts},
    time::Instant,
};
use persistence::{Stamp, Tx};

use crate::{http::address::host_of, problem::Problem, state::App, watch};

/// An attempt, and the keys under which it counts.
pub struct Guess {
    account: String,
    address: Option<String>,
}

impl Guess {
    /// An attempt under a user name, from an address.
    pub fn new(app: &App, username: &str, address: Option<IpAddr>) -> Self {
        let key = |purpose: &str, value: &str| {
            let digest = app.database.vault().digest(purpose, value.as_bytes());
            let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            format!("{purpose}-{digits}")
        };
        let address = address.map(|address| key("address", &host_of(address).to_string()));
        Self { account: key("account", username), address }
    }

    /// Refuses whoever has to wait, before any work is done for him.
    pub async fn allow(&self, app: &App) -> Result<(), Problem> {
        let keys = [Some(self.account.as_str()), self.address.as_deref()];
        let found = app.database.rows().failed_attempts(&keys.into_iter().flatten().collect::<Vec<_>>()).await?;
        let mut found = found.into_iter();
        let now = app.now();
        let (of_account, of_address) = (found.next().unwrap_or_default(), found.next().unwrap_or_default());
        open(&of_account, now)?;
        match of_address.blocked_until(ATTEMPTS_OF_ADDRESS, now) {
            Some(until) => Err(Problem::new("quota-exceeded")
                .with("violated-policies", serde_json::json!(["failed-logins-per-address"]))
                .until(until, now)),
            None => Ok(()),
        }
    }

    /// Counts a failed attempt. Of many at once no more are answered than may be tried one after the other.
    pub async fn record_failure(&self, app: &App, stamp: Stamp) -> Result<(), Problem> {
        let tx = app.database.begin_write(stamp).await?;
        let now = tx.now();
        let before = tx.failed_attempts_alone(&self.account).await?;
        open(&before, now)?;
        let attempts = before.and(ATTEMPTS_OF_ACCOUNT, now);
        tx.keep_failed_attempts(&self.account, &attempts).await?;
        if let Some(key) = &self.address {
            let attempts = tx.failed_attempts_alone(key).await?.and(ATTEMPTS_OF_ADDRESS, now);
            tx.keep_failed_attempts(key, &attempts).await?;
        }
        let subject = Subject { kind: ResourceKind::Session, id: String::new(), version: 0 };
        let locked = attempts.blocked_until(ATTEMPTS_OF_ACCOUNT, now).is_some();
        let event = EventDraft::new("auth.login_failed", subject, None).with("locked", Datum::Flag(locked));
        tx.record_as("failed", &[event])?;
        tx.commit().await?;
        watch::note_failed_attempt(locked);
        Ok(())
    }

    /// Forgets what failed before, once somebody has proved who he is, unless too much has failed meanwhile.
    pub async fn settle(&self, tx: &Tx) -> Result<(), Problem> {
        let before = tx.failed_attempts_so_far(&self.account).await?;
        open(&before, tx.now())?;
        if before != Attempts::default() {
            tx.forget_failed_attempts(&self.account).await?;
        }
        Ok(())
    }
}

fn open(attempts: &Attempts, now: Instant) -> Result<(), Problem> {
    match attempts.blocked_until(ATTEMPTS_OF_ACCOUNT, now) {
        Some(until) => Err(Problem::new("account-locked").until(until, now)),
        None => Ok(()),
    }
}

/// Forgets attempts that no longer count.
///
/// # Errors
/// If the database does not answer.
pub async fn forget_old_attempts(app: &App, now: Instant) -> Result<(), Problem> {
    let longest = ATTEMPTS_OF_ACCOUNT.within.max(ATTEMPTS_OF_ADDRESS.within);
    let tx = app.database.begin_write(Stamp::system(now, "purge-attempts")).await?;
    tx.purge_failed_attempts(now - longest).await?;
    tx.commit().await?;
    Ok(())
}
