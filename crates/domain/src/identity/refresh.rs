//! Refresh tokens: each is used once and replaced by the next; a lost answer does not end the session, a stolen
//! token does (RFC 9700 §4.14.2).

use crate::{
    id::{RefreshTokenId, SessionId},
    time::Instant,
};

/// A refresh token, its secret aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its id.
    pub id: RefreshTokenId,
    /// The session that it continues.
    pub session_id: SessionId,
    /// The token that replaced it.
    pub replaced_by: Option<RefreshTokenId>,
    /// When an access token that came with it was first seen.
    pub access_seen_at: Option<Instant>,
    /// When it was taken out of use without having been used.
    pub revoked_at: Option<Instant>,
    /// Until when it can be used.
    pub expires_at: Instant,
}

/// What to do with a refresh token that is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refresh {
    /// Replace it.
    Rotate,
    /// Its successor was never used, so its answer was lost: revoke the successor and replace it again.
    RotateAgain(RefreshTokenId),
    /// It was used and so was its successor: somebody has a copy. End the session.
    Reuse,
    /// It cannot be used; nothing else follows.
    Invalid,
}

/// Judges a presented token, given its successor where it has one.
#[must_use]
pub fn refresh(token: &RefreshToken, successor: Option<&RefreshToken>, now: Instant) -> Refresh {
    if token.revoked_at.is_some() || now >= token.expires_at {
        return Refresh::Invalid;
    }
    match (token.replaced_by, successor) {
        (None, _) => Refresh::Rotate,
        (Some(_), Some(next)) if next.replaced_by.is_none() && next.access_seen_at.is_none() => {
            Refresh::RotateAgain(next.id)
        }
        (Some(_), _) => Refresh::Reuse,
    }
}
