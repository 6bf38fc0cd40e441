//! One thing of each kind at each distance from the callers.

use std::sync::atomic::{AtomicU64, Ordering};

use api::system::SystemIds;
use domain::{
    access::{Grant, Place, ResourceKind, Role, Scope},
    area::Area,
    clocks::{Calendar, CalendarDay, CalendarDayKind, Counting},
    cn::{IdNumber, Phone, RegionCode},
    compounds::{
        AreaSource, Building, Compound, Dwelling, Inspection, Owner, PASS_MARK, ServiceStandard, Share, Stake,
        StandardScore, Unit,
    },
    event::{EventDraft, Subject},
    id::{CompoundId, OrganizationId, PersonId, ServiceOrderId, UserId},
    identity::{Client, ClientState, User, UserState},
    inbox::Notification,
    ledgers::{EntryCategory, Ledger, LedgerKind, NewEntry, NewEntryKind, Signature},
    money::Money,
    orders::{
        Dispatch, KindLimit, NewOrder, Origin, Priority, Requester, ServiceKind, ServiceOrder, Site, State, Target,
        Volunteer, VolunteerState, VolunteerTeam,
    },
    outcome::Outcome,
    people::{Appointment, Household, HouseholdMember, Person, Post, Relation, Seat},
    places::{Organization, OrganizationKind},
    resource::Resource,
    time::{Instant, Validity},
};
use harness::server::Server;
use persistence::{Database, NewRefreshToken, NewSession, Patience, Stamp, Stored, Tx, Vault};
use std::sync::Arc;
use uuid::Uuid;

use super::callers::order_event;
use crate::hands;

/// 公园北村社区
pub const COMMUNITY: &str = "360502002001";
/// Where things are: region, and whether in the compound 福园小区.
const PLACES: [(&str, bool); 5] =
    [(COMMUNITY, true), (COMMUNITY, false), ("360502002002", false), ("360502001001", false), ("360121100001", false)];

/// The things at one place.
pub struct Thing {
    pub region: &'static str,
    pub compound: Option<CompoundId>,
    /// A compound to read: at the first place the one that it is.
    pub estate: Uuid,
    pub building: Uuid,
    pub unit: Uuid,
    /// A dwelling that belongs to the person.
    pub dwelling: Uuid,
    pub inspection: Uuid,
    pub ledger: Uuid,
    /// A payment that waits for its second signature, an income that was disclosed, and the disclosure.
    pub payment: Uuid,
    pub income: Uuid,
    pub disclosure: Uuid,
    pub user: Uuid,
    pub grant: Uuid,
    /// Accounts and persons that are still free for what is made of them.
    pub spare_user: Uuid,
    pub spare_person: Uuid,
    pub person: PersonId,
    pub household: Uuid,
    pub appointment: Uuid,
    pub organization: Uuid,
    pub kind: Uuid,
    pub calendar_day: Uuid,
    pub notification: Uuid,
    pub volunteer: Uuid,
    pub team: Uuid,
    pub order: Uuid,
    /// A session of the user.
    pub session: Uuid,
    pub client: Uuid,
}

/// The things of one round.
pub struct Things {
    pub places: Vec<Thing>,
    pub password_hash: String,
    pub round: usize,
    counter: AtomicU64,
}

/// The database of a server, opened once more.
pub async fn open(server: &Server) -> Database {
    let vault = Vault::new(&server.keys.vault).unwrap();
    Database::open(&server.app.settings.database_url, 2, Patience::OfRequests, vault, Arc::new(SystemIds))
        .await
        .unwrap()
}

pub fn code(text: &str) -> RegionCode {
    RegionCode::parse(text).unwrap()
}

/// Saves a row with an event that nobody asks about.
pub async fn insert<T: Stored + Resource>(tx: &Tx, row: T, kind: &'static str) -> T {
    let event = row.event(kind);
    tx.insert(Outcome::new(row, event)).await.unwrap()
}

