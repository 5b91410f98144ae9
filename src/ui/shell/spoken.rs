//! What is said to screen readers of changes that nobody made here: serving, and how endpoints are.
//!
//! Invariant: at most one announcement in five seconds, with all that changed meanwhile as it is by then; what changed there and
//! back is not said. That nothing is served any more is said at once.
//! Absent on purpose: what messages and alerts say; they are live regions of their own.

use std::collections::HashMap;
use std::time::Duration;

use egui::accesskit::Live;
use egui::{Id, Ui};

use super::top;
use crate::contract::Snapshot;
use crate::model::id::EndpointId;
use crate::model::status::{Health, RestCause};
use crate::ui::format::listed;
use crate::ui::theme::Tone;
use crate::ui::widgets::announce;

/// Seconds between two announcements.
const PACE: f64 = 5.0;
/// Endpoints that are named in one; the others are counted.
const NAMED: usize = 3;

/// How an endpoint is, as far as it is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fine,
    Throttled,
    KeyRejected,
    Down,
}

impl State {
    const fn of(health: Health) -> Self {
        match health {
            Health::Resting { cause: RestCause::Throttled(_), .. } => Self::Throttled,
            Health::Resting { cause: RestCause::KeyRejected, .. } | Health::NoKey => Self::KeyRejected,
            Health::Resting { .. } => Self::Down,
            _ => Self::Fine,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Fine => "back",
            Self::Throttled => "throttled by the provider",
            Self::KeyRejected => "without a usable key",
            Self::Down => "out of service",
        }
    }
}

/// What was said last, and of what.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    serving: Option<&'static str>,
    endpoints: HashMap<EndpointId, State>,
    /// Of the snapshot that was looked at last.
    generation: Option<u64>,
    /// Something changed that is to be said after the pause.
    waits: bool,
    text: String,
    is_bad: bool,
    at: f64,
}

impl Spoken {
    /// Says what changed since it was said last. To be called once a frame.
    pub(super) fn show(&mut self, ui: &Ui, snapshot: &Snapshot) {
        let now = ui.ctx().input(|input| input.time);
        let is_new = self.generation != Some(snapshot.generation);
        if is_new || self.waits && now - self.at >= PACE {
            self.follow(snapshot, now);
        }
        let id = Id::unique("what changed by itself");
        announce(ui, id, &self.text);
        if self.is_bad {
            ui.ctx().accesskit_node_builder(id, |node| node.set_live(Live::Assertive));
        }
        if self.waits {
            ui.ctx().request_repaint_after(Duration::from_secs_f64((self.at + PACE - now).clamp(0.05, PACE)));
        }
    }

    fn follow(&mut self, snapshot: &Snapshot, now: f64) {
        self.generation = Some(snapshot.generation);
        self.waits = false;
        if self.serving.is_none() {
            self.take(snapshot);
            // What is there when the window opens is on its pages.
            self.at = now - PACE;
            return;
        }
        self.meet(snapshot);
        let Some(text) = self.changes(snapshot) else { return };
        let (tone, word) = top::serving(snapshot);
        let is_bad = tone == Tone::Error && self.serving != Some(word);
        if is_bad || now - self.at >= PACE {
            self.take(snapshot);
            (self.text, self.is_bad, self.at) = (text, is_bad, now);
        } else {
            self.waits = true;
        }
    }

    fn take(&mut self, snapshot: &Snapshot) {
        self.serving = Some(top::serving(snapshot).1);
        self.endpoints = states(snapshot).map(|(id, state)| (id.clone(), state)).collect();
    }

    /// Takes in silently how endpoints are that were not there, and forgets those that are gone.
    fn meet(&mut self, snapshot: &Snapshot) {
        for (id, state) in states(snapshot) {
            if !self.endpoints.contains_key(id) {
                self.endpoints.insert(id.clone(), state);
            }
        }
        if self.endpoints.len() > snapshot.view.endpoints.len() {
            self.endpoints.retain(|id, _| snapshot.view.endpoint(id).is_some());
        }
    }

    /// What is another than it was, in a sentence or two; `None`: nothing.
    fn changes(&self, snapshot: &Snapshot) -> Option<String> {
        let (_, word) = top::serving(snapshot);
        let mut said: Vec<String> = (self.serving != Some(word)).then(|| format!("{word}.")).into_iter().collect();
        let is_other =
            |(id, state): &(&EndpointId, State)| self.endpoints.get(*id).is_some_and(|before| before != state);
        let changed: Vec<(&EndpointId, State)> = states(snapshot).filter(is_other).collect();
        for state in [State::Down, State::KeyRejected, State::Throttled, State::Fine] {
            let ids = changed.iter().filter(|(_, now)| *now == state).map(|(id, _)| id.as_str());
            let count = ids.clone().count();
            let mut names: Vec<&str> = ids.take(NAMED).collect();
            let more = format!("{} more", count.saturating_sub(NAMED));
            if count > NAMED {
                names.push(&more);
            }
            if !names.is_empty() {
                said.push(format!("{} {} {}.", listed(&names), if count == 1 { "is" } else { "are" }, state.words()));
            }
        }
        (!said.is_empty()).then(|| said.join(" "))
    }
}

