//! The network: where we listen, whom the door lets in, and how long we wait for services.
//!
//! Invariant: everything here goes through the draft; nobody is offered to be seen on the network before a caller has a token.
//! Absent on purpose: tokens themselves; callers have them (`callers`).

use egui::{RichText, Ui};

use super::usual;
use crate::model::config::{Listen, is_host, is_origin};
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::findings;
use crate::ui::keyless;
use crate::ui::theme::{Tone, mono};
use crate::ui::widgets::{checkbox, note, on_or_off, radio, unapplied};

const LOOPBACK: &str = "127.0.0.1";
const EVERYWHERE: &str = "0.0.0.0";

/// What is being typed.
#[derive(Debug, Default)]
pub(super) struct State {
    host: String,
    origin: String,
}

/// Shows the control of one setting.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, slug: &str) {
    match slug {
        "address" => address(ui, cx),
        "port" => port(ui, cx),
        "token" => token(ui, cx),
        "hosts" => hosts(ui, cx, state),
        _ => origins(ui, cx, state),
    }
}

/// Who can reach us.
fn address(ui: &mut Ui, cx: &mut PageCx) {
    let now = cx.draft.working().listen.address.clone();
    let set = |cx: &mut PageCx, address: &str| {
        let address = address.to_owned();
        cx.draft.edit(format!("Listen at {address}"), |config| config.listen.address = address);
    };
    let anybody = cx.snapshot.door.anybody_can_enter();
    ui.horizontal_wrapped(|ui| {
        for (address, word, allowed) in
            [(LOOPBACK, "This computer only", true), (EVERYWHERE, "This network", anybody || now == EVERYWHERE)]
        {
            let choice = ui.add_enabled_ui(allowed, |ui| radio(ui, now == address, word)).inner;
            let choice = if now == address { mark(ui, cx, choice, |listen| listen.address.clone()) } else { choice };
            if choice.clicked() {
                set(cx, address);
            }
        }
        if now != LOOPBACK && now != EVERYWHERE {
            ui.label(mono(&now));
        }
        if usual(ui, cx, "Listen address", now == Listen::default().address, "this computer only") {
            set(cx, LOOPBACK);
        }
    });
    findings::show(ui, cx, "listen", None);
    if !anybody {
        ui.horizontal_wrapped(|ui| {
            note(ui, cx.theme, "Others on the network are let in by a caller's token only, and no caller has one yet.");
            if ui.link("Make one").clicked() {
                cx.open(Target::Setting("callers"));
            }
        });
    }
    if let Some(visible) = &cx.snapshot.door.visible_as {
        let text = format!("Other computers reach Tidegate at http://{visible}/v1.");
        ui.label(RichText::new(text).color(cx.theme.tone(Tone::Near)));
    }
}

/// Where clients find us.
fn port(ui: &mut Ui, cx: &mut PageCx) {
    let (now, usually) = (cx.draft.working().listen.port, Listen::default().port);
    let set = |cx: &mut PageCx, port: u16| {
        cx.draft.adjust("port", format!("Listen on port {port}"), |config| config.listen.port = port);
    };
    ui.horizontal_wrapped(|ui| {
        let mut port = now;
        // A port that is half typed is another port.
        let field = ui.add(egui::DragValue::new(&mut port).range(0..=u16::MAX).update_while_editing(false));
        ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Port number"));
        let field = mark(ui, cx, field, |listen| listen.port.to_string());
        if port != now {
            set(cx, port);
        }
        if field.lost_focus() || field.drag_stopped() {
            cx.draft.settle();
        }
        if usual(ui, cx, "Port", now == usually, &usually.to_string()) {
            set(cx, usually);
        }
    });
    if let Some(launch) = cx.snapshot.launch_port {
        ui.label(RichText::new(given_at_launch(launch, now)).color(cx.theme.tone(Tone::Near)));
    }
}

/// What the setting is good for while another port was given at launch.
fn given_at_launch(launch: u16, set: u16) -> String {
    let given = match launch {
        0 => "Tidegate was started with --port 0, so it took any free port, and keeps it until it quits.".to_owned(),
        _ => format!("Tidegate was started with --port {launch}, and listens there until it quits."),
    };
    if launch == set {
        return format!("{given} That is the same as this setting.");
    }
    format!("{given} This setting is kept and counts from the next start without --port.")
}

