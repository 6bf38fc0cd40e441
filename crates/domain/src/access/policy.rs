//! The policy: one table of what each role may do to each kind of resource.
//!
//! Deny by default: what is not listed is denied. Rights reach down from the place of a grant, never up or
//! sideways; the rights of several grants add up.

use super::{Action, Detail, ResourceKind, Role};
use crate::cn::RegionLevel;
use Action as A;
use ResourceKind as K;

/// Which rows a rule is about, before it is known who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every row.
    Everywhere,
    /// The place of the grant and what lies below it.
    Place,
    /// Appointments of building and unit heads at the place of the grant and below it.
    Heads,
    /// What was disclosed at the place of the grant and below it.
    Disclosed,
    /// The caller's own rows.
    Own,
    /// Orders of the caller.
    Requester,
    /// Orders that the caller joined.
    Participant,
    /// Public orders of the caller's community, to join them, and its places outside compounds, to order for them.
    Neighbor,
    /// Orders open to claims in the volunteer's service area.
    OpenPool,
    /// Orders that are or were open to claims there.
    ClaimArea,
    /// Orders dispatched to the volunteer or his team.
    Addressee,
    /// Orders that the volunteer holds.
    Holder,
}

/// One line of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Which rows.
    pub extent: Extent,
    /// How much of them is shown.
    pub detail: Detail,
    /// What may be done to them.
    pub actions: &'static [Action],
}

const fn rule(extent: Extent, detail: Detail, actions: &'static [Action]) -> Rule {
    Rule { extent, detail, actions }
}

const READ_ALL: Rule = rule(Extent::Everywhere, Detail::Masked, &[A::Read]);
const READ_HERE: Rule = rule(Extent::Place, Detail::Masked, &[A::Read]);
const BARE_HERE: Rule = rule(Extent::Place, Detail::Bare, &[A::Read]);
const BARE_COUNTED: Rule = rule(Extent::Place, Detail::Bare, &[A::Read, A::Count]);
const KEEP_HERE: Rule = rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Update]);

/// What an official is, by the level of his region.
enum Tier {
    /// Village, community, township, street: knows the people.
    Local,
    /// County: aggregates and bare rows.
    County,
    /// City or province: aggregates and bare rows, changes nothing.
    Above,
}

fn tier(level: Option<RegionLevel>) -> Tier {
    match level {
        Some(RegionLevel::Township | RegionLevel::Community | RegionLevel::Grid) => Tier::Local,
        Some(RegionLevel::County) => Tier::County,
        Some(RegionLevel::City | RegionLevel::Province) | None => Tier::Above,
    }
}

/// What every signed-in caller may do, whatever he has been granted: see to his own account. An auditor writes nothing,
/// not even there.
#[must_use]
pub fn rules_for_all(kind: ResourceKind, is_auditor: bool) -> &'static [Rule] {
    const READ_OWN: &[Rule] = &[rule(Extent::Own, Detail::Own, &[A::Read])];
    const OWN_ACCOUNT: &[Rule] = &[rule(Extent::Own, Detail::Own, &[A::Read, A::Update, A::ResetPassword])];
    const OWN_INBOX: &[Rule] = &[rule(Extent::Own, Detail::Own, &[A::Read, A::Update])];
    const OWN_SESSIONS: &[Rule] = &[rule(Extent::Own, Detail::Own, &[A::Read, A::Delete])];
    const POSTS: &[Rule] =
        &[rule(Extent::Everywhere, Detail::Matter, &[A::Read]), rule(Extent::Own, Detail::Own, &[A::Read])];
    match kind {
        K::User if !is_auditor => OWN_ACCOUNT,
        K::Notification if !is_auditor => OWN_INBOX,
        K::Session if !is_auditor => OWN_SESSIONS,
        // to whom it belongs sees what is his, whatever else he is
        K::User | K::Grant | K::Notification | K::Session | K::Dwelling => READ_OWN,
        // who holds a post is for everybody to know; who he is beside that is not
        K::Appointment => POSTS,
        _ => &[],
    }
}

