//! Entries of ledgers.

use actix_web::{get, post};
use chrono::NaiveDate;
use domain::{
    access::{Action, Detail, ResourceKind},
    id::{LedgerEntryId, LedgerId},
    ledgers::{
        Entered, EntryCategory, EntryKind, EntryState, Flow, Ledger, LedgerEntry, NewEntry, NewEntryKind, Signature,
    },
    money::Money,
    outcome::Outcome,
};
use persistence::{Found, LedgerEntryFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, List, ListFilter, ListParams, OneOf, PathId, PathIds, Reply, View, WordOf, query,
        resource::{self, page_of, shown_as},
        timeline::{EventPageOut, TimelineIn},
        value::masked_name,
    },
    problem::Problem,
};

type EntryKindIo = WordOf<EntryKind>;
type NewEntryKindIo = WordOf<NewEntryKind>;
type EntryStateIo = WordOf<EntryState>;
type FlowIo = WordOf<Flow>;
type EntryCategoryIo = WordOf<EntryCategory>;

/// Who signed an entry.
#[derive(Serialize, ToSchema)]
#[schema(as = EntrySignature)]
pub struct SignatureOut {
    /// His account.
    user_id: Uuid,
    /// What he is called; masked.
    display_name: String,
    /// When.
    at: At,
}

/// An entry 账目 of a ledger. Those to whom the money belongs see it once it is disclosed.
#[derive(Serialize, ToSchema)]
#[schema(as = LedgerEntry)]
pub struct LedgerEntryOut {
    /// Its id.
    id: Uuid,
    /// The ledger.
    pub ledger_id: Uuid,
    /// Where the ledger is.
    region_code: String,
    /// The compound of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compound_id: Option<Uuid>,
    /// Its number within the ledger, once it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    number: Option<i64>,
    /// What it is.
    kind: EntryKindIo,
    /// Where the money goes.
    flow: FlowIo,
    /// How much, in yuan.
    amount: String,
    /// The balance of the ledger after it, in yuan, once it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    balance_after: Option<String>,
    /// From what, or for what.
    category: EntryCategoryIo,
    /// The day on which the money came or went.
    occurred_on: NaiveDate,
    /// From whom, or to whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    counterparty: Option<String>,
    /// What there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    memo: Option<String>,
    /// The entry that it takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reverses: Option<Uuid>,
    /// The entry by which it is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reversed_by: Option<Uuid>,
    /// Where it stands.
    state: EntryStateIo,
    /// Who entered it, for those who keep the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    entered_by: Option<SignatureOut>,
    /// Who signed it or refused to, for those who keep the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    signed_by: Option<SignatureOut>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refusal: Option<String>,
    /// When it began to count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    posted_at: Option<At>,
    /// Whether it was shown to those to whom the money belongs.
    disclosed: bool,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes.
    version: i64,
    /// When it was entered.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(LedgerEntryPageOut, LedgerEntryPage, LedgerEntryOut);
shown_as!(LedgerEntryOut, LedgerEntry, Personal);

impl From<Signature> for SignatureOut {
    fn from(signature: Signature) -> Self {
        let Signature { user_id, person_id: _, display_name, at } = signature;
        Self { user_id: user_id.0, display_name: masked_name(&display_name), at: at.into() }
    }
}

impl View for LedgerEntryOut {
    type Row = LedgerEntry;

    const COLLECTION: &'static str = "entries";

