//! Whoever changes something leaves an event, and whoever is refused leaves one too.

mod calls;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use calls::Calls;
use chrono::TimeDelta;
use harness::{
    database::Backend::{self, Postgres, Sqlite},
    server::{Answer, Server, Setup, User},
};
use rstest::rstest;
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};

use crate::hands::one_time;

fn id(answer: &Answer) -> String {
    answer.text("/id").to_owned()
}

fn version(answer: &Answer) -> Option<i64> {
    answer.body["version"].as_i64()
}

/// A UUIDv7 of the client's own.
fn own(number: u8) -> String {
    format!("019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e{number:02x}")
}

#[rstest]
#[actix_web::test]
async fn every_change_and_every_refusal_leaves_an_event(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let calls = Calls::new(&server, Some(server.sign_in("auditor").await));
    identity(&server, &calls).await;
    places(&server, &calls).await;
    people(&server, &calls).await;
    appointments(&server, &calls).await;
    compounds(&server, &calls).await;
    ledgers(&server, &calls).await;
    volunteers(&server, &calls).await;
    orders(&server, &calls).await;
    calendar(&server, &calls).await;
    first_administrator(backend, &calls.called).await;
    let known: BTreeSet<String> = calls.operations.keys().cloned().collect();
    let missed: Vec<_> = known.difference(&calls.called.borrow()).cloned().collect();
    assert!(missed.is_empty(), "nobody has called {missed:?}");
    let refused = calls.refused.take();
    refusals(&server, &refused).await;
    let verified = server.within(async |app| app.database.verify_events(|_| {}).await).await;
    assert!(verified.unwrap().is_ok(), "the chain of events is broken");
}

/// The least that the law asks for is six months (Cybersecurity Law, article 21); nothing that is written here is ever
/// purged, whatever else the jobs forget.
#[rstest]
#[actix_web::test]
async fn no_job_forgets_what_is_audited(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let worker = server.sign_in("worker").await;
    let person = worker.get("/persons?limit=1").await.text("/items/0/id").to_owned();
    let reason = json!({"fields": ["phone"], "purpose": "service", "note": "上门维修"});
    assert_eq!(worker.post(&format!("/persons/{person}/reveal"), reason).await.status, 200);
    assert_eq!(server.log_in("worker", "wrong").await.status, 401);
    server.run_jobs().await;
    let kept = async || {
        let mut kept: Vec<String> = Vec::new();
        for table in ["events", "event_positions", "access_notes"] {
            let id = if table == "events" { "id" } else { "event_id" };
            kept.extend(
                server
                    .sql
                    .all::<uuid::Uuid>(&format!("SELECT {id} FROM {table}"), [])
                    .await
                    .iter()
                    .map(|id| format!("{table} {id}")),
            );
        }
        kept.into_iter().collect::<BTreeSet<_>>()
    };
    let before = kept().await;
    assert!(before.iter().any(|row| row.starts_with("access_notes")) && before.len() > 1000);
    // six months, three years and more
    for days in [184, 3 * 366, 3650] {
        server.advance(TimeDelta::days(days));
        server.run_jobs().await;
        let after = kept().await;
        assert!(before.is_subset(&after), "after {days} days these are gone: {:?}", before.difference(&after));
    }
}

async fn identity(server: &Server, calls: &Calls<'_>) {
    let password = "a-long-enough-one";
    let admin = server.sign_in("admin").await;
    let login = json!({"username": "worker", "password": "lianxin-demo"});
    let tokens = calls.open(None, "login", &[], None, login).await;
    let refresh = json!({"refresh_token": tokens.text("/refresh_token")});
    let tokens = calls.open(None, "refreshTokens", &[], None, refresh).await;
    let refresh = json!({"refresh_token": tokens.text("/refresh_token")});
    calls.open(None, "logout", &[], None, refresh).await;

    let account = |username: &str| json!({"username": username, "password": password, "display_name": "新同事", "region_code": "360502"});
    let user = calls.call(&admin, "createUser", &[], None, account("new.one")).await;
    let user_id = id(&user);
    let name = json!({"display_name": "新同事二"});
    calls.call(&admin, "updateUser", &[&user_id], version(&user), name).await;
    // an official of a county needs a second pair of eyes
    let second = id(&calls.call(&admin, "createUser", &[], None, account("second.admin")).await);
    let role = json!({"user_id": second, "role": "region_administrator", "region_code": "36"});
    calls.call(&admin, "createGrant", &[], None, role).await;
    let role = json!({"user_id": user_id, "role": "official", "region_code": "360502"});
    let grant = calls.call(&admin, "createGrant", &[], None, role).await;
    let second = server.log_in("second.admin", password).await;
    let second = server.user(second.text("/access_token"));
    let approved = calls.call(&second, "approveGrant", &[&id(&grant)], version(&grant), json!({})).await;
    calls.call(&admin, "deleteGrant", &[&id(&grant)], version(&approved), Value::Null).await;
    let new = json!({"password": "another-long-one"});
    calls.call(&admin, "resetUserPassword", &[&user_id], None, new).await;
    second_factor(server, calls, &admin, &user_id).await;
    let session = server.log_in("new.one", "another-long-one").await;
    let session = server.user(session.text("/access_token")).get("/sessions").await.text("/items/0/id").to_owned();
    // an auditor sees no sessions but his own
    calls.open(Some(&admin), "deleteSession", &[&session], None, Value::Null).await;
    calls.call(&admin, "disableUser", &[&user_id], None, json!({})).await;
    clients(server, calls, &admin).await;
}

