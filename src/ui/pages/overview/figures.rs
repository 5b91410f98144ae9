//! The tiles: how much room is left, and how it goes. Six of them, unless the person chose others.
//!
//! Invariant: every number has its unit and says over what time it was taken.
//! Absent on purpose: a mood. A tile is coloured only when its number is bad.

use egui::{RichText, Ui};

use crate::contract::Snapshot;
use crate::model::config::AdminState;
use crate::model::id::EndpointId;
use crate::model::preferences::Tile;
use crate::model::status::EndpointView;
use crate::model::units::{Grouped, Short};
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::format::span;
use crate::ui::glossary;
use crate::ui::tally::Tally;
use crate::ui::theme::{self, Tone};
use crate::ui::widgets::{Bar, card, headroom_bar};

/// How much higher a bar makes a tile, in points.
const BAR: f32 = 11.0;

struct Drawn {
    caption: &'static str,
    number: String,
    detail: String,
    bar: Option<(u64, u64, u64)>,
    tone: Option<Tone>,
    door: Door,
    /// Said on hover before where it leads; empty where the caption says it.
    meaning: &'static str,
}

/// Where a tile leads.
#[derive(Clone, Copy)]
enum Door {
    /// To the requests that pass this filter.
    Requests(&'static str),
    Quotas,
    Queue,
    Endpoints,
}

impl Door {
    fn hint(self) -> &'static str {
        match self {
            Self::Requests("") => "Opens the requests",
            Self::Requests(_) => "Opens the requests behind this number",
            Self::Quotas => "Opens the quotas",
            Self::Queue => "Opens the queue: who waits, and what is in flight",
            Self::Endpoints => "Opens the endpoints",
        }
    }
}

/// A tile's name in the menu.
pub(super) const fn name(tile: Tile) -> &'static str {
    match tile {
        Tile::Requests => "Requests/min",
        Tile::Tokens => "Charged / usable TPM",
        Tile::Success => "Success, 5 min",
        Tile::Throttles => "429s, last min",
        Tile::FirstToken => "First token, p95",
        Tile::Queue => "Queue",
        Tile::InFlight => "In flight",
        Tile::Endpoints => "Endpoints serving",
    }
}

/// Shows the tiles that are wanted, as many in a row as fit.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx) {
    let tally = Tally::of(cx.snapshot);
    let wanted = cx.preferences.overview.tiles.iter().filter(|one| one.shown);
    let tiles: Vec<Drawn> = wanted.map(|one| drawn(cx.snapshot, &tally, one.what)).collect();
    let most = match ui.available_width() {
        900.0.. => 6,
        480.0.. => 3,
        _ => 2,
    };
    for row in tiles.chunks(most) {
        ui.columns(most.min(tiles.len()), |places| {
            for (ui, tile) in places.iter_mut().zip(row) {
                if draw(ui, cx, tile) {
                    follow(cx, tile.door);
                }
            }
        });
    }
}

fn follow(cx: &mut PageCx, door: Door) {
    match door {
        Door::Requests(filter) => cx.open(Target::RequestsWhere(filter.into())),
        Door::Quotas => cx.go(Page::Quotas),
        Door::Queue => cx.go(Page::Queue),
        Door::Endpoints => cx.go(Page::Endpoints),
    }
}

/// Draws a tile; returns whether it was clicked.
fn draw(ui: &mut Ui, cx: &PageCx, tile: &Drawn) -> bool {
    let theme = cx.theme;
    let top = ui.cursor().min;
    card(ui, theme, |ui| {
        ui.style_mut().interaction.selectable_labels = false;
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.add(egui::Label::new(RichText::new(tile.caption).small().color(theme.text_faint)).truncate());
        let color = tile.tone.map_or(theme.text, |tone| theme.tone(tone));
        ui.add(egui::Label::new(theme::title(tile.number.as_str()).color(color)).truncate());
        if let Some((used, reserved, limit)) = tile.bar {
            ui.add_space(1.0);
            let tone = if used.saturating_mul(5) >= limit.saturating_mul(4) { Tone::Near } else { Tone::Ok };
            let bar = Bar { name: tile.caption, used, reserved, drained: 0, limit: Some(limit), soft_cap: None, tone };
            headroom_bar(ui, theme, ui.available_width(), &bar);
        }
        ui.add(egui::Label::new(RichText::new(&tile.detail).small().color(theme.text_faint)).truncate());
        if tile.bar.is_none() {
            // As high as the one with a bar.
            ui.add_space(BAR);
        }
    });
    let rect = egui::Rect::from_min_max(top, ui.min_rect().max);
    let response = ui.interact(rect, ui.make_persistent_id(tile.caption), egui::Sense::click());
    let words = format!("{}: {}, {}. {}", tile.caption, tile.number, tile.detail, tile.door.hint());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &words));
    let meaning = if tile.meaning.is_empty() { glossary::of_heading(tile.caption) } else { None };
    let hint = [meaning.unwrap_or(tile.meaning), tile.door.hint()].join("\n");
    let hint = hint.trim_start().to_owned();
    if response.hovered() {
        let edge = egui::Stroke::new(1.0, theme.accent);
        ui.painter().rect_stroke(rect, 10, edge, egui::StrokeKind::Inside);
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text(hint).clicked()
}

