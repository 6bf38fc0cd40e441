//! Days of the business calendar.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Located, words},
    cn::RegionCode,
    id::CalendarDayId,
    resource::resource,
    time::Instant,
};

words! {
    /// What a day is, whatever the week makes it.
    CalendarDayKind {
        /// 放假: nobody is at work.
        Holiday = "holiday",
        /// 调休上班: a day of the weekend on which people work for a bridged one.
        MakeUpDay = "make_up_day",
    }
}

/// A day that is not what the week makes it. It holds in its region and everything below, the one of the nearest
/// region first; one without region holds in the whole country.
///
/// Source: 全国年节及纪念日放假办法 (State Council Order 795), and the notice on the next year's holidays
/// that the General Office of the State Council gives out each autumn. Autonomous areas add days of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarDay {
    /// Its id.
    pub id: CalendarDayId,
    /// The day, in Asia/Shanghai.
    pub date: NaiveDate,
    /// What it is.
    pub kind: CalendarDayKind,
    /// What people call it.
    pub name: String,
    /// Where it holds; `None` is the whole country.
    pub region_code: Option<RegionCode>,
    /// Counts changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

resource!(CalendarDay, id: CalendarDayId);

impl Located for CalendarDay {
    fn region(&self) -> Option<&RegionCode> {
        self.region_code.as_ref()
    }
}
