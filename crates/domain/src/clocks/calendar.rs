//! Counting time: by the clock on the wall, or by that of the office.

use std::collections::HashMap;

use chrono::{Datelike as _, Duration, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use super::{CalendarDay, CalendarDayKind};
use crate::{
    access::words,
    cn::RegionCode,
    time::{Instant, day_in_china, start_of_day_in_china},
};

words! {
    /// Which time counts.
    Counting {
        /// Every minute, day and night.
        AllTime = "all_time",
        /// Office hours of working days.
        BusinessTime = "business_time",
    }
}

/// Office hours, in minutes after midnight in Asia/Shanghai: 08:00 to 12:00 and 14:00 to 18:00, eight hours a day
/// (中华人民共和国劳动法, article 36).
const OFFICE_HOURS: [(i64, i64); 2] = [(8 * 60, 12 * 60), (14 * 60, 18 * 60)];

/// No span of business time reaches further than this many days; counting ends there whatever the calendar says.
const FURTHEST: usize = 3 * 366;

/// A stretch of time that does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Its first instant.
    pub from: Instant,
    /// The first instant after it.
    pub until: Instant,
}

/// The working days of a place.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    days: HashMap<NaiveDate, CalendarDayKind>,
}

impl Calendar {
    /// The calendar of a place: of the days given, those that hold there, the nearest region's before those above.
    #[must_use]
    pub fn of(days: &[CalendarDay], place: &RegionCode) -> Self {
        let mut here: Vec<&CalendarDay> =
            days.iter().filter(|day| day.region_code.as_ref().is_none_or(|code| code.contains(place))).collect();
        here.sort_by_key(|day| day.region_code.as_ref().map(RegionCode::level));
        Self { days: here.into_iter().map(|day| (day.date, day.kind)).collect() }
    }

    /// Whether people are at work on a day.
    #[must_use]
    pub fn is_working(&self, day: NaiveDate) -> bool {
        match self.days.get(&day) {
            Some(CalendarDayKind::Holiday) => false,
            Some(CalendarDayKind::MakeUpDay) => true,
            None => !matches!(day.weekday(), Weekday::Sat | Weekday::Sun),
        }
    }

    /// The instant at which a span of time has been counted since another one, leaving out the pauses.
    #[must_use]
    pub fn after(&self, from: Instant, span: Duration, counting: Counting, pauses: &[Pause]) -> Instant {
        let mut left = span;
        let mut last = from;
        for (begin, end) in self.counted(from, counting) {
            for (begin, end) in outside(begin, end, pauses) {
                if end - begin >= left {
                    return begin + left;
                }
                left -= end - begin;
                last = end;
            }
        }
        last
    }

    /// The stretches that count from an instant on, in order.
    fn counted(&self, from: Instant, counting: Counting) -> Box<dyn Iterator<Item = (Instant, Instant)> + '_> {
        if counting == Counting::AllTime {
            return Box::new(std::iter::once((from, Instant::MAX_UTC)));
        }
        let days = day_in_china(from).iter_days().take(FURTHEST).filter(|day| self.is_working(*day));
        let hours = days.flat_map(|day| {
            let midnight = start_of_day_in_china(day);
            OFFICE_HOURS.map(|(open, close)| (midnight + Duration::minutes(open), midnight + Duration::minutes(close)))
        });
        Box::new(hours.filter(move |(_, close)| *close > from).map(move |(open, close)| (open.max(from), close)))
    }
}

