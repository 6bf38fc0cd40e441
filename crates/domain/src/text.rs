//! Free text as people type it: normalized, free of characters that deceive, and bounded in length.
//!
//! [`Line`] holds one line (a title, an address), [`Text`] may hold several (a description). Both
//! count characters as JSON Schema's `maxLength` does, by Unicode code point and not by byte.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Why a text was refused. Never holds the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum TextError {
    /// Nothing is left once the surrounding white space is gone.
    #[error("must not be empty")]
    Empty,
    /// More characters than the field takes.
    #[error("must have at most {max} characters")]
    TooLong {
        /// The most characters that the field takes.
        max: usize,
    },
    /// A control character, a line separator or a bidirectional override (see [`first_forbidden`]),
    /// or a line break or tab in a single line.
    #[error("must not contain control characters")]
    Forbidden,
}

impl TextError {
    /// The public code of this error.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "too-short",
            Self::TooLong { .. } => "too-long",
            Self::Forbidden => "control-character",
        }
    }
}

/// Unicode normalization form C (UAX #15), so that equal looking texts compare equal.
pub fn normalize(value: &str) -> String {
    value.nfc().collect()
}

/// The first character that no text may contain, or `None`:
///
/// * C0 and C1 controls and DEL, except `\n` and `\t` (ISO/IEC 6429). `\r` is refused: a line ends
///   with `\n` here.
/// * the bidirectional embeddings, overrides and isolates U+202A–U+202E and U+2066–U+2069 (UAX #9),
///   which make a text read as something other than it is.
/// * U+2028 and U+2029. They are no controls, but many programs take them for line ends, so a
///   "single line" would break in two in a log, a CSV file or a script. Nobody types them, and
///   `\n` says the same.
///
/// Joiners (U+200C, U+200D) stay: emoji and several scripts need them.
pub fn first_forbidden(value: &str) -> Option<char> {
    value.chars().find(|&c| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    })
}

/// Whether the text has no line break of any kind and no tab or other control.
pub fn is_single_line(value: &str) -> bool {
    !value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Defines a text type. The two differ only in whether line breaks and tabs are allowed.
macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name<const MAX: usize>(String);

        impl<const MAX: usize> $name<MAX> {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, without a copy.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl<const MAX: usize> TryFrom<&str> for $name<MAX> {
            type Error = TextError;

            fn try_from(value: &str) -> Result<Self, TextError> {
                let allowed: fn(&str) -> bool = $allowed;
                bounded(value, MAX, allowed).map(Self)
            }
        }

        impl<const MAX: usize> TryFrom<String> for $name<MAX> {
            type Error = TextError;

            fn try_from(value: String) -> Result<Self, TextError> {
                Self::try_from(value.as_str())
            }
        }

        impl<const MAX: usize> AsRef<str> for $name<MAX> {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl<const MAX: usize> Deref for $name<MAX> {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl<const MAX: usize> fmt::Display for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

bounded_text! {
    /// One line of 1 to `MAX` characters, trimmed and in NFC, without line breaks and tabs.
    Line, is_single_line
}

bounded_text! {
    /// A text of 1 to `MAX` characters, trimmed and in NFC; line breaks and tabs are allowed.
    Text, |_| true
}

fn bounded(value: &str, max: usize, allowed: fn(&str) -> bool) -> Result<String, TextError> {
    // Before trimming, which would remove some controls: whether a character is allowed must not
    // depend on where it stands.
    if first_forbidden(value).is_some() || !allowed(value) {
        return Err(TextError::Forbidden);
    }
    let text = normalize(value.trim());
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().count() > max {
        return Err(TextError::TooLong { max });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(value: &str) -> Result<Line<10>, TextError> {
        Line::try_from(value)
    }

    fn text(value: &str) -> Result<Text<10>, TextError> {
        Text::try_from(value)
    }

    #[test]
    fn trims_and_normalizes() {
        assert_eq!(line(" \u{3000}水龙头 ").unwrap().as_str(), "水龙头");
        assert_eq!(text("\n一\n\t二\n").unwrap().as_str(), "一\n\t二");
        assert_eq!(line("e\u{301}").unwrap().as_str(), "é");
    }

    #[test]
    fn keeps_rare_characters_and_emoji() {
        for value in ["𠮷", "㛃", "👨‍👩‍👧", "😀", "买买提·艾合买提"] {
            assert_eq!(line(value).unwrap().as_str(), value);
            assert_eq!(text(value).unwrap().into_string(), value);
        }
    }

    #[test]
    fn counts_characters_not_bytes() {
        assert!(line(&"𠮷".repeat(10)).is_ok());
        assert_eq!(line(&"𠮷".repeat(11)), Err(TextError::TooLong { max: 10 }));
        // ten characters after composition
        assert!(line(&"e\u{301}".repeat(10)).is_ok());
        assert!(line(&format!("   {}   ", "a".repeat(10))).is_ok());
    }

    #[test]
    fn refuses_the_empty() {
        for value in ["", " ", "\u{3000}\u{A0}"] {
            assert_eq!(line(value), Err(TextError::Empty));
            assert_eq!(text(value), Err(TextError::Empty));
        }
        assert_eq!(text("\n\t\n"), Err(TextError::Empty));
    }

    #[test]
    fn refuses_controls_and_overrides_wherever_they_stand() {
        let forbidden = ('\0'..='\u{9F}')
            .filter(|c| c.is_control() && !matches!(c, '\n' | '\t'))
            .chain('\u{2028}'..='\u{202E}')
            .chain('\u{2066}'..='\u{2069}');
        for c in forbidden {
            for value in [format!("{c}a"), format!("a{c}a"), format!("a{c}")] {
                assert_eq!(first_forbidden(&value), Some(c));
                assert_eq!(line(&value), Err(TextError::Forbidden), "{c:?}");
                assert_eq!(text(&value), Err(TextError::Forbidden), "{c:?}");
            }
        }
    }

    #[test]
    fn only_text_takes_line_breaks() {
        for value in ["a\nb", "a\tb", "a\n"] {
            assert!(!is_single_line(value));
            assert_eq!(first_forbidden(value), None);
            assert_eq!(line(value), Err(TextError::Forbidden));
            assert!(text(value).is_ok());
        }
    }

    #[test]
    fn serde_is_a_plain_string() {
        let parsed: Line<10> = serde_json::from_str("\" 标题 \"").unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), "\"标题\"");
        assert_eq!(parsed.to_string(), "标题");
        assert_eq!(parsed.len(), 6);
        let error = serde_json::from_str::<Text<3>>("\"secret\"").unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn codes() {
        assert_eq!(TextError::Empty.code(), "too-short");
        assert_eq!(TextError::TooLong { max: 1 }.code(), "too-long");
        assert_eq!(TextError::Forbidden.code(), "control-character");
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(value in any::<String>()) {
            let once = normalize(&value);
            prop_assert_eq!(normalize(&once), once);
        }

        #[test]
        fn what_is_accepted_is_clean_and_stays_as_it_is(value in any::<String>()) {
            if let Ok(text) = text(&value) {
                prop_assert_eq!(first_forbidden(&text), None);
                prop_assert!((1..=10).contains(&text.chars().count()));
                prop_assert_eq!(text.trim(), text.as_str());
                prop_assert_eq!(Text::try_from(text.as_str()), Ok(text.clone()));
            }
            if let Ok(line) = line(&value) {
                prop_assert!(is_single_line(&line));
                prop_assert_eq!(text(&value).unwrap().into_string(), line.into_string());
            }
        }
    }
}
