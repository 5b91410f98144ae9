//! The Accounts page: base addresses and their keys, which can be written and tested but never read.
//!
//! Invariant: a key leaves this page in one `KeyCommand` and is wiped from its field in the same frame; no label,
//! tooltip or accessible value ever holds it.
//! Absent on purpose: callers' tokens. They are not for services; Settings has them.

mod add;
mod clipboard;
mod fields;
pub mod form;
mod groups;
pub mod intake;
mod key_field;
mod keyring_line;
mod models;
mod offered;
mod rotate;
mod source;

use egui::{RichText, Ui};

use crate::contract::snapshot::{AccountKey, KeyState, KeyTest, KeyringState};
use crate::contract::{Command, KeyCommand};
use crate::model::config::{Account, Credential, Service};
use crate::model::id::{AccountId, EndpointId};
use crate::model::status::EndpointView;
use crate::ui::actions::Action;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::findings;
use crate::ui::flash;
use crate::ui::format::count;
use crate::ui::key_test;
use crate::ui::status;
use crate::ui::theme::{Tone, gap, mono, strong};
use crate::ui::widgets;

use form::Form;
use key_field::KeyField;

/// This page's view state. It never holds a key longer than the person takes to send it.
#[derive(Debug, Default)]
pub struct State {
    adding: Option<Form>,
    paste: KeyField,
    new_key: KeyField,
    /// The account whose key is being replaced.
    entering: Option<(AccountId, KeyField)>,
    /// The account whose key is to come from elsewhere.
    source: Option<(AccountId, source::Source)>,
    /// The account whose key will be deleted if the person says so again.
    confirming: Option<AccountId>,
    /// The account whose key was pasted last and may be on the clipboard still.
    clipboard: Option<AccountId>,
    wanted: Option<AccountId>,
    /// What is being typed, and where.
    typed: Option<(AccountId, &'static str, String)>,
    /// What the inspector shows.
    hand: Option<AccountId>,
    /// The form is to be scrolled to.
    to_form: bool,
    /// Since when the keyring owes an answer.
    asking: keyring_line::Asking,
    /// The form was opened by itself once, as there was no account.
    offered: bool,
    /// A new key is to be kept in memory, whatever the keyring does.
    in_memory: bool,
    /// An account whose new key is tested as soon as it is applied.
    fresh: Option<AccountId>,
    /// An account whose next key is tested as soon as it is kept, with the fingerprint of the one before.
    fresh_next: Option<(AccountId, Option<String>)>,
    /// An account whose next key only has to be switched to, once its test is over, with the fingerprint of the one before.
    to_switch: Option<(AccountId, Option<String>)>,
}

impl State {
    /// Opens the form for an account whose key is in this environment variable.
    pub fn begin_with(&mut self, variable: String) {
        (self.adding, self.offered) = (Some(Form::with_key_from(variable)), true);
    }
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    if let Some(Target::Account(account)) = cx.take_target() {
        state.hand = Some(account.clone());
        state.wanted = Some(account);
    }
    if cx.take(Action::New) {
        if state.adding.is_none() {
            (state.adding, state.paste) = (Some(Form::default()), KeyField::opened());
        }
        state.paste.want();
        state.to_form = true;
    }
    if cx.take(Action::ReplaceKey)
        && let Some(account) = &state.hand
    {
        state.entering = Some((account.clone(), KeyField::opened()));
        state.wanted = Some(account.clone());
    }
    widgets::page_title(ui, cx.theme, "Accounts", "Where keys live, and whether they are good");
    keyring_line::ask_early(cx, state);
    keyring_line::show(ui, cx, &mut state.asking);
    test_when_applied(cx, state);
    rotate::test_when_kept(cx, state);
    ui.add_space(gap::M);
    let config = std::sync::Arc::clone(cx.draft.working());
    if config.accounts.is_empty() {
        ui.label(match &cx.snapshot.keys.keyring {
            KeyringState::Missing { .. } => "No keys stored. A key is never shown again.",
            _ => "No keys stored. Keys go to your system keyring and are never shown again.",
        });
        ui.add_space(gap::M);
        if !state.offered {
            state.offered = true;
            (state.adding, state.paste) = (Some(Form::default()), KeyField::opened());
        }
    }
    if let Some(step) = cx.take_row_step() {
        let shown: Vec<&Account> = groups::groups(&config).into_iter().flat_map(|group| group.accounts).collect();
        let at = shown.iter().position(|account| Some(&account.id) == state.hand.as_ref());
        let next = step.from(at, shown.len()).and_then(|place| shown.get(place));
        (state.hand, state.wanted) = (next.map(|one| one.id.clone()), next.map(|one| one.id.clone()));
    }
    let groups = groups::groups(&config);
    for group in &groups {
        groups::heading(ui, cx, group, groups.len() > 1);
        for account in &group.accounts {
            card_in_list(ui, cx, state, account);
        }
    }
    if cx.snapshot.profile.demo {
        leave_demo(ui, cx);
    }
    let form = ui.scope(|ui| add::show(ui, cx, state)).response;
    if std::mem::take(&mut state.to_form) {
        form.scroll_to_me(Some(egui::Align::TOP));
    }
    findings::show(ui, cx, "account", None);
    ui.add_space(gap::XL);
    cx.select(state.hand.clone().map(Target::Account));
}

/// Whoever added a key wants to know whether it is good: it is tested by itself once it runs, which costs nothing. Before that a
/// key goes nowhere unasked.
fn test_when_applied(cx: &mut PageCx, state: &mut State) {
    let Some(account) = &state.fresh else { return };
    let key = cx.snapshot.keys.accounts.iter().find(|key| key.account == *account);
    let usable = key.is_some_and(|key| match &key.state {
        KeyState::InKeyring { .. } | KeyState::InMemory { .. } | KeyState::FromEnvironment { set: true, .. } => true,
        KeyState::FromCommand { problem, .. } => problem.is_none(),
        KeyState::Absent | KeyState::FromEnvironment { .. } | KeyState::NotNeeded => false,
    });
    if usable && cx.snapshot.applied.config.account(account).is_some() {
        cx.send(Command::Key(KeyCommand::Test(account.clone())));
        state.fresh = None;
    }
}

/// An account's card where it stands, which may be the one in hand or looked for.
fn card_in_list(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account) {
    let shown = ui.push_id(&account.id, |ui| account_card(ui, cx, state, account));
    if widgets::in_hand(ui, cx.theme, &shown.response, state.hand.as_ref() == Some(&account.id)) {
        state.hand = Some(account.id.clone());
    }
    flash::frame(ui, cx.theme, shown.response.rect, &Target::Account(account.id.clone()));
    if state.wanted.as_ref() == Some(&account.id) {
        shown.response.scroll_to_me(Some(egui::Align::TOP));
        state.wanted = None;
    }
    ui.add_space(gap::M);
}

/// What is added during the demo would go with it.
fn leave_demo(ui: &mut Ui, cx: &PageCx) {
    let text = "This is the demo: accounts added here go when it ends. Leave the demo above to add one that stays.";
    ui.label(RichText::new(text).color(cx.theme.text_soft));
    ui.add_space(gap::M);
}

fn account_card(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account) {
    let key = cx.snapshot.keys.accounts.iter().find(|key| key.account == account.id).cloned();
    widgets::card(ui, cx.theme, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.label(strong(account.id.to_string()));
            ui.label(RichText::new(service(account.service)).color(cx.theme.text_soft));
            if let Some(region) = &account.region {
                ui.label(RichText::new(region).color(cx.theme.text_soft));
            }
        });
        if !account.base_url.is_empty() {
            ui.label(mono(&account.base_url).color(cx.theme.text_soft));
        }
        ui.horizontal_wrapped(|ui| {
            let applied = cx.snapshot.applied.config.account(&account.id).is_some();
            let (tone, text) = match key.as_ref() {
                None if !applied && state.fresh.as_ref() == Some(&account.id) => {
                    (Tone::Info, "Not applied yet: apply it, and it is tested and used".to_owned())
                }
                None if applied => (Tone::Quiet, "Waiting for the keyring".to_owned()),
                key => key_state(key),
            };
            widgets::status_label(ui, cx.theme, tone, &text);
            if !applied && ui.button("Review and apply").clicked() {
                cx.review();
            }
        });
        stored_here(ui, cx, account);
        visited(ui, cx, account);
        if let Some(key) = &key {
            rotate::show(ui, cx, state, account, key);
        }
        buttons(ui, cx, state, account, key.as_ref());
        if rotate::is_kept(key.as_ref()) {
            rotate::paste(ui, cx, state, account);
        } else {
            first_key(ui, cx, state, account);
        }
        if state.clipboard.as_ref() == Some(&account.id) && clipboard::offer(ui, cx.theme) {
            state.clipboard = None;
        }
        source::show(ui, cx, state, account);
        fields::show(ui, cx, state, account);
        let keys = std::sync::Arc::clone(&cx.snapshot.keys);
        if let Some(test) = key_test::of_account(cx, &keys, account) {
            let runs = cx.snapshot.applied.config.account(&account.id) == Some(account);
            let what = if runs { "The key in use" } else { "As the draft has it" };
            key_test::lines(ui, cx.theme, what, test, cx.snapshot.wall_ms);
            first_use(ui, cx, &account.id, test);
            offered::models(ui, cx, account, &test.offered);
        }
        calls(ui, cx, &account.id);
    });
}

