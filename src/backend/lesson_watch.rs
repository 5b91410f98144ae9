//! When it is worth writing down what refusals taught and headers named.
//!
//! Invariant: what is learned anew is written at the next look if nothing was written lately; a ceiling that creeps is written
//! when it is off by a fiftieth, [`PACE`] after what was written last at the earliest.
//! Absent on purpose: the last word. It is written at the end, whatever it is.

use std::time::Duration;

use crate::model::lesson::Lesson;
use crate::model::units::Timestamp;

/// How often at most the file is written.
const PACE: Duration = Duration::from_secs(10);
/// A ceiling that is off by less than one in so many parts is the same for whoever starts again.
const SAME: u64 = 50;
/// A lesson that still holds is written again after so long, for its age tells whether it is believed.
const ANEW: Duration = Duration::from_hours(1);

/// What the file says, and since when.
#[derive(Debug, Default)]
pub(super) struct LessonWatch {
    written: Vec<Lesson>,
    at: Timestamp,
}

impl LessonWatch {
    /// What is to be written now, if what the file says would mislead.
    pub(super) fn news(&mut self, now: Timestamp, lessons: Vec<Lesson>) -> Option<Vec<Lesson>> {
        let is_early = self.at > Timestamp::ZERO && now.since(self.at) < PACE;
        let is_same = lessons.len() == self.written.len()
            && lessons.iter().zip(&self.written).all(|(one, other)| is_same(one, other));
        if is_early || is_same {
            return None;
        }
        self.at = now;
        self.written.clone_from(&lessons);
        Some(lessons)
    }
}

fn is_same(one: &Lesson, other: &Lesson) -> bool {
    let apart = one.ceiling.abs_diff(other.ceiling);
    one.of == other.of
        && one.stated == other.stated
        && apart <= other.ceiling / SAME
        && one.held.since(other.held) < ANEW
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::PoolId;
    use crate::model::lesson::Taught;

    fn taught(pool: &str, ceiling: u64) -> Lesson {
        let of = Taught::PoolTokens(PoolId::from(pool));
        Lesson { of, ceiling, stated: Some(100_000), since: Timestamp::ZERO, held: Timestamp::ZERO }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn a_lesson_is_written_at_once_when_it_creeps_seldom_and_when_it_ends_again() {
        let mut watch = LessonWatch::default();
        assert_eq!(watch.news(at(100), Vec::new()), None);
        assert_eq!(watch.news(at(101), vec![taught("p", 50_000)]), Some(vec![taught("p", 50_000)]));
        assert_eq!(watch.news(at(120), vec![taught("p", 50_900)]), None, "off by less than a fiftieth");
        assert_eq!(watch.news(at(121), vec![taught("p", 52_000)]), Some(vec![taught("p", 52_000)]));
        assert_eq!(watch.news(at(125), vec![taught("p", 60_000)]), None, "written lately");
        assert_eq!(watch.news(at(132), Vec::new()), Some(Vec::new()));
    }

    #[test]
    fn a_lesson_that_still_holds_is_not_too_old_on_disk() {
        let held = |seconds| vec![Lesson { held: at(seconds), ..taught("p", 50_000) }];
        let mut watch = LessonWatch::default();
        assert!(watch.news(at(100), held(100)).is_some());
        assert!(watch.news(at(1_900), held(1_900)).is_none());
        assert_eq!(watch.news(at(3_700), held(3_700)), Some(held(3_700)));
    }
}
