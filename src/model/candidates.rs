//! The candidates of one decision, kept in as little room as they need.
//!
//! A record is written for every request and thousands are kept, so a candidate costs eight bytes where it differs from
//! the one before it only in what it had free, and eight more where times are known: names are the route's own, and the rest
//! is said once for all in a row.
//!
//! Invariant: what comes out is what was put in, in the same order; a row ends where anything but `has` and `free_at` differs.
//! Absent on purpose: judging, and the decision round it (`decision`).

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::config::AdminState;
use super::decision::{Candidate, Verdict};
use super::id::EndpointId;
use super::status::Health;
use super::units::Timestamp;

/// What is said of a candidate, apart from its name, what it had free and when it has more. The fields are those of
/// [`Candidate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footing {
    /// Its priority group, from 1.
    pub group: u32,
    /// What the person set.
    pub admin_state: AdminState,
    /// What we saw.
    pub health: Health,
    /// What the request needed in the unit that bound.
    pub needs: u64,
    /// The whole limit in that unit.
    pub limit: Option<u64>,
    /// The judgement.
    pub verdict: Verdict,
}

/// Candidates in a row of which the same is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    /// The place behind its last one.
    end: usize,
    footing: Footing,
    /// Whether what they had free is known.
    known: bool,
}

/// Every endpoint of a route, as it stood at the moment of choosing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The names of all members of the route, in order of trial.
    names: Arc<[EndpointId]>,
    rows: Vec<Row>,
    has: Vec<u64>,
    /// When each would have fitted or its rest ends; [`NEVER`]: not known. As long as it is known of none, it is empty.
    free_at: Vec<Timestamp>,
}

/// No time.
const NEVER: Timestamp = Timestamp::MAX;

impl Candidates {
    /// Nobody yet, of a route with these members.
    #[must_use]
    pub fn of(names: Arc<[EndpointId]>) -> Self {
        let has = Vec::with_capacity(names.len());
        // Of each group some are chosen or left out, and the others stand alike.
        Self { rows: Vec::with_capacity(names.len().min(8)), has, free_at: Vec::new(), names }
    }

    /// The next member of the route stood like this, with so much free, and would have fitted or its rest ends then; `None`:
    /// not known.
    pub fn push(&mut self, footing: Footing, has: Option<u64>, free_at: Option<Timestamp>) {
        self.push_time(free_at);
        self.has.push(has.unwrap_or(0));
        let (end, known) = (self.has.len(), has.is_some());
        match self.rows.last_mut() {
            Some(row) if row.known == known && row.footing == footing => row.end = end,
            _ => {
                // Where more of them differ than was thought, all may: room is made once, not over and over.
                if self.rows.len() == self.rows.capacity() {
                    self.rows.reserve_exact(self.names.len().saturating_sub(self.rows.len()).max(1));
                }
                self.rows.push(Row { end, footing, known });
            }
        }
    }

    fn push_time(&mut self, free_at: Option<Timestamp>) {
        if self.free_at.is_empty() && free_at.is_some() {
            self.free_at.reserve_exact(self.names.len().max(self.has.len() + 1));
            self.free_at.resize(self.has.len(), NEVER);
        }
        if free_at.is_some() || !self.free_at.is_empty() {
            self.free_at.push(free_at.unwrap_or(NEVER));
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.has.len()
    }

    /// Whether the route had no endpoints.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.has.is_empty()
    }

