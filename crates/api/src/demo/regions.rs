//! Regions, organizations and compounds of the demonstration set.

use domain::{
    cn::CreditCode,
    compounds::{Building, Compound, Unit},
    outcome::Outcome,
    places::{Organization, OrganizationKind, PartyFormation, Region, RegionKind},
    resource::Resource as _,
};
use persistence::{Database, Result, Tx};

use super::{compound_id, fault, id, made_at, region, stamp};

/// Code, name and kind of each region, those above first.
const REGIONS: &[(&str, &str, RegionKind)] = &[
    ("36", "江西省", RegionKind::Province),
    ("3601", "南昌市", RegionKind::City),
    ("360121", "南昌县", RegionKind::County),
    ("360121100", "网上镇", RegionKind::Township),
    ("360121100001", "网上社区", RegionKind::Community),
    ("360121100200", "塘头村", RegionKind::Village),
    ("360121100201", "后坊村", RegionKind::Village),
    ("3605", "新余市", RegionKind::City),
    ("360502", "渝水区", RegionKind::District),
    ("360502001", "城南街道", RegionKind::Street),
    ("360502001001", "百花湖社区", RegionKind::Community),
    ("360502001002", "南门社区", RegionKind::Community),
    ("360502002", "新钢街道", RegionKind::Street),
    ("360502002001", "公园北村社区", RegionKind::Community),
    ("360502002001001", "公园北村社区第一网格", RegionKind::Grid),
    ("360502002001002", "公园北村社区第二网格", RegionKind::Grid),
    ("360502002001003", "公园北村社区第三网格", RegionKind::Grid),
    ("360502002001004", "公园北村社区第四网格", RegionKind::Grid),
    ("360502002002", "钢花社区", RegionKind::Community),
    ("3608", "吉安市", RegionKind::City),
    ("360822", "吉水县", RegionKind::County),
    ("360822100", "文峰镇", RegionKind::Township),
    ("360822100200", "枫坪村", RegionKind::Village),
    ("360822101", "醪桥镇", RegionKind::Township),
    ("360822101200", "元石村", RegionKind::Village),
    ("360822101201", "槎滩村", RegionKind::Village),
    ("3610", "抚州市", RegionKind::City),
    ("361002", "临川区", RegionKind::District),
    ("361002100", "上顿渡镇", RegionKind::Township),
    ("361002100200", "石塘村", RegionKind::Village),
    ("361091", "东临新区", RegionKind::FunctionalZone),
    ("361091200", "湖南乡", RegionKind::Township),
    ("361091200200", "湖南村", RegionKind::Village),
];

/// 东临新区: the zone has no standard code, and so what lies in it has none.
const LOCAL: &str = "361091";

/// A compound of the set: its code, name, community, and how many buildings with how many units each.
struct Estate {
    code: &'static str,
    name: &'static str,
    community: &'static str,
    buildings: usize,
    units: usize,
}

/// 公园北村社区
pub(super) const PARK_NORTH: &str = "360502002001";
/// 百花湖社区
pub(super) const FLOWER_LAKE: &str = "360502001001";

const ESTATES: &[Estate] = &[
    Estate { code: "fuyuan", name: "福园小区", community: PARK_NORTH, buildings: 4, units: 3 },
    Estate { code: "guihuacun", name: "桂花村小区", community: PARK_NORTH, buildings: 3, units: 3 },
    Estate { code: "youzhengju", name: "邮政局小区", community: FLOWER_LAKE, buildings: 2, units: 2 },
    Estate { code: "qingfeng", name: "庆丰花园小区", community: "360502001002", buildings: 4, units: 2 },
    Estate { code: "shengang", name: "深港明珠小区", community: "360502002002", buildings: 6, units: 2 },
];

/// The community in which a compound lies.
pub(super) fn community_of(compound: &str) -> &'static str {
    ESTATES.iter().find(|estate| estate.code == compound).map_or("", |estate| estate.community)
}

/// How many buildings a compound has, and how many units each of them.
pub(super) fn size_of(compound: &str) -> (usize, usize) {
    ESTATES.iter().find(|estate| estate.code == compound).map_or((1, 1), |estate| (estate.buildings, estate.units))
}

/// The names of the ids of a building and of one of its units, both counted from 1.
pub(super) fn building_name(compound: &str, building: usize) -> String {
    format!("compound/{compound}/{building}")
}

/// See [`building_name`].
pub(super) fn unit_name(compound: &str, building: usize, unit: usize) -> String {
    format!("compound/{compound}/{building}/{unit}")
}

