//! How requests leave this computer: straight, as the system says, or through a proxy.
//!
//! Invariant: an address goes into the draft whole, and one with a password in it is never kept.
//! Absent on purpose: asking whether the proxy is there; the next request shows it.

use egui::{Key, Ui};

use super::usual;
use crate::model::config::{UpstreamWay, Way, is_proxy};
use crate::ui::cx::{Page, PageCx};
use crate::ui::findings;
use crate::ui::keyless;
use crate::ui::widgets::{note, radio, unapplied};

/// What is being typed; `None`: nothing.
#[derive(Debug, Default)]
pub(super) struct State {
    typed: Option<String>,
}

/// Shows the control.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let now = cx.draft.working().upstream.clone();
    let way = now.way();
    let through = matches!(way, Some(Way::Through(_)) | None);
    let runs = cx.draft.base().upstream.clone();
    let runs = (runs != now).then(|| match runs.way() {
        Some(Way::Straight) => "straight".to_owned(),
        Some(Way::System) => "as the system says".to_owned(),
        Some(Way::Through(address)) => address.to_owned(),
        None => "no address".to_owned(),
    });
    ui.horizontal_wrapped(|ui| {
        for (word, value, chosen) in [
            ("Straight", UpstreamWay::NONE, way == Some(Way::Straight)),
            ("As the system says", UpstreamWay::SYSTEM, way == Some(Way::System)),
        ] {
            let choice = radio(ui, chosen && state.typed.is_none(), word);
            if unapplied(ui, cx.theme, choice, runs.clone().filter(|_| chosen)).clicked() {
                state.typed = None;
                set(cx, value);
            }
        }
        let choice = radio(ui, through || state.typed.is_some(), "Through a proxy");
        if unapplied(ui, cx.theme, choice, runs.clone().filter(|_| through)).clicked() {
            let known = if through { now.proxy.clone() } else { String::new() };
            state.typed.get_or_insert(known);
        }
        if usual(ui, cx, "Upstream proxy", now == UpstreamWay::default(), "straight") {
            state.typed = None;
            set(cx, UpstreamWay::NONE);
        }
    });
    if through && state.typed.is_none() && !now.proxy.contains('@') {
        state.typed = Some(now.proxy.clone());
    }
    address(ui, cx, state, &now);
    let words = match way {
        Some(Way::System) => {
            "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY count as they were when Tidegate started; user names and passwords \
             belong there."
        }
        _ => {
            "The proxy opens a tunnel: of an https address it sees the name, and no key, prompt or answer. This computer's own addresses \
             are reached straight. New connections take the new way; open ones end as they are."
        }
    };
    note(ui, cx.theme, words);
    findings::show(ui, cx, "upstream", None);
}

fn address(ui: &mut Ui, cx: &mut PageCx, state: &mut State, now: &UpstreamWay) {
    let Some(typed) = &mut state.typed else { return };
    let field = keyless::labelled(ui, cx.theme, "Address of the proxy", "http://proxy.example:3128", typed);
    if field.to_accounts {
        cx.go(Page::Accounts);
    }
    let text = typed.trim().to_owned();
    if !text.is_empty() && !is_proxy(&text) {
        note(ui, cx.theme, "Write it like http://proxy.example:3128, without a user name or password.");
    }
    let entered = field.response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let ready = is_proxy(&text) && text != now.proxy;
    if (ui.add_enabled(ready, egui::Button::new("Use this proxy")).clicked() || entered) && ready {
        set(cx, &text);
    }
}

fn set(cx: &mut PageCx, proxy: &str) {
    let way = UpstreamWay { proxy: proxy.to_owned() };
    let label = match way.way() {
        Some(Way::System) => "Send requests as the system says".to_owned(),
        Some(Way::Through(address)) => format!("Send requests through {address}"),
        Some(Way::Straight) | None => "Send requests straight".to_owned(),
    };
    cx.draft.edit(label, |config| config.upstream = way);
}
