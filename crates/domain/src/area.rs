//! Areas, exact in square meters and in mu 亩 alike.

use serde::{Deserialize, Serialize};

/// An area: a whole number of 1/30,000 m², in which both a ten-thousandth of a square meter and one of a mu are whole
/// (1 mu = 2000/3 m²).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Area(pub i64);

/// So many of the unit make a square meter.
const IN_M2: i64 = 30_000;
/// So many make a mu.
const IN_MU: i64 = 20_000_000;
/// Figures after the point, of both.
const PLACES: u32 = 4;

impl Area {
    /// An area in square meters: decimal digits, at most four of them after a point. `None` where it is written otherwise
    /// or too large to be counted.
    #[must_use]
    pub fn from_m2(text: &str) -> Option<Self> {
        Self::parse(text, IN_M2)
    }

    /// The same in mu.
    #[must_use]
    pub fn from_mu(text: &str) -> Option<Self> {
        Self::parse(text, IN_MU)
    }

    /// In square meters, with four figures after the point, half to even.
    #[must_use]
    pub fn m2(self) -> String {
        self.show(IN_M2)
    }

    /// In mu, likewise.
    #[must_use]
    pub fn mu(self) -> String {
        self.show(IN_MU)
    }

    fn parse(text: &str, unit: i64) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(part) || part.len() > PLACES as usize {
            return None;
        }
        let part: i64 = format!("{part:0<4}").parse().ok()?;
        let whole = whole.parse::<i64>().ok()?.checked_mul(unit)?;
        whole.checked_add(part * (unit / 10_i64.pow(PLACES))).map(Self)
    }

    fn show(self, unit: i64) -> String {
        let shown = unit / 10_i64.pow(PLACES);
        let (whole, rest) = (self.0.div_euclid(shown), self.0.rem_euclid(shown));
        let up = rest * 2 > shown || (rest * 2 == shown && whole % 2 == 1);
        let rounded = whole + i64::from(up);
        let scale = 10_i64.pow(PLACES);
        let sign = if rounded < 0 { "-" } else { "" };
        format!("{sign}{}.{:04}", rounded.abs() / scale, rounded.abs() % scale)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_measures_are_exact() {
        assert_eq!(Area::from_m2("89.37"), Some(Area(2_681_100)));
        assert_eq!(Area::from_m2("0.0001"), Some(Area(3)));
        assert_eq!(Area::from_mu("0.0001"), Some(Area(2000)));
        assert_eq!(Area::from_mu("108").unwrap().m2(), "72000.0000");
        assert_eq!(Area::from_mu("15").unwrap().m2(), "10000.0000");
        assert_eq!(Area::from_m2("10000").unwrap().mu(), "15.0000");
        // a mu has no whole number of ten-thousandths of a square meter
        assert_eq!(Area::from_mu("1").unwrap().m2(), "666.6667");
    }

    #[test]
    fn half_goes_to_even() {
        assert_eq!(Area(1000).mu(), "0.0000");
        assert_eq!(Area(3000).mu(), "0.0002");
        assert_eq!(Area(5000).mu(), "0.0002");
        assert_eq!(Area(5001).mu(), "0.0003");
    }

    #[test]
    fn what_is_written_otherwise_is_no_area() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1,5", "1e3", "１", " 1", "1.00001", "9223372036854775807"] {
            assert_eq!(Area::from_m2(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(units in 0..i64::MAX / 4) {
            let exact = Area(units / 6000 * 6000);
            prop_assert_eq!(Area::from_m2(&exact.m2()), Some(exact));
            prop_assert_eq!(Area::from_mu(&exact.mu()), Some(exact).filter(|area| area.0 % 2000 == 0));
        }
    }
}