/// The lines of the policy for a role, at a level of region, and a kind of resource.
#[must_use]
pub fn rules(role: Role, kind: ResourceKind, level: Option<RegionLevel>) -> &'static [Rule] {
    match kind {
        K::Region => region(role, level),
        K::Organization => organization(role, level),
        K::Compound => compound(role, level),
        K::Building | K::Unit => building(role, level),
        K::Dwelling => dwelling(role, level),
        K::Inspection => inspection(role, level),
        K::Ledger => ledger(role, level),
        K::LedgerEntry => ledger_entry(role, level),
        K::Disclosure => disclosure(role),
        K::Person => person(role, level),
        K::Household => household(role, level),
        K::Appointment => appointment(role, level),
        K::ServiceKind => service_kind(role, level),
        K::ServiceOrder => service_order(role, level),
        K::Volunteer => volunteer(role, level),
        K::VolunteerTeam => volunteer_team(role, level),
        K::CalendarDay => calendar_day(role, level),
        K::User => user(role, level),
        K::Grant => grant(role, level),
        // everybody's own are in `rules_for_all`
        K::Notification => &[],
        K::Session => session(role),
        K::Client => client(role, level),
        K::Event => event(role),
        // by the command line only
        K::Database | K::KeySet => &[],
    }
}

fn region(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const KEEPER: &[Rule] = &[READ_ALL, KEEP_HERE];
    // a code ends by a decision of a county or above it, within which both codes lie
    const SUCCESSION: &[Action] = &[A::Recode, A::Merge];
    const REDRAWS: &[Rule] = &[READ_ALL, KEEP_HERE, rule(Extent::Place, Detail::Masked, SUCCESSION)];
    // nobody else can make the first one: every other role that may is granted at a region
    const SYSTEM: &[Rule] = &[READ_ALL, rule(Extent::Everywhere, Detail::Masked, &[A::Create, A::Recode, A::Merge])];
    match (role, tier(level)) {
        (Role::RegionAdministrator, _) | (Role::Official, Tier::County) => REDRAWS,
        (Role::SystemAdministrator, _) => SYSTEM,
        (Role::CommunityWorker, _) | (Role::Official, Tier::Local) => KEEPER,
        _ => &[READ_ALL],
    }
}

/// Who reads the directories that all of them share: organizations and kinds of service.
fn reads_directories(role: Role) -> bool {
    match role {
        Role::Resident
        | Role::Guardian
        | Role::Volunteer
        | Role::CommitteeMember
        | Role::PropertyStaff
        | Role::Ranger
        | Role::ForestChief
        | Role::Teacher
        | Role::SchoolAdministrator
        | Role::Auditor => true,
        Role::CommunityWorker
        | Role::Cadre
        | Role::Official
        | Role::DepartmentHandler
        | Role::Treasurer
        | Role::Counselor
        | Role::Mediator
        | Role::RegionAdministrator
        | Role::SystemAdministrator
        | Role::Integrator => false,
    }
}

fn organization(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    match (role, tier(level)) {
        (Role::CommunityWorker | Role::Cadre | Role::DepartmentHandler | Role::Integrator, _)
        | (Role::Official, Tier::Above) => &[READ_HERE],
        (Role::Official, Tier::Local | Tier::County) => &[KEEP_HERE],
        _ if reads_directories(role) => &[READ_ALL],
        _ => &[],
    }
}

fn service_kind(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    // a kind applies to the whole subtree of its region, so those below it must be able to read it
    match (role, tier(level)) {
        (Role::Official, Tier::Local | Tier::County) => &[READ_ALL, KEEP_HERE],
        (Role::CommunityWorker | Role::Cadre | Role::DepartmentHandler | Role::Official | Role::Integrator, _) => {
            &[READ_ALL]
        }
        _ if reads_directories(role) => &[READ_ALL],
        _ => &[],
    }
}

/// Whether somebody reads of the compounds of his place what everybody there may know.
fn reads_compounds(role: Role) -> bool {
    matches!(
        role,
        Role::Resident
            | Role::Volunteer
            | Role::CommitteeMember
            | Role::Cadre
            | Role::Official
            | Role::DepartmentHandler
            | Role::Integrator
            | Role::Auditor
    )
}

fn compound(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const WORKER: &[Rule] =
        &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Update, A::ChangeMode, A::Cover, A::Uncover])];
    const KEEPER: &[Rule] = &[rule(
        Extent::Place,
        Detail::Masked,
        &[A::Read, A::Create, A::Update, A::Delete, A::ChangeMode, A::Cover, A::Uncover],
    )];
    // what the company may change of it is judged by `api::compounds`
    const COMPANY: &[Rule] = &[rule(Extent::Place, Detail::Matter, &[A::Read, A::Update])];
    match (role, tier(level)) {
        (Role::CommunityWorker, _) => WORKER,
        (Role::Official, Tier::Local) => KEEPER,
        (Role::PropertyStaff, _) => COMPANY,
        _ if reads_compounds(role) => &[READ_HERE],
        _ => &[],
    }
}

