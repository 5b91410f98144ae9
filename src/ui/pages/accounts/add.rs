//! Adding an account: paste anything, fill in what is missing, add it to the draft.
//!
//! Invariant: the box for pasting is always masked and is emptied as soon as it was read.
//! Absent on purpose: applying; the draft bar does that.

use egui::{RichText, Ui};

use super::form::Form;
use super::intake::Intake;
use super::key_field::{self, KeyField};
use super::{State, keyring_line, service};
use crate::contract::snapshot::KeyState;
use crate::contract::{Command, KeyCommand};
use crate::model::config::{AzureApi, Credential, Service};
use crate::model::id::AccountId;
use crate::ui::cx::PageCx;
use crate::ui::keyless;
use crate::ui::theme::{Theme, Tone, gap};
use crate::ui::widgets::{self, radio_value};

/// The kinds a person can add; simulated ones come with the demo.
const KINDS: [Service; 3] = [Service::Openai, Service::Azure, Service::Compatible];

/// Shows the form, or the button that opens it.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    if state.adding.is_none() {
        // Where there are some, what matters most is about one of them.
        let first = cx.draft.working().accounts.is_empty();
        let word = "Add account";
        let add = if first { widgets::primary_button(ui, cx.theme, word) } else { ui.button(word) };
        if add.clicked() {
            (state.adding, state.paste) = (Some(Form::default()), KeyField::opened());
        }
        return;
    }
    let joined = joined(cx, state);
    let title = joined.as_ref().map_or_else(|| "New account".to_owned(), |id| format!("New endpoint of account {id}"));
    if let Some(form) = &mut state.adding {
        (form.entered, form.whole) = (false, form.missing().is_empty());
    }
    widgets::section(ui, cx.theme, &title, |ui| {
        paste_box(ui, cx, state);
        if ui.available_width() < BESIDE {
            details(ui, cx, state);
            return key_and_end(ui, cx, state);
        }
        ui.columns(2, |columns| {
            let [left, right] = columns else { return };
            // Columns justify what is in them, which spreads words.
            let plain = egui::Layout::top_down(egui::Align::Min);
            left.with_layout(plain, |ui| details(ui, cx, state));
            right.with_layout(plain, |ui| key_and_end(ui, cx, state));
        });
    });
}

/// The known account that the endpoint joins.
fn joined(cx: &PageCx, state: &State) -> Option<AccountId> {
    state.adding.as_ref()?.joins(cx.draft.working()).map(|account| account.id.clone())
}

/// What is asked of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The account that is joined has its own.
    Nothing,
    /// The account that is joined may have one: nobody knows before it is applied and the keyring answers.
    Perhaps,
    /// There is none yet.
    Key,
}

fn asked(cx: &PageCx, state: &State, joined: Option<&AccountId>) -> Asked {
    let Some(id) = joined else { return Asked::Key };
    let drafted = cx.draft.working().account(id);
    if drafted.is_some_and(|account| !matches!(account.credential, Credential::Keyring(_))) {
        return Asked::Nothing;
    }
    match cx.snapshot.keys.accounts.iter().find(|key| key.account == *id).map(|key| &key.state) {
        Some(KeyState::InKeyring { .. } | KeyState::InMemory { .. } | KeyState::NotNeeded) => Asked::Nothing,
        Some(KeyState::Absent) => Asked::Key,
        // One that was added with its key and is not applied yet.
        None if state.fresh.as_ref() == Some(id) => Asked::Nothing,
        None | Some(KeyState::FromEnvironment { .. } | KeyState::FromCommand { .. }) => Asked::Perhaps,
    }
}

/// From this width on the key stands beside the details, so that all of it is seen at once.
const BESIDE: f32 = 860.0;

fn details(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let Some(form) = &mut state.adding else { return };
    let told = fields(ui, cx.theme, form);
    form.entered |= told.entered;
    if told.misplaced {
        cx.toast(Tone::Info, "Paste it into the field Key, or into the first box.");
    }
}

/// Into which route it goes, beside the button that adds it: below the fields it would be out of sight.
fn place(ui: &mut Ui, cx: &PageCx, state: &mut State) {
    let Some(form) = &mut state.adding else { return };
    let (offer, problem) = (form.route_offer(cx.draft.working()), form.name_problem(cx.draft.working()));
    widgets::checkbox(ui, &mut form.with_route, &offer);
    if let Some(problem) = problem {
        ui.label(RichText::new(problem).color(cx.theme.tone(Tone::Error)));
    }
}