/// That requests for what it keeps leave it alone for now.
fn visited(ui: &mut Ui, cx: &PageCx, account: &Account) {
    let Some(seen) = cx.snapshot.view.visited.iter().find(|seen| seen.account == account.id) else { return };
    let status = status::health(seen.health, cx.snapshot.at);
    widgets::status_label(ui, cx.theme, status.tone, &format!("Files and stored items: {}", status.word));
}

/// How much of what clients refer to is known to lie in this account.
fn stored_here(ui: &mut Ui, cx: &PageCx, account: &Account) {
    let Some(kept) = cx.snapshot.view.kept.iter().find(|kept| kept.account == account.id) else { return };
    let text = format!("Holds {} that requests refer to", count(u64::from(kept.known), "stored item", "stored items"));
    ui.label(RichText::new(text).color(cx.theme.text_soft)).on_hover_text(
        "Responses, conversations, files and sealed reasoning. Requests that refer to them go to this account and wait for \
         it: no other could read them.",
    );
}

/// The kind of service in words.
pub(super) const fn service(service: Service) -> &'static str {
    match service {
        Service::Openai => "OpenAI",
        Service::Azure => "Azure OpenAI",
        Service::Compatible => "OpenAI-compatible",
        Service::Simulated => "Simulated",
    }
}