/// A second factor is everybody's own business, an auditor's too.
async fn second_factor(server: &Server, calls: &Calls<'_>, admin: &User<'_>, id: &str) {
    let tokens = server.log_in("new.one", "another-long-one").await;
    let user = server.user(tokens.text("/access_token"));
    let again = json!({"password": "another-long-one"});
    let tokens = calls.open(Some(&user), "reauthenticate", &[], None, again).await;
    let user = server.user(tokens.text("/access_token"));
    for _ in 0..2 {
        let begun = calls.open(Some(&user), "beginSecondFactor", &[], None, json!({})).await;
        let code = json!({"code": one_time(begun.text("/secret"), server.now(), 0)});
        calls.open(Some(&user), "confirmSecondFactor", &[], None, code).await;
        calls.open(Some(&user), "renewRecoveryCodes", &[], None, json!({})).await;
        let code = json!({"code": one_time(begun.text("/secret"), server.now(), 1)});
        calls.open(Some(&user), "deleteSecondFactor", &[], None, code).await;
    }
    calls.call(admin, "resetUserSecondFactor", &[id], None, json!({})).await;
}

async fn clients(server: &Server, calls: &Calls<'_>, admin: &User<'_>) {
    let official = server.sign_in("yushui").await;
    let organization = official.get("/organizations?limit=1").await.text("/items/0/id").to_owned();
    let new = json!({"name": "热线", "region_code": "360502002", "organization_id": organization,
                     "scopes": ["regions:read"], "expires_at": "2026-12-31T00:00:00+08:00"});
    let made = calls.call(admin, "createClient", &[], None, new).await;
    let client = id(&made);
    let scopes = json!({"scopes": ["compounds:read"]});
    calls.call(admin, "updateClient", &[&client], version(&made), scopes).await;
    calls.call(&official, "approveClient", &[&client], None, json!({})).await;
    let rotated = calls.call(admin, "rotateClientSecret", &[&client], None, json!({})).await;
    let events = "events WHERE kind = 'auth.client_token_issued' AND actor_user_id = $1 AND session_id IS NOT NULL";
    let token = server.client_token(&client, rotated.text("/client_secret"), "").await;
    assert_eq!(token.status, 200, "{:?}", token.body);
    assert_eq!(server.sql.count(events, [crate::hands::uuid(&client).into()]).await, 1);
    calls.called.borrow_mut().insert("issueClientToken".to_owned());
    calls.call(admin, "disableClient", &[&client], None, json!({})).await;
    calls.call(admin, "deleteClient", &[&client], Some(5), Value::Null).await;
}

