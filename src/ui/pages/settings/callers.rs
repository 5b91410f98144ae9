//! Callers: the programs that ask, each with a token, a priority and limits of its own.
//!
//! Invariant: a token is shown once, right after it was made, until the person says that they have it; tokens act at once,
//! limits go through the draft.
//! Absent on purpose: reading a token again. There is nothing to read: only its hash is kept.

use egui::{Align, ComboBox, Grid, RichText, Ui};

use crate::contract::door::{CallerToken, Told};
use crate::contract::{CallerCommand, Command, NoticeBody};
use crate::model::config::{Caller, Config, Priority, shown};
use crate::model::id::{CallerId, CommandId};
use crate::ui::cx::{Page, PageCx};
use crate::ui::format::{ago, clock_time, count};
use crate::ui::keyless;
use crate::ui::theme::{Tone, gap, mono, strong};
use crate::ui::widgets::{self, AmountChange, AmountEdit, note, unapplied};

const PRIORITIES: [(Option<Priority>, &str); 4] = [
    (None, "By its route"),
    (Some(Priority::Interactive), "Interactive"),
    (Some(Priority::Normal), "Normal"),
    (Some(Priority::Bulk), "Bulk"),
];

/// What is being done.
#[derive(Debug, Default)]
pub(super) struct State {
    name: String,
    /// The command whose answer brings a token.
    asked: Option<CommandId>,
    /// Tokens that were made just now, and whose they are.
    told: Vec<(CallerId, Told)>,
    /// One of them is to be scrolled to.
    fresh: bool,
    renaming: Option<(CallerId, String)>,
    /// Whose tokens will end if the person says so again.
    ending: Option<CallerId>,
}

/// Shows every caller, and a way to add one.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    hear(cx, state);
    told(ui, cx, state);
    strangers(ui, cx);
    let config = std::sync::Arc::clone(cx.draft.working());
    if config.callers.is_empty() {
        ui.label("No callers yet: every request counts as nobody's, without limits of its own.");
    }
    for caller in &config.callers {
        ui.push_id(&caller.id, |ui| one(ui, cx, state, caller));
        ui.add_space(gap::S);
    }
    add(ui, cx, state);
}

fn hear(cx: &PageCx, state: &mut State) {
    let Some(asked) = state.asked else { return };
    let Some(answer) = cx.notices.iter().find(|notice| notice.id == Some(asked)) else { return };
    state.asked = None;
    if let NoticeBody::TokenMade { caller, token } = &answer.body {
        state.told.push((caller.clone(), token.clone()));
        state.fresh = true;
    }
}

/// The tokens that were made just now.
fn told(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let fresh = std::mem::take(&mut state.fresh);
    state.told.retain(|(caller, Told(token))| {
        let mut done = false;
        widgets::card(ui, cx.theme, |ui| {
            let heading = ui.label(strong(format!("Token of {caller}")).color(cx.theme.text));
            if fresh {
                heading.scroll_to_me(Some(Align::Center));
            }
            ui.add(egui::Label::new(mono(token.expose()).color(cx.theme.text)).wrap());
            ui.label("You won't be able to read it again. Its tool sends it where it asks for an API key.");
            ui.horizontal_wrapped(|ui| {
                let copy = widgets::primary_button(ui, cx.theme, "Copy token");
                if copy.clicked() {
                    ui.ctx().copy_text(token.expose().to_owned());
                    cx.toast(Tone::Info, format!("The token of {caller} is copied"));
                }
                done = ui.button("I have it").clicked();
            });
        });
        ui.add_space(gap::M);
        !done
    });
}

/// Requests that were turned away for want of a token.
fn strangers(ui: &mut Ui, cx: &PageCx) {
    let strangers = cx.snapshot.door.strangers;
    let Some(last) = strangers.last_wall_ms else { return };
    let told = count(
        strangers.requests,
        "request without a token that is known was",
        "requests without a token that is known were",
    );
    let text = format!("{told} refused since the start; the last one {}.", ago(last, cx.snapshot.wall_ms));
    widgets::status_label(ui, cx.theme, Tone::Throttled, &text);
}

