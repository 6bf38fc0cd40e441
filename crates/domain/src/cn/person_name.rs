//! Names of people, in any script.
//!
//! A name is letters: Han including the rare characters beyond the basic block (𠮷, 㛃 and all
//! extensions of Unicode), Latin, Uyghur, Tibetan and so on. The middle dot `·` (U+00B7, A1A4
//! in GB 18030) between the parts of a transcribed name is the only separator.

use std::fmt;

use unicode_normalization::char::is_combining_mark;

use super::{CnError, trim};
use crate::text;

/// The separator inside a transcribed name, MIDDLE DOT.
const SEPARATOR: char = '\u{B7}';

/// The most characters of a name.
const MAX: usize = 50;

/// The name of a person, 1 to 50 characters in NFC. `Debug` shows it masked; there is no `Display`
/// and no serde.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonName(String);

impl PersonName {
    /// Reads a name of 1 to 50 letters (any script) with `·` U+00B7 between its parts.
    ///
    /// Surrounding spaces are trimmed, the text is put in NFC, and the dots that input methods
    /// give instead (`•` U+2022, `・` U+30FB, `．` U+FF0E) become `·`. Digits, spaces, emoji,
    /// controls and bidirectional overrides are no letters and are refused.
    pub fn parse(value: &str) -> Result<Self, CnError> {
        let name: String = text::normalize(trim(value))
            .chars()
            .map(|c| match c {
                '\u{2022}' | '\u{30FB}' | '\u{FF0E}' => SEPARATOR,
                _ => c,
            })
            .collect();
        if name.chars().count() > MAX || !name.split(SEPARATOR).all(is_part) {
            return Err(CnError::NameFormat);
        }
        Ok(Self(name))
    }

    /// The plain name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first character and one star for each further one, but one star at least and two at
    /// most, so that the length of a long name does not tell who it is: `王*`, `丁**`, `买**`.
    pub fn masked(&self) -> String {
        let mut characters = self.0.chars();
        let first = characters.next().unwrap_or('*');
        let stars = if characters.count() < 2 { "*" } else { "**" };
        format!("{first}{stars}")
    }
}

/// Letters, and the marks that some scripts put on them. An empty part would be a name that begins
/// or ends with the separator or has two in a row.
fn is_part(part: &str) -> bool {
    part.starts_with(char::is_alphabetic) && part.chars().all(|c| c.is_alphabetic() || is_combining_mark(c))
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PersonName").field(&self.masked()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(value: &str) -> PersonName {
        PersonName::parse(value).unwrap()
    }

    #[test]
    fn accepts_every_script() {
        for value in [
            "王强",
            "丁丽群",
            "王",
            "欧阳修远",
            "𠮷野",
            "㛃",
            "〇",
            "葛\u{E0100}",
            "买买提·艾合买提",
            "José",
            "Müller·Anna",
            "مەمەت",
            "བཀྲ",
            "ꀀꀁ",
        ] {
            assert_eq!(name(value).as_str(), text::normalize(value), "{value}");
        }
    }

    #[test]
    fn normalizes_dots_and_form() {
        for dot in ['·', '•', '・', '．', '\u{387}'] {
            let parsed = name(&format!("买买提{dot}艾合买提"));
            assert_eq!(parsed.as_str(), "买买提·艾合买提");
        }
        assert_eq!(name("Jose\u{301}").as_str(), "José");
        assert_eq!(name("\u{3000}王强 ").as_str(), "王强");
    }

    #[test]
    fn counts_characters() {
        assert!(PersonName::parse(&"𠮷".repeat(50)).is_ok());
        assert!(PersonName::parse(&"e\u{301}".repeat(50)).is_ok());
        let long = PersonName::parse(&"王".repeat(51));
        assert_eq!(long, Err(CnError::NameFormat));
    }

    #[test]
    fn refuses_everything_else() {
        for value in [
            "",
            " ",
            "123",
            "１２３",
            "王3",
            "·",
            "·王",
            "王·",
            "买买提··艾合买提",
            "王 强",
            "O'Neil",
            "王😀",
            "王\0强",
            "王强\n",
            "\u{202E}王强",
            "王\u{202A}强",
            "王\u{2066}强\u{2069}",
            "王\u{200B}强",
            "\u{301}a",
            "王·\u{301}",
            "<b>",
        ] {
            assert_eq!(PersonName::parse(value), Err(CnError::NameFormat), "{value:?}");
        }
    }

    #[test]
    fn shows_itself_masked() {
        for (value, masked) in [
            ("王", "王*"),
            ("王强", "王*"),
            ("丁丽群", "丁**"),
            ("欧阳修远", "欧**"),
            ("𠮷野", "𠮷*"),
            ("买买提·艾合买提", "买**"),
            ("José", "J**"),
        ] {
            assert_eq!(name(value).masked(), masked);
            assert_eq!(format!("{:?}", name(value)), format!("PersonName(\"{masked}\")"));
        }
    }

    proptest! {
        #[test]
        fn never_panics(value in any::<String>()) {
            let _ = PersonName::parse(&value);
        }

        #[test]
        fn what_is_accepted_stays_as_it_is(value in "[\\p{L}\\p{M}·•・．]{1,60}") {
            if let Ok(name) = PersonName::parse(&value) {
                prop_assert_eq!(PersonName::parse(name.as_str()), Ok(name.clone()));
                prop_assert_eq!(text::first_forbidden(name.as_str()), None);
                prop_assert!((1..=50).contains(&name.as_str().chars().count()));
                prop_assert!((2..=3).contains(&name.masked().chars().count()));
            }
        }

        #[test]
        fn han_names_are_accepted(
            // the basic block and extensions A and B
            value in "[\\u{4E00}-\\u{9FFF}\\u{3400}-\\u{4DBF}\\u{20000}-\\u{2A6DF}]{1,6}",
        ) {
            let name = PersonName::parse(&value).unwrap();
            prop_assert_eq!(name.as_str(), &value);
        }
    }
}
