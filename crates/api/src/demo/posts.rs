//! Who holds which post in the demonstration set: heads of buildings and units, forest chiefs of each level, and others;
//! some of them of the past, and one whose term is about to end.

use chrono::{Days, NaiveDate};
use domain::{
    cn::Sex::{Female, Male},
    id::{AppointmentId, PersonId},
    outcome::Outcome,
    people::{Appointment, EndReason, Post, Profession, Relation, Seat},
    resource::Resource as _,
    time::{Instant, day_in_china},
};
use persistence::{Database, Result};

use super::{
    compound_id, day, id, made_at,
    people::{Resident, account_person, insert_person, person, residents},
    region,
    regions::{PARK_NORTH, building_name, community_of, size_of, unit_name},
    stamp,
};

/// Somebody who holds a post and has no account: name, date of birth, where he lives.
const HOLDERS: &[(&str, &str, &str)] = &[
    ("刘志远", "1969-03-08", "360822100200"),
    ("罗水平", "1974-11-20", "360822101200"),
    ("江律明", "1980-06-15", PARK_NORTH),
    ("夏网花", "1991-01-30", PARK_NORTH),
];

/// Who holds a post.
#[derive(Clone, Copy)]
enum Holder {
    /// The person behind an account.
    Account(&'static str),
    /// One of [`HOLDERS`].
    Named(&'static str),
}

use Holder::{Account, Named};

/// A post in a region, its first day and, where it has one, its last term.
const IN_REGIONS: &[(Post, Holder, &str, &str, Option<&str>)] = &[
    (Post::ForestChief, Named("刘志远"), "360822", "2023-06-01", None),
    (Post::ForestChief, Named("罗水平"), "360822101", "2023-06-01", None),
    (Post::ForestChief, Account("chief.village"), "360822101200", "2023-06-01", None),
    (Post::Ranger, Account("ranger"), "360822101", "2022-03-01", None),
    (Post::VisitingCadre, Account("cadre"), "360121100", "2023-09-01", None),
    (Post::Mediator, Account("mediator"), "360121100", "2021-05-01", None),
    (Post::GridMember, Named("夏网花"), "360502002001001", "2021-01-01", Some("2024-01-01")),
];

/// The term of the heads of buildings and units.
const TERM: (&str, Option<&str>) = ("2023-12-01", None);
/// Days from the day of loading until the term of a grid member ends.
const ABOUT_TO_END: Days = Days::new(20);

/// The compounds in which each building has a head, and whether each unit has one too.
const WITH_HEADS: &[(&str, bool)] = &[("fuyuan", true), ("guihuacun", false), ("youzhengju", false)];

fn named(name: &str) -> PersonId {
    id(&format!("person/holder/{name}")).into()
}

impl Holder {
    fn person(self) -> (PersonId, String) {
        match self {
            Self::Account(username) => (account_person(username), username.to_owned()),
            Self::Named(name) => (named(name), name.to_owned()),
        }
    }
}

fn in_region(code: &str) -> Result<Seat> {
    Ok(Seat { region_code: region(code)?, organization_id: None, compound_id: None, building_id: None, unit_id: None })
}

fn in_compound(code: &str) -> Result<Seat> {
    Ok(Seat { compound_id: Some(compound_id(code)), ..in_region(community_of(code))? })
}

fn appointment(
    name: &str,
    person_id: PersonId,
    post: Post,
    seat: Seat,
    (from, until): (&str, Option<&str>),
) -> Result<Appointment> {
    let id: AppointmentId = id(&format!("appointment/{name}")).into();
    Ok(Appointment {
        id,
        person_id,
        display_name: String::new(),
        post,
        profession: None,
        seat,
        valid_from: day(from)?,
        valid_until: until.map(day).transpose()?,
        ended_on: None,
        end_reason: None,
        succeeded_by: None,
        preceded_by: None,
        announced_at: None,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    })
}

/// The heads of the buildings and units of a compound: the first who lives there in his own household, and in the units
/// somebody of another door.
fn heads(compound: &'static str, of_units: bool, residents: &[Resident]) -> Result<Vec<Appointment>> {
    let (buildings, units) = size_of(compound);
    let grown = |resident: &&Resident| resident.compound == compound && resident.relation == Relation::Head;
    let mut all = Vec::new();
    for building in 1..=buildings {
        let in_building = || residents.iter().filter(grown).filter(move |resident| resident.building == building);
        let at = Seat { building_id: Some(id(&building_name(compound, building)).into()), ..in_compound(compound)? };
        if let Some(head) = in_building().next() {
            let name = building_name(compound, building);
            all.push(appointment(&name, head.person.id, Post::BuildingHead, at.clone(), TERM)?);
        }
        for unit in (1..=units).filter(|_| of_units) {
            let Some(head) = in_building().rfind(|resident| resident.unit == unit) else { continue };
            let name = unit_name(compound, building, unit);
            let at = Seat { unit_id: Some(id(&name).into()), ..at.clone() };
            all.push(appointment(&name, head.person.id, Post::UnitHead, at, TERM)?);
        }
    }
    Ok(all)
}

/// All appointments. One is dated relative to the day of loading.
fn appointments(today: NaiveDate) -> Result<Vec<Appointment>> {
    let residents = residents()?;
    let mut all = Vec::new();
    for (post, holder, code, from, until) in IN_REGIONS {
        let (person, name) = holder.person();
        all.push(appointment(&name, person, *post, in_region(code)?, (from, *until))?);
    }
    for (compound, of_units) in WITH_HEADS {
        all.extend(heads(compound, *of_units, &residents)?);
    }
    let lawyer =
        appointment("lawyer", named("江律明"), Post::LegalHelper, in_compound("fuyuan")?, ("2023-12-01", None))?;
    all.push(Appointment { profession: Some(Profession::Lawyer), ..lawyer });
    let seat = in_region("360502002001001")?;
    let member = appointment("grid", account_person("volunteer5"), Post::GridMember, seat, ("2024-01-01", None))?;
    all.push(Appointment { valid_until: today.checked_add_days(ABOUT_TO_END), ..member });
    // who was head of a building before the present one, until he moved
    if let Some(former) =
        residents.iter().rfind(|resident| resident.compound == "fuyuan" && resident.username.is_none())
    {
        let seat = Seat { building_id: Some(id(&building_name("fuyuan", 1)).into()), ..in_compound("fuyuan")? };
        let term = ("2020-12-01", Some("2024-12-01"));
        let former = appointment("former", former.person.id, Post::BuildingHead, seat, term)?;
        all.push(Appointment { ended_on: Some(day("2023-12-01")?), end_reason: Some(EndReason::Moved), ..former });
    }
    Ok(all)
}

/// Loads the appointments, unless they are there.
pub(super) async fn load(database: &Database, now: Instant) -> Result<()> {
    let tx = database.begin_write(stamp(made_at(), None)).await?;
    let all = appointments(day_in_china(now))?;
    let Some(first) = all.first() else { return Ok(()) };
    if tx.rows().exists::<Appointment>(&first.id).await? {
        return Ok(());
    }
    for (serial, (name, born, home)) in HOLDERS.iter().enumerate() {
        let sex = if serial == 3 { Female } else { Male };
        insert_person(&tx, person(named(name), name, home, day(born)?, sex, 420 + serial)?).await?;
    }
    for appointment in all {
        let event = appointment.event("appointment.created");
        tx.insert(Outcome::new(appointment, event)).await?;
    }
    tx.commit().await
}
