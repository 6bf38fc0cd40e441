//! Grants.

use domain::{
    access::{Access, Grant, Place, Role},
    cn::RegionCode,
    id::{GrantId, UserId},
    time::Validity,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
    sea_query::{Condition, Expr, SimpleExpr},
};

use super::entity::grant;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    vault::Vault,
};

/// Which grants.
#[derive(Debug, Clone, Default)]
pub struct GrantFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Of this user.
    pub user_id: Option<UserId>,
    /// Of one of these roles; all if empty.
    pub role: Vec<Role>,
}

/// Finder of grants.
#[derive(Debug)]
pub struct Grants<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Grants.
    #[must_use]
    pub fn grants(self) -> Grants<'a, C> {
        Grants(self)
    }
}

fn visible(access: &Access) -> Condition {
    let own = scope::own_of_user(grant::Column::UserId);
    let region = Some(Expr::col((grant::Entity, grant::Column::RegionCode)));
    let compound = Some(Expr::col((grant::Entity, grant::Column::CompoundId)));
    scope::visible(access, &ScopeColumns { region, compound, related: &own, ..Default::default() })
}

/// A grant that was taken back is seen no more but in its events.
fn kept() -> SimpleExpr {
    grant::Column::RevokedAt.is_null()
}

impl Findable for Grant {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = grant::Entity::find_by_id(id.0).filter(visible(access)).filter(kept());
        rows.one_of::<_, grant::Model, _>(select, access, lock).await
    }
}

impl Stored for Grant {
    type Entity = grant::Entity;

    fn row(&self, _: &Vault) -> Result<grant::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (grant::Column, grant::Column) {
        (grant::Column::Id, grant::Column::Version)
    }
}

impl<C: ConnectionTrait> Grants<'_, C> {
    /// A page of grants that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &GrantFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Grant>>> {
        let GrantFilter { region, user_id, role } = filter;
        let mut select = grant::Entity::find().filter(visible(access)).filter(kept());
        if let Some(region) = region {
            select = select.filter(scope::within(Expr::col((grant::Entity, grant::Column::RegionCode)), region));
        }
        if let Some(user) = user_id {
            select = select.filter(grant::Column::UserId.eq(user.0));
        }
        if !role.is_empty() {
            select = select.filter(grant::Column::Role.is_in(role.iter().map(|role| role.name())));
        }
        let sorting = Sorting { name: None, column: None, id: Expr::col(grant::Column::Id), uuid: true };
        let rows = page::<_, grant::Model, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// A grant as whoever runs the machine finds it.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn for_command_line(&self, id: GrantId) -> Result<Grant> {
        grant::Entity::find_by_id(id.0).one(self.0.conn).await?.ok_or(Error::NotFound)?.try_into()
    }

    /// All grants of a user, to judge what he is; the caller's right to ask was judged before.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Grant>> {
        let rows = grant::Entity::find().filter(grant::Column::UserId.eq(user.0)).all(self.0.conn).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

pub(super) fn row_of(grant: &Grant) -> grant::ActiveModel {
    let Grant {
        id,
        user_id,
        role,
        place,
        validity,
        pending,
        revoked_at,
        granted_by,
        approved_by,
        version,
        created_at,
        updated_at,
    } = grant;
    let (name, organization_id, compound_id, school_id) = match place {
        Place::Region(_) => ("region", None, None, None),
        Place::Organization(id, _) => ("organization", Some(id.0), None, None),
        Place::Compound(id, _) => ("compound", None, Some(id.0), None),
        Place::School(id, _) => ("school", None, None, Some(id.0)),
        Place::System => ("system", None, None, None),
    };
    grant::ActiveModel {
        id: Set(id.0),
        user_id: Set(user_id.0),
        role: Set(role.name().to_owned()),
        place: Set(name.to_owned()),
        region_code: Set(place.region().map(ToString::to_string)),
        organization_id: Set(organization_id),
        compound_id: Set(compound_id),
        school_id: Set(school_id),
        valid_from: Set(validity.from),
        valid_until: Set(validity.until),
        pending: Set(*pending),
        revoked_at: Set(*revoked_at),
        granted_by: Set(granted_by.map(Into::into)),
        approved_by: Set(approved_by.map(Into::into)),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for grant::Model {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.id.to_string() }
    }
}

impl TryFrom<grant::Model> for Grant {
    type Error = Error;

    fn try_from(row: grant::Model) -> Result<Self> {
        let grant::Model {
            id,
            user_id,
            role,
            place,
            region_code,
            organization_id,
            compound_id,
            school_id,
            valid_from,
            valid_until,
            pending,
            revoked_at,
            granted_by,
            approved_by,
            version,
            created_at,
            updated_at,
        } = row;
        let region =
            region_code.map(|code| word(RegionCode::parse(&code).ok(), "grants", "region_code", &id)).transpose()?;
        let place = match (place.as_str(), region, organization_id, compound_id, school_id) {
            ("region", Some(region), ..) => Some(Place::Region(region)),
            ("organization", Some(region), Some(id), ..) => Some(Place::Organization(id.into(), region)),
            ("compound", Some(region), _, Some(id), _) => Some(Place::Compound(id.into(), region)),
            ("school", Some(region), _, _, Some(id)) => Some(Place::School(id.into(), region)),
            ("system", ..) => Some(Place::System),
            _ => None,
        };
        Ok(Self {
            id: id.into(),
            user_id: user_id.into(),
            role: word(Role::from_name(&role), "grants", "role", &id)?,
            place: word(place, "grants", "place", &id)?,
            validity: Validity { from: valid_from, until: valid_until },
            pending,
            revoked_at,
            granted_by: granted_by.map(Into::into),
            approved_by: approved_by.map(Into::into),
            version,
            created_at,
            updated_at,
        })
    }
}
