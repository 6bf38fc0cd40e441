//! Phone numbers of mainland China, mobile and landline, kept in E.164.
//!
//! Which operator owns which mobile segment changes and is not checked. The plan of area codes is
//! stable: 10 and 2x have two digits, all others three and begin with 3 to 9.

use std::fmt;

use super::{CnError, half_width, is_digits};

const COUNTRY: &str = "+86";

/// Separates an extension from the number in the stored form (RFC 3966).
const EXTENSION: &str = ";ext=";

/// A phone number. `Debug` shows it masked; there is no `Display` and no serde.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone {
    /// `+86`, the national number and, for a landline that has one, `;ext=` and the extension.
    stored: String,
}

impl Phone {
    /// Reads a mobile number (`^1[3-9]\d{9}$`) or a landline (`^0\d{2,3}-?\d{7,8}(-\d{1,6})?$`
    /// with an area code of the numbering plan).
    ///
    /// Full-width characters are normalized, spaces removed, and a prefix `+86`, `0086` or `86` is
    /// taken off, after which a landline may lack its 0. In a mobile number hyphens are removed
    /// too. In a landline they mean something: they set off the area code and the extension.
    pub fn parse(value: &str) -> Result<Self, CnError> {
        let number = half_width(value).replace(' ', "");
        Self::mobile(&number).or_else(|| Self::landline(&number)).ok_or(CnError::PhoneFormat)
    }

    /// Reads the form of [`Phone::e164`] and no other, for stored values.
    pub fn from_e164(value: &str) -> Result<Self, CnError> {
        let number = value.strip_prefix(COUNTRY).ok_or(CnError::PhoneFormat)?;
        match number.split_once(EXTENSION) {
            Some((national, extension)) => Self::new(national, Some(extension)),
            None => Self::new(number, None),
        }
        .ok_or(CnError::PhoneFormat)
    }

    /// The number in E.164: `+8613800138000` for a mobile, `+867916666666` for the landline
    /// `0791-6666666`, without 0 and hyphens. E.164 knows no extensions; one is appended as
    /// RFC 3966 has it, `+867916666666;ext=12`. So nothing is lost in storage, and two people
    /// behind one switchboard do not look like the same.
    pub fn e164(&self) -> &str {
        &self.stored
    }

    /// A mobile with the middle hidden, `138****8000`; of a landline the area code and the last
    /// two digits, `0791-*****66`, and no extension.
    pub fn masked(&self) -> String {
        let national = self.national();
        match area_digits(national) {
            Some(area) => {
                let (area, local) = national.split_at_checked(area).unwrap_or_default();
                format!("0{area}-{}", mask(local, 0, 2))
            }
            None => mask(national, 3, 4),
        }
    }

    fn national(&self) -> &str {
        let number = self.stored.strip_prefix(COUNTRY).unwrap_or_default();
        number.split_once(EXTENSION).map_or(number, |(n, _)| n)
    }

    fn mobile(number: &str) -> Option<Self> {
        let digits = number.replace('-', "");
        let national = strip_country(&digits).unwrap_or(&digits);
        if !is_mobile(national) {
            return None;
        }
        Self::new(national, None)
    }

    fn landline(number: &str) -> Option<Self> {
        let number = number.replace(EXTENSION, "-");
        let (national, abroad) = match strip_country(&number) {
            Some(rest) => (rest.strip_prefix('-').unwrap_or(rest), true),
            None => (number.as_str(), false),
        };
        let national = match national.strip_prefix('0') {
            Some(rest) => rest,
            None if abroad => national,
            None => return None,
        };
        let parts: Vec<&str> = national.split('-').collect();
        match parts.as_slice() {
            [all] => Self::new(all, None),
            // two or three digits are an area code, more are a whole number
            [area, local] if matches!(area.len(), 2 | 3) => Self::new(&format!("{area}{local}"), None),
            [all, extension] => Self::new(all, Some(extension)),
            [area, local, extension] if matches!(area.len(), 2 | 3) => {
                Self::new(&format!("{area}{local}"), Some(extension))
            }
            _ => None,
        }
    }

