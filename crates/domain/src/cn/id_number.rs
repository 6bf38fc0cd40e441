//! Citizen identity number, GB 11643-1999.
//!
//! 6 digits address code, 8 digits birth date, 3 digits sequence number (odd male, even female) and
//! a check character. The address code is that of the first registration and may be abolished
//! since, so it is not looked up. Residence permits for people from Hong Kong, Macao (81, 82) and
//! Taiwan (83) follow the same rule; other documents are another kind of identifier.

use std::fmt;

use chrono::{Datelike, NaiveDate};

use super::{CnError, Sex, half_width, is_digits};

/// Weights of the first 17 digits, 2^(17−i) mod 11 (ISO 7064 MOD 11-2).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/// Check characters by the weighted sum mod 11 (GB 11643-1999).
const CHECK_CHARACTERS: &str = "10X98765432";

/// A valid ID number (GB 11643-1999). `Debug` shows it masked; there is no `Display` and no serde.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdNumber {
    number: String,
    birth_date: NaiveDate,
    sex: Sex,
}

impl IdNumber {
    /// Reads an ID number of 18 characters (GB 11643-1999). `today` is the date in Asia/Shanghai.
    ///
    /// Full-width characters and a small `x` are normalized, nothing else is repaired. A number
    /// that ends in `000` with a wrong check character went through a spreadsheet, which keeps 15
    /// digits. With a right one it is accepted, because such numbers are issued; an importer that
    /// reads a numeric cell must refuse it by the type of the cell.
    pub fn parse(value: &str, today: NaiveDate) -> Result<Self, CnError> {
        let number = half_width(value).to_ascii_uppercase();
        if is_scientific(&number) {
            return Err(CnError::PrecisionLost);
        }
        if is_legacy(&number) {
            return Err(CnError::LegacyIdNumber);
        }
        let (body, check) = split_check(&number).ok_or(CnError::IdNumberFormat)?;
        if check_character(body) != Some(check) {
            return Err(if number.ends_with("000") { CnError::PrecisionLost } else { CnError::IdNumberChecksum });
        }
        let birth_date =
            birth_date(body).filter(|date| date.year() >= 1900 && *date <= today).ok_or(CnError::IdNumberDate)?;
        let sex = match body.bytes().last() {
            Some(digit) if digit % 2 == 1 => Sex::Male,
            _ => Sex::Female,
        };
        Ok(Self { number, birth_date, sex })
    }

    /// Converts a number of 15 digits (GB 11643-1989): inserts the century `19` and appends the
    /// check character. For imports only; elsewhere people enter the number that is valid today.
    pub fn from_legacy(value: &str, today: NaiveDate) -> Result<Self, CnError> {
        let number = half_width(value);
        if !is_legacy(&number) {
            return Err(CnError::IdNumberFormat);
        }
        let (address, rest) = number.split_at_checked(6).ok_or(CnError::IdNumberFormat)?;
        let body = format!("{address}19{rest}");
        let check = check_character(&body).ok_or(CnError::IdNumberFormat)?;
        Self::parse(&format!("{body}{check}"), today)
    }

    /// The birth date, digits 7 to 14 (GB 11643-1999).
    pub fn birth_date(&self) -> NaiveDate {
        self.birth_date
    }

    /// The sex, by the parity of digit 17 (GB 11643-1999).
    pub fn sex(&self) -> Sex {
        self.sex
    }

    /// The plain number of 18 characters. Personal data: encrypt before storing, never log.
    pub fn as_str(&self) -> &str {
        &self.number
    }

    /// First and last character only, such as `3****************X`. Showing the usual last four
    /// beside region and birth date would give the whole number away.
    pub fn masked(&self) -> String {
        let mut characters = self.number.chars();
        let first = characters.next().unwrap_or('*');
        let last = characters.next_back().unwrap_or('*');
        format!("{first}****************{last}")
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the birth date is left out too: it is eight digits of the number
        f.debug_tuple("IdNumber").field(&self.masked()).finish()
    }
}

