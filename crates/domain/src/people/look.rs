//! How often one caller may look at masked members in full: enough for a day's work, too little to carry a register away.

use chrono::TimeDelta;

use crate::{id::PersonId, time::Instant};

/// The time over which looks are counted.
pub const WINDOW: TimeDelta = TimeDelta::hours(1);
/// As many looks in that time: one a minute, the whole hour through, is more than a worker at the counter needs.
pub const LOOKS: usize = 60;
/// At as many persons: whoever telephones a staircase or a whole building reaches that; a compound takes a morning.
pub const PERSONS: usize = 30;

/// A look at a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// At whom.
    pub person_id: PersonId,
    /// When.
    pub at: Instant,
}

/// A limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitReached {
    /// Which one.
    pub policy: &'static str,
    /// From when on it is not.
    pub until: Instant,
}

/// Whether somebody who had these looks, from the first to the last, may have another one.
///
/// # Errors
/// [`LimitReached`]
pub fn may_look(past: &[Look], person: PersonId, now: Instant) -> Result<(), LimitReached> {
    let counted: Vec<Look> = past.iter().copied().filter(|look| now < look.at + WINDOW).collect();
    if let Some(oldest) = counted.len().checked_sub(LOOKS).and_then(|over| counted.get(over)) {
        return Err(LimitReached { policy: "looks-per-hour", until: oldest.at + WINDOW });
    }
    // the last look at each person counts: until then he is one of those looked at
    let mut last: Vec<Look> = Vec::new();
    for look in counted {
        last.retain(|other| other.person_id != look.person_id);
        last.push(look);
    }
    if last.iter().any(|look| look.person_id == person) {
        return Ok(());
    }
    match last.len().checked_sub(PERSONS).and_then(|over| last.get(over)) {
        Some(oldest) => Err(LimitReached { policy: "persons-per-hour", until: oldest.at + WINDOW }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(minute: i64) -> Instant {
        Instant::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn person(number: usize) -> PersonId {
        Uuid::from_u128(number as u128).into()
    }

    fn looks(count: usize, persons: usize) -> Vec<Look> {
        (0..count).map(|number| Look { person_id: person(number % persons), at: at(0) }).collect()
    }

    #[test]
    fn an_hour_has_so_many_looks() {
        assert_eq!(may_look(&looks(LOOKS - 1, 1), person(0), at(1)), Ok(()));
        let reached = LimitReached { policy: "looks-per-hour", until: at(60) };
        assert_eq!(may_look(&looks(LOOKS, 1), person(0), at(59)), Err(reached));
        assert_eq!(may_look(&looks(LOOKS, 1), person(0), at(60)), Ok(()));
    }

    #[test]
    fn an_hour_has_so_many_persons() {
        assert_eq!(may_look(&looks(PERSONS - 1, PERSONS), person(99), at(1)), Ok(()));
        let reached = LimitReached { policy: "persons-per-hour", until: at(60) };
        assert_eq!(may_look(&looks(PERSONS, PERSONS), person(99), at(1)), Err(reached));
        // at those whom he looks at anyway he may look again
        assert_eq!(may_look(&looks(PERSONS, PERSONS), person(3), at(1)), Ok(()));
        let mut again = looks(PERSONS, PERSONS);
        again.push(Look { person_id: person(0), at: at(30) });
        let later = again.iter().filter(|look| at(59) < look.at + WINDOW).count();
        assert_eq!(later, PERSONS + 1);
        assert_eq!(may_look(&again, person(99), at(60)), Ok(()));
    }
}
