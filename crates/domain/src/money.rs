//! Money, exact: yuan 元 and fen 分.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of money: a whole number of fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

/// The greatest amount that is written down at once: ten billion yuan.
pub const GREATEST: Money = Money(1_000_000_000_000);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in yuan: decimal digits, at most two of them after a point. `None` where it is written otherwise, or more
    /// than [`GREATEST`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (yuan, fen) = text.split_once('.').unwrap_or((text, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(yuan) || !are_digits(fen) || fen.len() > 2 {
            return None;
        }
        let fen: i64 = format!("{fen:0<2}").parse().ok()?;
        let sum = yuan.parse::<i64>().ok()?.checked_mul(100)?.checked_add(fen)?;
        Some(Self(sum)).filter(|money| *money <= GREATEST)
    }

    /// The sum; `None` where it is too great to be counted.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// What is left; `None` where it is too great to be counted.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Money {
    /// In yuan, two figures after the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn money_is_exact() {
        for (text, fen, shown) in [
            ("50000000.00", 5_000_000_000, "50000000.00"),
            ("0.07", 7, "0.07"),
            ("1.5", 150, "1.50"),
            ("10000000000", GREATEST.0, "10000000000.00"),
        ] {
            let money = Money::parse(text).unwrap();
            assert_eq!((money.0, money.to_string().as_str()), (fen, shown));
        }
        assert_eq!(Money(-5).to_string(), "-0.05");
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1,000", "1e3", "１", "1.001", "10000000000.01", " 1"] {
            assert_eq!(Money::parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(fen in 0..=GREATEST.0) {
            prop_assert_eq!(Money::parse(&Money(fen).to_string()), Some(Money(fen)));
        }
    }
}