async fn places(server: &Server, calls: &Calls<'_>) {
    let official = server.sign_in("street").await;
    let region = json!({"code": "360502002009", "name": "长青社区", "kind": "community"});
    let region = calls.call(&official, "createRegion", &[], None, region).await;
    let name = json!({"name": "常青社区"});
    calls.call(&official, "updateRegion", &["360502002009"], version(&region), name).await;
    let county = server.sign_in("yushui").await;
    let recode = json!({"code": "360502002010", "on": "2026-03-11"});
    calls.call(&county, "recodeRegion", &["360502002009"], None, recode).await;
    let merge = json!({"into": "360502002001", "on": "2026-03-12"});
    calls.call(&county, "mergeRegion", &["360502002010"], None, merge).await;
    let organization =
        json!({"name": "公园北村社区居民委员会", "kind": "residents_committee", "region_code": "360502002001"});
    calls.call(&official, "createOrganization", &[], None, organization.clone()).await;
    let made = calls.call(&official, "putOrganization", &[&own(1)], None, organization).await;
    let name = json!({"name": "公园北村居委会"});
    calls.call(&official, "updateOrganization", &[&own(1)], version(&made), name).await;
    let kind = |code: &str| json!({"code": code, "region_code": "360502002", "name": "门窗维修", "skills": ["window"]});
    calls.call(&official, "createServiceKind", &[], None, kind("window")).await;
    let made = calls.call(&official, "putServiceKind", &[&own(2)], None, kind("door")).await;
    calls.call(&official, "updateServiceKind", &[&own(2)], version(&made), json!({"name": "门维修"})).await;
}

async fn calendar(server: &Server, calls: &Calls<'_>) {
    let official = server.sign_in("yushui").await;
    let day = |date: &str| json!({"date": date, "kind": "holiday", "name": "三月三", "region_code": "360502"});
    calls.call(&official, "createCalendarDay", &[], None, day("2031-04-15")).await;
    let made = calls.call(&official, "putCalendarDay", &[&own(9)], None, day("2031-04-16")).await;
    calls.call(&official, "updateCalendarDay", &[&own(9)], version(&made), json!({"name": "放假"})).await;
}

async fn people(server: &Server, calls: &Calls<'_>) {
    let worker = server.sign_in("worker").await;
    let person = |name: &str| json!({"name": name, "region_code": "360502002001"});
    let first = id(&calls.call(&worker, "createPerson", &[], None, person("何秀英")).await);
    let second = calls.call(&worker, "putPerson", &[&own(3)], None, person("何大林")).await;
    calls.call(&worker, "updatePerson", &[&own(3)], version(&second), json!({"sex": "male"})).await;
    calls.call(&worker, "searchPersons", &[], None, json!({"name": "何"})).await;
    calls
        .call(
            &worker,
            "revealPerson",
            &[&own(3)],
            None,
            json!({"fields": ["name"], "purpose": "service", "note": "上门维修"}),
        )
        .await;
    let household = json!({"region_code": "360502002001", "address": "桂花巷3号"});
    let made = calls.call(&worker, "createHousehold", &[], None, household.clone()).await;
    calls.call(&worker, "updateHousehold", &[&id(&made)], version(&made), json!({"address": "桂花巷5号"})).await;
    calls.call(&worker, "putHousehold", &[&own(4)], None, household).await;
    let member = json!({"person_id": first, "relation": "head"});
    let household = calls.call(&worker, "addHouseholdMember", &[&own(4)], None, member).await;
    calls.call(&worker, "endHouseholdMember", &[&own(4), &first], version(&household), Value::Null).await;
}

async fn appointments(server: &Server, calls: &Calls<'_>) {
    let official = server.sign_in("street").await;
    let person = |name: &str| json!({"name": name, "region_code": "360502002001"});
    let worker = server.sign_in("worker").await;
    let mut people = Vec::new();
    for name in ["何秀兰", "何大森"] {
        people.push(id(&worker.post("/persons", person(name)).await));
    }
    let post = |post: &str| json!({"person_id": people[0], "post": post, "region_code": "360502002001", "valid_from": "2026-03-12"});
    let made = calls.call(&official, "createAppointment", &[], None, post("mediator")).await;
    let end = json!({"on": "2026-04-01", "reason": "resigned"});
    calls.call(&official, "endAppointment", &[&id(&made)], None, end).await;
    calls.call(&official, "putAppointment", &[&own(6)], None, post("visiting_cadre")).await;
    let over = json!({"from_person_id": people[0], "to_person_id": people[1], "on": "2026-03-12"});
    calls.call(&official, "handOverAppointments", &[], None, over).await;
}