fn drawn(snapshot: &Snapshot, tally: &Tally, tile: Tile) -> Drawn {
    let plain = |number: String, detail: String| Drawn {
        caption: name(tile),
        number,
        detail,
        bar: None,
        tone: None,
        door: Door::Requests(""),
        meaning: "",
    };
    let endpoints = &snapshot.view.endpoints;
    let running = || snapshot.view.in_flight();
    match tile {
        Tile::Requests => {
            let rpm = endpoints.iter().map(|endpoint| endpoint.last_minute.requests).fold(0, u64::saturating_add);
            let door = Door::Requests("since:1m");
            Drawn { door, ..plain(Grouped(rpm).to_string(), format!("{} in flight", running())) }
        }
        Tile::Tokens => tokens(snapshot, tally.used),
        Tile::Success => Drawn {
            door: Door::Requests("status>=400"),
            tone: (tally.ended > 0 && tally.good * 100 < tally.ended * 95).then_some(Tone::Error),
            ..plain(tally.success(), format!("of {} requests", Grouped(tally.ended)))
        },
        Tile::Throttles => Drawn {
            door: Door::Requests("429"),
            tone: (tally.theirs > 0).then_some(Tone::Throttled),
            ..plain(format!("{} / {}", tally.theirs, tally.ours), "provider / us".to_owned())
        },
        Tile::FirstToken => {
            let door = Door::Requests("ttft>0 since:5m");
            Drawn { door, ..plain(tally.first_token(), "last 5 min".to_owned()) }
        }
        Tile::Queue => {
            let queue = &snapshot.view.queue;
            let none = queue.waiting == 0;
            let oldest = if none { "nobody waits".to_owned() } else { format!("oldest {}", span(queue.oldest)) };
            Drawn { door: Door::Queue, ..plain(Grouped(queue.waiting.into()).to_string(), oldest) }
        }
        Tile::InFlight => {
            Drawn { door: Door::Queue, ..plain(Grouped(running()).to_string(), "requests, now".to_owned()) }
        }
        Tile::Endpoints => serving(endpoints, plain),
    }
}

/// How many endpoints can answer.
fn serving(endpoints: &[EndpointView], plain: impl Fn(String, String) -> Drawn) -> Drawn {
    let able = endpoints.iter().filter(|endpoint| endpoint.serving()).count();
    let paused = endpoints.iter().filter(|endpoint| endpoint.admin_state != AdminState::Enabled).count();
    let detail = if paused == 0 { "can answer now".to_owned() } else { format!("{paused} switched off by you") };
    Drawn {
        door: Door::Endpoints,
        tone: (able == 0).then_some(Tone::Error),
        ..plain(format!("{able} of {}", endpoints.len()), detail)
    }
}

/// Charged of what can be used: resting endpoints count as 0; paused ones, and those of routes that nobody uses, are left out.
fn tokens(snapshot: &Snapshot, used: u64) -> Drawn {
    let in_use = snapshot.view.endpoints_in_use();
    let counts =
        |endpoint: &&EndpointView| endpoint.admin_state == AdminState::Enabled && in_use.contains(&endpoint.id);
    let enabled = || snapshot.view.endpoints.iter().filter(counts);
    let charged = enabled().map(|endpoint| endpoint.last_minute.tokens).fold(0, u64::saturating_add);
    let reserved = enabled().map(|endpoint| endpoint.tokens.reserved).fold(0, u64::saturating_add);
    let serving = || enabled().filter(|endpoint| endpoint.serving());
    let usable = serving().filter_map(|endpoint| endpoint.tokens.limit).fold(0, u64::saturating_add);
    let unknown = without_limit(snapshot, &in_use);
    let limit = (usable > 0 || unknown == 0).then(|| Short(usable).to_string());
    let number = limit.map_or_else(|| Short(charged).to_string(), |limit| format!("{} / {limit}", Short(charged)));
    let paused = paused_too(snapshot, &in_use);
    let what = if unknown == 0 { String::new() } else { format!("limit of {unknown} unknown · ") };
    Drawn {
        caption: name(Tile::Tokens),
        number,
        detail: format!("{what}answers used {}{paused}", Short(used)),
        bar: (usable > 0).then_some((charged, reserved, usable)),
        tone: None,
        door: Door::Quotas,
        meaning: CHARGED,
    }
}

/// Endpoints that could be sent to and whose limit nobody knows: they are in no sum of what is usable.
pub(super) fn without_limit(snapshot: &Snapshot, in_use: &std::collections::BTreeSet<&EndpointId>) -> u64 {
    let counts = |one: &&EndpointView| one.serving() && one.tokens.limit.is_none() && in_use.contains(&one.id);
    u64::try_from(snapshot.view.endpoints.iter().filter(counts).count()).unwrap_or(u64::MAX)
}

/// What those could give that the person paused, if there are any: it is left out of what is usable.
fn paused_too(snapshot: &Snapshot, in_use: &std::collections::BTreeSet<&EndpointId>) -> String {
    let paused = |endpoint: &&EndpointView| endpoint.admin_state == AdminState::Paused && in_use.contains(&endpoint.id);
    let limits = snapshot.view.endpoints.iter().filter(paused).filter_map(|endpoint| endpoint.tokens.limit);
    match limits.fold(0, u64::saturating_add) {
        0 => String::new(),
        sum => format!(" · +{} paused", Short(sum)),
    }
}

/// Why the first number is larger than what answers used.
const CHARGED: &str = "Charged: what requests of the last minute count against limits, as the services count them: the prompt \
                       and the answer's allowance (max_tokens), whether it is used or not. Usable: the limits of endpoints \
                       that can answer now. Below: the tokens that answers really used in that minute.";
