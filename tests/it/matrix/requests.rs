//! The requests with which each operation is tried.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    callers::Caller,
    things::{Thing, Things},
};

/// One operation.
pub struct Call {
    pub operation: &'static str,
    pub method: &'static str,
    /// Whether it is asked for with a version that is not the present one.
    pub conditional: bool,
    /// One for each column, or a single one.
    pub requests: Vec<Option<Request>>,
}

/// One request.
pub struct Request {
    pub path: String,
    pub body: Option<Value>,
}

/// The operations of the document that a signed-in caller can be tried with.
pub fn operations(document: &Value) -> Vec<&str> {
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items
        .filter(|(path, _)| !["/api/v1/auth/", "/api/v1/oauth/"].iter().any(|open| path.starts_with(open)))
        .map(|(_, item)| item);
    operations
        .flat_map(|item| item.as_object().into_iter().flatten())
        .filter_map(|(_, operation)| operation["operationId"].as_str())
        .collect()
}

struct Calls<'a> {
    things: &'a Things,
    caller: &'a Caller,
    calls: Vec<Call>,
}

/// How to find the thing of a kind: of the caller, and at a place.
type Find = (fn(&Caller) -> Option<String>, fn(&Thing) -> String);

impl Calls<'_> {
    fn once(&mut self, operation: &'static str, method: &'static str, path: &str, body: Option<Value>) {
        let requests = vec![Some(Request { path: path.to_owned(), body })];
        self.calls.push(Call { operation, method, conditional: false, requests });
    }

    /// On a thing of the caller's own and one at each place. `{}` in the path is its id.
    fn on(&mut self, operation: &'static str, method: &'static str, path: &str, find: Find, body: Option<Value>) {
        let request = |id: String| Request { path: path.replace("{}", &id), body: body.clone() };
        let own = (find.0)(self.caller).map(request);
        let others = self.things.places.iter().map(|place| Some(request((find.1)(place))));
        let requests = std::iter::once(own).chain(others).collect();
        let conditional = method != "GET";
        self.calls.push(Call { operation, method, conditional, requests });
    }

    /// Reads of a collection, one of it and its timeline.
    fn reads(&mut self, names: [&'static str; 3], collection: &str, find: Find) {
        self.once(names[0], "GET", &format!("/{collection}?limit=200"), None);
        self.on(names[1], "GET", &format!("/{collection}/{{}}"), find, None);
        self.on(names[2], "GET", &format!("/{collection}/{{}}/events"), find, None);
    }

    /// Creation of something for the caller himself, beside that at each place.
    fn first(&mut self, path: &str, body: Value) {
        let request = Request { path: path.to_owned(), body: Some(body) };
        if let Some(first) = self.calls.last_mut().and_then(|call| call.requests.first_mut()) {
            *first = Some(request);
        }
    }

    /// Creation at each place.
    fn at(&mut self, operation: &'static str, path: &str, body: impl Fn(usize, &Thing) -> Value) {
        let others = self.things.places.iter().enumerate();
        let requests = std::iter::once(None)
            .chain(
                others.map(|(number, place)| Some(Request { path: path.to_owned(), body: Some(body(number, place)) })),
            )
            .collect();
        self.calls.push(Call { operation, method: "POST", conditional: false, requests });
    }
}

/// Where somebody or something is: in the compound, or in the region.
fn home(place: &Thing) -> Value {
    match place.compound {
        Some(compound) => json!({"compound_id": compound.0}),
        None => json!({"region_code": place.region}),
    }
}

fn with(mut base: Value, more: Value) -> Value {
    let more = more.as_object().cloned().unwrap_or_default();
    base.as_object_mut().unwrap().extend(more);
    base
}

/// Every operation, for one caller.
pub fn calls(things: &Things, caller: &Caller, round: usize) -> Vec<Call> {
    let mut all = Calls { things, caller, calls: Vec::new() };
    identity(&mut all, round);
    places(&mut all, round);
    people(&mut all);
    compounds(&mut all, round);
    inspections(&mut all);
    ledgers(&mut all);
    clocks(&mut all, round);
    appointments(&mut all);
    volunteers(&mut all, round);
    orders(&mut all);
    all.calls
}