async fn compounds(server: &Server, calls: &Calls<'_>) {
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let compound = |code: &str| json!({"region_code": "360502002001", "code": code, "name": "新风小区"});
    let home = calls.call(&worker, "createCompound", &[], None, compound("home")).await;
    let home_id = id(&home);
    calls.call(&worker, "updateCompound", &[&home_id], version(&home), json!({"built_year": 1998})).await;
    calls.call(&worker, "changeCompoundMode", &[&home_id], None, json!({"mode": "keeper"})).await;
    let branch = json!({"name": "联合党支部", "kind": "party_branch", "region_code": "360502002001"});
    let branch =
        json!({"organization_id": id(&street.post("/organizations", branch).await), "valid_from": "2026-03-01"});
    calls.call(&worker, "coverCompound", &[&home_id], None, branch).await;
    calls.call(&worker, "uncoverCompound", &[&home_id], None, json!({"on": "2026-03-10"})).await;
    let empty = calls.call(&worker, "putCompound", &[&own(10)], None, compound("empty")).await;
    calls.call(&street, "deleteCompound", &[&own(10)], version(&empty), Value::Null).await;
    let building = |code: &str| json!({"compound_id": home_id, "code": code, "name": "1栋"});
    let block = id(&calls.call(&worker, "createBuilding", &[], None, building("1")).await);
    let put = calls.call(&worker, "putBuilding", &[&own(11)], None, building("2")).await;
    calls.call(&worker, "updateBuilding", &[&own(11)], version(&put), json!({"name": "2栋"})).await;
    let unit = |code: &str| json!({"building_id": block, "code": code, "name": "1单元"});
    let entrance = id(&calls.call(&worker, "createUnit", &[], None, unit("1")).await);
    let put = calls.call(&worker, "putUnit", &[&own(12)], None, unit("2")).await;
    calls.call(&worker, "updateUnit", &[&own(12)], version(&put), json!({"name": "2单元"})).await;
    let dwelling = |code: &str| json!({"unit_id": entrance, "code": code});
    let door = id(&calls.call(&worker, "createDwelling", &[], None, dwelling("101")).await);
    let put = calls.call(&worker, "putDwelling", &[&own(13)], None, dwelling("102")).await;
    calls.call(&worker, "updateDwelling", &[&own(13)], version(&put), json!({"floor": 1})).await;
    let standards =
        ["corridors_cleaned", "facilities_maintained", "greenery_kept", "safety_guarded", "parking_ordered"];
    let scores = standards.map(|standard| json!({"standard": standard, "score": 70}));
    let inspection = json!({"compound_id": home_id, "inspected_on": "2026-03-11", "scores": scores});
    calls.call(&worker, "createInspection", &[], None, inspection).await;
    let owner = worker.post("/persons", json!({"name": "何大树", "region_code": "360502002001"})).await;
    let owners = json!({"owners": [{"person_id": id(&owner), "share": "1/1"}]});
    calls.call(&worker, "changeDwellingOwners", &[&door], None, owners).await;
}

async fn ledgers(server: &Server, calls: &Calls<'_>) {
    let (worker, street) = (server.sign_in("worker").await, server.sign_in("street").await);
    let compound = worker.compound("福园小区").await;
    let book = json!({"kind": "co_managed_account", "name": "共管账户", "compound_id": compound});
    calls.call(&street, "createLedger", &[], None, book.clone()).await;
    calls.call(&worker, "putLedger", &[&own(14)], None, book).await;
    let entry = |kind: &str| json!({"kind": kind, "amount": "10.00", "category": "other", "occurred_on": "2026-03-10"});
    let income = id(&calls.call(&worker, "createLedgerEntry", &[&own(14)], None, entry("income")).await);
    let [first, second] = [
        id(&calls.call(&worker, "createLedgerEntry", &[&own(14)], None, entry("payment")).await),
        id(&calls.call(&worker, "createLedgerEntry", &[&own(14)], None, entry("payment")).await),
    ];
    calls.call(&street, "signLedgerEntry", &[&own(14), &first], None, json!({})).await;
    calls.call(&street, "refuseLedgerEntry", &[&own(14), &second], None, json!({"reason": "没有发票"})).await;
    calls.call(&worker, "reverseLedgerEntry", &[&own(14), &income], None, json!({"reason": "记错"})).await;
    calls.call(&worker, "createDisclosure", &[&own(14)], None, json!({})).await;
}