impl Things {
    /// An id that no other round has.
    pub fn next(&self, server: &Server) -> Uuid {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let mut tail = [0u8; 10];
        tail[4] = 1;
        tail[5] = u8::try_from(self.round).unwrap();
        tail[6..10].copy_from_slice(&u32::try_from(count).unwrap().to_be_bytes());
        let millisecond = u64::try_from(server.now().timestamp_millis()).unwrap();
        uuid::Builder::from_unix_timestamp_millis(millisecond, &tail).into_uuid()
    }

    /// Makes them.
    pub async fn make(database: &Database, server: &Server, round: usize) -> Self {
        let fuyuan = server.sign_in("worker").await.compound("福园小区").await;
        let fuyuan = CompoundId(fuyuan.parse().unwrap());
        let password_hash = api::hash_password("lianxin-demo").unwrap();
        let mut things = Self { places: Vec::new(), password_hash, counter: AtomicU64::new(0), round };
        let tx = database.begin_write(Stamp::system(server.now(), "test")).await.unwrap();
        for (number, (region, inside)) in PLACES.into_iter().enumerate() {
            let thing = things.at(&tx, server, number, region, inside.then_some(fuyuan)).await;
            things.places.push(thing);
        }
        tx.commit().await.unwrap();
        things
    }

    async fn at(
        &self,
        tx: &Tx,
        server: &Server,
        number: usize,
        region: &'static str,
        compound: Option<CompoundId>,
    ) -> Thing {
        let now = server.now();
        let id = || self.next(server);
        let name = format!("r{}-{number}", self.round);
        let estate = match compound {
            Some(id) => id.0,
            None => {
                let estate = Compound::new(id().into(), code(region), name.clone(), "试验小区".to_owned(), now);
                insert(tx, estate, "compound.created").await.id.0
            }
        };
        let resident = person(id(), region, compound, "丁小梅", now);
        let resident = insert(tx, resident, "person.created").await;
        let spare_person = insert(tx, person(id(), region, compound, "王建国", now), "person.created").await.id;
        let accounts = [format!("{name}-a"), format!("{name}-b")].map(|username| account(id(), username, region, now));
        let [user, spare_user] = accounts.map(|account| (account.id, account));
        for (_, account) in [&user, &spare_user] {
            let event = account.event("user.created");
            tx.insert_user(Outcome::new(account.clone(), event), &self.password_hash).await.unwrap();
        }
        let [building, unit, dwelling] =
            inside(tx, [id(), id(), id()], estate.into(), region, &name, resident.id, now).await;
        let inspection = inspected(tx, id(), estate.into(), region, user.0, now).await;
        let book = [id(), id(), id(), id()];
        let [ledger, payment, income, disclosure] = book_of(tx, book, region, compound, user.0, now).await;
        let grant = insert(tx, grant(id(), user.0, region, now), "grant.created").await;
        let household = insert(tx, household(id(), region, compound, now), "household.created").await;
        let member = HouseholdMember {
            person_id: resident.id,
            relation: Relation::Head,
            valid_from: now.date_naive(),
            valid_until: None,
        };
        tx.insert_household_member(household.id, &member).await.unwrap();
        let appointment = insert(tx, appointment(id(), resident.id, region, now), "appointment.created").await;
        let organization = insert(tx, organization(id(), region, now), "organization.created").await;
        let kind =
            insert(tx, kind(id(), &format!("k{}_{number}", self.round), region, now), "service_kind.created").await;
        let calendar_day =
            insert(tx, calendar_day(id(), 100 * self.round + number, region, now), "calendar_day.created").await;
        let told = insert(tx, notification(id(), user.0, server, now).await, "notification.read").await;
        let applicant = volunteer(id(), resident.id, region, VolunteerState::Approved, now);
        let volunteer = insert(tx, applicant, "volunteer.applied").await;
        let team = insert(tx, team(id(), region, now), "volunteer_team.created").await;
        tx.insert_team_member(team.id, volunteer.id).await.unwrap();
        let mut order = order(id(), region, compound, resident.id, user.0, now);
        order.state = State::Dispatched(Dispatch::to(Target::Open));
        let order_id = order.id.0;
        let event = order_event(&order_id.to_string());
        tx.notes().insert_order(Outcome { value: order, events: vec![event], effects: Vec::new() }, vec![1]).unwrap();
        Thing {
            region,
            compound,
            estate,
            building,
            unit,
            dwelling,
            inspection,
            ledger,
            payment,
            income,
            disclosure,
            user: user.0.0,
            grant: grant.id.0,
            spare_user: spare_user.0.0,
            spare_person: spare_person.0,
            person: resident.id,
            household: household.id.0,
            appointment: appointment.id.0,
            organization: organization.id.0,
            kind: kind.id.0,
            calendar_day: calendar_day.id.0,
            notification: told.id.0,
            volunteer: volunteer.id.0,
            team: team.id.0,
            order: order_id,
            session: session(tx, id(), id(), user.0, now).await,
            client: insert_client(tx, client(id(), region, organization.id, user.0, now)).await,
        }
    }
}

