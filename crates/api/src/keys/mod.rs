//! The keys: signing, encryption, blind index, cursors. They live in a file of their own, never in the database.

pub mod command;
mod held;
mod rotation;
mod watch;

use std::{collections::BTreeSet, fs, io::Write as _, path::Path};

use aws_lc_rs::{
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::id::KeyId;
use persistence::VaultKeys;
use serde::{Deserialize, Serialize};

use rotation::Rotation;
pub use watch::watch;

/// For so many seconds others may keep our public keys without asking again. A new key is there for longer before it signs.
pub const PUBLIC_KEYS_KEPT: u64 = 60;

/// The file.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    signing: Vec<Named>,
    personal: Vec<Named>,
    sensitive: Vec<Named>,
    index: Named,
    cursor: Named,
    /// Files that were made before there were backups have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    backup: Vec<Named>,
    /// The last rotation; one that has not ended is gone on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotation: Option<Rotation>,
}

/// A key with its id; base64url without padding. The first of a list is in use, the others only open or verify.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: KeyId,
    key: String,
}

/// A signing key: PKCS #8 and the public point.
#[derive(Clone)]
pub struct SigningKey {
    /// Its id.
    pub id: String,
    /// PKCS #8 of the private key.
    pub pkcs8: Vec<u8>,
    /// x of the public point, base64url.
    pub x: String,
    /// y of the public point, base64url.
    pub y: String,
}

/// Everything a replica needs.
#[derive(Clone)]
pub struct Keys {
    /// Keys of access tokens; the first signs.
    pub signing: Vec<SigningKey>,
    /// Keys of the vault.
    pub vault: VaultKeys,
    /// The key of cursors.
    pub cursor: [u8; 32],
    /// Keys of backups, with their ids; the first seals.
    pub backup: Vec<(String, [u8; 32])>,
}

/// Random bytes.
///
/// # Errors
/// If the system gives no randomness.
pub fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "no randomness is to be had")?;
    Ok(bytes)
}

/// A new secret of 32 random bytes, base64url.
///
/// # Errors
/// If the system gives no randomness.
pub fn new_secret() -> Result<String, String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

impl KeyFile {
    /// A file of new keys.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn generate() -> Result<Self, String> {
        Ok(Self {
            signing: vec![Named::signing()?],
            personal: vec![Named::new("p1", &random::<32>()?)?],
            sensitive: vec![Named::new("s1", &random::<32>()?)?],
            index: Named::new("i1", &random::<32>()?)?,
            cursor: Named::new("c1", &random::<32>()?)?,
            backup: vec![Named::new("b1", &random::<32>()?)?],
            rotation: None,
        })
    }

    /// Reads the file; makes it first where that is allowed.
    ///
    /// # Errors
    /// If it cannot be read, or is missing and may not be made.
    pub fn read(path: &Path, may_make: bool) -> Result<Self, String> {
        if !path.exists() {
            if !may_make {
                return Err(format!(
                    "LIANXIN_KEYS_FILE: {} does not exist; `lianxin admin keys init` makes it",
                    path.display()
                ));
            }
            Self::make(path)?;
        }
        let text = fs::read_to_string(path).map_err(|error| format!("LIANXIN_KEYS_FILE: {error}"))?;
        // the parser's message could quote a key
        serde_json::from_str(&text).map_err(|_| "LIANXIN_KEYS_FILE: is not a file of keys".to_owned())
    }

    /// Writes a file of new keys where there is none.
    ///
    /// # Errors
    /// If there is one already, or it cannot be written.
    pub fn make(path: &Path) -> Result<(), String> {
        Self::generate()?.write_new(path)
    }

    fn write_new(&self, path: &Path) -> Result<(), String> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| format!("LIANXIN_KEYS_FILE: {}: {error}", path.display()))?;
        file.write_all(self.text()?.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| error.to_string())
    }

    fn text(&self) -> Result<String, String> {
        serde_json::to_string_pretty(self).map_err(|error| error.to_string())
    }

    /// The keys in it.
    ///
    /// # Errors
    /// If one is shorter than 32 bytes or not usable.
    pub fn keys(&self) -> Result<Keys, String> {
        let Self { signing, personal, sensitive, index, cursor, backup, rotation: _ } = self;
        let mut known = BTreeSet::new();
        if let Some(twice) = self.named().find(|named| !known.insert(&named.id)) {
            return Err(format!("LIANXIN_KEYS_FILE: two keys are called {}", twice.id));
        }
        let bytes = |named: &Named| {
            URL_SAFE_NO_PAD
                .decode(&named.key)
                .ok()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
                .ok_or_else(|| format!("LIANXIN_KEYS_FILE: key {} is not of 32 bytes", named.id))
        };
        let ring = |list: &[Named]| {
            list.iter().map(|named| Ok((named.id.to_string(), bytes(named)?))).collect::<Result<Vec<_>, String>>()
        };
        let signing = signing.iter().map(SigningKey::parse).collect::<Result<Vec<_>, _>>()?;
        if signing.is_empty() {
            return Err("LIANXIN_KEYS_FILE: there is no signing key".to_owned());
        }
        Ok(Keys {
            signing,
            vault: VaultKeys { personal: ring(personal)?, sensitive: ring(sensitive)?, index: bytes(index)? },
            cursor: bytes(cursor)?,
            backup: ring(backup)?,
        })
    }

    /// All of them.
    fn named(&self) -> impl Iterator<Item = &Named> {
        let lists = [&self.signing, &self.personal, &self.sensitive, &self.backup].into_iter().flatten();
        lists.chain([&self.index, &self.cursor])
    }
}

impl Named {
    fn new(id: &str, key: &[u8]) -> Result<Self, String> {
        Ok(Self { id: KeyId::try_from(id.to_owned())?, key: URL_SAFE_NO_PAD.encode(key) })
    }

    /// A new key of 32 random bytes, whose id begins so.
    fn secret(kind: &str) -> Result<Self, String> {
        Self::new(&new_id(kind)?, &random::<32>()?)
    }

    /// A new key that signs.
    fn signing() -> Result<Self, String> {
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| "no signing key could be made")?;
        Self::new(&new_id("es")?, pair.as_ref())
    }
}

/// An id that no key has had.
fn new_id(kind: &str) -> Result<String, String> {
    Ok(format!("{kind}-{}", URL_SAFE_NO_PAD.encode(random::<6>()?)))
}

impl SigningKey {
    fn parse(named: &Named) -> Result<Self, String> {
        let unusable = || format!("LIANXIN_KEYS_FILE: signing key {} is not usable", named.id);
        let pkcs8 = URL_SAFE_NO_PAD.decode(&named.key).map_err(|_| unusable())?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).map_err(|_| unusable())?;
        // uncompressed point: 4, x, y
        let (x, y) =
            pair.public_key().as_ref().get(1..).and_then(|point| point.split_at_checked(32)).ok_or_else(unusable)?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Ok(Self { id: named.id.to_string(), pkcs8, x, y })
    }
}
