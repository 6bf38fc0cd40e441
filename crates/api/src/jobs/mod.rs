//! What the service does by itself: orders events, tells people of them, lets clocks ring, confirms what nobody answers,
//! ends sessions, writes refusals, forgets what is past.

mod clocks;

use std::time::Duration;

use actix_web::web::Data;
use chrono::TimeDelta;
use domain::{
    access::ResourceKind,
    event::{Datum, EventDraft, Subject},
    time::Instant,
};
use persistence::{Database, Sequenced, Stamp};

use crate::{identity, problem::Problem, state::App, watch};

/// How long after a change the jobs wait for more of them: many events are put in order as quickly as one.
const GATHER: Duration = Duration::from_millis(100);

/// How long the resident has to answer.
const SILENCE: TimeDelta = TimeDelta::days(7);

/// How long people find what they were told.
const TOLD: TimeDelta = TimeDelta::days(180);

/// Runs the jobs until the program ends.
pub async fn run(app: Data<App>) {
    let mut turns: u32 = 0;
    loop {
        let wait = tokio::time::timeout(Duration::from_millis(400), app.wrote.notified());
        let _woken = wait.await;
        tokio::time::sleep(GATHER).await;
        let sequenced = app.database.sequence_events(app.replica, app.now()).await;
        if let Err(error) = watch::round("sequencer", app.now(), sequenced) {
            tracing::warn!(error = %error, "events were not put in order");
        }
        let told = tell_people(&app, app.now()).await;
        if let Err(problem) = watch::round("inbox", app.now(), told) {
            tracing::warn!(code = problem.code(), "people were not told");
        }
        turns = turns.wrapping_add(1);
        if turns % 20 == 1 {
            if let Ok(health) = app.database.health().await {
                watch::note_waiting_events(health.unsequenced_events);
            }
            if let Err(problem) = tend(&app, app.now()).await {
                tracing::warn!(code = problem.code(), "background work was put off");
            }
        }
    }
}

/// Puts all waiting events in order.
///
/// # Errors
/// If the database does not answer.
pub async fn sequence_all(app: &App) -> Result<(), Problem> {
    sequence(app, &app.database).await
}

async fn sequence(app: &App, database: &Database) -> Result<(), Problem> {
    while let Sequenced::Here(1..) = database.sequence_events(app.replica, app.now()).await? {}
    Ok(())
}

/// Tells people of what happened and concerns them.
///
/// # Errors
/// If the database does not answer.
pub async fn tell_people(app: &App, now: Instant) -> Result<(), Problem> {
    while app.database.tell_people(app.replica, now).await? > 0 {}
    Ok(())
}

/// Writes what would be lost with the program, once it serves nobody any more. The database is opened anew for it:
/// a connection to PostgreSQL ends with the thread on which it was opened, and those that served have ended.
///
/// # Errors
/// If the database does not answer.
pub async fn finish(app: &App, database: &Database) -> Result<(), Problem> {
    write_refusals(app, database, app.now(), true).await?;
    sequence(app, database).await
}

/// One round of everything that is not urgent.
///
/// # Errors
/// If the database does not answer.
pub async fn tend(app: &App, now: Instant) -> Result<(), Problem> {
    watch::round("refusals", now, write_refusals(app, &app.database, now, false).await)?;
    watch::round("calendar", now, app.read_calendar().await)?;
    watch::round("clocks", now, clocks::ring(app, now).await)?;
    watch::round("silence", now, confirm_by_silence(app, now).await)?;
    watch::round("sessions", now, identity::end_run_out_sessions(app, now).await)?;
    watch::round("attempts", now, identity::forget_old_attempts(app, now).await)?;
    watch::round("terms", now, announce_terms(app, now).await)?;
    watch::round("purge", now, purge(app, now).await)
}

/// Forgets answers and notifications that were kept long enough.
async fn purge(app: &App, now: Instant) -> Result<(), Problem> {
    let tx = app.database.begin_write(Stamp::system(now, "purge")).await?;
    tx.purge_keys().await?;
    tx.purge_notifications(now - TOLD).await?;
    tx.commit().await?;
    Ok(())
}

/// Announces terms of appointments that end within thirty days, each once. One replica at a time does it.
async fn announce_terms(app: &App, now: Instant) -> Result<(), Problem> {
    const AT_ONCE: usize = 100;
    loop {
        let tx = app.database.begin_write(Stamp::system(now, "announce-terms")).await?;
        if !tx.lease("announce-terms", app.replica).await? {
            return Ok(());
        }
        let told = tx.announce_terms(AT_ONCE as u64).await?;
        tx.commit().await?;
        if told < AT_ONCE {
            return Ok(());
        }
    }
}

/// Writes the refusals of past minutes, or all of them: one event for each caller, operation and minute.
async fn write_refusals(app: &App, database: &Database, now: Instant, all: bool) -> Result<(), Problem> {
    for (user, operation, count) in app.take_refusals(now, all) {
        let stamp = Stamp { user_id: Some(user.into()), operation, ..Stamp::system(now, "") };
        let subject = Subject { kind: ResourceKind::User, id: user.to_string(), version: 0 };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let event = EventDraft::new("auth.refused", subject, None).with("count", Datum::Count(count));
        let tx = database.begin_write(stamp).await?;
        tx.record_as("refused", &[event])?;
        tx.commit().await?;
    }
    Ok(())
}

/// Confirms orders that have been completed for seven days without an answer.
///
/// # Errors
/// If the database does not answer.
pub async fn confirm_by_silence(app: &App, now: Instant) -> Result<(), Problem> {
    loop {
        let tx = app.database.begin_write(Stamp::system(now, "confirm-by-silence")).await?;
        let orders = tx.rows().orders(None).unanswered_since(now - SILENCE, 50).await?;
        let found = orders.len();
        for order in orders {
            let before = order.state.kind();
            if let Some(outcome) = order.confirm_by_silence(now) {
                tx.save_order(before, outcome).await?;
            }
        }
        tx.commit().await?;
        if found < 50 {
            return Ok(());
        }
    }
}
