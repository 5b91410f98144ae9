//! The inspector: what is in hand on the page, in detail, beside every page.
//!
//! Invariant: it shows what the page said is in hand, from the same snapshot; beside the page where there is room, above it
//! where there is not.
//! Absent on purpose: editing; it leads to where that is done. The Requests page has an inspector of its own.

use egui::{Align2, Area, Frame, Key, Margin, Modifiers, Order, Panel, RichText, ScrollArea, Stroke, Ui, vec2};
use egui_material_icons::icons::ICON_CLOSE;

use super::{Console, Wish};
use crate::contract::snapshot::KeyState;
use crate::contract::{Command, EndpointCommand, KeyCommand, Snapshot};
use crate::model::config::AdminState;
use crate::model::id::{AccountId, EndpointId, ModelName, PoolId, RequestId};
use crate::model::status::LimitView;
use crate::model::units::{Grouped, Short};
use crate::ui::cx::{Page, Target};
use crate::ui::format::{ago, clock_time, count, group_rank, of_limit, span};
use crate::ui::pages::why;
use crate::ui::theme::{self, Theme, Tone, gap, mono, strong};
use crate::ui::widgets::{Bar, fact, headroom_bar, icon_button, move_edge_by_keys, note, quiet_button, status_label};
use crate::ui::{headroom, request_rows, status, words};

/// Below this width of the window it lies above the page.
const BESIDE: f32 = 900.0;
const WIDTH: f32 = 340.0;

/// Whether it is open.
#[derive(Debug, Default)]
pub(super) struct Inspector {
    pub(super) open: bool,
}

impl Console {
    /// Shows it if it is open and the page has none of its own.
    pub(super) fn inspect(&mut self, ui: &mut Ui, theme: &'static Theme, snapshot: &Snapshot, wanted: &mut Vec<Wish>) {
        if !self.inspector.open || self.page() == Page::Requests {
            return;
        }
        let selected = self.selected.clone();
        let mut close = false;
        let fill = Frame::new().fill(theme.panel).inner_margin(Margin::same(12));
        if ui.ctx().content_rect().width() >= BESIDE {
            move_edge_by_keys(ui, "inspector");
            let panel = Panel::right("inspector").frame(fill).default_size(WIDTH).size_range(280.0..=480.0);
            panel.show(ui, |ui| {
                self.panes.mark(ui, "Inspector", ui.max_rect());
                close = contents(ui, theme, snapshot, selected.as_ref(), wanted);
            });
        } else {
            let room = ui.available_rect_before_wrap();
            let size = vec2(WIDTH.min(room.width() - 48.0), room.height() - 24.0);
            let area = Area::new(egui::Id::unique("inspector")).order(Order::Middle);
            area.pivot(Align2::RIGHT_TOP).fixed_pos(room.right_top()).show(ui.ctx(), |ui| {
                fill.stroke(Stroke::new(1.0, theme.edge)).show(ui, |ui| {
                    ui.set_min_size(size);
                    ui.set_max_size(size);
                    self.panes.mark(ui, "Inspector", ui.max_rect());
                    close = contents(ui, theme, snapshot, selected.as_ref(), wanted);
                });
            });
            let free = !ui.ctx().text_edit_focused() && ui.ctx().dragged_id().is_none();
            close |= free && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
        }
        self.inspector.open = !close;
    }
}

/// Returns whether the person closed it.
fn contents(
    ui: &mut Ui,
    theme: &Theme,
    snapshot: &Snapshot,
    selected: Option<&Target>,
    wanted: &mut Vec<Wish>,
) -> bool {
    let mut close = false;
    ui.horizontal(|ui| {
        ui.label(strong(kind(selected)).color(theme.text_soft));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            close = icon_button(ui, theme, ICON_CLOSE, "Close the inspector (F4)").clicked();
            if let Some(target) = selected
                && quiet_button(ui, theme, "Open").clicked()
            {
                wanted.push(Wish::Open(target.clone()));
            }
        });
    });
    let salt = format!("{selected:?}");
    ScrollArea::vertical().id_salt(("inspector", salt)).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = gap::M;
        match selected {
            Some(Target::Endpoint(id)) => endpoint(ui, theme, snapshot, id, wanted),
            Some(Target::Route(model)) => route(ui, theme, snapshot, model, wanted),
            Some(Target::Pool(id)) => pool(ui, theme, snapshot, id, wanted),
            Some(Target::Account(id)) => account(ui, theme, snapshot, id, wanted),
            Some(Target::Request(id)) => request(ui, theme, snapshot, *id, wanted),
            _ => {
                let text =
                    "Nothing is in hand. Click an endpoint, a card, a pool, an account or a request, or press J.";
                ui.label(RichText::new(text).color(theme.text_soft));
            }
        }
    });
    close
}

const fn kind(selected: Option<&Target>) -> &'static str {
    match selected {
        Some(Target::Endpoint(_)) => "Endpoint",
        Some(Target::Route(_)) => "Route",
        Some(Target::Pool(_)) => "Quota pool",
        Some(Target::Account(_)) => "Account",
        Some(Target::Request(_)) => "Request",
        _ => "Inspector",
    }
}