/// What happened in the fields in a frame.
#[derive(Default)]
struct Told {
    /// A key was pasted where it does not belong, and the person wants to know where it does.
    misplaced: bool,
    /// Enter was pressed.
    entered: bool,
}

fn key_and_end(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    ui.add_space(gap::M);
    let joined = joined(cx, state);
    let asked = asked(cx, state, joined.as_ref());
    if let Some(id) = &joined {
        let key = match asked {
            Asked::Nothing => " and uses its key",
            Asked::Perhaps => "; leave the key empty if it has one",
            Asked::Key => ", which has no key yet",
        };
        let words = format!("It joins account {id}{key}");
        widgets::status_label(ui, cx.theme, Tone::Info, &words).on_hover_text(words);
    }
    if asked != Asked::Nothing {
        key(ui, cx, state);
    } else if let Some(form) = state.adding.as_mut().filter(|form| form.key.is_some()) {
        let words = "The pasted key is not taken: to change the account's, use Replace key on its card.";
        ui.label(RichText::new(words).color(cx.theme.tone(Tone::Near)));
        if ui.button("Forget it").clicked() {
            form.key = None;
        }
    }
    ui.add_space(gap::M);
    place(ui, cx, state);
    finish(ui, cx, state);
}

fn paste_box(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let hint =
        "A key, an Azure deployment's URL, or OPENAI_…/AZURE_… lines. Shown as dots, in case there is a key in it.";
    ui.label(RichText::new(hint).color(cx.theme.text_soft));
    let changed = state.paste.show(ui, cx.theme, "Paste anything", None);
    let entered = ui.input(|input| input.key_pressed(egui::Key::Enter) || input.events.iter().any(is_paste));
    if let Some(form) = &mut state.adding {
        form.entered |= state.paste.is_empty() && state.paste.is_entered();
    }
    if state.paste.is_empty() || !(entered || !changed && ui.memory(|memory| memory.focused().is_none())) {
        return;
    }
    let found = state.paste.read_out(Intake::read);
    // Enter once more adds it, and what is pasted next is read, too.
    state.paste = KeyField::opened();
    if found.is_empty() {
        cx.toast(Tone::Error, "That is neither a key, an address nor OPENAI_… lines. Nothing was taken from it.");
    }
    if let Some(form) = &mut state.adding {
        form.take_in(found, cx.draft.working());
    }
}

fn is_paste(event: &egui::Event) -> bool {
    matches!(event, egui::Event::Paste(_))
}

/// Everything but the key.
fn fields(ui: &mut Ui, theme: &Theme, form: &mut Form) -> Told {
    ui.add_space(gap::M);
    ui.horizontal_wrapped(|ui| {
        let label = ui.label(RichText::new("Service").color(theme.text_soft));
        let mut chosen = form.service;
        egui::ComboBox::from_id_salt("service")
            .selected_text(service(chosen))
            .show_ui(ui, |ui| {
                for kind in KINDS {
                    ui.selectable_value(&mut chosen, kind, service(kind));
                }
            })
            .response
            .labelled_by(label.id);
        if chosen != form.service {
            form.set_service(chosen);
        }
    });
    let azure = form.service == Service::Azure;
    let mut told = Told::default();
    let mut field = |ui: &mut Ui, label: &str, hint: &str, text: &mut String| {
        let field = keyless::labelled(ui, theme, label, hint, text);
        told.misplaced |= field.to_accounts;
        let left = field.response.lost_focus();
        told.entered |= left && ui.input(|input| input.key_pressed(egui::Key::Enter));
        left
    };
    field(ui, "Account name", "acme-east", &mut form.id);
    field(ui, "Base URL", "https://NAME.openai.azure.com", &mut form.base_url);
    if azure {
        let named = field(ui, "Deployment", "gpt4o-prod", &mut form.deployment);
        if form.api == AzureApi::Classic {
            field(ui, "API version", "2024-10-21", &mut form.api_version);
        }
        field(ui, "Region (may stay empty)", "eastus", &mut form.region);
        if named {
            form.propose_model();
        }
    }
    field(ui, "Model that clients ask for", "gpt-4o", &mut form.model);
    if form.is_model_proposed() {
        widgets::note(ui, theme, "Taken from the deployment's name. Change it if your clients ask for another.");
    }
    told
}

