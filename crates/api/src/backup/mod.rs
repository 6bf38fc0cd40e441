//! `lianxin backup` and `lianxin restore`: all rows of one database in a sealed file, and from there into an empty one of
//! either kind.

mod file;
mod sealed;

use std::path::Path;

use domain::time::{Clock as _, Instant};
use indicatif::ProgressBar;
use persistence::{Database, Loading, Patience, Row, Stamp, Table};

use self::file::{Line, Mark, Reader, Sum, Summing, Writer};
use crate::{
    config::Settings,
    console::{open, say},
    keys::Keys,
    system::SystemClock,
};

/// Rows that are written by one statement.
const AT_ONCE: usize = 500;

/// What a backup holds.
struct Content {
    /// The newest step of its schema.
    schema: String,
    taken_at: Instant,
    /// Its tables, in order.
    sums: Vec<(String, Sum)>,
}

fn said(error: impl ToString) -> String {
    error.to_string()
}

/// Writes all rows as they stand now into a new file, while others go on writing.
///
/// # Errors
/// A sentence for the one who called it.
pub async fn write(database: &Database, keys: &Keys, path: &Path) -> Result<(), String> {
    let key = keys
        .backup
        .first()
        .ok_or("LIANXIN_KEYS_FILE: it has no key of backups. `lianxin admin keys rotate --class backup` makes one.")?;
    let of_file = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut writer = Writer::begin(path, key).map_err(of_file)?;
    let now = SystemClock.now();
    match write_tables(database, now, &mut writer, &of_file).await {
        Ok(sums) => {
            writer.finish().map_err(of_file)?;
            report(now, &sums)
        }
        Err(error) => {
            writer.discard();
            Err(error)
        }
    }
}

async fn write_tables(
    database: &Database,
    now: Instant,
    writer: &mut Writer,
    of_file: &impl Fn(std::io::Error) -> String,
) -> Result<Vec<(String, Sum)>, String> {
    database.record_backup(Stamp::system(now, "backup")).await.map_err(said)?;
    let snapshot = database.snapshot().await.map_err(said)?;
    let schema = Database::known_schema();
    writer.mark(&Mark::Backup { schema, taken_at: now }).map_err(of_file)?;
    let bar = ProgressBar::new(snapshot.tables.len() as u64);
    let mut sums = Vec::new();
    for table in &snapshot.tables {
        let columns = table.columns().map(str::to_owned).collect();
        writer.mark(&Mark::Table { name: table.name.clone(), columns }).map_err(of_file)?;
        let mut sum = Summing::default();
        snapshot.read(table, |row| writer.line(&sum.add(&row)?)).await.map_err(said)?;
        let sum = sum.finish();
        writer.mark(&Mark::End(sum.clone())).map_err(of_file)?;
        sums.push((table.name.clone(), sum));
        bar.inc(1);
    }
    writer.mark(&Mark::Complete { tables: snapshot.tables.len() }).map_err(of_file)?;
    bar.finish_and_clear();
    Ok(sums)
}

/// Reads a backup to its end and says what it holds.
///
/// # Errors
/// A sentence for the one who called it.
pub fn check(keys: &Keys, path: &Path) -> Result<(), String> {
    let content = read_through(keys, path)?;
    report(content.taken_at, &content.sums)
}

/// Loads a backup into an empty database and brings its schema up to date.
///
/// # Errors
/// A sentence for the one who called it; nothing was loaded then.
pub async fn restore(settings: &Settings, keys: &Keys, path: &Path) -> Result<(), String> {
    // whoever changed the file is found out before the database is touched
    let Content { schema, taken_at, sums } = read_through(keys, path)?;
    let url = &settings.database_url;
    persistence::migrate_as_far_as(url, &schema).await.map_err(said)?;
    let database = open(settings, keys, Patience::OfCommands).await?;
    let loading = database.begin_loading(Stamp::system(SystemClock.now(), "restore")).await.map_err(said)?;
    let mut reader = Reader::open(path, &keys.backup).map_err(said)?;
    let bar = ProgressBar::new(sums.iter().map(|(_, sum)| sum.rows).sum());
    loop {
        match reader.line().map_err(said)? {
            Line::Mark(Mark::Table { name, columns }) => load(&loading, &mut reader, &name, &columns, &bar).await?,
            Line::Mark(Mark::Complete { .. }) => break,
            _ => {}
        }
    }
    let ended = loading.finish().await.map_err(said)?;
    bar.finish_and_clear();
    database.close().await.map_err(said)?;
    persistence::migrate(url).await.map_err(said)?;
    report(taken_at, &sums)?;
    say(&format!("Restored. {ended} sessions were ended: everybody signs in again."))
}

