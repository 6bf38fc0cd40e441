//! Appointments 任职: who holds which post, where and for how long.
//!
//! A row is never overwritten. It ends, early or with its term, and stays; a wrong one is ended on its first day, so
//! that it was held on no day at all, and the right one is written anew.

use chrono::{Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::{
    access::{Action, ActionSet, Located, Reach, words},
    cn::{RegionCode, RegionLevel},
    event::{Datum, EventDraft},
    id::{AppointmentId, BuildingId, CompoundId, OrganizationId, PersonId, UnitId},
    outcome::Outcome,
    refusal::{FieldError, Refusal, Standing},
    resource::{Resource as _, resource},
    time::{EARLIEST_DAY, Instant, day_in_china},
};

words! {
    /// A post.
    Post {
        /// 楼栋长
        BuildingHead = "building_head",
        /// 单元长
        UnitHead = "unit_head",
        /// 林长, of a county, a township or a village
        ForestChief = "forest_chief",
        /// 护林员
        Ranger = "ranger",
        /// 家访干部
        VisitingCadre = "visiting_cadre",
        /// 网格员
        GridMember = "grid_member",
        /// 三官一律
        LegalHelper = "legal_helper",
        /// 调解员
        Mediator = "mediator",
        /// 睦邻中心主任
        CenterManager = "center_manager",
    }
}

words! {
    /// What a legal helper is by profession.
    Profession {
        /// 法官
        Judge = "judge",
        /// 检察官
        Procurator = "procurator",
        /// 警官
        PoliceOfficer = "police_officer",
        /// 律师
        Lawyer = "lawyer",
    }
}

words! {
    /// Why an appointment ended.
    EndReason {
        /// 任期届满
        TermOver = "term_over",
        /// 辞任
        Resigned = "resigned",
        /// 免职、更换
        Replaced = "replaced",
        /// 移交
        HandedOver = "handed_over",
        /// 调离、迁出
        Moved = "moved",
        /// 其他
        Other = "other",
    }
}

words! {
    /// Where an appointment stands.
    AppointmentState {
        /// Its first day is still to come.
        Coming = "coming",
        /// It is held today.
        Active = "active",
        /// It is held no more.
        Ended = "ended",
    }
}

/// Where a post is held: in a region, an organization, a compound, or a building or unit of a compound. The region is
/// known in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The region, or that in which the rest of it lies.
    pub region_code: RegionCode,
    /// The organization.
    pub organization_id: Option<OrganizationId>,
    /// The compound.
    pub compound_id: Option<CompoundId>,
    /// The building of the compound.
    pub building_id: Option<BuildingId>,
    /// The unit of the building.
    pub unit_id: Option<UnitId>,
}

