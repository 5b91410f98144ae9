//! What a test came to, line by line, and what the one kind that costs something costs.
//!
//! Invariant: each line stands with its glyph and its sentence; a call of one token is offered with its cost beside it.
//! Absent on purpose: testing; the background does it.

use egui::{RichText, Ui};

use super::cx::PageCx;
use super::format::ago;
use super::theme::{Theme, Tone, gap};
use super::widgets::note;
use crate::contract::snapshot::{KeyTest, KeysView};
use crate::contract::{Command, KeyCommand};
use crate::model::id::EndpointId;

const COST: &str = "Costs about 10 tokens of its model. Shows whether it really answers, and which limits it tells; the list of \
                    models cannot.";

/// What was tested and when, and each line. `what` begins a sentence.
pub fn lines(ui: &mut Ui, theme: &Theme, what: &str, test: &KeyTest, now_wall_ms: u64) {
    ui.add_space(gap::S);
    let when = test
        .finished_wall_ms
        .map_or_else(|| format!("{what}: testing …"), |at| format!("{what}, tested {}", ago(at, now_wall_ms)));
    ui.label(RichText::new(when).color(theme.text_soft));
    for (passed, line) in &test.lines {
        let tone = if *passed { Tone::Ok } else { Tone::Error };
        ui.horizontal_wrapped(|ui| {
            ui.label(tone.icon().rich_text().color(theme.tone(tone)));
            ui.label(line);
        });
    }
}

/// What a call to this endpoint came to, if one was made.
#[must_use]
pub fn call_of<'k>(keys: &'k KeysView, endpoint: &EndpointId) -> Option<&'k KeyTest> {
    keys.calls.iter().find(|(id, _)| id == endpoint).map(|(_, test)| test)
}

/// Asks each of these endpoints for one token, at a button with its name; a single one needs none.
pub fn ask(ui: &mut Ui, cx: &mut PageCx, endpoints: &[EndpointId]) {
    for id in endpoints {
        let runs = call_of(&cx.snapshot.keys, id).is_some_and(|test| test.finished_wall_ms.is_none());
        let words =
            if endpoints.len() == 1 { "Ask for one token".to_owned() } else { format!("Ask {id} for one token") };
        if ui.add_enabled(!runs, egui::Button::new(words)).clicked() {
            cx.send(Command::Key(KeyCommand::Call(id.clone())));
            ui.close();
        }
    }
    note(ui, cx.theme, COST);
}
