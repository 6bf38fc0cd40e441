//! Entries of ledgers.

use chrono::NaiveDate;
use domain::{
    access::{Access, Reach},
    cn::RegionCode,
    id::{LedgerEntryId, LedgerId},
    ledgers::{EntryCategory, EntryKind, EntryState, Flow, LedgerEntry, Signature},
    money::Money,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Select, Statement,
    sea_query::{Condition, Expr, ExprTrait, SimpleExpr},
};

use super::entity::ledger_entry;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    tx::Tx,
    vault::Vault,
};

const TABLE: &str = "ledger_entries";

/// Which entries.
#[derive(Debug, Clone)]
pub struct LedgerEntryFilter {
    /// Of this ledger.
    pub ledger_id: LedgerId,
    /// In one of these states; all if empty.
    pub state: Vec<EntryState>,
    /// Of one of these kinds; all if empty.
    pub kind: Vec<EntryKind>,
    /// Of one of these categories; all if empty.
    pub category: Vec<EntryCategory>,
    /// On this day or after it.
    pub from: Option<NaiveDate>,
    /// On this day or before it.
    pub to: Option<NaiveDate>,
    /// Shown to those to whom the money belongs, or not.
    pub disclosed: Option<bool>,
}

/// Finder of entries.
#[derive(Debug)]
pub struct LedgerEntries<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Entries of ledgers.
    #[must_use]
    pub fn ledger_entries(self) -> LedgerEntries<'a, C> {
        LedgerEntries(self)
    }
}

fn column(column: ledger_entry::Column) -> Expr {
    Expr::col((ledger_entry::Entity, column))
}

fn visible(access: &Access) -> Condition {
    use ledger_entry::Column as E;
    let disclosed = |reach: &Reach| -> Option<SimpleExpr> {
        let Reach::Disclosed(place) = reach else { return None };
        let at = match &**place {
            Reach::Region(code) => scope::within(column(E::RegionCode), code),
            Reach::Compound(id) => E::CompoundId.eq(id.0),
            _ => return None,
        };
        Some(at.and(E::Disclosed.eq(true)))
    };
    let (region, compound) = (Some(column(E::RegionCode)), Some(column(E::CompoundId)));
    scope::visible(access, &ScopeColumns { region, compound, related: &disclosed, ..Default::default() })
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    entry: ledger_entry::Model,
    entered_by_name: String,
    signed_by_name: Option<String>,
}

fn select() -> Select<ledger_entry::Entity> {
    let name = |who: &str| format!("(SELECT u.display_name FROM users u WHERE u.id = ledger_entries.{who})");
    ledger_entry::Entity::find()
        .expr_as(Expr::cust(name("entered_by")), "entered_by_name")
        .expr_as(Expr::cust(name("signed_by")), "signed_by_name")
}

impl Findable for LedgerEntry {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = select().filter(ledger_entry::Column::Id.eq(id.0)).filter(visible(access));
        rows.one_of::<_, Row, _>(select, access, lock).await
    }
}

impl Stored for LedgerEntry {
    type Entity = ledger_entry::Entity;

    fn row(&self, _: &Vault) -> Result<ledger_entry::ActiveModel> {
        let Self {
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
        } = self;
        Ok(ledger_entry::ActiveModel {
            id: Set(id.0),
            ledger_id: Set(ledger_id.0),
            region_code: Set(region_code.to_string()),
            compound_id: Set(compound_id.map(Into::into)),
            number: Set(*number),
            kind: Set(kind.name().to_owned()),
            flow: Set(flow.name().to_owned()),
            amount: Set(amount.0),
            balance_after: Set(balance_after.map(|balance| balance.0)),
            category: Set(category.name().to_owned()),
            occurred_on: Set(*occurred_on),
            counterparty: Set(counterparty.clone()),
            memo: Set(memo.clone()),
            reverses: Set(reverses.map(Into::into)),
            reversed_by: Set(reversed_by.map(Into::into)),
            state: Set(state.name().to_owned()),
            entered_by: Set(entered_by.user_id.0),
            entered_by_person: Set(entered_by.person_id.map(Into::into)),
            signed_by: Set(signed_by.as_ref().map(|by| by.user_id.0)),
            signed_by_person: Set(signed_by.as_ref().and_then(|by| by.person_id).map(Into::into)),
            signed_at: Set(signed_by.as_ref().map(|by| by.at)),
            refusal: Set(refusal.clone()),
            posted_at: Set(*posted_at),
            disclosed: Set(*disclosed),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        })
    }

    fn columns() -> (ledger_entry::Column, ledger_entry::Column) {
        (ledger_entry::Column::Id, ledger_entry::Column::Version)
    }
}

