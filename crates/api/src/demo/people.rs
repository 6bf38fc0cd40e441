//! Accounts, persons, households, volunteers, teams and the catalog of services of the demonstration set.

use chrono::{Datelike as _, NaiveDate};
use domain::{
    access::{Actor, Grant, ResourceKind, Role, VolunteerStanding},
    clocks::Counting,
    cn::{IdNumber, Phone, Sex},
    id::{PersonId, UserId, VolunteerId, VolunteerTeamId},
    identity::{User, UserState},
    orders::{
        KindLimit, Origin, Priority, Question, QuestionKind, ServiceKind, Volunteer, VolunteerState, VolunteerTeam,
    },
    outcome::Outcome,
    people::{Household, HouseholdMember, Person, PoliticalStatus, Relation, Tag},
    resource::Resource as _,
    time::{Validity, day_in_china},
};
use persistence::{Database, Result, Tx};

use super::{
    At, compound_id, day, fault, id, made, made_at, region,
    regions::{FLOWER_LAKE, PARK_NORTH, building_name, community_of, size_of, unit_name},
    stamp, turn, user_id,
};

/// An account of the set. `lives` is set where there is a person behind it.
struct Account {
    username: &'static str,
    name: &'static str,
    kept: Option<&'static str>,
    grants: &'static [(Role, At)],
    lives: Option<Life>,
}

/// The person behind an account.
#[derive(Clone, Copy)]
struct Life {
    born: &'static str,
    sex: Sex,
    /// Where he lives.
    home: At,
}

const fn office(
    username: &'static str,
    name: &'static str,
    kept: &'static str,
    grants: &'static [(Role, At)],
) -> Account {
    Account { username, name, kept: Some(kept), grants, lives: None }
}

