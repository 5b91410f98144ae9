//! The demo's strip: what to do next, which scripts there are, how one goes, what came of it, and the way out.
//!
//! Invariant: shown on every page of the demo and nowhere else, always equally high in one window; leaving is always one button.
//! Absent on purpose: what a script does; the pages show it.

mod story;

use egui::{Align, Frame, Label, Layout, Margin, Panel, ProgressBar, RichText, Ui};

use super::actions::Action;
use super::{Wish, is_low};
use crate::contract::Snapshot;
use crate::contract::snapshot::ScriptView;
use crate::model::script::Script;
use crate::model::units::Grouped;
use crate::ui::cx::Page;
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::{note, primary_button};
use story::Story;

/// Below this width, of the words the first line alone has room, and of the buttons those that lead on.
const NARROW: f32 = 880.0;

/// In less than this no word can be read, and in less than that not even which strip it is.
const LEGIBLE: f32 = 60.0;
const WORD: f32 = 40.0;

/// What the strip remembers.
#[derive(Debug, Default)]
pub(super) struct Strip {
    /// The last script seen playing.
    played: Option<ScriptView>,
    story: Story,
}

impl Strip {
    /// Shows the strip below the top bar.
    pub(super) fn show(&mut self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, page: Page, wanted: &mut Vec<Wish>) {
        if !snapshot.profile.demo {
            *self = Self::default();
            return;
        }
        if let Some(script) = &snapshot.script {
            self.story.begin(snapshot, script);
            self.played = Some(script.clone());
        }
        let low = is_low(ui.ctx());
        let frame =
            Frame::new().fill(theme.bar(Tone::Info)).inner_margin(Margin::symmetric(16, if low { 2 } else { 4 }));
        Panel::top("demo strip").frame(frame).show(ui, |ui| {
            let narrow = ui.available_width() < NARROW;
            ui.horizontal(|ui| {
                ui.set_min_height(if low { 26.0 } else { 36.0 });
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let word = if narrow { "Leave" } else { "Leave the demo" };
                    let leave = ui.button(word);
                    ui.ctx().accesskit_node_builder(leave.id, |node| node.set_label("Leave the demo"));
                    if leave.on_hover_text("Asks first: it drops the simulated endpoints and their history").clicked() {
                        wanted.push(Wish::Act(Action::LeaveDemo));
                    }
                    self.step(ui, theme, snapshot, (page, narrow), wanted);
                });
            });
        });
    }

    /// The step of the story we are at. Laid out from the right: buttons first, then the words.
    fn step(
        &mut self,
        ui: &mut Ui,
        theme: &Theme,
        snapshot: &Snapshot,
        (page, narrow): (Page, bool),
        wanted: &mut Vec<Wish>,
    ) {
        match (&snapshot.script, &self.played) {
            (Some(script), _) => playing(ui, theme, script, wanted),
            (None, Some(script)) => {
                let word = if ui.available_width() < 300.0 { "Add a real endpoint" } else { "Now add a real endpoint" };
                if primary_button(ui, theme, word).clicked() {
                    wanted.push(Wish::AddRealEndpoint);
                }
                let explore = !narrow && ui.button("Keep exploring").on_hover_text("Stays in the demo").clicked();
                scripts(ui, theme, if narrow { "Scripts" } else { "Play another script" }, wanted);
                let told = self.story.told(snapshot, script);
                say(ui, theme, &over(script), told);
                if explore {
                    self.played = None;
                }
            }
            (None, None) if snapshot.arrivals.requests == 0 => {
                if page != Page::Connect && primary_button(ui, theme, "Send a first request").clicked() {
                    wanted.push(Wish::Act(Action::Go(Page::Connect)));
                }
                let what = "Simulated endpoints: no key, no cost, nothing leaves this computer. Send a request.";
                say(ui, theme, what, "");
            }
            (None, None) => {
                scripts(ui, theme, if narrow { "Scripts" } else { "Other scripts" }, wanted);
                if primary_button(ui, theme, "See what happens under load").clicked() {
                    play(Script::RushHour, wanted);
                }
                let answered = snapshot.view.endpoints.iter().any(|endpoint| endpoint.counters.answered > 0);
                let what = if answered { "It works. See it under load:" } else { "See it under load:" };
                say(ui, theme, what, Script::RushHour.promise());
            }
        }
    }
}

/// The scripts, each with what it shows.
fn scripts(ui: &mut Ui, theme: &Theme, word: &str, wanted: &mut Vec<Wish>) {
    ui.menu_button(word, |ui| {
        ui.set_width((ui.ctx().content_rect().width() - 80.0).min(420.0));
        for script in Script::ALL {
            if ui.button(theme::strong(script.title()).color(theme.text)).clicked() {
                play(script, wanted);
                ui.close();
            }
            note(ui, theme, script.promise());
            ui.add_space(gap::S);
        }
    });
}

fn playing(ui: &mut Ui, theme: &Theme, script: &ScriptView, wanted: &mut Vec<Wish>) {
    if ui.button("Stop").on_hover_text("Ends the traffic and puts the endpoints right").clicked() {
        wanted.push(Wish::Act(Action::StopScript));
    }
    if ui.available_width() >= 520.0 {
        let share = share(script.elapsed_seconds, script.total_seconds);
        ui.add(ProgressBar::new(share).desired_width(120.0).desired_height(8.0).fill(theme.accent));
    }
    let promise = Script::named(&script.name).map_or("", Script::promise);
    say(ui, theme, &progress(script), promise);
}

fn over(script: &ScriptView) -> String {
    let failed = match script.failed {
        0 => "none failed".to_owned(),
        failed => format!("{} failed", Grouped(failed)),
    };
    format!("{} is over: {} requests sent, {failed}.", script.title, Grouped(script.sent))
}

fn play(script: Script, wanted: &mut Vec<Wish>) {
    wanted.push(Wish::Act(Action::Play(script)));
    wanted.push(Wish::Act(Action::Go(Page::Overview)));
}

/// `Rush hour · 0:23 of 1:10 · 312 sent · 0 failed`.
fn progress(script: &ScriptView) -> String {
    let clock = |seconds: u64| format!("{}:{:02}", seconds / 60, seconds % 60);
    format!(
        "{} · {} of {} · {} sent · {} failed",
        script.title,
        clock(script.elapsed_seconds),
        clock(script.total_seconds),
        Grouped(script.sent),
        Grouped(script.failed)
    )
}

/// Two lines: where we are, and what that means.
fn say(ui: &mut Ui, theme: &Theme, first: &str, second: &str) {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = gap::M;
        if ui.available_width() < WORD {
            return;
        }
        ui.label(theme::strong("Demo").color(theme.accent));
        if ui.available_width() < LEGIBLE {
            return;
        }
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            // A low window has a strip of one line.
            let second = if is_low(ui.ctx()) { "" } else { second };
            if second.is_empty() {
                ui.add_space(if is_low(ui.ctx()) { 4.0 } else { 8.0 });
            }
            ui.add(Label::new(RichText::new(first).color(theme.text)).truncate());
            if !second.is_empty() {
                ui.add(Label::new(RichText::new(second).small().color(theme.text_soft)).truncate());
            }
        });
    });
}

fn share(part: u64, whole: u64) -> f32 {
    let percent = (part.min(whole) * 100).checked_div(whole).unwrap_or(0);
    f32::from(u8::try_from(percent).unwrap_or(100)) / 100.0
}
