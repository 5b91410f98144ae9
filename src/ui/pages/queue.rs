//! The Queue page: who waits and for what, what runs, and the rule by which it goes.
//!
//! Invariant: rows stand in the order of service, or oldest first; ending one has a few seconds of grace, ending many is
//! asked about.
//! Absent on purpose: judging where a request may go; the brain does, also when it is sent by hand.

mod depth;
mod kept;
mod rule;
mod running;
mod send_now;
mod waiting;

use std::sync::Arc;

use egui::{Modal, RichText, Ui};

use crate::contract::{Command, LineCommand};
use crate::model::id::RequestId;
use crate::model::status::{BalancerView, QueueView};
use crate::model::units::{Grouped, Timestamp};
use crate::ui::cx::{PageCx, RowStep, Target};
use crate::ui::format::{count, countdown, span};
use crate::ui::theme::{Theme, Tone, gap};
use crate::ui::widgets::{TableState, card, fact, note, page_title, primary_button, quiet_button, section};

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    waiting: TableState<RequestId>,
    running: TableState<RequestId>,
    /// The request that was taken in hand last, in whichever table.
    hand: Option<RequestId>,
    /// The rule is being edited.
    editing: bool,
    /// Ending all of this client's waiting requests is asked about.
    asking: Option<Arc<str>>,
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    page_title(ui, cx.theme, "Queue", "Who is waiting, and for what");
    header(ui, cx, state);
    ui.add_space(gap::M);
    let view = Arc::clone(&cx.snapshot.view);
    if let Some(step) = cx.take_row_step() {
        go_on(state, &view, step);
    }
    let before = (state.waiting.selected, state.running.selected);
    let theme = cx.theme;
    let heading = format!("Waiting · {}", Grouped(view.queue.waiting.into()));
    section(ui, theme, &heading, |ui| {
        if let Some(line) = at_the_door(cx.snapshot.door.waiting) {
            note(ui, theme, &line);
        }
        if view.queue.list.is_empty() {
            ui.label(
                "Nothing is waiting. Requests queue here only when every endpoint of a route is full or throttled.",
            );
        } else {
            for line in kept::lines(&view) {
                note(ui, theme, &line);
            }
            waiting::show(ui, cx, state, &view);
            more(ui, cx, u64::from(view.queue.waiting), view.queue.list.len());
        }
    });
    ui.add_space(gap::M);
    let running = view.in_flight();
    section(ui, theme, &format!("In flight · {}", Grouped(running)), |ui| {
        if view.queue.running.is_empty() {
            ui.label("Nothing is running.");
        } else {
            running::show(ui, cx, state, &view);
            more(ui, cx, running, view.queue.running.len());
        }
    });
    if state.running.selected != before.1 {
        (state.hand, state.waiting.selected) = (state.running.selected, None);
    } else if state.waiting.selected != before.0 {
        (state.hand, state.running.selected) = (state.waiting.selected, None);
    }
    cx.select(state.hand.map(Target::Request));
    ask(ui, cx, state);
}

/// Who is not even in line yet.
fn at_the_door(waiting: u32) -> Option<String> {
    let (who, verb) = match waiting {
        0 => return None,
        1 => ("1 more request".to_owned(), "waits"),
        _ => (format!("{} more requests", Grouped(waiting.into())), "wait"),
    };
    Some(format!(
        "{who} {verb} for a connection: as many are open as this system allows files. A higher limit (ulimit -n) makes more room."
    ))
}

/// J, K and G lead through those who wait and on through those that run.
fn go_on(state: &mut State, view: &BalancerView, step: RowStep) {
    let waiting: Vec<RequestId> = view.queue.list.iter().map(|one| one.request).collect();
    let running: Vec<RequestId> = running::longest_first(&view.queue.running).iter().map(|one| one.request).collect();
    let at = waiting.iter().chain(&running).position(|id| Some(*id) == state.hand);
    let Some(place) = step.from(at, waiting.len() + running.len()) else { return };
    (state.waiting.selected, state.running.selected) = (None, None);
    state.hand = match place.checked_sub(waiting.len()) {
        None => state.waiting.go_to(&waiting, place, false),
        Some(place) => state.running.go_to(&running, place, false),
    };
}