    /// The one place where a `Phone` is made, so every road accepts the same numbers.
    fn new(national: &str, extension: Option<&str>) -> Option<Self> {
        match extension {
            None if is_mobile(national) || is_landline(national) => {
                Some(Self { stored: format!("{COUNTRY}{national}") })
            }
            Some(extension) if is_landline(national) && is_extension(extension) => {
                Some(Self { stored: format!("{COUNTRY}{national}{EXTENSION}{extension}") })
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Phone").field(&self.masked()).finish()
    }
}

/// Shows the first `head` and the last `tail` digits and a star for each one between.
fn mask(digits: &str, head: usize, tail: usize) -> String {
    let hidden = digits.len().saturating_sub(head + tail);
    let first = digits.get(..head).unwrap_or_default();
    let last = digits.get(head + hidden..).unwrap_or_default();
    format!("{first}{}{last}", "*".repeat(hidden))
}

fn strip_country(number: &str) -> Option<&str> {
    ["+86", "0086", "86"].iter().find_map(|prefix| number.strip_prefix(prefix))
}

fn is_mobile(national: &str) -> bool {
    let mut digits = national.chars();
    is_digits(national)
        && national.len() == 11
        && digits.next() == Some('1')
        && matches!(digits.next(), Some('3'..='9'))
}

fn is_landline(national: &str) -> bool {
    let area = area_digits(national);
    is_digits(national) && area.is_some_and(|area| matches!(national.len() - area, 7 | 8))
}

fn is_extension(value: &str) -> bool {
    is_digits(value) && value.len() <= 6
}

/// How many digits the area code of a landline has, without the leading 0; `None` if the number
/// does not begin with an area code.
fn area_digits(national: &str) -> Option<usize> {
    let mut digits = national.chars();
    match (digits.next()?, digits.next()?, digits.next()?) {
        ('1', '0', _) | ('2', _, _) => Some(2),
        ('3'..='9', _, _) => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn e164(value: &str) -> Result<String, CnError> {
        Phone::parse(value).map(|p| p.e164().to_owned())
    }

    #[test]
    fn reads_mobiles() {
        for value in [
            "13800138000",
            "+86 138-0013-8000",
            "0086 138 0013 8000",
            "8613800138000",
            "+86-138-0013-8000",
            "１３８００１３８０００",
            "＋８６\u{3000}１３８－００１３－８０００",
            " 13800138000 ",
            // a long-distance 0 before a mobile is dialed and dropped alike
            "013800138000",
        ] {
            assert_eq!(e164(value).unwrap(), "+8613800138000", "{value}");
        }
        assert!(Phone::parse("19900000000").is_ok());
    }

    #[test]
    fn reads_landlines() {
        for (value, stored) in [
            ("0791-6666666", "+867916666666"),
            ("079166666666", "+8679166666666"),
            ("0791 6666 6666", "+8679166666666"),
            ("010-66666666", "+861066666666"),
            ("01066666666", "+861066666666"),
            ("+86 10 6666 6666", "+861066666666"),
            ("+86-010-66666666", "+861066666666"),
            ("0086-791-6666666", "+867916666666"),
            ("0791-6666666-12", "+867916666666;ext=12"),
            ("07916666666-123456", "+867916666666;ext=123456"),
            ("+867916666666;ext=12", "+867916666666;ext=12"),
        ] {
            assert_eq!(e164(value).unwrap(), stored, "{value}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for value in [
            "",
            "12800138000",
            "1380013800",
            "138001380000",
            "+1 13800138000",
            "+86",
            "86",
            "012800138000",
            "0128-00138000",
            "000-6666666",
            "66666666",
            "791-6666666",
            "0791-666666",
            "0791-666666666",
            "0791-6666666-",
            "0791-6666666-1234567",
            "0791--6666666",
            "0791-6666666-1-2",
            "01-066666666",
            "0791-66666ab",
            "079166666é",
            "13800138000-12",
            "013800138000-12",
            "13800138000\n",
            "\u{202D}13800138000\u{202C}",
            "1380013800０a",
            "٠١٠٦٦٦٦٦٦٦٦",
            "110",
            "-",
        ] {
            assert_eq!(Phone::parse(value), Err(CnError::PhoneFormat), "{value:?}");
        }
    }

    #[test]
    fn stored_values_are_read_strictly() {
        for value in [
            "13800138000",
            "8613800138000",
            "+86 13800138000",
            "+8612800138000",
            "+8607916666666",
            "+8613800138000;ext=1",
            "+867916666666;ext=",
            "+867916666666-12",
            "+86",
            "",
        ] {
            assert_eq!(Phone::from_e164(value), Err(CnError::PhoneFormat), "{value:?}");
        }
    }

    #[test]
    fn shows_itself_masked() {
        for (value, masked) in [
            ("13800138000", "138****8000"),
            ("0791-6666612", "0791-*****12"),
            ("010-66666612", "010-******12"),
            ("010-66666612-34", "010-******12"),
        ] {
            let phone = Phone::parse(value).unwrap();
            assert_eq!(phone.masked(), masked);
            assert_eq!(format!("{phone:?}"), format!("Phone(\"{masked}\")"));
        }
    }

    proptest! {
        #[test]
        fn never_panics(value in any::<String>(), near in "[+0-9 ;=ext-]{0,24}") {
            let _ = (Phone::parse(&value), Phone::from_e164(&value));
            let _ = (Phone::parse(&near), Phone::from_e164(&near));
        }

        #[test]
        fn every_way_to_write_a_mobile_is_one_number(number in "1[3-9][0-9]{9}") {
            let phone = Phone::from_e164(&format!("+86{number}")).unwrap();
            for prefix in ["", "86", "0086 ", "+86-", "0"] {
                prop_assert_eq!(Phone::parse(&format!("{prefix}{number}")), Ok(phone.clone()));
            }
        }

        #[test]
        fn stored_form_reads_back(near in "(0|0086|\\+86)?-?[0-9]{2,3}-?[0-9]{7,8}(-[0-9]{1,7})?") {
            if let Ok(phone) = Phone::parse(&near) {
                prop_assert_eq!(Phone::from_e164(phone.e164()), Ok(phone.clone()));
                prop_assert_eq!(Phone::parse(phone.e164()), Ok(phone.clone()));
                prop_assert!(phone.masked().contains("****"));
            }
        }
    }
}
