//! The welcome sheet of the first run: three ways to begin, the first one focused so that Enter starts.
//!
//! Invariant: shown only while the snapshot says that this is the first run and the person has not chosen.
//! Absent on purpose: the steps that follow a choice; they are pages. Values of environment variables.

use egui::{Key, Modifiers, RichText, Ui};

use crate::contract::{Command, DemoCommand};
use crate::ui::cx::{Page, PageCx};
use crate::ui::theme::{gap, strong, title};

/// This sheet's view state.
#[derive(Debug, Default)]
pub struct State {
    /// The person made a choice or closed the sheet.
    pub dismissed: bool,
    /// The environment variable that holds the key to begin with, until the Accounts page takes it.
    pub variable: Option<String>,
    focused: bool,
}

/// Shows the sheet.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let width = (ui.ctx().content_rect().width() - 48.0).min(520.0);
    let frame = egui::Frame::popup(ui.style()).inner_margin(20.0);
    let sheet = egui::Modal::new(egui::Id::unique("welcome")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(width);
        ui.add_space(gap::S);
        ui.label(title("Welcome to Tidegate"));
        ui.label(
            RichText::new(
                "It spreads your requests over your OpenAI and Azure deployments, so that you see fewer 429s. It already listens \
                 on this computer, with nothing to route to. How do you want to begin?",
            )
                .color(cx.theme.text_soft),
        );
        ui.add_space(gap::L);
        choices(ui, cx, state);
    });
    if sheet.should_close() {
        state.dismissed = true;
    }
}

fn choices(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let demo = card(ui, cx, "Try it with simulated endpoints", "No key needed. Nothing leaves this computer.");
    if !state.focused {
        demo.request_focus();
        state.focused = true;
    }
    let enter = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    let enter_on_demo = enter && ui.memory(|memory| memory.focused().is_none_or(|id| id == demo.id));
    if demo.clicked() || enter_on_demo {
        cx.send(Command::Demo(DemoCommand::Enter));
        cx.go(Page::Connect);
        state.dismissed = true;
    }
    let key = card(ui, cx, "Add my OpenAI or Azure key", "Kept in your system keyring, never shown again.");
    let by_enter = |response: &egui::Response| enter && response.has_focus();
    if key.clicked() || by_enter(&key) {
        cx.go(Page::Accounts);
        state.dismissed = true;
    }
    for (name, more, variable) in found(&cx.snapshot.profile.environment_keys) {
        let usable = variable.is_some();
        let environment = ui.add_enabled_ui(usable, |ui| card(ui, cx, &name, &more)).inner;
        if usable && (environment.clicked() || by_enter(&environment)) {
            cx.go(Page::Accounts);
            (state.dismissed, state.variable) = (true, variable);
        }
    }
}

/// The ways to begin with a key that a variable holds: what each is called, what is said below, and the variable.
fn found(variables: &[String]) -> Vec<(String, String, Option<String>)> {
    let what = "Use what I have";
    match variables {
        [] => vec![(what.to_owned(), "No key-like environment variable was found.".to_owned(), None)],
        [only] => vec![(what.to_owned(), format!("The key is read from ${only}."), Some(only.clone()))],
        several => several
            .iter()
            .map(|one| (format!("{what}: ${one}"), format!("The key is read from ${one}."), Some(one.clone())))
            .collect(),
    }
}

/// A large button with a second line.
fn card(ui: &mut Ui, cx: &PageCx, name: &str, more: &str) -> egui::Response {
    let width = ui.available_width();
    let button = egui::Button::new(strong(name)).min_size(egui::vec2(width, 36.0));
    let response = ui.add(button);
    ui.label(RichText::new(more).color(cx.theme.text_soft));
    ui.add_space(gap::M);
    response
}
