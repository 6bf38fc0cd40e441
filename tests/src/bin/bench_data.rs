//! Fills an empty database with a million orders, to measure how fast they are read and written:
//!
//! ```text
//! bench-data DATABASE_URL KEYS_FILE [ORDERS]
//! ```
//!
//! 600 communities in 6 counties, a compound, a person and a volunteer in each, and a million orders in them, spread
//! over two years and most states. Everything is made from numbers, so that it is the same on both databases and every
//! time. Prints one line of JSON: the id and the secret of a client of the whole region.

#![expect(clippy::panic, reason = "the data are made from numbers: what cannot be written is a fault of this program")]

use std::{env, io::Write as _, path::Path, process::ExitCode, sync::Arc};

use api::{
    keys::KeyFile,
    system::{SystemClock, SystemIds},
};
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, NaiveDate, TimeDelta};
use domain::{
    access::Scope,
    cn::{Phone, RegionCode},
    compounds::Compound,
    event::EventDraft,
    id::{CompoundId, PersonId, UserId, VolunteerId},
    identity::{Client, ClientState, User, UserState},
    orders::{Origin, ServiceKind, Volunteer, VolunteerState},
    outcome::Outcome,
    people::Person,
    places::{Organization, OrganizationKind, Region, RegionKind},
    resource::Resource,
    time::{Clock as _, Instant},
};
use harness::{debian::say, sql::Sql};
use persistence::{Database, NewClientSecret, Patience, Stamp, Stored, Tx, Vault};
use uuid::Uuid;

const SECRET: &str = "the secret of the benchmark";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, keys, rest @ ..] = &arguments[..] else {
        return Err("usage: bench-data DATABASE_URL KEYS_FILE [ORDERS]".to_owned());
    };
    let orders = rest.first().map_or(Ok(1_000_000), |text| text.parse()).map_err(|_| "ORDERS is a number")?;
    let said = |error: persistence::Error| error.to_string();
    persistence::migrate(url).await.map_err(said)?;
    let keys = KeyFile::read(Path::new(keys), true)?.keys()?;
    let database = Database::open(url, 1, Patience::OfRequests, Vault::new(&keys.vault)?, Arc::new(SystemIds))
        .await
        .map_err(said)?;
    let client = places(&database).await.map_err(said)?;
    database.close().await.map_err(said)?;
    place_orders(url, orders).await;
    let client = serde_json::json!({"client_id": client, "client_secret": SECRET});
    writeln!(std::io::stdout(), "{client}").map_err(|error| error.to_string())?;
    Ok(())
}

/// A thing of a sort, by its number.
fn id(sort: u8, number: u32) -> Uuid {
    Uuid::from_u128((0x0190_0000_0000_7000 << 64) | (0x8000 << 48) | (u128::from(sort) << 32) | u128::from(number))
}

fn made_at() -> Instant {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default()
}

/// The code of a community: province 33, 2 cities of 3 counties, each of 10 townships of 10 communities.
fn community(number: u32) -> String {
    format!("33{:02}{:02}{:03}{:03}", 1 + number / 300, 1 + number / 100 % 3, 1 + number / 10 % 10, 1 + number % 10)
}

async fn insert<T: Stored + Resource>(tx: &Tx, row: T) -> persistence::Result<T> {
    let event = row.event("bench.made");
    tx.insert(Outcome::new(row, event)).await
}

