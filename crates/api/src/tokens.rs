//! Access tokens (RFC 9068: `typ` `at+jwt`, ES256) and what signs them.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::digest::{SHA256, digest};
use domain::{
    id::{RefreshTokenId, SessionId, UserId},
    time::Instant,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::keys::SigningKey;

/// How long an access token lasts, in seconds.
pub const LIFETIME: i64 = 600;
/// How far clocks may differ, in seconds.
pub const LEEWAY: i64 = 30;
const AUDIENCE: &str = "lianxin";

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer: the public URL.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// The user.
    pub sub: Uuid,
    /// The session; for a client the secret by which it signed in.
    pub sid: Uuid,
    /// The refresh token that came with it; for a client the same as `sid`.
    pub rti: Uuid,
    /// Not after, seconds since 1970.
    pub exp: i64,
    /// Not before.
    pub nbf: i64,
    /// Made at.
    pub iat: i64,
    /// When the user last proved who he is.
    pub auth_time: i64,
    /// Its own id.
    pub jti: Uuid,
    /// The client, where it is a client's (RFC 9068 §2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Uuid>,
    /// What the client may do by it: scopes, separated by blanks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// For whom a token is.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The refresh token that comes with it.
    pub refresh: RefreshTokenId,
    /// When the user last proved who he is.
    pub authenticated_at: Instant,
    /// Of a client, what it may do.
    pub scope: Option<String>,
}

/// Signs and verifies.
pub struct Tokens {
    issuer: String,
    ring: RwLock<Arc<Ring>>,
    verified: moka::sync::Cache<[u8; 32], Claims>,
}

/// The key that signs, and all that verify.
struct Ring {
    signing_id: String,
    signing: EncodingKey,
    verifying: Vec<(String, DecodingKey)>,
    jwks: Value,
}

impl Ring {
    fn new(keys: &[SigningKey]) -> Result<Self, String> {
        let first = keys.first().ok_or("there is no signing key")?;
        let verifying = keys
            .iter()
            .map(|key| Ok((key.id.clone(), DecodingKey::from_ec_components(&key.x, &key.y)?)))
            .collect::<Result<Vec<_>, jsonwebtoken::errors::Error>>()
            .map_err(|_| "a signing key is not usable")?;
        let jwks = keys
            .iter()
            .map(|key| {
                json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key.id, "x": key.x, "y": key.y})
            })
            .collect::<Vec<_>>();
        Ok(Self {
            signing_id: first.id.clone(),
            signing: EncodingKey::from_ec_der(&first.pkcs8),
            verifying,
            jwks: json!({ "keys": jwks }),
        })
    }
}

impl Tokens {
    /// With these keys, for this issuer.
    ///
    /// # Errors
    /// If a key is not usable.
    pub fn new(issuer: &str, keys: &[SigningKey]) -> Result<Self, String> {
        Ok(Self {
            issuer: issuer.to_owned(),
            ring: RwLock::new(Arc::new(Ring::new(keys)?)),
            verified: moka::sync::Cache::builder()
                .max_capacity(100_000)
                .time_to_live(Duration::from_secs(LIFETIME.unsigned_abs()))
                .build(),
        })
    }

    /// Signs and verifies with these keys from now on. What others verified is verified anew.
    ///
    /// # Errors
    /// If a key is not usable; then nothing changes.
    pub fn replace(&self, keys: &[SigningKey]) -> Result<(), String> {
        let ring = Arc::new(Ring::new(keys)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        self.verified.invalidate_all();
        Ok(())
    }

    fn ring(&self) -> Arc<Ring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The public keys (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> Value {
        self.ring().jwks.clone()
    }

    /// A new access token.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub fn issue(&self, bearer: Bearer, jti: Uuid, now: Instant) -> Result<String, jsonwebtoken::errors::Error> {
        let Bearer { user, session, refresh, authenticated_at, scope } = bearer;
        let ring = self.ring();
        let header = Header {
            typ: Some("at+jwt".to_owned()),
            kid: Some(ring.signing_id.clone()),
            ..Header::new(Algorithm::ES256)
        };
        let now = now.timestamp();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: user.0,
            sid: session.0,
            rti: refresh.0,
            exp: now + LIFETIME,
            nbf: now,
            iat: now,
            auth_time: authenticated_at.timestamp(),
            jti,
            client_id: scope.is_some().then_some(user.0),
            scope,
        };
        encode(&header, &claims, &ring.signing)
    }

    /// What a token says, if it is one of ours and good at this time. A verified one is remembered until it ends:
    /// checking its signature costs as much as the rest of a read.
    #[must_use]
    pub fn verify(&self, token: &str, now: Instant) -> Option<Claims> {
        let key: [u8; 32] = digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()?;
        let claims = match self.verified.get(&key) {
            Some(claims) => claims,
            None => {
                let claims = self.check(token)?;
                self.verified.insert(key, claims.clone());
                claims
            }
        };
        let now = now.timestamp();
        (claims.nbf <= now + LEEWAY && now <= claims.exp + LEEWAY).then_some(claims)
    }

    fn check(&self, token: &str) -> Option<Claims> {
        let header = decode_header(token).ok()?;
        if header.typ.as_deref() != Some("at+jwt") || header.alg != Algorithm::ES256 {
            return None;
        }
        let id = header.kid?;
        let ring = self.ring();
        let (_, key) = ring.verifying.iter().find(|(known, _)| *known == id)?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // judged above, against the injected clock
        validation.validate_exp = false;
        validation.validate_nbf = false;
        decode::<Claims>(token, key, &validation).ok().map(|data| data.claims)
    }
}
