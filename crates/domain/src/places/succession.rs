//! How one region comes after another: it gets another code, or becomes part of a neighbor.
//!
//! The old rows stay, each with the code that came after it; what lies in the regions moves. All below a region moves
//! with it: its codes begin with the new one and end as before.

use chrono::NaiveDate;

use super::{Region, RegionKind};
use crate::{
    access::Grant,
    cn::RegionCode,
    event::Datum,
    outcome::Outcome,
    refusal::{FieldError, Refusal},
    resource::Resource as _,
    time::{EARLIEST_DAY, Instant, Validity, day_in_china},
};

/// What is asked of a region that gets another code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recode {
    /// The code.
    pub code: RegionCode,
    /// Its name from then on; as before if it is not said.
    pub name: Option<String>,
    /// Whether the code is a local one.
    pub local: bool,
    /// First day of the new code.
    pub on: NaiveDate,
}

/// A region and all below it, and the regions that come after them.
#[derive(Debug)]
pub struct Succession {
    /// The code that ends.
    pub from: RegionCode,
    /// The code that all of it begins with from then on.
    pub to: RegionCode,
    /// First day.
    pub on: NaiveDate,
    /// The regions that end, that of the code first.
    pub ended: Vec<Outcome<Region>>,
    /// Those that begin, each after those above it.
    pub begun: Vec<Outcome<Region>>,
}

impl Region {
    /// Gives it another code, and all below it the same beginning.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the code is of another level, or the day is still to come.
    pub fn recode(
        &self,
        below: Vec<Self>,
        parent: Option<RegionCode>,
        to: Recode,
        now: Instant,
    ) -> Result<Succession, Refusal> {
        let Recode { code, name, local, on } = to;
        self.check(&code, "/code", on, now)?;
        let mut root = self.followed_by(code.clone(), parent, on, now);
        root.value.name = name.unwrap_or(root.value.name);
        root.value.local = local;
        let mut succession = self.succession("region.recoded", &code, below, on, now);
        succession.begun.insert(0, root);
        Ok(succession)
    }

    /// Makes it a part of another one of its level.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where the other one is of another level, or the day is still to come.
    pub fn merge(
        &self,
        below: Vec<Self>,
        into: &RegionCode,
        on: NaiveDate,
        now: Instant,
    ) -> Result<Succession, Refusal> {
        self.check(into, "/into", on, now)?;
        Ok(self.succession("region.merged", into, below, on, now))
    }

    fn check(&self, to: &RegionCode, pointer: &str, on: NaiveDate, now: Instant) -> Result<(), Refusal> {
        let mut errors = Vec::new();
        if *to == self.code || !self.kind.fits(to.level()) || to.level() != self.code.level() {
            errors.push(FieldError::new(pointer, "contradicts-member"));
        }
        if on > day_in_china(now) {
            errors.push(FieldError::new("/on", "in-future"));
        } else if on < EARLIEST_DAY || self.valid_from.is_some_and(|from| on <= from) {
            errors.push(FieldError::new("/on", "implausible"));
        }
        if errors.is_empty() { Ok(()) } else { Err(Refusal::Invalid(errors)) }
    }

    fn succession(
        &self,
        kind: &'static str,
        to: &RegionCode,
        below: Vec<Self>,
        on: NaiveDate,
        now: Instant,
    ) -> Succession {
        let moved = |code: &RegionCode| code.moved(&self.code, to);
        let mut succession = Succession {
            from: self.code.clone(),
            to: to.clone(),
            on,
            ended: vec![self.clone().ended_by(kind, to.clone(), on, now)],
            begun: Vec::new(),
        };
        for region in below {
            let Some(code) = moved(&region.code) else { continue };
            let parent = region.parent_code.as_ref().and_then(moved);
            succession.begun.push(region.followed_by(code.clone(), parent, on, now));
            succession.ended.push(region.ended_by("region.recoded", code, on, now));
        }
        succession
    }

    /// The region that comes after it under another code.
    fn followed_by(
        &self,
        code: RegionCode,
        parent_code: Option<RegionCode>,
        on: NaiveDate,
        now: Instant,
    ) -> Outcome<Self> {
        let next = Self {
            code,
            parent_code,
            valid_from: Some(on),
            valid_until: None,
            successor_code: None,
            version: 1,
            created_at: now,
            updated_at: now,
            ..self.clone()
        };
        let event = next.event("region.created").with("preceded_by", Datum::Region(self.code.clone()));
        Outcome::new(next, event)
    }

    fn ended_by(mut self, kind: &'static str, code: RegionCode, on: NaiveDate, now: Instant) -> Outcome<Self> {
        self.valid_until = Some(on);
        self.successor_code = Some(code.clone());
        self.touch(now);
        let event = self.event(kind).with("successor_code", Datum::Region(code)).with("on", Datum::Day(on));
        Outcome::new(self, event)
    }
}

impl RegionKind {
    /// The kinds of areas that may lack a standard code.
    #[must_use]
    pub fn may_be_local(self) -> bool {
        use RegionKind::{Community, FunctionalZone, Grid, StateForestFarm, Street, Township, Village};
        matches!(self, FunctionalZone | StateForestFarm | Township | Street | Village | Community | Grid)
    }
}

/// Of grants that stand side by side after two regions became one, those that another one makes superfluous: the same
/// user has the same role at the same place for the whole of their time.
#[must_use]
pub fn superfluous(grants: &[Grant]) -> Vec<Grant> {
    let covers = |one: &Validity, other: &Validity| {
        one.from <= other.from && one.until.is_none_or(|until| other.until.is_some_and(|other| other <= until))
    };
    let beside = |grant: &Grant, other: &Grant| {
        other.id != grant.id
            && (other.user_id, other.role) == (grant.user_id, grant.role)
            && other.place == grant.place
            && (other.pending, other.revoked_at) == (grant.pending, None)
            && covers(&other.validity, &grant.validity)
            // of two that are alike the older one stays
            && (other.validity != grant.validity || other.id < grant.id)
    };
    let is_superfluous = |grant: &&Grant| grant.revoked_at.is_none() && grants.iter().any(|other| beside(grant, other));
    grants.iter().filter(is_superfluous).cloned().collect()
}

