//! Sessions: how long they last, and what is told of them.

use std::net::IpAddr;

use chrono::Duration;

use crate::{
    access::{Grant, Located, Reach, ResourceKind},
    cn::RegionCode,
    id::{SessionId, UserId},
    resource::Resource,
    text,
    time::Instant,
};

/// How long a session lasts: so long after it was renewed last, and so long after it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// From one renewal to the next.
    pub idle: Duration,
    /// In all.
    pub absolute: Duration,
}

/// At a desk, with an office: it ends overnight.
const OFFICE: Term = Term { idle: Duration::hours(12), absolute: Duration::hours(24) };
/// On one's own telephone.
const PERSONAL: Term = Term { idle: Duration::days(30), absolute: Duration::days(90) };

impl Term {
    /// The term of whoever has these grants now. Who is given an office has the shorter one from the next renewal on.
    #[must_use]
    pub fn of(grants: &[Grant], now: Instant) -> Self {
        let in_office = grants.iter().any(|grant| grant.role.is_privileged() && grant.holds_at(now));
        if in_office { OFFICE } else { PERSONAL }
    }

    /// The same where a session ends as soon as it has not been used for so long.
    #[must_use]
    pub fn within(self, idle_exit: Option<Duration>) -> Self {
        Self { idle: idle_exit.map_or(self.idle, |exit| exit.min(self.idle)), ..self }
    }

    /// When a session that began then and is renewed now ends, unless it is renewed again.
    #[must_use]
    pub fn end(self, began: Instant, now: Instant) -> Instant {
        (now + self.idle).min(began + self.absolute)
    }
}

/// A session 会话: somebody who is signed in on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Where his account is kept.
    pub region_code: Option<RegionCode>,
    /// What the program on the device calls itself.
    pub device: Option<String>,
    /// The network from which he signed in ([`network_of`]).
    pub network: Option<String>,
    /// When it was last renewed, which whoever uses it does every ten minutes.
    pub last_used_at: Instant,
    /// When it ends unless it is renewed.
    pub expires_at: Instant,
    /// When it began.
    pub created_at: Instant,
}

impl Resource for Session {
    const KIND: ResourceKind = ResourceKind::Session;
    type Id = SessionId;

    fn id(&self) -> SessionId {
        self.id
    }

    /// It begins and ends, and is not edited meanwhile.
    fn version(&self) -> i64 {
        1
    }

    fn touch(&mut self, now: Instant) {
        self.last_used_at = now;
    }
}

impl Located for Session {
    fn region(&self) -> Option<&RegionCode> {
        self.region_code.as_ref()
    }

    fn related(&self, reach: &Reach) -> bool {
        matches!(reach, Reach::Own(user, _) if *user == self.user_id)
    }
}

/// Characters of a device's name that are kept.
const LONGEST_DEVICE: usize = 200;

/// What a program calls itself, as far as it can be shown: one line of so many characters.
#[must_use]
pub fn device_of(user_agent: &str) -> Option<String> {
    let plain = |c: &char| !c.is_control() && text::first_forbidden(c.encode_utf8(&mut [0; 4])).is_none();
    let name: String = text::normalize(user_agent).chars().filter(plain).take(LONGEST_DEVICE).collect();
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The network of an address, which tells roughly where somebody is and not who: 24 bits of IPv4, 48 of IPv6.
#[must_use]
pub fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn a_session_ends_by_the_earlier_of_both() {
        let began = at("2026-03-12T01:00:00Z");
        assert_eq!(OFFICE.end(began, began), at("2026-03-12T13:00:00Z"));
        assert_eq!(OFFICE.end(began, at("2026-03-12T12:59:59Z")), at("2026-03-13T00:59:59Z"));
        assert_eq!(OFFICE.end(began, at("2026-03-12T20:00:00Z")), at("2026-03-13T01:00:00Z"));
        assert_eq!(PERSONAL.end(began, at("2026-05-30T00:00:00Z")), at("2026-06-10T01:00:00Z"));
    }

    #[test]
    fn a_device_is_one_short_line() {
        assert_eq!(device_of(" Mozilla/5.0\u{7}\u{202E} (X11)\n ").as_deref(), Some("Mozilla/5.0 (X11)"));
        assert_eq!(device_of(&"长".repeat(300)).map(|name| name.chars().count()), Some(200));
        assert_eq!(device_of("\u{0} "), None);
    }

    #[test]
    fn a_network_is_no_address() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(network_of(address.parse().unwrap()), network);
        }
    }
}