const fn somebody(
    username: &'static str,
    name: &'static str,
    kept: &'static str,
    grants: &'static [(Role, At)],
    (born, sex, home): (&'static str, Sex, At),
) -> Account {
    Account { username, name, kept: Some(kept), grants, lives: Some(Life { born, sex, home }) }
}

use At::{Compound, Region, System};
use Sex::{Female, Male};

const VOLUNTEER_HERE: &[(Role, At)] = &[(Role::Volunteer, Region(PARK_NORTH))];
const VOLUNTEER_AT_LAKE: &[(Role, At)] = &[(Role::Volunteer, Region(FLOWER_LAKE))];

const ACCOUNTS: &[Account] = &[
    Account {
        username: "admin",
        name: "系统管理员",
        kept: None,
        grants: &[(Role::SystemAdministrator, System), (Role::RegionAdministrator, Region("36"))],
        lives: None,
    },
    office("auditor", "审计员", "36", &[(Role::Auditor, Region("36"))]),
    office("province", "江西省联络员", "36", &[(Role::Official, Region("36"))]),
    office("yushui", "渝水区联络员", "360502", &[(Role::Official, Region("360502"))]),
    office("nanchang", "南昌县联络员", "360121", &[(Role::Official, Region("360121"))]),
    office("linchuan", "临川区联络员", "361002", &[(Role::Official, Region("361002"))]),
    office("dongxin", "东临新区联络员", "361091", &[(Role::Official, Region("361091"))]),
    office("jishui", "吉水县联络员", "360822", &[(Role::Official, Region("360822"))]),
    office("wangshang", "网上镇联络员", "360121100", &[(Role::Official, Region("360121100"))]),
    office("street", "新钢街道联络员", "360502002", &[(Role::Official, Region("360502002"))]),
    somebody(
        "worker",
        "徐春燕",
        PARK_NORTH,
        &[(Role::CommunityWorker, Region(PARK_NORTH))],
        ("1986-04-18", Female, Region(PARK_NORTH)),
    ),
    somebody(
        "worker2",
        "廖志强",
        FLOWER_LAKE,
        &[(Role::CommunityWorker, Region(FLOWER_LAKE))],
        ("1983-09-02", Male, Region(FLOWER_LAKE)),
    ),
    somebody("volunteer", "丁丽群", PARK_NORTH, VOLUNTEER_HERE, ("1974-06-21", Female, Region(PARK_NORTH))),
    somebody("volunteer2", "万建华", PARK_NORTH, VOLUNTEER_HERE, ("1969-11-08", Male, Region(PARK_NORTH))),
    somebody("volunteer3", "熊海生", PARK_NORTH, VOLUNTEER_HERE, ("1978-02-14", Male, Region(PARK_NORTH))),
    somebody("volunteer4", "章玉梅", PARK_NORTH, VOLUNTEER_HERE, ("1971-07-30", Female, Region(PARK_NORTH))),
    somebody("volunteer5", "程立新", PARK_NORTH, VOLUNTEER_HERE, ("1982-12-05", Male, Region(PARK_NORTH))),
    somebody("volunteer6", "喻晓琳", PARK_NORTH, VOLUNTEER_HERE, ("1995-03-27", Female, Region(PARK_NORTH))),
    somebody("volunteer7", "邹爱民", FLOWER_LAKE, VOLUNTEER_AT_LAKE, ("1966-10-11", Male, Region(FLOWER_LAKE))),
    somebody("volunteer8", "谢芳", FLOWER_LAKE, VOLUNTEER_AT_LAKE, ("1988-08-19", Female, Region(FLOWER_LAKE))),
    somebody(
        "resident",
        "胡桂兰",
        PARK_NORTH,
        &[(Role::Resident, Compound("fuyuan"))],
        ("1951-05-16", Female, Compound("fuyuan")),
    ),
    somebody(
        "resident2",
        "刘长根",
        PARK_NORTH,
        &[(Role::Resident, Compound("fuyuan"))],
        ("1963-01-09", Male, Compound("fuyuan")),
    ),
    somebody(
        "committee",
        "熊国平",
        FLOWER_LAKE,
        &[(Role::CommitteeMember, Compound("youzhengju"))],
        ("1958-08-24", Male, Compound("youzhengju")),
    ),
    somebody(
        "property",
        "邓小军",
        "360502002002",
        &[(Role::PropertyStaff, Compound("shengang"))],
        ("1985-12-03", Male, Region("360502002002")),
    ),
    somebody(
        "cadre",
        "涂文斌",
        "360121100",
        &[(Role::Cadre, Region("360121100"))],
        ("1987-03-15", Male, Region("360121100001")),
    ),
    somebody(
        "mediator",
        "龚德明",
        "360121100",
        &[(Role::Mediator, Region("360121100"))],
        ("1962-06-06", Male, Region("360121100200")),
    ),
    office("department", "南昌县民政局", "360121", &[(Role::DepartmentHandler, Region("360121"))]),
    office("chief.county", "吉水县林长", "360822", &[(Role::ForestChief, Region("360822"))]),
    office("chief.township", "醪桥镇林长", "360822101", &[(Role::ForestChief, Region("360822101"))]),
    somebody(
        "chief.village",
        "曾水根",
        "360822101200",
        &[(Role::ForestChief, Region("360822101200"))],
        ("1968-02-27", Male, Region("360822101200")),
    ),
    somebody(
        "ranger",
        "肖山林",
        "360822101",
        &[(Role::Ranger, Region("360822101"))],
        ("1972-09-13", Male, Region("360822101200")),
    ),
    somebody(
        "teacher",
        "饶雅琴",
        "361091200",
        &[(Role::Teacher, Region("361091200"))],
        ("1990-10-20", Female, Region("361091200200")),
    ),
    somebody(
        "counselor",
        "艾静怡",
        "361091200",
        &[(Role::Counselor, Region("361091200"))],
        ("1992-04-02", Female, Region("361091200200")),
    ),
    somebody(
        "principal",
        "黎明远",
        "361091200",
        &[(Role::SchoolAdministrator, Region("361091200"))],
        ("1975-01-25", Male, Region("361091200200")),
    ),
    somebody(
        "guardian",
        "吴秀英",
        "361091200",
        &[(Role::Guardian, Region("361091200"))],
        ("1957-12-12", Female, Region("361091200200")),
    ),
    somebody(
        "treasurer",
        "石有福",
        "361002100200",
        &[(Role::Treasurer, Region("361002100200"))],
        ("1970-05-05", Male, Region("361002100200")),
    ),
];

/// A volunteer of the set.
pub(super) struct Helper {
    /// His account, where he has one.
    pub username: Option<&'static str>,
    /// His name.
    pub name: &'static str,
    /// His service area.
    pub area: &'static str,
    /// What he can do.
    pub skills: &'static [&'static str],
    origin: Origin,
    teams: &'static [&'static str],
}

