//! Sealing of personal values, and the blind index that finds them again.
//!
//! A value is sealed with AES-256-GCM under the key of its class; table, column and row are authenticated with
//! it, so that a ciphertext moved to another row does not open. Keys come from outside the database.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

use crate::error::{Error, Result};

/// How sensitive a value is; each class has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Personal: telephone number, address.
    Personal,
    /// Sensitive: ID number, exact position.
    Sensitive,
}

/// The secrets of a vault: 32 bytes each, with the id under which sealed values name them. The first of a class
/// seals; all of them open.
#[derive(Clone)]
pub struct VaultKeys {
    /// Keys of [`Class::Personal`].
    pub personal: Vec<(String, [u8; 32])>,
    /// Keys of [`Class::Sensitive`].
    pub sensitive: Vec<(String, [u8; 32])>,
    /// The key of the blind index. Whoever has it can try all telephone numbers.
    pub index: [u8; 32],
}

/// Seals, opens and indexes.
pub struct Vault {
    /// Other keys come as a whole: whoever works with the former ones ends with them.
    rings: RwLock<Arc<Rings>>,
    index: hmac::Key,
}

/// The keys of each class.
struct Rings {
    personal: Vec<(String, RandomizedNonceKey)>,
    sensitive: Vec<(String, RandomizedNonceKey)>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

/// Bits of a blind index that are kept.
const INDEX_BYTES: usize = 16;

/// Where a sealed value stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    pub table: &'static str,
    pub column: &'static str,
    pub row: &'a str,
}

impl Cell<'_> {
    fn tampered(self) -> Error {
        Error::Tampered { table: self.table, column: self.column, row: self.row.to_owned() }
    }
}

impl Vault {
    /// A vault with these keys.
    ///
    /// # Errors
    /// If a class has no key.
    pub fn new(keys: &VaultKeys) -> std::result::Result<Self, &'static str> {
        let rings = RwLock::new(Arc::new(Rings::new(keys)?));
        Ok(Self { rings, index: hmac::Key::new(hmac::HMAC_SHA256, &keys.index) })
    }

    /// Seals and opens with these keys from now on. The blind index stays as it is.
    ///
    /// # Errors
    /// If a class has no key; then nothing changes.
    pub fn replace(&self, keys: &VaultKeys) -> std::result::Result<(), &'static str> {
        let rings = Arc::new(Rings::new(keys)?);
        *self.rings.write().unwrap_or_else(PoisonError::into_inner) = rings;
        Ok(())
    }

    fn rings(&self) -> Arc<Rings> {
        Arc::clone(&self.rings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What sealed values of a class begin with when they are sealed now.
    pub(crate) fn prefix(&self, class: Class) -> String {
        self.rings().of(class).first().map(|(id, _)| format!("{id}.")).unwrap_or_default()
    }

    /// `{key id}.{base64 of nonce, ciphertext and tag}`
    pub(crate) fn seal(&self, class: Class, cell: Cell<'_>, plain: &str) -> Result<String> {
        let rings = self.rings();
        let (id, key) = rings.of(class).first().ok_or_else(|| cell.tampered())?;
        let mut sealed = plain.as_bytes().to_vec();
        let nonce = key.seal_in_place_append_tag(aad(cell), &mut sealed).map_err(|_| cell.tampered())?;
        let bytes = [nonce.as_ref().as_slice(), &sealed].concat();
        Ok(format!("{id}.{}", STANDARD_NO_PAD.encode(bytes)))
    }

    pub(crate) fn open(&self, class: Class, cell: Cell<'_>, sealed: &str) -> Result<String> {
        let tampered = || cell.tampered();
        let (id, body) = sealed.split_once('.').ok_or_else(tampered)?;
        let rings = self.rings();
        let (_, key) = rings.of(class).iter().find(|(known, _)| known == id).ok_or_else(tampered)?;
        let bytes = STANDARD_NO_PAD.decode(body).map_err(|_| tampered())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(tampered)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| tampered())?;
        let mut sealed = sealed.to_vec();
        let plain = key.open_in_place(nonce, aad(cell), &mut sealed).map_err(|_| tampered())?;
        String::from_utf8(plain.to_vec()).map_err(|_| tampered())
    }

    /// What finds an equal value again without telling it.
    #[must_use]
    pub fn blind_index(&self, column: &str, value: &str) -> Vec<u8> {
        let tag = hmac::sign(&self.index, format!("{column}\0{value}").as_bytes());
        tag.as_ref().iter().copied().take(INDEX_BYTES).collect()
    }

    /// A digest of something sent, to tell whether it is sent again. Keyed, because what is sent is personal.
    #[must_use]
    pub fn digest(&self, purpose: &str, content: &[u8]) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(content);
        context.sign().as_ref().to_vec()
    }
}