fn link(ui: &mut Ui, theme: &Theme, text: &str, target: Target, wanted: &mut Vec<Wish>) {
    if quiet_button(ui, theme, text).clicked() {
        wanted.push(Wish::Open(target));
    }
}

fn gone(ui: &mut Ui, theme: &Theme, name: &str) {
    ui.label(
        RichText::new(format!("{name} does not run: it is not applied yet, or was removed.")).color(theme.text_soft),
    );
}

fn endpoint(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, id: &EndpointId, wanted: &mut Vec<Wish>) {
    ui.label(theme::title(id.as_str()).color(theme.text));
    let Some(view) = snapshot.view.endpoint(id) else { return gone(ui, theme, id.as_str()) };
    ui.horizontal_wrapped(|ui| {
        let seen = status::seen(view, snapshot);
        status_label(ui, theme, seen.tone, &seen.word);
        note(ui, theme, &format!("You set: {}", status::admin(view.admin_state).word));
        if let Some(left) = headroom::running_out(view) {
            note(ui, theme, &left);
        }
    });
    switches(ui, id, view.admin_state, wanted);
    limit(ui, theme, (id, "Tokens per minute"), &view.tokens, (view.drained_tokens(), view.soft_cap));
    limit(ui, theme, (id, "Requests per minute"), &view.requests, (0, None));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = gap::XL;
        fact(ui, theme, "In flight", &view.in_flight.to_string());
        fact(ui, theme, "429s", &Grouped(view.counters.throttled).to_string());
        fact(ui, theme, "Failures", &Grouped(view.counters.failed).to_string());
        let heard = view.first_token.map_or_else(|| "–".to_owned(), span);
        fact(ui, theme, "First token", &heard);
    });
    ui.horizontal_wrapped(|ui| {
        link(ui, theme, &format!("Account {}", view.account), Target::Account(view.account.clone()), wanted);
        for route in &snapshot.view.routes {
            let rank = route.groups.iter().position(|group| group.endpoints.contains(id));
            if let Some(rank) = rank {
                let text = format!("{} · {}", route.model, group_rank(rank, route.groups.len()));
                link(ui, theme, &text, Target::Route(route.model.clone()), wanted);
            }
        }
        let pool = snapshot.applied.config.endpoint(id).and_then(|one| one.quota_pool.clone());
        if let Some(pool) = pool {
            link(ui, theme, &format!("Pool {pool}"), Target::Pool(pool), wanted);
        }
    });
    let mine = snapshot.records.iter().rev();
    let mine = mine.filter(|record| record.attempts.iter().any(|one| one.endpoint == *id)).take(6);
    ui.label(strong("Last requests").color(theme.text));
    for record in mine {
        ui.horizontal(|ui| {
            ui.label(mono(clock_time(record.ended_wall_ms())).color(theme.text_faint));
            request_rows::outcome(record).show(ui, theme);
            link(ui, theme, &record.id.to_string(), Target::Request(record.id), wanted);
        });
    }
    link(ui, theme, "All its requests", Target::RequestsOf(id.clone()), wanted);
}

fn switches(ui: &mut Ui, id: &EndpointId, now: AdminState, wanted: &mut Vec<Wish>) {
    let choices = [(AdminState::Enabled, "Resume"), (AdminState::Draining, "Drain"), (AdminState::Paused, "Pause")];
    ui.horizontal_wrapped(|ui| {
        for (state, verb) in choices.into_iter().filter(|(state, _)| *state != now) {
            let button = ui.button(verb);
            ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(format!("{verb} {id} from here")));
            if button.clicked() {
                wanted.push(Wish::Send(Command::Endpoint(EndpointCommand::SetAdminState(id.clone(), state))));
            }
        }
    });
}

/// One limit, with what drained of it within the minute and our soft cap.
fn limit(
    ui: &mut Ui,
    theme: &Theme,
    (id, caption): (&EndpointId, &str),
    limit: &LimitView,
    (drained, soft_cap): (u64, Option<u64>),
) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        let taken = of_limit(limit.used.saturating_add(limit.reserved), limit.limit);
        ui.horizontal_wrapped(|ui| {
            note(ui, theme, caption);
            ui.label(mono(taken).color(theme.text));
            if drained > 0 {
                let minute = Short(limit.used.saturating_add(drained));
                note(ui, theme, &format!("{minute} in the last minute; most of it is free again"));
            }
        });
        let name = format!("{caption} of {id}, in the inspector");
        let tone = if limit.taken_percent() >= 80 { Tone::Near } else { Tone::Ok };
        let (used, reserved) = (limit.used, limit.reserved);
        let bar = Bar { name: &name, used, reserved, drained, limit: limit.limit, soft_cap, tone };
        headroom_bar(ui, theme, ui.available_width(), &bar);
    });
}