async fn volunteers(server: &Server, calls: &Calls<'_>) {
    let worker = server.sign_in("worker").await;
    let application = || json!({"region_code": "360502002001", "skills": ["tap"], "origin": "citizen"});
    let (resident, neighbor) = (server.sign_in("resident").await, server.sign_in("resident2").await);
    let applied = calls.call(&resident, "createVolunteer", &[], None, application()).await;
    calls.call(&resident, "updateVolunteer", &[&id(&applied)], version(&applied), json!({"available": false})).await;
    calls.call(&worker, "approveVolunteer", &[&id(&applied)], None, json!({})).await;
    let other = id(&calls.call(&neighbor, "createVolunteer", &[], None, application()).await);
    calls.call(&worker, "refuseVolunteer", &[&other], None, json!({})).await;

    let team = |name: &str| json!({"name": name, "region_code": "360502002001", "origin": "citizen"});
    calls.call(&worker, "createVolunteerTeam", &[], None, team("一队")).await;
    let made = calls.call(&worker, "putVolunteerTeam", &[&own(5)], None, team("二队")).await;
    calls.call(&worker, "updateVolunteerTeam", &[&own(5)], version(&made), json!({"name": "三队"})).await;
    let member = json!({"volunteer_id": id(&applied)});
    let team = calls.call(&worker, "addVolunteerTeamMember", &[&own(5)], None, member).await;
    calls.call(&worker, "endVolunteerTeamMember", &[&own(5), &id(&applied)], version(&team), Value::Null).await;
    calls.call(&resident, "leaveVolunteers", &[&id(&applied)], None, json!({})).await;
}

async fn orders(server: &Server, calls: &Calls<'_>) {
    let worker = server.sign_in("worker").await;
    let (resident, neighbor) = (server.sign_in("resident").await, server.sign_in("resident2").await);
    let volunteer = server.sign_in("volunteer").await;
    let compound = resident.compound("福园小区").await;
    let order = || json!({"kind": "tap", "description": "水龙头", "compound_id": compound, "private": false});
    let reason = || json!({"reason": "有事"});
    let one = id(&calls.call(&resident, "createServiceOrder", &[], None, order()).await);
    let put = calls.call(&resident, "putServiceOrder", &[&own(6)], None, order()).await;
    calls.call(&resident, "updateServiceOrder", &[&own(6)], version(&put), json!({"private": true})).await;
    calls.call(&resident, "findSimilarServiceOrders", &[], None, json!({"kind": "tap", "compound_id": compound})).await;
    let step = async |by: &User<'_>, operation: &str, order: &str, body: Value| {
        // times of the work are told apart by the millisecond
        server.advance(TimeDelta::milliseconds(1));
        calls.call(by, operation, &[order], None, body).await;
    };
    step(&neighbor, "joinServiceOrder", &one, json!({})).await;
    step(&worker, "dispatchServiceOrder", &one, json!({"open": true})).await;
    step(&volunteer, "claimServiceOrder", &one, json!({})).await;
    step(&volunteer, "contactServiceOrder", &one, json!({})).await;
    step(&volunteer, "startServiceOrder", &one, json!({})).await;
    let pause = json!({"reason": "等配件", "until": "2026-03-14T09:30:00+08:00"});
    step(&volunteer, "holdServiceOrder", &one, pause).await;
    step(&volunteer, "resumeServiceOrder", &one, json!({})).await;
    let more = json!({"clock": "resolution", "until": "2026-04-14T09:30:00+08:00", "reason": "等配件"});
    step(&volunteer, "extendServiceOrder", &one, more).await;
    let no = json!({"clock": "resolution", "reason": "请先借用"});
    step(&worker, "refuseServiceOrderExtension", &one, no).await;
    let to = json!({"volunteer_id": volunteer.volunteer_id().await, "reason": "换人"});
    step(&worker, "transferServiceOrder", &one, to).await;
    step(&volunteer, "acceptServiceOrder", &one, json!({})).await;
    step(&volunteer, "completeServiceOrder", &one, json!({"outcome": "solved"})).await;
    step(&resident, "confirmServiceOrder", &one, json!({"solved": true, "satisfaction": 5})).await;
    step(&resident, "reopenServiceOrder", &one, reason()).await;
    step(&volunteer, "declineServiceOrder", &one, reason()).await;
    step(&worker, "mergeServiceOrder", &one, json!({"into": own(6)})).await;
    step(&resident, "cancelServiceOrder", &own(6), json!({})).await;
    let other = id(&calls.call(&resident, "createServiceOrder", &[], None, order()).await);
    step(&worker, "rejectServiceOrder", &other, reason()).await;
    server.run_jobs().await;
    let told = resident.get("/me/notifications?limit=1").await.text("/items/0/id").to_owned();
    // which nobody else even sees
    calls.open(Some(&resident), "readNotification", &[&told], None, json!({})).await;
    calls.call(&resident, "readAllNotifications", &[], None, json!({})).await;
}

