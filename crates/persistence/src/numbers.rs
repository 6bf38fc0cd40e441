//! Numbers for people, drawn in blocks: each replica takes some at a time, so that nobody waits for one row.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use sea_orm::{ConnectionTrait, Statement};

use crate::{
    connect::Database,
    error::{Error, Result},
    tx::Stamp,
};

/// How many numbers a replica takes at a time. What it has not used when it stops is lost: gaps are allowed.
const BLOCK: i64 = 20;
/// Series that a replica keeps numbers of; when there are more (a new day), it forgets the old ones.
const SERIES_KEPT: usize = 10_000;

/// The numbers that this replica has taken and not yet used.
#[derive(Debug, Default)]
pub struct Numbers {
    taken: Mutex<HashMap<String, Range<i64>>>,
}

impl Numbers {
    /// The next number of a series, counted from 1.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn next(&self, database: &Database, stamp: Stamp, series: &str) -> Result<i64> {
        if let Some(number) = self.next_of_block(series) {
            return Ok(number);
        }
        let tx = database.begin_write(stamp).await?;
        let statement = Statement::from_sql_and_values(
            tx.conn.get_database_backend(),
            "INSERT INTO number_blocks (name, next) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET next = number_blocks.next + $3 RETURNING next",
            [series.into(), (BLOCK + 1).into(), BLOCK.into()],
        );
        let row = tx.conn.query_one_raw(statement).await?.ok_or(Error::NotFound)?;
        let end: i64 = row.try_get("", "next")?;
        tx.commit().await?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= SERIES_KEPT {
            taken.clear();
        }
        taken.insert(series.to_owned(), (end - BLOCK + 1)..end);
        Ok(end - BLOCK)
    }

    fn next_of_block(&self, series: &str) -> Option<i64> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).get_mut(series)?.next()
    }
}
