//! The catalog of services.

use domain::{access::Access, cn::RegionCode, orders::ServiceKind};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Condition, Expr},
};

use super::entity::service_kind;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    vault::Vault,
};

const TABLE: &str = "service_kinds";

/// Which kinds.
#[derive(Debug, Clone, Default)]
pub struct ServiceKindFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// With one of these codes; all if empty.
    pub code: Vec<String>,
    /// Only those that can (or cannot) be ordered.
    pub active: Option<bool>,
    /// With this in the name.
    pub q: Option<String>,
}

/// Finder of kinds of service.
#[derive(Debug)]
pub struct ServiceKinds<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Kinds of service.
    #[must_use]
    pub fn service_kinds(self) -> ServiceKinds<'a, C> {
        ServiceKinds(self)
    }
}

fn region_column() -> Expr {
    Expr::col((service_kind::Entity, service_kind::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    scope::visible(access, &ScopeColumns { region: Some(region_column()), ..Default::default() })
}

impl Findable for ServiceKind {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = service_kind::Entity::find_by_id(id.0).filter(visible(access));
        rows.one_of::<_, service_kind::Model, _>(select, access, lock).await
    }
}

impl Stored for ServiceKind {
    type Entity = service_kind::Entity;

    fn row(&self, _: &Vault) -> Result<service_kind::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (service_kind::Column, service_kind::Column) {
        (service_kind::Column::Id, service_kind::Column::Version)
    }
}

impl<C: ConnectionTrait> ServiceKinds<'_, C> {
    /// A page of kinds that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &ServiceKindFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<ServiceKind>>> {
        let ServiceKindFilter { region, code, active, q } = filter;
        let mut select = service_kind::Entity::find().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if !code.is_empty() {
            select = select.filter(service_kind::Column::Code.is_in(code.iter().cloned()));
        }
        if let Some(active) = active {
            select = select.filter(service_kind::Column::Active.eq(*active));
        }
        if let Some(q) = q {
            select = select.filter(scope::contains(Expr::col(service_kind::Column::Name), q));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(service_kind::Column::Id), uuid: true };
        let rows = page::<_, service_kind::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// The kind that a code means at a place: the one of the nearest region that offers it, active or not.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn at(&self, place: &RegionCode, code: &str) -> Result<Option<ServiceKind>> {
        let regions = std::iter::once(place.clone()).chain(place.ancestors()).map(|code| code.to_string());
        let row = service_kind::Entity::find()
            .filter(service_kind::Column::Code.eq(code))
            .filter(service_kind::Column::RegionCode.is_in(regions))
            .order_by_desc(service_kind::Column::RegionCode)
            .one(self.0.conn)
            .await?;
        row.map(TryInto::try_into).transpose()
    }
}

pub(crate) fn row_of(value: &ServiceKind) -> service_kind::ActiveModel {
    let ServiceKind { id, code, region_code, name, skills, questions, limits, active, version, created_at, updated_at } =
        value;
    service_kind::ActiveModel {
        id: Set(id.0),
        code: Set(code.clone()),
        region_code: Set(region_code.to_string()),
        name: Set(name.clone()),
        skills: Set(skills.clone().into()),
        questions: Set(serde_json::to_value(questions).unwrap_or_default()),
        limits: Set(serde_json::to_value(limits).unwrap_or_default()),
        active: Set(*active),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for service_kind::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}

impl TryFrom<service_kind::Model> for ServiceKind {
    type Error = Error;

    fn try_from(row: service_kind::Model) -> Result<Self> {
        let service_kind::Model {
            id,
            code,
            region_code,
            name,
            skills,
            questions,
            limits,
            active,
            version,
            created_at,
            updated_at,
        } = row;
        let corrupt = |column| Error::Corrupt { table: TABLE, column, row: id.to_string() };
        Ok(Self {
            id: id.into(),
            code,
            region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
            name,
            skills: serde_json::from_value(skills).map_err(|_| corrupt("skills"))?,
            questions: serde_json::from_value(questions).map_err(|_| corrupt("questions"))?,
            limits: serde_json::from_value(limits).map_err(|_| corrupt("limits"))?,
            active,
            version,
            created_at,
            updated_at,
        })
    }
}
