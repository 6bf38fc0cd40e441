//! What something is over time: spans that follow each other, with gaps where it is nothing. Nothing is overwritten: what
//! comes ends what was, and the past can be asked for.

use chrono::NaiveDate;

use crate::{refusal::FieldError, time::EARLIEST_DAY};

/// A span in which something is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period<T> {
    /// What it is.
    pub value: T,
    /// First day.
    pub valid_from: NaiveDate,
    /// First day on which it is something else; `None` while it lasts.
    pub valid_until: Option<NaiveDate>,
}

impl<T> Period<T> {
    /// Whether it lasts on a day.
    #[must_use]
    pub fn holds_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_until.is_none_or(|until| day < until)
    }
}

/// Spans in the order of time, of which no two overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods<T>(Vec<Period<T>>);

impl<T> Default for Periods<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Periods<T> {
    /// Spans as they were stored. `None` where they overlap or are not in the order of time.
    #[must_use]
    pub fn stored(periods: Vec<Period<T>>) -> Option<Self> {
        let is_span = |period: &Period<T>| period.valid_until.is_none_or(|until| period.valid_from < until);
        let follow = |pair: &[Period<T>]| match pair {
            [first, next] => first.valid_until.is_some_and(|until| until <= next.valid_from),
            _ => true,
        };
        (periods.iter().all(is_span) && periods.windows(2).all(follow)).then_some(Self(periods))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Period<T>] {
        &self.0
    }

    /// What it is on a day.
    #[must_use]
    pub fn on(&self, day: NaiveDate) -> Option<&T> {
        self.0.iter().rev().find(|period| period.holds_on(day)).map(|period| &period.value)
    }

    /// The span that has no end yet.
    #[must_use]
    pub fn open(&self) -> Option<&Period<T>> {
        self.0.last().filter(|period| period.valid_until.is_none())
    }

    /// From a day on it is this. On the first day of what it is now, this takes its place: it was written down by mistake.
    ///
    /// # Errors
    /// What is wrong with the day, at `/valid_from`: a day to come, or one before the last change.
    pub fn set(&mut self, value: T, from: NaiveDate, today: NaiveDate) -> Result<(), FieldError> {
        let fault = |code| Err(FieldError::new("/valid_from", code));
        if from > today {
            return fault("in-future");
        }
        if from < EARLIEST_DAY {
            return fault("implausible");
        }
        match self.0.last_mut() {
            Some(last) if last.valid_until.is_some_and(|until| from < until) => return fault("before-start"),
            Some(last) if last.valid_until.is_none() && from < last.valid_from => return fault("before-start"),
            Some(last) if last.valid_until.is_none() && from == last.valid_from => {
                last.value = value;
                return Ok(());
            }
            Some(last) if last.valid_until.is_none() => last.valid_until = Some(from),
            _ => {}
        }
        self.0.push(Period { value, valid_from: from, valid_until: None });
        Ok(())
    }

    /// From a day on it is nothing any more. Ended on its first day, it has never been.
    ///
    /// # Errors
    /// What is wrong with the day, at `/on`: a day to come, one before the last change, or there is nothing to end.
    pub fn end(&mut self, on: NaiveDate, today: NaiveDate) -> Result<(), FieldError> {
        let fault = |code| Err(FieldError::new("/on", code));
        if on > today {
            return fault("in-future");
        }
        match self.0.last_mut() {
            Some(last) if last.valid_until.is_none() => match on.cmp(&last.valid_from) {
                std::cmp::Ordering::Less => fault("before-start"),
                std::cmp::Ordering::Equal => {
                    self.0.pop();
                    Ok(())
                }
                std::cmp::Ordering::Greater => {
                    last.valid_until = Some(on);
                    Ok(())
                }
            },
            _ => fault("not-found"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(u64::from(number))
    }

    const TODAY: u32 = 100;

    fn set(periods: &mut Periods<char>, value: char, from: u32) -> Result<(), &'static str> {
        periods.set(value, day(from), day(TODAY)).map_err(|error| error.code)
    }

    fn end(periods: &mut Periods<char>, on: u32) -> Result<(), &'static str> {
        periods.end(day(on), day(TODAY)).map_err(|error| error.code)
    }

    #[test]
    fn what_comes_ends_what_was() {
        let mut periods = Periods::default();
        set(&mut periods, 'a', 1).unwrap();
        set(&mut periods, 'b', 5).unwrap();
        end(&mut periods, 8).unwrap();
        set(&mut periods, 'c', 10).unwrap();
        let on = |at| periods.on(day(at)).copied();
        assert_eq!(
            [0, 1, 4, 5, 7, 8, 9, 10, 99].map(on),
            [None, Some('a'), Some('a'), Some('b'), Some('b'), None, None, Some('c'), Some('c')]
        );
        assert_eq!(periods.open().map(|period| period.value), Some('c'));
    }

    #[test]
    fn a_mistake_is_mended_on_its_first_day() {
        let mut periods = Periods::default();
        set(&mut periods, 'a', 3).unwrap();
        set(&mut periods, 'b', 3).unwrap();
        assert_eq!(periods.all().len(), 1);
        assert_eq!(periods.on(day(3)), Some(&'b'));
        end(&mut periods, 3).unwrap();
        assert_eq!(periods, Periods::default());
    }

    #[test]
    fn days_are_held_to_the_calendar() {
        let mut periods = Periods::default();
        assert_eq!(end(&mut periods, 1), Err("not-found"));
        assert_eq!(set(&mut periods, 'a', TODAY + 1), Err("in-future"));
        assert_eq!(periods.set('a', EARLIEST_DAY.pred_opt().unwrap(), day(TODAY)).unwrap_err().code, "implausible");
        set(&mut periods, 'a', 10).unwrap();
        assert_eq!(set(&mut periods, 'b', 9), Err("before-start"));
        assert_eq!(end(&mut periods, 9), Err("before-start"));
        assert_eq!(end(&mut periods, TODAY + 1), Err("in-future"));
        end(&mut periods, 20).unwrap();
        assert_eq!(end(&mut periods, 21), Err("not-found"));
        assert_eq!(set(&mut periods, 'b', 19), Err("before-start"));
        set(&mut periods, 'b', 20).unwrap();
    }

    proptest! {
        /// Whatever is asked for, what is kept could be stored and read again.
        #[test]
        fn spans_never_overlap(steps in prop::collection::vec((any::<bool>(), 0..TODAY + 5), 0..30)) {
            let mut periods = Periods::default();
            for (begins, at) in steps {
                let before = periods.clone();
                let done = if begins { set(&mut periods, 'x', at) } else { end(&mut periods, at) };
                if done.is_err() {
                    prop_assert_eq!(&periods, &before);
                }
                prop_assert_eq!(Periods::stored(periods.all().to_vec()), Some(periods.clone()));
            }
        }
    }
}
