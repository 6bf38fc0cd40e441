//! What the compounds of the demonstration set are like: how they are managed, which party organization covers them, and
//! to whom their dwellings belong.

use std::collections::BTreeSet;

use domain::{
    access::{Access, Action},
    area::Area,
    compounds::{AreaSource, Compound, Difficulty, Dwelling, ManagementMode, Owner, Share, Stake},
    geo::{CoordinateSystem, Position},
    id::OrganizationId,
    outcome::Outcome,
    people::Relation,
    resource::Resource as _,
    time::Instant,
};
use persistence::{Database, Result, Tx};

use super::{
    compound_id, day, fault, id, made_at,
    people::{Resident, actor, residents},
    regions::{building_name, community_of, unit_name},
    stamp,
};

/// What is known of a compound.
struct Known {
    code: &'static str,
    built: i32,
    /// Degrees east and north.
    at: (f64, f64),
    difficulty: Difficulty,
    demonstration: bool,
    /// How it is managed, from which day on.
    managed: Option<(ManagementMode, &'static str)>,
    /// To which mode it is to move, by which day.
    planned: Option<(ManagementMode, &'static str)>,
    /// The party organization that covers it, from which day on.
    covered: (&'static str, &'static str),
}

use Difficulty::{Easy, Hard, Moderate};
use ManagementMode::{Bundled, Keeper, Professional, Shared};

const KNOWN: &[Known] = &[
    Known {
        code: "fuyuan",
        built: 1998,
        at: (114.9331, 27.8043),
        difficulty: Moderate,
        demonstration: false,
        managed: None,
        planned: Some((Bundled, "2027-06-30")),
        covered: ("公园北村社区党委", "2022-07-01"),
    },
    Known {
        code: "guihuacun",
        built: 1992,
        at: (114.9352, 27.8061),
        difficulty: Hard,
        demonstration: false,
        managed: None,
        planned: None,
        covered: ("公园北村社区党委", "2022-07-01"),
    },
    Known {
        code: "youzhengju",
        built: 1983,
        at: (114.9273, 27.8118),
        difficulty: Easy,
        demonstration: true,
        managed: Some((Keeper, "2023-09-01")),
        planned: None,
        covered: ("百花湖社区党委", "2022-07-01"),
    },
    Known {
        code: "qingfeng",
        built: 2008,
        at: (114.9246, 27.8009),
        difficulty: Easy,
        demonstration: true,
        managed: Some((Shared, "2023-06-01")),
        planned: None,
        covered: ("南门社区党委", "2022-07-01"),
    },
    Known {
        code: "shengang",
        built: 2012,
        at: (114.9401, 27.7987),
        difficulty: Easy,
        demonstration: false,
        managed: Some((Professional, "2013-03-01")),
        planned: None,
        covered: ("钢花社区党委", "2022-07-01"),
    },
];

/// Exclusive areas of dwellings, by turns, in square meters.
const AREAS: &[&str] = &["62.35", "71.08", "89.37", "96.5", "104.12"];

/// Loads what is known, unless it is there.
pub(super) async fn load(database: &Database, now: Instant) -> Result<()> {
    let access = keeper(now)?;
    let tx = database.begin_write(stamp(made_at(), None)).await?;
    for known in KNOWN {
        let compound = tx.rows().find::<Compound>(&access, &compound_id(known.code)).await?.row;
        if compound.built_year.is_some() {
            return Ok(());
        }
        update(&tx, compound, known).await?;
    }
    insert_dwellings(&tx, &residents()?).await?;
    tx.commit().await
}

/// The rights by which the compounds are found: those of the official of the district.
fn keeper(now: Instant) -> Result<Access> {
    let official = actor("yushui")?;
    official.authorize(Action::Read, Compound::KIND, now).map_err(|_| fault("access", "yushui"))
}

async fn update(tx: &Tx, compound: Compound, known: &Known) -> Result<()> {
    let Known { code, built, at, difficulty, demonstration, managed, planned, covered } = known;
    let refused = |_| fault("compound", code);
    let mut value = Compound {
        built_year: Some(*built),
        position: Position::of(at.0, at.1, CoordinateSystem::Wgs84),
        difficulty: Some(*difficulty),
        demonstration: *demonstration,
        planned_mode: planned.map(|(mode, _)| mode),
        planned_by: planned.map(|(_, by)| day(by)).transpose()?,
        ..compound
    };
    value.touch(made_at());
    let event = value.event("compound.updated");
    let mut value = tx.update(Outcome::new(value, event)).await?;
    if let Some((mode, from)) = managed {
        let changed = value.change_mode(*mode, day(from)?, made_at()).map_err(refused)?;
        tx.replace_modes(&changed.value).await?;
        value = tx.update(changed).await?;
    }
    let organization = OrganizationId(id(&format!("organization/{}", covered.0)));
    let covered = value.cover(organization, day(covered.1)?, made_at()).map_err(refused)?;
    tx.replace_party_organizations(&covered.value).await?;
    tx.update(covered).await?;
    Ok(())
}

/// A dwelling for each household, which belongs to its head, and to his wife or her husband as well.
async fn insert_dwellings(tx: &Tx, residents: &[Resident]) -> Result<()> {
    let mut taken = BTreeSet::new();
    let owns = |resident: &&Resident| matches!(resident.relation, Relation::Head | Relation::Spouse);
    for (number, family) in residents.chunk_by(|one, next| one.household == next.household).enumerate() {
        let Some(Resident { person, compound, building, unit, .. }) = family.first() else { continue };
        let unit_id = id(&unit_name(compound, *building, *unit)).into();
        let door =
            (1_usize..).flat_map(|floor| [1, 2].map(|side| (floor, side))).find(|door| taken.insert((unit_id, *door)));
        let Some((floor, side)) = door else { continue };
        let code = format!("{floor}0{side}");
        let area = AREAS.get(number % AREAS.len()).and_then(|area| Area::from_m2(area));
        let value = Dwelling {
            id: id(&format!("dwelling/{compound}/{building}/{unit}/{code}")).into(),
            unit_id,
            building_id: id(&building_name(compound, *building)).into(),
            compound_id: compound_id(compound),
            region_code: super::region(community_of(compound))?,
            code,
            floor: i32::try_from(floor).ok(),
            area,
            area_source: area.map(|_| AreaSource::Register),
            delivered: true,
            owners: domain::periods::Periods::default(),
            version: 1,
            created_at: made_at(),
            updated_at: made_at(),
        };
        let event = value.event("dwelling.created");
        let value = tx.insert(Outcome::new(value, event)).await?;
        let owners: Vec<&Resident> = family.iter().filter(owns).collect();
        let share = u32::try_from(owners.len()).ok().and_then(|count| Share::new(1, count));
        let share = share.ok_or_else(|| fault("share", person.id))?;
        let stake = |resident: &&Resident| Stake {
            owner: Owner::Person(resident.person.id),
            display_name: resident.person.name.clone(),
            share,
        };
        let stakes = owners.iter().map(stake).collect();
        let owned =
            value.change_owners(stakes, day("2015-09-01")?, made_at()).map_err(|_| fault("owners", person.id))?;
        tx.replace_owners(&owned.value).await?;
        tx.update(owned).await?;
    }
    Ok(())
}
