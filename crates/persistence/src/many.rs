//! Many ids or codes as one parameter, so that a statement has one text, and one plan, however many there are.

use domain::cn::RegionCode;
use sea_orm::{DbBackend, Value};
use uuid::Uuid;

/// The condition that a column is one of the ids of a parameter.
pub(crate) fn is_one_of(backend: DbBackend, column: &str, parameter: u8) -> String {
    match backend {
        DbBackend::Postgres => format!("{column} = ANY (CAST(${parameter} AS uuid[]))"),
        _ => format!("{column} IN (SELECT unhex(value) FROM json_each(${parameter}))"),
    }
}

/// The same for codes of regions.
pub(crate) fn is_one_of_codes(backend: DbBackend, column: &str, parameter: u8) -> String {
    match backend {
        DbBackend::Postgres => format!("{column} = ANY (CAST(${parameter} AS text[]))"),
        _ => format!("{column} IN (SELECT value FROM json_each(${parameter}))"),
    }
}

/// The ids: an array of PostgreSQL as text, or JSON of hexadecimal digits.
pub(crate) fn ids(backend: DbBackend, ids: impl IntoIterator<Item = Uuid>) -> Value {
    optional_ids(backend, ids.into_iter().map(Some))
}

/// The same where some are missing.
pub(crate) fn optional_ids(backend: DbBackend, ids: impl IntoIterator<Item = Option<Uuid>>) -> Value {
    list(backend, ids.into_iter().map(|id| id.map(|id| id.simple().to_string())))
}

/// Codes of regions, which are digits.
pub(crate) fn codes<'a>(backend: DbBackend, codes: impl IntoIterator<Item = &'a RegionCode>) -> Value {
    list(backend, codes.into_iter().map(|code| Some(code.as_str())))
}

/// Bytes as both databases read them from a text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Texts, whatever they hold, as an array of PostgreSQL.
pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""));
    format!("{{{}}}", texts.into_iter().map(quoted).collect::<Vec<_>>().join(",")).into()
}

/// Words of letters and digits, which need no quoting in either form.
fn list(backend: DbBackend, words: impl IntoIterator<Item = Option<impl AsRef<str>>>) -> Value {
    let (open, quote, missing, close) = match backend {
        DbBackend::Postgres => ("{", "", "NULL", "}"),
        _ => ("[", "\"", "null", "]"),
    };
    let mut text = String::from(open);
    for word in words {
        if text.len() > open.len() {
            text.push(',');
        }
        match word {
            Some(word) => text.extend([quote, word.as_ref(), quote]),
            None => text.push_str(missing),
        }
    }
    text.push_str(close);
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_reads_its_own_form() {
        let one = Uuid::from_u128(1);
        let of = |backend, many: &[Option<Uuid>]| optional_ids(backend, many.iter().copied());
        let hex = "00000000000000000000000000000001";
        assert_eq!(of(DbBackend::Postgres, &[]), "{}".into());
        assert_eq!(of(DbBackend::Postgres, &[Some(one), None]), format!("{{{hex},NULL}}").into());
        assert_eq!(of(DbBackend::Sqlite, &[]), "[]".into());
        assert_eq!(of(DbBackend::Sqlite, &[Some(one), None]), format!("[\"{hex}\",null]").into());
    }

    #[test]
    fn texts_hold_what_they_hold() {
        let array = texts(["王", "a,b", "\"}", "\\", "NULL"]);
        assert_eq!(array, "{\"王\",\"a,b\",\"\\\"}\",\"\\\\\",\"NULL\"}".into());
    }
}
