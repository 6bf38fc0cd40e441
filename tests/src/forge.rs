//! Access tokens that the service did not make: any header and any claims, signed with its key or with another one.

use api::keys::{KeyFile, SigningKey};
use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// Signs what it is given.
pub struct Forge(SigningKey);

impl Forge {
    /// With this key.
    #[must_use]
    pub fn new(key: &SigningKey) -> Self {
        Self(key.clone())
    }

    /// With a key of its own.
    #[must_use]
    pub fn foreign() -> Self {
        let keys = KeyFile::generate().and_then(|file| file.keys()).unwrap_or_else(|error| panic!("{error}"));
        Self(keys.signing.into_iter().next().unwrap_or_else(|| panic!("there is no signing key")))
    }

    /// Its key's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Its public key (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let SigningKey { id, x, y, pkcs8: _ } = &self.0;
        serde_json::json!({"kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y})
    }

    /// Its public key as point and in the two files in which public keys are passed around.
    #[must_use]
    pub fn public(&self) -> [Vec<u8>; 3] {
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let point = [vec![4], part(&self.0.x), part(&self.0.y)].concat();
        // the same for every key on this curve (RFC 5480)
        let head: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let der = [head.as_slice(), &point].concat();
        let text = base64::engine::general_purpose::STANDARD.encode(&der);
        let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{}-----END PUBLIC KEY-----\n", lines.collect::<String>());
        [point, der, pem.into_bytes()]
    }

    /// A token of these texts, whatever they say, with an ES256 signature.
    #[must_use]
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let content = content(header, claims);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.0.pkcs8);
        let pair = pair.unwrap_or_else(|error| panic!("the signing key: {error}"));
        let signature = pair.sign(&SystemRandom::new(), content.as_bytes());
        let signature = signature.unwrap_or_else(|error| panic!("signing: {error}"));
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Header and claims as they are signed.
#[must_use]
pub fn content(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

/// A token with an HS256 signature under any bytes.
#[must_use]
pub fn sign_symmetric(header: &str, claims: &str, key: &[u8]) -> String {
    let content = content(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), content.as_bytes());
    format!("{content}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// What a token says.
#[must_use]
pub fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    claims.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_else(|| panic!("{token} is no token"))
}
