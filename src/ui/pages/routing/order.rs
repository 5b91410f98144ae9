//! The rules of a whole route: how important its requests are, which regions may answer and in what order, and the model it
//! goes on with.
//!
//! Invariant: a region stands in the lists as it was written there first; every click is one undo step.
//! Absent on purpose: checks. A name that matches nothing is a finding.

use egui::{ComboBox, Grid, RichText, Ui};
use egui_material_icons::icons::{ICON_ARROW_DOWNWARD, ICON_ARROW_UPWARD, ICON_CLOSE};

use super::edit::Edit;
use crate::model::checked::same_region;
use crate::model::config::{Config, Priority, Regions, Route};
use crate::model::id::ModelName;
use crate::ui::cx::PageCx;
use crate::ui::format::count;
use crate::ui::theme::gap;
use crate::ui::widgets::{icon_button, note};
use crate::ui::words;

const PRIORITIES: [Priority; 3] = [Priority::Interactive, Priority::Normal, Priority::Bulk];

/// Shows the rules.
pub(super) fn rules(ui: &mut Ui, cx: &PageCx, route: &Route, edits: &mut Vec<Edit>) {
    ui.add_space(gap::M);
    then(ui, cx, route, edits);
    priority(ui, cx, route, edits);
    let config = cx.draft.working();
    let known = regions_of(config, route);
    let shown = egui::CollapsingHeader::new(summary(&route.regions)).id_salt("regions");
    shown.default_open(false).show(ui, |ui| {
        if known.is_empty() {
            note(ui, cx.theme, "None of its accounts names a region, so there is nothing to order.");
            return;
        }
        let mut regions = route.regions.clone();
        Grid::new("regions").num_columns(4).spacing([gap::XL, gap::S]).show(ui, |ui| {
            for (name, endpoints) in &known {
                row(ui, cx, &mut regions, name, *endpoints);
                ui.end_row();
            }
        });
        note(
            ui,
            cx.theme,
            "Preferred regions come first within each priority group, in this order. Once one region is among \"only \
             these\", endpoints of all others are left out.",
        );
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
    ui.horizontal_wrapped(|ui| {
        let name = ui.label("When all groups are exhausted, go on with");
        let mut chosen = route.then.clone();
        let shown = chosen.as_ref().map_or_else(|| "no other model".to_owned(), ToString::to_string);
        ComboBox::from_id_salt("then")
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

fn priority(ui: &mut Ui, cx: &PageCx, route: &Route, edits: &mut Vec<Edit>) {
    ui.horizontal_wrapped(|ui| {
        let name = ui.label("Its requests count as");
        let mut chosen = route.priority;
        ComboBox::from_id_salt("priority")
            .selected_text(words::priority(chosen.unwrap_or_default()))
            .width(96.0)
            .show_ui(ui, |ui| {
                for priority in PRIORITIES {
                    // What is usual is not written.
                    let value = Some(priority).filter(|priority| *priority != Priority::default());
                    ui.selectable_value(&mut chosen, value, words::priority(priority));
                }
            })
            .response
            .labelled_by(name.id);
        note(ui, cx.theme, "unless they or their caller say otherwise");
        if words::priority(chosen.unwrap_or_default()) != words::priority(route.priority.unwrap_or_default()) {
            edits.push(Edit::Priority(chosen));
        }
    });
}

/// The regions of a route's accounts with how many of its endpoints lie there, and those it names besides.
fn regions_of(config: &Config, route: &Route) -> Vec<(String, u64)> {
    let mut known: Vec<(String, u64)> = Vec::new();
    let members = route.groups.iter().flat_map(|group| &group.endpoints);
    let of_members = members.filter_map(|member| {
        let endpoint = config.endpoint(&member.endpoint)?;
        config.account(&endpoint.account)?.region.as_deref()
    });
    for name in of_members {
        match known.iter_mut().find(|(known, _)| same_region(known, name)) {
            Some((_, endpoints)) => *endpoints += 1,
            None => known.push((name.to_owned(), 1)),
        }
    }
    let regions = &route.regions;
    for name in regions.prefer.iter().chain(&regions.allow).chain(&regions.never) {
        if !known.iter().any(|(known, _)| same_region(known, name)) {
            known.push((name.clone(), 0));
        }
    }
    let place = |name: &str| position(&regions.prefer, name).unwrap_or(usize::MAX);
    known.sort_by_key(|(name, _)| place(name));
    known
}

/// What a route says of its regions, in a few words.
fn summary(regions: &Regions) -> String {
    let mut parts = Vec::new();
    if !regions.prefer.is_empty() {
        parts.push(format!("prefer {}", regions.prefer.join(", then ")));
    }
    if !regions.allow.is_empty() {
        parts.push(format!("only {}", regions.allow.join(", ")));
    }
    if !regions.never.is_empty() {
        parts.push(format!("never {}", regions.never.join(", ")));
    }
    if parts.is_empty() { "Regions: any, in no order".to_owned() } else { format!("Regions: {}", parts.join("; ")) }
}

/// Whether a region may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Any,
    Only,
    Never,
}

impl Use {
    const ALL: [Self; 3] = [Self::Any, Self::Only, Self::Never];

    fn of(regions: &Regions, name: &str) -> Self {
        if position(&regions.never, name).is_some() {
            Self::Never
        } else if position(&regions.allow, name).is_some() {
            Self::Only
        } else {
            Self::Any
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Any => "may answer",
            Self::Only => "only these",
            Self::Never => "never",
        }
    }

    fn set(self, regions: &mut Regions, name: &str) {
        for list in [&mut regions.allow, &mut regions.never] {
            list.retain(|known| !same_region(known, name));
        }
        match self {
            Self::Any => {}
            Self::Only => regions.allow.push(name.to_owned()),
            Self::Never => regions.never.push(name.to_owned()),
        }
    }
}

fn position(list: &[String], name: &str) -> Option<usize> {
    list.iter().position(|known| same_region(known, name))
}

/// Puts a region at this place of the preferred ones; `None`: not preferred.
fn prefer(regions: &mut Regions, name: &str, place: Option<usize>) {
    regions.prefer.retain(|known| !same_region(known, name));
    if let Some(place) = place {
        regions.prefer.insert(place.min(regions.prefer.len()), name.to_owned());
    }
}

fn row(ui: &mut Ui, cx: &PageCx, regions: &mut Regions, name: &str, endpoints: u64) {
    let theme = cx.theme;
    ui.label(name);
    ui.label(RichText::new(count(endpoints, "endpoint", "endpoints")).color(theme.text_soft));
    let before = Use::of(regions, name);
    let mut chosen = before;
    let left_out = before == Use::Any && !regions.allow.is_empty();
    let shown = if left_out { "left out" } else { before.words() };
    let combo = ComboBox::from_id_salt(("use", name)).selected_text(shown).width(104.0).show_ui(ui, |ui| {
        for choice in Use::ALL {
            ui.selectable_value(&mut chosen, choice, choice.words());
        }
    });
    ui.ctx().accesskit_node_builder(combo.response.id, |node| node.set_label(format!("Whether {name} may answer")));
    if chosen != before {
        chosen.set(regions, name);
    }
    ui.horizontal(|ui| {
        let Some(place) = position(&regions.prefer, name) else {
            let button = ui.button("Prefer");
            ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(format!("Prefer {name}")));
            if button.clicked() {
                prefer(regions, name, Some(usize::MAX));
            }
            return;
        };
        ui.label(format!("{}.", place + 1));
        if place > 0 && icon_button(ui, theme, ICON_ARROW_UPWARD, &format!("{name} earlier")).clicked() {
            prefer(regions, name, Some(place - 1));
        }
        let last = place + 1 == regions.prefer.len();
        if !last && icon_button(ui, theme, ICON_ARROW_DOWNWARD, &format!("{name} later")).clicked() {
            prefer(regions, name, Some(place + 1));
        }
        if icon_button(ui, theme, ICON_CLOSE, &format!("No longer prefer {name}")).clicked() {
            prefer(regions, name, None);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    #[test]
    fn a_region_is_in_one_of_the_two_lists_at_most() {
        let mut regions = Regions { allow: vec!["East US".to_owned()], ..Regions::default() };
        assert_eq!(Use::of(&regions, "eastus"), Use::Only);
        Use::Never.set(&mut regions, "eastus");
        assert_eq!((regions.allow.len(), regions.never.as_slice()), (0, &["eastus".to_owned()][..]));
        Use::Any.set(&mut regions, "eastus");
        assert_eq!(regions, Regions::default());
    }

    #[test]
    fn preferred_regions_are_put_in_order() {
        let mut regions = Regions::default();
        for name in ["eastus", "westus", "swedencentral"] {
            prefer(&mut regions, name, Some(usize::MAX));
        }
        prefer(&mut regions, "swedencentral", Some(0));
        assert_eq!(regions.prefer, ["swedencentral", "eastus", "westus"]);
        prefer(&mut regions, "East US", None);
        assert_eq!(summary(&regions), "Regions: prefer swedencentral, then westus");
    }

    #[test]
    fn the_regions_of_a_route_are_those_of_its_accounts_and_those_it_names() {
        let mut config = fixture::config();
        config.routes[0].regions.never = vec!["brazilsouth".to_owned()];
        let found = regions_of(&config, &config.routes[0]);
        assert_eq!(found, [("eastus".to_owned(), 4), ("brazilsouth".to_owned(), 0)]);
    }
}