fn states(snapshot: &Snapshot) -> impl Iterator<Item = (&EndpointId, State)> {
    snapshot.view.endpoints.iter().map(|one| (&one.id, State::of(one.health)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::outcome::ThrottleKind;
    use crate::model::units::Timestamp;
    use crate::ui::fixture;
    use std::sync::Arc;

    fn with(changed: &[(usize, Health)]) -> Snapshot {
        let mut snapshot = fixture::snapshot();
        let view = Arc::make_mut(&mut snapshot.view);
        for endpoint in &mut view.endpoints {
            endpoint.health = Health::Healthy;
        }
        for (place, health) in changed {
            view.endpoints[*place].health = *health;
        }
        snapshot
    }

    const THROTTLED: Health =
        Health::Resting { until: Timestamp(9_000_000_000), cause: RestCause::Throttled(ThrottleKind::Tokens) };

    #[test]
    fn what_changes_is_said_with_names_at_most_every_five_seconds() {
        let mut spoken = Spoken::default();
        spoken.follow(&with(&[]), 100.0);
        assert_eq!(spoken.text, "", "what is there already is not said");
        let id = |place: usize| with(&[]).view.endpoints[place].id.clone();
        spoken.follow(&with(&[(0, THROTTLED)]), 101.0);
        assert_eq!(spoken.text, format!("{} is throttled by the provider.", id(0)));
        spoken.follow(&with(&[(0, THROTTLED), (1, THROTTLED)]), 103.0);
        assert!(!spoken.text.contains(id(1).as_str()), "not yet");
        spoken.follow(&with(&[(1, THROTTLED)]), 106.1);
        assert_eq!(spoken.text, format!("{} is throttled by the provider. {} is back.", id(1), id(0)));
        spoken.follow(&with(&[(0, THROTTLED), (1, THROTTLED)]), 107.0);
        spoken.follow(&with(&[(1, THROTTLED)]), 112.0);
        assert!(spoken.changes(&with(&[(1, THROTTLED)])).is_none(), "there and back again is no news");
    }

    #[test]
    fn an_endpoint_that_came_later_is_spoken_of_once_it_changes() {
        let mut before = with(&[]);
        let late = Arc::make_mut(&mut before.view).endpoints.remove(0).id;
        let mut spoken = Spoken::default();
        spoken.follow(&before, 100.0);
        spoken.follow(&with(&[]), 101.0);
        assert_eq!(spoken.text, "", "that it came is not said");
        spoken.follow(&with(&[(0, THROTTLED)]), 102.0);
        assert_eq!(spoken.text, format!("{late} is throttled by the provider."));
        spoken.follow(&before, 103.0);
        spoken.follow(&with(&[]), 110.0);
        assert!(!spoken.waits && !spoken.text.contains("back"), "another of its name is no news: {}", spoken.text);
    }

    #[test]
    fn a_window_that_opens_again_says_what_changes_in_it() {
        let mut screen = crate::ui::shell::tests::screen();
        // The clock of the window before ran for long.
        screen.harness.state_mut().spoken.at = 1e9;
        let ctx = screen.harness.ctx.clone();
        screen.harness.state_mut().open_in(&ctx);
        for (generation, changed) in [(70, &[][..]), (71, &[(0, THROTTLED)][..])] {
            screen.back.publish(Snapshot { generation, ..with(changed) });
            screen.harness.run_steps(3);
        }
        let said = &screen.harness.state().spoken.text;
        assert!(said.ends_with("throttled by the provider."), "{said}");
    }

    #[test]
    fn that_nothing_is_served_any_more_is_said_at_once() {
        let mut spoken = Spoken::default();
        spoken.follow(&with(&[]), 100.0);
        spoken.follow(&with(&[(0, THROTTLED)]), 101.0);
        let problem = crate::contract::snapshot::Problem {
            what: "The address is gone.".to_owned(),
            still_works: String::new(),
            next_step: String::new(),
        };
        let failed =
            Snapshot { serving: crate::contract::snapshot::Serving::Failed(problem), ..with(&[(0, THROTTLED)]) };
        spoken.follow(&failed, 101.5);
        assert_eq!((spoken.text.as_str(), spoken.is_bad), ("Not listening.", true));
    }
}
