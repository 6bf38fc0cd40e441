//! Passwords: what is taken for one.

use std::{collections::HashSet, sync::LazyLock};

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordFault {
    /// Fewer characters than needed.
    TooShort,
    /// It contains the name of the product, or something that everybody knows of the account, or many have it.
    Guessable,
    /// Its characters are of too few sorts.
    TooPlain,
}

impl PasswordFault {
    /// The code of the public catalog.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "password-too-short",
            Self::Guessable => "password-guessable",
            Self::TooPlain => "password-too-plain",
        }
    }
}

/// What is asked of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRules {
    /// Whether it is for an office, which needs a longer one.
    pub privileged: bool,
    /// Whether its characters must be of three sorts.
    pub composed: bool,
}

/// Characters of the password of whoever holds an office.
const LONG: usize = 12;
/// Characters of the password of a resident.
const SHORT: usize = 8;
/// Of lower case, upper case, digits and all others.
const SORTS: usize = 3;

/// Passwords that many have.
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("common_passwords.txt").lines();
    lines.filter(|line| !line.starts_with('#')).collect()
});

/// Judges a password (OWASP ASVS 5.0 §6.2), and tells whether it is long enough for an office too. `context` is what
/// everybody knows of the account: user name, region, telephone number.
///
/// # Errors
/// [`PasswordFault`]
pub fn check_password(password: &str, context: &[&str], rules: PasswordRules) -> Result<bool, PasswordFault> {
    let length = password.chars().count();
    if length < if rules.privileged { LONG } else { SHORT } {
        return Err(PasswordFault::TooShort);
    }
    // a number is the same number with hyphens in it
    let plain = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let typed = plain(password);
    let known = ["lianxin", "连心"].iter().chain(context).map(|word| plain(word));
    if known.into_iter().any(|word| !word.is_empty() && typed.contains(&word)) {
        return Err(PasswordFault::Guessable);
    }
    if COMMON.contains(password.to_lowercase().as_str()) || COMMON.contains(typed.as_str()) {
        return Err(PasswordFault::Guessable);
    }
    if rules.composed && sorts(password) < SORTS {
        return Err(PasswordFault::TooPlain);
    }
    Ok(length >= LONG)
}

fn sorts(password: &str) -> usize {
    let sort = |c: char| match c {
        'a'..='z' => 0,
        'A'..='Z' => 1,
        '0'..='9' => 2,
        _ => 3,
    };
    password.chars().map(sort).collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: PasswordRules = PasswordRules { privileged: false, composed: false };
    const OFFICE: PasswordRules = PasswordRules { privileged: true, composed: false };
    const COMPOSED: PasswordRules = PasswordRules { privileged: false, composed: true };

    #[test]
    fn length_counts_characters_and_offices_need_more() {
        assert_eq!(check_password("七个汉字不够长", &[], ANY), Err(PasswordFault::TooShort));
        assert_eq!(check_password("八个汉字就够长了", &[], ANY), Ok(false));
        assert_eq!(check_password("eleven-char", &[], OFFICE), Err(PasswordFault::TooShort));
        assert_eq!(check_password("twelve-chars", &[], OFFICE), Ok(true));
    }

    #[test]
    fn what_everybody_knows_is_no_password() {
        let context = ["zhang.min", "公园北村社区", "13800138000"];
        for password in ["my-LianXin-2026", "ZhangMin-2026", "爱公园北村社区呀", "138 0013-8000", "连心连心连心连心"]
        {
            assert_eq!(check_password(password, &context, ANY), Err(PasswordFault::Guessable), "{password}");
        }
        assert_eq!(check_password("138-0013-8001", &context, ANY), Ok(true));
        assert_eq!(check_password("--------", &["", "-"], ANY), Ok(false));
    }

    #[test]
    fn what_many_have_is_no_password() {
        assert!(COMMON.len() >= 3000);
        for password in ["Password", "1qaz2wsx", "woaini1314", "1234-5678-90", "Qwertyuiop", "P@ssw0rd"] {
            assert_eq!(check_password(password, &[], ANY), Err(PasswordFault::Guessable), "{password}");
        }
    }

    #[test]
    fn composition_is_asked_for_where_it_is() {
        for (password, taken) in [
            ("only lower case", false),
            ("lower case and 7", true),
            ("UPPER CASE 7", true),
            ("lower7digits", false),
            ("八个汉字就够长了", false),
            ("汉字 and 7 digits", true),
        ] {
            assert_eq!(check_password(password, &[], COMPOSED).is_ok(), taken, "{password}");
            assert!(check_password(password, &[], ANY).is_ok());
        }
    }
}
