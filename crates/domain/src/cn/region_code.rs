//! Region codes: GB/T 2260 (province, city, county), GB/T 10114 (township), the statistical
//! division code (community) and, below it, the local grid.
//!
//! A code has no checksum; whether a region exists only the loaded table of regions knows. Here a
//! code is a path: the digits of the level where it ends. A group of zeros at the end means "none"
//! and is dropped, one in the middle is kept. Dongguan (`441900`) has no counties, so its towns
//! hang directly below the city: `441900003` lies in `4419`, with the county group `00` between.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CnError, half_width, is_digits, trim};

/// How deep a region lies, from province to grid. A deeper level is the greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionLevel {
    /// 省, 自治区, 直辖市: 2 digits (GB/T 2260).
    Province,
    /// 地级市, 地区, 自治州, 盟: 4 digits (GB/T 2260).
    City,
    /// 县, 区, 县级市, 旗: 6 digits (GB/T 2260).
    County,
    /// 街道, 镇, 乡: 9 digits (GB/T 10114).
    Township,
    /// 居委会, 村委会: 12 digits (statistical division code).
    Community,
    /// 网格: 15 digits, a local extension.
    Grid,
}

impl RegionLevel {
    /// All levels, from province to grid.
    pub const ALL: [Self; 6] = [Self::Province, Self::City, Self::County, Self::Township, Self::Community, Self::Grid];

    /// How many digits a code of this level has (GB/T 2260, GB/T 10114).
    pub fn digits(self) -> usize {
        match self {
            Self::Province => 2,
            Self::City => 4,
            Self::County => 6,
            Self::Township => 9,
            Self::Community => 12,
            Self::Grid => 15,
        }
    }

    /// How many digits belong to this level alone, without those of the levels above.
    fn group(self) -> usize {
        match self {
            Self::Province | Self::City | Self::County => 2,
            Self::Township | Self::Community | Self::Grid => 3,
        }
    }

    /// The name, the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Province => "province",
            Self::City => "city",
            Self::County => "county",
            Self::Township => "township",
            Self::Community => "community",
            Self::Grid => "grid",
        }
    }
}

/// The code of a region (GB/T 2260 and the statistical division code), without trailing groups of
/// zeros. Codes sort as the tree of regions does: a region comes right before what it contains.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RegionCode(String);

impl RegionCode {
    /// Reads 2, 4, 6, 9, 12 or 15 digits (GB/T 2260 and the statistical division code); trailing
    /// groups of zeros fall away. Full-width digits and surrounding white space are normalized,
    /// nothing else is repaired.
    pub fn parse(value: &str) -> Result<Self, CnError> {
        let digits = half_width(value);
        let digits = trim(&digits);
        // no province begins with 0, so such a code is never in any table
        if !is_digits(digits) || digits.starts_with('0') {
            return Err(CnError::RegionCodeFormat);
        }
        if !RegionLevel::ALL.iter().any(|l| l.digits() == digits.len()) {
            return Err(CnError::RegionCodeFormat);
        }
        // the deepest level whose group is not all zeros
        RegionLevel::ALL.into_iter().rev().find_map(|level| cut(digits, level)).ok_or(CnError::RegionCodeFormat)
    }

    /// The digits without trailing groups of zeros, such as `360502001`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The level at which the code ends (position of the last group that is not all zeros).
    pub fn level(&self) -> RegionLevel {
        match self.0.len() {
            0..=2 => RegionLevel::Province,
            3..=4 => RegionLevel::City,
            5..=6 => RegionLevel::County,
            7..=9 => RegionLevel::Township,
            10..=12 => RegionLevel::Community,
            _ => RegionLevel::Grid,
        }
    }

    /// Whether `other` lies in the subtree of this region; a region contains itself.
    pub fn contains(&self, other: &Self) -> bool {
        // lengths are those of levels, so a prefix always ends between two groups
        other.0.starts_with(&self.0)
    }

    /// The code that this one becomes where a region above it, or itself, gets another code: it begins with that and
    /// ends as before. `None` where it does not lie there.
    pub fn moved(&self, from: &Self, to: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(from.as_str())?;
        Self::parse(&format!("{to}{rest}")).ok()
    }