fn clocks(all: &mut Calls<'_>, round: usize) {
    let day: Find = (|_| Some(crate::calendar::NEW_YEAR.to_owned()), |place| place.calendar_day.to_string());
    all.reads(["listCalendarDays", "getCalendarDay", "listCalendarDayEvents"], "calendar-days", day);
    let new = |region: Option<&str>, round: usize| json!({"date": format!("2031-01-{:02}", round + 1), "kind": "holiday", "name": "节日", "region_code": region});
    all.at("createCalendarDay", "/calendar-days", |_, place| new(Some(place.region), round));
    all.first("/calendar-days", new(None, round));
    all.on("putCalendarDay", "PUT", "/calendar-days/{}", day, Some(new(Some("360502002001"), round)));
    all.on("updateCalendarDay", "PATCH", "/calendar-days/{}", day, Some(json!({"name": "改名"})));
}

fn identity(all: &mut Calls<'_>, round: usize) {
    let user: Find = (|caller| Some(caller.own.user.to_string()), |place| place.user.to_string());
    let grant: Find = (|caller| caller.own.grant.map(|id| id.to_string()), |place| place.grant.to_string());
    let session: Find = (|caller| Some(caller.own.session.to_string()), |place| place.session.to_string());
    all.once("getMe", "GET", "/me", None);
    let told: Find = (|caller| Some(caller.own.notification.to_string()), |place| place.notification.to_string());
    let names = ["listNotifications", "getNotification", "listNotificationEvents"];
    all.reads(names, "me/notifications", told);
    all.on("readNotification", "POST", "/me/notifications/{}/read", told, Some(json!({})));
    all.once("readAllNotifications", "POST", "/me/notifications/read", Some(json!({})));
    all.reads(["listUsers", "getUser", "listUserEvents"], "users", user);
    all.at("createUser", "/users", |number, place| {
        json!({"username": format!("new-{round}-{number}"), "password": "a good long password", "display_name": "新",
               "region_code": place.region})
    });
    all.on("updateUser", "PATCH", "/users/{}", user, Some(json!({"display_name": "改名"})));
    all.on("disableUser", "POST", "/users/{}/disable", user, Some(json!({})));
    let password = json!({"password": "another good password", "current_password": "lianxin-demo"});
    all.on("resetUserPassword", "POST", "/users/{}/reset-password", user, Some(password));
    all.on("resetUserSecondFactor", "POST", "/users/{}/reset-second-factor", user, Some(json!({})));
    all.once("beginSecondFactor", "POST", "/me/second-factor", Some(json!({})));
    all.once("confirmSecondFactor", "POST", "/me/second-factor/confirm", Some(json!({"code": "000000"})));
    all.once("renewRecoveryCodes", "POST", "/me/second-factor/recovery-codes", Some(json!({})));
    all.once("deleteSecondFactor", "DELETE", "/me/second-factor", Some(json!({"code": "000000"})));
    all.reads(["listGrants", "getGrant", "listGrantEvents"], "grants", grant);
    all.at(
        "createGrant",
        "/grants",
        |_, place| json!({"user_id": place.spare_user, "role": "resident", "region_code": place.region}),
    );
    all.on("approveGrant", "POST", "/grants/{}/approve", grant, Some(json!({})));
    all.on("deleteGrant", "DELETE", "/grants/{}", grant, None);
    all.reads(["listSessions", "getSession", "listSessionEvents"], "sessions", session);
    all.on("deleteSession", "DELETE", "/sessions/{}", session, None);
    let client: Find = (|_| None, |place| place.client.to_string());
    all.reads(["listClients", "getClient", "listClientEvents"], "clients", client);
    all.at("createClient", "/clients", |_, place| {
        json!({"name": "热线", "region_code": place.region, "organization_id": place.organization,
               "scopes": ["regions:read"], "expires_at": "2026-12-31T00:00:00+08:00"})
    });
    all.on("updateClient", "PATCH", "/clients/{}", client, Some(json!({"scopes": ["compounds:read"]})));
    all.on("approveClient", "POST", "/clients/{}/approve", client, Some(json!({})));
    all.on("disableClient", "POST", "/clients/{}/disable", client, Some(json!({})));
    all.on("rotateClientSecret", "POST", "/clients/{}/rotate-secret", client, Some(json!({})));
    all.on("deleteClient", "DELETE", "/clients/{}", client, None);
}

