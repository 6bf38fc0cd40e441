//! `lianxin admin keys`: which keys there are, new ones in the place of old ones, and the end of those.

use std::{collections::BTreeSet, path::Path, time::Duration};

use clap::{Subcommand, ValueEnum};
use domain::{
    access::ResourceKind,
    event::{Datum, EventDraft, Subject},
    id::{IdSource as _, KeyId},
    time::{Clock as _, Instant},
};
use persistence::{Database, Error, SealedAgain, SealedCounts, Stamp};

use super::{
    KeyFile, PUBLIC_KEYS_KEPT,
    held::Held,
    rotation::{KeyClass, Rotation, Standing},
};
use crate::{
    console::say,
    system::{SystemClock, SystemIds},
};

/// For so many seconds a new file of keys is left to the replicas, and the new public keys to those who keep them.
const WAIT: u64 = 90;
/// Less is not enough for a replica that has much to do.
const SHORTEST_WAIT: u64 = 2;
/// How often values are looked for that somebody sealed under a former key meanwhile.
const ROUNDS: u32 = 10;

const _: () = assert!(PUBLIC_KEYS_KEPT + SHORTEST_WAIT < WAIT);

/// What can be done to keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Make the file (LIANXIN_KEYS_FILE) where there is none
    Init,
    /// Show what keys there are and how many values each has sealed; never a key itself
    List,
    /// Make new keys and use them: replicas learn them, then they sign and seal, then all values are sealed again
    ///
    /// It can be cut off at any point; started again it goes on. Former keys stay until `retire`.
    Rotate {
        /// Which keys
        #[arg(long, value_enum, default_value = "all")]
        class: Which,
        /// Seconds within which every replica has read a new file of keys
        ///
        /// They look at it every second. It takes longer where something else brings the file to them. Others may keep our
        /// public keys for a minute, so a shorter wait makes them refuse new tokens for a while.
        #[arg(long, default_value_t = WAIT, value_parser = clap::value_parser!(u64).range(SHORTEST_WAIT..=86_400))]
        wait: u64,
    },
    /// Remove former keys that nothing is sealed with and that no living token was signed with
    Retire,
}

/// The keys of one class or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// Those that sign access tokens.
    Signing,
    /// Those that seal personal values.
    Personal,
    /// Those that seal sensitive values.
    Sensitive,
    /// Those that seal backups.
    Backup,
    /// All of these.
    All,
}

impl Which {
    fn classes(self) -> Vec<KeyClass> {
        match self {
            Self::Signing => vec![KeyClass::Signing],
            Self::Personal => vec![KeyClass::Personal],
            Self::Sensitive => vec![KeyClass::Sensitive],
            Self::Backup => vec![KeyClass::Backup],
            Self::All => KeyClass::ALL.to_vec(),
        }
    }
}

/// Runs one of them on this file and this database.
///
/// # Errors
/// A sentence for the one who called it.
pub async fn run(command: KeysCommand, path: &Path, database: &Database) -> Result<(), String> {
    match command {
        KeysCommand::Init => init(path),
        KeysCommand::List => list(path, database).await,
        KeysCommand::Rotate { class, wait } => rotate(path, database, class, Duration::from_secs(wait)).await,
        KeysCommand::Retire => retire(path, database).await,
    }
}

/// Makes the file, which needs no database.
///
/// # Errors
/// If there is one already, or it cannot be written.
pub fn init(path: &Path) -> Result<(), String> {
    KeyFile::make(path)?;
    say(&format!("Made {}. Keep a copy elsewhere: without it nobody reads what is sealed.", path.display()))
}

fn said(error: Error) -> String {
    error.to_string()
}

fn sealed_with(counts: &SealedCounts, class: KeyClass, id: &str) -> Option<u64> {
    class.seals().map(|class| counts.get(&(class, id.to_owned())).copied().unwrap_or_default())
}

async fn list(path: &Path, database: &Database) -> Result<(), String> {
    let file = KeyFile::read(path, false)?;
    let counts = database.count_sealed().await.map_err(said)?;
    say(&format!("{:<10} {:<32} {:<8} sealed values", "class", "id", "standing"))?;
    for class in KeyClass::ALL {
        let mut ids: Vec<(String, &str)> = Vec::new();
        for (id, standing) in file.standing(class) {
            let standing = match standing {
                Standing::InUse => "in use",
                Standing::Waits => "waits",
                Standing::Former => "former",
            };
            ids.push((id.to_string(), standing));
        }
        let known: BTreeSet<String> = ids.iter().map(|(id, _)| id.clone()).collect();
        let of_class = counts.keys().filter(|(of, _)| class.seals() == Some(*of)).map(|(_, id)| id);
        ids.extend(of_class.filter(|id| !known.contains(*id)).map(|id| (id.clone(), "missing")));
        for (id, standing) in ids {
            let sealed = sealed_with(&counts, class, &id).map_or_else(|| "-".to_owned(), |count| count.to_string());
            say(&format!("{:<10} {id:<32} {standing:<8} {sealed}", class.name()))?;
        }
    }
    Ok(())
}