/// A floating point number such as `3.60502E+17`, as spreadsheets show long numbers.
fn is_scientific(value: &str) -> bool {
    let Some((mantissa, exponent)) = value.split_once('E') else {
        return false;
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    is_digits(whole) && is_digits(fraction) && is_digits(exponent)
}

fn is_legacy(value: &str) -> bool {
    value.len() == 15 && is_digits(value) && !value.starts_with('0')
}

/// Splits a number of the right shape into its 17 digits and the check character.
fn split_check(number: &str) -> Option<(&str, char)> {
    let check = number.chars().next_back()?;
    let body = number.strip_suffix(check)?;
    let shape = body.len() == WEIGHTS.len()
        && is_digits(body)
        && !body.starts_with('0')
        && (check.is_ascii_digit() || check == 'X');
    shape.then_some((body, check))
}

/// The check character of 17 digits (ISO 7064 MOD 11-2).
fn check_character(body: &str) -> Option<char> {
    let mut sum = 0;
    for (digit, weight) in body.chars().zip(WEIGHTS) {
        sum += digit.to_digit(10)? * weight;
    }
    CHECK_CHARACTERS.chars().nth((sum % 11) as usize)
}

fn birth_date(body: &str) -> Option<NaiveDate> {
    let year = body.get(6..10)?.parse().ok()?;
    let month = body.get(10..12)?.parse().ok()?;
    let day = body.get(12..14)?.parse().ok()?;
    NaiveDate::from_ymd_opt(year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    fn parse(value: &str) -> Result<IdNumber, CnError> {
        IdNumber::parse(value, date(2026, 3, 12))
    }

    fn complete(body: &str) -> String {
        format!("{body}{}", check_character(body).unwrap())
    }

    #[test]
    fn accepts_the_published_samples() {
        let first = parse("11010519491231002X").unwrap();
        assert_eq!(first.as_str(), "11010519491231002X");
        assert_eq!(first.birth_date(), date(1949, 12, 31));
        assert_eq!(first.sex(), Sex::Female);
        let other = parse("34052419800101001X").unwrap();
        assert_eq!(other.birth_date(), date(1980, 1, 1));
        assert_eq!(other.sex(), Sex::Male);
    }

    #[test]
    fn normalizes_case_and_width() {
        for value in ["11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ"] {
            assert_eq!(parse(value).unwrap().as_str(), "11010519491231002X");
        }
    }

    #[test]
    fn refuses_with_the_right_code() {
        for (value, code) in [
            ("110105194912310021", "id-number-checksum"),
            ("110105194912320025", "id-number-date"),
            ("440524188001010014", "id-number-date"),
            ("110105491231002", "legacy-id-number"),
            ("3.60502E+17", "precision-lost"),
            ("3.60502e17", "precision-lost"),
            ("360502199001010000", "precision-lost"),
            ("", "id-number-format"),
            ("11010519491231002", "id-number-format"),
            ("11010519491231002XX", "id-number-format"),
            ("01010519491231002X", "id-number-format"),
            ("1101051949123100XX", "id-number-format"),
            ("11010519491231002Y", "id-number-format"),
            (" 11010519491231002X", "id-number-format"),
            ("110105 19491231 002X", "id-number-format"),
            ("11010519491231002\0", "id-number-format"),
            ("E", "id-number-format"),
            ("身份证", "id-number-format"),
        ] {
            assert_eq!(parse(value).unwrap_err().code(), code, "{value:?}");
        }
    }

    #[test]
    fn a_number_may_really_end_in_three_zeros() {
        assert!(parse("360502199001017000").is_ok());
    }

    #[test]
    fn birth_is_between_1900_and_today() {
        assert!(parse(&complete("11010519000101001")).is_ok());
        assert!(parse(&complete("11010520260312001")).is_ok());
        for body in ["11010518991231001", "11010520260313001", "11010519000229001"] {
            assert_eq!(parse(&complete(body)), Err(CnError::IdNumberDate));
        }
    }

    #[test]
    fn residence_permits_follow_the_same_rule() {
        // from Hong Kong, Macao, Taiwan
        for body in ["81000019900101001", "82000019900101002", "83000019900101003"] {
            assert!(parse(&complete(body)).is_ok(), "{body}");
        }
    }

    #[test]
    fn an_address_code_may_be_abolished() {
        // Wan county of Sichuan, long since a part of Chongqing
        assert!(parse(&complete("51222119700101001")).is_ok());
    }

    #[test]
    fn converts_the_legacy_form() {
        let today = date(2026, 3, 12);
        let number = IdNumber::from_legacy("110105491231002", today).unwrap();
        assert_eq!(number.as_str(), "11010519491231002X");
        for value in ["", "11010519491231002X", "11010549123100X"] {
            let error = IdNumber::from_legacy(value, today);
            assert_eq!(error, Err(CnError::IdNumberFormat));
        }
        let error = IdNumber::from_legacy("110105491232002", today);
        assert_eq!(error, Err(CnError::IdNumberDate));
    }

    #[test]
    fn shows_itself_masked() {
        let number = parse("34052419800101001X").unwrap();
        assert_eq!(number.masked(), "3****************X");
        assert_eq!(number.masked().len(), 18);
        assert_eq!(format!("{number:?}"), "IdNumber(\"3****************X\")");
    }

    #[test]
    fn weights_follow_the_formula() {
        for (i, weight) in WEIGHTS.into_iter().enumerate() {
            assert_eq!(weight, 2u32.pow(17 - i as u32) % 11);
        }
    }

    prop_compose! {
        fn any_number()(
            address in 110_000u32..=839_999,
            days in 0i64..=46_000,
            sequence in 0u32..=999,
        ) -> (String, NaiveDate, u32) {
            let born = date(1900, 1, 1) + chrono::TimeDelta::days(days);
            let body = format!("{address}{}{sequence:03}", born.to_string().replace('-', ""));
            (complete(&body), born, sequence)
        }
    }

    proptest! {
        #[test]
        fn never_panics(value in any::<String>()) {
            let _ = parse(&value);
            let _ = IdNumber::from_legacy(&value, date(2026, 3, 12));
        }

        #[test]
        fn what_is_generated_reads_back((value, born, sequence) in any_number()) {
            let number = parse(&value).unwrap();
            prop_assert_eq!(number.as_str(), &value);
            prop_assert_eq!(number.birth_date(), born);
            prop_assert_eq!(number.sex() == Sex::Male, sequence % 2 == 1);
        }

        #[test]
        fn a_wrong_digit_is_noticed((value, _, _) in any_number(), at in 0usize..17, add in 1u8..10) {
            let mut bytes = value.into_bytes();
            if let Some(digit) = bytes.get_mut(at) {
                *digit = b'0' + (*digit - b'0' + add) % 10;
            }
            prop_assert!(parse(&String::from_utf8(bytes).unwrap()).is_err());
        }

        #[test]
        fn swapped_neighbors_are_noticed((value, _, _) in any_number(), at in 0usize..16) {
            let mut bytes = value.clone().into_bytes();
            bytes.swap(at, at + 1);
            let swapped = String::from_utf8(bytes).unwrap();
            prop_assert!(swapped == value || parse(&swapped).is_err());
        }
    }
}