fn one(ui: &mut Ui, cx: &mut PageCx, state: &mut State, caller: &Caller) {
    widgets::card(ui, cx.theme, |ui| {
        ui.label(strong(caller.id.to_string()).color(cx.theme.text));
        let token = cx.snapshot.door.token(&caller.id).cloned();
        let (tone, text) = token_state(caller, token.as_ref(), cx.snapshot.wall_ms);
        widgets::status_label(ui, cx.theme, tone, &text);
        if token.is_some() {
            tokens(ui, cx, state, caller, token.as_ref());
        }
        rules(ui, cx, caller);
        ui.horizontal_wrapped(|ui| {
            if token.is_some() && named_button(ui, "Rename", &format!("Rename {}", caller.id)) {
                state.renaming = Some((caller.id.clone(), caller.id.to_string()));
            }
            if named_button(ui, "Remove caller", &format!("Remove caller {}", caller.id)) {
                let id = caller.id.clone();
                cx.draft.edit(format!("remove caller {id}"), |config| config.callers.retain(|known| known.id != id));
            }
            note(ui, cx.theme, "Once that is applied, its token ends for good.");
        });
        rename(ui, cx, state, caller);
    });
}

fn token_state(caller: &Caller, token: Option<&CallerToken>, now: u64) -> (Tone, String) {
    let Some(token) = token else { return (Tone::Info, "Not applied yet".to_owned()) };
    let former = token.former_until_wall_ms.filter(|until| *until > now);
    let former = former.map(|until| format!(" · the one before works until {}", clock_time(until))).unwrap_or_default();
    match (token.made_wall_ms, &caller.token) {
        (Some(made), None) => (Tone::Ok, format!("Has a token, made {}{former}", ago(made, now))),
        (Some(made), Some(source)) => {
            (Tone::Ok, format!("Has a token, made {}, and one from ${}{former}", ago(made, now), shown(&source.env)))
        }
        (None, Some(source)) if token.variable_is_set => {
            (Tone::Ok, format!("Token from ${}{former}", shown(&source.env)))
        }
        (None, Some(source)) => (Tone::Error, format!("${} is not set{former}", shown(&source.env))),
        (None, None) => (Tone::Quiet, format!("No token: its requests cannot be told from others'{former}")),
    }
}

fn tokens(ui: &mut Ui, cx: &mut PageCx, state: &mut State, caller: &Caller, token: Option<&CallerToken>) {
    let id = &caller.id;
    let made = token.is_some_and(|token| token.made_wall_ms.is_some() || token.former_until_wall_ms.is_some());
    ui.horizontal_wrapped(|ui| {
        let new = named_button(ui, "New token", &format!("New token for {id}"));
        if new {
            state.asked = cx.send(Command::Caller(CallerCommand::NewToken(id.clone())));
        }
        if made
            && state.ending.as_ref() != Some(id)
            && named_button(ui, "Revoke token", &format!("Revoke token of {id}"))
        {
            state.ending = Some(id.clone());
        }
        if state.ending.as_ref() == Some(id) {
            ui.label("End its tokens at once? Its tool gets a 401 from then on.");
            if ui.button(RichText::new("Revoke").color(cx.theme.tone(Tone::Error))).clicked() {
                cx.send(Command::Caller(CallerCommand::Revoke(id.clone())));
                state.ending = None;
            }
            if ui.button("Keep").clicked() {
                state.ending = None;
            }
        } else if made {
            note(ui, cx.theme, "After a new token the one before works for ten more minutes.");
        }
    });
}