async fn rotate(path: &Path, database: &Database, which: Which, wait: Duration) -> Result<(), String> {
    let held = Held::take(path)?;
    let mut file = held.read()?;
    if let Some(Rotation { begun_at, .. }) = file.unfinished() {
        say(&format!("A rotation that was begun at {} has not ended: it goes on.", told(*begun_at)))?;
    } else {
        file.begin_rotation(&which.classes(), SystemIds.next(), SystemClock.now())?;
        held.replace(&file)?;
    }
    let seconds = wait.as_secs();
    let mut used = file.clone();
    if used.put_in_use() {
        say(&format!("The new keys are there. In {seconds} s all replicas know them …"))?;
        tokio::time::sleep(wait).await;
        held.replace(&used)?;
        file = used;
    }
    say(&format!("They sign and seal. In {seconds} s no replica uses former ones any more …"))?;
    tokio::time::sleep(wait).await;
    database.vault().replace(&file.keys()?.vault)?;
    let became = seal_again(database, &file).await?;
    record_rotation(database, &file, &became).await?;
    file.end(SystemClock.now());
    held.replace(&file)?;
    say(&format!("Rotated; {} values were sealed again.", became.done))?;
    if let Some(from) = file.former_may_go_from() {
        say(&format!("`lianxin admin keys retire` removes the former keys, from {} on.", told(from)))?;
    }
    match became.first_broken {
        None => Ok(()),
        Some(first) => Err(format!("{} values do not open and stay as they are; the first: {first}", became.broken)),
    }
}

/// A time as people of the place read it.
fn told(at: Instant) -> String {
    at.with_timezone(&chrono_tz::Asia::Shanghai).format("%F %T %:z").to_string()
}

/// Seals again until nothing is left that is sealed under former keys, or only what does not open.
async fn seal_again(database: &Database, file: &KeyFile) -> Result<SealedAgain, String> {
    let counts = database.count_sealed().await.map_err(said)?;
    let in_use = |class: &KeyClass| file.standing(*class).first().map(|(id, _)| id.to_string());
    let current: BTreeSet<String> = KeyClass::ALL.iter().filter_map(in_use).collect();
    let others = counts.iter().filter(|((_, id), _)| !current.contains(id)).map(|(_, count)| count).sum();
    let bar = indicatif::ProgressBar::new(others);
    let stamp = Stamp::system(SystemClock.now(), "admin keys rotate");
    let mut done = 0;
    for _ in 0..ROUNDS {
        let became = database.seal_again(&stamp, &|now| bar.set_position(done + now)).await.map_err(said)?;
        done += became.done;
        if became.done + became.missed == 0 {
            bar.finish_and_clear();
            return Ok(SealedAgain { done, ..became });
        }
        // who holds a row will have let go of it
        tokio::time::sleep(Duration::from_millis(if became.missed > 0 { 1_000 } else { 0 })).await;
    }
    Err("Values are still being sealed under former keys: some replica has not read the new file, or works with another one. \
         Run this again when all of them have it."
        .to_owned())
}

/// Leaves the one event of a rotation. Whoever was cut off after it does not leave another one.
async fn record_rotation(database: &Database, file: &KeyFile, became: &SealedAgain) -> Result<(), String> {
    let Some(Rotation { id, new, .. }) = file.unfinished() else { return Ok(()) };
    let subject = Subject { kind: ResourceKind::KeySet, id: id.to_string(), version: 1 };
    if database.rows().is_recorded(&subject).await.map_err(said)? {
        return Ok(());
    }
    let former = file.former().into_iter().map(|(_, id)| id).collect();
    let count = |count: u64| Datum::Count(i64::try_from(count).unwrap_or(i64::MAX));
    let event = EventDraft::new("key_set.rotated", subject, None)
        .with("in_use", Datum::Keys(new.clone()))
        .with("former", Datum::Keys(former))
        .with("sealed_again", count(became.done))
        .with("unreadable", count(became.broken));
    record(database, "admin keys rotate", event).await
}

async fn record(database: &Database, command: &str, event: EventDraft) -> Result<(), String> {
    let tx = database.begin_write(Stamp::system(SystemClock.now(), command)).await.map_err(said)?;
    tx.record_as("ok", &[event]).map_err(said)?;
    tx.commit().await.map_err(said)
}

async fn retire(path: &Path, database: &Database) -> Result<(), String> {
    let held = Held::take(path)?;
    let mut file = held.read()?;
    if file.unfinished().is_some() {
        return Err("A rotation has not ended: `lianxin admin keys rotate` goes on with it.".to_owned());
    }
    let Some(rotation) = file.rotation.clone() else {
        return Err("There was no rotation yet after which keys could go.".to_owned());
    };
    let from = file.former_may_go_from().unwrap_or(Instant::MAX_UTC);
    if SystemClock.now() < from {
        return Err(format!("Tokens that former keys signed may still be used: they can go from {} on.", told(from)));
    }
    let counts = database.count_sealed().await.map_err(said)?;
    let mut gone: Vec<KeyId> = Vec::new();
    for (class, id) in file.former() {
        match sealed_with(&counts, class, id.as_str()).unwrap_or_default() {
            0 => gone.push(id),
            count => say(&format!("{} key {id} stays: {count} values are sealed with it.", class.name()))?,
        }
    }
    if gone.is_empty() {
        return say("No key was removed.");
    }
    // shows that it can be written, before the removal is recorded: nobody is to remove a key unseen
    held.replace(&file)?;
    let subject = Subject { kind: ResourceKind::KeySet, id: rotation.id.to_string(), version: 2 };
    let event = EventDraft::new("key_set.retired", subject, None).with("gone", Datum::Keys(gone.clone()));
    record(database, "admin keys retire", event).await?;
    file.remove(&gone);
    held.replace(&file)?;
    say(&format!("Removed: {}.", gone.iter().map(KeyId::as_str).collect::<Vec<_>>().join(", ")))
}