/// Loads one table and reads it back.
async fn load(
    loading: &Loading,
    reader: &mut Reader,
    name: &str,
    columns: &[String],
    bar: &ProgressBar,
) -> Result<(), String> {
    let there = loading.tables.iter().find(|table| table.name == name);
    let table = there.and_then(|table| table.with_columns(columns)).ok_or(format!("there is no such table: {name}"))?;
    loading.empty(&table).await.map_err(said)?;
    let (mut given, mut rows) = (Summing::default(), Vec::with_capacity(AT_ONCE));
    loop {
        let line = reader.line().map_err(said)?;
        let is_row = matches!(line, Line::Row(_));
        if let Line::Row(row) = line {
            given.add(&table.plain(row.clone())).map_err(said)?;
            rows.push(row);
        }
        if rows.len() == AT_ONCE || !is_row {
            bar.inc(rows.len() as u64);
            add(loading, &table, &mut rows).await?;
        }
        if !is_row {
            break;
        }
    }
    let mut found = Summing::default();
    loading.read(&table, |row| found.add(&table.plain(row)).map(drop)).await.map_err(said)?;
    if found.finish() == given.finish() { Ok(()) } else { Err(format!("{name}: its rows did not arrive as they are")) }
}

async fn add(loading: &Loading, table: &Table, rows: &mut Vec<Row>) -> Result<(), String> {
    if !rows.is_empty() {
        loading.add(table, rows).await.map_err(|error| format!("{}: {error}", table.name))?;
        rows.clear();
    }
    Ok(())
}

/// Reads a file to its end.
fn read_through(keys: &Keys, path: &Path) -> Result<Content, String> {
    let of_file = |error: std::io::Error| format!("{}: {error}", path.display());
    let disorder = || format!("{}: its lines are not those of a backup", path.display());
    let mut reader = Reader::open(path, &keys.backup).map_err(of_file)?;
    let Line::Mark(Mark::Backup { schema, taken_at }) = reader.line().map_err(of_file)? else {
        return Err(disorder());
    };
    let mut sums = Vec::new();
    let mut open: Option<(String, Summing)> = None;
    loop {
        match (reader.line().map_err(of_file)?, open.take()) {
            (Line::Mark(Mark::Table { name, .. }), None) => open = Some((name, Summing::default())),
            (Line::Row(row), Some((name, mut sum))) => {
                sum.add(&row).map_err(of_file)?;
                open = Some((name, sum));
            }
            (Line::Mark(Mark::End(told)), Some((name, sum))) => {
                let sum = sum.finish();
                if sum != told {
                    return Err(format!("{}: the rows of {name} are not those that were written", path.display()));
                }
                sums.push((name, sum));
            }
            (Line::Mark(Mark::Complete { tables }), None) if tables == sums.len() => {
                return Ok(Content { schema, taken_at, sums });
            }
            _ => return Err(disorder()),
        }
    }
}

fn report(taken_at: Instant, sums: &[(String, Sum)]) -> Result<(), String> {
    for (name, Sum { rows, sha256 }) in sums {
        say(&format!("{name:<24} {rows:>10}  {sha256}"))?;
    }
    let rows: u64 = sums.iter().map(|(_, sum)| sum.rows).sum();
    say(&format!("{rows} rows as of {}", taken_at.to_rfc3339()))
}