impl Grant {
    /// Ends because its region became part of another one.
    pub fn end_with_merger(mut self, now: Instant) -> Outcome<Self> {
        self.revoked_at = Some(now);
        self.touch(now);
        let event = self
            .event("grant.revoked")
            .with("user_id", Datum::Id(self.user_id.0))
            .with("role", Datum::Word(self.role.name()))
            .with("reason", Datum::Word("merged"));
        Outcome::new(self, event)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::access::{Place, Role};

    fn code(text: &str) -> RegionCode {
        RegionCode::parse(text).unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn now() -> Instant {
        "2026-03-12T01:30:00Z".parse().unwrap()
    }

    fn region(text: &str, kind: RegionKind, parent: &str) -> Region {
        Region {
            code: code(text),
            name: text.to_owned(),
            kind,
            parent_code: Some(code(parent)),
            valid_from: None,
            valid_until: None,
            local: true,
            successor_code: None,
            version: 3,
            created_at: now(),
            updated_at: now(),
        }
    }

    fn to(text: &str, on: &str) -> Recode {
        Recode { code: code(text), name: None, local: false, on: day(on) }
    }

    #[test]
    fn all_below_gets_the_new_beginning() {
        let zone = region("361091", RegionKind::FunctionalZone, "3610");
        let below = vec![
            region("361091200", RegionKind::Township, "361091"),
            region("361091200200", RegionKind::Village, "361091200"),
        ];
        let done = zone.recode(below, Some(code("3610")), to("361003", "2026-03-01"), now()).unwrap();
        let begun: Vec<_> = done
            .begun
            .iter()
            .map(|new| (new.value.code.as_str(), new.value.parent_code.as_ref().unwrap().as_str(), new.value.local))
            .collect();
        assert_eq!(
            begun,
            [("361003", "3610", false), ("361003200", "361003", true), ("361003200200", "361003200", true)]
        );
        for (old, new) in done.ended.iter().zip(&done.begun) {
            assert_eq!(old.value.successor_code.as_ref(), Some(&new.value.code));
            assert_eq!(
                (old.value.valid_until, new.value.valid_from),
                (Some(day("2026-03-01")), Some(day("2026-03-01")))
            );
            assert_eq!((old.value.version, new.value.version), (4, 1));
        }
        let kinds: Vec<_> = done.ended.iter().map(|old| old.events[0].kind).collect();
        assert_eq!(kinds, ["region.recoded"; 3]);
    }

    #[test]
    fn a_merger_begins_no_region_but_those_below() {
        let village = region("360502002001", RegionKind::Community, "360502002");
        let grid = region("360502002001004", RegionKind::Grid, "360502002001");
        let done = village.merge(vec![grid], &code("360502002002"), day("2026-03-12"), now()).unwrap();
        assert_eq!(done.begun.len(), 1);
        assert_eq!(done.begun[0].value.code, code("360502002002004"));
        assert_eq!(done.begun[0].value.parent_code, Some(code("360502002002")));
        assert_eq!((done.ended[0].events[0].kind, done.ended[1].events[0].kind), ("region.merged", "region.recoded"));
    }

    #[test]
    fn level_and_day_are_held() {
        let village = region("360502002001", RegionKind::Community, "360502002");
        for (code, on, pointer) in [
            ("360502002009", "2026-03-12", None),
            ("360502009", "2026-03-12", Some("/code")),
            ("360502002001", "2026-03-12", Some("/code")),
            ("360502002009", "2026-03-13", Some("/on")),
            ("360502002009", "1949-09-30", Some("/on")),
        ] {
            let refused = match village.recode(Vec::new(), None, to(code, on), now()) {
                Err(Refusal::Invalid(errors)) => Some(errors[0].pointer.clone()),
                _ => None,
            };
            assert_eq!(refused.as_deref(), pointer, "{code} {on}");
        }
    }

    fn grant(id: u128, user: u128, role: Role, until: Option<&str>) -> Grant {
        Grant {
            id: Uuid::from_u128(id).into(),
            user_id: Uuid::from_u128(user).into(),
            role,
            place: Place::Region(code("360502002002")),
            validity: Validity { from: now(), until: until.map(|day| format!("{day}T00:00:00Z").parse().unwrap()) },
            pending: false,
            revoked_at: None,
            granted_by: None,
            approved_by: None,
            version: 1,
            created_at: now(),
            updated_at: now(),
        }
    }

    #[test]
    fn only_what_another_grant_covers_is_superfluous() {
        use Role::{Cadre, CommunityWorker as Worker};
        let pending = Grant { pending: true, ..grant(9, 4, Worker, None) };
        let grants = [
            grant(1, 1, Worker, Some("2027-01-01")),
            grant(2, 1, Worker, Some("2026-06-01")),
            grant(3, 1, Cadre, Some("2026-06-01")),
            grant(4, 2, Worker, Some("2026-06-01")),
            grant(5, 3, Worker, None),
            grant(6, 3, Worker, None),
            grant(8, 4, Worker, Some("2027-01-01")),
            pending,
        ];
        let ended: Vec<_> = superfluous(&grants).into_iter().map(|grant| grant.id).collect();
        assert_eq!(ended, [grants[1].id, grants[5].id]);
    }
}
