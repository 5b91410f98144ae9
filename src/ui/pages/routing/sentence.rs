//! When a group is left and returned to, as a sentence with blanks.
//!
//! Invariant: the usual number is not written; the sentence says what holds, also where nothing is written.
//! Absent on purpose: checks. What contradicts itself is a finding.

use egui::Ui;

use super::edit::Edit;
use crate::model::config::{Config, Group, Queue, Route};
use crate::model::id::ModelName;
use crate::model::status::Withheld;
use crate::model::units::Timestamp;
use crate::ui::cx::PageCx;
use crate::ui::format::{countdown, group_rank};
use crate::ui::theme::Tone;
use crate::ui::widgets::{self, Blank, sentence_words};
use crate::ui::words;

/// One of a group's three numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// `spill_percent`
    Leave,
    /// `return_percent`
    Return,
    /// `min_stay_seconds`
    Stay,
}

impl Share {
    const fn of(self, group: &Group) -> Option<u32> {
        match self {
            Self::Leave => group.spill_percent,
            Self::Return => group.return_percent,
            Self::Stay => group.min_stay_seconds,
        }
    }

    const fn default(self) -> u32 {
        match self {
            Self::Leave | Self::Return => 100,
            Self::Stay => 0,
        }
    }

    const fn most(self) -> u32 {
        match self {
            Self::Leave | Self::Return => 100,
            Self::Stay => 3_600,
        }
    }

    /// What it is called, its unit, and what it does.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Leave => (
                "leave at",
                " %",
                "Requests go on to the next group once this share of the group's limits is taken. 100 %: only when they do not fit.",
            ),
            Self::Return => (
                "return below",
                " %",
                "After that they come back only while less than this share is taken. 100 %: at once.",
            ),
            Self::Stay => {
                ("stay away", " s", "After that they stay away at least so long, so that they do not go to and fro.")
            }
        }
    }
}

/// Shows the sentence of the group at `place`.
pub(super) fn show(ui: &mut Ui, cx: &PageCx, route: &Route, place: usize, group: &Group, edits: &mut Vec<Edit>) {
    ui.horizontal_wrapped(|ui| {
        let said = |ui: &mut Ui, text: &str, then: &str| sentence_words(ui, cx.theme, text, then);
        let Some(next) = next(route, place) else {
            said(ui, &end(&cx.draft.working().queue), "");
            return;
        };
        said(ui, &format!("Goes on to {next} when none can answer, or"), "");
        blank(ui, cx, route, (place, group), Share::Leave, edits);
        said(ui, "of its limits is taken; comes back below", "");
        blank(ui, cx, route, (place, group), Share::Return, edits);
        said(ui, "after", "");
        blank(ui, cx, route, (place, group), Share::Stay, edits);
        said(ui, "at least.", "");
        let view = cx.snapshot.view.routes.iter().find(|view| view.model == route.model);
        let held = view.and_then(|view| view.groups.get(place)).and_then(|one| Some((one, one.withheld?)));
        if let Some((view, held)) = held {
            widgets::status_label(ui, cx.theme, Tone::Near, &withheld_words(held, view.taken_percent, cx.snapshot.at));
        }
    });
}

/// What comes after a group: the next one, or the model the route goes on with.
fn next(route: &Route, place: usize) -> Option<String> {
    if place + 1 < route.groups.len() {
        return Some(words::group_in_sentence(place + 2, route.groups.len()));
    }
    route.then.as_ref().map(|then| format!("the groups of {then}"))
}

/// What becomes of a request when there is no group left.
fn end(queue: &Queue) -> String {
    if queue.max_wait_seconds == 0 || queue.max_waiting == 0 {
        return "Nothing comes after it: what finds no room is refused at once.".to_owned();
    }
    format!("Nothing comes after it: what finds no room waits up to {} s in line.", queue.max_wait_seconds)
}

fn blank(
    ui: &mut Ui,
    cx: &PageCx,
    route: &Route,
    (place, group): (usize, &Group),
    share: Share,
    edits: &mut Vec<Edit>,
) {
    let (name, unit, hint) = share.words();
    let name = format!("{}: {name}", group_rank(place, route.groups.len()));
    let now = share.of(group).unwrap_or(share.default());
    let runs = cx.draft.base().route(&route.model).and_then(|route| route.groups.get(place));
    let applied = runs.map(|group| share.of(group).unwrap_or(share.default()));
    let field = Blank::new(&name, now, 0..=share.most()).unit(unit).hint(hint).applied(applied);
    let output = field.show(ui, cx.theme);
    if let Some(value) = output.changed {
        edits.push(Edit::Share(place, share, value));
    }
    if output.done {
        edits.push(Edit::Settle);
    }
}

/// Why requests stay away from a group, in a few words.
fn withheld_words(held: Withheld, taken: u8, now: Timestamp) -> String {
    if held.until > now {
        return format!("withheld for {}", countdown(held.until, now));
    }
    format!("withheld: {taken} % taken, used below {} %", held.below_percent)
}

/// Sets one of a group's numbers; the usual one is not written.
pub(super) fn set_share(config: &mut Config, model: &ModelName, group: usize, share: Share, value: u32) {
    let route = config.routes.iter_mut().find(|route| route.model == *model);
    let Some(group) = route.and_then(|route| route.groups.get_mut(group)) else { return };
    let value = Some(value).filter(|value| *value != share.default());
    match share {
        Share::Leave => group.spill_percent = value,
        Share::Return => group.return_percent = value,
        Share::Stay => group.min_stay_seconds = value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_number_is_not_written() {
        let model = ModelName::from("m");
        let mut config =
            Config { routes: vec![Route::new(model.clone(), vec![Group::default()])], ..Config::default() };
        for share in [Share::Leave, Share::Return, Share::Stay] {
            set_share(&mut config, &model, 0, share, 40);
            assert_eq!(share.of(&config.routes[0].groups[0]), Some(40));
            set_share(&mut config, &model, 0, share, share.default());
            assert_eq!(share.of(&config.routes[0].groups[0]), None);
        }
    }

    #[test]
    fn a_group_that_is_withheld_says_until_when_or_below_what() {
        let now = Timestamp::from_secs(100);
        let held = |until| Withheld { since: now, until: Timestamp::from_secs(until), below_percent: 70 };
        assert_eq!(withheld_words(held(112), 82, now), "withheld for 0:12");
        assert_eq!(withheld_words(held(90), 82, now), "withheld: 82 % taken, used below 70 %");
    }

    #[test]
    fn the_last_group_says_what_comes_instead_of_another() {
        let mut route = Route::new(ModelName::from("m"), vec![Group::default(), Group::default()]);
        assert_eq!(next(&route, 0).as_deref(), Some("second choice"));
        assert_eq!(next(&route, 1), None);
        route.then = Some(ModelName::from("mini"));
        assert_eq!(next(&route, 1).as_deref(), Some("the groups of mini"));
        assert!(end(&Queue::default()).ends_with("waits up to 60 s in line."));
    }
}