const fn helper(
    username: Option<&'static str>,
    name: &'static str,
    area: &'static str,
    skills: &'static [&'static str],
    origin: Origin,
    teams: &'static [&'static str],
) -> Helper {
    Helper { username, name, area, skills, origin, teams }
}

use Origin::{AgencyCadre, Citizen, EnterprisePartyMember};

const SISTERS: &str = "敲门嫂服务队";
const REPAIRS: &str = "红色工匠维修队";
const VANGUARD: &str = "机关党员先锋队";

/// The volunteers.
pub(super) const HELPERS: &[Helper] = &[
    helper(Some("volunteer"), "丁丽群", PARK_NORTH, &["tap", "company", "errands"], Citizen, &[SISTERS]),
    helper(Some("volunteer2"), "万建华", PARK_NORTH, &["tap", "electric", "drain"], EnterprisePartyMember, &[REPAIRS]),
    helper(Some("volunteer3"), "熊海生", PARK_NORTH, &["electric", "drain"], EnterprisePartyMember, &[REPAIRS]),
    helper(Some("volunteer4"), "章玉梅", PARK_NORTH, &["company", "errands", "cleaning"], Citizen, &[SISTERS]),
    helper(Some("volunteer5"), "程立新", PARK_NORTH, &["cleaning", "electric"], AgencyCadre, &[VANGUARD]),
    helper(Some("volunteer6"), "喻晓琳", PARK_NORTH, &["company", "errands"], AgencyCadre, &[VANGUARD, SISTERS]),
    helper(Some("volunteer7"), "邹爱民", FLOWER_LAKE, &["tap", "electric", "drain"], Citizen, &[]),
    helper(Some("volunteer8"), "谢芳", FLOWER_LAKE, &["company", "errands", "cleaning"], AgencyCadre, &[]),
    helper(None, "聂金凤", PARK_NORTH, &["company", "cleaning"], Citizen, &[SISTERS]),
    helper(None, "赖福生", PARK_NORTH, &["drain", "tap"], EnterprisePartyMember, &[REPAIRS]),
    helper(None, "帅红英", FLOWER_LAKE, &["company"], Citizen, &[]),
    helper(None, "古小勇", "360502002", &["electric", "cleaning"], AgencyCadre, &[VANGUARD]),
];

const TEAMS: &[(&str, &str, Origin)] = &[
    (SISTERS, PARK_NORTH, Citizen),
    (REPAIRS, PARK_NORTH, EnterprisePartyMember),
    (VANGUARD, "360502002", AgencyCadre),
];

impl Helper {
    /// The id of his row.
    pub(super) fn id(&self) -> VolunteerId {
        id(&format!("volunteer/{}", self.name)).into()
    }

    /// His person, which is that of his account where he has one.
    fn person_id(&self) -> PersonId {
        self.username.map_or_else(|| id(&format!("person/{}", self.name)).into(), account_person)
    }

    /// The first of his teams.
    pub(super) fn team(&self) -> Option<(VolunteerTeamId, &'static str)> {
        self.teams.first().map(|name| (team_id(name), *name))
    }
}

fn team_id(name: &str) -> VolunteerTeamId {
    id(&format!("team/{name}")).into()
}

/// The person behind an account.
pub(super) fn account_person(username: &str) -> PersonId {
    id(&format!("person/account/{username}")).into()
}

/// Somebody for whom orders are placed.
#[derive(Clone)]
pub(super) struct Resident {
    /// The person.
    pub person: Person,
    /// His account, where he has one.
    pub username: Option<&'static str>,
    /// The code of the compound.
    pub compound: &'static str,
    /// The number of the building.
    pub building: usize,
    /// The number of the unit.
    pub unit: usize,
    /// What he is to the head of his household.
    pub relation: Relation,
    /// The name of the id of his household.
    pub household: String,
}

/// Compound, number of households that are made by turns.
const SETTLED: &[(&str, usize)] = &[("fuyuan", 16), ("guihuacun", 10), ("youzhengju", 5)];