    fn of(ctx: &Ctx, found: Found<LedgerEntry>) -> Self {
        let masked = found.grasp.detail >= Detail::Masked;
        let actions = found.row.actions(found.grasp.actions, &Signature::of(&ctx.actor, ctx.now));
        let LedgerEntry {
            id,
            ledger_id,
            region_code,
            compound_id,
            number,
            kind,
            flow,
            amount,
            balance_after,
            category,
            occurred_on,
            counterparty,
            memo,
            reverses,
            reversed_by,
            state,
            entered_by,
            signed_by,
            refusal,
            posted_at,
            disclosed,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            ledger_id: ledger_id.0,
            region_code: region_code.to_string(),
            compound_id: compound_id.map(Into::into),
            number,
            kind: WordOf(kind),
            flow: WordOf(flow),
            amount: amount.to_string(),
            balance_after: balance_after.map(|balance| balance.to_string()),
            category: WordOf(category),
            occurred_on,
            counterparty,
            memo,
            reverses: reverses.map(Into::into),
            reversed_by: reversed_by.map(Into::into),
            state: WordOf(state),
            entered_by: masked.then(|| entered_by.into()),
            signed_by: signed_by.filter(|_| masked).map(Into::into),
            refusal,
            posted_at: posted_at.map(Into::into),
            disclosed,
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// What comes in or is paid. A wrong entry is taken back by `reverse`.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLedgerEntry, example = json!({"kind": "payment", "amount": "860.00", "category": "maintenance", "occurred_on": "2026-03-10", "counterparty": "渝水管道维修部", "memo": "更换 2 栋排水管"}))]
pub struct LedgerEntryIn {
    /// Income or payment.
    kind: NewEntryKindIo,
    /// How much, in yuan, at most two decimal places; more than nothing.
    #[schema(max_length = 13, pattern = r"^(0\.(0[1-9]|[1-9][0-9]?)|[1-9][0-9]{0,9}(\.[0-9]{1,2})?)$")]
    amount: String,
    /// From what, or for what.
    category: EntryCategoryIo,
    /// The day on which the money came or went.
    occurred_on: NaiveDate,
    /// From whom, or to whom.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    counterparty: Option<String>,
    /// What there is to say.
    #[schema(min_length = 1, max_length = 500, pattern = r"\S")]
    memo: Option<String>,
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type EntryStates = OneOf<EntryState>;
type EntryKinds = OneOf<EntryKind>;
type EntryCategories = OneOf<EntryCategory>;

/// Filters of the list of entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LedgerEntryListIn {
    /// In one of these states, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    state: EntryStates,
    /// Of one of these kinds, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    kind: EntryKinds,
    /// Of one of these categories, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    category: EntryCategories,
    /// Of this day or after it.
    #[param(value_type = Option<String>, format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    from: Option<NaiveDate>,
    /// Of this day or before it.
    #[param(value_type = Option<String>, format = Date, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    to: Option<NaiveDate>,
    /// Shown to those to whom the money belongs, or not yet.
    #[serde(default, deserialize_with = "query::flag")]
    disclosed: Option<bool>,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for LedgerEntryListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List the entries of a ledger
#[utoipa::path(tag = "ledgers", operation_id = "listLedgerEntries", params(("id" = Uuid, Path, description = "ledger id"), ListParams, LedgerEntryListIn), security(("bearer" = [])), responses((status = 200, body = LedgerEntryPageOut)))]
#[get("/ledgers/{id}/entries")]
pub async fn list_ledger_entries(
    ctx: Ctx,
    id: PathId<LedgerId>,
    list: List<LedgerEntryListIn>,
) -> Result<Reply, Problem> {
    let of_ledger = ctx.authorize(Action::Read, ResourceKind::Ledger)?;
    let access = ctx.authorize(Action::Read, ResourceKind::LedgerEntry)?;
    let rows = ctx.app.database.rows();
    rows.find::<Ledger>(&of_ledger, &id.0).await?;
    let LedgerEntryListIn { state, kind, category, from, to, disclosed, sort: () } = &list.filter;
    let filter = LedgerEntryFilter {
        ledger_id: id.0,
        state: state.0.clone(),
        kind: kind.0.clone(),
        category: category.0.clone(),
        from: *from,
        to: *to,
        disclosed: *disclosed,
    };
    let page = rows.ledger_entries().page(&access, &filter, &list.page).await?;
    resource::page::<LedgerEntryOut, _>(&ctx, &list, page)
}

/// Write an entry into a ledger
///
/// What comes in counts at once. What is paid waits for the signature of another one.
#[utoipa::path(tag = "ledgers", operation_id = "createLedgerEntry", params(("id" = Uuid, Path, description = "ledger id"), ("Idempotency-Key" = String, Header, description = "required: money is not written down twice")), request_body = LedgerEntryIn, security(("bearer" = [])), responses((status = 201, body = LedgerEntryOut)))]
#[post("/ledgers/{id}/entries")]
pub async fn create_ledger_entry(ctx: Ctx, id: PathId<LedgerId>, body: Body<LedgerEntryIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Enter, ResourceKind::Ledger)?;
    if !access.permits_some() {
        return Err(Problem::new("forbidden"));
    }
    ctx.require_key()?;
    let LedgerEntryIn { kind, amount, category, occurred_on, counterparty, memo } = body.value;
    let amount = Money::parse(&amount).ok_or_else(|| Problem::field("/amount", "format"))?;
    let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
    let new = NewEntry {
        id: ctx.app.ids.next().into(),
        kind: kind.0,
        amount,
        category: category.0,
        occurred_on,
        counterparty: trimmed(counterparty),
        memo: trimmed(memo),
    };
    ctx.write(&body.content, async |tx| {
        let ledger = tx.rows().find_to_change::<Ledger>(&access, &id.0).await?.permitted(&access)?.row;
        let Entered { ledger, entry } = ledger.enter(new, Signature::of(&ctx.actor, ctx.now), ctx.now)?;
        save_balance(tx, ledger, &entry).await?;
        let entry = tx.insert(entry).await?;
        shown_new(&ctx, entry)
    })
    .await
}

/// Saves what a ledger holds after an entry that counts. What the ledger tells is the entry's event.
pub(super) async fn save_balance(tx: &Tx, ledger: Option<Ledger>, entry: &Outcome<LedgerEntry>) -> Result<(), Problem> {
    let Some(ledger) = ledger else { return Ok(()) };
    let event = ledger.counted(&entry.value);
    tx.update(Outcome::new(ledger, event)).await?;
    Ok(())
}

/// A new entry, as an answer shows it.
pub(super) fn shown_new(ctx: &Ctx, entry: LedgerEntry) -> Result<Reply, Problem> {
    let collection = format!("ledgers/{}/entries", entry.ledger_id);
    resource::created_in::<LedgerEntryOut>(ctx, &collection, entry)
}

/// Read an entry of a ledger
#[utoipa::path(tag = "ledgers", operation_id = "getLedgerEntry", params(("id" = Uuid, Path, description = "ledger id"), ("entry_id" = Uuid, Path, description = "entry id")), security(("bearer" = [])), responses((status = 200, body = LedgerEntryOut)))]
#[get("/ledgers/{id}/entries/{entry_id}")]
pub async fn get_ledger_entry(ctx: Ctx, ids: PathIds<LedgerId, LedgerEntryId>) -> Result<Reply, Problem> {
    let entry = resource::read::<LedgerEntryOut>(&ctx, &ids.1).await?;
    part_of(ids.0, LedgerId(entry.ledger_id))?;
    Reply::ok(&ctx, &entry)
}

/// Refuses an entry of another ledger than that of the path.
pub(super) fn part_of(asked: LedgerId, found: LedgerId) -> Result<(), Problem> {
    if asked == found { Ok(()) } else { Err(Problem::new("not-found")) }
}

/// List its events, from the first
#[utoipa::path(tag = "ledgers", operation_id = "listLedgerEntryEvents", params(("id" = Uuid, Path, description = "ledger id"), ("entry_id" = Uuid, Path, description = "entry id"), ListParams, TimelineIn), security(("bearer" = [])), responses((status = 200, body = EventPageOut)))]
#[get("/ledgers/{id}/entries/{entry_id}/events")]
pub async fn list_ledger_entry_events(
    ctx: Ctx,
    ids: PathIds<LedgerId, LedgerEntryId>,
    list: List<TimelineIn>,
) -> Result<Reply, Problem> {
    let entry = resource::read::<LedgerEntryOut>(&ctx, &ids.1).await?;
    part_of(ids.0, LedgerId(entry.ledger_id))?;
    resource::timeline::<LedgerEntry>(&ctx, &ids.1, &list).await
}
