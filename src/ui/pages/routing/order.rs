//! When a group is left and returned to, which regions may answer, and the model a route goes on with.
//!
//! Invariant: a list of regions is taken when the person is done with it, as one undo step; numbers step by step.
//! Absent on purpose: checks. A name that matches nothing is a finding.

use egui::{DragValue, Ui, WidgetInfo};

use super::Edit;
use crate::model::config::{Config, Group, Regions, Route};
use crate::model::id::ModelName;
use crate::model::status::Withheld;
use crate::model::units::Timestamp;
use crate::ui::cx::{Page, PageCx};
use crate::ui::format::{countdown, group_rank};
use crate::ui::keyless;
use crate::ui::theme::{Tone, gap};
use crate::ui::widgets;

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
    const ALL: [Self; 3] = [Self::Leave, Self::Return, Self::Stay];

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

    /// What it is called before its number, its unit, and what it does.
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
            Self::Stay => ("stay away", " s", "After that they stay away at least so long."),
        }
    }
}

/// The three numbers of a group that is not the lowest.
pub(super) fn shares(ui: &mut Ui, cx: &PageCx, route: &Route, place: usize, group: &Group, edits: &mut Vec<Edit>) {
    if place + 1 >= route.groups.len() && route.then.is_none() {
        return;
    }
    let rank = group_rank(place, route.groups.len());
    ui.horizontal_wrapped(|ui| {
        for share in Share::ALL {
            let (name, unit, hint) = share.words();
            let before = share.of(group).unwrap_or(share.default());
            let mut value = before;
            widgets::note(ui, cx.theme, name);
            let range = if share == Share::Stay { 0..=3_600 } else { 0..=100 };
            let response = ui.add(DragValue::new(&mut value).range(range).suffix(unit).speed(1.0)).on_hover_text(hint);
            let spoken = format!("{rank}: {name}");
            response.widget_info(|| WidgetInfo::labeled(egui::Role::SpinButton, true, &spoken));
            if value != before {
                edits.push(Edit::Share(place, share, value));
            }
        }
        let view = cx.snapshot.view.routes.iter().find(|view| view.model == route.model);
        if let Some((view, held)) =
            view.and_then(|view| view.groups.get(place)).and_then(|one| Some((one, one.withheld?)))
        {
            widgets::status_label(ui, cx.theme, Tone::Near, &withheld_words(held, view.taken_percent, cx.snapshot.at));
        }
    });
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

/// Regions and the model to go on with.
pub(super) fn geography(ui: &mut Ui, cx: &mut PageCx, route: &Route, edits: &mut Vec<Edit>) {
    ui.add_space(gap::S);
    then(ui, cx, route, edits);
    let open = route.regions != Regions::default();
    egui::CollapsingHeader::new("Regions").default_open(open).show(ui, |ui| {
        let mut regions = route.regions.clone();
        for (label, hint, list) in [
            ("Allow only", "any region", &mut regions.allow),
            ("Prefer, in this order", "none", &mut regions.prefer),
            ("Never", "none", &mut regions.never),
        ] {
            if let Some(changed) = list_field(ui, cx, label, hint, list) {
                *list = changed;
            }
        }
        if regions != route.regions {
            edits.push(Edit::Regions(regions));
        }
    });
}

fn then(ui: &mut Ui, cx: &PageCx, route: &Route, edits: &mut Vec<Edit>) {
    let others = cx.draft.working().routes.iter().map(|other| &other.model).filter(|model| **model != route.model);
    let others: Vec<&ModelName> = others.collect();
    if others.is_empty() && route.then.is_none() {
        return;
    }
    ui.horizontal(|ui| {
        let name = ui.label("When all groups are exhausted, go on with");
        let mut chosen = route.then.clone();
        let shown = chosen.as_ref().map_or_else(|| "no other model".to_owned(), ToString::to_string);
        egui::ComboBox::from_id_salt("then")
            .selected_text(shown)
            .show_ui(ui, |ui| {
                ui.selectable_value(&mut chosen, None, "no other model");
                for model in others {
                    ui.selectable_value(&mut chosen, Some(model.clone()), model.as_str());
                }
            })
            .response
            .labelled_by(name.id);
        if chosen != route.then {
            edits.push(Edit::Then(chosen));
        }
    });
}

/// Names between commas; `Some` once the person is done.
fn list_field(ui: &mut Ui, cx: &mut PageCx, label: &str, hint: &str, list: &[String]) -> Option<Vec<String>> {
    let draft = ui.make_persistent_id(("regions", label));
    let mut text = ui.data(|data| data.get_temp::<String>(draft)).unwrap_or_else(|| list.join(", "));
    let field = keyless::labelled(ui, cx.theme, label, hint, &mut text);
    if field.to_accounts {
        cx.go(Page::Accounts);
    }
    if field.response.lost_focus() {
        ui.data_mut(|data| data.remove::<String>(draft));
        return Some(names(&text));
    }
    if field.response.has_focus() {
        ui.data_mut(|data| data.insert_temp(draft, text));
    }
    None
}

fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_number_is_not_written() {
        let model = ModelName::from("m");
        let mut config =
            Config { routes: vec![Route::new(model.clone(), vec![Group::default()])], ..Config::default() };
        for share in Share::ALL {
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
    fn regions_are_names_between_commas() {
        assert_eq!(names(" eastus, ,swedencentral,"), ["eastus", "swedencentral"]);
    }
}