fn key_state(key: Option<&AccountKey>) -> (Tone, String) {
    match key.map(|key| &key.state) {
        None => (Tone::Info, "Not applied yet, so not used and not tested".to_owned()),
        Some(KeyState::Absent) => (Tone::Error, "No key".to_owned()),
        Some(KeyState::InKeyring { fingerprint }) => {
            (Tone::Ok, format!("Key in the keyring · fingerprint {fingerprint}"))
        }
        Some(KeyState::InMemory { fingerprint }) => {
            (Tone::Near, format!("Key in memory until you quit · fingerprint {fingerprint}"))
        }
        Some(KeyState::FromEnvironment { variable, set: true }) => (Tone::Ok, format!("Key from ${variable}")),
        Some(KeyState::FromEnvironment { variable, set: false }) => (Tone::Error, format!("${variable} is not set")),
        Some(KeyState::FromCommand { program, problem: None }) => (Tone::Ok, format!("Token from {program}")),
        Some(KeyState::FromCommand { problem: Some(problem), .. }) => {
            (Tone::Error, format!("Token not renewed: {problem}"))
        }
        Some(KeyState::NotNeeded) => (Tone::Quiet, "Simulated, needs no key".to_owned()),
    }
}

fn buttons(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account, key: Option<&AccountKey>) {
    if account.service == Service::Simulated {
        return;
    }
    let id = &account.id;
    let stored = rotate::is_kept(key);
    let from_keyring = matches!(account.credential, Credential::Keyring(_));
    let keys = std::sync::Arc::clone(&cx.snapshot.keys);
    let testing = key_test::of_account(cx, &keys, account).is_some_and(|test| test.finished_wall_ms.is_none());
    ui.horizontal_wrapped(|ui| {
        // Until it is applied nobody says where its key is; one that was just given need not be asked for again.
        let given = key.is_none() && state.fresh.as_ref() == Some(id);
        if from_keyring && !given && ui.button(if stored { "Replace key" } else { "Add key" }).clicked() {
            state.entering = Some((id.clone(), KeyField::opened()));
        }
        if ui.button("Key source").on_hover_text("Keyring, environment variable, or a command").clicked() {
            state.source = Some((id.clone(), source::Source::of(account)));
        }
        let word = if testing { "Testing …" } else { "Test key" };
        let test = ui.add_enabled(!testing, egui::Button::new(word));
        let runs = cx.snapshot.applied.config.account(id) == Some(account);
        let test = test.on_hover_text(if runs {
            "Asks the service, with the key that is used now, for its models and for each deployment. Costs nothing."
        } else {
            "Asks the service as the draft has it, with the account's key, for its models and for each deployment. Costs nothing and \
             applies nothing."
        });
        if test.clicked() {
            key_test::test(cx, id);
        }
        let own = endpoints_of(cx, id);
        if !own.is_empty() {
            ui.menu_button("Test call", |ui| {
                ui.set_max_width(320.0);
                key_test::ask(ui, cx, &own);
            });
        }
        delete_key(ui, cx, state, id, stored);
        let remove = ui.button("Remove account");
        if remove
            .on_hover_text("With its endpoints, in the draft; can be undone. The key stays until deleted.")
            .clicked()
        {
            cx.draft.edit(format!("remove account {id}"), |config| form::remove_account(config, id));
        }
    });
}

