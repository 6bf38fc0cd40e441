//! Appointments.

use chrono::NaiveDate;
use domain::{
    access::{Access, Reach},
    cn::RegionCode,
    id::PersonId,
    people::{Appointment, AppointmentState, EndReason, NOTICE, Post, Profession, Seat},
    time::day_in_china,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Condition, Expr, ExprTrait, SimpleExpr},
};
use uuid::Uuid;

use super::entity::appointment;
use crate::{
    error::{Error, Result},
    keyset::{Keyset, Page, PageRequest, SortKey, Sorting, page},
    rows::{Found, Rows, word},
    save::{Findable, Lock, Stored},
    scope::{self, ScopeColumns},
    tx::Tx,
    vault::Vault,
};

const TABLE: &str = "appointments";

/// Which appointments.
#[derive(Debug, Clone, Default)]
pub struct AppointmentFilter {
    /// In this subtree.
    pub region: Option<RegionCode>,
    /// Of one of these posts; all if empty.
    pub post: Vec<Post>,
    /// At this place.
    pub place: Option<SeatFilter>,
    /// Of this person.
    pub person_id: Option<PersonId>,
    /// Held on this day.
    pub on: Option<NaiveDate>,
    /// In one of these states on the day of `today`; all if empty.
    pub state: Vec<AppointmentState>,
    /// The present day.
    pub today: NaiveDate,
}

/// A place at which posts are held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeatFilter {
    /// A region and all below it.
    Region(RegionCode),
    /// An organization, a compound, a building or a unit.
    Id(Uuid),
}

/// Finder of appointments.
#[derive(Debug)]
pub struct Appointments<'a, C>(Rows<'a, C>);

impl<'a, C> Rows<'a, C> {
    /// Appointments.
    #[must_use]
    pub fn appointments(self) -> Appointments<'a, C> {
        Appointments(self)
    }
}

fn region_column() -> Expr {
    Expr::col((appointment::Entity, appointment::Column::RegionCode))
}

fn visible(access: &Access) -> Condition {
    let related = |reach: &Reach| -> Option<SimpleExpr> {
        match reach {
            Reach::Own(_, Some(person)) => Some(appointment::Column::PersonId.eq(person.0)),
            Reach::Heads(code) => {
                let heads = Post::ALL.iter().filter(|post| post.is_head()).map(|post| post.name());
                Some(scope::within(region_column(), code).and(appointment::Column::Post.is_in(heads)))
            }
            _ => None,
        }
    };
    let compound = Some(Expr::col((appointment::Entity, appointment::Column::CompoundId)));
    scope::visible(
        access,
        &ScopeColumns { region: Some(region_column()), compound, related: &related, ..Default::default() },
    )
}

/// The first day on which it is held no more.
fn end() -> SimpleExpr {
    Expr::cust("COALESCE(appointments.ended_on, appointments.valid_until)")
}

fn held_on(day: NaiveDate) -> Condition {
    let started = appointment::Column::ValidFrom.lte(day);
    Condition::all().add(started).add(not_over_on(day))
}

fn not_over_on(day: NaiveDate) -> SimpleExpr {
    end().gt(day).or(end().is_null())
}

fn in_state(state: AppointmentState, today: NaiveDate) -> Condition {
    match state {
        AppointmentState::Active => held_on(today),
        AppointmentState::Ended => Condition::all().add(end().lte(today)),
        AppointmentState::Coming => {
            Condition::all().add(appointment::Column::ValidFrom.gt(today)).add(not_over_on(today))
        }
    }
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    appointment: appointment::Model,
    display_name: String,
}

fn select() -> Select<appointment::Entity> {
    let name = "(SELECT p.name FROM persons p WHERE p.id = appointments.person_id)";
    appointment::Entity::find().expr_as(Expr::cust(name), "display_name")
}

impl Findable for Appointment {
    async fn find<C: ConnectionTrait>(
        rows: Rows<'_, C>,
        access: &Access,
        id: &Self::Id,
        lock: Lock,
    ) -> Result<Found<Self>> {
        let select = select().filter(appointment::Column::Id.eq(id.0)).filter(visible(access));
        rows.one_of::<_, Row, _>(select, access, lock).await
    }
}

impl Stored for Appointment {
    type Entity = appointment::Entity;

