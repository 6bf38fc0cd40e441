//! Who the people are whom an event concerns.

use std::collections::{BTreeSet, HashMap};

use domain::{
    cn::RegionCode,
    id::UserId,
    inbox::{Audience, Office},
    time::Instant,
};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use uuid::Uuid;

use crate::{error::Result, many, rows::word};

/// Looks up the accounts of audiences, each audience once.
pub(super) struct Recipients<'a, C> {
    conn: &'a C,
    now: Instant,
    known: HashMap<Audience, Vec<UserId>>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct OfficeRow {
    id: Uuid,
    region_code: String,
}

impl<'a, C: ConnectionTrait> Recipients<'a, C> {
    pub fn new(conn: &'a C, now: Instant) -> Self {
        Self { conn, now, known: HashMap::new() }
    }

    /// Looks the offices among some audiences up together: there may be as many as events.
    pub async fn look_up(&mut self, audiences: impl IntoIterator<Item = Audience>) -> Result<()> {
        let mut regions: HashMap<Office, BTreeSet<RegionCode>> = HashMap::new();
        for audience in audiences {
            if let Audience::Office(office, region) = &audience {
                regions.entry(*office).or_default().insert(region.clone());
                self.known.insert(audience, Vec::new());
            }
        }
        let backend = self.conn.get_database_backend();
        for (office, regions) in regions {
            let sql = format!(
                "SELECT DISTINCT u.id, g.region_code FROM users u {OFFICES} AND {} AND u.state = 'active' ORDER BY u.id",
                many::is_one_of_codes(backend, "g.region_code", 3)
            );
            let values = [role_of(office).into(), self.now.into(), many::codes(backend, &regions)];
            let statement = Statement::from_sql_and_values(backend, sql, values);
            for OfficeRow { id, region_code } in OfficeRow::find_by_statement(statement).all(self.conn).await? {
                let region = word(RegionCode::parse(&region_code).ok(), "grants", "region_code", &region_code)?;
                self.known.entry(Audience::Office(office, region)).or_default().push(id.into());
            }
        }
        Ok(())
    }

    /// The accounts of an audience. Whoever cannot sign in is left out.
    pub async fn of(&mut self, audience: &Audience) -> Result<Vec<UserId>> {
        if let Some(known) = self.known.get(audience) {
            return Ok(known.clone());
        }
        let Some((from, id)) = query(audience) else {
            self.look_up([audience.clone()]).await?;
            return Ok(self.known.get(audience).cloned().unwrap_or_default());
        };
        let sql = format!("SELECT DISTINCT u.id FROM users u {from} AND u.state = 'active' ORDER BY u.id");
        let statement = Statement::from_sql_and_values(self.conn.get_database_backend(), sql, [id.into()]);
        let rows = Row::find_by_statement(statement).all(self.conn).await?;
        let users: Vec<UserId> = rows.into_iter().map(|row| row.id.into()).collect();
        self.known.insert(audience.clone(), users.clone());
        Ok(users)
    }
}

/// How the accounts of an audience are found that is not an office.
fn query(audience: &Audience) -> Option<(&'static str, Uuid)> {
    Some(match audience {
        Audience::User(id) => ("WHERE u.id = $1", id.0),
        Audience::Person(id) => ("WHERE u.person_id = $1", id.0),
        Audience::Volunteer(id) => ("JOIN volunteers v ON v.person_id = u.person_id WHERE v.id = $1", id.0),
        Audience::Team(id) => (
            "JOIN volunteers v ON v.person_id = u.person_id AND v.state = 'approved' \
             JOIN volunteer_team_members m ON m.volunteer_id = v.id AND m.left_at IS NULL WHERE m.team_id = $1",
            id.0,
        ),
        Audience::Requester(id) => ("JOIN service_orders o ON o.requester_id = u.person_id WHERE o.id = $1", id.0),
        Audience::Hands(id) => (
            "JOIN volunteers v ON v.person_id = u.person_id \
             JOIN service_orders o ON v.id = coalesce(o.holder_id, o.target_volunteer_id) WHERE o.id = $1",
            id.0,
        ),
        Audience::Office(..) => return None,
    })
}

/// Those who hold an office somewhere now.
const OFFICES: &str = "JOIN grants g ON g.user_id = u.id WHERE g.place = 'region' AND g.role = $1 \
                       AND g.pending = FALSE AND g.revoked_at IS NULL AND g.valid_from <= $2 \
                       AND (g.valid_until IS NULL OR g.valid_until > $2)";

fn role_of(office: Office) -> &'static str {
    match office {
        Office::Community => domain::access::Role::CommunityWorker.name(),
        Office::Township => domain::access::Role::Official.name(),
    }
}