/// Whether this computer's own programs need a token, too.
fn token(ui: &mut Ui, cx: &mut PageCx) {
    let listen = &cx.draft.working().listen;
    let (required, always) = (listen.require_token, !listen.is_loopback());
    let mut asks = required || always;
    let label = "Every request needs a caller's token";
    ui.horizontal_wrapped(|ui| {
        let switch = ui.add_enabled_ui(!always, |ui| checkbox(ui, &mut asks, label)).inner;
        let switch = mark(ui, cx, switch, |listen| on_or_off(listen.require_token).to_owned());
        if switch.on_disabled_hover_text("Always so where other computers can reach Tidegate").changed() {
            let step = if asks { "Ask every request for a token" } else { "Ask no token on this computer" };
            cx.draft.edit(step, |config| config.listen.require_token = asks);
        }
        if !always && usual(ui, cx, "Caller token", !required, "no token needed") {
            cx.draft.edit("Ask no token on this computer", |config| config.listen.require_token = false);
        }
    });
    if always {
        note(ui, cx.theme, "Always so where other computers can reach Tidegate.");
    } else if asks {
        note(ui, cx.theme, "A request without one gets a 401, and nothing is sent to a service.");
    } else {
        note(ui, cx.theme, "Any text works as the key; a caller's token says whose request it is.");
    }
}

/// Names of ours besides the usual ones.
fn hosts(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let list = cx.draft.working().listen.allowed_hosts.clone();
    let words = Words {
        what: "name",
        name: "Another name",
        hint: "tidegate.lan",
        wrong: "A name alone, without http:// and port.",
        runs: |listen| listed(&listen.allowed_hosts),
    };
    let none = usual(ui, cx, "Other names", list.is_empty(), "none").then(Vec::new);
    if let Some(list) = texts(ui, cx, &words, &mut state.host, &list, is_host).or(none) {
        cx.draft.edit("Change the names of this computer", |config| config.listen.allowed_hosts = list);
    }
}

/// Web pages that may ask.
fn origins(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let list = cx.draft.working().listen.allowed_origins.clone();
    let wrong = "Write it like https://app.example, without a path. All pages at once cannot be allowed.";
    let runs = |listen: &Listen| listed(&listen.allowed_origins);
    let words = Words { what: "page", name: "Origin of a web page", hint: "https://app.example", wrong, runs };
    let none = usual(ui, cx, "Web pages", list.is_empty(), "none").then(Vec::new);
    if let Some(list) = texts(ui, cx, &words, &mut state.origin, &list, is_origin).or(none) {
        cx.draft.edit("Change which web pages may ask", |config| config.listen.allowed_origins = list);
    }
}

struct Words {
    what: &'static str,
    name: &'static str,
    hint: &'static str,
    wrong: &'static str,
    runs: fn(&Listen) -> String,
}

/// Marks a control of which something else runs than the draft says.
fn mark(ui: &Ui, cx: &PageCx, control: egui::Response, of: impl Fn(&Listen) -> String) -> egui::Response {
    let runs = of(&cx.draft.base().listen);
    let differs = runs != of(&cx.draft.working().listen);
    unapplied(ui, cx.theme, control, differs.then_some(runs))
}

/// A list in a sentence.
fn listed(list: &[String]) -> String {
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}

/// A list of short texts, each with a way out, and a field for one more. Returns the list if it changes.
fn texts(
    ui: &mut Ui,
    cx: &mut PageCx,
    words: &Words,
    typed: &mut String,
    list: &[String],
    fits: fn(&str) -> bool,
) -> Option<Vec<String>> {
    let mut changed = None;
    for (place, text) in list.iter().enumerate() {
        ui.horizontal_wrapped(|ui| {
            ui.label(mono(text).color(cx.theme.text));
            let remove = ui.button("Remove");
            ui.ctx().accesskit_node_builder(remove.id, |node| node.set_label(format!("Remove {} {text}", words.what)));
            if remove.clicked() {
                let kept = list.iter().enumerate().filter(|(other, _)| *other != place);
                changed = Some(kept.map(|(_, text)| text.clone()).collect());
            }
        });
    }
    let mut field = keyless::labelled(ui, cx.theme, words.name, words.hint, typed);
    field.response = mark(ui, cx, field.response, words.runs);
    if field.to_accounts {
        cx.go(Page::Accounts);
    }
    let text = typed.trim().to_owned();
    let entered = field.response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    let ready = fits(&text) && !list.contains(&text);
    let add = ui.add_enabled(ready, egui::Button::new(format!("Add {}", words.what)));
    if !text.is_empty() && !fits(&text) {
        note(ui, cx.theme, words.wrong);
    }
    if ready && (add.clicked() || entered) {
        typed.clear();
        changed = Some(list.iter().cloned().chain([text]).collect());
    }
    changed
}