/// Deleting asks once: keys are outside undo.
fn delete_key(ui: &mut Ui, cx: &mut PageCx, state: &mut State, id: &AccountId, stored: bool) {
    if state.confirming.as_ref() != Some(id) {
        if stored && ui.button("Delete key").clicked() {
            state.confirming = Some(id.clone());
        }
        return;
    }
    ui.label("Delete this key for good?");
    if ui.button(RichText::new("Delete").color(cx.theme.tone(Tone::Error))).clicked() {
        cx.send(Command::Key(KeyCommand::Remove(id.clone())));
        state.confirming = None;
    }
    if ui.button("Keep").clicked() {
        state.confirming = None;
    }
}

const WITHOUT_KEYRING: &str =
    "The keyring does not answer; without it the key is used at once and forgotten when you quit";

/// Whether a key that is to be stored is taken up at once: by the keyring, or where there is none by memory.
const fn answers(keyring: &KeyringState) -> bool {
    matches!(keyring, KeyringState::Ready | KeyringState::Missing { .. })
}

/// Pasting a key where there is none: it is used at once.
fn first_key(ui: &mut Ui, cx: &mut PageCx, state: &mut State, account: &Account) {
    let Some((_, field)) = state.entering.as_mut().filter(|(id, _)| *id == account.id) else { return };
    let name = format!("Key of {}", account.id);
    keyring_line::where_to(ui, cx);
    key_field::promise(ui, cx.theme);
    field.show(ui, cx.theme, &name, Some(account.service));
    let (mut done, mut sent) = (false, false);
    let (entered, pasted) = (field.is_entered() && !field.is_empty(), field.was_pasted());
    let answers = answers(&cx.snapshot.keys.keyring);
    ui.horizontal_wrapped(|ui| {
        let ready = !field.is_empty();
        let save = ui.add_enabled_ui(ready, |ui| widgets::primary_button(ui, cx.theme, "Save key")).inner.clicked();
        let hold = || egui::Button::new("Keep it until Tidegate quits");
        let hold = !answers && ui.add_enabled(!field.is_empty(), hold()).on_hover_text(WITHOUT_KEYRING).clicked();
        if save || hold || entered {
            let order = if hold { KeyCommand::Hold } else { KeyCommand::Set };
            match field.take() {
                Some(key) => {
                    sent = cx.send(Command::Key(order(account.id.clone(), key))).is_some();
                    done = sent;
                }
                None => cx
                    .toast(Tone::Error, "There is no key in what was pasted. Copy it again from your provider's page."),
            }
        }
        if ui.button("Cancel").clicked() {
            field.wipe();
            done = true;
        }
    });
    if done {
        state.entering = None;
    }
    if sent {
        state.clipboard = pasted.then(|| account.id.clone());
        state.fresh = Some(account.id.clone());
    }
}

/// The way on from a key that is good to a first request, while there was none.
fn first_use(ui: &mut Ui, cx: &mut PageCx, account: &AccountId, test: &KeyTest) {
    let mut own = cx.snapshot.view.endpoints.iter().filter(|one| one.account == *account).peekable();
    let served = &cx.snapshot.history.usage.served;
    let is_unused = |one: &EndpointView| one.counters.attempts == 0 && !served.contains(&one.id);
    let unused = !cx.snapshot.history.reading && own.peek().is_some() && own.all(is_unused);
    if rotate::is_good(test) && unused {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("No request of yours went there yet.").color(cx.theme.text_soft));
            if ui.button("Send a request, or point a tool here").clicked() {
                cx.go(Page::Connect);
            }
        });
    }
}

/// What single calls to the account's endpoints came to, each under the endpoint's name.
fn calls(ui: &mut Ui, cx: &mut PageCx, account: &AccountId) {
    for id in endpoints_of(cx, account) {
        let keys = std::sync::Arc::clone(&cx.snapshot.keys);
        if let Some(test) = key_test::call_of(cx, &keys, &id) {
            let what = format!("One token of {id}");
            key_test::lines(ui, cx.theme, &what, test, cx.snapshot.wall_ms);
            key_test::offer_limits(ui, cx, &id, &test.offered);
        }
    }
}

/// Those of the account, in the draft.
fn endpoints_of(cx: &PageCx, account: &AccountId) -> Vec<EndpointId> {
    let all = cx.draft.working().endpoints.iter().filter(|one| one.account == *account);
    all.map(|one| one.id.clone()).collect()
}

#[cfg(test)]
#[path = "accounts/rotate_tests.rs"]
mod tests;