    fn row(&self, _: &Vault) -> Result<appointment::ActiveModel> {
        Ok(row_of(self))
    }

    fn columns() -> (appointment::Column, appointment::Column) {
        (appointment::Column::Id, appointment::Column::Version)
    }
}

impl<C: ConnectionTrait> Appointments<'_, C> {
    /// A page of appointments that the caller sees, by id.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn page(
        &self,
        access: &Access,
        filter: &AppointmentFilter,
        request: &PageRequest,
    ) -> Result<Page<Found<Appointment>>> {
        let AppointmentFilter { region, post, place, person_id, on, state, today } = filter;
        let mut select = select().filter(visible(access));
        if let Some(region) = region {
            select = select.filter(scope::within(region_column(), region));
        }
        if !post.is_empty() {
            select = select.filter(appointment::Column::Post.is_in(post.iter().map(|post| post.name())));
        }
        match place {
            Some(SeatFilter::Region(code)) => select = select.filter(scope::within(region_column(), code)),
            Some(SeatFilter::Id(id)) => select = select.filter(at(*id)),
            None => {}
        }
        if let Some(person) = person_id {
            select = select.filter(appointment::Column::PersonId.eq(person.0));
        }
        if let Some(day) = on {
            select = select.filter(held_on(*day));
        }
        if !state.is_empty() {
            let any = state.iter().fold(Condition::any(), |any, state| any.add(in_state(*state, *today)));
            select = select.filter(any);
        }
        let id = Expr::col((appointment::Entity, appointment::Column::Id));
        let sorting = Sorting { name: None, column: None, id, uuid: true };
        let rows = page::<_, Row, _>(self.0.conn, select, sorting, request).await?;
        rows.try_map(|row| Found::judge(access, row.try_into()?))
    }

    /// Whether the person holds the same post at the same seat on some day of the other appointment. The caller keeps
    /// the person from others meanwhile ([`Rows::find_to_change`]), so that of two at once one is told of the other.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn is_held_twice(&self, new: &Appointment) -> Result<bool> {
        let Appointment { person_id, post, seat, valid_from, .. } = new;
        let Seat { region_code, organization_id, compound_id, building_id, unit_id } = seat;
        let same = |column: appointment::Column, id: Option<Uuid>| match id {
            Some(id) => column.eq(id),
            None => column.is_null(),
        };
        let mut select = appointment::Entity::find()
            .filter(appointment::Column::PersonId.eq(person_id.0))
            .filter(appointment::Column::Post.eq(post.name()))
            .filter(appointment::Column::RegionCode.eq(region_code.as_str()))
            .filter(same(appointment::Column::OrganizationId, organization_id.map(Into::into)))
            .filter(same(appointment::Column::CompoundId, compound_id.map(Into::into)))
            .filter(same(appointment::Column::BuildingId, building_id.map(Into::into)))
            .filter(same(appointment::Column::UnitId, unit_id.map(Into::into)))
            // one that ended on its first day was held on none
            .filter(end().gt(Expr::col(appointment::Column::ValidFrom)).or(end().is_null()))
            .filter(not_over_on(*valid_from));
        if let Some(until) = new.end() {
            select = select.filter(appointment::Column::ValidFrom.lt(until));
        }
        Ok(select.one(self.0.conn).await?.is_some())
    }

    /// What a person holds on a day, kept from others until the transaction ends. The caller's right to each of them is
    /// judged afterwards.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn held_by(&self, access: &Access, person: PersonId, day: NaiveDate) -> Result<Vec<Found<Appointment>>> {
        let select = select()
            .filter(visible(access))
            .filter(appointment::Column::PersonId.eq(person.0))
            .filter(held_on(day))
            .order_by_asc(appointment::Column::Id);
        let rows: Vec<Row> = Lock::Update.on(select).into_model().all(self.0.conn).await?;
        rows.into_iter().map(|row| Found::judge(access, row.try_into()?)).collect()
    }
}

/// At an organization, a compound, a building or a unit.
fn at(id: Uuid) -> Condition {
    use appointment::Column as C;
    let columns = [C::OrganizationId, C::CompoundId, C::BuildingId, C::UnitId];
    columns.into_iter().fold(Condition::any(), |any, column| any.add(column.eq(id)))
}

