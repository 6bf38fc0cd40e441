//! The four operations on an embedded SQLite file (WAL, synchronous=FULL).

use crate::{write_order, write_stat, ListQuery, NewOrder, Order, StatsQuery, PAGE};
use rusqlite::{params, Connection, OptionalExtension, Result, Row};
use uuid::Uuid;

pub const SCHEMA: &str = "
CREATE TABLE service_orders (
  id BLOB PRIMARY KEY, region_code TEXT NOT NULL, compound_id BLOB NOT NULL, category TEXT NOT NULL,
  status TEXT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL, reporter_id BLOB NOT NULL,
  assignee_id BLOB, priority INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) STRICT;";
pub const INDEX: &str =
    "CREATE INDEX service_orders_list ON service_orders (region_code, status, created_at DESC, id DESC); ANALYZE;";

const COLUMNS: &str = "id, region_code, compound_id, category, status, title, description, \
                       reporter_id, assignee_id, priority, created_at, updated_at";

pub fn open(path: &str) -> Result<Connection> {
    let c = Connection::open(path)?;
    c.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;
         PRAGMA cache_size=-65536; PRAGMA mmap_size=2147483648;",
    )?;
    Ok(c)
}

fn uuid(row: &Row, i: usize) -> Result<Uuid> {
    Ok(Uuid::from_bytes(row.get::<_, [u8; 16]>(i)?))
}

fn write_row(out: &mut Vec<u8>, row: &Row) -> Result<()> {
    let order = Order {
        id: uuid(row, 0)?,
        region_code: row.get_ref(1)?.as_str()?,
        compound_id: uuid(row, 2)?,
        category: row.get_ref(3)?.as_str()?,
        status: row.get_ref(4)?.as_str()?,
        title: row.get_ref(5)?.as_str()?,
        description: row.get_ref(6)?.as_str()?,
        reporter_id: uuid(row, 7)?,
        assignee_id: row.get::<_, Option<[u8; 16]>>(8)?.map(Uuid::from_bytes),
        priority: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
    };
    write_order(out, &order);
    Ok(())
}

/// False where there is no such order.
pub fn get(c: &Connection, id: &Uuid, out: &mut Vec<u8>) -> Result<bool> {
    let mut s = c.prepare_cached(&format!("SELECT {COLUMNS} FROM service_orders WHERE id = ?1"))?;
    let found = s.query_row([id.as_bytes()], |row| write_row(out, row)).optional()?;
    Ok(found.is_some())
}

pub fn list(c: &Connection, q: &ListQuery, out: &mut Vec<u8>) -> Result<()> {
    let mut s = c.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM service_orders WHERE region_code = ?1 AND status = ?2
         AND (created_at, id) < (?3, ?4) ORDER BY created_at DESC, id DESC LIMIT ?5"
    ))?;
    let (time, id) = q.position();
    let mut rows = s.query(params![q.region, q.status, time, id.as_bytes(), PAGE])?;
    out.push(b'[');
    while let Some(row) = rows.next()? {
        if out.len() > 1 {
            out.push(b',');
        }
        write_row(out, row)?;
    }
    out.push(b']');
    Ok(())
}

pub fn insert(c: &Connection, o: &Order) -> Result<()> {
    let mut s = c.prepare_cached(&format!(
        "INSERT INTO service_orders ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)"
    ))?;
    s.execute(params![
        o.id.as_bytes(), o.region_code, o.compound_id.as_bytes(), o.category, o.status, o.title, o.description,
        o.reporter_id.as_bytes(), o.assignee_id.map(Uuid::into_bytes), o.priority, o.created_at, o.updated_at
    ])?;
    Ok(())
}

pub fn create(c: &Connection, new: &NewOrder, out: &mut Vec<u8>) -> Result<()> {
    let order = new.order();
    insert(c, &order)?;
    write_order(out, &order);
    Ok(())
}

pub fn stats(c: &Connection, q: &StatsQuery, out: &mut Vec<u8>) -> Result<()> {
    let mut s = c.prepare_cached(
        "SELECT region_code, status, count(*) FROM service_orders
         WHERE region_code >= ?1 AND region_code < ?2 GROUP BY region_code, status",
    )?;
    let (low, high) = q.range();
    let mut rows = s.query(params![low, high])?;
    out.push(b'[');
    while let Some(row) = rows.next()? {
        write_stat(out, row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?, row.get(2)?);
    }
    out.push(b']');
    Ok(())
}