    /// Whether the two subtrees share anything, that is, whether one contains the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The region of that level in which this one lies (itself at its own level). `None` where
    /// there is none: the code is shorter, or its group at that level is all zeros, as the county
    /// of a town in Dongguan.
    pub fn at(&self, level: RegionLevel) -> Option<Self> {
        cut(&self.0, level)
    }

    /// The region that does a county's work here: the county (GB/T 2260, 6 digits) or, in a city
    /// without counties such as Dongguan (441900), the city itself. `None` for a code above county
    /// level: from `4419` alone nobody can tell whether the city has counties.
    pub fn county(&self) -> Option<Self> {
        if self.level() < RegionLevel::County {
            return None;
        }
        self.at(RegionLevel::County).or_else(|| self.at(RegionLevel::City))
    }

    /// The codes strictly above, nearest first. They are candidates: the parent is the first of
    /// them that the table of regions knows (it may lack a placeholder such as `4290`).
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        let own = self.level();
        RegionLevel::ALL.into_iter().rev().filter(move |level| *level < own).filter_map(|level| self.at(level))
    }
}

/// The first digits up to and including the level's group, unless they are missing or the group is
/// all zeros: such a code would be that of a higher level.
fn cut(digits: &str, level: RegionLevel) -> Option<RegionCode> {
    let head = digits.get(..level.digits())?;
    let group = head.get(level.digits() - level.group()..)?;
    if group.bytes().all(|b| b == b'0') {
        return None;
    }
    Some(RegionCode(head.to_owned()))
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RegionCode {
    type Err = CnError;

    fn from_str(value: &str) -> Result<Self, CnError> {
        Self::parse(value)
    }
}

impl TryFrom<String> for RegionCode {
    type Error = CnError;

    fn try_from(value: String) -> Result<Self, CnError> {
        Self::parse(&value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(value: &str) -> RegionCode {
        RegionCode::parse(value).unwrap()
    }

    fn ancestors(value: &str) -> Vec<String> {
        code(value).ancestors().map(|c| c.to_string()).collect()
    }

    #[test]
    fn reads_every_level() {
        for (value, stored, level) in [
            ("36", "36", RegionLevel::Province),
            ("3605", "3605", RegionLevel::City),
            ("360502", "360502", RegionLevel::County),
            ("360822", "360822", RegionLevel::County),
            ("360121", "360121", RegionLevel::County),
            ("361002", "361002", RegionLevel::County),
            ("360502001", "360502001", RegionLevel::Township),
            ("360502001005", "360502001005", RegionLevel::Community),
            ("360502001005012", "360502001005012", RegionLevel::Grid),
            ("360000000000", "36", RegionLevel::Province),
            ("360500", "3605", RegionLevel::City),
            ("360502000000", "360502", RegionLevel::County),
            ("360502003000", "360502003", RegionLevel::Township),
            ("360502003001000", "360502003001", RegionLevel::Community),
            ("441900", "4419", RegionLevel::City),
            ("442000", "4420", RegionLevel::City),
            ("441900003", "441900003", RegionLevel::Township),
            ("429004", "429004", RegionLevel::County),
            (" ３６０５０２\u{3000}", "360502", RegionLevel::County),
        ] {
            let parsed = code(value);
            assert_eq!(parsed.as_str(), stored, "{value}");
            assert_eq!(parsed.level(), level, "{value}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for value in [
            "",
            " ",
            "3",
            "365",
            "36050",
            "3605020",
            "36050200",
            "3605020010",
            "36050200100",
            "3605020010050",
            "3605020010050123",
            "00",
            "000000000000",
            "05",
            "36050x",
            "3605 02",
            "-36050",
            "360502\n",
            "360502\0",
            "٣٦",
            "江西",
        ] {
            assert_eq!(RegionCode::parse(value), Err(CnError::RegionCodeFormat), "{value:?}");
        }
    }

    #[test]
    fn ancestors_are_nearest_first() {
        assert_eq!(ancestors("360502003001002"), ["360502003001", "360502003", "360502", "3605", "36"]);
        assert_eq!(ancestors("441900003"), ["4419", "44"]);
        assert_eq!(ancestors("442000001003"), ["442000001", "4420", "44"]);
        assert_eq!(ancestors("429004"), ["4290", "42"]);
        assert_eq!(ancestors("36"), [""; 0]);
    }

    #[test]
    fn cuts_to_a_level() {
        let community = code("360502003001");
        assert_eq!(community.at(RegionLevel::County), Some(code("360502")));
        assert_eq!(community.at(RegionLevel::Community), Some(code("360502003001")));
        assert_eq!(community.at(RegionLevel::Grid), None);
        assert_eq!(community.county(), Some(code("360502")));
        assert_eq!(code("3605").county(), None);
        // a malformed path never widens to the whole province
        assert_eq!(code("360000001").county(), None);
    }

    #[test]
    fn a_city_without_counties() {
        let town = code("441900003");
        assert_eq!(town.at(RegionLevel::County), None);
        assert_eq!(town.at(RegionLevel::City), Some(code("441900")));
        assert_eq!(town.county(), Some(code("4419")));
        assert!(code("441900").contains(&town));
        assert!(!code("442000").contains(&town));
    }

    #[test]
    fn contains_and_overlaps() {
        assert!(code("360502").contains(&code("360502000000")));
        assert!(code("360502").contains(&code("360502003001")));
        assert!(!code("360502003").contains(&code("360502")));
        assert!(code("360502003").overlaps(&code("360502")));
        assert!(!code("360502").overlaps(&code("360521")));
    }

    #[test]
    fn serde_and_text() {
        let parsed: RegionCode = serde_json::from_str("\"360502000000\"").unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), "\"360502\"");
        assert_eq!("360502".parse::<RegionCode>(), Ok(parsed));
        assert!(serde_json::from_str::<RegionCode>("360502").is_err());
        for level in RegionLevel::ALL {
            let json = format!("\"{}\"", level.as_str());
            assert_eq!(serde_json::to_string(&level).unwrap(), json);
        }
    }

    /// Few different digits, so that codes often contain each other.
    fn any_code() -> impl Strategy<Value = RegionCode> {
        "(1[01]|2[01])((0[0-2]|90)((0[0-2])((00[0-2])((00[0-2])(00[0-2])?)?)?)?)?".prop_map(|s| code(&s))
    }

    proptest! {
        #[test]
        fn never_panics(value in any::<String>()) {
            let _ = RegionCode::parse(&value);
        }

        #[test]
        fn stored_form_reads_back(value in "[1-9][0-9]{1,14}") {
            if let Ok(code) = RegionCode::parse(&value) {
                prop_assert_eq!(RegionCode::parse(code.as_str()), Ok(code.clone()));
                let padded = format!("{:0<15}", code.as_str());
                prop_assert_eq!(RegionCode::parse(&padded), Ok(code.clone()));
                prop_assert_eq!(code.as_str().len(), code.level().digits());
            }
        }

        #[test]
        fn contains_is_a_partial_order(a in any_code(), b in any_code(), c in any_code()) {
            prop_assert!(a.contains(&a));
            prop_assert!(!(a.contains(&b) && b.contains(&a)) || a == b);
            prop_assert!(!(a.contains(&b) && b.contains(&c)) || a.contains(&c));
            prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
            prop_assert!(!a.contains(&b) || a <= b);
        }

        #[test]
        fn ancestors_are_the_codes_that_contain(a in any_code(), b in any_code()) {
            let above: Vec<_> = a.ancestors().collect();
            prop_assert!(above.iter().all(|x| x.contains(&a) && *x != a));
            prop_assert!(above.windows(2).all(|w| w.last() < w.first()));
            prop_assert_eq!(above.contains(&b), b.contains(&a) && a != b);
        }

        #[test]
        fn at_gives_that_level_or_nothing(a in any_code()) {
            for level in RegionLevel::ALL {
                if let Some(cut) = a.at(level) {
                    prop_assert_eq!(cut.level(), level);
                    prop_assert!(cut.contains(&a));
                }
            }
            prop_assert_eq!(a.at(a.level()), Some(a.clone()));
        }
    }
}