fn building(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const COMPANY: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Update])];
    match (role, tier(level)) {
        (Role::CommunityWorker, _) | (Role::Official, Tier::Local) => &[KEEP_HERE],
        (Role::PropertyStaff, _) => COMPANY,
        _ if reads_compounds(role) => &[READ_HERE],
        _ => &[],
    }
}

fn dwelling(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const DOORS: Rule = rule(Extent::Place, Detail::Matter, &[A::Read]);
    const KEEPER: Rule = rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Update, A::ChangeOwners]);
    match (role, tier(level)) {
        (Role::CommunityWorker, _) | (Role::Official, Tier::Local) => &[KEEPER],
        (Role::Resident | Role::CommitteeMember | Role::PropertyStaff | Role::Integrator, _) => &[DOORS],
        (Role::Cadre | Role::Auditor, _) => &[READ_HERE],
        (Role::Official | Role::DepartmentHandler, _) => &[BARE_HERE],
        _ => &[],
    }
}

fn inspection(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const INSPECTOR: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create])];
    match (role, tier(level)) {
        (Role::CommunityWorker, _) | (Role::Official, Tier::Local) => INSPECTOR,
        (Role::Resident | Role::PropertyStaff, _) => &[READ_MATTER],
        (Role::CommitteeMember | Role::Official | Role::Cadre | Role::Auditor | Role::Integrator, _) => &[READ_HERE],
        _ => &[],
    }
}

/// Of a place what those who live or work there may know: not who did it.
const READ_MATTER: Rule = rule(Extent::Place, Detail::Matter, &[A::Read]);

fn ledger(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const TREASURER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Enter])];
    const WORKER: &[Rule] =
        &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Update, A::Enter, A::Disclose])];
    const OPENER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Update, A::Disclose])];
    const COMMITTEE: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Disclose])];
    match (role, tier(level)) {
        (Role::Treasurer, _) => TREASURER,
        (Role::CommunityWorker, _) => WORKER,
        (Role::Official, Tier::Local) => OPENER,
        (Role::CommitteeMember, _) => COMMITTEE,
        (Role::Resident, _) => &[READ_MATTER],
        (Role::Official | Role::Cadre | Role::Auditor | Role::Integrator, _) => &[READ_HERE],
        _ => &[],
    }
}

fn ledger_entry(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const KEEPER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Sign, A::Refuse, A::Reverse])];
    const SIGNER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Sign, A::Refuse])];
    const OWNER: &[Rule] = &[rule(Extent::Disclosed, Detail::Matter, &[A::Read])];
    match (role, tier(level)) {
        (Role::Treasurer | Role::CommunityWorker, _) => KEEPER,
        (Role::CommitteeMember, _) | (Role::Official, Tier::Local | Tier::County) => SIGNER,
        (Role::Resident, _) => OWNER,
        (Role::Cadre | Role::Auditor | Role::Integrator, _) => &[READ_HERE],
        _ => &[],
    }
}

fn disclosure(role: Role) -> &'static [Rule] {
    match role {
        Role::Resident => &[READ_MATTER],
        Role::Treasurer
        | Role::CommunityWorker
        | Role::CommitteeMember
        | Role::Official
        | Role::Cadre
        | Role::Auditor
        | Role::Integrator => &[READ_HERE],
        _ => &[],
    }
}

fn person(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    // everybody sees his own row in full, whatever his office shows him of others
    const READ_OWN: Rule = rule(Extent::Own, Detail::Own, &[A::Read]);
    const OWN: Rule = rule(Extent::Own, Detail::Own, &[A::Read, A::Update]);
    const KEEP: Rule = rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Update, A::Search, A::Reveal]);
    const LOOK: Rule = rule(Extent::Place, Detail::Masked, &[A::Read, A::Search, A::Reveal]);
    const COMPANY: Rule = rule(Extent::Place, Detail::Matter, &[A::Read]);
    const AUDIT: Rule = rule(Extent::Place, Detail::Masked, &[A::Read, A::AccessLog]);
    match (role, tier(level)) {
        (Role::Resident | Role::Guardian | Role::Volunteer | Role::CommitteeMember, _) => &[OWN],
        (Role::CommunityWorker, _) => &[READ_OWN, KEEP],
        (Role::Official, Tier::Local) => &[READ_OWN, LOOK],
        (Role::Official | Role::DepartmentHandler, _) => &[READ_OWN, BARE_HERE],
        (Role::PropertyStaff, _) => &[READ_OWN, COMPANY],
        (Role::Auditor, _) => &[READ_OWN, AUDIT],
        (Role::RegionAdministrator | Role::SystemAdministrator | Role::Integrator, _) => &[],
        _ => &[READ_OWN],
    }
}

