//! Somebody of each role.

use aws_lc_rs::digest::{SHA256, digest};
use domain::{
    access::{Grant, Place, Role, Scope},
    cn::RegionCode,
    event::{EventDraft, Subject},
    id::{OrganizationId, PersonId, SchoolId, UserId, VolunteerId},
    identity::{Client, ClientState, User as Account, UserState},
    orders::{Assignee, Dispatch, State, Target, VolunteerState, Work},
    outcome::Outcome,
    people::{HouseholdMember, Relation},
    resource::Resource as _,
    time::Validity,
};
use harness::{
    forge,
    server::{Answer, Server},
};
use persistence::{Database, NewClientSecret, Stamp};
use serde_json::Value;
use uuid::Uuid;

use super::{
    requests::{Call, Request},
    things::{self, COMMUNITY, Things, insert},
};

/// A role at a place.
pub struct RoleAt {
    /// As the table calls it.
    pub name: &'static str,
    role: Option<Role>,
    at: At,
}

enum At {
    Region(&'static str),
    Compound,
    Department,
    School,
    System,
}

const fn role_at(name: &'static str, role: Role, at: At) -> RoleAt {
    RoleAt { name, role: Some(role), at }
}

/// Every role, officials at each level.
pub const ROLES: &[RoleAt] = &[
    RoleAt { name: "nobody", role: None, at: At::System },
    role_at("resident", Role::Resident, At::Region(COMMUNITY)),
    role_at("volunteer", Role::Volunteer, At::Region(COMMUNITY)),
    role_at("guardian", Role::Guardian, At::Region(COMMUNITY)),
    role_at("committee_member", Role::CommitteeMember, At::Compound),
    role_at("property_staff", Role::PropertyStaff, At::Compound),
    role_at("community_worker", Role::CommunityWorker, At::Region(COMMUNITY)),
    role_at("cadre", Role::Cadre, At::Region(COMMUNITY)),
    role_at("mediator", Role::Mediator, At::Region(COMMUNITY)),
    role_at("treasurer", Role::Treasurer, At::Region(COMMUNITY)),
    role_at("ranger", Role::Ranger, At::Region(COMMUNITY)),
    role_at("forest_chief", Role::ForestChief, At::Region(COMMUNITY)),
    role_at("teacher", Role::Teacher, At::School),
    role_at("counselor", Role::Counselor, At::School),
    role_at("school_administrator", Role::SchoolAdministrator, At::School),
    role_at("official/community", Role::Official, At::Region(COMMUNITY)),
    role_at("official/township", Role::Official, At::Region("360502002")),
    role_at("official/county", Role::Official, At::Region("360502")),
    role_at("official/city", Role::Official, At::Region("3605")),
    role_at("official/province", Role::Official, At::Region("36")),
    role_at("department_handler", Role::DepartmentHandler, At::Department),
    role_at("auditor", Role::Auditor, At::Region("360502")),
    role_at("region_administrator", Role::RegionAdministrator, At::Region("360502")),
    role_at("system_administrator", Role::SystemAdministrator, At::System),
    // a program with every scope there is
    role_at("integrator", Role::Integrator, At::Region(COMMUNITY)),
];

/// Operations that are refused without a key.
const NEED_A_KEY: &[&str] = &["createLedgerEntry"];

/// What belongs to the caller himself.
pub struct Own {
    pub user: Uuid,
    pub grant: Option<Uuid>,
    pub person: Uuid,
    pub household: Uuid,
    pub dwelling: Uuid,
    pub appointment: Uuid,
    pub volunteer: Option<Uuid>,
    pub order: Uuid,
    pub notification: Uuid,
    pub session: Uuid,
}

impl Own {
    /// All of them.
    pub fn ids(&self) -> impl Iterator<Item = Uuid> {
        let Self { user, grant, person, household, dwelling, appointment, volunteer, order, notification, session } =
            self;
        let always = [user, person, household, dwelling, appointment, order, notification, session].map(|id| Some(*id));
        always.into_iter().chain([*grant, *volunteer]).flatten()
    }
}

/// Somebody who is signed in.
pub struct Caller {
    token: String,
    pub own: Own,
}

impl Caller {
    /// Makes an account with the role, a person, a household and an order of his own, and signs in.
    pub async fn make(database: &Database, server: &Server, things: &Things, role: &RoleAt) -> Self {
        let now = server.now();
        let stamp = Stamp::system(now, "test");
        let compound = things.places[0].compound;
        let region: RegionCode = things::code(COMMUNITY);
        let username = format!("matrix-{}-{}", things.round, role.name.replace(['/', '_'], "-"));
        let tx = database.begin_write(stamp).await.unwrap();
        let person = things::person(things.next(server), COMMUNITY, compound, "李晓明", now);
        let person_id: PersonId = person.id;
        insert(&tx, person, "person.created").await;
        let user_id: UserId = things.next(server).into();
        let account = Account {
            id: user_id,
            username: username.clone(),
            display_name: "李晓明".to_owned(),
            person_id: Some(person_id),
            region_code: None,
            state: UserState::Active,
            has_long_password: true,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let event = account.event("user.created");
        tx.insert_user(Outcome::new(account, event), &things.password_hash).await.unwrap();
        let place = match role.at {
            At::Region(code) => Place::Region(things::code(code)),
            At::Compound => Place::Compound(compound.unwrap(), region.clone()),
            At::Department => {
                Place::Organization(OrganizationId(things.places[0].organization), things::code("360502"))
            }
            At::School => Place::School(SchoolId(things.places[0].organization), region.clone()),
            At::System => Place::System,
        };
        let mut grant_id = None;
        if let Some(role) = role.role {
            let id = things.next(server);
            let grant = Grant {
                id: id.into(),
                user_id,
                role,
                place,
                validity: Validity { from: now, until: None },
                pending: false,
                revoked_at: None,
                granted_by: None,
                approved_by: None,
                version: 1,
                created_at: now,
                updated_at: now,
            };
            insert(&tx, grant, "grant.created").await;
            grant_id = Some(id);
        }
        let household = things::household(things.next(server), COMMUNITY, compound, now);
        let household_id = household.id;
        insert(&tx, household, "household.created").await;
        let member =
            HouseholdMember { person_id, relation: Relation::Head, valid_from: now.date_naive(), valid_until: None };
        tx.insert_household_member(household_id, &member).await.unwrap();
        let of_dwelling = [things.next(server), things.next(server), things.next(server)];
        let fuyuan = compound.unwrap();
        let [_, _, dwelling] = things::inside(&tx, of_dwelling, fuyuan, COMMUNITY, &username, person_id, now).await;
        let appointment = things::appointment(things.next(server), person_id, COMMUNITY, now);
        let appointment = insert(&tx, appointment, "appointment.created").await.id;
        let mut volunteer_id = None;
        if role.role == Some(Role::Volunteer) {
            let id = things.next(server);
            let volunteer = things::volunteer(id, person_id, COMMUNITY, VolunteerState::Approved, now);
            insert(&tx, volunteer, "volunteer.applied").await;
            volunteer_id = Some(id);
        }
        // the volunteer's own order is the one that he holds, everybody else's the one that he placed
        let requester = if volunteer_id.is_some() { things.places[0].person } else { person_id };
        let mut order = things::order(things.next(server), COMMUNITY, compound, requester, user_id, now);
        let holder = Assignee {
            volunteer_id: VolunteerId(volunteer_id.unwrap_or(things.places[0].volunteer)),
            display_name: "李晓明".to_owned(),
        };
        order.state = State::Accepted(Work { dispatch: Dispatch::to(Target::Volunteer(holder.clone())), holder });
        let order_id = order.id;
        let event = order_event(&order_id.to_string());
        tx.notes().insert_order(Outcome { value: order, events: vec![event], effects: Vec::new() }, vec![1]).unwrap();
        let told = things::notification(things.next(server), user_id, server, now).await;
        let told = insert(&tx, told, "notification.read").await;
        let program = (role.role == Some(Role::Integrator)).then(|| {
            let organization = OrganizationId(things.places[0].organization);
            let client = things::client(things.next(server), COMMUNITY, organization, user_id, now);
            Client { scopes: Scope::ALL.to_vec(), state: ClientState::Active, ..client }
        });
        if let Some(client) = program.clone() {
            let id = things::insert_client(&tx, client).await;
            let secret_hash = digest(&SHA256, b"a secret").as_ref().to_vec();
            let secret = NewClientSecret { id: things.next(server).into(), client_id: id.into(), secret_hash };
            tx.insert_client_secret(&secret, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        let tokens = match &program {
            Some(client) => server.client_token(&client.id.to_string(), "a%20secret", "").await,
            None => server.log_in(&username, "lianxin-demo").await,
        };
        assert_eq!(tokens.status, 200, "{username}: {:?}", tokens.body);
        let own = Own {
            user: program.map_or(user_id.0, |client| client.id.0),
            grant: grant_id,
            person: person_id.0,
            household: household_id.0,
            dwelling,
            appointment: appointment.0,
            volunteer: volunteer_id,
            order: order_id.0,
            notification: told.id.0,
            session: forge::claims(tokens.text("/access_token"))["sid"].as_str().unwrap().parse().unwrap(),
        };
        Self { token: tokens.text("/access_token").to_owned(), own }
    }

    /// Sends one request of a call.
    pub async fn send(&self, server: &Server, call: &Call, request: &Request) -> Answer {
        let user = server.user(&self.token);
        let mut headers = Vec::new();
        if call.conditional {
            headers.push(("if-match", "\"999\""));
        }
        if NEED_A_KEY.contains(&call.operation) {
            headers.push(("idempotency-key", request.path.as_str()));
        }
        let body: Option<&Value> = request.body.as_ref();
        user.send(call.method, &request.path, &headers, body).await
    }
}

pub fn order_event(id: &str) -> EventDraft {
    let subject = Subject { kind: domain::access::ResourceKind::ServiceOrder, id: id.to_owned(), version: 1 };
    EventDraft::new("service_order.placed", subject, None)
}
