//! Typed ids: a UUIDv7 (RFC 9562) in the clothes of the thing that it names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A user account 账号.
    UserId,
    /// A grant 授权: a role at a place.
    GrantId,
    /// A signed-in session of a user.
    SessionId,
    /// A refresh token within a session.
    RefreshTokenId,
    /// A client 接入方.
    ClientId,
    /// A secret of a client.
    ClientSecretId,
    /// An organization 组织.
    OrganizationId,
    /// A compound 小区.
    CompoundId,
    /// A building 楼栋 of a compound.
    BuildingId,
    /// A unit 单元 (an entrance) of a building.
    UnitId,
    /// A dwelling 专有部分 behind a door of a unit.
    DwellingId,
    /// An inspection 检查 of a compound.
    InspectionId,
    /// A ledger 账本.
    LedgerId,
    /// An entry of a ledger.
    LedgerEntryId,
    /// A disclosure 公示 of a ledger.
    DisclosureId,
    /// A school.
    SchoolId,
    /// A person 居民.
    PersonId,
    /// A household 户.
    HouseholdId,
    /// An appointment 任职.
    AppointmentId,
    /// A kind of service in the catalog.
    ServiceKindId,
    /// A service order 点单.
    ServiceOrderId,
    /// A volunteer 志愿者.
    VolunteerId,
    /// A volunteer team 志愿服务队.
    VolunteerTeamId,
    /// A notification.
    NotificationId,
    /// A day of the business calendar.
    CalendarDayId,
    /// An event.
    EventId,
}

/// What a key of the service is called: at most 32 letters, digits, `-` and `_`. Sealed values and access tokens carry it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);

impl KeyId {
    /// The longest one.
    pub const LONGEST: usize = 32;

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for KeyId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if (1..=Self::LONGEST).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text))
        } else {
            Err("is not the id of a key")
        }
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where new ids come from: the outer edge of the program, or a test's fixed sequence.
pub trait IdSource: Send + Sync {
    /// A new UUIDv7. Ids of one process never decrease.
    fn next(&self) -> Uuid;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_keys_have_no_dot() {
        for good in ["p1", "es-aZ_9", &"x".repeat(KeyId::LONGEST)] {
            assert_eq!(KeyId::try_from(good.to_owned()).unwrap().as_str(), good);
        }
        for bad in ["", "p.1", "钥", "a b", &"x".repeat(KeyId::LONGEST + 1)] {
            assert!(KeyId::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
