//! The way to the rows, on a connection or within a transaction.

use std::fmt::Display;

use domain::access::{Access, Grasp, Located};
use sea_orm::ConnectionTrait;

use crate::{
    error::{Error, Result},
    sealed::is_listed,
    vault::{Cell, Class, Vault},
};

/// A row that the caller sees, and what he has of it.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// The row.
    pub row: T,
    /// How it is shown to him and what he may do.
    pub grasp: Grasp,
}

impl<T: Located> Found<T> {
    /// Judges a loaded row: out of sight is not found.
    pub(crate) fn judge(access: &Access, row: T) -> Result<Self> {
        let grasp = access.grasp(&row).ok_or(Error::NotFound)?;
        Ok(Self { row, grasp })
    }

    /// Refuses what is seen but not permitted.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn permitted(self, access: &Access) -> Result<Self> {
        if self.grasp.actions.has(access.action()) { Ok(self) } else { Err(Error::Forbidden) }
    }
}

/// The rows of a database, each kind by a finder of its own.
#[derive(Debug)]
pub struct Rows<'a, C> {
    pub(crate) conn: &'a C,
    pub(crate) vault: &'a Vault,
}

impl<C> Clone for Rows<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Rows<'_, C> {}

impl<'a, C: ConnectionTrait> Rows<'a, C> {
    pub(crate) fn new(conn: &'a C, vault: &'a Vault) -> Self {
        Self { conn, vault }
    }
}

/// Reads a word that only this program writes.
pub(crate) fn word<T>(parsed: Option<T>, table: &'static str, column: &'static str, row: &impl Display) -> Result<T> {
    parsed.ok_or_else(|| Error::Corrupt { table, column, row: row.to_string() })
}

/// Seals the columns of one row.
#[derive(Clone, Copy)]
pub(crate) struct Sealer<'a> {
    pub vault: &'a Vault,
    pub table: &'static str,
    pub row: &'a str,
}

impl Sealer<'_> {
    /// Seals a value whose place is listed: any other one would be forgotten when keys are changed.
    pub fn seal(&self, class: Class, column: &'static str, plain: Option<&str>) -> Result<Option<String>> {
        if !is_listed(self.table, column, class) {
            return Err(self.corrupt(column));
        }
        plain.map(|plain| self.vault.seal(class, self.cell(column), plain)).transpose()
    }

    pub fn open(&self, class: Class, column: &'static str, sealed: Option<&str>) -> Result<Option<String>> {
        sealed.map(|sealed| self.vault.open(class, self.cell(column), sealed)).transpose()
    }

    fn cell(&self, column: &'static str) -> Cell<'_> {
        Cell { table: self.table, column, row: self.row }
    }

    /// A value that opens but is not what this program writes.
    pub fn corrupt(&self, column: &'static str) -> Error {
        Error::Corrupt { table: self.table, column, row: self.row.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::VaultKeys;

    #[test]
    fn nothing_is_sealed_where_keys_would_not_find_it() {
        let key = |id: &str| vec![(id.to_owned(), [1; 32])];
        let vault = Vault::new(&VaultKeys { personal: key("p1"), sensitive: key("s1"), index: [2; 32] }).unwrap();
        let sealer = |table| Sealer { vault: &vault, table, row: "a" };
        assert!(sealer("persons").seal(Class::Personal, "phone", Some("x")).is_ok());
        for (table, column, class) in [
            ("persons", "phone", Class::Sensitive),
            ("persons", "name", Class::Personal),
            ("users", "phone", Class::Personal),
        ] {
            assert!(sealer(table).seal(class, column, Some("x")).is_err(), "{table}.{column}");
        }
    }
}