fn household(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const OWN: Rule = rule(Extent::Own, Detail::Own, &[A::Read]);
    match (role, tier(level)) {
        (Role::Resident | Role::Guardian | Role::CommitteeMember, _) => &[OWN],
        (Role::CommunityWorker, _) => &[KEEP_HERE],
        (Role::Official, Tier::Local) | (Role::Auditor, _) => &[READ_HERE],
        (Role::Official | Role::DepartmentHandler, _) => &[BARE_HERE],
        _ => &[],
    }
}

fn appointment(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const WORK: &[Action] = &[A::Read, A::Create, A::Update, A::End, A::HandOver];
    const KEEPER: &[Rule] = &[rule(Extent::Place, Detail::Masked, WORK)];
    // a community fills the posts of its compounds; the others are filled from above
    const HEADS: &[Rule] = &[READ_HERE, rule(Extent::Heads, Detail::Masked, WORK)];
    match (role, tier(level)) {
        (Role::CommunityWorker, _) => HEADS,
        (Role::Official, _) if matches!(level, Some(RegionLevel::Township | RegionLevel::County)) => KEEPER,
        (Role::RegionAdministrator, _) => KEEPER,
        (Role::Official, Tier::Local) | (Role::Cadre | Role::Auditor, _) => &[READ_HERE],
        _ => &[],
    }
}

fn service_order(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const RESIDENT: &[Rule] = &[
        rule(Extent::Place, Detail::Own, &[A::Create]),
        rule(Extent::Requester, Detail::Own, &[A::Read, A::Update, A::Confirm, A::Reopen, A::Cancel]),
        rule(Extent::Participant, Detail::Matter, &[A::Read]),
        rule(Extent::Neighbor, Detail::Matter, &[A::Join, A::Create]),
    ];
    const VOLUNTEER: &[Rule] = &[
        rule(Extent::OpenPool, Detail::Matter, &[A::Read, A::Claim]),
        rule(Extent::ClaimArea, Detail::Bare, &[A::Claim]),
        rule(Extent::Addressee, Detail::Matter, &[A::Read, A::Accept, A::Decline]),
        rule(
            Extent::Holder,
            Detail::Masked,
            &[
                A::Read,
                A::Accept,
                A::Decline,
                A::Start,
                A::Hold,
                A::Resume,
                A::Transfer,
                A::Complete,
                A::Contact,
                A::RequestExtension,
            ],
        ),
    ];
    const DISPATCHER: &[Rule] = &[rule(
        Extent::Place,
        Detail::Masked,
        &[
            A::Read,
            A::Create,
            A::PlaceOnBehalf,
            A::Update,
            A::Prioritize,
            A::Dispatch,
            A::Hold,
            A::Resume,
            A::Transfer,
            A::Reject,
            A::Merge,
            A::Extend,
            A::RefuseExtension,
            A::ConfirmByTelephone,
            A::ReopenByTelephone,
            A::Candidates,
            A::Count,
        ],
    )];
    const CADRE: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::PlaceOnBehalf, A::Count])];
    const COMPANY: &[Rule] = &[rule(Extent::Place, Detail::Matter, &[A::Read])];
    const AUDITOR: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Count])];
    // a program acts for its unit: it has no person, so what it places it places for others
    const PROGRAM: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::PlaceOnBehalf, A::Count])];
    match (role, tier(level)) {
        (Role::Resident | Role::CommitteeMember, _) => RESIDENT,
        (Role::Volunteer, _) => VOLUNTEER,
        (Role::CommunityWorker, _) | (Role::Official, Tier::Local) => DISPATCHER,
        (Role::Official | Role::DepartmentHandler, _) => &[BARE_COUNTED],
        (Role::Cadre, _) => CADRE,
        (Role::PropertyStaff, _) => COMPANY,
        (Role::Auditor, _) => AUDITOR,
        (Role::Integrator, _) => PROGRAM,
        _ => &[],
    }
}

