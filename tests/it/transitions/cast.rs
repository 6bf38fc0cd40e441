//! Who asks, and orders in every state for them to ask about.

use chrono::TimeDelta;
use domain::{
    clocks::{Calendar, ClockKind, Counting, ExtensionRequest},
    cn::RegionCode,
    id::{PersonId, ServiceOrderId, UserId},
    orders::{
        Assignee, Confirmation, ConfirmedBy, Dispatch, Hold, KindLimit, NewOrder, OrderState, Priority, Requester,
        Resolution, ServiceOrder, Site, State, Target, Team, Work,
    },
    outcome::Outcome,
    time::Instant,
};
use harness::server::{Server, User};
use persistence::Stamp;
use serde_json::json;
use uuid::Uuid;

/// 公园北村社区
const COMMUNITY: &str = "360502002001";

/// The callers, in the order of the columns.
pub const CALLERS: [&str; 11] = [
    "resident",
    "neighbor",
    "addressee",
    "holder",
    "area",
    "worker",
    "township",
    "county",
    "cadre",
    "auditor",
    "stranger",
];

/// To whom the order of a row is dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    Nobody,
    Volunteer,
    Team,
    Open,
}

/// A state of an order, as a row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub title: &'static str,
    pub state: OrderState,
    to: To,
    /// Days since it came into the state.
    age: i64,
}

const fn row(title: &'static str, state: OrderState, to: To) -> Row {
    Row { title, state, to, age: 0 }
}

/// The rows. How an order was dispatched matters to those who wait for it or compete for it.
pub const ROWS: [Row; 19] = [
    row("placed", OrderState::Placed, To::Nobody),
    row("dispatched, to a volunteer", OrderState::Dispatched, To::Volunteer),
    row("dispatched, to a team", OrderState::Dispatched, To::Team),
    row("dispatched, open", OrderState::Dispatched, To::Open),
    row("accepted, by a volunteer", OrderState::Accepted, To::Volunteer),
    row("accepted, by one of a team", OrderState::Accepted, To::Team),
    row("accepted, claimed", OrderState::Accepted, To::Open),
    row("in_progress", OrderState::InProgress, To::Team),
    row("on_hold", OrderState::OnHold, To::Team),
    row("completed", OrderState::Completed, To::Team),
    row("completed, claimed", OrderState::Completed, To::Open),
    row("confirmed", OrderState::Confirmed, To::Team),
    Row { title: "confirmed, 7 days ago", state: OrderState::Confirmed, to: To::Team, age: 7 },
    row("cancelled, placed before", OrderState::Cancelled, To::Nobody),
    row("cancelled, open before", OrderState::Cancelled, To::Open),
    row("cancelled, to a volunteer", OrderState::Cancelled, To::Volunteer),
    row("rejected, placed before", OrderState::Rejected, To::Nobody),
    row("rejected, to a team", OrderState::Rejected, To::Team),
    row("merged, placed before", OrderState::Merged, To::Nobody),
];

impl Row {
    /// Whether somebody is this caller to an order of this row.
    pub fn has(&self, caller: &str) -> bool {
        let waits = self.to == To::Team || (self.to == To::Volunteer && !self.has_holder());
        match caller {
            "addressee" => waits,
            "holder" => self.has_holder(),
            _ => true,
        }
    }

    fn has_holder(&self) -> bool {
        use OrderState::{Accepted, Completed, Confirmed, InProgress, OnHold};
        matches!(self.state, Accepted | InProgress | OnHold | Completed | Confirmed)
    }
}

/// What an order is like, its state aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub private: bool,
    /// Whether the resident has an account.
    pub account: bool,
}

/// The callers, signed in, and what orders are made of.
pub struct Cast<'a> {
    server: &'a Server,
    users: Vec<User<'a>>,
    resident: (UserId, PersonId),
    person_without_account: PersonId,
    compound: Uuid,
    addressee: Assignee,
    holder: Assignee,
    team: Team,
    /// An open order to merge others into.
    pub other: ServiceOrderId,
    made: usize,
}

impl<'a> Cast<'a> {
    pub async fn assemble(server: &'a Server) -> Self {
        let mut users = Vec::new();
        for username in
            ["resident", "resident2", "volunteer2", "volunteer3", "volunteer5", "worker", "street", "yushui"]
        {
            users.push(server.sign_in(username).await);
        }
        users.push(cadre(server).await);
        for username in ["auditor", "worker2"] {
            users.push(server.sign_in(username).await);
        }
        let worker = &users[5];
        let me = users[0].get("/me").await;
        let resident = (id(me.text("/id")).into(), id(me.text("/person_id")).into());
        let compound = id(&users[0].compound("福园小区").await);
        let teams = worker.get("/volunteer-teams?q=红色工匠").await;
        let team = Team { id: id(teams.text("/items/0/id")).into(), name: teams.text("/items/0/name").to_owned() };
        let (addressee, holder) = (assignee(&users[2]).await, assignee(&users[3]).await);
        let caller = json!({"kind": "tap", "description": "水龙头", "compound_id": compound, "on_behalf_of":
            {"name": "何秀英", "phone": "13900139001"}});
        let placed = worker.post("/service-orders", caller).await;
        assert_eq!(placed.status, 201, "{:?}", placed.body);
        let person_without_account = id(placed.text("/requester/id")).into();
        let other = id(placed.text("/id")).into();
        Self { server, users, resident, person_without_account, compound, addressee, holder, team, other, made: 0 }
    }