async fn places(database: &Database) -> persistence::Result<Uuid> {
    let tx = database.begin_write(Stamp::system(made_at(), "bench-data")).await?;
    let mut known = std::collections::BTreeSet::new();
    for number in 0..600 {
        let code = community(number);
        for (digits, kind) in [
            (2, RegionKind::Province),
            (4, RegionKind::City),
            (6, RegionKind::County),
            (9, RegionKind::Township),
            (12, RegionKind::Community),
        ] {
            let part = &code[..digits];
            if known.insert(part.to_owned()) {
                insert(&tx, region(part, kind)).await?;
            }
        }
    }
    let user = User {
        id: UserId(id(1, 0)),
        username: "bench".to_owned(),
        display_name: "压力测试".to_owned(),
        person_id: None,
        region_code: None,
        state: UserState::Active,
        has_long_password: true,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    let event = user.event("bench.made");
    tx.insert_user(Outcome::new(user, event), "none").await?;
    insert(&tx, kind()).await?;
    for number in 0..600 {
        settle(&tx, number).await?;
    }
    let organization = Organization {
        id: id(2, 0).into(),
        name: "热线中心".to_owned(),
        kind: OrganizationKind::GovernmentOffice,
        region_code: code("33"),
        parent_id: None,
        credit_code: None,
        formation: None,
        credit_grade: None,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    let organization = insert(&tx, organization).await?;
    let now = SystemClock.now();
    let client = Client {
        id: id(3, 0).into(),
        name: "热线".to_owned(),
        region_code: code("33"),
        organization_id: organization.id,
        scopes: Scope::ALL.to_vec(),
        expires_at: now + TimeDelta::days(300),
        state: ClientState::Active,
        requested_by: UserId(id(1, 0)),
        approved_by: None,
        deleted_at: None,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    tx.insert_client_account(&client).await?;
    let client = insert(&tx, client).await?;
    let secret_hash = digest(&SHA256, SECRET.as_bytes()).as_ref().to_vec();
    let secret = NewClientSecret { id: id(4, 0).into(), client_id: client.id, secret_hash };
    tx.insert_client_secret(&secret, now).await?;
    tx.commit().await?;
    Ok(client.id.0)
}

fn code(text: &str) -> RegionCode {
    RegionCode::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

fn region(text: &str, kind: RegionKind) -> Region {
    Region {
        code: code(text),
        name: format!("区划{text}"),
        kind,
        parent_code: code(text).ancestors().next(),
        local: false,
        successor_code: None,
        valid_from: NaiveDate::from_ymd_opt(2020, 1, 1),
        valid_until: None,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    }
}

fn kind() -> ServiceKind {
    ServiceKind {
        id: id(5, 0).into(),
        code: "tap".to_owned(),
        region_code: code("33"),
        name: "水龙头维修".to_owned(),
        skills: vec!["tap".to_owned()],
        questions: Vec::new(),
        limits: vec![domain::orders::KindLimit {
            priority: domain::orders::Priority::Normal,
            response_minutes: Some(240),
            resolution_minutes: Some(960),
            counting: domain::clocks::Counting::BusinessTime,
        }],
        active: true,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    }
}

/// Compound, person and volunteer of a community.
async fn settle(tx: &Tx, number: u32) -> persistence::Result<()> {
    let region_code = code(&community(number));
    let (id_of_compound, name) = (CompoundId(id(6, number)), format!("小区{number}"));
    let compound = Compound::new(id_of_compound, region_code.clone(), format!("c{number}"), name, made_at());
    let event: EventDraft = compound.event("bench.made");
    tx.insert(Outcome::new(compound, event)).await?;
    let phone = format!("138{:08}", number + 10_000_000);
    let person = Person {
        id: PersonId(id(7, number)),
        region_code: region_code.clone(),
        compound_id: Some(CompoundId(id(6, number))),
        name: "丁小梅".to_owned(),
        sex: None,
        birth_date: None,
        phone: Phone::parse(&phone).ok(),
        id_number: None,
        address: None,
        political_status: None,
        tags: Vec::new(),
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    insert(tx, person).await?;
    let volunteer = Volunteer {
        id: VolunteerId(id(8, number)),
        person_id: PersonId(id(7, number)),
        user_id: None,
        display_name: String::new(),
        skills: vec!["tap".to_owned()],
        region_code,
        available: true,
        origin: Origin::Citizen,
        state: VolunteerState::Approved,
        orders_done: 0,
        minutes_served: 0,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    insert(tx, volunteer).await?;
    Ok(())
}

/// Writes the orders and their counters by SQL alone: by the service it would take an hour.
async fn place_orders(url: &str, orders: u32) {
    let sql = Sql::new(url);
    let postgres = url.starts_with("postgres");
    let series = if postgres {
        format!("SELECT i::bigint AS i FROM generate_series(1, {orders}) AS i")
    } else {
        format!("WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {orders}) SELECT i FROM s")
    };
    let padded = |value: &str, digits: usize, hex: bool| match (postgres, hex) {
        (true, true) => format!("lpad(to_hex({value}), {digits}, '0')"),
        (true, false) => format!("lpad(({value})::text, {digits}, '0')"),
        (false, true) => format!("printf('%0{digits}x', {value})"),
        (false, false) => format!("printf('%0{digits}d', {value})"),
    };
    let uuid = |text: String| if postgres { format!("({text})::uuid") } else { format!("unhex({text})") };
    let thing = |sort: u8, number: &str| {
        let text = format!("'0190000000007000800000{sort:02x}' || {}", padded(number, 8, true));
        uuid(text)
    };
    let at = |seconds: &str| {
        if postgres {
            format!("to_timestamp({seconds})")
        } else {
            format!("strftime('%Y-%m-%dT%H:%M:%S.000+00:00', {seconds}, 'unixepoch')")
        }
    };
    let json = |text: &str| if postgres { format!("'{text}'::jsonb") } else { format!("'{text}'") };
    let (order, community, state) = (
        uuid(format!(
            "'01900000' || {} || '7000' || '8000' || {}",
            padded("i % 65536", 4, true),
            padded("i", 12, true)
        )),
        format!(
            "'33' || {} || {} || {} || {}",
            padded("1 + r / 300", 2, false),
            padded("1 + r / 100 % 3", 2, false),
            padded("1 + r / 10 % 10", 3, false),
            padded("1 + r % 10", 3, false)
        ),
        "CASE WHEN s < 10 THEN 'placed' WHEN s < 20 THEN 'accepted' WHEN s < 35 THEN 'in_progress' \
         WHEN s < 55 THEN 'rejected' WHEN s < 65 THEN 'cancelled' ELSE 'confirmed' END",
    );
    // none is completed: the service would confirm them by itself while it is measured
    let taken = "s >= 10 AND NOT (s >= 35 AND s < 65)";
    let text = "substr('楼道灯具损坏需要尽快安排人员上门检修，居民反映夜间出行不便，请物业公司核实情况并及时回复处理结果。\
                楼道灯具损坏需要尽快安排人员上门检修，居民反映夜间出行不便，请物业公司核实情况并及时回复处理结果。\
                楼道灯具损坏需要尽快安排人员上门检修，居民反映夜间出行不便，请物业公司核实情况并及时回复处理结果。\
                楼道灯具损坏需要尽快安排人员上门检修，居民反映夜间出行不便，请物业公司核实情况并及时回复处理结果。', CAST(1 + i % 20 AS INTEGER), 160)";
    let (placed, bytes) = (at("t"), if postgres { "'\\x00'::bytea" } else { "x'00'" });
    let (no, yes) = if postgres { ("FALSE", "TRUE") } else { ("0", "1") };
    let statement = format!(
        "INSERT INTO service_orders (id, number, region_code, kind, description, compound_id, answers, private, priority, \
         requester_id, placed_by, content_digest, state, target, target_volunteer_id, declined_by, holder_id, outcome, \
         completed_at, solved, satisfaction, confirmed_by, confirmed_at, reopened_count, joined_count, remarks, limits, \
         clocks, accepted_at, closed_at, version, created_at, updated_at) \
         SELECT {order}, '330101-20240101-' || i, {community}, 'tap', {text}, {compound}, {object}, {no}, 'normal', \
         {person}, {user}, {bytes}, {state}, CASE WHEN {taken} THEN 'volunteer' END, CASE WHEN {taken} THEN {volunteer} END, \
         {list}, CASE WHEN {taken} THEN {volunteer} END, CASE WHEN s >= 65 THEN 'solved' END, \
         NULL, CASE WHEN s >= 65 THEN {yes} END, CASE WHEN s >= 65 THEN 5 END, \
         CASE WHEN s >= 65 THEN 'resident' END, CASE WHEN s >= 65 THEN {later} END, 0, 0, {list}, {list}, {list}, \
         CASE WHEN {taken} THEN {placed} END, CASE WHEN s >= 35 THEN {later} END, 4, {placed}, {placed} \
         FROM (SELECT i, (i * 2654435761) % 4294967296 % 600 AS r, (i * 2246822519) % 4294967296 / 7 % 100 AS s, \
         1704067200 + ((i * 3266489917) % 4294967296) * 63072000 / 4294967296 AS t FROM ({series}) AS numbers) AS x",
        compound = thing(6, "r"),
        person = thing(7, "r"),
        volunteer = thing(8, "r"),
        user = thing(1, "0"),
        object = json("{}"),
        list = json("[]"),
        later = at("t + 86400"),
    );
    sql.run(&statement, []).await;
    sql.run(
        "INSERT INTO order_counters (region_code, state, orders) \
         SELECT region_code, state, count(*) FROM service_orders GROUP BY region_code, state",
        [],
    )
    .await;
    let last: &[&str] = if postgres { &["ANALYZE"] } else { &["PRAGMA optimize", "PRAGMA wal_checkpoint(TRUNCATE)"] };
    for statement in last {
        sql.run(statement, []).await;
    }
}