fn places(all: &mut Calls<'_>, round: usize) {
    let region: Find = (|_| None, |place| place.region.to_owned());
    let organization: Find = (|_| None, |place| place.organization.to_string());
    all.reads(["listRegions", "getRegion", "listRegionEvents"], "regions", region);
    all.at("createRegion", "/regions", |number, place| {
        json!({"code": format!("{}{}", place.region, 100 + number * 100 + round), "name": "新网格", "kind": "grid"})
    });
    all.on("updateRegion", "PATCH", "/regions/{}", region, Some(json!({"name": "改名"})));
    let new = json!({"code": "360502002099", "on": "2026-03-01"});
    all.on("recodeRegion", "POST", "/regions/{}/recode", region, Some(new));
    let into = json!({"into": "360502001002", "on": "2026-03-01"});
    all.on("mergeRegion", "POST", "/regions/{}/merge", region, Some(into));
    all.reads(["listOrganizations", "getOrganization", "listOrganizationEvents"], "organizations", organization);
    let new = |region: &str| json!({"name": "新组织", "kind": "residents_committee", "region_code": region});
    all.at("createOrganization", "/organizations", |_, place| new(place.region));
    all.on("putOrganization", "PUT", "/organizations/{}", organization, Some(new("360502002001")));
    all.on("updateOrganization", "PATCH", "/organizations/{}", organization, Some(json!({"name": "改名"})));
}

fn compounds(all: &mut Calls<'_>, round: usize) {
    let compound: Find = (|_| None, |place| place.estate.to_string());
    let building: Find = (|_| None, |place| place.building.to_string());
    let unit: Find = (|_| None, |place| place.unit.to_string());
    let dwelling: Find = (|caller| Some(caller.own.dwelling.to_string()), |place| place.dwelling.to_string());
    let name = json!({"name": "改名"});
    all.reads(["listCompounds", "getCompound", "listCompoundEvents"], "compounds", compound);
    let new = |code: String, region: &str| json!({"region_code": region, "code": code, "name": "新小区"});
    all.at("createCompound", "/compounds", |number, place| new(format!("n{round}_{number}"), place.region));
    all.on("putCompound", "PUT", "/compounds/{}", compound, Some(new(format!("p{round}"), "360502002001")));
    all.on("updateCompound", "PATCH", "/compounds/{}", compound, Some(json!({"population": 7})));
    let mode = json!({"mode": "keeper", "valid_from": "2026-03-01"});
    all.on("changeCompoundMode", "POST", "/compounds/{}/change-mode", compound, Some(mode));
    let by = json!({"organization_id": all.things.places[0].organization, "valid_from": "2026-03-01"});
    all.on("coverCompound", "POST", "/compounds/{}/cover", compound, Some(by));
    all.on("uncoverCompound", "POST", "/compounds/{}/uncover", compound, Some(json!({"on": "2026-03-02"})));
    all.on("deleteCompound", "DELETE", "/compounds/{}", compound, None);
    all.reads(["listBuildings", "getBuilding", "listBuildingEvents"], "buildings", building);
    let new = |code: String, of: Uuid| json!({"compound_id": of, "code": code, "name": "新楼"});
    all.at("createBuilding", "/buildings", |number, place| new(format!("n{round}-{number}"), place.estate));
    let moved = new(format!("p{round}"), all.things.places[0].estate);
    all.on("putBuilding", "PUT", "/buildings/{}", building, Some(moved));
    all.on("updateBuilding", "PATCH", "/buildings/{}", building, Some(name.clone()));
    all.reads(["listUnits", "getUnit", "listUnitEvents"], "units", unit);
    let new = |code: String, of: Uuid| json!({"building_id": of, "code": code, "name": "新单元"});
    all.at("createUnit", "/units", |number, place| new(format!("n{round}-{number}"), place.building));
    let moved = new(format!("p{round}"), all.things.places[0].building);
    all.on("putUnit", "PUT", "/units/{}", unit, Some(moved));
    all.on("updateUnit", "PATCH", "/units/{}", unit, Some(name));
    all.reads(["listDwellings", "getDwelling", "listDwellingEvents"], "dwellings", dwelling);
    let new = |code: String, of: Uuid| json!({"unit_id": of, "code": code});
    all.at("createDwelling", "/dwellings", |number, place| new(format!("n{round}-{number}"), place.unit));
    let moved = new(format!("p{round}"), all.things.places[0].unit);
    all.on("putDwelling", "PUT", "/dwellings/{}", dwelling, Some(moved));
    all.on("updateDwelling", "PATCH", "/dwellings/{}", dwelling, Some(json!({"floor": 2})));
    let owners = json!({"owners": [{"person_id": all.things.places[0].spare_person, "share": "1/1"}]});
    all.on("changeDwellingOwners", "POST", "/dwellings/{}/change-owners", dwelling, Some(owners));
}