/// How many are not in the list, and a way to see them.
fn more(ui: &mut Ui, cx: &mut PageCx, of: u64, listed: usize) {
    let missing = of.saturating_sub(listed as u64);
    // Both numbers are of one moment, but one that ends at just that moment is no reason for a line that comes and goes.
    if missing == 0 || listed < QueueView::PAGE {
        return;
    }
    ui.horizontal(|ui| {
        note(ui, cx.theme, &format!("and {} more", Grouped(missing)));
        if listed < QueueView::MOST && quiet_button(ui, cx.theme, "List them").clicked() {
            cx.send(Command::Line(LineCommand::ListAll));
        }
    });
}

/// How the line stands, its last minutes, and its rule.
fn header(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let theme = cx.theme;
    let snapshot = Arc::clone(cx.snapshot);
    let (queue, points) = (&snapshot.view.queue, &snapshot.line.depth);
    let rates = depth::last_minute(points);
    card(ui, theme, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 28.0;
            fact(ui, theme, "Waiting", &Grouped(queue.waiting.into()).to_string());
            let oldest = if queue.waiting == 0 { "–".to_owned() } else { span(queue.oldest) };
            fact(ui, theme, "Oldest wait", &oldest);
            let a_minute =
                |amount: Option<u64>| amount.map_or_else(|| "–".to_owned(), |amount| Grouped(amount).to_string());
            fact(ui, theme, "Let go, last minute", &a_minute(rates.map(|rates| rates.0)));
            fact(ui, theme, "Refused, last minute", &a_minute(rates.map(|rates| rates.1)));
            fact(ui, theme, "Retries after faults, last 10 s", &kept::retries(&queue.budget));
        });
        ui.add_space(gap::S);
        depth::show(ui, theme, points, snapshot.at);
        ui.add_space(gap::S);
        rule::show(ui, cx, &mut state.editing);
    });
}

/// The button that ends a request, or keeps it while its grace lasts.
fn end_button(ui: &mut Ui, cx: &mut PageCx, request: RequestId, hint: &str) {
    let (theme, now) = (cx.theme, cx.snapshot.at);
    let leaving = cx.snapshot.line.leaving.iter().find(|(one, _)| *one == request).map(|(_, at)| *at);
    if let Some(at) = leaving {
        return keep_button(ui, cx, request, at, now);
    }
    let words = format!("Its client gets an answer that says so ({hint}). It can be kept for five seconds.");
    if quiet_button(ui, theme, "Cancel").on_hover_text(words).clicked() {
        cx.send(Command::Line(LineCommand::CancelSoon(request)));
    }
}

fn keep_button(ui: &mut Ui, cx: &mut PageCx, request: RequestId, at: Timestamp, now: Timestamp) {
    ui.label(RichText::new(format!("ends in {}", countdown(at, now))).color(cx.theme.tone(Tone::Throttled)));
    if quiet_button(ui, cx.theme, "Keep").on_hover_text(format!("Do not cancel {request}")).clicked() {
        cx.send(Command::Line(LineCommand::Keep(request)));
    }
}

/// A client as on screen.
fn named(client: &str) -> &str {
    if client.is_empty() { "unnamed" } else { client }
}

/// The sheet that asks before all of a client's waiting requests are ended.
fn ask(ui: &Ui, cx: &mut PageCx, state: &mut State) {
    let Some(client) = state.asking.clone() else { return };
    let theme: &Theme = cx.theme;
    let listed = cx.snapshot.view.queue.list.iter().filter(|one| one.client == client).count() as u64;
    let mut answer = None;
    let sheet = Modal::new(egui::Id::unique("cancel all of a client")).show(ui.ctx(), |ui| {
        ui.set_max_width(380.0);
        ui.label(crate::ui::theme::strong(format!("Cancel all waiting requests of {}?", named(&client))));
        let them = count(listed, "request is listed", "requests are listed");
        ui.label(format!(
            "{them}. Each client gets a 503 that says it was taken out of the line by hand. What runs already goes on. This \
             cannot be undone."
        ));
        ui.horizontal(|ui| {
            if primary_button(ui, theme, "Cancel them").clicked() {
                answer = Some(true);
            }
            if ui.button("Let them wait").clicked() {
                answer = Some(false);
            }
        });
    });
    if answer == Some(true) {
        cx.send(Command::Line(LineCommand::CancelAllOf(client)));
    }
    if answer.is_some() || sheet.should_close() {
        state.asking = None;
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
