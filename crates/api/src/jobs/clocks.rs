//! Letting clocks ring: what is nearly due is warned of, what is overdue rises.

use domain::time::Instant;
use persistence::Stamp;

use crate::{problem::Problem, state::App, watch};

/// As many orders as one transaction changes.
const BATCH: u64 = 50;

/// Lets the clocks of all orders tell what they have to tell by now. One replica does it at a time; each order's part is
/// told in the transaction that says so in the order, so that nothing is told twice or forgotten, whoever goes on.
///
/// # Errors
/// If the database does not answer.
pub async fn ring(app: &App, now: Instant) -> Result<(), Problem> {
    while app.database.rows().orders(None).first_ring().await?.is_some_and(|at| at <= now) {
        let tx = app.database.begin_write(Stamp::system(now, "ring-clocks")).await?;
        if !tx.lease("clocks", app.replica).await? {
            return Ok(());
        }
        let mut told = Vec::new();
        for order in tx.rows().orders(None).ringing(now, BATCH).await? {
            let before = order.state.kind();
            if let Some(outcome) = order.ring(now) {
                told.extend(outcome.events.iter().map(|event| event.kind));
                tx.save_order(before, outcome).await?;
            }
        }
        tx.commit().await?;
        told.into_iter().for_each(watch::note_ring);
        app.wrote.notify_one();
    }
    Ok(())
}