fn inspections(all: &mut Calls<'_>) {
    let inspection: Find = (|_| None, |place| place.inspection.to_string());
    all.reads(["listInspections", "getInspection", "listInspectionEvents"], "inspections", inspection);
    let scores: Vec<Value> =
        ["corridors_cleaned", "facilities_maintained", "greenery_kept", "safety_guarded", "parking_ordered"]
            .map(|standard| json!({"standard": standard, "score": 70}))
            .to_vec();
    all.at(
        "createInspection",
        "/inspections",
        |_, place| json!({"compound_id": place.estate, "inspected_on": "2026-03-11", "scores": scores}),
    );
}

fn ledgers(all: &mut Calls<'_>) {
    let ledger: Find = (|_| None, |place| place.ledger.to_string());
    all.reads(["listLedgers", "getLedger", "listLedgerEvents"], "ledgers", ledger);
    all.at("createLedger", "/ledgers", |_, place| match place.compound {
        Some(compound) => json!({"kind": "co_managed_account", "name": "新账本", "compound_id": compound.0}),
        None => json!({"kind": "collective_economy", "name": "新账本", "region_code": place.region}),
    });
    let other = json!({"kind": "collective_economy", "name": "新账本", "region_code": "360502002001"});
    all.on("putLedger", "PUT", "/ledgers/{}", ledger, Some(other));
    all.on("listLedgerEntries", "GET", "/ledgers/{}/entries", ledger, None);
    let entry = json!({"kind": "income", "amount": "5", "category": "other", "occurred_on": "2026-03-10"});
    all.on("createLedgerEntry", "POST", "/ledgers/{}/entries", ledger, Some(entry));
    let income: Find = (|_| None, |place| format!("{}/entries/{}", place.ledger, place.income));
    all.on("getLedgerEntry", "GET", "/ledgers/{}", income, None);
    all.on("listLedgerEntryEvents", "GET", "/ledgers/{}/events", income, None);
    let payment: Find = (|_| None, |place| format!("{}/entries/{}", place.ledger, place.payment));
    all.on("signLedgerEntry", "POST", "/ledgers/{}/sign", payment, Some(json!({})));
    all.on("refuseLedgerEntry", "POST", "/ledgers/{}/refuse", payment, Some(json!({"reason": "无发票"})));
    all.on("reverseLedgerEntry", "POST", "/ledgers/{}/reverse", income, Some(json!({"reason": "记错"})));
    all.on("listDisclosures", "GET", "/ledgers/{}/disclosures", ledger, None);
    all.on("createDisclosure", "POST", "/ledgers/{}/disclosures", ledger, Some(json!({})));
    let disclosure: Find = (|_| None, |place| format!("{}/disclosures/{}", place.ledger, place.disclosure));
    all.on("getDisclosure", "GET", "/ledgers/{}", disclosure, None);
    all.on("listDisclosureEvents", "GET", "/ledgers/{}/events", disclosure, None);
}