/// Name, kind, region and grade of each organization.
const ORGANIZATIONS: &[(&str, OrganizationKind, &str)] = &[
    ("公园北村社区党委", OrganizationKind::PartyCommittee, PARK_NORTH),
    ("百花湖社区党委", OrganizationKind::PartyCommittee, FLOWER_LAKE),
    ("南门社区党委", OrganizationKind::PartyCommittee, "360502001002"),
    ("钢花社区党委", OrganizationKind::PartyCommittee, "360502002002"),
    ("深港物业服务有限公司", OrganizationKind::PropertyCompany, "360502"),
    ("南昌县民政局", OrganizationKind::CountyDepartment, "360121"),
    ("东临新区湖南乡中心小学", OrganizationKind::School, "361091200"),
];

/// Loads the places, unless they are there.
pub(super) async fn load(database: &Database) -> Result<()> {
    let tx = database.begin_write(stamp(made_at(), None)).await?;
    if tx.rows().regions().exists(&region("36")?).await? {
        return Ok(());
    }
    for (code, name, kind) in REGIONS {
        insert_region(&tx, code, name, *kind).await?;
    }
    for (name, kind, at) in ORGANIZATIONS {
        insert_organization(&tx, name, *kind, at).await?;
    }
    for estate in ESTATES {
        insert_compound(&tx, estate).await?;
    }
    tx.commit().await
}

async fn insert_region(tx: &Tx, code: &str, name: &str, kind: RegionKind) -> Result<()> {
    let code = region(code)?;
    if !kind.fits(code.level()) {
        return Err(fault("kind", code));
    }
    let parent_code = code.ancestors().find(|above| REGIONS.iter().any(|(code, ..)| *code == above.as_str()));
    let local = code.as_str().starts_with(LOCAL);
    let value = Region {
        code,
        name: name.to_owned(),
        kind,
        parent_code,
        valid_from: None,
        valid_until: None,
        local,
        successor_code: None,
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    let event = value.event("region.created");
    tx.insert(Outcome::new(value, event)).await?;
    Ok(())
}

async fn insert_organization(tx: &Tx, name: &str, kind: OrganizationKind, at: &str) -> Result<()> {
    let is_company = kind == OrganizationKind::PropertyCompany;
    let credit_code = if is_company { Some(credit_code("91360502MA3DEM0")?) } else { None };
    let value = Organization {
        id: id(&format!("organization/{name}")).into(),
        name: name.to_owned(),
        kind,
        region_code: region(at)?,
        parent_id: None,
        credit_code,
        formation: kind.is_party().then_some(PartyFormation::Single),
        credit_grade: is_company.then(|| "A".to_owned()),
        version: 1,
        created_at: made_at(),
        updated_at: made_at(),
    };
    let event = value.event("organization.created");
    tx.insert(Outcome::new(value, event)).await?;
    Ok(())
}

/// The credit code of these first characters; as many of 0 to 9 as are missing before the two check characters
/// are filled with 1.
fn credit_code(head: &str) -> Result<CreditCode> {
    let head = format!("{head:1<16}");
    let bodies = "0123456789X".chars();
    let checks = || "0123456789ABCDEFGHJKLMNPQRTUWXY".chars();
    bodies
        .flat_map(|body| checks().map(move |check| (body, check)))
        .filter_map(|(body, check)| CreditCode::parse(&format!("{head}{body}{check}")).ok())
        .find(CreditCode::has_valid_body_code)
        .ok_or_else(|| fault("credit_code", head))
}

async fn insert_compound(tx: &Tx, estate: &Estate) -> Result<()> {
    let Estate { code, name, community, buildings, units } = estate;
    let (compound_id, region_code) = (compound_id(code), region(community)?);
    let compound = Compound::new(compound_id, region_code.clone(), (*code).to_owned(), (*name).to_owned(), made_at());
    let event = compound.event("compound.created");
    tx.insert(Outcome::new(compound, event)).await?;
    for building in 1..=*buildings {
        let value = Building {
            id: id(&building_name(code, building)).into(),
            compound_id,
            region_code: region_code.clone(),
            code: building.to_string(),
            name: format!("{building}栋"),
            version: 1,
            created_at: made_at(),
            updated_at: made_at(),
        };
        let (building_id, event) = (value.id, value.event("building.created"));
        tx.insert(Outcome::new(value, event)).await?;
        for unit in 1..=*units {
            let value = Unit {
                id: id(&unit_name(code, building, unit)).into(),
                building_id,
                compound_id,
                region_code: region_code.clone(),
                code: unit.to_string(),
                name: format!("{unit}单元"),
                version: 1,
                created_at: made_at(),
                updated_at: made_at(),
            };
            let event = value.event("unit.created");
            tx.insert(Outcome::new(value, event)).await?;
        }
    }
    Ok(())
}
