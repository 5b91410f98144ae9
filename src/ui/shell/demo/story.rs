//! What came of a script, in numbers of its own requests.
//!
//! Invariant: counted from the records of the script's requests since it began, and from nothing else.
//! Absent on purpose: requests sent and failed, which the player counts itself.

use crate::contract::Snapshot;
use crate::contract::snapshot::ScriptView;
use crate::model::decision::Conclusion;
use crate::model::outcome::FailureClass;
use crate::model::record::RequestRecord;
use crate::model::script::Script;
use crate::model::units::Grouped;
use crate::ui::format::count;

/// How the load player's name begins; the script's follows.
const CLIENT: &str = "tidegate-script";

/// What came of the last script, worked out once for each new record.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// When it began, as Unix milliseconds.
    since: u64,
    elapsed: u64,
    /// The records' generation the words are of.
    counted: Option<u64>,
    words: String,
}

impl Story {
    /// A script plays: remembers when it began.
    pub(super) fn begin(&mut self, snapshot: &Snapshot, script: &ScriptView) {
        if script.elapsed_seconds < self.elapsed || self.since == 0 || self.counted.is_some() {
            self.since = snapshot.wall_ms.saturating_sub((script.elapsed_seconds + 1) * 1_000);
        }
        (self.elapsed, self.counted) = (script.elapsed_seconds, None);
    }

    /// What came of it.
    pub(super) fn told(&mut self, snapshot: &Snapshot, script: &ScriptView) -> &str {
        if self.counted != Some(snapshot.records.total) {
            self.counted = Some(snapshot.records.total);
            let theirs = snapshot.records.iter().rev().take_while(|record| record.ended_wall_ms() >= self.since);
            let theirs =
                theirs.filter(|record| record.profile.client.starts_with(CLIENT) && record.wall_ms >= self.since);
            self.words = Script::named(&script.name)
                .map_or_else(String::new, |script| Run::of(theirs.map(std::convert::AsRef::as_ref)).words(script));
        }
        &self.words
    }
}

/// What a script's requests went through.
#[derive(Debug, Default, PartialEq, Eq)]
struct Run {
    /// Answered whole, by priority group: first, second, and all below.
    groups: [u64; 3],
    /// Waited in line.
    waited: u64,
    /// 429s of services.
    throttled: u64,
    /// Sendings that a service broke off.
    broken: u64,
    /// Sendings whose key was rejected.
    rejected: u64,
    /// Answered after another endpoint had failed.
    saved: u64,
    /// Answered by the endpoints that the scripts are about.
    ptu: u64,
    east: u64,
    west: u64,
}

impl Run {
    fn of<'a>(records: impl Iterator<Item = &'a RequestRecord>) -> Self {
        let mut run = Self::default();
        for record in records {
            run.count(record);
        }
        run
    }

    fn count(&mut self, record: &RequestRecord) {
        for class in record.attempts.iter().filter_map(|attempt| attempt.failure.as_ref()).map(|failure| failure.class)
        {
            match class {
                FailureClass::Throttled(_) => self.throttled += 1,
                FailureClass::KeyRejected => self.rejected += 1,
                _ => self.broken += 1,
            }
        }
        let held = record.decisions.iter().any(|one| matches!(one.conclusion, Conclusion::Held { .. }));
        self.waited += u64::from(held);
        let Some(last) = record.attempts.last().filter(|_| record.is_answered_whole()) else { return };
        let [first, second, below] = &mut self.groups;
        *match last.group {
            1 => first,
            2 => second,
            _ => below,
        } += 1;
        self.saved += u64::from(record.attempts.len() > 1);
        match last.endpoint.as_str() {
            "sim-ptu" => self.ptu += 1,
            "sim-eastus" => self.east += 1,
            "sim-westus" => self.west += 1,
            _ => {}
        }
    }

    fn words(&self, script: Script) -> String {
        let [first, second, below] = self.groups.map(Grouped);
        let throttled = match self.throttled {
            0 => "No service said 429.".to_owned(),
            times => format!("429s from services: {}.", Grouped(times)),
        };
        match script {
            Script::Calm => {
                let waited = if self.waited == 0 { "none".to_owned() } else { Grouped(self.waited).to_string() };
                format!(
                    "The first choice answered {first}, the others {}; {waited} had to wait.",
                    Grouped(self.groups[1] + self.groups[2])
                )
            }
            Script::RushHour => format!(
                "Answered by the first choice {first}, the second {second}, the last resort {below}. {throttled}"
            ),
            Script::RegionOutage => format!(
                "{} broke in the east; {} answered elsewhere at once. sim-westus answered {}.",
                count(self.broken, "sending", "sendings"),
                count(self.saved, "request was", "requests were"),
                Grouped(self.west)
            ),
            Script::KeyRevoked => format!(
                "The key was rejected {}. Others answered {}, sim-ptu itself {}.",
                count(self.rejected, "time", "times"),
                Grouped(self.groups[1] + self.groups[2]),
                Grouped(self.ptu)
            ),
            Script::NoisyNeighbour => format!(
                "sim-eastus, where others were, answered {}, sim-westus {}. {throttled}",
                Grouped(self.east),
                Grouped(self.west)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn script(name: &str, elapsed: u64) -> ScriptView {
        ScriptView {
            name: name.to_owned(),
            title: String::new(),
            elapsed_seconds: elapsed,
            total_seconds: 70,
            sent: 40,
            failed: 0,
        }
    }

    /// The usual snapshot, with all of its requests sent by a script.
    fn played() -> Snapshot {
        let mut snapshot = fixture::snapshot();
        let ours = |record: &std::sync::Arc<RequestRecord>| {
            let mut record = RequestRecord::clone(record);
            std::sync::Arc::make_mut(&mut record.profile).client = format!("{CLIENT}/rush-hour").into();
            std::sync::Arc::new(record)
        };
        let records: Vec<_> = snapshot.records.iter().map(ours).collect();
        let view = crate::contract::snapshot::RecordsView { total: 200, dropped: 0, chunks: vec![records.into()] };
        snapshot.records = std::sync::Arc::new(view);
        snapshot
    }

    #[test]
    fn a_run_is_told_in_its_own_numbers() {
        let (snapshot, mut story) = (played(), Story::default());
        story.begin(&snapshot, &script("rush-hour", 69));
        let told = story.told(&snapshot, &script("rush-hour", 70)).to_owned();
        assert_eq!(told, "Answered by the first choice 13, the second 8, the last resort 0. 429s from services: 8.");
        let other =
            Story { since: 1, ..Story::default() }.told(&fixture::snapshot(), &script("rush-hour", 70)).to_owned();
        assert!(other.contains("first choice 0"), "requests of others do not count: {other}");
    }

    #[test]
    fn every_script_has_words_of_its_own() {
        let told: std::collections::BTreeSet<String> =
            Script::ALL.into_iter().map(|script| Run::default().words(script)).collect();
        assert_eq!(told.len(), Script::ALL.len());
    }
}