impl Rings {
    fn new(keys: &VaultKeys) -> std::result::Result<Self, &'static str> {
        let ring = |keys: &[(String, [u8; 32])]| {
            keys.iter()
                .map(|(id, key)| {
                    let key =
                        RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| "an encryption key is not usable")?;
                    Ok((id.clone(), key))
                })
                .collect::<std::result::Result<Vec<_>, &'static str>>()
        };
        let (personal, sensitive) = (ring(&keys.personal)?, ring(&keys.sensitive)?);
        if personal.is_empty() || sensitive.is_empty() {
            return Err("a class of data has no encryption key");
        }
        Ok(Self { personal, sensitive })
    }

    fn of(&self, class: Class) -> &[(String, RandomizedNonceKey)] {
        match class {
            Class::Personal => &self.personal,
            Class::Sensitive => &self.sensitive,
        }
    }
}

fn aad(cell: Cell<'_>) -> Aad<Vec<u8>> {
    Aad::from(format!("{}|{}|{}", cell.table, cell.column, cell.row).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::new(&VaultKeys {
            personal: vec![("p2".to_owned(), [2; 32]), ("p1".to_owned(), [1; 32])],
            sensitive: vec![("s1".to_owned(), [3; 32])],
            index: [4; 32],
        })
        .unwrap()
    }

    const CELL: Cell<'static> = Cell { table: "persons", column: "phone", row: "a" };

    #[test]
    fn opens_what_it_sealed_and_nothing_moved() {
        let vault = vault();
        let sealed = vault.seal(Class::Personal, CELL, "+8613800138000").unwrap();
        assert!(sealed.starts_with("p2."));
        assert_eq!(vault.open(Class::Personal, CELL, &sealed).unwrap(), "+8613800138000");
        for cell in [Cell { row: "b", ..CELL }, Cell { column: "id", ..CELL }, Cell { table: "x", ..CELL }] {
            assert!(vault.open(Class::Personal, cell, &sealed).is_err());
        }
        assert!(vault.open(Class::Sensitive, CELL, &sealed).is_err());
        assert!(vault.open(Class::Personal, CELL, &sealed.replace("p2.", "p1.")).is_err());
        for broken in ["", "p2", "p2.", "p2.!!", "p9.AAAA"] {
            assert!(vault.open(Class::Personal, CELL, broken).is_err());
        }
    }

    #[test]
    fn opens_with_a_former_key_until_that_is_gone() {
        let vault = vault();
        let sealed = vault.seal(Class::Personal, CELL, "x").unwrap();
        let keys = |personal: &[(&str, u8)]| VaultKeys {
            personal: personal.iter().map(|(id, byte)| ((*id).to_owned(), [*byte; 32])).collect(),
            sensitive: vec![("s1".to_owned(), [3; 32])],
            index: [9; 32],
        };
        let index = vault.blind_index("phone", "x");
        vault.replace(&keys(&[("p3", 5), ("p2", 2)])).unwrap();
        assert_eq!(vault.prefix(Class::Personal), "p3.");
        assert_eq!(vault.open(Class::Personal, CELL, &sealed).unwrap(), "x");
        assert!(vault.seal(Class::Personal, CELL, "x").unwrap().starts_with("p3."));
        assert_eq!(vault.blind_index("phone", "x"), index);
        vault.replace(&keys(&[("p3", 5)])).unwrap();
        assert!(vault.open(Class::Personal, CELL, &sealed).is_err());
        assert!(vault.replace(&keys(&[])).is_err());
        assert_eq!(vault.prefix(Class::Personal), "p3.");
    }

    #[test]
    fn seals_differently_each_time_but_indexes_alike() {
        let vault = vault();
        let seal = || vault.seal(Class::Personal, CELL, "x").unwrap();
        assert_ne!(seal(), seal());
        assert_eq!(vault.blind_index("phone", "x"), vault.blind_index("phone", "x"));
        assert_ne!(vault.blind_index("phone", "x"), vault.blind_index("id_number", "x"));
        assert_eq!(vault.blind_index("phone", "x").len(), INDEX_BYTES);
    }
}
