//! Organizations.

use domain::{
    access::Access,
    cn::{CreditCode, RegionCode},
    id::OrganizationId,
    places::{Organization, OrganizationKind, PartyFormation},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Statement,
    sea_query::{Condition, Expr},
};

use super::entity::organization;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    vault::Vault,
};

/// Which organizations.
#[derive(Debug, Clone, Default)]
pub struct OrganizationFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Of one of these kinds; all if empty.
    pub kind: Vec<OrganizationKind>,
    /// Directly below this one.
    pub parent_id: Option<OrganizationId>,
    /// With this in the name.
    pub q: Option<String>,
}

/// Finder of organizations.
#[derive(Debug)]
pub struct Organizations<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Organizations.
    #[must_use]
    pub fn organizations(self) -> Organizations<'a, C> {
        Organizations(self)
    }
}

fn region_column() -> Expr {
    Expr::col((organization::Entity, organization::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    scope::visible(access, &ScopeColumns { region: Some(region_column()), ..Default::default() })
}

impl Findable for Organization {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = organization::Entity::find_by_id(id.0).filter(visible(access));
        rows.one_of::<_, organization::Model, _>(select, access, lock).await
    }
}

impl Stored for Organization {
    type Entity = organization::Entity;

    fn row(&self, _: &Vault) -> Result<organization::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (organization::Column, organization::Column) {
        (organization::Column::Id, organization::Column::Version)
    }
}

impl<C: ConnectionTrait> Organizations<'_, C> {
    /// Whether an organization is another one or anywhere below it.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn is_below(&self, id: OrganizationId, above: OrganizationId) -> Result<bool> {
        let statement = Statement::from_sql_and_values(
            self.0.conn.get_database_backend(),
            "WITH RECURSIVE chain (id, parent_id) AS ( \
             SELECT id, parent_id FROM organizations WHERE id = $1 UNION \
             SELECT o.id, o.parent_id FROM organizations o JOIN chain c ON o.id = c.parent_id) \
             SELECT id FROM chain WHERE id = $2",
            [id.0.into(), above.0.into()],
        );
        Ok(self.0.conn.query_one_raw(statement).await?.is_some())
    }

    /// A page of organizations that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &OrganizationFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Organization>>> {
        let OrganizationFilter { region, kind, parent_id, q } = filter;
        let mut select = organization::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if !kind.is_empty() {
            select = select.filter(organization::Column::Kind.is_in(kind.iter().map(|kind| kind.name())));
        }
        if let Some(parent) = parent_id {
            select = select.filter(organization::Column::ParentId.eq(parent.0));
        }
        if let Some(q) = q {
            select = select.filter(scope::contains(Expr::col(organization::Column::Name), q));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(organization::Column::Id), uuid: true };
        let rows = page::<_, organization::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }
}

pub(crate) fn row_of(value: &Organization) -> organization::ActiveModel {
    let Organization {
        id,
        name,
        kind,
        region_code,
        parent_id,
        credit_code,
        formation,
        credit_grade,
        version,
        created_at,
        updated_at,
    } = value;
    organization::ActiveModel {
        id: Set(id.0),
        name: Set(name.clone()),
        kind: Set(kind.name().to_owned()),
        region_code: Set(region_code.to_string()),
        parent_id: Set(parent_id.map(Into::into)),
        credit_code: Set(credit_code.as_ref().map(ToString::to_string)),
        formation: Set(formation.map(|formation| formation.name().to_owned())),
        credit_grade: Set(credit_grade.clone()),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for organization::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}

impl TryFrom<organization::Model> for Organization {
    type Error = Error;

    fn try_from(row: organization::Model) -> Result<Self> {
        let organization::Model {
            id,
            name,
            kind,
            region_code,
            parent_id,
            credit_code,
            formation,
            credit_grade,
            version,
            created_at,
            updated_at,
        } = row;
        const TABLE: &str = "organizations";
        Ok(Self {
            id: id.into(),
            name,
            kind: word(OrganizationKind::from_name(&kind), TABLE, "kind", &id)?,
            region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
            parent_id: parent_id.map(Into::into),
            credit_code: credit_code
                .map(|code| word(CreditCode::parse(&code).ok(), TABLE, "credit_code", &id))
                .transpose()?,
            formation: formation
                .map(|name| word(PartyFormation::from_name(&name), TABLE, "formation", &id))
                .transpose()?,
            credit_grade,
            version,
            created_at,
            updated_at,
        })
    }
}