fn volunteer(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    // he applies for himself, wherever he wants to serve
    const APPLICANT: &[Rule] = &[rule(Extent::Own, Detail::Own, &[A::Create, A::Read, A::Update, A::Leave])];
    const VOLUNTEER: &[Rule] = &[rule(Extent::Own, Detail::Own, &[A::Read, A::Update, A::Leave])];
    const VETTER: &[Rule] =
        &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Update, A::Approve, A::Refuse])];
    match (role, tier(level)) {
        (Role::Resident | Role::CommitteeMember, _) => APPLICANT,
        (Role::Volunteer, _) => VOLUNTEER,
        (Role::CommunityWorker, _) => VETTER,
        (Role::Official, Tier::Local) | (Role::Auditor, _) => &[READ_HERE],
        (Role::Official | Role::DepartmentHandler, _) => &[BARE_HERE],
        _ => &[],
    }
}

fn volunteer_team(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const KEEPER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Update, A::Delete])];
    match (role, tier(level)) {
        (Role::CommunityWorker, _) => KEEPER,
        (Role::Volunteer | Role::Resident | Role::CommitteeMember | Role::Official | Role::Auditor, _) => &[READ_HERE],
        _ => &[],
    }
}

fn calendar_day(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    // days of the whole country are those of who runs the system
    const KEEP_ALL: Rule = rule(Extent::Everywhere, Detail::Masked, &[A::Read, A::Create, A::Update]);
    match (role, tier(level)) {
        (Role::SystemAdministrator, _) => &[KEEP_ALL],
        (Role::RegionAdministrator, _) | (Role::Official, Tier::County) => &[READ_ALL, KEEP_HERE],
        _ => &[READ_ALL],
    }
}

fn user(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    const MAKER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create])];
    const KEEPER: &[Rule] = &[rule(
        Extent::Place,
        Detail::Masked,
        &[A::Read, A::Create, A::Update, A::Disable, A::ResetPassword, A::ResetSecondFactor],
    )];
    const SYSTEM: &[Rule] = &[rule(
        Extent::Everywhere,
        Detail::Masked,
        &[A::Read, A::Create, A::Update, A::Disable, A::ResetPassword, A::ResetSecondFactor],
    )];
    match (role, tier(level)) {
        (Role::CommunityWorker, _) | (Role::Official, Tier::Local | Tier::County) => MAKER,
        (Role::RegionAdministrator, _) => KEEPER,
        (Role::SystemAdministrator, _) => SYSTEM,
        (Role::Auditor, _) => &[READ_HERE],
        _ => &[],
    }
}

fn session(role: Role) -> &'static [Rule] {
    // who may close an account may end its sessions; whose account it is is judged as for closing it
    const KEEPER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Delete])];
    const SYSTEM: &[Rule] = &[rule(Extent::Everywhere, Detail::Masked, &[A::Read, A::Delete])];
    match role {
        Role::RegionAdministrator => KEEPER,
        Role::SystemAdministrator => SYSTEM,
        _ => &[],
    }
}

fn grant(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    // which roles may be given is judged by `identity::give`
    const GIVER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Create, A::Delete, A::Approve])];
    const SYSTEM: &[Rule] = &[rule(Extent::Everywhere, Detail::Masked, &[A::Read, A::Create, A::Delete, A::Approve])];
    match (role, tier(level)) {
        (Role::CommunityWorker | Role::RegionAdministrator, _) | (Role::Official, Tier::Local | Tier::County) => GIVER,
        (Role::SystemAdministrator, _) => SYSTEM,
        (Role::Auditor, _) => &[READ_HERE],
        _ => &[],
    }
}

fn client(role: Role, level: Option<RegionLevel>) -> &'static [Rule] {
    // whether somebody may approve a scope of data is judged by `identity::Client::approve`
    const APPROVER: &[Rule] = &[rule(Extent::Place, Detail::Masked, &[A::Read, A::Approve])];
    const SYSTEM: &[Rule] = &[rule(
        Extent::Everywhere,
        Detail::Masked,
        &[A::Read, A::Create, A::Update, A::Delete, A::Disable, A::RotateSecret],
    )];
    match (role, tier(level)) {
        (Role::SystemAdministrator, _) => SYSTEM,
        (Role::Official, Tier::County | Tier::Above) => APPROVER,
        (Role::Auditor, _) => &[READ_HERE],
        _ => &[],
    }
}

fn event(role: Role) -> &'static [Rule] {
    match role {
        Role::Auditor => &[READ_HERE],
        _ => &[],
    }
}