const SURNAMES: &[&str] =
    &["刘", "胡", "黄", "万", "邓", "罗", "陈", "李", "张", "周", "彭", "肖", "钟", "袁", "敖", "傅", "简", "晏", "习"];
const MEN: &[&str] = &["建国", "志强", "国华", "水生", "德胜", "光明", "卫东", "新民", "长发", "细根", "小平"];
const WOMEN: &[&str] =
    &["桂英", "秀兰", "春香", "冬梅", "玉珍", "菊花", "腊梅", "金莲", "凤英", "水秀", "丽华", "小红", "美玲"];
const YOUNG: &[&str] = &["子涵", "浩然", "思琪", "俊杰", "雨欣", "梓轩", "佳怡"];

/// The relations within households of one to four.
const FAMILIES: &[&[Relation]] = &[
    &[Relation::Head, Relation::Spouse, Relation::Child],
    &[Relation::Head],
    &[Relation::Head, Relation::Spouse],
    &[Relation::Head, Relation::Spouse, Relation::Child, Relation::Parent],
    &[Relation::Head, Relation::Spouse],
    &[Relation::Head],
    &[Relation::Head, Relation::Spouse, Relation::Parent],
    &[Relation::Head, Relation::Child],
];

/// All who live in the compounds, those with an account first.
pub(super) fn residents() -> Result<Vec<Resident>> {
    let mut all = Vec::new();
    for account in ACCOUNTS {
        let Some(Life { home: Compound(compound), .. }) = account.lives else { continue };
        let Some(person) = person_of(account)? else { continue };
        let number = all.len();
        let (building, unit) = (1 + number % 2, 1 + number % 2);
        let household = format!("household/{}", account.username);
        let (username, relation) = (Some(account.username), Relation::Head);
        all.push(Resident { person, username, compound, building, unit, relation, household });
    }
    let mut serial = 0;
    for (compound, households) in SETTLED {
        let (buildings, units) = size_of(compound);
        for household in 0..*households {
            let (building, unit) = (1 + household % buildings, 1 + (household / buildings) % units);
            let door = format!("{}0{}室", 2 + household % 5, 1 + household % 2);
            let family: &[Relation] = turn(FAMILIES, household);
            let surname = turn(SURNAMES, household * 5 + compound.len());
            for relation in family {
                let member = Member { serial, surname, relation: *relation, alone: family.len() == 1 };
                let person = member.person(compound, &door)?;
                let household = format!("household/{compound}/{household}");
                let (username, relation) = (None, *relation);
                all.push(Resident { person, username, compound, building, unit, relation, household });
                serial += 1;
            }
        }
    }
    Ok(all)
}

/// A member of a household made by turns.
struct Member {
    serial: usize,
    surname: &'static str,
    relation: Relation,
    alone: bool,
}

impl Member {
    fn person(&self, compound: &str, door: &str) -> Result<Person> {
        let Self { serial, surname, relation, alone } = *self;
        let (sex, name) = match relation {
            Relation::Spouse | Relation::Parent => {
                (Female, format!("{}{}", turn(SURNAMES, serial * 7 + 3), turn(WOMEN, serial)))
            }
            Relation::Child => {
                (if serial.is_multiple_of(2) { Male } else { Female }, format!("{surname}{}", turn(YOUNG, serial)))
            }
            _ if alone && serial.is_multiple_of(2) => (Female, format!("{surname}{}", turn(WOMEN, serial))),
            _ => (Male, format!("{surname}{}", turn(MEN, serial))),
        };
        let year = match relation {
            Relation::Child => 2004 + i32_of(serial % 14),
            Relation::Parent => 1936 + i32_of(serial % 9),
            _ if alone => 1938 + i32_of(serial % 16),
            _ => 1958 + i32_of(serial % 28),
        };
        let born = NaiveDate::from_ymd_opt(year, month(serial * 5), month(serial * 3) + 10);
        let born = born.ok_or_else(|| fault("birth_date", year))?;
        let mut tags = Vec::new();
        if alone {
            tags.push(Tag::LivesAlone);
        }
        if year < 1946 {
            tags.push(Tag::VeryOld);
        }
        if serial % 19 == 7 {
            tags.push(Tag::LowIncome);
        }
        let politics =
            if serial % 6 == 1 && year < 2000 { PoliticalStatus::PartyMember } else { PoliticalStatus::Citizen };
        Ok(Person {
            compound_id: Some(compound_id(compound)),
            address: Some(door.to_owned()),
            phone: if relation == Relation::Child { None } else { Some(phone(200 + serial)?) },
            political_status: Some(politics),
            tags,
            ..person(id(&format!("person/resident/{serial}")).into(), &name, community_of(compound), born, sex, serial)?
        })
    }
}