/// What is left of a stretch outside the pauses, in order.
fn outside(begin: Instant, end: Instant, pauses: &[Pause]) -> Vec<(Instant, Instant)> {
    let mut pauses: Vec<&Pause> =
        pauses.iter().filter(|pause| pause.from < end && begin < pause.until && pause.from < pause.until).collect();
    pauses.sort_by_key(|pause| pause.from);
    let mut free = Vec::new();
    let mut at = begin;
    for pause in pauses {
        if at < pause.from {
            free.push((at, pause.from));
        }
        at = at.max(pause.until);
    }
    if at < end {
        free.push((at, end));
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Instant {
        chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn day(date: &str, kind: CalendarDayKind, region: Option<&str>) -> CalendarDay {
        CalendarDay {
            id: uuid::Uuid::nil().into(),
            date: date.parse().unwrap(),
            kind,
            name: "节日".to_owned(),
            region_code: region.map(|code| RegionCode::parse(code).unwrap()),
            version: 1,
            created_at: at("2026-01-01T00:00:00Z"),
            updated_at: at("2026-01-01T00:00:00Z"),
        }
    }

    fn calendar(days: &[CalendarDay], place: &str) -> Calendar {
        Calendar::of(days, &RegionCode::parse(place).unwrap())
    }

    #[test]
    fn the_nearest_region_says_what_a_day_is() {
        use CalendarDayKind::{Holiday, MakeUpDay};
        let days = [
            day("2026-03-20", MakeUpDay, Some("450102")),
            day("2026-03-20", Holiday, Some("45")),
            day("2026-02-28", MakeUpDay, None),
            day("2026-02-17", Holiday, None),
        ];
        let working = |place: &str, date: &str| calendar(&days, place).is_working(date.parse().unwrap());
        assert!(!working("360502", "2026-02-17"), "a holiday of the country, a Tuesday");
        assert!(working("360502", "2026-02-28"), "a Saturday made up for");
        assert!(!working("360502", "2026-03-01"), "a Sunday");
        assert!(working("360502", "2026-03-20"), "a Friday elsewhere");
        assert!(!working("450103", "2026-03-20"), "a holiday of the region");
        assert!(working("450102001", "2026-03-20"), "but not of this county");
    }

    #[test]
    fn business_time_is_that_of_the_office() {
        let calendar = calendar(&[day("2026-03-12", CalendarDayKind::Holiday, None)], "360502");
        let after = |from: &str, hours| calendar.after(at(from), Duration::hours(hours), Counting::BusinessTime, &[]);
        assert_eq!(after("2026-03-10T09:00:00+08:00", 2), at("2026-03-10T11:00:00+08:00"));
        assert_eq!(after("2026-03-10T09:00:00+08:00", 3), at("2026-03-10T12:00:00+08:00"), "to the end of the morning");
        assert_eq!(after("2026-03-10T11:00:00+08:00", 2), at("2026-03-10T15:00:00+08:00"), "over noon");
        assert_eq!(after("2026-03-10T12:30:00+08:00", 1), at("2026-03-10T15:00:00+08:00"), "from noon");
        assert_eq!(after("2026-03-10T20:00:00+08:00", 8), at("2026-03-11T18:00:00+08:00"), "from the evening");
        assert_eq!(after("2026-03-11T17:00:00+08:00", 2), at("2026-03-13T09:00:00+08:00"), "over the holiday");
        assert_eq!(after("2026-03-13T17:00:00+08:00", 2), at("2026-03-16T09:00:00+08:00"), "over the weekend");
    }

    #[test]
    fn pauses_do_not_count() {
        let calendar = Calendar::default();
        let pause = |from, until| Pause { from: at(from), until: at(until) };
        let after = |counting, pauses: &[Pause]| {
            calendar.after(at("2026-03-10T09:00:00+08:00"), Duration::hours(2), counting, pauses)
        };
        let coffee = pause("2026-03-10T10:00:00+08:00", "2026-03-10T10:30:00+08:00");
        let lunch = pause("2026-03-10T11:00:00+08:00", "2026-03-10T15:00:00+08:00");
        let over = pause("2026-03-10T10:15:00+08:00", "2026-03-10T11:30:00+08:00");
        let day = pause("2026-03-10T08:00:00+08:00", "2026-03-11T10:00:00+08:00");
        let never = pause("2026-03-10T10:30:00+08:00", "2026-03-10T10:30:00+08:00");
        assert_eq!(after(Counting::AllTime, &[]), at("2026-03-10T11:00:00+08:00"));
        assert_eq!(after(Counting::AllTime, &[coffee]), at("2026-03-10T11:30:00+08:00"));
        assert_eq!(after(Counting::AllTime, &[lunch]), at("2026-03-10T11:00:00+08:00"), "done before");
        assert_eq!(after(Counting::AllTime, &[lunch, coffee]), at("2026-03-10T15:30:00+08:00"), "in any order");
        assert_eq!(after(Counting::AllTime, &[coffee, over]), at("2026-03-10T12:30:00+08:00"), "counted once");
        assert_eq!(after(Counting::AllTime, &[never]), at("2026-03-10T11:00:00+08:00"));
        assert_eq!(after(Counting::BusinessTime, &[over, lunch]), at("2026-03-10T15:45:00+08:00"));
        assert_eq!(after(Counting::BusinessTime, &[day]), at("2026-03-11T12:00:00+08:00"));
    }

    #[test]
    fn counting_ends() {
        let from = at("2026-03-10T09:00:00+08:00");
        let end = Calendar::default().after(from, Duration::days(4000), Counting::BusinessTime, &[]);
        assert!(end > from + Duration::days(1000) && end < from + Duration::days(1100));
    }

    proptest! {
        /// The longer the span, the later; a pause never makes it earlier, and never later than by its own length.
        #[test]
        fn time_goes_forward(
            begin in 0i64..525_600, span in 0i64..20_000, more in 0i64..20_000,
            pause in 0i64..30_000, length in 0i64..3_000, business: bool,
        ) {
            let counting = if business { Counting::BusinessTime } else { Counting::AllTime };
            let from = at("2026-01-01T00:00:00+08:00") + Duration::minutes(begin);
            let calendar = Calendar::default();
            let pause = Pause { from: from + Duration::minutes(pause), until: from + Duration::minutes(pause + length) };
            let plain = calendar.after(from, Duration::minutes(span), counting, &[]);
            let longer = calendar.after(from, Duration::minutes(span + more), counting, &[]);
            let paused = calendar.after(from, Duration::minutes(span), counting, &[pause]);
            prop_assert!(from <= plain && plain <= longer && plain <= paused);
            if counting == Counting::AllTime {
                prop_assert!(paused <= plain + Duration::minutes(length));
                prop_assert_eq!(plain, from + Duration::minutes(span));
            }
        }
    }
}
