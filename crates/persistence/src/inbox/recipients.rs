//! Who the people are whom an event concerns.

use std::collections::HashMap;

use domain::{
    id::UserId,
    inbox::{Audience, Office},
    time::Instant,
};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::error::Result;

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

impl<'a, C: ConnectionTrait> Recipients<'a, C> {
    pub fn new(conn: &'a C, now: Instant) -> Self {
        Self { conn, now, known: HashMap::new() }
    }

    /// The accounts of an audience. Whoever cannot sign in is left out.
    pub async fn of(&mut self, audience: &Audience) -> Result<Vec<UserId>> {
        if let Some(known) = self.known.get(audience) {
            return Ok(known.clone());
        }
        let (from, values) = self.query(audience);
        let sql = format!("SELECT DISTINCT u.id FROM users u {from} AND u.state = 'active' ORDER BY u.id");
        let statement = Statement::from_sql_and_values(self.conn.get_database_backend(), sql, values);
        let rows = Row::find_by_statement(statement).all(self.conn).await?;
        let users: Vec<UserId> = rows.into_iter().map(|row| row.id.into()).collect();
        self.known.insert(audience.clone(), users.clone());
        Ok(users)
    }

    fn query(&self, audience: &Audience) -> (&'static str, Vec<Value>) {
        match audience {
            Audience::User(id) => ("WHERE u.id = $1", vec![id.0.into()]),
            Audience::Person(id) => ("WHERE u.person_id = $1", vec![id.0.into()]),
            Audience::Volunteer(id) => {
                ("JOIN volunteers v ON v.person_id = u.person_id WHERE v.id = $1", vec![id.0.into()])
            }
            Audience::Team(id) => (
                "JOIN volunteers v ON v.person_id = u.person_id AND v.state = 'approved' \
                 JOIN volunteer_team_members m ON m.volunteer_id = v.id AND m.left_at IS NULL WHERE m.team_id = $1",
                vec![id.0.into()],
            ),
            Audience::Requester(id) => {
                ("JOIN service_orders o ON o.requester_id = u.person_id WHERE o.id = $1", vec![id.0.into()])
            }
            Audience::Hands(id) => (
                "JOIN volunteers v ON v.person_id = u.person_id \
                 JOIN service_orders o ON v.id = coalesce(o.holder_id, o.target_volunteer_id) WHERE o.id = $1",
                vec![id.0.into()],
            ),
            Audience::Office(office, region) => (
                "JOIN grants g ON g.user_id = u.id WHERE g.place = 'region' AND g.region_code = $1 AND g.role = $2 \
                 AND g.pending = FALSE AND g.revoked_at IS NULL AND g.valid_from <= $3 \
                 AND (g.valid_until IS NULL OR g.valid_until > $3)",
                vec![region.as_str().into(), role_of(*office).into(), self.now.into()],
            ),
        }
    }
}

fn role_of(office: Office) -> &'static str {
    match office {
        Office::Community => domain::access::Role::CommunityWorker.name(),
        Office::Township => domain::access::Role::Official.name(),
    }
}
