//! Disclosures of ledgers.

use actix_web::{get, post};
use domain::{
    access::{Action, ResourceKind},
    id::{DisclosureId, LedgerId},
    ledgers::{Disclosure, Ledger},
    outcome::Outcome,
    resource::Resource as _,
};
use persistence::{DisclosureFilter, Found};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::entries::part_of;
use crate::{
    http::{
        At, Body, Ctx, List, ListFilter, ListParams, PathId, PathIds, Reply, View,
        resource::{self, page_of, shown_as},
        timeline::{EventPageOut, TimelineIn},
        value::NothingIn,
    },
    problem::Problem,
};

/// A disclosure 公示: all entries of a ledger that count since the one before, shown to those to whom the money belongs.
#[derive(Serialize, ToSchema)]
#[schema(as = Disclosure)]
pub struct DisclosureOut {
    /// Its id.
    id: Uuid,
    /// The ledger.
    ledger_id: Uuid,
    /// Where the ledger is.
    region_code: String,
    /// The compound of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    compound_id: Option<Uuid>,
    /// The number of the first entry.
    first_number: i64,
    /// The number of the last one.
    last_number: i64,
    /// The balance before the first entry, in yuan.
    opening_balance: String,
    /// What came in, in yuan.
    income: String,
    /// What was paid, in yuan.
    payments: String,
    /// The balance after the last entry, in yuan.
    closing_balance: String,
    /// What the caller may do now.
    actions: Vec<&'static str>,
    /// Always 1.
    version: i64,
    /// When it was made.
    created_at: At,
    /// The same.
    updated_at: At,
}

page_of!(DisclosurePageOut, DisclosurePage, DisclosureOut);
shown_as!(DisclosureOut, Disclosure, Personal);

impl View for DisclosureOut {
    type Row = Disclosure;

    const COLLECTION: &'static str = "disclosures";

    fn of(_: &Ctx, found: Found<Disclosure>) -> Self {
        let Disclosure {
            id,
            ledger_id,
            region_code,
            compound_id,
            first_number,
            last_number,
            opening_balance,
            income,
            payments,
            closing_balance,
            version,
            created_at,
            updated_at,
        } = found.row;
        Self {
            id: id.0,
            ledger_id: ledger_id.0,
            region_code: region_code.to_string(),
            compound_id: compound_id.map(Into::into),
            first_number,
            last_number,
            opening_balance: opening_balance.to_string(),
            income: income.to_string(),
            payments: payments.to_string(),
            closing_balance: closing_balance.to_string(),
            actions: Vec::new(),
            version,
            created_at: created_at.into(),
            updated_at: updated_at.into(),
        }
    }
}

/// Filters of the list of disclosures.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DisclosureListIn {
    /// By what it is sorted.
    #[serde(default)]
    #[param(value_type = Option<String>, pattern = "^-?id$")]
    sort: (),
}

impl ListFilter for DisclosureListIn {
    const SORTS: &'static [&'static str] = &["id"];
}

/// List the disclosures of a ledger
#[utoipa::path(tag = "ledgers", operation_id = "listDisclosures", params(("id" = Uuid, Path, description = "ledger id"), ListParams, DisclosureListIn), security(("bearer" = [])), responses((status = 200, body = DisclosurePageOut)))]
#[get("/ledgers/{id}/disclosures")]
pub async fn list_disclosures(ctx: Ctx, id: PathId<LedgerId>, list: List<DisclosureListIn>) -> Result<Reply, Problem> {
    let of_ledger = ctx.authorize(Action::Read, ResourceKind::Ledger)?;
    let access = ctx.authorize(Action::Read, ResourceKind::Disclosure)?;
    let DisclosureListIn { sort: () } = &list.filter;
    let rows = ctx.app.database.rows();
    rows.find::<Ledger>(&of_ledger, &id.0).await?;
    let page = rows.disclosures().page(&access, &DisclosureFilter { ledger_id: id.0 }, &list.page).await?;
    resource::page::<DisclosureOut, _>(&ctx, &list, page)
}

/// Show all entries since the last disclosure to those to whom the money belongs
#[utoipa::path(tag = "ledgers", operation_id = "createDisclosure", params(("id" = Uuid, Path, description = "ledger id")), request_body = NothingIn, security(("bearer" = [])), responses((status = 201, body = DisclosureOut)))]
#[post("/ledgers/{id}/disclosures")]
pub async fn create_disclosure(ctx: Ctx, id: PathId<LedgerId>, body: Body<NothingIn>) -> Result<Reply, Problem> {
    let access = ctx.authorize(Action::Disclose, ResourceKind::Ledger)?;
    ctx.write(&body.content, async |tx| {
        let ledger = tx.rows().find_to_change::<Ledger>(&access, &id.0).await?.permitted(&access)?.row;
        let (income, payments) = tx.rows().ledger_entries().sums_after(ledger.id, ledger.disclosed).await?;
        let mut disclosed = ledger.disclose(ctx.app.ids.next().into(), income, payments, ctx.now)?;
        let disclosure = disclosed.effects.pop().ok_or_else(|| Problem::new("internal"))?;
        let Outcome { value, events, .. } = disclosed;
        tx.update(Outcome { value, events, effects: Vec::new() }).await?;
        tx.disclose_entries(id.0, disclosure.last_number).await?;
        let event = disclosure.event("disclosure.created");
        let disclosure = tx.insert(Outcome::new(disclosure, event)).await?;
        resource::created_in::<DisclosureOut>(&ctx, &format!("ledgers/{}/disclosures", id.0), disclosure)
    })
    .await
}

/// Read a disclosure of a ledger
#[utoipa::path(tag = "ledgers", operation_id = "getDisclosure", params(("id" = Uuid, Path, description = "ledger id"), ("disclosure_id" = Uuid, Path, description = "disclosure id")), security(("bearer" = [])), responses((status = 200, body = DisclosureOut)))]
#[get("/ledgers/{id}/disclosures/{disclosure_id}")]
pub async fn get_disclosure(ctx: Ctx, ids: PathIds<LedgerId, DisclosureId>) -> Result<Reply, Problem> {
    let disclosure = resource::read::<DisclosureOut>(&ctx, &ids.1).await?;
    part_of(ids.0, LedgerId(disclosure.ledger_id))?;
    Reply::ok(&ctx, &disclosure)
}

/// List its events, from the first
#[utoipa::path(tag = "ledgers", operation_id = "listDisclosureEvents", params(("id" = Uuid, Path, description = "ledger id"), ("disclosure_id" = Uuid, Path, description = "disclosure id"), ListParams, TimelineIn), security(("bearer" = [])), responses((status = 200, body = EventPageOut)))]
#[get("/ledgers/{id}/disclosures/{disclosure_id}/events")]
pub async fn list_disclosure_events(
    ctx: Ctx,
    ids: PathIds<LedgerId, DisclosureId>,
    list: List<TimelineIn>,
) -> Result<Reply, Problem> {
    let disclosure = resource::read::<DisclosureOut>(&ctx, &ids.1).await?;
    part_of(ids.0, LedgerId(disclosure.ledger_id))?;
    resource::timeline::<Disclosure>(&ctx, &ids.1, &list).await
}
