//! Unified social credit code, GB 32100-2015.
//!
//! 1 registration authority (`1` staffing office, `5` civil affairs, `9` market regulation, `N`
//! agriculture for village collectives, and others), 1 category, 6 digits region (GB/T 2260),
//! 9 characters body code (GB 11714) and a check character. The list of authorities still grows and
//! regions are abolished, so neither is looked up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{CnError, half_width, is_digits};

/// The characters in the order of their values, 0 to 30 (GB 32100-2015): no I, O, S, V, Z.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/// Weights of the first 17 characters, 3^(i−1) mod 31 (GB 32100-2015).
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];

/// Weights of the first 8 characters of the body code (GB 11714).
const BODY_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// A valid unified social credit code (GB 32100-2015). It is public, so it shows itself in full.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CreditCode(String);

impl CreditCode {
    /// Reads a credit code of 18 characters (GB 32100-2015). Small letters and full-width
    /// characters are normalized, nothing else is repaired.
    pub fn parse(value: &str) -> Result<Self, CnError> {
        let code = half_width(value).to_ascii_uppercase();
        if code.chars().count() != 18 {
            return Err(CnError::UsccFormat);
        }
        if !code.chars().all(|c| ALPHABET.contains(c)) {
            return Err(CnError::UsccCharset);
        }
        if !code.get(2..8).is_some_and(is_digits) {
            return Err(CnError::UsccFormat);
        }
        // the last character of a body code is a digit or X (GB 11714)
        if !code.get(16..17).is_some_and(|c| is_digits(c) || c == "X") {
            return Err(CnError::UsccFormat);
        }
        if check_character(&code) != code.chars().next_back() {
            return Err(CnError::UsccChecksum);
        }
        Ok(Self(code))
    }

    /// The code of 18 characters, letters in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the check character of the body code (GB 11714) is right. A wrong one deserves a
    /// warning only: the check character of the whole code decides.
    pub fn has_valid_body_code(&self) -> bool {
        let Some(body) = self.0.get(8..17) else {
            return false;
        };
        body_check_character(body) == body.chars().next_back()
    }
}

/// The check character of the first 17 characters (GB 32100-2015).
fn check_character(code: &str) -> Option<char> {
    let mut sum = 0;
    for (character, weight) in code.chars().zip(WEIGHTS) {
        sum += ALPHABET.find(character)? * weight;
    }
    // the outer modulus maps 31 to 0
    ALPHABET.chars().nth((31 - sum % 31) % 31)
}

/// The check character of the first 8 characters of a body code (GB 11714).
fn body_check_character(body: &str) -> Option<char> {
    let mut sum = 0;
    for (character, weight) in body.chars().zip(BODY_WEIGHTS) {
        // base 36 gives the standard's values: A is 10, Z is 35
        sum += character.to_digit(36)? * weight;
    }
    match 11 - sum % 11 {
        10 => Some('X'),
        11 => Some('0'),
        check => char::from_digit(check, 10),
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CreditCode {
    type Err = CnError;

    fn from_str(value: &str) -> Result<Self, CnError> {
        Self::parse(value)
    }
}

impl TryFrom<String> for CreditCode {
    type Error = CnError;

    fn try_from(value: String) -> Result<Self, CnError> {
        Self::parse(&value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepts_the_published_samples() {
        let code = CreditCode::parse("91350100M000100Y43").unwrap();
        assert_eq!(code.as_str(), "91350100M000100Y43");
        assert!(code.has_valid_body_code());
        // the sum is a multiple of 31
        assert!(CreditCode::parse("91350100M000000000").is_ok());
    }

    #[test]
    fn normalizes_case_and_width() {
        for value in ["91350100m000100y43", "９１３５０１００Ｍ０００１００Ｙ４３"] {
            let code = CreditCode::parse(value).unwrap();
            assert_eq!(code.to_string(), "91350100M000100Y43");
        }
    }

    #[test]
    fn refuses_with_the_right_code() {
        for (value, code) in [
            ("91350100M000100Y4Z", "uscc-charset"),
            ("91350100I000100Y43", "uscc-charset"),
            ("91350100M000100Y4中", "uscc-charset"),
            ("91350100M000100Y4\0", "uscc-charset"),
            ("91350100M000100Y44", "uscc-checksum"),
            ("91350100M000100Y4", "uscc-format"),
            ("91350100M000100Y433", "uscc-format"),
            (" 91350100M000100Y43", "uscc-format"),
            ("9135A100M000100Y43", "uscc-format"),
            ("91350100M000100YA3", "uscc-format"),
            ("", "uscc-format"),
        ] {
            let error = CreditCode::parse(value).unwrap_err();
            assert_eq!(error.code(), code, "{value:?}");
        }
    }

    #[test]
    fn a_wrong_body_code_is_accepted_but_told() {
        let front = "91350100M000100Y5";
        let check = check_character(front).unwrap();
        let code = CreditCode::parse(&format!("{front}{check}")).unwrap();
        assert!(!code.has_valid_body_code());
    }

    #[test]
    fn body_check_has_the_three_cases() {
        assert_eq!(body_check_character("M000100Y"), Some('4'));
        assert_eq!(body_check_character("00000000"), Some('0'));
        assert_eq!(body_check_character("40000000"), Some('X'));
    }

    #[test]
    fn serde_is_a_plain_string() {
        let code: CreditCode = serde_json::from_str("\"91350100m000100y43\"").unwrap();
        let json = serde_json::to_string(&code).unwrap();
        assert_eq!(json, "\"91350100M000100Y43\"");
        assert!(serde_json::from_str::<CreditCode>("\"91350100M000100Y44\"").is_err());
    }

    #[test]
    fn weights_follow_the_formula() {
        for (i, weight) in WEIGHTS.into_iter().enumerate() {
            assert_eq!(weight, 3usize.pow(i as u32) % 31);
        }
    }

    proptest! {
        #[test]
        fn never_panics(value in any::<String>()) {
            let _ = CreditCode::parse(&value);
        }

        #[test]
        fn what_is_generated_reads_back(
            front in "[1-9ANY][1-9][1-9][0-9]{5}[0-9A-HJ-NPQRTUWXY]{8}[0-9X]",
        ) {
            let value = format!("{front}{}", check_character(&front).unwrap());
            let code = CreditCode::parse(&value).unwrap();
            prop_assert_eq!(code.as_str(), &value);
            // every other check character is refused
            let valid = ALPHABET
                .chars()
                .filter(|c| CreditCode::parse(&format!("{front}{c}")).is_ok());
            prop_assert_eq!(valid.count(), 1);
        }
    }
}
