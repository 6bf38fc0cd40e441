//! Volunteer teams and their members.

use domain::{
    access::Access,
    cn::RegionCode,
    id::{VolunteerId, VolunteerTeamId},
    orders::{Origin, Team, VolunteerTeam},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement,
    sea_query::{Condition, Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::entity::volunteer_team;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns, serving},
    tx::Tx,
    vault::Vault,
};

const TABLE: &str = "volunteer_teams";

/// Which teams.
#[derive(Debug, Clone, Default)]
pub struct TeamFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// With this in the name.
    pub q: Option<String>,
}

/// Finder of teams.
#[derive(Debug)]
pub struct Teams<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Teams.
    #[must_use]
    pub fn teams(self) -> Teams<'a, C> {
        Teams(self)
    }
}

fn region_column() -> Expr {
    Expr::col((volunteer_team::Entity, volunteer_team::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    scope::visible(access, &ScopeColumns { region: Some(region_column()), ..Default::default() })
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    team: volunteer_team::Model,
    member_count: i64,
}

fn select() -> Select<volunteer_team::Entity> {
    let members = "(SELECT count(*) FROM volunteer_team_members m \
                   WHERE m.team_id = volunteer_teams.id AND m.left_at IS NULL)";
    volunteer_team::Entity::find().expr_as(Expr::cust(members), "member_count")
}

impl Findable for VolunteerTeam {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = select().filter(volunteer_team::Column::Id.eq(id.0)).filter(visible(access));
        rows.one_of::<_, Row, _>(select, access, lock).await
    }
}

impl Stored for VolunteerTeam {
    type Entity = volunteer_team::Entity;

    fn row(&self, _: &Vault) -> Result<volunteer_team::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (volunteer_team::Column, volunteer_team::Column) {
        (volunteer_team::Column::Id, volunteer_team::Column::Version)
    }
}

impl<C: ConnectionTrait> Teams<'_, C> {
    /// A page of teams that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &TeamFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<VolunteerTeam>>> {
        let TeamFilter { region, q } = filter;
        let mut select = select().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if let Some(q) = q {
            select = select.filter(scope::contains(Expr::col(volunteer_team::Column::Name), q));
        }
        let sorting = Sorting {
            name: None,
            column: None,
            id: Expr::col((volunteer_team::Entity, volunteer_team::Column::Id)),
            uuid: true,
        };
        let rows = page::<_, Row, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// A team to which an order at this place can be handed: one that the caller sees, or that serves there. The
    /// caller was found to hand the order out.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn to_serve(
        &self,
        id: VolunteerTeamId,
        place: &RegionCode,
        seen: Option<&Access>,
    ) -> Result<Option<Team>> {
        let row = volunteer_team::Entity::find_by_id(id.0)
            .filter(serving(region_column(), place).add_option(seen.map(visible)))
            .one(self.0.conn)
            .await?;
        Ok(row.map(|row| Team { id: row.id.into(), name: row.name }))
    }

    /// The teams of a volunteer, kept from others: he is about to leave them.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn of_member(&self, volunteer: VolunteerId) -> Result<Vec<VolunteerTeam>> {
        let teams = Query::select()
            .column("team_id")
            .from("volunteer_team_members")
            .and_where(Expr::col("volunteer_id").eq(volunteer.0))
            .and_where(Expr::col("left_at").is_null())
            .take();
        let id = Expr::col((volunteer_team::Entity, volunteer_team::Column::Id));
        // in one order, so that two who leave the same teams do not wait for each other
        let select = select().filter(id.clone().in_subquery(teams)).order_by_asc(id);
        let rows = Lock::Update.on(select).into_model::<Row>().all(self.0.conn).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    /// The members of a team who serve now, for the team's own decisions.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn members(&self, team: VolunteerTeamId) -> Result<Vec<VolunteerId>> {
        #[derive(FromQueryResult)]
        struct Member {
            volunteer_id: Uuid,
        }
        let statement = Statement::from_sql_and_values(
            self.0.conn.get_database_backend(),
            "SELECT m.volunteer_id FROM volunteer_team_members m JOIN volunteers v ON v.id = m.volunteer_id \
             WHERE m.team_id = $1 AND m.left_at IS NULL AND v.state = 'approved' ORDER BY m.volunteer_id",
            [team.0.into()],
        );
        let rows = Member::find_by_statement(statement).all(self.0.conn).await?;
        Ok(rows.into_iter().map(|row| row.volunteer_id.into()).collect())
    }
}

impl Tx {
    /// Adds a member; `false` if he is one already.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn insert_team_member(&self, team: VolunteerTeamId, volunteer: VolunteerId) -> Result<bool> {
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "INSERT INTO volunteer_team_members (team_id, volunteer_id, joined_at) SELECT $1, $2, $3 \
             WHERE NOT EXISTS (SELECT 1 FROM volunteer_team_members \
             WHERE team_id = $1 AND volunteer_id = $2 AND left_at IS NULL)",
            [team.0.into(), volunteer.0.into(), self.now().into()],
        );
        Ok(self.conn.execute_raw(statement).await?.rows_affected() == 1)
    }

    /// Ends a membership; `false` if there is none.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn end_team_member(&self, team: VolunteerTeamId, volunteer: VolunteerId) -> Result<bool> {
        let statement = Statement::from_sql_and_values(
            self.conn.get_database_backend(),
            "UPDATE volunteer_team_members SET left_at = $3 \
             WHERE team_id = $1 AND volunteer_id = $2 AND left_at IS NULL",
            [team.0.into(), volunteer.0.into(), self.now().into()],
        );
        Ok(self.conn.execute_raw(statement).await?.rows_affected() == 1)
    }
}

pub(crate) fn row_of(value: &VolunteerTeam) -> volunteer_team::ActiveModel {
    let VolunteerTeam { id, name, region_code, origin, member_count: _, version, created_at, updated_at } = value;
    volunteer_team::ActiveModel {
        id: Set(id.0),
        name: Set(name.clone()),
        region_code: Set(region_code.to_string()),
        origin: Set(origin.name().to_owned()),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for Row {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.team.id.to_string() }
    }
}

impl TryFrom<Row> for VolunteerTeam {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { team, member_count } = row;
        let volunteer_team::Model { id, name, region_code, origin, version, created_at, updated_at } = team;
        Ok(Self {
            id: id.into(),
            name,
            region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
            origin: word(Origin::from_name(&origin), TABLE, "origin", &id)?,
            member_count,
            version,
            created_at,
            updated_at,
        })
    }
}
