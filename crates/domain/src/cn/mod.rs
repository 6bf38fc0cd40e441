//! Chinese identifiers: region code, ID number, unified social credit code, phone, name.
//!
//! Each type is made by its `parse` only, so a value that exists is well-formed. What identifies a
//! person ([`IdNumber`], [`Phone`], [`PersonName`]) shows itself masked in `Debug` and has neither
//! `Display` nor serde: plain text leaves only where somebody wrote `as_str()` or `e164()`.

mod credit_code;
mod id_number;
mod person_name;
mod phone;
mod region_code;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use credit_code::CreditCode;
pub use id_number::IdNumber;
pub use person_name::PersonName;
pub use phone::Phone;
pub use region_code::{RegionCode, RegionLevel};

/// Why an identifier was refused. Never holds the rejected value, so it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum CnError {
    /// Not the shape of an ID number (GB 11643-1999).
    #[error("is not an ID number of 18 characters")]
    IdNumberFormat,
    /// The check character of an ID number is wrong (ISO 7064 MOD 11-2).
    #[error("has a wrong check character")]
    IdNumberChecksum,
    /// The birth date in an ID number does not exist, is before 1900 or in the future.
    #[error("contains an impossible birth date")]
    IdNumberDate,
    /// An ID number of 15 digits (GB 11643-1989), no longer valid.
    #[error("is an ID number of 15 digits, which is no longer valid")]
    LegacyIdNumber,
    /// A spreadsheet turned an ID number into a floating point number: digits are gone for good.
    #[error("lost digits in a spreadsheet")]
    PrecisionLost,
    /// A character that credit codes do not use, such as I, O, S, V or Z (GB 32100-2015).
    #[error("contains a character that credit codes do not use")]
    UsccCharset,
    /// Not the shape of a credit code (GB 32100-2015).
    #[error("is not a unified social credit code of 18 characters")]
    UsccFormat,
    /// The check character of a credit code is wrong (GB 32100-2015).
    #[error("has a wrong check character")]
    UsccChecksum,
    /// Not a region code (GB/T 2260, GB/T 10114 and the statistical division code).
    #[error("is not a region code of 2, 4, 6, 9, 12 or 15 digits")]
    RegionCodeFormat,
    /// Neither a mobile nor a landline number of mainland China.
    #[error("is not a phone number")]
    PhoneFormat,
    /// Not a name of 1 to 50 letters with `·` as the only separator.
    #[error("is not a name of 1 to 50 letters")]
    NameFormat,
}

impl CnError {
    /// The public code of this error.
    pub fn code(self) -> &'static str {
        match self {
            Self::IdNumberFormat => "id-number-format",
            Self::IdNumberChecksum => "id-number-checksum",
            Self::IdNumberDate => "id-number-date",
            Self::LegacyIdNumber => "legacy-id-number",
            Self::PrecisionLost => "precision-lost",
            Self::UsccCharset => "uscc-charset",
            Self::UsccFormat => "uscc-format",
            Self::UsccChecksum => "uscc-checksum",
            Self::RegionCodeFormat => "region-code-format",
            Self::PhoneFormat => "phone-format",
            Self::NameFormat => "name-format",
        }
    }
}

/// Sex as an ID number tells it (GB 11643-1999, parity of the sequence number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// 男: odd sequence number.
    Male,
    /// 女: even sequence number.
    Female,
}

/// Full-width forms (U+FF01–U+FF5E) and the ideographic space to ASCII, as input methods produce
/// them. Everything else stays for the caller to judge.
fn half_width(value: &str) -> String {
    value
        .chars()
        .map(|c| match c {
            '\u{3000}' => ' ',
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// Trims what people paste along, but no control character: those are refused everywhere.
fn trim(value: &str) -> &str {
    value.trim_matches(|c: char| c.is_whitespace() && !c.is_control())
}

fn is_digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_width_covers_the_whole_ascii_block() {
        let full: String = ('\u{FF01}'..='\u{FF5E}').collect();
        let ascii: String = ('!'..='~').collect();
        assert_eq!(half_width(&full), ascii);
        assert_eq!(half_width("\u{3000}"), " ");
        assert_eq!(half_width("𠮷·٣"), "𠮷·٣");
    }

    #[test]
    fn sex_in_json() {
        assert_eq!(serde_json::to_string(&Sex::Female).unwrap(), "\"female\"");
        assert_eq!(serde_json::from_str::<Sex>("\"male\"").unwrap(), Sex::Male);
    }

    #[test]
    fn codes_are_distinct() {
        let all = [
            CnError::IdNumberFormat,
            CnError::IdNumberChecksum,
            CnError::IdNumberDate,
            CnError::LegacyIdNumber,
            CnError::PrecisionLost,
            CnError::UsccCharset,
            CnError::UsccFormat,
            CnError::UsccChecksum,
            CnError::RegionCodeFormat,
            CnError::PhoneFormat,
            CnError::NameFormat,
        ];
        let codes: std::collections::BTreeSet<_> = all.iter().map(|e| e.code()).collect();
        assert_eq!(codes.len(), all.len());
    }

    proptest! {
        #[test]
        fn half_width_twice_changes_nothing(value in any::<String>()) {
            let once = half_width(&value);
            prop_assert_eq!(half_width(&once), once);
        }
    }
}
