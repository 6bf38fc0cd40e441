//! Volunteers. What they did is counted from the orders, never stored.

use domain::{
    access::Access,
    cn::RegionCode,
    id::{VolunteerId, VolunteerTeamId},
    orders::{Assignee, Origin, Volunteer, VolunteerState},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Select, Statement,
    sea_query::{Condition, Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::entity::volunteer;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns, serving},
    vault::Vault,
};

const TABLE: &str = "volunteers";

/// Which volunteers.
#[derive(Debug, Clone, Default)]
pub struct VolunteerFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// In one of these states; all if empty.
    pub state: Vec<VolunteerState>,
    /// With this skill.
    pub skill: Option<String>,
    /// Only those who take (or do not take) orders at present.
    pub available: Option<bool>,
    /// Members of this team.
    pub team_id: Option<VolunteerTeamId>,
    /// With this in the name.
    pub q: Option<String>,
}

/// Finder of volunteers.
#[derive(Debug)]
pub struct Volunteers<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Volunteers.
    #[must_use]
    pub fn volunteers(self) -> Volunteers<'a, C> {
        Volunteers(self)
    }
}

fn region_column() -> Expr {
    Expr::col((volunteer::Entity, volunteer::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    let own = scope::own_of_person(volunteer::Column::PersonId);
    scope::visible(access, &ScopeColumns { region: Some(region_column()), related: &own, ..Default::default() })
}

/// What goes with a row: `(expression, name)`.
const COUNTED: &[(&str, &str)] = &[
    ("(SELECT p.name FROM persons p WHERE p.id = volunteers.person_id)", "display_name"),
    (
        "(SELECT count(*) FROM service_orders o WHERE o.holder_id = volunteers.id AND o.state IN ('completed', 'confirmed'))",
        "orders_done",
    ),
    (
        "(SELECT CAST(COALESCE(SUM(w.ended_ms - w.started_ms), 0) AS BIGINT) FROM order_work w WHERE w.volunteer_id = volunteers.id)",
        "milliseconds",
    ),
];

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    volunteer: volunteer::Model,
    display_name: String,
    user_id: Option<Uuid>,
    orders_done: i64,
    milliseconds: i64,
}

fn select() -> Select<volunteer::Entity> {
    let account = "(SELECT u.id FROM users u WHERE u.person_id = volunteers.person_id AND u.state = 'active' \
                   ORDER BY u.id LIMIT 1)";
    let select = volunteer::Entity::find().expr_as(Expr::cust(account), "user_id");
    COUNTED.iter().fold(select, |select, (expression, name)| select.expr_as(Expr::cust(*expression), *name))
}

impl Findable for Volunteer {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = select().filter(volunteer::Column::Id.eq(id.0)).filter(visible(access));
        rows.one_of::<_, Row, _>(select, access, lock).await
    }
}

impl Stored for Volunteer {
    type Entity = volunteer::Entity;

    fn row(&self, _: &Vault) -> Result<volunteer::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (volunteer::Column, volunteer::Column) {
        (volunteer::Column::Id, volunteer::Column::Version)
    }
}

