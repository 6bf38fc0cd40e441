//! A sealed value that does not open is a matter of security: whoever came upon it, it leaves an event.

use actix_web::{body::BoxBody, dev::ServiceResponse, web::Data};
use domain::{
    access::ResourceKind,
    event::{Datum, EventDraft, Subject},
};
use persistence::Stamp;
use uuid::Uuid;

use super::ctx::{Trace, actor_of, operation_of};
use crate::{
    problem::{Problem, Tampered},
    state::App,
};

/// Writes the event, if this is an answer to which it belongs.
pub async fn sound(response: &ServiceResponse<BoxBody>, trace: &Trace) {
    let tampered = response.response().extensions().get::<Problem>().and_then(Problem::tampered).cloned();
    let request = response.request();
    let (Some(tampered), Some(app)) = (tampered, request.app_data::<Data<App>>()) else { return };
    let actor = actor_of(request);
    let stamp = Stamp {
        now: app.now(),
        user_id: actor.as_ref().map(|actor| actor.user_id),
        session_id: actor.as_ref().map(|actor| actor.session_id),
        address: trace.address,
        operation: operation_of(request),
        request_id: trace.request_id.clone(),
    };
    if let Err(error) = record(app, stamp, tampered).await {
        tracing::error!(error = %error, request_id = trace.request_id, "the event of a tampered value was not written");
    }
}

/// It is about the caller and not about the row, so that it does not show in the row's own history.
async fn record(app: &App, stamp: Stamp, tampered: Tampered) -> persistence::Result<()> {
    let Tampered { table, column, row } = tampered;
    let caller = stamp.user_id.map(|id| id.to_string()).unwrap_or_default();
    let event = EventDraft::new(
        "security.integrity_failed",
        Subject { kind: ResourceKind::User, id: caller, version: 0 },
        None,
    )
    .with("table", Datum::Word(table))
    .with("column", Datum::Word(column))
    .with_some("row", row.parse::<Uuid>().ok().map(Datum::Id));
    let tx = app.database.begin_write(stamp).await?;
    tx.record_as("failed", &[event])?;
    tx.commit().await
}
