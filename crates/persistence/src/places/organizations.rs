//! Organizations.

use domain::{
    access::Access,
    cn::{CreditCode, RegionCode},
    event::EventDraft,
    id::OrganizationId,
    places::{Organization, OrganizationKind, PartyFormation},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr},
};

use super::entity::organization;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    scope::{self, ScopeColumns},
    tx::Tx,
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
    scope::visible(
        access,
        &ScopeColumns { region: Some(region_column()), compound: None, cut: false, related: &|_| None },
    )
}

impl<C: ConnectionTrait> Organizations<'_, C> {
    /// One organization that the caller sees.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn get(&self, access: &Access, id: OrganizationId) -> Result<Found<Organization>> {
        let row = organization::Entity::find_by_id(id.0).filter(visible(access)).one(self.0.conn).await?;
        Found::judge(access, row.ok_or(Error::NotFound)?.try_into()?)
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

impl Tx {
    /// Saves a new organization.
    ///
    /// # Errors
    /// [`Error::Duplicate`] if its credit code exists.
    pub async fn insert_organization(&self, value: Organization, event: EventDraft) -> Result<Organization> {
        organization::Entity::insert(row_of(&value)).exec_without_returning(&self.conn).await?;
        self.record(&[event]).await?;
        Ok(value)
    }

    /// Saves a changed organization.
    ///
    /// # Errors
    /// [`Error::Stale`] if it was changed meanwhile.
    pub async fn update_organization(&self, value: Organization, event: EventDraft) -> Result<Organization> {
        let mut row = row_of(&value);
        row.id = sea_orm::ActiveValue::NotSet;
        let done = organization::Entity::update_many()
            .set(row)
            .filter(organization::Column::Id.eq(value.id.0))
            .filter(organization::Column::Version.eq(value.version - 1))
            .exec(&self.conn)
            .await?;
        if done.rows_affected != 1 {
            return Err(Error::Stale);
        }
        self.record(&[event]).await?;
        Ok(value)
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
