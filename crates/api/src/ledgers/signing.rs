//! The second signature under an entry, and taking one back.

use actix_web::post;
use domain::{
    access::{Action, ResourceKind},
    id::{LedgerEntryId, LedgerId},
    ledgers::{Entered, Ledger, LedgerEntry, Signature},
};
use persistence::{Found, Tx};
use serde::Deserialize;
use utoipa::ToSchema;
use validator::Validate;

use super::entries::{LedgerEntryOut, part_of, save_balance, shown_new};
use crate::{
    http::{Body, Ctx, PathIds, Reply, resource, value::NothingIn},
    problem::Problem,
};

/// Why an entry is refused or taken back.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = EntryReason, example = json!({"reason": "金额有误"}))]
pub struct EntryReasonIn {
    /// Why.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    reason: String,
}

/// An entry that the caller may do something to, and its ledger, both kept from others. The ledger comes first, so that
/// nobody waits for the other one.
async fn to_change(
    ctx: &Ctx,
    tx: &Tx,
    ids: &PathIds<LedgerId, LedgerEntryId>,
    action: Action,
) -> Result<(Ledger, Found<LedgerEntry>), Problem> {
    let of_ledger = ctx.authorize(Action::Read, ResourceKind::Ledger)?;
    let access = ctx.authorize(action, ResourceKind::LedgerEntry)?;
    let ledger = tx.rows().find_to_change::<Ledger>(&of_ledger, &ids.0).await?.row;
    let found = tx.rows().find_to_change::<LedgerEntry>(&access, &ids.1).await?;
    part_of(ids.0, found.row.ledger_id)?;
    let found = found.permitted(&access)?;
    ctx.check_version(found.row.version)?;
    Ok((ledger, found))
}

/// Sign an entry as the second one: from now on it counts
#[utoipa::path(tag = "ledgers", operation_id = "signLedgerEntry", params(("id" = Uuid, Path, description = "ledger id"), ("entry_id" = Uuid, Path, description = "entry id")), request_body = NothingIn, security(("bearer" = [])), responses((status = 200, body = LedgerEntryOut)))]
#[post("/ledgers/{id}/entries/{entry_id}/sign")]
pub async fn sign_ledger_entry(
    ctx: Ctx,
    ids: PathIds<LedgerId, LedgerEntryId>,
    body: Body<NothingIn>,
) -> Result<Reply, Problem> {
    ctx.write(&body.content, async |tx| {
        let (ledger, found) = to_change(&ctx, tx, &ids, Action::Sign).await?;
        let reverses = found.row.reverses;
        let by = Signature::of(&ctx.actor, ctx.now);
        let Entered { ledger, entry } = found.row.sign(ledger, by, found.grasp.actions, ctx.now)?;
        save_balance(tx, ledger, &entry).await?;
        let entry = tx.update(entry).await?;
        if let Some(wrong) = reverses {
            let access = ctx.authorize(Action::Read, ResourceKind::LedgerEntry)?;
            let wrong = tx.rows().find_to_change::<LedgerEntry>(&access, &wrong).await?.row;
            tx.update(wrong.reversed(entry.id, ctx.now)).await?;
        }
        resource::shown::<LedgerEntryOut>(&ctx, entry)
    })
    .await
}

/// Say no to an entry that waits for a signature: it never counts
#[utoipa::path(tag = "ledgers", operation_id = "refuseLedgerEntry", params(("id" = Uuid, Path, description = "ledger id"), ("entry_id" = Uuid, Path, description = "entry id")), request_body = EntryReasonIn, security(("bearer" = [])), responses((status = 200, body = LedgerEntryOut)))]
#[post("/ledgers/{id}/entries/{entry_id}/refuse")]
pub async fn refuse_ledger_entry(
    ctx: Ctx,
    ids: PathIds<LedgerId, LedgerEntryId>,
    body: Body<EntryReasonIn>,
) -> Result<Reply, Problem> {
    let reason = body.value.reason.trim().to_owned();
    ctx.write(&body.content, async |tx| {
        let (_, found) = to_change(&ctx, tx, &ids, Action::Refuse).await?;
        let by = Signature::of(&ctx.actor, ctx.now);
        let refused = found.row.refuse(reason, by, found.grasp.actions, ctx.now)?;
        resource::shown::<LedgerEntryOut>(&ctx, tx.update(refused).await?)
    })
    .await
}

/// Take an entry back that counts and is wrong
///
/// Another entry is made, which waits for another one's signature. That one is answered.
#[utoipa::path(tag = "ledgers", operation_id = "reverseLedgerEntry", params(("id" = Uuid, Path, description = "ledger id"), ("entry_id" = Uuid, Path, description = "entry id")), request_body = EntryReasonIn, security(("bearer" = [])), responses((status = 201, body = LedgerEntryOut)))]
#[post("/ledgers/{id}/entries/{entry_id}/reverse")]
pub async fn reverse_ledger_entry(
    ctx: Ctx,
    ids: PathIds<LedgerId, LedgerEntryId>,
    body: Body<EntryReasonIn>,
) -> Result<Reply, Problem> {
    let reason = body.value.reason.trim().to_owned();
    ctx.write(&body.content, async |tx| {
        let (_, found) = to_change(&ctx, tx, &ids, Action::Reverse).await?;
        let (id, by) = (ctx.app.ids.next().into(), Signature::of(&ctx.actor, ctx.now));
        let reversal = found.row.reverse(id, reason, by, found.grasp.actions, ctx.now)?;
        if tx.rows().ledger_entries().is_being_reversed(found.row.id).await? {
            return Err(Problem::new("already-reversed"));
        }
        shown_new(&ctx, tx.insert(reversal).await?)
    })
    .await
}