impl<C: ConnectionTrait> LedgerEntries<'_, C> {
    /// A page of entries that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &LedgerEntryFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<LedgerEntry>>> {
        use ledger_entry::Column as E;
        let LedgerEntryFilter { ledger_id, state, kind, category, from, to, disclosed } = filter;
        let mut select = select().filter(visible(access)).filter(E::LedgerId.eq(ledger_id.0));
        if !state.is_empty() {
            select = select.filter(E::State.is_in(state.iter().map(|state| state.name())));
        }
        if !kind.is_empty() {
            select = select.filter(E::Kind.is_in(kind.iter().map(|kind| kind.name())));
        }
        if !category.is_empty() {
            select = select.filter(E::Category.is_in(category.iter().map(|category| category.name())));
        }
        if let Some(from) = from {
            select = select.filter(E::OccurredOn.gte(*from));
        }
        if let Some(to) = to {
            select = select.filter(E::OccurredOn.lte(*to));
        }
        if let Some(disclosed) = disclosed {
            select = select.filter(E::Disclosed.eq(*disclosed));
        }
        let sorting = Sorting { name: None, column: None, id: column(E::Id), uuid: true };
        let rows = page::<_, Row, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// Whether an entry is taken back by another one, or that one waits for its signature.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn is_being_reversed(&self, id: LedgerEntryId) -> Result<bool> {
        let select = ledger_entry::Entity::find()
            .filter(ledger_entry::Column::Reverses.eq(id.0))
            .filter(ledger_entry::Column::State.ne(EntryState::Refused.name()));
        Ok(select.one(self.0.conn).await?.is_some())
    }

    /// What came in and what was paid by the entries of a ledger after a number.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn sums_after(&self, ledger: LedgerId, number: i64) -> Result<(Money, Money)> {
        let sum = |flow| format!("CAST(COALESCE(SUM(CASE WHEN flow = '{flow}' THEN amount ELSE 0 END), 0) AS BIGINT)");
        let sql = format!(
            "SELECT {} AS income, {} AS payments FROM ledger_entries WHERE ledger_id = $1 AND number > $2",
            sum(Flow::In.name()),
            sum(Flow::Out.name())
        );
        let values = [ledger.0.into(), number.into()];
        let statement = Statement::from_sql_and_values(self.0.conn.get_database_backend(), sql, values);
        let row = self.0.conn.query_one_raw(statement).await?.ok_or(Error::NotFound)?;
        Ok((Money(row.try_get("", "income")?), Money(row.try_get("", "payments")?)))
    }
}

impl Tx {
    /// Notes that the entries of a ledger up to a number are shown. The change of the ledger tells of it.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn disclose_entries(&self, ledger: LedgerId, last: i64) -> Result<()> {
        use ledger_entry::{ActiveModel, Column, Entity};
        let shown = ActiveModel { disclosed: Set(true), ..Default::default() };
        Entity::update_many()
            .set(shown)
            .filter(Column::LedgerId.eq(ledger.0))
            .filter(Column::Number.lte(last))
            .filter(Column::Disclosed.eq(false))
            .exec(&self.conn)
            .await?;
        Ok(())
    }
}

impl SortKey for Row {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.entry.id.to_string() }
    }
}

impl TryFrom<Row> for LedgerEntry {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { entry, entered_by_name, signed_by_name } = row;
        let ledger_entry::Model {
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
            entered_by_person,
            signed_by,
            signed_by_person,
            signed_at,
            refusal,
            posted_at,
            disclosed,
            version,
            created_at,
            updated_at,
        } = entry;
        let signed = signed_by.zip(signed_at).map(|(user, at)| Signature {
            user_id: user.into(),
            person_id: signed_by_person.map(Into::into),
            display_name: signed_by_name.unwrap_or_default(),
            at,
        });
        Ok(Self {
            id: id.into(),
            ledger_id: ledger_id.into(),
            region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
            compound_id: compound_id.map(Into::into),
            number,
            kind: word(EntryKind::from_name(&kind), TABLE, "kind", &id)?,
            flow: word(Flow::from_name(&flow), TABLE, "flow", &id)?,
            amount: Money(amount),
            balance_after: balance_after.map(Money),
            category: word(EntryCategory::from_name(&category), TABLE, "category", &id)?,
            occurred_on,
            counterparty,
            memo,
            reverses: reverses.map(Into::into),
            reversed_by: reversed_by.map(Into::into),
            state: word(EntryState::from_name(&state), TABLE, "state", &id)?,
            entered_by: Signature {
                user_id: entered_by.into(),
                person_id: entered_by_person.map(Into::into),
                display_name: entered_by_name,
                at: created_at,
            },
            signed_by: signed,
            refusal,
            posted_at,
            disclosed,
            version,
            created_at,
            updated_at,
        })
    }
}
