//! Where sealed values stand, under which keys, and how they are sealed again when other keys came into use.
//!
//! A value that is sealed again is the same value: neither version nor time of the row changes, and there is no event.

use std::{collections::BTreeMap, time::Duration};

use domain::id::KeyId;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    connect::Database,
    error::{Error, Result},
    tx::{Stamp, Tx},
    vault::{Cell, Class, Vault},
};

/// A table with sealed values. The value of `phone` stands in `phone_sealed`.
#[derive(Debug, Clone, Copy)]
pub struct SealedTable {
    /// Its name.
    pub name: &'static str,
    /// The first column of its key.
    id: &'static str,
    /// The other ones, which are texts.
    more: &'static [&'static str],
    /// What is sealed, and of which class.
    pub columns: &'static [(&'static str, Class)],
}

const fn table(name: &'static str, columns: &'static [(&'static str, Class)]) -> SealedTable {
    SealedTable { name, id: "id", more: &[], columns }
}

/// All of them. A value that is not listed here cannot be sealed.
pub const SEALED: &[SealedTable] = &[
    table("persons", &[("phone", Class::Personal), ("id_number", Class::Sensitive), ("address", Class::Personal)]),
    table("households", &[("address", Class::Personal)]),
    table("service_orders", &[("address", Class::Personal), ("point", Class::Sensitive)]),
    table("second_factors", &[("secret", Class::Sensitive)]),
    SealedTable { id: "event_id", ..table("access_notes", &[("note", Class::Personal)]) },
    SealedTable {
        id: "user_id",
        more: &["operation", "idempotency_key"],
        ..table("idempotency_keys", &[("body", Class::Personal)])
    },
];

/// Whether a value of this class may stand there.
pub(crate) fn is_listed(table: &str, column: &str, class: Class) -> bool {
    let columns = SEALED.iter().filter(|known| known.name == table).flat_map(|known| known.columns);
    columns.into_iter().any(|known| *known == (column, class))
}

/// How many values are sealed under a key, by class and id of the key.
pub type SealedCounts = BTreeMap<(Class, String), u64>;

/// What became of values that were to be sealed again.
#[derive(Debug, Default)]
pub struct SealedAgain {
    /// So many were.
    pub done: u64,
    /// So many were changed by somebody else meanwhile, or held by him.
    pub missed: u64,
    /// So many do not open: they were changed past the service.
    pub broken: u64,
    /// The first of those.
    pub first_broken: Option<Error>,
}

/// Rows that are counted at once.
const COUNTED_AT_ONCE: u64 = 2_000;
/// Rows that are looked through at once; what is found among them is sealed again in one transaction.
const SEALED_AT_ONCE: u64 = 100;
/// How often a transaction that the database has no room for is tried, and after what time.
const TRIES: u32 = 20;
const NEXT_TRY: Duration = Duration::from_millis(250);

/// A row: its key and what was asked of each sealed column.
struct Line {
    id: Uuid,
    more: Vec<String>,
    sealed: Vec<Option<String>>,
}

/// A value, and what is to stand in its place.
struct Change {
    column: &'static str,
    id: Uuid,
    more: Vec<String>,
    old: String,
    new: String,
}

impl Line {
    /// Before all lines.
    fn none(table: &SealedTable) -> Self {
        Self { id: Uuid::nil(), more: table.more.iter().map(|_| String::new()).collect(), sealed: Vec::new() }
    }

    fn read(table: &SealedTable, row: &QueryResult) -> Result<Self> {
        let more = 1 + table.more.len();
        Ok(Self {
            id: row.try_get_by_index(0)?,
            more: (1..more).map(|at| row.try_get_by_index(at)).collect::<std::result::Result<_, _>>()?,
            sealed: (0..table.columns.len())
                .map(|at| row.try_get_by_index(more + at))
                .collect::<std::result::Result<_, _>>()?,
        })
    }

    /// How the row is named where a value is sealed.
    fn name(&self) -> String {
        [&[self.id.to_string()], self.more.as_slice()].concat().join("/")
    }
}

fn key_values(id: Uuid, more: &[String]) -> impl Iterator<Item = Value> {
    [id.into()].into_iter().chain(more.iter().map(|text| text.clone().into()))
}

impl SealedTable {
    /// The columns of its key.
    fn key(&self) -> String {
        [&[self.id], self.more].concat().join(", ")
    }

    /// Placeholders for its key, from a number on.
    fn placeholders(&self, from: usize) -> String {
        (from..=from + self.more.len()).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
    }

    /// The next rows after one, with an expression in place of each sealed column.
    async fn after<C: ConnectionTrait>(
        &self,
        conn: &C,
        last: &Line,
        expressions: &[String],
        limit: u64,
    ) -> Result<Vec<Line>> {
        let Self { name, .. } = self;
        let (key, from, expressions) = (self.key(), self.placeholders(1), expressions.join(", "));
        let sql =
            format!("SELECT {key}, {expressions} FROM {name} WHERE ({key}) > ({from}) ORDER BY {key} LIMIT {limit}");
        let values = key_values(last.id, &last.more);
        let rows = conn.query_all_raw(Statement::from_sql_and_values(conn.get_database_backend(), sql, values)).await?;
        rows.iter().map(|row| Line::read(self, row)).collect()
    }

    /// What is to be written for the values of some rows.
    fn changes(&self, vault: &Vault, lines: &[Line], became: &mut SealedAgain) -> Vec<Change> {
        let mut changes = Vec::new();
        for line in lines {
            let row = line.name();
            for ((column, class), sealed) in self.columns.iter().zip(&line.sealed) {
                let Some(old) = sealed else { continue };
                let cell = Cell { table: self.name, column, row: &row };
                match vault.open(*class, cell, old).and_then(|plain| vault.seal(*class, cell, &plain)) {
                    Ok(new) => {
                        changes.push(Change { column, id: line.id, more: line.more.clone(), old: old.clone(), new });
                    }
                    Err(error) => {
                        became.broken += 1;
                        became.first_broken.get_or_insert(error);
                    }
                }
            }
        }
        changes
    }
}

impl Tx {
    /// Puts another value in place of a sealed one that is still there; `false` if it is not, or if somebody holds the row:
    /// whoever serves is not kept waiting.
    async fn replace_sealed(&self, table: &SealedTable, change: &Change) -> Result<bool> {
        let Change { column, id, more, old, new } = change;
        let (name, key, at) = (table.name, table.key(), table.placeholders(3));
        let backend = self.conn.get_database_backend();
        // SQLite has one writer at a time and knows no such clause
        let free = if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        let unchanged = format!("{column}_sealed = $2");
        let sql = format!(
            "UPDATE {name} SET {column}_sealed = $1 WHERE ({key}) IN \
             (SELECT {key} FROM {name} WHERE ({key}) = ({at}) AND {unchanged}{free})"
        );
        let values = [new.into(), old.into()].into_iter().chain(key_values(*id, more));
        let done = self.conn.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok(done.rows_affected() == 1)
    }
}

impl Database {
    /// How many values are sealed under each key.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn count_sealed(&self) -> Result<SealedCounts> {
        let mut counts = SealedCounts::new();
        for table in SEALED {
            // the id of a key and what ends it
            let id = |(column, _): &(&str, Class)| format!("substr({column}_sealed, 1, 33)");
            let ids: Vec<String> = table.columns.iter().map(id).collect();
            let mut last = Line::none(table);
            loop {
                let lines = table.after(self.connection(), &last, &ids, COUNTED_AT_ONCE).await?;
                for ((_, class), sealed) in lines.iter().flat_map(|line| table.columns.iter().zip(&line.sealed)) {
                    let Some(sealed) = sealed else { continue };
                    // what was put there past the service is not told
                    let key = sealed.split_once('.').and_then(|(id, _)| KeyId::try_from(id.to_owned()).ok());
                    *counts.entry((*class, key.map_or_else(String::new, String::from))).or_default() += 1;
                }
                let Some(line) = lines.into_iter().next_back() else { break };
                last = line;
            }
        }
        Ok(counts)
    }

    /// Seals again, under the keys in use, all values that are sealed under others. `progress` is told of each that is done.
    /// It can be cut off at any point, and done twice at once.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn seal_again(&self, stamp: &Stamp, progress: &dyn Fn(u64)) -> Result<SealedAgain> {
        let mut became = SealedAgain::default();
        for table in SEALED {
            let other = |(column, class): &(&str, Class)| {
                let prefix = self.vault().prefix(*class);
                let length = prefix.len();
                format!("CASE WHEN substr({column}_sealed, 1, {length}) <> '{prefix}' THEN {column}_sealed END")
            };
            let others: Vec<String> = table.columns.iter().map(other).collect();
            let mut last = Line::none(table);
            loop {
                let lines = table.after(self.connection(), &last, &others, SEALED_AT_ONCE).await?;
                let changes = table.changes(self.vault(), &lines, &mut became);
                self.replace_all_sealed(stamp, table, &changes, &mut became).await?;
                progress(became.done);
                let Some(line) = lines.into_iter().next_back() else { break };
                last = line;
            }
        }
        Ok(became)
    }

    async fn replace_all_sealed(
        &self,
        stamp: &Stamp,
        table: &SealedTable,
        changes: &[Change],
        became: &mut SealedAgain,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let mut tries = 1;
        let done = loop {
            match self.try_to_replace(stamp, table, changes).await {
                Err(Error::Unavailable(_)) if tries < TRIES => sleep(NEXT_TRY).await,
                done => break done?,
            }
            tries += 1;
        };
        became.done += done;
        became.missed += changes.len() as u64 - done;
        // others write, too
        sleep(begun.elapsed()).await;
        Ok(())
    }

    async fn try_to_replace(&self, stamp: &Stamp, table: &SealedTable, changes: &[Change]) -> Result<u64> {
        let tx = self.begin_write(stamp.clone()).await?;
        let mut done = 0;
        for change in changes {
            done += u64::from(tx.replace_sealed(table, change).await?);
        }
        tx.commit().await?;
        Ok(done)
    }
}