fn route(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, model: &ModelName, wanted: &mut Vec<Wish>) {
    ui.label(theme::title(model.as_str()).color(theme.text));
    let Some(view) = snapshot.view.routes.iter().find(|route| route.model == *model) else {
        return gone(ui, theme, model.as_str());
    };
    ui.label(format!("{} of {} serving, {} waiting", view.serving, view.members, view.waiting));
    for (place, group) in view.groups.iter().enumerate() {
        ui.label(strong(group_rank(place, view.groups.len())).color(theme.text));
        note(ui, theme, &format!("{} % of its limits taken", group.taken_percent));
        for id in &group.endpoints {
            member(ui, theme, snapshot, id, wanted);
        }
    }
}

fn member(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, id: &EndpointId, wanted: &mut Vec<Wish>) {
    ui.horizontal_wrapped(|ui| {
        link(ui, theme, id.as_str(), Target::Endpoint(id.clone()), wanted);
        if let Some(view) = snapshot.view.endpoint(id) {
            let shown = status::endpoint(view, snapshot);
            status_label(ui, theme, shown.tone, &shown.word);
        }
    });
}

fn pool(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, id: &PoolId, wanted: &mut Vec<Wish>) {
    ui.label(theme::title(id.as_str()).color(theme.text));
    let Some(view) = snapshot.view.pools.iter().find(|pool| pool.id == *id) else {
        return gone(ui, theme, id.as_str());
    };
    let taken = |limit: &LimitView| of_limit(limit.used.saturating_add(limit.reserved), limit.limit);
    fact(ui, theme, "Tokens per minute", &taken(&view.tokens));
    fact(ui, theme, "Requests per minute", &taken(&view.requests));
    ui.label(strong("Draw from it").color(theme.text));
    for id in &view.members {
        member(ui, theme, snapshot, id, wanted);
    }
}

fn account(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, id: &AccountId, wanted: &mut Vec<Wish>) {
    ui.label(theme::title(id.as_str()).color(theme.text));
    let key = snapshot.keys.accounts.iter().find(|key| key.account == *id);
    let (tone, text) = match key.map(|key| &key.state) {
        None => (Tone::Info, "Not applied yet, so not used"),
        Some(KeyState::Absent) => (Tone::Error, "No key"),
        Some(KeyState::NotNeeded) => (Tone::Ok, "Simulated: needs no key"),
        Some(KeyState::FromEnvironment { set: false, .. }) => (Tone::Error, "Its variable is not set"),
        Some(_) => (Tone::Ok, "Has a key"),
    };
    status_label(ui, theme, tone, text);
    if let Some(test) = key.and_then(|key| key.test.as_ref()) {
        if let Some(at) = test.finished_wall_ms {
            note(ui, theme, &format!("Tested {}", ago(at, snapshot.wall_ms)));
        }
        for (passed, line) in &test.lines {
            status_label(ui, theme, if *passed { Tone::Ok } else { Tone::Error }, line);
        }
    }
    if key.is_some_and(|key| key.state != KeyState::NotNeeded) && ui.button("Test the key").clicked() {
        wanted.push(Wish::Send(Command::Key(KeyCommand::Test(id.clone()))));
    }
    let mine = snapshot.view.endpoints.iter().filter(|endpoint| endpoint.account == *id);
    ui.label(strong("Its endpoints").color(theme.text));
    for endpoint in mine {
        member(ui, theme, snapshot, &endpoint.id, wanted);
    }
}

fn request(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, id: RequestId, wanted: &mut Vec<Wish>) {
    if let Some(record) = snapshot.records.iter().rev().find(|record| record.id == id) {
        why::title(ui, theme, record);
        let config = &snapshot.applied.config;
        wanted.extend(why::show(ui, theme, record, config, why::Tab::Why).map(Wish::Why));
        return;
    }
    ui.label(theme::title(id.to_string()).color(theme.text));
    if let Some(one) = snapshot.view.queue.list.iter().find(|one| one.request == id) {
        ui.label(format!(
            "Waits in place {} of route {}, {}, since {}.",
            one.position,
            one.route,
            words::priority(one.priority),
            span(snapshot.at.since(one.since))
        ));
        fact(ui, theme, "Expected to be charged", &count(one.charge, "token", "tokens"));
        link(ui, theme, &format!("Route {}", one.route), Target::Route(one.route.clone()), wanted);
    } else if let Some(one) = snapshot.view.queue.running.iter().find(|one| one.request == id) {
        ui.label(format!(
            "Runs at {} for {}, {}, attempt {}.",
            one.endpoint,
            span(snapshot.at.since(one.sent)),
            words::priority(one.priority),
            one.attempt
        ));
        fact(ui, theme, "Reserved for it", &count(one.charge, "token", "tokens"));
        link(ui, theme, &format!("Endpoint {}", one.endpoint), Target::Endpoint(one.endpoint.clone()), wanted);
    } else {
        let text = "It has ended, and its record has not arrived yet or was dropped for newer ones.";
        ui.label(RichText::new(text).color(theme.text_soft));
    }
}

#[cfg(test)]
#[path = "inspector_tests.rs"]
mod tests;
