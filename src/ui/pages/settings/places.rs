//! What is open, and where things are.
//!
//! Invariant: the list of sockets is what is open, not what was wanted.
//! Absent on purpose: showing what is in a folder; the desktop does.

use egui::{Grid, RichText, Ui};

use crate::contract::{Command, ConfigCommand, Folder};
use crate::ui::cx::{Page, PageCx};
use crate::ui::theme::{gap, mono};
use crate::ui::widgets::note;

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
        let button = ui.button("Copy path");
        ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(format!("Copy path: {name}")));
        if button.clicked() {
            ui.ctx().copy_text(path.to_owned());
        }
        let Some(folder) = folder else { return };
        let button = ui.button("Open folder");
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
    ui.horizontal_wrapped(|ui| {
        if ui.button("Open the file").on_hover_text("In your editor; Tidegate sees when it is saved").clicked() {
            cx.send(Command::Reveal(Folder::ConfigFile));
        }
        if ui.button("Reload the file").clicked() {
            cx.send(Command::Config(ConfigCommand::Reload));
        }
    });
}