/// Which seats a post has.
enum Seats {
    /// A unit of a building.
    Unit,
    /// A building.
    Building,
    /// A compound.
    Compound,
    /// A region of one of these levels.
    Region(&'static [RegionLevel]),
    /// A region of one of these levels, or an organization anywhere.
    RegionOrOrganization(&'static [RegionLevel]),
}

impl Post {
    /// The table of posts and their seats.
    fn seats(self) -> Seats {
        use RegionLevel::{Community, County, Grid, Township};
        match self {
            Self::BuildingHead => Seats::Building,
            Self::UnitHead => Seats::Unit,
            Self::LegalHelper => Seats::Compound,
            Self::GridMember => Seats::Region(&[Grid]),
            Self::ForestChief => Seats::Region(&[County, Township, Community]),
            Self::VisitingCadre => Seats::Region(&[Township, Community, Grid]),
            Self::Ranger => Seats::RegionOrOrganization(&[Township, Community]),
            Self::Mediator => Seats::RegionOrOrganization(&[County, Township, Community]),
            Self::CenterManager => Seats::RegionOrOrganization(&[Community]),
        }
    }

    /// Whether it is one of those that a community fills by itself.
    #[must_use]
    pub fn is_head(self) -> bool {
        matches!(self, Self::BuildingHead | Self::UnitHead)
    }

    /// Names the members by which a seat does not fit the post.
    fn seat_faults(self, seat: &Seat) -> Vec<FieldError> {
        let Seat { region_code, organization_id, compound_id, building_id, unit_id } = seat;
        // what is missing comes first, then what is too much
        let need = |name: &str, given: bool, wanted: bool| match (given, wanted) {
            (false, true) => Some(FieldError::new(format!("/{name}"), "required")),
            (true, false) => Some(FieldError::new(format!("/{name}"), "contradicts-member")),
            _ => None,
        };
        let (compound, building, unit, levels, organization) = match self.seats() {
            Seats::Unit => (true, true, true, None, false),
            Seats::Building => (true, true, false, None, false),
            Seats::Compound => (true, false, false, None, false),
            Seats::Region(levels) => (false, false, false, Some(levels), false),
            Seats::RegionOrOrganization(levels) => (false, false, false, Some(levels), true),
        };
        let level = levels.filter(|levels| organization_id.is_none() && !levels.contains(&region_code.level()));
        [
            need("compound_id", compound_id.is_some(), compound),
            need("building_id", building_id.is_some(), building),
            need("unit_id", unit_id.is_some(), unit),
            need("organization_id", organization_id.is_some(), organization && organization_id.is_some()),
            level.filter(|_| compound_id.is_none()).map(|_| FieldError::new("/region_code", "contradicts-member")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// How far ahead somebody can be appointed.
const AHEAD: Months = Months::new(12 * 5);
/// The longest term.
const LONGEST: Months = Months::new(12 * 30);
/// How long before its end a term is announced.
pub const NOTICE: Days = Days::new(30);

/// An appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    /// Its id.
    pub id: AppointmentId,
    /// Who holds the post.
    pub person_id: PersonId,
    /// What he is called.
    pub display_name: String,
    /// The post.
    pub post: Post,
    /// What a legal helper is by profession.
    pub profession: Option<Profession>,
    /// Where it is held.
    pub seat: Seat,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day after the term, where there is one.
    pub valid_until: Option<NaiveDate>,
    /// First day on which it is held no more, where it was ended.
    pub ended_on: Option<NaiveDate>,
    /// Why it was ended.
    pub end_reason: Option<EndReason>,
    /// The appointment to which it was handed over.
    pub succeeded_by: Option<AppointmentId>,
    /// The appointment from which it was handed over.
    pub preceded_by: Option<AppointmentId>,
    /// When it was announced that the term ends.
    pub announced_at: Option<Instant>,
    /// Counts changes.
    pub version: i64,
    /// When the row was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(Appointment, id: AppointmentId);

impl Appointment {
    /// The first day on which it is held no more.
    #[must_use]
    pub fn end(&self) -> Option<NaiveDate> {
        self.ended_on.or(self.valid_until)
    }

    /// Whether it is held on a day.
    #[must_use]
    pub fn held_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.end().is_none_or(|end| day < end)
    }

    /// Where it stands on a day.
    #[must_use]
    pub fn state_on(&self, day: NaiveDate) -> AppointmentState {
        if self.end().is_some_and(|end| end <= day) {
            AppointmentState::Ended
        } else if day < self.valid_from {
            AppointmentState::Coming
        } else {
            AppointmentState::Active
        }
    }

    /// Names the members that contradict each other, or days that are not believed.
    #[must_use]
    pub fn faults(&self, today: NaiveDate) -> Vec<FieldError> {
        let mut errors = self.post.seat_faults(&self.seat);
        match (self.post, self.profession) {
            (Post::LegalHelper, None) => errors.push(FieldError::new("/profession", "required")),
            (Post::LegalHelper, Some(_)) | (_, None) => {}
            (_, Some(_)) => errors.push(FieldError::new("/profession", "contradicts-member")),
        }
        if self.valid_from < EARLIEST_DAY {
            errors.push(FieldError::new("/valid_from", "implausible"));
        } else if later(today, AHEAD).is_some_and(|last| self.valid_from > last) {
            errors.push(FieldError::new("/valid_from", "too-far-ahead"));
        }
        if let Some(until) = self.valid_until {
            if until <= self.valid_from {
                errors.push(FieldError::new("/valid_from", "end-before-start"));
                errors.push(FieldError::new("/valid_until", "end-before-start"));
            } else if later(self.valid_from, LONGEST).is_some_and(|last| until > last) {
                errors.push(FieldError::new("/valid_until", "too-far-ahead"));
            }
        }
        errors
    }

    /// Ends it as of a day, the first on which it is held no more. On its first day it ends without having been held.
    ///
    /// # Errors
    /// [`Refusal::WrongState`] where it is over, [`Refusal::Invalid`] where the day is none of its own.
    pub fn end_on(
        mut self,
        on: NaiveDate,
        reason: EndReason,
        allowed: ActionSet,
        now: Instant,
    ) -> Result<Outcome<Self>, Refusal> {
        self.can_end(on, allowed, now)?;
        self.ended_on = Some(on);
        self.end_reason = Some(reason);
        self.touch(now);
        let event = self.told("appointment.ended", on).with("reason", Datum::Word(reason.name()));
        Ok(Outcome::new(self, event))
    }

    /// Hands it over to another person as of a day: this one ends, and one of the same post and seat begins, for what
    /// is left of the term.
    ///
    /// # Errors
    /// As [`Self::end_on`].
    pub fn hand_over(
        mut self,
        heir: Heir,
        on: NaiveDate,
        allowed: ActionSet,
        now: Instant,
    ) -> Result<HandOver, Refusal> {
        self.can_end(on, allowed, now)?;
        let Heir { id, person_id, display_name } = heir;
        let next = Self {
            id,
            person_id,
            display_name,
            valid_from: on,
            ended_on: None,
            end_reason: None,
            succeeded_by: None,
            preceded_by: Some(self.id),
            announced_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
            ..self.clone()
        };
        self.ended_on = Some(on);
        self.end_reason = Some(EndReason::HandedOver);
        self.succeeded_by = Some(id);
        self.touch(now);
        let begun = next.event("appointment.created").with("preceded_by", Datum::Id(self.id.0));
        let ended = self.told("appointment.handed_over", on).with("succeeded_by", Datum::Id(id.0));
        Ok(HandOver { ended: Outcome::new(self, ended), begun: Outcome::new(next, begun) })
    }

    /// The event by which it is announced that the term ends; `None` where it is not time for it, or was done.
    #[must_use]
    pub fn announcement(&self, now: Instant) -> Option<EventDraft> {
        let today = day_in_china(now);
        let until = self
            .valid_until
            .filter(|until| self.ended_on.is_none() && self.announced_at.is_none() && *until > today)?;
        let from = until.checked_sub_days(NOTICE)?;
        (from <= today).then(|| self.event("appointment.term_ending").with("until", Datum::Day(until)))
    }

    /// What the caller may do to it now, sorted by name.
    #[must_use]
    pub fn actions(&self, allowed: ActionSet, now: Instant) -> Vec<&'static str> {
        if self.is_closed(day_in_china(now)) {
            return Vec::new();
        }
        let possible = [Action::End, Action::HandOver].into_iter();
        possible.filter(|action| allowed.has(*action)).map(Action::name).collect()
    }

    /// Whether it is a matter of the past.
    fn is_closed(&self, today: NaiveDate) -> bool {
        self.state_on(today) == AppointmentState::Ended
    }

    fn can_end(&self, on: NaiveDate, allowed: ActionSet, now: Instant) -> Result<(), Refusal> {
        let today = day_in_china(now);
        if self.is_closed(today) {
            return Err(Refusal::WrongState(Box::new(Standing {
                state: self.state_on(today).name(),
                version: self.version,
                actions: self.actions(allowed, now),
                assignee: None,
            })));
        }
        if on < self.valid_from {
            return Err(Refusal::invalid("/on", "before-start"));
        }
        // an end that is foreseen can be brought forward, never put off
        let last = self.end().or_else(|| later(today, AHEAD));
        if last.is_some_and(|last| on > last) {
            return Err(Refusal::invalid("/on", "too-far-ahead"));
        }
        Ok(())
    }

    fn told(&self, kind: &'static str, on: NaiveDate) -> EventDraft {
        self.event(kind).with("on", Datum::Day(on))
    }
}

fn later(day: NaiveDate, by: Months) -> Option<NaiveDate> {
    day.checked_add_months(by)
}

/// To whom a post is handed over, and the id of his appointment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heir {
    /// The id of the new appointment.
    pub id: AppointmentId,
    /// The person.
    pub person_id: PersonId,
    /// What he is called.
    pub display_name: String,
}

/// Both sides of a hand-over.
#[derive(Debug)]
pub struct HandOver {
    /// The appointment that ends.
    pub ended: Outcome<Appointment>,
    /// The one that begins.
    pub begun: Outcome<Appointment>,
}

impl Located for Appointment {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.seat.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        self.seat.compound_id
    }

    fn related(&self, reach: &Reach) -> bool {
        match reach {
            Reach::Own(_, Some(person)) => *person == self.person_id,
            Reach::Heads(scope) => self.post.is_head() && scope.contains(&self.seat.region_code),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn now() -> Instant {
        "2026-03-12T01:30:00Z".parse().unwrap()
    }

    fn all() -> ActionSet {
        ActionSet::of(Action::ALL)
    }

    fn seat(region: &str, inside: [bool; 4]) -> Seat {
        let [organization, compound, building, unit] = inside;
        Seat {
            region_code: RegionCode::parse(region).unwrap(),
            organization_id: organization.then(|| Uuid::nil().into()),
            compound_id: compound.then(|| Uuid::nil().into()),
            building_id: building.then(|| Uuid::nil().into()),
            unit_id: unit.then(|| Uuid::nil().into()),
        }
    }

    fn appointment(from: &str, until: Option<&str>) -> Appointment {
        Appointment {
            id: Uuid::nil().into(),
            person_id: Uuid::from_u128(1).into(),
            display_name: "丁小梅".to_owned(),
            post: Post::BuildingHead,
            profession: None,
            seat: seat("360502002001", [false, true, true, false]),
            valid_from: day(from),
            valid_until: until.map(day),
            ended_on: None,
            end_reason: None,
            succeeded_by: None,
            preceded_by: None,
            announced_at: None,
            version: 1,
            created_at: now(),
            updated_at: now(),
        }
    }

    fn heir() -> Heir {
        Heir { id: Uuid::from_u128(7).into(), person_id: Uuid::from_u128(2).into(), display_name: "王强".to_owned() }
    }

    #[test]
    fn each_post_has_its_seats() {
        let levels = ["36", "3605", "360502", "360502002", "360502002001", "360502002001001"];
        for (post, regions, organization, inside) in [
            (Post::BuildingHead, &[][..], false, Some([true, true, false])),
            (Post::UnitHead, &[][..], false, Some([true, true, true])),
            (Post::LegalHelper, &[][..], false, Some([true, false, false])),
            (Post::ForestChief, &levels[2..5], false, None),
            (Post::Ranger, &levels[3..5], true, None),
            (Post::VisitingCadre, &levels[3..6], false, None),
            (Post::GridMember, &levels[5..6], false, None),
            (Post::Mediator, &levels[2..5], true, None),
            (Post::CenterManager, &levels[4..5], true, None),
        ] {
            for level in levels {
                let fits = post.seat_faults(&seat(level, [false; 4])).is_empty();
                assert_eq!(fits, regions.contains(&level), "{post:?} in {level}");
                let fits = post.seat_faults(&seat(level, [true, false, false, false])).is_empty();
                assert_eq!(fits, organization, "{post:?} in an organization of {level}");
            }
            for bits in 1..8_u8 {
                let given = [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
                let fits = post.seat_faults(&seat(levels[4], [false, given[0], given[1], given[2]])).is_empty();
                assert_eq!(fits, inside == Some(given), "{post:?} at {given:?}");
            }
        }
    }

    #[test]
    fn only_a_legal_helper_has_a_profession() {
        let helper = Appointment {
            post: Post::LegalHelper,
            seat: seat("360502002001", [false, true, false, false]),
            ..appointment("2026-01-01", None)
        };
        let today = day("2026-03-12");
        assert_eq!(helper.faults(today), [FieldError::new("/profession", "required")]);
        let lawyer = Appointment { profession: Some(Profession::Lawyer), ..helper };
        assert_eq!(lawyer.faults(today), []);
        let head = Appointment { profession: Some(Profession::Judge), ..appointment("2026-01-01", None) };
        assert_eq!(head.faults(today), [FieldError::new("/profession", "contradicts-member")]);
    }

    #[test]
    fn days_are_believed_within_bounds() {
        let today = day("2026-03-12");
        for (from, until, pointer) in [
            ("1949-10-01", Some("1950-01-01"), None),
            ("1949-09-30", None, Some("/valid_from")),
            ("2031-03-12", None, None),
            ("2031-03-13", None, Some("/valid_from")),
            ("2026-01-01", Some("2056-01-01"), None),
            ("2026-01-01", Some("2056-01-02"), Some("/valid_until")),
            ("2026-01-01", Some("2026-01-01"), Some("/valid_from")),
        ] {
            let faults = appointment(from, until).faults(today);
            assert_eq!(faults.first().map(|fault| fault.pointer.as_str()), pointer, "{from} {until:?}");
        }
    }

    #[test]
    fn it_is_held_from_its_first_day_to_before_its_end() {
        let held = appointment("2026-03-01", Some("2026-04-01"));
        for (on, state, is_held) in [
            ("2026-02-28", AppointmentState::Coming, false),
            ("2026-03-01", AppointmentState::Active, true),
            ("2026-03-31", AppointmentState::Active, true),
            ("2026-04-01", AppointmentState::Ended, false),
        ] {
            assert_eq!((held.state_on(day(on)), held.held_on(day(on))), (state, is_held), "{on}");
        }
    }

    #[test]
    fn an_end_is_one_of_its_days_and_is_never_put_off() {
        let (from, until) = ("2026-03-01", Some("2026-04-01"));
        let end = |appointment: Appointment, on: &str| appointment.end_on(day(on), EndReason::Resigned, all(), now());
        for (on, code) in [("2026-02-28", "before-start"), ("2026-04-02", "too-far-ahead")] {
            let refused = end(appointment(from, until), on);
            assert!(matches!(refused, Err(Refusal::Invalid(errors)) if errors[0].code == code), "{on}");
        }
        for (on, is_over) in [("2026-03-01", true), ("2026-03-12", true), ("2026-03-31", false), ("2026-04-01", false)]
        {
            let ended = end(appointment(from, until), on).unwrap();
            assert_eq!((ended.value.end(), ended.value.version), (Some(day(on)), 2));
            assert_eq!(ended.value.actions(all(), now()).is_empty(), is_over, "{on}");
            assert_eq!(ended.events[0].kind, "appointment.ended");
            match end(ended.value.clone(), "2026-03-20") {
                Ok(earlier) => assert_eq!((is_over, earlier.value.end()), (false, Some(day("2026-03-20")))),
                Err(refusal) => assert_eq!((is_over, matches!(refusal, Refusal::WrongState(_))), (true, true), "{on}"),
            }
        }
        let settled = end(appointment(from, until), "2026-03-20").unwrap().value;
        assert!(matches!(end(settled, "2026-03-21"), Err(Refusal::Invalid(_))));
        // on its first day it was held on no day
        let never = end(appointment(from, until), from).unwrap().value;
        assert!(!never.held_on(day(from)));
        let past = appointment("2025-01-01", Some("2026-03-12"));
        assert!(matches!(end(past, "2026-02-01"), Err(Refusal::WrongState(_))));
    }

    #[test]
    fn a_hand_over_links_both_sides() {
        let HandOver { ended, begun } =
            appointment("2026-01-01", Some("2027-01-01")).hand_over(heir(), day("2026-03-12"), all(), now()).unwrap();
        assert_eq!(
            (ended.value.ended_on, ended.value.end_reason),
            (Some(day("2026-03-12")), Some(EndReason::HandedOver))
        );
        assert_eq!(ended.value.succeeded_by, Some(begun.value.id));
        assert_eq!(begun.value.preceded_by, Some(ended.value.id));
        assert_eq!((begun.value.valid_from, begun.value.valid_until), (day("2026-03-12"), Some(day("2027-01-01"))));
        assert_eq!((begun.value.post, &begun.value.seat), (ended.value.post, &ended.value.seat));
        assert_eq!((ended.events[0].kind, begun.events[0].kind), ("appointment.handed_over", "appointment.created"));
    }

    #[test]
    fn a_term_is_announced_thirty_days_before_it_ends_and_once() {
        for (until, is_told) in [
            (None, false),
            (Some("2026-03-12"), false),
            (Some("2026-03-13"), true),
            (Some("2026-04-11"), true),
            (Some("2026-04-12"), false),
        ] {
            assert_eq!(appointment("2025-01-01", until).announcement(now()).is_some(), is_told, "{until:?}");
        }
        let told = Appointment { announced_at: Some(now()), ..appointment("2025-01-01", Some("2026-04-01")) };
        assert_eq!(told.announcement(now()), None);
        let ended = Appointment { ended_on: Some(day("2026-03-20")), ..appointment("2025-01-01", Some("2026-04-01")) };
        assert_eq!(ended.announcement(now()), None);
    }

    proptest! {
        #[test]
        fn whoever_is_followed_holds_no_day_of_his_follower(start in 0_u64..2000, length in 1_u64..2000, at in 0_u64..2000) {
            let from = day("2024-01-01") + Days::new(start);
            let until = from + Days::new(length);
            let on = from + Days::new(at);
            let before = Appointment { valid_from: from, valid_until: Some(until), ..appointment("2024-01-01", None) };
            let was_over = before.is_closed(day_in_china(now()));
            match before.clone().hand_over(heir(), on, all(), now()) {
                Err(_) => prop_assert!(was_over || on > until),
                Ok(HandOver { ended, begun }) => {
                    for number in 0..(length + 2) {
                        let day = from + Days::new(number);
                        let holders = u8::from(ended.value.held_on(day)) + u8::from(begun.value.held_on(day));
                        prop_assert_eq!(holders, u8::from(before.held_on(day)), "{}", day);
                    }
                }
            }
        }
    }
}
