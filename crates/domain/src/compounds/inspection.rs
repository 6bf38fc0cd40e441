//! An inspection 检查: whether the service in a compound keeps the five standards.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Located, words},
    cn::RegionCode,
    event::Datum,
    id::{CompoundId, InspectionId, UserId},
    outcome::Outcome,
    refusal::{FieldError, Refusal},
    resource::{Resource as _, resource},
    time::{EARLIEST_DAY, Instant, day_in_china},
};

words! {
    /// A standard of service.
    ServiceStandard {
        /// 楼道保洁
        CorridorsCleaned = "corridors_cleaned",
        /// 设施保养
        FacilitiesMaintained = "facilities_maintained",
        /// 绿化养护
        GreeneryKept = "greenery_kept",
        /// 安全防护
        SafetyGuarded = "safety_guarded",
        /// 停车规范
        ParkingOrdered = "parking_ordered",
    }
}

/// The best score of a standard.
pub const BEST_SCORE: i32 = 100;
/// The score that a standard needs, where it is not said otherwise.
pub const PASS_MARK: i32 = 60;

/// How a standard is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandardScore {
    /// The standard.
    pub standard: ServiceStandard,
    /// From 0 to [`BEST_SCORE`].
    pub score: i32,
    /// What was seen.
    pub note: Option<String>,
}

/// An inspection. It is never changed: what was seen on a day was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Its id.
    pub id: InspectionId,
    /// The compound.
    pub compound_id: CompoundId,
    /// The community or grid in which the compound lies.
    pub region_code: RegionCode,
    /// The day.
    pub inspected_on: NaiveDate,
    /// The score that each standard needs.
    pub pass_mark: i32,
    /// Each of the standards once, in their order.
    pub scores: Vec<StandardScore>,
    /// What there is to say of the whole.
    pub remark: Option<String>,
    /// The account of who wrote it down.
    pub inspected_by: UserId,
    /// Always 1.
    pub version: i64,
    /// When it was written down.
    pub created_at: Instant,
    /// The same.
    pub updated_at: Instant,
}

resource!(Inspection, id: InspectionId);

impl Inspection {
    /// The standards that are not kept.
    #[must_use]
    pub fn failed(&self) -> Vec<ServiceStandard> {
        let below = self.scores.iter().filter(|score| score.score < self.pass_mark);
        below.map(|score| score.standard).collect()
    }

    /// The mean of its scores in hundredths, half up.
    #[must_use]
    pub fn mean_hundredths(&self) -> i32 {
        let count = i32::try_from(self.scores.len()).unwrap_or(i32::MAX).max(1);
        let sum: i32 = self.scores.iter().map(|score| score.score * 100).sum();
        (sum * 2 + count) / (count * 2)
    }

    /// Writes it down. Where a standard is not kept another event says which, for those who see to it.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where a standard is missing or stands twice, or the day is not believed.
    pub fn record(mut self, now: Instant) -> Result<Outcome<Self>, Refusal> {
        let mut faults = Vec::new();
        if self.inspected_on > day_in_china(now) {
            faults.push(FieldError::new("/inspected_on", "in-future"));
        } else if self.inspected_on < EARLIEST_DAY {
            faults.push(FieldError::new("/inspected_on", "implausible"));
        }
        for (at, score) in self.scores.iter().enumerate() {
            if self.scores.iter().take(at).any(|earlier| earlier.standard == score.standard) {
                faults.push(FieldError::new(format!("/scores/{at}/standard"), "duplicate"));
            }
        }
        let is_there = |standard: &ServiceStandard| self.scores.iter().any(|score| score.standard == *standard);
        if !ServiceStandard::ALL.iter().all(is_there) {
            faults.push(FieldError::new("/scores", "incomplete"));
        }
        if !faults.is_empty() {
            return Err(Refusal::Invalid(faults));
        }
        self.scores.sort_by_key(|score| score.standard);
        let failed: Vec<&'static str> = self.failed().into_iter().map(ServiceStandard::name).collect();
        let about = |kind| self.event(kind).with("compound_id", Datum::Id(self.compound_id.0));
        let created = about("inspection.created");
        let told = (!failed.is_empty()).then(|| about("inspection.failed").with("standards", Datum::Words(failed)));
        let mut outcome = Outcome::new(self, created);
        outcome.events.extend(told);
        Ok(outcome)
    }
}

impl Located for Inspection {
    fn region(&self) -> Option<&RegionCode> {
        Some(&self.region_code)
    }

    fn compound(&self) -> Option<CompoundId> {
        Some(self.compound_id)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn now() -> Instant {
        "2026-03-12T02:00:00Z".parse().unwrap()
    }

    fn inspection(scores: &[i32]) -> Inspection {
        let scored = ServiceStandard::ALL.iter().rev().zip(scores);
        Inspection {
            id: Uuid::from_u128(1).into(),
            compound_id: Uuid::from_u128(2).into(),
            region_code: RegionCode::parse("360502002001").unwrap(),
            inspected_on: "2026-03-11".parse().unwrap(),
            pass_mark: PASS_MARK,
            scores: scored
                .map(|(standard, score)| StandardScore { standard: *standard, score: *score, note: None })
                .collect(),
            remark: None,
            inspected_by: Uuid::from_u128(3).into(),
            version: 1,
            created_at: now(),
            updated_at: now(),
        }
    }

    #[test]
    fn a_standard_is_kept_from_the_mark_on() {
        let kept = inspection(&[60, 60, 100, 100, 61]).record(now()).unwrap();
        assert_eq!(kept.events.len(), 1);
        assert_eq!(kept.value.mean_hundredths(), 7620);
        let failed = inspection(&[59, 60, 100, 100, 0]).record(now()).unwrap();
        assert_eq!(failed.value.failed(), [ServiceStandard::CorridorsCleaned, ServiceStandard::ParkingOrdered]);
        assert_eq!(failed.events[1].kind, "inspection.failed");
        let strict = Inspection { pass_mark: 61, ..inspection(&[60, 60, 100, 100, 61]) };
        assert_eq!(strict.failed().len(), 2);
    }

    #[test]
    fn each_standard_is_scored_once() {
        let codes = |inspection: Inspection| match inspection.record(now()).unwrap_err() {
            Refusal::Invalid(faults) => {
                faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(codes(inspection(&[60, 60, 60, 60])), ["/scores incomplete"]);
        let mut twice = inspection(&[60, 60, 60, 60, 60]);
        twice.scores[4].standard = twice.scores[0].standard;
        assert_eq!(codes(twice), ["/scores/4/standard duplicate", "/scores incomplete"]);
        let late = Inspection { inspected_on: "2026-03-13".parse().unwrap(), ..inspection(&[60; 5]) };
        assert_eq!(codes(late), ["/inspected_on in-future"]);
    }
}
