//! Where we listen and where things are.
//!
//! Invariant: the list of sockets is what is open, not what was wanted.
//! Absent on purpose: showing what is in a folder; the desktop does.

use egui::{Grid, RichText, Ui};

use super::usual;
use crate::contract::{Command, ConfigCommand, Folder};
use crate::model::config::Listen;
use crate::ui::cx::{Page, PageCx};
use crate::ui::findings;
use crate::ui::theme::{gap, mono};
use crate::ui::widgets::note;

const LOOPBACK: &str = "127.0.0.1";
const EVERYWHERE: &str = "0.0.0.0";

/// Who can reach us.
pub(super) fn address(ui: &mut Ui, cx: &mut PageCx) {
    let now = cx.draft.working().listen.address.clone();
    let set = |cx: &mut PageCx, address: &str| {
        let address = address.to_owned();
        cx.draft.edit(format!("Listen at {address}"), |config| config.listen.address = address);
    };
    ui.horizontal_wrapped(|ui| {
        for (address, word) in [(LOOPBACK, "This computer only"), (EVERYWHERE, "This network")] {
            if ui.radio(now == address, word).clicked() {
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
    if now != LOOPBACK && cx.draft.working().callers.is_empty() {
        note(
            ui,
            cx.theme,
            "Others on the network are let in by a caller's token only. Add callers in the configuration first.",
        );
    }
}

/// Where clients find us.
pub(super) fn port(ui: &mut Ui, cx: &mut PageCx) {
    let (now, usually) = (cx.draft.working().listen.port, Listen::default().port);
    let set = |cx: &mut PageCx, port: u16| {
        cx.draft.adjust("port", format!("Listen on port {port}"), |config| config.listen.port = port);
    };
    ui.horizontal_wrapped(|ui| {
        let mut port = now;
        let field = ui.add(egui::DragValue::new(&mut port).range(0..=u16::MAX));
        ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Port number"));
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
}

/// Everything that is open.
pub(super) fn sockets(ui: &mut Ui, cx: &mut PageCx) {
    let snapshot = std::sync::Arc::clone(cx.snapshot);
    if snapshot.sockets.is_empty() {
        ui.label(RichText::new("None is open.").color(cx.theme.text_soft));
    }
    Grid::new("sockets").num_columns(2).spacing([gap::XL, gap::S]).show(ui, |ui| {
        for socket in &snapshot.sockets {
            ui.label(mono(&socket.address).color(cx.theme.text));
            ui.add(egui::Label::new(RichText::new(socket.why).color(cx.theme.text_soft)).wrap());
            ui.end_row();
        }
    });
    if ui.button("See how to point a tool here").clicked() {
        cx.go(Page::Connect);
    }
}

/// The folders, to copy.
pub(super) fn folders(ui: &mut Ui, cx: &mut PageCx) {
    let profile = &cx.snapshot.profile;
    let rows = [
        ("Configuration", "routes, limits and accounts without keys", profile.config_path.clone(), Folder::Config),
        ("Data", "history, revisions, where stored responses lie", profile.data_dir.clone(), Folder::Data),
        ("State", "the lock of this instance and how the window looks", profile.state_dir.clone(), Folder::State),
    ];
    for (name, what, path, folder) in rows {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(name).color(cx.theme.text));
            note(ui, cx.theme, what);
        });
        path_row(ui, cx, name, &path, Some(folder));
    }
    note(ui, cx.theme, "Prompts, answers and keys are in none of them. Nothing is sent to anybody but your endpoints.");
}

fn path_row(ui: &mut Ui, cx: &mut PageCx, name: &str, path: &str, folder: Option<Folder>) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(path).monospace().small().color(cx.theme.text_soft));
        let button = ui.small_button("Copy path");
        ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(format!("Copy path: {name}")));
        if button.clicked() {
            ui.ctx().copy_text(path.to_owned());
        }
        let Some(folder) = folder else { return };
        let button = ui.small_button("Open folder");
        ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(format!("Open folder: {name}")));
        if button.clicked() {
            cx.send(Command::Reveal(folder));
        }
    });
}

/// The configuration file.
pub(super) fn file(ui: &mut Ui, cx: &mut PageCx) {
    let path = cx.snapshot.profile.config_path.clone();
    path_row(ui, cx, "Configuration file", &path, None);
    if ui.button("Reload the file").clicked() {
        cx.send(Command::Config(ConfigCommand::Reload));
    }
}