fn key(ui: &mut Ui, cx: &PageCx, state: &mut State) {
    let Some(form) = &mut state.adding else { return };
    if let Some(variable) = &form.environment {
        let text = format!("The key is read from ${variable} whenever Tidegate starts.");
        if kept(ui, cx.theme, &text, "Store a key instead") {
            form.environment = None;
        }
        return;
    }
    keyring_line::where_to(ui, cx);
    if may_choose(cx) {
        radio_value(ui, &mut state.in_memory, false, "Store it in the keyring as soon as that answers");
        radio_value(ui, &mut state.in_memory, true, "Keep it in memory until Tidegate quits")
            .on_hover_text(super::WITHOUT_KEYRING);
    }
    key_field::promise(ui, cx.theme);
    if form.key.is_some() {
        if kept(ui, cx.theme, "A key was pasted and is taken up with the account.", "Forget it") {
            form.key = None;
        }
        return;
    }
    state.new_key.show(ui, cx.theme, "Key", Some(form.service));
    form.entered |= state.new_key.is_entered();
    ui.horizontal_wrapped(|ui| {
        for variable in &cx.snapshot.profile.environment_keys {
            if ui
                .button(format!("Use ${variable}"))
                .on_hover_text("Only its name goes into the configuration")
                .clicked()
            {
                form.environment = Some(variable.clone());
            }
        }
    });
}

/// A settled key with a way back; true if the person takes it.
fn kept(ui: &mut Ui, theme: &Theme, text: &str, back: &str) -> bool {
    ui.horizontal_wrapped(|ui| {
        widgets::status_label(ui, theme, Tone::Ok, text);
        ui.button(back).clicked()
    })
    .inner
}

fn finish(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let joined = joined(cx, state);
    let asked = asked(cx, state, joined.as_ref());
    let Some(form) = &mut state.adding else { return };
    let missing = form.missing();
    if !missing.is_empty() {
        ui.label(RichText::new(format!("Still missing: {}.", missing.join(", "))).color(cx.theme.text_soft));
    }
    let (mut add, mut cancel) = (false, false);
    ui.horizontal_wrapped(|ui| {
        let ready = missing.is_empty() && form.name_problem(cx.draft.working()).is_none();
        let word = if joined.is_some() { "Add endpoint" } else { "Add account" };
        let button = ui.add_enabled_ui(ready, |ui| widgets::primary_button(ui, cx.theme, word)).inner;
        let keyless = form.key.is_none() && form.environment.is_none() && state.new_key.is_empty();
        let enter = ready && form.entered;
        if enter && asked == Asked::Key && keyless {
            // One step is left, and nothing is added in passing.
            state.new_key = KeyField::opened();
        } else if enter && !form.whole {
            // Enter filled something in; that is to be seen before it is added.
            button.request_focus();
        } else {
            add = enter;
        }
        add |= button.clicked();
        cancel = ui.button("Cancel").clicked();
    });
    let text =
        "It goes into the draft: nothing is sent there before you test its key or apply it, at the foot of the window.";
    let tested = if asked == Asked::Key { " Applied, its key is tested by itself." } else { "" };
    widgets::note(ui, cx.theme, &format!("{text}{tested}"));
    if add {
        let id = form.account_id();
        let pasted = form.key.is_some() || state.new_key.was_pasted();
        let key = form.key.take().or_else(|| state.new_key.take());
        if asked == Asked::Nothing {
            form.environment = None;
        }
        let key = key.filter(|_| form.environment.is_none() && asked != Asked::Nothing);
        let label =
            if joined.is_some() { format!("add an endpoint to account {id}") } else { format!("add account {id}") };
        let mut endpoint = None;
        cx.draft.edit(label, |config| endpoint = Some(form.add_to(config)));
        if let (Some(endpoint), true) = (endpoint, joined.is_some()) {
            let route = if form.with_route { format!(" and route {}", form.model.trim()) } else { String::new() };
            cx.toast(Tone::Info, format!("{endpoint} joins account {id}{route} once you apply the draft."));
        }
        // Without a key there is nothing to test, and the account's card offers to add one.
        if key.is_some() || form.environment.is_some() {
            state.fresh = Some(id.clone());
        }
        if let Some(key) = key {
            let hold = state.in_memory && may_choose(cx);
            state.clipboard = pasted.then(|| id.clone());
            cx.send(Command::Key(if hold { KeyCommand::Hold(id, key) } else { KeyCommand::Set(id, key) }));
        }
    }
    if add || cancel {
        state.new_key.wipe();
        state.paste.wipe();
        state.adding = None;
    }
}

/// Whether a key could wait for a keyring that does not answer, so that the person chooses.
fn may_choose(cx: &PageCx) -> bool {
    !cx.snapshot.profile.demo && !super::answers(&cx.snapshot.keys.keyring)
}
