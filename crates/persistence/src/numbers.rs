//! Numbers for people, drawn in blocks: each replica takes some at a time, so that nobody waits for one row.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, PoisonError},
};

use sea_orm::{ConnectionTrait, Statement};
use tokio::sync::Mutex;

use crate::{
    connect::Database,
    error::{Error, Result},
    tx::Stamp,
};

/// How many numbers a replica takes at a time. What it has not used when it stops is lost: gaps are allowed.
const BLOCK: i64 = 100;
/// Series that a replica keeps numbers of; when there are more (a new day), it forgets the old ones.
const SERIES_KEPT: usize = 10_000;

/// The numbers of a series that were taken and not yet used. Who finds none takes the next ones, and whoever else comes
/// meanwhile waits for him.
type Block = Arc<Mutex<Range<i64>>>;

/// The numbers that this replica has taken and not yet used.
#[derive(Debug, Default)]
pub struct Numbers {
    series: std::sync::Mutex<HashMap<String, Block>>,
}

impl Numbers {
    /// The next number of a series, counted from 1.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn next(&self, database: &Database, stamp: Stamp, series: &str) -> Result<i64> {
        let block = self.block(series);
        database.before_long(draw(&block, database, stamp, series)).await?
    }

    fn block(&self, series: &str) -> Block {
        let mut known = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = known.get(series) {
            return Arc::clone(block);
        }
        if known.len() >= SERIES_KEPT {
            known.clear();
        }
        Arc::clone(known.entry(series.to_owned()).or_insert_with(|| Arc::new(Mutex::new(0..0))))
    }
}

/// The next number of a block, or the first of the next one.
async fn draw(block: &Block, database: &Database, stamp: Stamp, series: &str) -> Result<i64> {
    let mut block = block.lock().await;
    if let Some(number) = block.next() {
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
    *block = (end - BLOCK + 1)..end;
    Ok(end - BLOCK)
}