impl<C: ConnectionTrait> Volunteers<'_, C> {
    /// A page of volunteers whom the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &VolunteerFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Volunteer>>> {
        let VolunteerFilter { region, state, skill, available, team_id, q } = filter;
        let mut select = select().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if !state.is_empty() {
            select = select.filter(volunteer::Column::State.is_in(state.iter().map(|state| state.name())));
        }
        if let Some(skill) = skill {
            // skills are codes without quotes, so a quoted code cannot be part of another one
            select =
                select.filter(scope::contains(Expr::cust("CAST(volunteers.skills AS TEXT)"), &format!("\"{skill}\"")));
        }
        if let Some(available) = available {
            select = select.filter(volunteer::Column::Available.eq(*available));
        }
        if let Some(team) = team_id {
            let members = Query::select()
                .column("volunteer_id")
                .from("volunteer_team_members")
                .and_where(Expr::col("team_id").eq(team.0))
                .and_where(Expr::col("left_at").is_null())
                .take();
            select = select.filter(Expr::col((volunteer::Entity, volunteer::Column::Id)).in_subquery(members));
        }
        if let Some(q) = q {
            let name = Expr::cust("(SELECT p.name FROM persons p WHERE p.id = volunteers.person_id)");
            select = select.filter(scope::contains(name, q));
        }
        let sorting =
            Sorting { name: None, column: None, id: Expr::col((volunteer::Entity, volunteer::Column::Id)), uuid: true };
        let rows = page::<_, Row, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// An approved volunteer to whom an order at this place can be handed: one whom the caller sees, or who serves
    /// there, as [`Rows::candidates`] finds them. The caller was found to hand the order out. Until the transaction ends
    /// he cannot leave, so that nothing is handed to one who has left.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn to_serve(
        &self,
        id: VolunteerId,
        place: &RegionCode,
        seen: Option<&Access>,
    ) -> Result<Option<Assignee>> {
        let select = select()
            .filter(volunteer::Column::Id.eq(id.0))
            .filter(volunteer::Column::State.eq(VolunteerState::Approved.name()))
            .filter(serving(region_column(), place).add_option(seen.map(visible)));
        let row = Lock::Update.on(select).into_model::<Row>().one(self.0.conn).await?;
        Ok(row.map(|row| Assignee { volunteer_id: row.volunteer.id.into(), display_name: row.display_name }))
    }

    /// Whether a volunteer is one still.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn serves(&self, id: VolunteerId) -> Result<bool> {
        let select =
            volunteer::Entity::find_by_id(id.0).filter(volunteer::Column::State.eq(VolunteerState::Approved.name()));
        Ok(select.one(self.0.conn).await?.is_some())
    }

    /// Whether a volunteer holds open orders, or was asked to take one and has not answered.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn has_open_orders(&self, id: VolunteerId) -> Result<bool> {
        let statement = Statement::from_sql_and_values(
            self.0.conn.get_database_backend(),
            "SELECT id FROM service_orders WHERE (holder_id = $1 AND state IN ('accepted', 'in_progress', 'on_hold')) \
             OR (target_volunteer_id = $1 AND state = 'dispatched') LIMIT 1",
            [id.0.into()],
        );
        Ok(self.0.conn.query_one_raw(statement).await?.is_some())
    }
}

pub(crate) fn row_of(value: &Volunteer) -> volunteer::ActiveModel {
    let Volunteer {
        id,
        person_id,
        user_id: _,
        display_name: _,
        skills,
        region_code,
        available,
        origin,
        state,
        orders_done: _,
        minutes_served: _,
        version,
        created_at,
        updated_at,
    } = value;
    volunteer::ActiveModel {
        id: Set(id.0),
        person_id: Set(person_id.0),
        skills: Set(skills.clone().into()),
        region_code: Set(region_code.to_string()),
        available: Set(*available),
        origin: Set(origin.name().to_owned()),
        state: Set(state.name().to_owned()),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for Row {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.volunteer.id.to_string() }
    }
}

impl TryFrom<Row> for Volunteer {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { volunteer, display_name, user_id, orders_done, milliseconds } = row;
        let volunteer::Model {
            id,
            person_id,
            skills,
            region_code,
            available,
            origin,
            state,
            version,
            created_at,
            updated_at,
        } = volunteer;
        Ok(Self {
            id: id.into(),
            person_id: person_id.into(),
            user_id: user_id.map(Into::into),
            display_name,
            skills: serde_json::from_value(skills).map_err(|_| Error::Corrupt {
                table: TABLE,
                column: "skills",
                row: id.to_string(),
            })?,
            region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
            available,
            origin: word(Origin::from_name(&origin), TABLE, "origin", &id)?,
            state: word(VolunteerState::from_name(&state), TABLE, "state", &id)?,
            orders_done,
            minutes_served: milliseconds / 60_000,
            version,
            created_at,
            updated_at,
        })
    }
}
