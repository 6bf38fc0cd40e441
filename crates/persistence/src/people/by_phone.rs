//! Persons by their telephone numbers, those who are looked up at the same time by one statement.

use std::sync::Arc;

use domain::{
    cn::{Phone, RegionCode},
    people::Person,
};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, FromQueryResult, Statement, Value};

use super::{
    entity::person,
    persons::{PHONE, Persons, person_of},
};
use crate::{
    connect::Reader,
    error::Result,
    gather::{Answer, Gather},
    many, scope,
};

/// Those who look persons up, on one thread.
#[derive(Clone, Default)]
pub(crate) struct PersonsByPhone(Arc<Gather<Called, Option<Box<person::Model>>>>);

/// Who is looked up: the blind index of his number as hexadecimal digits, the first code of the community, the first one after
/// it, and his name.
type Called = [String; 4];

impl Persons<'_, Reader> {
    /// The person of a community whose telephone number this is, for an order placed on his behalf: the caller
    /// learns nothing that he did not type. With several of one number the name decides, then the oldest row.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn by_phone(&self, community: &RegionCode, phone: &Phone, name: &str) -> Result<Option<Person>> {
        let index = self.0.vault.blind_index(PHONE, phone.e164());
        let called = [many::hex(&index), community.to_string(), scope::end(community), name.to_owned()];
        let row = self.0.conn.ask(&self.0.conn.single().persons_by_phone.0, called, all).await?;
        row.map(|row| person_of(self.0.vault, *row)).transpose()
    }
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    person: person::Model,
    place: i64,
}

async fn all(
    reader: Reader,
    called: Vec<Called>,
) -> std::result::Result<Vec<Answer<Option<Box<person::Model>>>>, DbErr> {
    let backend = reader.get_database_backend();
    let mut answers: Vec<_> = called.iter().map(|_| Ok(None)).collect();
    let statement = Statement::from_sql_and_values(backend, statement(backend), values(backend, &called));
    for Row { person, place } in Row::find_by_statement(statement).all(&reader).await? {
        if let Some(answer) = usize::try_from(place).ok().and_then(|place| answers.get_mut(place)) {
            *answer = Ok(Some(Box::new(person)));
        }
    }
    Ok(answers)
}

fn statement(backend: DbBackend) -> String {
    // PostgreSQL counts from one, SQLite from nought
    let (place, index, called) = match backend {
        DbBackend::Postgres => (
            "called.place - 1",
            "decode(called.number, 'hex')",
            "unnest(CAST($1 AS text[]), CAST($2 AS text[]), CAST($3 AS text[]), CAST($4 AS text[])) \
             WITH ORDINALITY AS called (number, first, after, name, place)",
        ),
        _ => (
            "called.place",
            "unhex(called.number)",
            "(SELECT key AS place, value ->> 0 AS number, value ->> 1 AS first, value ->> 2 AS after, \
             value ->> 3 AS name FROM json_each($1)) AS called",
        ),
    };
    let first = |of_name: &str| {
        format!(
            "(SELECT p.id FROM persons p WHERE p.phone_index = {index} AND p.region_code >= called.first \
             AND p.region_code < called.after {of_name} ORDER BY p.id LIMIT 1)"
        )
    };
    format!(
        "SELECT persons.*, {place} AS place FROM {called} JOIN persons ON persons.id = COALESCE({}, {})",
        first("AND p.name = called.name"),
        first("")
    )
}

fn values(backend: DbBackend, called: &[Called]) -> Vec<Value> {
    if backend != DbBackend::Postgres {
        return vec![serde_json::json!(called).to_string().into()];
    }
    let mut columns: [Vec<&str>; 4] = Default::default();
    for one in called {
        for (column, text) in columns.iter_mut().zip(one) {
            column.push(text);
        }
    }
    columns.map(many::texts).into()
}