    pub fn user(&self, caller: &str) -> &User<'a> {
        let at = CALLERS.iter().position(|known| *known == caller).unwrap();
        &self.users[at]
    }

    /// An order of a row, about to be put into the database.
    pub fn order(&mut self, row: Row, kind: Kind) -> Outcome<ServiceOrder, domain::orders::OrderEffect> {
        let now = self.server.now();
        let since = now - TimeDelta::days(row.age);
        self.made += 1;
        let person_id = if kind.account { self.resident.1 } else { self.person_without_account };
        let new = NewOrder {
            id: self.server.app.ids.next().into(),
            number: format!("360502-golden-{}", self.made),
            region_code: RegionCode::parse(COMMUNITY).unwrap(),
            kind: "tap".to_owned(),
            description: "水龙头".to_owned(),
            site: Site::Compound { compound_id: self.compound.into(), building_id: None, unit_id: None, address: None },
            answers: Default::default(),
            wished_at: None,
            private: kind.private,
            requester: Requester { person_id, name: String::new(), phone: None, has_account: kind.account },
            placed_by: self.resident.0,
            on_behalf: false,
            limits: vec![KindLimit {
                priority: Priority::Normal,
                response_minutes: None,
                resolution_minutes: Some(30 * 24 * 60),
                counting: Counting::AllTime,
            }],
        };
        let mut placed = ServiceOrder::place(new, since, &Calendar::default());
        placed.value.state = self.state(row, since);
        // somebody asks for more time, to whom the dispatcher may say yes or no
        let until = since + TimeDelta::days(40);
        if let Some(clock) = placed.value.clocks.open_mut(ClockKind::Resolution) {
            clock.request(ExtensionRequest { until, by: self.resident.0, at: since }).unwrap();
        }
        if matches!(row.state, OrderState::Completed | OrderState::Confirmed) {
            placed.value.outcome = Some(Resolution::Solved);
        }
        placed
    }

    fn state(&self, row: Row, since: Instant) -> State {
        let target = |waiting: &Assignee| match row.to {
            To::Nobody => None,
            To::Volunteer => Some(Target::Volunteer(waiting.clone())),
            To::Team => Some(Target::Team(self.team.clone())),
            To::Open => Some(Target::Open),
        };
        let dispatch = target(&self.addressee).map(Dispatch::to);
        let work = || Work { holder: self.holder.clone(), dispatch: Dispatch::to(target(&self.holder).unwrap()) };
        match row.state {
            OrderState::Placed => State::Placed,
            OrderState::Dispatched => State::Dispatched(dispatch.unwrap()),
            OrderState::Accepted => State::Accepted(work()),
            OrderState::InProgress => State::InProgress(work()),
            OrderState::OnHold => {
                let until = since + TimeDelta::days(2);
                State::OnHold(work(), Hold { reason: "等配件".to_owned(), until, in_progress: true })
            }
            OrderState::Completed => State::Completed(work(), since),
            OrderState::Confirmed => {
                let answer = Confirmation { solved: true, satisfaction: Some(5), by: ConfirmedBy::Resident, at: since };
                State::Confirmed(work(), answer)
            }
            OrderState::Cancelled => State::Cancelled(dispatch),
            OrderState::Rejected => State::Rejected(dispatch),
            OrderState::Merged => State::Merged(self.other, dispatch),
        }
    }

    /// Puts orders into the database.
    pub async fn put(&self, orders: Vec<Outcome<ServiceOrder, domain::orders::OrderEffect>>) {
        self.server
            .within(async move |app| {
                let tx = app.database.begin_write(Stamp::system(app.now(), "test")).await?;
                for order in orders {
                    tx.notes().insert_order(order, Vec::new())?;
                }
                tx.commit().await
            })
            .await
            .unwrap();
    }
}

fn id(text: &str) -> Uuid {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn assignee(user: &User<'_>) -> Assignee {
    let me = user.get("/me").await;
    let display_name = me.text("/display_name").to_owned();
    Assignee { volunteer_id: id(me.text("/volunteer_id")).into(), display_name }
}

/// A visiting cadre of the community; the demonstration has one elsewhere only.
async fn cadre<'a>(server: &'a Server) -> User<'a> {
    let official = server.sign_in("street").await;
    let account = json!({"username": "cadre.here", "password": "a-long-enough-one", "display_name": "干部",
        "region_code": COMMUNITY});
    let user = official.post("/users", account).await;
    assert_eq!(user.status, 201, "{:?}", user.body);
    let grant = json!({"user_id": user.text("/id"), "role": "cadre", "region_code": COMMUNITY});
    let granted = official.post("/grants", grant).await;
    assert_eq!(granted.status, 201, "{:?}", granted.body);
    let answer = server.log_in("cadre.here", "a-long-enough-one").await;
    server.user(answer.text("/access_token"))
}
