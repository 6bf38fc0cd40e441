//! Disclosures of ledgers.

use domain::{access::Access, cn::RegionCode, id::LedgerId, ledgers::Disclosure, money::Money};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr},
};

use super::entity::disclosure;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    vault::Vault,
};

/// Which disclosures.
#[derive(Debug, Clone)]
pub struct DisclosureFilter {
    /// Of this ledger.
    pub ledger_id: LedgerId,
}

/// Finder of disclosures.
#[derive(Debug)]
pub struct Disclosures<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Disclosures.
    #[must_use]
    pub fn disclosures(self) -> Disclosures<'a, C> {
        Disclosures(self)
    }
}

fn visible(access: &Access) -> Condition {
    let column = |column| Some(Expr::col((disclosure::Entity, column)));
    let (region, compound) = (column(disclosure::Column::RegionCode), column(disclosure::Column::CompoundId));
    scope::visible(access, &ScopeColumns { region, compound, ..Default::default() })
}

impl Findable for Disclosure {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = disclosure::Entity::find_by_id(id.0).filter(visible(access));
        rows.one_of::<_, disclosure::Model, _>(select, access, lock).await
    }
}

impl Stored for Disclosure {
    type Entity = disclosure::Entity;

    fn row(&self, _: &Vault) -> Result<disclosure::ActiveModel> {
        let Self {
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
        } = self;
        Ok(disclosure::ActiveModel {
            id: Set(id.0),
            ledger_id: Set(ledger_id.0),
            region_code: Set(region_code.to_string()),
            compound_id: Set(compound_id.map(Into::into)),
            first_number: Set(*first_number),
            last_number: Set(*last_number),
            opening_balance: Set(opening_balance.0),
            income: Set(income.0),
            payments: Set(payments.0),
            closing_balance: Set(closing_balance.0),
            version: Set(*version),
            created_at: Set(*created_at),
            updated_at: Set(*updated_at),
        })
    }

    fn columns() -> (disclosure::Column, disclosure::Column) {
        (disclosure::Column::Id, disclosure::Column::Version)
    }
}

impl<C: ConnectionTrait> Disclosures<'_, C> {
    /// A page of disclosures that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &DisclosureFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Disclosure>>> {
        let select = disclosure::Entity::find()
            .filter(visible(access))
            .filter(disclosure::Column::LedgerId.eq(filter.ledger_id.0));
        let sorting = Sorting { name: None, column: None, id: Expr::col(disclosure::Column::Id), uuid: true };
        let rows = page::<_, disclosure::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }
}

impl TryFrom<disclosure::Model> for Disclosure {
    type Error = Error;

    fn try_from(row: disclosure::Model) -> Result<Self> {
        let disclosure::Model {
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
        } = row;
        Ok(Self {
            id: id.into(),
            ledger_id: ledger_id.into(),
            region_code: word(RegionCode::parse(&region_code).ok(), "disclosures", "region_code", &id)?,
            compound_id: compound_id.map(Into::into),
            first_number,
            last_number,
            opening_balance: Money(opening_balance),
            income: Money(income),
            payments: Money(payments),
            closing_balance: Money(closing_balance),
            version,
            created_at,
            updated_at,
        })
    }
}

impl SortKey for disclosure::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}