fn people(all: &mut Calls<'_>) {
    let person: Find = (|caller| Some(caller.own.person.to_string()), |place| place.person.to_string());
    let household: Find = (|caller| Some(caller.own.household.to_string()), |place| place.household.to_string());
    all.reads(["listPersons", "getPerson", "listPersonEvents"], "persons", person);
    all.at("createPerson", "/persons", |_, place| with(home(place), json!({"name": "张新"})));
    let written = json!({"region_code": "360502002001", "name": "张改"});
    all.on("putPerson", "PUT", "/persons/{}", person, Some(written));
    all.on("updatePerson", "PATCH", "/persons/{}", person, Some(json!({"phone": "13900139000"})));
    all.once("searchPersons", "POST", "/persons/search", Some(json!({"name": "丁"})));
    let reveal = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修"});
    all.on("revealPerson", "POST", "/persons/{}/reveal", person, Some(reveal));
    all.once("listMyAccessLog", "GET", "/me/access-log", None);
    all.on("listPersonAccessLog", "GET", "/persons/{}/access-log", person, None);
    all.reads(["listHouseholds", "getHousehold", "listHouseholdEvents"], "households", household);
    all.at("createHousehold", "/households", |_, place| home(place));
    let moved = json!({"region_code": "360502002001", "address": "9 号"});
    all.on("putHousehold", "PUT", "/households/{}", household, Some(moved));
    all.on("updateHousehold", "PATCH", "/households/{}", household, Some(json!({"address": "9 号"})));
    let child = json!({"person_id": all.things.places[0].spare_person, "relation": "child"});
    all.on("addHouseholdMember", "POST", "/households/{}/members", household, Some(child));
    let member: Find = (
        |caller| Some(format!("{}/members/{}", caller.own.household, caller.own.person)),
        |place| format!("{}/members/{}", place.household, place.person),
    );
    all.on("endHouseholdMember", "DELETE", "/households/{}", member, None);
}

fn appointments(all: &mut Calls<'_>) {
    let appointment: Find = (|caller| Some(caller.own.appointment.to_string()), |place| place.appointment.to_string());
    let post = |person: Uuid, region: &str| json!({"person_id": person, "post": "visiting_cadre", "region_code": region, "valid_from": "2026-03-12"});
    all.reads(["listAppointments", "getAppointment", "listAppointmentEvents"], "appointments", appointment);
    all.at("createAppointment", "/appointments", |_, place| post(place.spare_person, place.region));
    let other = all.things.places[0].spare_person;
    all.on("putAppointment", "PUT", "/appointments/{}", appointment, Some(post(other, "360502002001")));
    let end = json!({"on": "2026-03-13", "reason": "resigned"});
    all.on("endAppointment", "POST", "/appointments/{}/end", appointment, Some(end));
    all.at(
        "handOverAppointments",
        "/appointments/hand-over",
        |_, place| json!({"from_person_id": place.person.0, "to_person_id": place.spare_person, "on": "2026-03-12"}),
    );
}

fn volunteers(all: &mut Calls<'_>, round: usize) {
    let kind: Find = (|_| None, |place| place.kind.to_string());
    let volunteer: Find = (|caller| caller.own.volunteer.map(|id| id.to_string()), |place| place.volunteer.to_string());
    let team: Find = (|_| None, |place| place.team.to_string());
    all.reads(["listServiceKinds", "getServiceKind", "listServiceKindEvents"], "service-kinds", kind);
    let new = |code: String, region: &str| json!({"code": code, "region_code": region, "name": "新服务"});
    all.at("createServiceKind", "/service-kinds", |number, place| new(format!("n{round}_{number}"), place.region));
    all.on("putServiceKind", "PUT", "/service-kinds/{}", kind, Some(new(format!("p{round}"), "360502002001")));
    all.on("updateServiceKind", "PATCH", "/service-kinds/{}", kind, Some(json!({"name": "改名"})));
    all.reads(["listVolunteers", "getVolunteer", "listVolunteerEvents"], "volunteers", volunteer);
    all.at(
        "createVolunteer",
        "/volunteers",
        |_, place| json!({"person_id": place.spare_person, "region_code": place.region, "origin": "citizen"}),
    );
    all.first("/volunteers", json!({"region_code": "360502002001", "origin": "citizen"}));
    all.on("updateVolunteer", "PATCH", "/volunteers/{}", volunteer, Some(json!({"available": false})));
    all.on("approveVolunteer", "POST", "/volunteers/{}/approve", volunteer, Some(json!({})));
    all.on("refuseVolunteer", "POST", "/volunteers/{}/refuse", volunteer, Some(json!({})));
    all.on("leaveVolunteers", "POST", "/volunteers/{}/leave", volunteer, Some(json!({})));
    all.reads(["listVolunteerTeams", "getVolunteerTeam", "listVolunteerTeamEvents"], "volunteer-teams", team);
    let new = |region: &str| json!({"name": "新队", "region_code": region, "origin": "citizen"});
    all.at("createVolunteerTeam", "/volunteer-teams", |_, place| new(place.region));
    all.on("putVolunteerTeam", "PUT", "/volunteer-teams/{}", team, Some(new("360502002001")));
    all.on("updateVolunteerTeam", "PATCH", "/volunteer-teams/{}", team, Some(json!({"name": "改名"})));
    let member = json!({"volunteer_id": all.things.places[0].volunteer});
    all.on("addVolunteerTeamMember", "POST", "/volunteer-teams/{}/members", team, Some(member));
    let member: Find = (|_| None, |place| format!("{}/members/{}", place.team, place.volunteer));
    all.on("endVolunteerTeamMember", "DELETE", "/volunteer-teams/{}", member, None);
}