pub fn person(id: Uuid, region: &str, compound: Option<CompoundId>, name: &str, now: Instant) -> Person {
    Person {
        id: id.into(),
        region_code: code(region),
        compound_id: compound,
        name: name.to_owned(),
        sex: Some(domain::cn::Sex::Female),
        birth_date: Some(id_number(id).birth_date()),
        phone: Some(Phone::parse("13800138000").unwrap()),
        id_number: Some(id_number(id)),
        address: Some("3 栋 201".to_owned()),
        political_status: Some(domain::people::PoliticalStatus::Citizen),
        tags: Vec::new(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// An ID number of a woman, another one for each id.
fn id_number(id: Uuid) -> IdNumber {
    let bytes = id.as_bytes();
    let (round, count) = (u32::from(bytes[11]), u32::from(bytes[15]));
    let number = hands::id_number(&format!("360502196005{:02}{:03}", 1 + round, 2 * count));
    IdNumber::parse(&number, chrono::NaiveDate::from_ymd_opt(2026, 3, 12).unwrap()).unwrap()
}

/// A client that waits for approval.
pub fn client(id: Uuid, region: &str, organization_id: OrganizationId, requested_by: UserId, now: Instant) -> Client {
    Client {
        id: id.into(),
        name: "热线".to_owned(),
        region_code: code(region),
        organization_id,
        scopes: vec![Scope::RegionsRead],
        expires_at: now + chrono::TimeDelta::days(1),
        state: ClientState::Pending,
        requested_by,
        approved_by: None,
        deleted_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// Saves a client with its account.
pub async fn insert_client(tx: &Tx, client: Client) -> Uuid {
    tx.insert_client_account(&client).await.unwrap();
    insert(tx, client, "client.created").await.id.0
}

/// Begins a session.
async fn session(tx: &Tx, id: Uuid, token: Uuid, user_id: UserId, now: Instant) -> Uuid {
    let new = NewSession { id: id.into(), user_id, device: Some("curl/8".to_owned()), network: None };
    let expires_at = now + chrono::TimeDelta::days(1);
    let token = NewRefreshToken { id: token.into(), session_id: id.into(), secret_hash: vec![0; 32], expires_at };
    let subject = Subject { kind: ResourceKind::Session, id: id.to_string(), version: 1 };
    tx.begin_session(&new, &token, EventDraft::new("auth.logged_in", subject, None)).await.unwrap();
    id
}

/// What somebody saw in a compound.
async fn inspected(tx: &Tx, id: Uuid, compound_id: CompoundId, region: &str, by: UserId, now: Instant) -> Uuid {
    let scores = ServiceStandard::ALL.iter();
    let inspection = Inspection {
        id: id.into(),
        compound_id,
        region_code: code(region),
        inspected_on: now.date_naive(),
        pass_mark: PASS_MARK,
        scores: scores.map(|standard| StandardScore { standard: *standard, score: 80, note: None }).collect(),
        remark: None,
        inspected_by: by,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    tx.insert(inspection.record(now).unwrap()).await.unwrap();
    id
}

/// A ledger with what came in, which is disclosed, and a payment that somebody entered.
async fn book_of(
    tx: &Tx,
    [ledger, payment, income, disclosure]: [Uuid; 4],
    region: &str,
    compound_id: Option<CompoundId>,
    by: UserId,
    now: Instant,
) -> [Uuid; 4] {
    let kind = if compound_id.is_some() { LedgerKind::CoManagedAccount } else { LedgerKind::CollectiveEconomy };
    let ledger = Ledger {
        id: ledger.into(),
        kind,
        name: "账本".to_owned(),
        region_code: code(region),
        compound_id,
        entries: 0,
        balance: Money::ZERO,
        disclosed: 0,
        disclosed_balance: Money::ZERO,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let by = Signature { user_id: by, person_id: None, display_name: String::new(), at: now };
    let new = |id: Uuid, kind, yuan: i64| NewEntry {
        id: id.into(),
        kind,
        amount: Money(100 * yuan),
        category: EntryCategory::Other,
        occurred_on: now.date_naive(),
        counterparty: Some("石塘村民".to_owned()),
        memo: Some("说明".to_owned()),
    };
    let mut ledger = insert(tx, ledger, "ledger.created").await;
    let entered = ledger.enter(new(income, NewEntryKind::Income, 1000), by.clone(), now).unwrap();
    ledger = entered.ledger.unwrap();
    let income = tx.insert(entered.entry).await.unwrap();
    let event = ledger.counted(&income);
    ledger = tx.update(Outcome::new(ledger, event)).await.unwrap();
    let mut shown = ledger.disclose(disclosure.into(), Money(100_000), Money::ZERO, now).unwrap();
    let disclosure = insert(tx, shown.effects.remove(0), "disclosure.created").await;
    ledger = tx.update(Outcome::new(shown.value, shown.events.remove(0))).await.unwrap();
    tx.disclose_entries(ledger.id, 1).await.unwrap();
    let paid = ledger.clone().enter(new(payment, NewEntryKind::Payment, 20), by, now).unwrap();
    let payment = tx.insert(paid.entry).await.unwrap();
    [ledger.id.0, payment.id.0, income.id.0, disclosure.id.0]
}

/// A building with a unit, and in it a dwelling that belongs to somebody.
pub async fn inside(
    tx: &Tx,
    [building, unit, dwelling]: [Uuid; 3],
    compound_id: CompoundId,
    region: &str,
    name: &str,
    owner: PersonId,
    now: Instant,
) -> [Uuid; 3] {
    let building = Building {
        id: building.into(),
        compound_id,
        region_code: code(region),
        code: name.to_owned(),
        name: "9栋".to_owned(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let building = insert(tx, building, "building.created").await;
    let unit = Unit {
        id: unit.into(),
        building_id: building.id,
        compound_id,
        region_code: code(region),
        code: "1".to_owned(),
        name: "1单元".to_owned(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let unit = insert(tx, unit, "unit.created").await;
    let dwelling = Dwelling {
        id: dwelling.into(),
        unit_id: unit.id,
        building_id: building.id,
        compound_id,
        region_code: code(region),
        code: "101".to_owned(),
        floor: Some(1),
        area: Area::from_m2("89.37"),
        area_source: Some(AreaSource::Register),
        delivered: true,
        owners: Default::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let dwelling = insert(tx, dwelling, "dwelling.created").await;
    let stake = Stake { owner: Owner::Person(owner), display_name: String::new(), share: Share::WHOLE };
    let owned = dwelling.change_owners(vec![stake], domain::time::day_in_china(now), now).unwrap();
    tx.replace_owners(&owned.value).await.unwrap();
    let dwelling = tx.update(owned).await.unwrap();
    [building.id.0, unit.id.0, dwelling.id.0]
}

pub fn household(id: Uuid, region: &str, compound: Option<CompoundId>, now: Instant) -> Household {
    Household {
        id: id.into(),
        region_code: code(region),
        compound_id: compound,
        building_id: None,
        unit_id: None,
        address: Some("3 栋 201".to_owned()),
        members: Vec::new(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// A post of a community that everybody at the place can be asked about.
pub fn appointment(id: Uuid, person_id: PersonId, region: &str, now: Instant) -> Appointment {
    Appointment {
        id: id.into(),
        person_id,
        display_name: String::new(),
        post: Post::Mediator,
        profession: None,
        seat: Seat {
            region_code: code(region),
            organization_id: None,
            compound_id: None,
            building_id: None,
            unit_id: None,
        },
        valid_from: now.date_naive(),
        valid_until: None,
        ended_on: None,
        end_reason: None,
        succeeded_by: None,
        preceded_by: None,
        announced_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn account(id: Uuid, username: String, region: &str, now: Instant) -> User {
    User {
        id: id.into(),
        username,
        display_name: "试验".to_owned(),
        person_id: None,
        region_code: Some(code(region)),
        state: UserState::Active,
        has_long_password: true,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn grant(id: Uuid, user_id: UserId, region: &str, now: Instant) -> Grant {
    Grant {
        id: id.into(),
        user_id,
        role: Role::Resident,
        place: Place::Region(code(region)),
        validity: Validity { from: now, until: None },
        pending: false,
        revoked_at: None,
        granted_by: None,
        approved_by: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn organization(id: Uuid, region: &str, now: Instant) -> Organization {
    Organization {
        id: id.into(),
        name: "居民委员会".to_owned(),
        kind: OrganizationKind::ResidentsCommittee,
        region_code: code(region),
        parent_id: None,
        credit_code: None,
        formation: None,
        credit_grade: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn kind(id: Uuid, name: &str, region: &str, now: Instant) -> ServiceKind {
    ServiceKind {
        id: id.into(),
        code: name.to_owned(),
        region_code: code(region),
        name: "试验".to_owned(),
        skills: Vec::new(),
        questions: Vec::new(),
        limits: Vec::new(),
        active: true,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// What somebody is told of an event, whichever.
pub async fn notification(id: Uuid, user_id: UserId, server: &Server, now: Instant) -> Notification {
    let events: Vec<Uuid> = server.sql.all("SELECT id FROM events LIMIT 1", []).await;
    Notification {
        id: id.into(),
        user_id,
        event_id: events[0].into(),
        kind: "service_order.accepted".to_owned(),
        subject_kind: ResourceKind::ServiceOrder,
        subject_id: Uuid::nil().to_string(),
        region_code: Some(code(COMMUNITY)),
        read_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn calendar_day(id: Uuid, days: usize, region: &str, now: Instant) -> CalendarDay {
    let days = chrono::Days::new(days.try_into().unwrap());
    CalendarDay {
        id: id.into(),
        date: chrono::NaiveDate::from_ymd_opt(2030, 1, 1).unwrap() + days,
        kind: CalendarDayKind::Holiday,
        name: "节日".to_owned(),
        region_code: Some(code(region)),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

pub fn volunteer(id: Uuid, person_id: PersonId, region: &str, state: VolunteerState, now: Instant) -> Volunteer {
    Volunteer {
        id: id.into(),
        person_id,
        user_id: None,
        display_name: String::new(),
        skills: vec!["tap".to_owned()],
        region_code: code(region),
        available: true,
        origin: Origin::Citizen,
        state,
        orders_done: 0,
        minutes_served: 0,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn team(id: Uuid, region: &str, now: Instant) -> VolunteerTeam {
    VolunteerTeam {
        id: id.into(),
        name: "试验服务队".to_owned(),
        region_code: code(region),
        origin: Origin::Citizen,
        member_count: 1,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

pub fn order(
    id: Uuid,
    region: &str,
    compound: Option<CompoundId>,
    requester: PersonId,
    placed_by: UserId,
    now: Instant,
) -> ServiceOrder {
    let site = match compound {
        Some(compound_id) => Site::Compound { compound_id, building_id: None, unit_id: None, address: None },
        None => Site::Address { address: "建设路 1 号".to_owned(), point: None },
    };
    let new = NewOrder {
        id: ServiceOrderId(id),
        number: format!("360502-20260312-{id}"),
        region_code: code(region),
        kind: "tap".to_owned(),
        description: "厨房水龙头漏水".to_owned(),
        site,
        answers: std::collections::BTreeMap::default(),
        wished_at: None,
        private: true,
        requester: Requester { person_id: requester, name: "丁小梅".to_owned(), phone: None, has_account: false },
        placed_by,
        on_behalf: false,
        limits: vec![KindLimit {
            priority: Priority::Normal,
            response_minutes: Some(60),
            resolution_minutes: Some(120),
            counting: Counting::AllTime,
        }],
    };
    ServiceOrder::place(new, now, &Calendar::default()).value
}
