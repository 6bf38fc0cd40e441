//! Roles, the places where they hold, and the kinds of resource that they are about.

use serde::{Deserialize, Serialize};

use super::{Located, Reach};

use crate::{
    cn::{RegionCode, RegionLevel},
    id::{CompoundId, GrantId, OrganizationId, SchoolId, UserId},
    resource::resource,
    time::{Instant, Validity},
};

/// A value out of a closed list, each with the word that API and database use.
pub trait Word: Copy + PartialEq + Serialize + serde::de::DeserializeOwned + 'static {
    /// The name of the list.
    const NAME: &'static str;
    /// Every value.
    const ALL: &'static [Self];

    /// Its word.
    fn name(self) -> &'static str;
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$item:meta])* $name:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $type { $($(#[$item])* #[serde(rename = $text)] $name),+ }

        impl $type {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word that API and database use.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The value that a word stands for.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)+ _ => None }
            }
        }

        impl $crate::access::Word for $type {
            const NAME: &'static str = stringify!($type);
            const ALL: &'static [Self] = Self::ALL;

            fn name(self) -> &'static str {
                self.name()
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What somebody is, at a place.
    Role {
        /// 居民
        Resident = "resident",
        /// 志愿者, party members who serve included
        Volunteer = "volunteer",
        /// 社区工作者
        CommunityWorker = "community_worker",
        /// 家访干部
        Cadre = "cadre",
        /// Member of an owners' or property management committee.
        CommitteeMember = "committee_member",
        /// Staff of a property company.
        PropertyStaff = "property_staff",
        /// Official of a village, township, county, city or province, as the region of the grant says.
        Official = "official",
        /// Handler in a county department.
        DepartmentHandler = "department_handler",
        /// Treasurer of a village or a compound.
        Treasurer = "treasurer",
        /// 林长
        ForestChief = "forest_chief",
        /// 护林员
        Ranger = "ranger",
        /// Teacher.
        Teacher = "teacher",
        /// Counselor of a school.
        Counselor = "counselor",
        /// Head or administrator of a school.
        SchoolAdministrator = "school_administrator",
        /// 监护人
        Guardian = "guardian",
        /// 调解员
        Mediator = "mediator",
        /// Reads all in scope, writes nothing.
        Auditor = "auditor",
        /// Keeps users, grants, posts and regions of a subtree; sees no data of persons.
        RegionAdministrator = "region_administrator",
        /// Runs the system; sees no data of persons.
        SystemAdministrator = "system_administrator",
        /// 接入方: another program, for its unit; nobody is granted this.
        Integrator = "integrator",
    }
}

words! {
    /// A kind of resource, by the singular word that events and the API use.
    ResourceKind {
        /// 区划
        Region = "region",
        /// 组织
        Organization = "organization",
        /// 小区
        Compound = "compound",
        /// 楼栋
        Building = "building",
        /// 单元
        Unit = "unit",
        /// 专有部分
        Dwelling = "dwelling",
        /// 检查
        Inspection = "inspection",
        /// 账本
        Ledger = "ledger",
        /// 账目
        LedgerEntry = "ledger_entry",
        /// 公示
        Disclosure = "disclosure",
        /// 居民
        Person = "person",
        /// 户
        Household = "household",
        /// 任职
        Appointment = "appointment",
        /// 服务项目
        ServiceKind = "service_kind",
        /// 点单
        ServiceOrder = "service_order",
        /// 志愿者
        Volunteer = "volunteer",
        /// 志愿服务队
        VolunteerTeam = "volunteer_team",
        /// 日历日
        CalendarDay = "calendar_day",
        /// 消息
        Notification = "notification",
        /// 账号
        User = "user",
        /// 授权
        Grant = "grant",
        /// A signed-in session.
        Session = "session",
        /// 接入方
        Client = "client",
        /// 事件, read across resources
        Event = "event",
        /// All rows together, as a backup holds them.
        Database = "database",
        /// 密钥: the keys that came into use by one rotation; events name it, nobody is shown it
        KeySet = "key_set",
    }
}

/// Where a grant holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A region and everything below it.
    Region(RegionCode),
    /// An organization, which sits in a region.
    Organization(OrganizationId, RegionCode),
    /// A compound, which sits in a region.
    Compound(CompoundId, RegionCode),
    /// A school, which sits in a region.
    School(SchoolId, RegionCode),
    /// The system as such, which has no data of persons.
    System,
}

impl Place {
    /// The region that it is or sits in.
    #[must_use]
    pub fn region(&self) -> Option<&RegionCode> {
        match self {
            Self::Region(code) | Self::Organization(_, code) | Self::Compound(_, code) | Self::School(_, code) => {
                Some(code)
            }
            Self::System => None,
        }
    }

    /// The organization, compound or school that it is.
    #[must_use]
    pub fn ids(&self) -> (Option<OrganizationId>, Option<CompoundId>, Option<SchoolId>) {
        match self {
            Self::Organization(id, _) => (Some(*id), None, None),
            Self::Compound(id, _) => (None, Some(*id), None),
            Self::School(id, _) => (None, None, Some(*id)),
            Self::Region(_) | Self::System => (None, None, None),
        }
    }
}

/// A role at a place, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Whose it is.
    pub user_id: UserId,
    /// The role.
    pub role: Role,
    /// Where it holds.
    pub place: Place,
    /// When it holds.
    pub validity: Validity,
    /// Whether it waits for a second pair of eyes (`security.md` rule: administrators, auditors, county officials).
    pub pending: bool,
    /// When it was taken back.
    pub revoked_at: Option<Instant>,
    /// Who gave it; `None` is the command line.
    pub granted_by: Option<UserId>,
    /// Who approved it where that was needed.
    pub approved_by: Option<UserId>,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl Grant {
    /// Whether it gives rights at an instant.
    #[must_use]
    pub fn holds_at(&self, at: Instant) -> bool {
        !self.pending && self.revoked_at.is_none() && self.validity.holds_at(at)
    }

    /// The level of its region.
    #[must_use]
    pub fn level(&self) -> Option<RegionLevel> {
        self.place.region().map(RegionCode::level)
    }
}

resource!(Grant, id: GrantId);

impl Located for Grant {
    fn region(&self) -> Option<&RegionCode> {
        self.place.region()
    }

    fn compound(&self) -> Option<CompoundId> {
        match &self.place {
            Place::Compound(id, _) => Some(*id),
            _ => None,
        }
    }

    fn related(&self, reach: &Reach) -> bool {
        matches!(reach, Reach::Own(user, _) if *user == self.user_id)
    }
}
