//! The demo's strip: what to do next, how the script goes, and the way out.
//!
//! Invariant: shown on every page of the demo and nowhere else; leaving is always one button.
//! Absent on purpose: what the script does; the pages show it.

use egui::{Align, Frame, Label, Layout, Margin, Panel, ProgressBar, RichText, Ui};

use super::Wish;
use super::actions::Action;
use crate::contract::snapshot::ScriptView;
use crate::contract::{Command, DemoCommand, Snapshot};
use crate::model::units::Grouped;
use crate::ui::cx::Page;
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::primary_button;

/// The script that tells the demo's story.
const RUSH_HOUR: &str = "rush-hour";

/// What the strip remembers.
#[derive(Debug, Default)]
pub(super) struct Strip {
    /// The last script seen playing.
    played: Option<ScriptView>,
}

impl Strip {
    /// Shows the strip below the top bar.
    pub(super) fn show(&mut self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, page: Page, wanted: &mut Vec<Wish>) {
        if !snapshot.profile.demo {
            self.played = None;
            return;
        }
        if let Some(script) = &snapshot.script {
            self.played = Some(script.clone());
        }
        let frame = Frame::new().fill(theme.bar(Tone::Info)).inner_margin(Margin::symmetric(16, 5));
        Panel::top("demo strip").frame(frame).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.set_min_height(28.0);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let leave = ui.button("Leave the demo");
                    if leave.on_hover_text("Drops the simulated endpoints and their history").clicked() {
                        wanted.push(Wish::Send(Command::Demo(DemoCommand::Leave)));
                    }
                    self.step(ui, theme, snapshot, page, wanted);
                });
            });
        });
    }

    /// The step of the story we are at. Laid out from the right: button first, then the words.
    fn step(&self, ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, page: Page, wanted: &mut Vec<Wish>) {
        match (&snapshot.script, &self.played) {
            (Some(script), _) => playing(ui, theme, script, wanted),
            (None, Some(script)) => over(ui, theme, script, wanted),
            (None, None) if snapshot.arrivals.requests == 0 => {
                if page != Page::Connect && primary_button(ui, theme, "Send a first request").clicked() {
                    wanted.push(Wish::Act(Action::Go(Page::Connect)));
                }
                say(ui, theme, "Simulated endpoints: no key, no cost, nothing leaves this computer. Send a request.");
            }
            (None, None) => {
                if primary_button(ui, theme, "See what happens under load").clicked() {
                    play(wanted);
                }
                say(ui, theme, "It works. Rush hour sends more than the first choice can take, for about a minute.");
            }
        }
    }
}

fn playing(ui: &mut Ui, theme: &Theme, script: &ScriptView, wanted: &mut Vec<Wish>) {
    if ui.button("Stop").clicked() {
        wanted.push(Wish::Send(Command::Demo(DemoCommand::Stop)));
    }
    if ui.available_width() >= 520.0 {
        let share = share(script.elapsed_seconds, script.total_seconds);
        ui.add(ProgressBar::new(share).desired_width(120.0).desired_height(8.0).fill(theme.accent));
    }
    say(ui, theme, &progress(script));
}

fn over(ui: &mut Ui, theme: &Theme, script: &ScriptView, wanted: &mut Vec<Wish>) {
    if ui.button("Play it again").clicked() {
        play(wanted);
    }
    if primary_button(ui, theme, "Now add a real endpoint").clicked() {
        wanted.push(Wish::Send(Command::Demo(DemoCommand::Leave)));
        wanted.push(Wish::Act(Action::Go(Page::Accounts)));
    }
    let failed = match script.failed {
        0 => "none failed".to_owned(),
        failed => format!("{} failed", Grouped(failed)),
    };
    say(ui, theme, &format!("{} is over: {} requests sent, {failed}.", script.title, Grouped(script.sent)));
}

fn play(wanted: &mut Vec<Wish>) {
    wanted.push(Wish::Send(Command::Demo(DemoCommand::Play(RUSH_HOUR.to_owned()))));
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

fn say(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = gap::M;
        ui.label(theme::strong("Demo").color(theme.accent));
        ui.add(Label::new(RichText::new(text).color(theme.text)).truncate());
    });
}

fn share(part: u64, whole: u64) -> f32 {
    let percent = (part.min(whole) * 100).checked_div(whole).unwrap_or(0);
    f32::from(u8::try_from(percent).unwrap_or(100)) / 100.0
}
