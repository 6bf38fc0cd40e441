//! Ledgers.

use domain::{
    access::Access,
    cn::RegionCode,
    id::CompoundId,
    ledgers::{Ledger, LedgerKind},
    money::Money,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr},
};

use super::entity::ledger;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    vault::Vault,
};

/// Which ledgers.
#[derive(Debug, Clone, Default)]
pub struct LedgerFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Of this compound.
    pub compound_id: Option<CompoundId>,
    /// Of one of these kinds; all if empty.
    pub kind: Vec<LedgerKind>,
}

/// Finder of ledgers.
#[derive(Debug)]
pub struct Ledgers<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Ledgers.
    #[must_use]
    pub fn ledgers(self) -> Ledgers<'a, C> {
        Ledgers(self)
    }
}

fn visible(access: &Access) -> Condition {
    let column = |column| Some(Expr::col((ledger::Entity, column)));
    let (region, compound) = (column(ledger::Column::RegionCode), column(ledger::Column::CompoundId));
    scope::visible(access, &ScopeColumns { region, compound, ..Default::default() })
}

impl Findable for Ledger {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = ledger::Entity::find_by_id(id.0).filter(visible(access));
        rows.one_of::<_, ledger::Model, _>(select, access, lock).await
    }
}

impl Stored for Ledger {
    type Entity = ledger::Entity;

    fn row(&self, _: &Vault) -> Result<ledger::ActiveModel> {
        let Self {
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
        } = self;
        Ok(ledger::ActiveModel {
            id: Set(id.0),
            kind: Set(kind.name().to_owned()),
            name: Set(name.clone()),
            region_code: Set(region_code.to_string()),
            compound_id: Set(compound_id.map(Into::into)),
            entries: Set(*entries),
            balance: Set(balance.0),
            disclosed: Set(*disclosed),
            disclosed_balance: Set(disclosed_balance.0),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        })
    }

    fn columns() -> (ledger::Column, ledger::Column) {
        (ledger::Column::Id, ledger::Column::Version)
    }
}

impl<C: ConnectionTrait> Ledgers<'_, C> {
    /// A page of ledgers that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &LedgerFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Ledger>>> {
        let LedgerFilter { region, compound_id, kind } = filter;
        let mut select = ledger::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(Expr::col(ledger::Column::RegionCode), region));
        }
        if let Some(compound) = compound_id {
            select = select.filter(ledger::Column::CompoundId.eq(compound.0));
        }
        if !kind.is_empty() {
            select = select.filter(ledger::Column::Kind.is_in(kind.iter().map(|kind| kind.name())));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(ledger::Column::Id), uuid: true };
        let rows = page::<_, ledger::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }
}

impl TryFrom<ledger::Model> for Ledger {
    type Error = Error;

    fn try_from(row: ledger::Model) -> Result<Self> {
        const TABLE: &str = "ledgers";
        let ledger::Model {
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
        } = row;
        Ok(Self {
            id: id.into(),
            kind: word(LedgerKind::from_name(&kind), TABLE, "kind", &id)?,
            name,
            region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
            compound_id: compound_id.map(Into::into),
            entries,
            balance: Money(balance),
            disclosed,
            disclosed_balance: Money(disclosed_balance),
            version,
            created_at,
            updated_at,
        })
    }
}

impl SortKey for ledger::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}