/// A limit: what it is called, and where it stands.
type Limit = (&'static str, fn(&Caller) -> Option<u64>, fn(&mut Caller, Option<u64>));

const LIMITS: [Limit; 3] = [
    ("Tokens per minute", |caller| caller.tokens_per_minute, |caller, limit| caller.tokens_per_minute = limit),
    ("Requests per minute", |caller| caller.requests_per_minute, |caller, limit| caller.requests_per_minute = limit),
    (
        "Requests at once",
        |caller| caller.max_in_flight.map(u64::from),
        |caller, limit| caller.max_in_flight = limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
    ),
];

/// Priority and limits, through the draft.
fn rules(ui: &mut Ui, cx: &mut PageCx, caller: &Caller) {
    let id = &caller.id;
    // One that is new runs as nothing else.
    let runs = cx.draft.base().callers.iter().find(|known| known.id == *id).unwrap_or(caller).clone();
    Grid::new("rules").num_columns(2).spacing([gap::M, gap::S]).show(ui, |ui| {
        let label = ui.label(RichText::new("Priority").color(cx.theme.text_soft));
        priority(ui, cx, (caller, &runs), label.id);
        ui.end_row();
        for (name, read, write) in LIMITS {
            ui.label(RichText::new(name).color(cx.theme.text_soft));
            let field = format!("{name} of {id}");
            let edit = AmountEdit::new(&field, read(caller), read(&runs)).or_empty("no limit");
            match edit.show(ui, cx.theme) {
                Some(AmountChange::Set(limit)) => change(cx, id, field, |caller| write(caller, Some(limit))),
                Some(AmountChange::Clear) => change(cx, id, format!("{field}: no limit"), |caller| write(caller, None)),
                None => {}
            }
            ui.end_row();
        }
    });
    let place = cx.draft.working().callers.iter().position(|known| known.id == *id);
    if place.is_some() {
        crate::ui::findings::show(ui, cx, "caller", place);
    }
}

fn priority(ui: &mut Ui, cx: &mut PageCx, (caller, runs): (&Caller, &Caller), label: egui::Id) {
    let mut chosen = caller.priority;
    let word = |wanted| PRIORITIES.iter().find(|(priority, _)| *priority == wanted).map_or("", |(_, word)| *word);
    let list = ComboBox::from_id_salt("priority").width(96.0).selected_text(word(chosen));
    let list = list.show_ui(ui, |ui| {
        for (priority, word) in PRIORITIES {
            ui.selectable_value(&mut chosen, priority, word);
        }
    });
    let differs = runs.priority != caller.priority;
    let list = unapplied(ui, cx.theme, list.response, differs.then(|| word(runs.priority).to_owned()));
    list.labelled_by(label);
    if chosen != caller.priority {
        change(cx, &caller.id, format!("priority of {}", caller.id), |caller| caller.priority = chosen);
    }
}

fn change(cx: &mut PageCx, id: &CallerId, label: String, change: impl FnOnce(&mut Caller)) {
    cx.draft.edit(label, |config: &mut Config| {
        if let Some(caller) = config.callers.iter_mut().find(|caller| caller.id == *id) {
            change(caller);
        }
    });
}

fn rename(ui: &mut Ui, cx: &mut PageCx, state: &mut State, caller: &Caller) {
    let Some((_, name)) = state.renaming.as_mut().filter(|(id, _)| *id == caller.id) else { return };
    if keyless::labelled(ui, cx.theme, "New name", "ci", name).to_accounts {
        cx.go(Page::Accounts);
    }
    let wanted = CallerId::from(name.trim());
    let mut done = false;
    ui.horizontal_wrapped(|ui| {
        let ready = !wanted.as_str().is_empty() && wanted != caller.id;
        if ui.add_enabled(ready, egui::Button::new("Save name")).clicked() {
            let (from, to) = (caller.id.clone(), wanted.clone());
            done = cx.send(Command::Caller(CallerCommand::Rename { from, to })).is_some();
        }
        done |= ui.button("Cancel").clicked();
        note(ui, cx.theme, "At once; its tokens stay.");
    });
    if done {
        state.renaming = None;
    }
}

fn add(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    ui.add_space(gap::S);
    let field = keyless::labelled(ui, cx.theme, "Name of a caller", "the tool's, for example", &mut state.name);
    if field.to_accounts {
        cx.go(Page::Accounts);
    }
    let name = state.name.trim().to_owned();
    let entered = field.response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    let add = ui
        .add_enabled_ui(!name.is_empty(), |ui| widgets::primary_button(ui, cx.theme, "Add caller and make its token"));
    if !name.is_empty() && (add.inner.clicked() || entered) {
        state.asked = cx.send(Command::Caller(CallerCommand::Add(CallerId::from(name))));
        if state.asked.is_some() {
            state.name.clear();
        }
    }
}

fn named_button(ui: &mut Ui, word: &str, name: &str) -> bool {
    let button = ui.button(word);
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(name.to_owned()));
    button.clicked()
}
