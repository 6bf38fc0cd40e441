//! Cursors: opaque, signed, bound to the caller and to what was asked for.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use persistence::Keyset;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a cursor holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Cursor {
    /// The path of the list.
    pub path: String,
    /// The query that it goes on with, cursor aside, sorted by name.
    pub query: Vec<(String, String)>,
    /// The last row that was shown.
    pub after: Keyset,
}

fn sign(key: &[u8; 32], user: Uuid, body: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, format!("{user}\0{body}").as_bytes())
}

impl Cursor {
    /// As clients get it.
    #[must_use]
    pub fn seal(&self, key: &[u8; 32], user: Uuid) -> String {
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let tag = sign(key, user, &body);
        let tag: Vec<u8> = tag.as_ref().iter().copied().take(16).collect();
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Reads a cursor that this caller was given.
    #[must_use]
    pub fn open(text: &str, key: &[u8; 32], user: Uuid) -> Option<Self> {
        let (body, tag) = text.split_once('.')?;
        let expected = sign(key, user, body);
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref().get(..16)?, &tag).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()
    }
}