    /// The one at a place in the order of trial, from 0.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<Candidate> {
        let row = self.rows.get(self.rows.partition_point(|row| row.end <= place))?;
        self.told(row, place)
    }

    /// In order of trial.
    #[must_use]
    pub const fn iter(&self) -> Iter<'_> {
        Iter { all: self, place: 0, row: 0 }
    }

    fn told(&self, row: &Row, place: usize) -> Option<Candidate> {
        let (endpoint, has) = (self.names.get(place)?.clone(), *self.has.get(place)?);
        let Footing { group, admin_state, health, needs, limit, verdict } = row.footing;
        let has = row.known.then_some(has);
        let free_at = self.free_at.get(place).copied().filter(|at| *at != NEVER);
        Some(Candidate { endpoint, group, admin_state, health, needs, has, limit, free_at, verdict })
    }

    /// The first whose verdict is such.
    pub(super) fn find(&self, is_such: impl Fn(Verdict) -> bool) -> Option<Candidate> {
        let at = self.rows.iter().position(|row| is_such(row.footing.verdict))?;
        let first = at.checked_sub(1).and_then(|before| self.rows.get(before)).map_or(0, |before| before.end);
        self.told(self.rows.get(at)?, first)
    }
}

impl From<Vec<Candidate>> for Candidates {
    fn from(all: Vec<Candidate>) -> Self {
        let mut candidates = Self::of(all.iter().map(|one| one.endpoint.clone()).collect());
        for one in all {
            let Candidate { group, admin_state, health, needs, limit, free_at, verdict, .. } = one;
            candidates.push(Footing { group, admin_state, health, needs, limit, verdict }, one.has, free_at);
        }
        candidates
    }
}

/// Candidates in order of trial.
#[derive(Clone, Debug)]
pub struct Iter<'c> {
    all: &'c Candidates,
    place: usize,
    /// The row that the place is in, or the one before.
    row: usize,
}

impl Iterator for Iter<'_> {
    type Item = Candidate;

    fn next(&mut self) -> Option<Candidate> {
        let mut row = self.all.rows.get(self.row)?;
        if row.end <= self.place {
            self.row += 1;
            row = self.all.rows.get(self.row)?;
        }
        let one = self.all.told(row, self.place)?;
        self.place += 1;
        Some(one)
    }
}

impl<'c> IntoIterator for &'c Candidates {
    type Item = Candidate;
    type IntoIter = Iter<'c>;

    fn into_iter(self) -> Iter<'c> {
        self.iter()
    }
}

impl std::fmt::Debug for Candidates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Candidates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Candidates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Candidate>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::super::decision::{Choice, Exclusion};
    use super::*;

    fn all() -> Vec<Candidate> {
        let one = |id: &str, has, verdict| Candidate {
            endpoint: EndpointId::from(id),
            group: 1,
            admin_state: AdminState::Enabled,
            health: Health::Healthy,
            needs: 400,
            has,
            limit: has.map(|_| 10_000),
            free_at: has.filter(|has| *has > 3).map(Timestamp::from_secs),
            verdict,
        };
        let left = Verdict::Excluded(Exclusion::NotNeeded);
        vec![
            one("a", Some(1), left),
            one("b", Some(2), left),
            one("c", Some(3), Verdict::Chosen(Choice::MostHeadroom)),
            one("d", None, left),
            one("e", Some(0), left),
            one("f", Some(5), left),
        ]
    }

    #[test]
    fn what_comes_out_is_what_was_put_in() {
        let candidates = Candidates::from(all());
        assert_eq!(candidates.iter().collect::<Vec<_>>(), all());
        let each: Vec<Candidate> = (0..7).filter_map(|place| candidates.get(place)).collect();
        assert_eq!(each, all());
        assert_eq!(candidates.rows.len(), 4, "those that differ in what is free alone stand in a row");
        assert_eq!(Candidates::default().iter().count(), 0);
    }

    #[test]
    fn the_chosen_one_is_found_by_its_verdict() {
        let chosen = Candidates::from(all()).find(|verdict| matches!(verdict, Verdict::Chosen(_)));
        assert_eq!(chosen.map(|one| one.endpoint), Some(EndpointId::from("c")));
    }

    #[test]
    fn it_is_written_and_read_as_a_plain_list() {
        let text = serde_json::to_string(&Candidates::from(all())).expect("it is plain data");
        assert_eq!(text, serde_json::to_string(&all()).expect("it is plain data"));
        assert_eq!(serde_json::from_str::<Candidates>(&text).expect("its own words"), Candidates::from(all()));
    }
}
