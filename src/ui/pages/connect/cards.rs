//! The snippets: a selector for the shell and for the tool, and a card for each with copy, test and the way back.
//!
//! Invariant: "Test it" ticks only for a request that came after it was pressed, from a client that calls itself the tool.
//! Absent on purpose: running anything; the person runs it.

use egui::{ComboBox, Frame, Label, RichText, Ui};

use super::snippets::{Kind, Snippet, Snippets};
use crate::ui::cx::{PageCx, Target};
use crate::ui::format::ago;
use crate::ui::theme::{Tone, gap, mono, strong};
use crate::ui::widgets::{card, note, quiet_button};

/// What is shown, and what is being waited for.
#[derive(Debug, Default)]
pub(super) struct Cards {
    /// The snippet that is tested, and since when, as Unix milliseconds.
    waiting: Option<(String, u64)>,
}

/// Shows the selectors and the two cards they choose.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, cards: &mut Cards, snippets: &Snippets, base_url: &str, model: &str) {
    let waiting = &mut cards.waiting;
    let [mut shell, mut tool] = cx.preferences.snippets.clone();
    for (name, kinds, chosen) in
        [("Shell", &[Kind::Shell][..], &mut shell), ("Tool or library", &[Kind::Sdk, Kind::Tool][..], &mut tool)]
    {
        let Some(snippet) = select(ui, cx, name, kinds, chosen, snippets) else { continue };
        if snippet.tool == Kind::Sdk {
            note(ui, cx.theme, "Set the client's own retries to 0 or 1, otherwise its back-off fights ours.");
        }
        let text = snippet.fill(base_url, model, cx.snapshot.door.asks_token);
        card(ui, cx.theme, |ui| one(ui, cx, snippet, &text, waiting));
        ui.add_space(gap::M);
    }
    cx.preferences.snippets = [shell, tool];
    note(ui, cx.theme, &snippets.checked);
}

/// The snippet of the shell that a login of this person opens, which is what `SHELL` names.
fn of_shell(path: Option<&str>, windows: bool) -> &'static str {
    match path.map(|path| path.rsplit(['/', '\\']).next().unwrap_or(path)) {
        Some("fish") => "fish",
        Some("pwsh") => "powershell",
        None if windows => "powershell",
        _ => "bash",
    }
}

/// A selector over the snippets of some kinds; the one chosen.
fn select<'s>(
    ui: &mut Ui,
    cx: &PageCx,
    name: &str,
    kinds: &[Kind],
    chosen: &mut Option<String>,
    snippets: &'s Snippets,
) -> Option<&'s Snippet> {
    let all = || snippets.list.iter().filter(|snippet| kinds.contains(&snippet.tool));
    let usual = of_shell(std::env::var("SHELL").ok().as_deref(), cfg!(windows));
    let is = |id: &str| all().find(|snippet| snippet.id == id);
    let known = chosen.as_deref().and_then(is).or_else(|| is(usual)).or_else(|| all().next())?;
    let mut id = known.id.clone();
    ui.horizontal(|ui| {
        let label = ui.label(RichText::new(name).color(cx.theme.text_soft));
        ComboBox::from_id_salt(name)
            .selected_text(&known.title)
            .width(200.0)
            .show_ui(ui, |ui| {
                for snippet in all() {
                    ui.selectable_value(&mut id, snippet.id.clone(), &snippet.title);
                }
            })
            .response
            .labelled_by(label.id);
    });
    if id != known.id {
        *chosen = Some(id.clone());
    }
    is(&id)
}

fn one(ui: &mut Ui, cx: &mut PageCx, snippet: &Snippet, text: &str, waiting: &mut Option<(String, u64)>) {
    let theme = cx.theme;
    ui.horizontal_wrapped(|ui| {
        ui.label(strong(&snippet.title));
        note(ui, theme, &format!("checked on {}: {}", snippet.checked, snippet.how.word()));
    });
    Frame::new().fill(theme.field).stroke((1.0, theme.edge)).corner_radius(4).inner_margin(gap::M).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(Label::new(mono(text)).wrap().selectable(true));
    });
    ui.horizontal_wrapped(|ui| {
        if named(ui, "Copy", &format!("Copy {}", snippet.title)).clicked() {
            ui.ctx().copy_text(text.to_owned());
        }
        let tested = waiting.as_ref().is_some_and(|(id, _)| *id == snippet.id);
        let hint = "Waits for a request from this tool; run it once";
        if named(ui, "Test it", &format!("Test {}", snippet.title)).on_hover_text(hint).clicked() {
            *waiting = Some((snippet.id.clone(), cx.snapshot.wall_ms));
        }
        if tested {
            let since = waiting.as_ref().map_or(0, |(_, since)| *since);
            result(ui, cx, snippet, since);
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new("Undo this:").color(theme.text_soft));
        ui.label(RichText::new(&snippet.undo).color(theme.text_soft));
        if quiet_button(ui, theme, "Copy").on_hover_text(format!("Copy how to undo {}", snippet.title)).clicked() {
            ui.ctx().copy_text(snippet.undo.clone());
        }
    });
}

/// A button with a short word; its name says of which snippet.
fn named(ui: &mut Ui, word: &str, name: &str) -> egui::Response {
    let button = ui.button(word);
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(name.to_owned()));
    button
}

/// Whether the tool's request has come.
fn result(ui: &mut Ui, cx: &mut PageCx, snippet: &Snippet, since: u64) {
    let theme = cx.theme;
    let finished = cx.snapshot.records.iter().rev().take_while(|record| record.ended_wall_ms() >= since);
    let seen = finished.into_iter().find(|record| record.wall_ms >= since && snippet.is_from(&record.profile.client));
    if let Some(record) = seen {
        let tone = if record.is_answered_whole() { Tone::Ok } else { Tone::Error };
        ui.label(tone.icon().rich_text().color(theme.tone(tone)));
        let came = ago(record.ended_wall_ms(), cx.snapshot.wall_ms);
        ui.label(format!("{} answered {} {came}", record.profile.client, record.status));
        if quiet_button(ui, theme, "Why").on_hover_text(format!("Why {}", record.id)).clicked() {
            cx.open(Target::Request(record.id));
        }
        return;
    }
    let arrivals = &cx.snapshot.arrivals;
    let knocked = arrivals.last_wall_ms.is_some_and(|last| last >= since) && snippet.is_from(&arrivals.last_client);
    let text = if knocked { "It arrived and is being answered …" } else { "Waiting for its request …" };
    ui.label(RichText::new(text).color(theme.tone(Tone::Info)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_begins_with_the_persons_shell() {
        for (path, windows, snippet) in [
            (Some("/usr/bin/fish"), false, "fish"),
            (Some("/bin/zsh"), false, "bash"),
            (Some("/usr/bin/pwsh"), false, "powershell"),
            (None, true, "powershell"),
            (None, false, "bash"),
        ] {
            assert_eq!(of_shell(path, windows), snippet, "{path:?}");
        }
        let known = Snippets::built_in();
        assert!(["fish", "bash", "powershell"].iter().all(|id| known.list.iter().any(|one| one.id == *id)));
    }
}