/// The one operation of a system without users.
async fn first_administrator(backend: Backend, called: &RefCell<BTreeSet<String>>) {
    let server = Setup::default().empty().start(backend).await;
    let code = "a code that was printed";
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, code.as_bytes()).as_ref().to_vec();
    let insert = "INSERT INTO one_time_codes (code_hash, purpose, expires_at) VALUES ($1, 'first-administrator', $2)";
    server.sql.run(insert, [hash.into(), (server.now() + TimeDelta::hours(1)).into()]).await;
    let calls = Calls::new(&server, None);
    let new = json!({"code": code, "username": "first", "password": "a-long-enough-one", "display_name": "管理员"});
    calls.open(None, "createFirstAdministrator", &[], None, new).await;
    called.borrow_mut().append(&mut calls.called.borrow_mut());
}

/// The refusals of a caller, by operation, with their counts, as they are told.
async fn told_refusals(server: &Server) -> Vec<(String, i64)> {
    let connection = server.sql.connection().await;
    let sql = "SELECT operation, data FROM events WHERE kind = 'auth.refused' AND result = 'refused' \
               AND actor_user_id IS NOT NULL ORDER BY operation";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let rows = connection.query_all_raw(statement).await.unwrap();
    let read = |row: &sea_orm::QueryResult| {
        let data: Value = row.try_get("", "data").unwrap();
        (row.try_get("", "operation").unwrap(), data["count"].as_i64().unwrap())
    };
    rows.iter().map(read).collect()
}

/// One row for caller, operation and minute, once the minute is over.
async fn refusals(server: &Server, refused: &BTreeMap<String, i64>) {
    server.run_jobs().await;
    assert_eq!(told_refusals(server).await, [], "the minute is not over");
    server.advance(TimeDelta::minutes(1));
    server.run_jobs().await;
    let told = told_refusals(server).await;
    let expected: Vec<(String, i64)> = refused.iter().map(|(line, count)| (line.clone(), *count)).collect();
    assert_eq!(told, expected);
    server.run_jobs().await;
    assert_eq!(told_refusals(server).await, expected, "a minute is told once");
}

#[rstest]
#[actix_web::test]
async fn refusals_are_counted_by_caller_operation_and_minute(#[values(Sqlite, Postgres)] backend: Backend) {
    let server = Server::start(backend).await;
    let (auditor, county) = (server.sign_in("auditor").await, server.sign_in("yushui").await);
    let id = auditor.get("/service-orders?limit=1&state=placed").await.text("/items/0/id").to_owned();
    let dispatch = format!("/service-orders/{id}/dispatch");
    let open = || json!({"open": true});
    for _ in 0..3 {
        assert_eq!(auditor.post(&dispatch, open()).await.status, 403);
    }
    assert_eq!(county.post(&dispatch, open()).await.status, 403);
    // what one may not see in full is refused as well
    assert_eq!(county.get(&format!("/service-orders/{id}")).await.text("/code"), "access-approval-required");
    // neither of these is a refusal of a right
    assert_eq!(auditor.get("/service-orders/019cdfaa-49c0-7c3e-9d41-2f6c1b7a9e10").await.status, 404);
    assert_eq!(auditor.post(&dispatch, json!({"open": 1})).await.status, 422);
    server.advance(TimeDelta::minutes(1));
    assert_eq!(auditor.post(&dispatch, open()).await.status, 403);
    server.run_jobs().await;
    let line = |method: &str, of: &str| format!("{method} /api/v1/service-orders/{{id}}{of}");
    let mut first = vec![(line("GET", ""), 1), (line("POST", "/dispatch"), 1), (line("POST", "/dispatch"), 3)];
    assert_eq!(sorted(told_refusals(&server).await), first);
    server.advance(TimeDelta::minutes(1));
    server.run_jobs().await;
    first.insert(1, (line("POST", "/dispatch"), 1));
    assert_eq!(sorted(told_refusals(&server).await), first);
    assert_eq!(server.sql.count("events WHERE kind = 'auth.login_failed'", []).await, 0);
    assert_eq!(server.log_in("worker", "not-the-password").await.status, 401);
    let failed = "events WHERE kind = 'auth.login_failed' AND result = 'failed' AND address = '127.0.0.1'";
    assert_eq!(server.sql.count(failed, []).await, 1);
}

fn sorted(mut rows: Vec<(String, i64)>) -> Vec<(String, i64)> {
    rows.sort();
    rows
}