fn orders(all: &mut Calls<'_>) {
    let order: Find = (|caller| Some(caller.own.order.to_string()), |place| place.order.to_string());
    let place_of = |place: &Thing| match place.compound {
        Some(compound) => json!({"compound_id": compound.0}),
        None => json!({"region_code": place.region, "address": "建设路 2 号"}),
    };
    let new = json!({"kind": "tap", "description": "另一个水龙头", "region_code": "360502002001", "address": "3 号"});
    all.reads(["listServiceOrders", "getServiceOrder", "listServiceOrderEvents"], "service-orders", order);
    all.once("countServiceOrders", "GET", "/service-orders/counts", None);
    all.at("createServiceOrder", "/service-orders", |_, place| {
        with(place_of(place), json!({"kind": "tap", "description": "水龙头"}))
    });
    all.at("findSimilarServiceOrders", "/service-orders/similar", |_, place| with(home(place), json!({"kind": "tap"})));
    all.on("listServiceOrderCandidates", "GET", "/service-orders/{}/candidates", order, None);
    all.on("putServiceOrder", "PUT", "/service-orders/{}", order, Some(new));
    all.on("updateServiceOrder", "PATCH", "/service-orders/{}", order, Some(json!({"description": "改了"})));
    let reason = json!({"reason": "有事"});
    let transitions = [
        ("acceptServiceOrder", "accept", json!({})),
        ("cancelServiceOrder", "cancel", json!({})),
        ("claimServiceOrder", "claim", json!({})),
        ("completeServiceOrder", "complete", json!({"outcome": "solved"})),
        ("confirmServiceOrder", "confirm", json!({"solved": true, "satisfaction": 5})),
        ("declineServiceOrder", "decline", reason.clone()),
        ("dispatchServiceOrder", "dispatch", json!({"open": true})),
        (
            "extendServiceOrder",
            "extend",
            json!({"clock": "resolution", "until": "2026-03-20T09:00:00+08:00", "reason": "等零件"}),
        ),
        ("holdServiceOrder", "hold", json!({"reason": "等零件", "until": "2026-03-20T09:00:00+08:00"})),
        ("joinServiceOrder", "join", json!({})),
        ("mergeServiceOrder", "merge", json!({"into": Uuid::nil()})),
        ("refuseServiceOrderExtension", "refuse-extension", json!({"clock": "resolution", "reason": "不急"})),
        ("rejectServiceOrder", "reject", reason.clone()),
        ("reopenServiceOrder", "reopen", reason.clone()),
        ("resumeServiceOrder", "resume", json!({})),
        ("startServiceOrder", "start", json!({})),
        ("transferServiceOrder", "transfer", json!({"open": true, "reason": "有事"})),
        ("contactServiceOrder", "contact", json!({})),
    ];
    for (operation, transition, body) in transitions {
        all.on(operation, "POST", &format!("/service-orders/{{}}/{transition}"), order, Some(body));
    }
}
