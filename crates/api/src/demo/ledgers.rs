//! Ledgers of the demonstration set: what 石塘村 owns together, with the income of 2022 and 2023, and the co-managed account of
//! a compound.

use chrono::{Months, NaiveDate};
use domain::{
    access::Actor,
    id::{LedgerEntryId, LedgerId},
    ledgers::{EntryCategory, EntryKind, Ledger, LedgerEntry, LedgerKind, NewEntry, NewEntryKind, Signature},
    money::Money,
    outcome::Outcome,
    refusal::Refusal,
    resource::Resource as _,
};
use persistence::{Database, Result, Tx};

use super::{compound_id, day, fault, id, made_at, people::actor, region, regions::FLOWER_LAKE, stamp};

use EntryCategory::{
    AssetLease, BusinessProfit, Cleaning, LandLease, Maintenance, OwnersFees, Parking, PublicWelfare, Subsidy,
    Utilities,
};
use NewEntryKind::{Income, Payment};

/// 石塘村
const STONE_POND: &str = "361002100200";

/// Of what, how many fen, from the first month on every so many months, and what is said of it.
type Line = (NewEntryKind, EntryCategory, i64, &'static str, u32, &'static str);

/// The accounts of the village in one year: 809,100 yuan come in.
const OF_A_YEAR: &[Line] = &[
    (Income, LandLease, 12_960_000, "01-15", 12, "田园综合体土地流转租金"),
    (Income, AssetLease, 1_450_000, "01-20", 1, "门面、仓库出租"),
    (Income, BusinessProfit, 11_000_000, "03-25", 3, "采摘园、民宿合作分成"),
    (Income, Subsidy, 19_000_000, "06-18", 12, "产业发展补助"),
    (Payment, PublicWelfare, 3_600_000, "09-28", 12, "重阳节慰问老人"),
    (Payment, Maintenance, 880_000, "02-10", 6, "村道、路灯维修"),
    (Payment, Utilities, 46_000, "01-28", 1, "公共用电"),
];

/// The accounts of the compound in one year.
const OF_THE_COMPOUND: &[Line] = &[
    (Income, OwnersFees, 288_000, "01-08", 3, "业主缴纳服务费"),
    (Income, Parking, 96_000, "01-12", 1, "临时停车"),
    (Payment, Cleaning, 120_000, "01-26", 1, "楼道保洁"),
    (Payment, Maintenance, 86_000, "04-15", 6, "更换排水管"),
];

/// A ledger, who writes in it, who signs, and what is written.
struct Book<'a> {
    ledger: Ledger,
    writer: Actor,
    signer: Actor,
    lines: Vec<(NaiveDate, &'a Line)>,
}

/// Loads the ledgers, each unless it is there.
pub(super) async fn load(database: &Database) -> Result<()> {
    let village = Book {
        ledger: ledger("stone-pond", LedgerKind::CollectiveEconomy, "石塘村集体经济账本", STONE_POND)?,
        writer: actor("treasurer")?,
        signer: actor("linchuan")?,
        lines: [lines(2022, OF_A_YEAR)?, lines(2023, OF_A_YEAR)?].concat(),
    };
    let compound = ledger("youzhengju", LedgerKind::CoManagedAccount, "邮政局小区共管账户", FLOWER_LAKE)?;
    let compound = Book {
        ledger: Ledger { compound_id: Some(compound_id("youzhengju")), ..compound },
        writer: actor("worker2")?,
        signer: actor("committee")?,
        lines: lines(2023, OF_THE_COMPOUND)?,
    };
    for book in [village, compound] {
        write(database, book).await?;
    }
    Ok(())
}

fn ledger(name: &str, kind: LedgerKind, title: &str, at: &str) -> Result<Ledger> {
    Ok(Ledger {
        id: LedgerId(id(&format!("ledger/{name}"))),
        kind,
        name: title.to_owned(),
        region_code: region(at)?,
        compound_id: None,
        entries: 0,
        balance: Money::ZERO,
        disclosed: 0,
        disclosed_balance: Money::ZERO,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    })
}

/// The lines of a year with their days, those that come in first on each of them.
fn lines(year: i32, of_a_year: &'static [Line]) -> Result<Vec<(NaiveDate, &'static Line)>> {
    let mut all = Vec::new();
    for line in of_a_year {
        let first = day(&format!("{year}-{}", line.3))?;
        let days = (0..12).step_by(line.4 as usize).filter_map(|months| first.checked_add_months(Months::new(months)));
        all.extend(days.take_while(|on| *on < day_after(year)).map(|on| (on, line)));
    }
    all.sort_by_key(|(on, line)| (*on, line.0));
    Ok(all)
}

fn day_after(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 12, 1).unwrap_or(NaiveDate::MAX)
}

async fn write(database: &Database, book: Book<'_>) -> Result<()> {
    let Book { ledger, writer, signer, lines } = book;
    if database.rows().exists::<Ledger>(&ledger.id).await? {
        return Ok(());
    }
    let tx = database.begin_write(stamp(made_at(), Some(writer.user_id))).await?;
    let event = ledger.event("ledger.created");
    let mut ledger = tx.insert(Outcome::new(ledger, event)).await?;
    let refused = |refusal: Refusal| fault("ledger", refusal);
    for (number, (on, line)) in lines.iter().enumerate() {
        let new = NewEntry {
            id: LedgerEntryId(id(&format!("ledger/{}/{number}", ledger.id))),
            kind: line.0,
            amount: Money(line.2),
            category: line.1,
            occurred_on: *on,
            counterparty: None,
            memo: Some(line.5.to_owned()),
        };
        let entered = ledger.clone().enter(new, Signature::of(&writer, made_at()), made_at()).map_err(refused)?;
        if let Some(after) = entered.ledger {
            ledger = count(&tx, after, &entered.entry.value).await?;
        }
        let entry = tx.insert(entered.entry).await?;
        if entry.kind == EntryKind::Payment {
            ledger = sign(&tx, ledger, entry, &signer).await?;
        }
    }
    let (income, payments) = tx.rows().ledger_entries().sums_after(ledger.id, 0).await?;
    let disclosure = id(&format!("ledger/{}/disclosure", ledger.id)).into();
    let mut shown = ledger.disclose(disclosure, income, payments, made_at()).map_err(refused)?;
    let disclosure = shown.effects.pop().ok_or_else(|| fault("disclosure", disclosure))?;
    let ledger = tx.update(Outcome { value: shown.value, events: shown.events, effects: Vec::new() }).await?;
    tx.disclose_entries(ledger.id, disclosure.last_number).await?;
    let event = disclosure.event("disclosure.created");
    tx.insert(Outcome::new(disclosure, event)).await?;
    tx.commit().await
}

/// Saves the balance after an entry that counts.
async fn count(tx: &Tx, ledger: Ledger, entry: &LedgerEntry) -> Result<Ledger> {
    let event = ledger.counted(entry);
    tx.update(Outcome::new(ledger, event)).await
}

async fn sign(tx: &Tx, ledger: Ledger, entry: LedgerEntry, signer: &Actor) -> Result<Ledger> {
    let allowed = domain::access::ActionSet::of(&[domain::access::Action::Sign]);
    let by = Signature::of(signer, made_at());
    let signed = entry.sign(ledger, by, allowed, made_at()).map_err(|refusal| fault("entry", refusal))?;
    let ledger = signed.ledger.ok_or_else(|| fault("entry", signed.entry.value.id))?;
    let ledger = count(tx, ledger, &signed.entry.value).await?;
    tx.update(signed.entry).await?;
    Ok(ledger)
}