impl Tx {
    /// Announces terms that end within the notice, and notes that it was done. Returns how many there were, `limit` at
    /// most.
    ///
    /// # Errors
    /// If the database does not take it.
    pub async fn announce_terms(&self, limit: u64) -> Result<usize> {
        let today = day_in_china(self.now());
        let select = select()
            .filter(appointment::Column::AnnouncedAt.is_null())
            .filter(appointment::Column::EndedOn.is_null())
            .filter(appointment::Column::ValidUntil.gt(today))
            .filter(appointment::Column::ValidUntil.lte(today + NOTICE))
            .order_by_asc(appointment::Column::Id)
            .limit(limit);
        let rows: Vec<Row> = Lock::Update.on(select).into_model().all(&self.conn).await?;
        let mut told = Vec::new();
        for row in rows {
            let row = Appointment::try_from(row)?;
            let Some(event) = row.announcement(self.now()) else { continue };
            let noted = appointment::ActiveModel { announced_at: Set(Some(self.now())), ..Default::default() };
            appointment::Entity::update_many()
                .set(noted)
                .filter(appointment::Column::Id.eq(row.id.0))
                .exec(&self.conn)
                .await?;
            told.push(event);
        }
        if !told.is_empty() {
            self.record(&told)?;
        }
        Ok(told.len())
    }
}

pub(crate) fn row_of(value: &Appointment) -> appointment::ActiveModel {
    let Appointment {
        id,
        person_id,
        display_name: _,
        post,
        profession,
        seat,
        valid_from,
        valid_until,
        ended_on,
        end_reason,
        succeeded_by,
        preceded_by,
        announced_at,
        version,
        created_at,
        updated_at,
    } = value;
    let Seat { region_code, organization_id, compound_id, building_id, unit_id } = seat;
    appointment::ActiveModel {
        id: Set(id.0),
        person_id: Set(person_id.0),
        post: Set(post.name().to_owned()),
        profession: Set(profession.map(|profession| profession.name().to_owned())),
        region_code: Set(region_code.to_string()),
        organization_id: Set(organization_id.map(Into::into)),
        compound_id: Set(compound_id.map(Into::into)),
        building_id: Set(building_id.map(Into::into)),
        unit_id: Set(unit_id.map(Into::into)),
        valid_from: Set(*valid_from),
        valid_until: Set(*valid_until),
        ended_on: Set(*ended_on),
        end_reason: Set(end_reason.map(|reason| reason.name().to_owned())),
        succeeded_by: Set(succeeded_by.map(Into::into)),
        preceded_by: Set(preceded_by.map(Into::into)),
        announced_at: Set(*announced_at),
        version: Set(*version),
        created_at: Set(*created_at),
        updated_at: Set(*updated_at),
    }
}

impl SortKey for Row {
    fn keyset(&self, _: Option<&'static str>) -> Keyset {
        Keyset { sort: None, id: self.appointment.id.to_string() }
    }
}

impl TryFrom<Row> for Appointment {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { appointment, display_name } = row;
        let appointment::Model {
            id,
            person_id,
            post,
            profession,
            region_code,
            organization_id,
            compound_id,
            building_id,
            unit_id,
            valid_from,
            valid_until,
            ended_on,
            end_reason,
            succeeded_by,
            preceded_by,
            announced_at,
            version,
            created_at,
            updated_at,
        } = appointment;
        Ok(Self {
            id: id.into(),
            person_id: person_id.into(),
            display_name,
            post: word(Post::from_name(&post), TABLE, "post", &id)?,
            profession: profession
                .map(|name| word(Profession::from_name(&name), TABLE, "profession", &id))
                .transpose()?,
            seat: Seat {
                region_code: word(RegionCode::parse(&region_code).ok(), TABLE, "region_code", &id)?,
                organization_id: organization_id.map(Into::into),
                compound_id: compound_id.map(Into::into),
                building_id: building_id.map(Into::into),
                unit_id: unit_id.map(Into::into),
            },
            valid_from,
            valid_until,
            ended_on,
            end_reason: end_reason
                .map(|name| word(EndReason::from_name(&name), TABLE, "end_reason", &id))
                .transpose()?,
            succeeded_by: succeeded_by.map(Into::into),
            preceded_by: preceded_by.map(Into::into),
            announced_at,
            version,
            created_at,
            updated_at,
        })
    }
}
