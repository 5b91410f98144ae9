//! Banners: a door open to the network, a taken port, a file that could not be read, a configuration with faults or that mixes simulated endpoints
//! with real ones, no listening at all.
//!
//! Invariant: each says what happened, what still works, and one next step.
//! Absent on purpose: anything that goes away by itself; those are toasts.

use egui::{Frame, Margin, Panel, RichText, Ui};

use super::{Wish, toasts};
use crate::contract::snapshot::{Applied, PortHeld, Serving};
use crate::contract::{Command, ConfigCommand, ServingCommand, Snapshot};
use crate::model::check::{Finding, Severity};
use crate::model::config::{Config, Listen};
use crate::model::units::regrouped;
use crate::ui::actions::Action;
use crate::ui::cx::{Page, Target};
use crate::ui::theme::{Theme, Tone};

struct Banner {
    tone: Tone,
    text: String,
    buttons: Vec<(String, Wish)>,
}

/// Shows every banner there is reason for, below the top bar.
pub(super) fn show(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, wanted: &mut Vec<Wish>) {
    for (place, banner) in all(snapshot).into_iter().enumerate() {
        let frame = Frame::new().fill(theme.bar(banner.tone)).inner_margin(Margin::symmetric(16, 6));
        Panel::top(("banner", place)).frame(frame).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.label(banner.tone.icon().rich_text().size(16.0).color(theme.tone(banner.tone)));
                ui.label(RichText::new(&banner.text).color(theme.text));
                for (label, wish) in banner.buttons {
                    if ui.button(label).clicked() {
                        wanted.push(wish);
                    }
                }
            });
        });
    }
}

fn all(snapshot: &Snapshot) -> Vec<Banner> {
    let mut banners = Vec::new();
    match &snapshot.serving {
        Serving::Listening { base_url, instead_of: Some(held), .. } => banners.push(port_taken(base_url, held)),
        Serving::Failed(problem) => banners.push(Banner {
            tone: Tone::Error,
            text: toasts::words(problem),
            buttons: this_computer_only(&snapshot.applied.config.listen)
                .into_iter()
                .chain([
                    ("Try again".to_owned(), Wish::Send(Command::Serving(ServingCommand::RetryPort))),
                    ("Choose…".to_owned(), Wish::Open(Target::Setting("address"))),
                    copy_details(&toasts::words(problem)),
                ])
                .collect(),
        }),
        _ => {}
    }
    if let Some(problem) = &snapshot.applied.file_problem {
        banners.push(Banner {
            tone: Tone::Error,
            text: toasts::words(problem),
            buttons: put_back(&snapshot.applied)
                .into_iter()
                .chain(file_buttons(&snapshot.profile.config_path))
                .chain([copy_details(&toasts::words(problem))])
                .collect(),
        });
    }
    if snapshot.on_disk.is_some() {
        banners.push(changed_on_disk(snapshot));
    }
    if let Some(visible) = &snapshot.door.visible_as {
        banners.push(Banner {
            tone: Tone::Near,
            text: format!("Visible on your network as {visible}. Callers need their tokens."),
            buttons: vec![(
                "This computer only".to_owned(),
                Wish::Send(Command::Serving(ServingCommand::ThisComputerOnly)),
            )],
        });
    }
    if snapshot.applied.config.mixes_simulated() {
        banners.push(Banner {
            tone: Tone::Near,
            text: "Simulated and real endpoints together: figures add both.".to_owned(),
            buttons: vec![("Open accounts".to_owned(), Wish::Open(Target::Top(Page::Accounts)))],
        });
    }
    banners.extend(faults(&snapshot.applied.findings, &snapshot.profile.config_path));
    banners
}

/// The way back from an address that cannot be had; `None` where it is this computer's own already.
fn this_computer_only(listen: &Listen) -> Option<(String, Wish)> {
    (!listen.is_loopback())
        .then(|| ("Use this computer only".to_owned(), Wish::Send(Command::Serving(ServingCommand::ThisComputerOnly))))
}

/// The way back to the last good configuration, which is what runs; `None` if there was none.
fn put_back(applied: &Applied) -> Option<(String, Wish)> {
    let word = format!("Put rev {} back", applied.revision);
    (*applied.config != Config::default()).then(|| (word, Wish::Send(Command::Config(ConfigCommand::PutBack))))
}

/// File and window are one document: whoever changed it elsewhere is asked about, never overwritten.
fn changed_on_disk(snapshot: &Snapshot) -> Banner {
    let path = &snapshot.profile.config_path;
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let still = format!("Rev {} still runs.", snapshot.applied.revision);
    let fault = snapshot.on_disk.as_ref().and_then(|found| found.fault.as_deref());
    let (tone, text) = match fault {
        Some(fault) => (Tone::Error, format!("{name} was changed by another program. {fault} {still}")),
        None => (Tone::Info, format!("{name} was changed by another program. {still}")),
    };
    Banner {
        tone,
        text,
        buttons: vec![
            ("Load".to_owned(), Wish::Send(Command::Config(ConfigCommand::Reload))),
            ("Compare".to_owned(), Wish::Compare),
            ("Keep mine".to_owned(), Wish::Send(Command::Config(ConfigCommand::KeepMine))),
        ],
    }
}

/// For whoever is asked for help. No message holds a secret.
fn copy_details(text: &str) -> (String, Wish) {
    ("Copy details".to_owned(), Wish::Copy(toasts::details(text)))
}

fn port_taken(base_url: &str, held: &PortHeld) -> Banner {
    let keep = port_of(base_url).map(|port| (format!("Keep {port}"), Wish::KeepPort(port)));
    let holder = held.holder.as_deref().unwrap_or("another program");
    let text = format!(
        "Port {} is used by {holder}. Serving on {base_url} instead, until it is free and you retry.",
        held.port
    );
    let details = copy_details(&text);
    Banner {
        tone: Tone::Throttled,
        text,
        buttons: keep
            .into_iter()
            .chain([
                (format!("Retry {}", held.port), Wish::Send(Command::Serving(ServingCommand::RetryPort))),
                ("Choose…".to_owned(), Wish::Open(Target::Setting("port"))),
                details,
            ])
            .collect(),
    }
}

/// The port of a base URL.
fn port_of(base_url: &str) -> Option<u16> {
    base_url.strip_suffix("/v1")?.rsplit(':').next()?.parse().ok()
}

fn faults(findings: &[Finding], path: &str) -> Option<Banner> {
    let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let first = errors.next()?;
    let line = first.line.map(|line| format!("Line {line}: ")).unwrap_or_default();
    let more = match errors.count() {
        0 => String::new(),
        more => format!(" And {more} more."),
    };
    let text = format!("{line}{}{more}", regrouped(&first.message));
    let buttons = file_buttons(path).into_iter().chain([copy_details(&text)]).collect();
    Some(Banner { tone: Tone::Error, text, buttons })
}

fn file_buttons(path: &str) -> Vec<(String, Wish)> {
    vec![
        ("Reload the file".to_owned(), Wish::Send(Command::Config(ConfigCommand::Reload))),
        ("Copy its path".to_owned(), Wish::Copy(path.to_owned())),
        ("Open its folder".to_owned(), Wish::Act(Action::OpenFolder)),
    ]
}
