//! Ledgers.

use actix_web::{get, post, put};
use domain::{
    access::{Action, ResourceKind},
    cn::{RegionCode, RegionLevel},
    compounds::Compound,
    id::{CompoundId, LedgerId},
    ledgers::{Ledger, LedgerKind},
    money::Money,
};
use persistence::{Found, LedgerFilter, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use validator::Validate;

use crate::{
    http::{
        At, Body, Ctx, Editable, List, ListFilter, ListParams, Make, OneOf, PathId, RegionText, Reply, View, WordOf,
        Writable,
        resource::{self, page_of, shown_as, timeline_of},
    },
    problem::Problem,
};

type LedgerKindIo = WordOf<LedgerKind>;

/// A ledger 账本.
#[derive(Serialize, ToSchema)]
#[schema(as = Ledger)]
pub struct LedgerOut {
    /// Its id.
    id: Uuid,
    /// The village, or the community or grid in which the compound lies.
    region_code: String,
    /// Whose money it holds.
    kind: LedgerKindIo,
    /// Its name.
    name: String,
    /// The compound, of a co-managed account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compound_id: Option<Uuid>,
    /// How many entries count.
    entry_count: i64,
    /// What there is, in yuan: the balance after the last entry that counts.
    balance: String,
    /// The number of the last entry that was disclosed; 0 before the first disclosure.
    disclosed_number: i64,
    /// The balance after that entry, in yuan.
    disclosed_balance: String,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Counts changes, of its entries too.
    version: i64,
    /// When it was made.
    created_at: At,
    /// When it last changed.
    updated_at: At,
}

page_of!(LedgerPageOut, LedgerPage, LedgerOut);
shown_as!(LedgerOut, Ledger, Personal);

impl View for LedgerOut {
    type Row = Ledger;

    const COLLECTION: &'static str = "ledgers";

    fn of(_: &Ctx, found: Found<Ledger>) -> Self {
        let actions = found.row.actions(found.grasp.actions);
        let Ledger {
            id,
            kind,
            name,
            region_code,
            compound_id,
            entries,
            balance,
            disclosed,
            disclosed_balance,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            region_code: region_code.to_string(),
            kind: WordOf(kind),
            name,
            compound_id: compound_id.map(Into::into),
            entry_count: entries,
            balance: balance.to_string(),
            disclosed_number: disclosed,
            disclosed_balance: disclosed_balance.to_string(),
            actions,
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// A ledger as it is opened: of a compound, or of a village. What it is called and whose it is never changes.
#[derive(Serialize, Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLedger, example = json!({"kind": "co_managed_account", "name": "邮政局小区共管账户", "compound_id": "019cdf00-1a2b-7c11-8a01-5b6c7d8e9f00"}))]
pub struct LedgerIn {
    /// Whose money it holds.
    kind: LedgerKindIo,
    /// Its name.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: String,
    /// The compound, of a co-managed account.
    compound_id: Option<Uuid>,
    /// The village, of a collective economy.
    #[schema(min_length = 12, max_length = 12, pattern = "^[0-9]+$")]
    region_code: Option<String>,
}

const MEMBERS: &[&str] = &["kind", "name", "compound_id", "region_code"];

impl Writable for LedgerIn {
    const MEMBERS: &'static [&'static str] = MEMBERS;
    const FIXED: &'static [&'static str] = MEMBERS;
}

impl Editable for LedgerOut {
    type In = LedgerIn;

    const EVENTS: (&'static str, &'static str) = ("ledger.created", "ledger.updated");

    fn written(row: &Ledger) -> LedgerIn {
        LedgerIn {
            kind: WordOf(row.kind),
            name: row.name.clone(),
            compound_id: row.compound_id.map(Into::into),
            region_code: row.compound_id.is_none().then(|| row.region_code.to_string()),
        }
    }

    async fn build(ctx: &Ctx, tx: &Tx, make: Make<'_, Ledger>, written: LedgerIn) -> Result<Ledger, Problem> {
        if let Some(before) = make.before() {
            return Ok(before.clone());
        }
        let LedgerIn { kind, name, compound_id, region_code } = written;
        let compound_id = compound_id.map(CompoundId);
        let region_code = match (compound_id, region_code) {
            (Some(_), Some(_)) => return Err(Problem::field("/region_code", "not-together")),
            (Some(id), None) => ctx.named_place::<Compound, _>(tx.rows(), &id, "/compound_id").await?.row.region_code,
            (None, Some(code)) => ctx.named_region(tx.rows(), &code, RegionLevel::Community, "/region_code").await?,
            (None, None) if kind.0 == LedgerKind::CoManagedAccount => {
                return Err(Problem::field("/compound_id", "required"));
            }
            (None, None) => return Err(Problem::field("/region_code", "required")),
        };
        let ledger = Ledger {
            id: make.id(|| ctx.app.ids.next().into()),
            kind: kind.0,
            name: name.trim().to_owned(),
            region_code,
            compound_id,
            entries: 0,
            balance: Money::ZERO,
            disclosed: 0,
            disclosed_balance: Money::ZERO,
            version: 1,
            created_at: ctx.now,
            updated_at: ctx.now,
        };
        let faults = ledger.faults();
        if faults.is_empty() { Ok(ledger) } else { Err(Problem::invalid(faults)) }
    }
}

// utoipa takes the schema of a plain name as it is, and that of a generic type apart
type LedgerKinds = OneOf<LedgerKind>;

/// Filters of the list of ledgers.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LedgerListIn {
    /// In this subtree.
    #[param(value_type = Option<RegionText>, inline)]
    region: Option<RegionCode>,
    /// Of this compound.
    #[param(value_type = Option<Uuid>)]
    compound_id: Option<CompoundId>,
    /// Of one of these kinds, separated by commas.
    #[serde(default)]
    #[param(inline, required = false)]
    kind: LedgerKinds,
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for LedgerListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List ledgers
#[utoipa::path(tag = "ledgers", operation_id = "listLedgers", params(ListParams, LedgerListIn), security(("bearer" = [])), responses((status = 200, body = LedgerPageOut)))]
#[get("/ledgers")]
pub async fn list_ledgers(ctx: Ctx, list: List<LedgerListIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Read, ResourceKind::Ledger)?;
    let LedgerListIn { region, compound_id, kind, sort: () } = &list.filter;
    ctx.region_in_scope(&access, region.as_ref())?;
    let filter = LedgerFilter { region: region.clone(), compound_id: *compound_id, kind: kind.0.clone() };
    let page = ctx.app.database.rows().ledgers().page(&access, &filter, &list.page).await?;
    ctx.region_exists(region.as_ref(), page.items.is_empty(), &list.page).await?;
    resource::page::<LedgerOut, _>(&ctx, &list, page)
}

/// Read a ledger
#[utoipa::path(tag = "ledgers", operation_id = "getLedger", params(("id" = Uuid, Path, description = "ledger id")), security(("bearer" = [])), responses((status = 200, body = LedgerOut)))]
#[get("/ledgers/{id}")]
pub async fn get_ledger(ctx: Ctx, id: PathId<LedgerId>) -> Result<Reply, Problem> {
    resource::get::<LedgerOut>(&ctx, &id.0).await
}

/// Open a ledger
#[utoipa::path(tag = "ledgers", operation_id = "createLedger", request_body = LedgerIn, security(("bearer" = [])), responses((status = 201, body = LedgerOut)))]
#[post("/ledgers")]
pub async fn create_ledger(ctx: Ctx, body: Body<LedgerIn>) -> Result<Reply, Problem> {
    resource::create::<LedgerOut>(&ctx, body.value, &body.content).await
}

/// Open a ledger under an id of the client's own (UUIDv7)
///
/// The same again changes nothing. Other content is refused: what a ledger is never changes.
#[utoipa::path(tag = "ledgers", operation_id = "putLedger", params(("id" = Uuid, Path, description = "ledger id")), request_body = LedgerIn, security(("bearer" = [])), responses((status = 201, body = LedgerOut), (status = 200, body = LedgerOut)))]
#[put("/ledgers/{id}")]
pub async fn put_ledger(ctx: Ctx, id: PathId<LedgerId>, body: Body<LedgerIn>) -> Result<Reply, Problem> {
    resource::put::<LedgerOut>(&ctx, &id.0, body.value, &body.content).await
}

timeline_of!(list_ledger_events, "ledgers", "listLedgerEvents", "/ledgers/{id}/events", "id", Ledger);