fn month(number: usize) -> u32 {
    u32::try_from(1 + number % 12).unwrap_or(1)
}

fn i32_of(number: usize) -> i32 {
    i32::try_from(number).unwrap_or_default()
}

fn phone(serial: usize) -> Result<Phone> {
    Phone::parse(&format!("13800138{serial:03}")).map_err(|_| fault("phone", serial))
}

/// An ID number of a region that does not exist, with the check character that fits.
fn id_number(born: NaiveDate, sex: Sex, serial: usize) -> Result<IdNumber> {
    let sequence = serial * 2 + usize::from(sex == Male);
    let body = format!("990502{:04}{:02}{:02}{sequence:03}", born.year(), born.month(), born.day());
    let today = day_in_china(made_at());
    "0123456789X"
        .chars()
        .find_map(|check| IdNumber::parse(&format!("{body}{check}"), today).ok())
        .ok_or_else(|| fault("id_number", serial))
}

/// A person of the set.
pub(super) fn person(id: PersonId, name: &str, at: &str, born: NaiveDate, sex: Sex, serial: usize) -> Result<Person> {
    let value = Person {
        id,
        region_code: region(at)?,
        compound_id: None,
        name: name.to_owned(),
        sex: Some(sex),
        birth_date: Some(born),
        phone: None,
        id_number: Some(id_number(born, sex, serial)?),
        address: None,
        political_status: None,
        tags: Vec::new(),
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    let (value, errors) = value.reconcile();
    if errors.is_empty() { Ok(value) } else { Err(fault("person", name)) }
}

/// The person behind an account.
fn person_of(account: &Account) -> Result<Option<Person>> {
    let Some(Life { born, sex, home }) = account.lives else { return Ok(None) };
    let (at, compound) = match home {
        Compound(code) => (community_of(code), Some(code)),
        Region(code) => (code, None),
        System => return Ok(None),
    };
    let serial = ACCOUNTS.iter().position(|other| other.username == account.username).unwrap_or_default();
    let person = person(account_person(account.username), account.name, at, day(born)?, sex, 300 + serial)?;
    let address = compound.map(|_| "302室".to_owned());
    Ok(Some(Person {
        compound_id: compound.map(compound_id),
        phone: Some(phone(serial)?),
        political_status: Some(PoliticalStatus::Citizen),
        address,
        ..person
    }))
}

fn grants_of(account: &Account) -> Result<Vec<Grant>> {
    let grant = |(role, at): &(Role, At)| {
        let name = format!("grant/{}/{}", account.username, role.name());
        Ok(Grant {
            id: id(&name).into(),
            user_id: user_id(account.username),
            role: *role,
            place: at.place()?,
            validity: Validity { from: made_at(), until: None },
            pending: false,
            revoked_at: None,
            granted_by: None,
            approved_by: None,
            version: 1,
            created_at: made_at(),
            updated_at: made_at(),
        })
    };
    account.grants.iter().map(grant).collect()
}

/// The caller that a user of the set is.
pub(super) fn actor(username: &str) -> Result<Actor> {
    let account = ACCOUNTS.iter().find(|account| account.username == username);
    let account = account.ok_or_else(|| fault("username", username))?;
    let volunteer = HELPERS.iter().find(|helper| helper.username == Some(username));
    let standing = |helper: &Helper| -> Result<VolunteerStanding> {
        let teams = helper.teams.iter().map(|name| team_id(name)).collect();
        Ok(VolunteerStanding { id: helper.id(), area: region(helper.area)?, teams })
    };
    Ok(Actor {
        user_id: user_id(username),
        session_id: id(&format!("session/{username}")).into(),
        authenticated_at: made_at(),
        person_id: account.lives.map(|_| account_person(username)),
        display_name: account.name.to_owned(),
        grants: grants_of(account)?,
        volunteer: volunteer.map(standing).transpose()?,
        proof: None,
        scopes: None,
    })
}

/// Loads the people and the catalog, unless they are there.
pub(super) async fn load(database: &Database, password_hash: &str) -> Result<()> {
    let tx = database.begin_write(stamp(made_at(), None)).await?;
    if tx.rows().users().credentials("admin").await?.is_some() {
        return Ok(());
    }
    for account in ACCOUNTS {
        insert_account(&tx, account, password_hash).await?;
    }
    for (serial, helper) in HELPERS.iter().enumerate() {
        insert_helper(&tx, serial, helper).await?;
    }
    for (name, area, origin) in TEAMS {
        insert_team(&tx, name, area, *origin).await?;
    }
    insert_residents(&tx, &residents()?).await?;
    for kind in kinds()? {
        let event =
            made("service_kind.created", ResourceKind::ServiceKind, kind.id.into(), Some(kind.region_code.clone()));
        tx.insert(Outcome::new(kind, event)).await?;
    }
    tx.commit().await
}

/// Saves a person of the set.
pub(super) async fn insert_person(tx: &Tx, person: Person) -> Result<()> {
    let event = person.event("person.created");
    tx.insert(Outcome::new(person, event)).await?;
    Ok(())
}

async fn insert_account(tx: &Tx, account: &Account, password_hash: &str) -> Result<()> {
    let person = person_of(account)?;
    let id: UserId = user_id(account.username);
    let user = User {
        id,
        username: account.username.to_owned(),
        display_name: account.name.to_owned(),
        person_id: person.as_ref().map(|person| person.id),
        region_code: account.kept.map(region).transpose()?,
        state: UserState::Active,
        has_long_password: true,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    if let Some(person) = person {
        insert_person(tx, person).await?;
    }
    let event = user.event("user.created");
    tx.insert_user(Outcome::new(user, event), password_hash).await?;
    for grant in grants_of(account)? {
        let event = made("grant.created", ResourceKind::Grant, grant.id.into(), grant.place.region().cloned());
        tx.insert(Outcome::new(grant, event)).await?;
    }
    Ok(())
}

async fn insert_helper(tx: &Tx, serial: usize, helper: &Helper) -> Result<()> {
    if helper.username.is_none() {
        // who serves a whole street lives in one of its communities
        let home = if helper.area.len() < PARK_NORTH.len() { PARK_NORTH } else { helper.area };
        let born = NaiveDate::from_ymd_opt(1965 + i32_of(serial), month(serial), 17);
        let born = born.ok_or_else(|| fault("birth_date", serial))?;
        let sex = if serial.is_multiple_of(2) { Female } else { Male };
        let value = person(helper.person_id(), helper.name, home, born, sex, 400 + serial)?;
        insert_person(tx, Person { phone: Some(phone(100 + serial)?), ..value }).await?;
    }
    let volunteer = Volunteer {
        id: helper.id(),
        person_id: helper.person_id(),
        user_id: helper.username.map(user_id),
        display_name: helper.name.to_owned(),
        skills: helper.skills.iter().map(|skill| (*skill).to_owned()).collect(),
        region_code: region(helper.area)?,
        available: true,
        origin: helper.origin,
        state: VolunteerState::Approved,
        orders_done: 0,
        minutes_served: 0,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    tx.insert(volunteer.apply(true)).await?;
    Ok(())
}

async fn insert_team(tx: &Tx, name: &str, area: &str, origin: Origin) -> Result<()> {
    let team = VolunteerTeam {
        id: team_id(name),
        name: name.to_owned(),
        region_code: region(area)?,
        origin,
        member_count: 0,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    let event = team.event("volunteer_team.created");
    tx.insert(Outcome::new(team, event)).await?;
    for helper in HELPERS.iter().filter(|helper| helper.teams.contains(&name)) {
        tx.insert_team_member(team_id(name), helper.id()).await?;
    }
    Ok(())
}

async fn insert_residents(tx: &Tx, residents: &[Resident]) -> Result<()> {
    for resident in residents.iter().filter(|resident| resident.username.is_none()) {
        insert_person(tx, resident.person.clone()).await?;
    }
    for family in residents.chunk_by(|one, next| one.household == next.household) {
        let Some(head) = family.first() else { continue };
        let Resident { person, compound, building, unit, household, .. } = head;
        let member = |resident: &Resident| HouseholdMember {
            person_id: resident.person.id,
            relation: resident.relation,
            valid_from: day_in_china(made_at()),
            valid_until: None,
        };
        let value = Household {
            id: id(household).into(),
            region_code: person.region_code.clone(),
            compound_id: person.compound_id,
            building_id: Some(id(&building_name(compound, *building)).into()),
            unit_id: Some(id(&unit_name(compound, *building, *unit)).into()),
            address: person.address.clone(),
            members: family.iter().map(member).collect(),
            version: 1,
            created_at: made_at(),
            updated_at: made_at(),
        };
        let event = value.event("household.created");
        let household = value.id;
        let members = value.members.clone();
        tx.insert(Outcome::new(value, event)).await?;
        for member in &members {
            tx.insert_household_member(household, member).await?;
        }
    }
    Ok(())
}

fn question(key: &str, label: &str, kind: QuestionKind, required: bool, options: &[&str]) -> Question {
    Question {
        key: key.to_owned(),
        label: label.to_owned(),
        kind,
        required,
        options: options.iter().map(|option| (*option).to_owned()).collect(),
    }
}

/// The catalog: it holds in the whole province.
pub(super) fn kinds() -> Result<Vec<ServiceKind>> {
    use QuestionKind::{Boolean, Choice, Choices, Number, Text};
    let at = region("36")?;
    let kind = |code: &str, name: &str, skill: &str, (response, resolution): (i32, i32), questions| ServiceKind {
        id: id(&format!("service_kind/{code}")).into(),
        code: code.to_owned(),
        region_code: at.clone(),
        name: name.to_owned(),
        skills: vec![skill.to_owned()],
        questions,
        limits: vec![
            KindLimit {
                priority: Priority::Urgent,
                response_minutes: Some(response / 4),
                resolution_minutes: Some(resolution / 2),
                counting: Counting::AllTime,
            },
            KindLimit {
                priority: Priority::Normal,
                response_minutes: Some(response),
                resolution_minutes: Some(resolution),
                counting: Counting::BusinessTime,
            },
        ],
        active: true,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    const HOUR: i32 = 60;
    // a working day
    const DAY: i32 = 8 * HOUR;
    Ok(vec![
        kind(
            "tap",
            "水龙头维修",
            "tap",
            (4 * HOUR, 2 * DAY),
            vec![question("place", "位置", Choice, false, &["厨房", "卫生间", "阳台"])],
        ),
        kind(
            "light_bulb",
            "灯泡更换",
            "electric",
            (8 * HOUR, 3 * DAY),
            vec![
                question("count", "需要更换几个", Number, false, &[]),
                question("ladder", "家里是否有梯子", Boolean, false, &[]),
            ],
        ),
        kind(
            "drain",
            "下水道疏通",
            "drain",
            (2 * HOUR, DAY),
            vec![
                question("place", "堵塞的位置", Choice, true, &["厨房", "卫生间", "阳台", "楼道"]),
                question("overflow", "是否已经外溢", Boolean, false, &[]),
            ],
        ),
        kind(
            "rubbish",
            "垃圾清运",
            "cleaning",
            (8 * HOUR, 2 * DAY),
            vec![question("sorts", "垃圾种类", Choices, true, &["旧家具", "建筑垃圾", "废旧家电", "其他"])],
        ),
        kind(
            "corridor_lamp",
            "楼道灯维修",
            "electric",
            (8 * HOUR, 3 * DAY),
            vec![question("floor", "楼层", Number, true, &[])],
        ),
        kind(
            "companionship",
            "陪伴服务",
            "company",
            (DAY, 5 * DAY),
            vec![question("about", "需要怎样的陪伴", Text, false, &[])],
        ),
        kind(
            "errands",
            "跑腿代办",
            "errands",
            (4 * HOUR, 2 * DAY),
            vec![question("what", "代办事项", Choice, true, &["买菜", "取药", "取快递", "缴费"])],
        ),
    ])
}
