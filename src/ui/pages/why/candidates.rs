//! The candidates of a decision as a table: what the person set, what we saw, needs and has, and the verdict.
//!
//! Invariant: rows stand in the order of trial; a narrow panel folds columns below each other and drops none.
//! Absent on purpose: endpoints as they are now; the decision's own numbers are shown.

use egui::{Align, Color32, Frame, Label, Layout, RichText, Ui, vec2};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons;

use crate::model::decision::{Candidate, Decision, Exclusion, Verdict};
use crate::ui::cx::Target;
use crate::ui::format::group_rank;
use crate::ui::glossary;
use crate::ui::status;
use crate::ui::theme::{Theme, Tone, gap, mono};
use crate::ui::widgets::note;
use crate::ui::words::{self, explain};

/// From this width all five columns stand beside each other.
const WIDE: f32 = 660.0;
/// From this width four do, and the verdict stands below.
const MEDIUM: f32 = 380.0;

/// Which columns fit beside each other, as shares of the width.
enum Shape {
    Wide([f32; 5]),
    Medium([f32; 4]),
    Narrow,
}

impl Shape {
    fn of(width: f32) -> Self {
        if width >= WIDE {
            Self::Wide([0.25, 0.10, 0.16, 0.19, 0.30])
        } else if width >= MEDIUM {
            Self::Medium([0.34, 0.17, 0.24, 0.25])
        } else {
            Self::Narrow
        }
    }
}

/// Shows the table. Returns the endpoint that was clicked.
pub(super) fn show(ui: &mut Ui, theme: &Theme, decision: &Decision) -> Option<Target> {
    // The frame's margins on both sides.
    let width = ui.available_width() - 2.0 * gap::M;
    let shape = Shape::of(width);
    head(ui, theme, &shape, width);
    ui.spacing_mut().item_spacing.y = gap::S;
    let mut wanted = None;
    for candidate in &decision.candidates {
        let chosen = matches!(candidate.verdict, Verdict::Chosen(_));
        let fill = if chosen { theme.accent_soft } else { theme.card };
        Frame::new().fill(fill).stroke((1.0, theme.edge)).corner_radius(5).inner_margin(gap::M).show(ui, |ui| {
            ui.set_width(width);
            if row(ui, theme, &candidate, decision, &shape) {
                wanted = Some(Target::Endpoint(candidate.endpoint.clone()));
            }
        });
    }
    if explain::needs_differ(decision) {
        note(ui, theme, explain::WHY_NEEDS_DIFFER).on_hover_text(glossary::of_heading("Estimate").unwrap_or_default());
    }
    wanted
}

fn head(ui: &mut Ui, theme: &Theme, shape: &Shape, width: f32) {
    let shares: &[f32] = match shape {
        Shape::Wide(shares) => shares,
        Shape::Medium(shares) => shares,
        Shape::Narrow => return,
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(gap::M);
        for (share, title) in shares.iter().zip(["Endpoint", "You set", "We saw", "Needs / has", "Verdict"]) {
            cell(ui, width * share, |ui| {
                let label = ui.label(RichText::new(title).small().color(theme.text_faint));
                glossary::of_heading(title).map(|says| label.on_hover_text(says));
            });
        }
    });
}

/// One candidate; true if its name was clicked.
fn row(ui: &mut Ui, theme: &Theme, candidate: &Candidate, decision: &Decision, shape: &Shape) -> bool {
    let width = ui.available_width();
    let mut clicked = false;
    match shape {
        Shape::Wide([who, ours, seen, free, why]) => drop(ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            cell(ui, width * who, |ui| clicked = name(ui, theme, candidate, decision));
            cell(ui, width * ours, |ui| set(ui, theme, candidate));
            cell(ui, width * seen, |ui| saw(ui, theme, candidate, decision));
            cell(ui, width * free, |ui| room(ui, theme, candidate, decision));
            cell(ui, width * why, |ui| verdict(ui, theme, candidate));
        })),
        Shape::Medium([who, ours, seen, free]) => {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                cell(ui, width * who, |ui| clicked = name(ui, theme, candidate, decision));
                cell(ui, width * ours, |ui| set(ui, theme, candidate));
                cell(ui, width * seen, |ui| saw(ui, theme, candidate, decision));
                cell(ui, width * free, |ui| room(ui, theme, candidate, decision));
            });
            verdict(ui, theme, candidate);
        }
        Shape::Narrow => {
            clicked = name(ui, theme, candidate, decision);
            verdict(ui, theme, candidate);
            let set = words::admin_state(candidate.admin_state);
            let saw = status::health(candidate.health, decision.at).word.to_lowercase();
            ui.label(RichText::new(format!("you set: {set} · we saw: {saw}")).color(theme.text_soft));
            let needs = explain::needs_and_has(candidate);
            if needs != "–" {
                let unit = explain::unit(candidate, decision);
                ui.label(mono(format!("needs / has  {needs} {unit}")).color(theme.text_soft));
            }
        }
    }
    clicked
}

fn cell<R>(ui: &mut Ui, width: f32, contents: impl FnOnce(&mut Ui) -> R) {
    let layout = Layout::top_down(Align::Min);
    ui.allocate_ui_with_layout(vec2(width, 0.0), layout, |ui| {
        ui.set_width(width);
        ui.set_max_width(width - gap::S);
        ui.spacing_mut().item_spacing = vec2(gap::S, 1.0);
        contents(ui);
    });
}

fn name(ui: &mut Ui, theme: &Theme, candidate: &Candidate, decision: &Decision) -> bool {
    let id = candidate.endpoint.as_str();
    let link = ui.add(egui::Link::new(RichText::new(id).color(theme.text))).on_hover_text(format!("Open {id}"));
    let place = (candidate.group as usize).saturating_sub(1);
    let rank = group_rank(place, explain::groups(decision));
    ui.label(RichText::new(rank).small().color(theme.text_faint));
    link.clicked()
}

fn set(ui: &mut Ui, theme: &Theme, candidate: &Candidate) {
    ui.label(RichText::new(words::admin_state(candidate.admin_state)).color(theme.text_soft));
}

fn saw(ui: &mut Ui, theme: &Theme, candidate: &Candidate, decision: &Decision) {
    let seen = status::health(candidate.health, decision.at);
    let calm = matches!(seen.tone, Tone::Ok | Tone::Quiet);
    let color = if calm { theme.text_soft } else { theme.tone(seen.tone) };
    ui.label(RichText::new(seen.word).color(color));
}

fn room(ui: &mut Ui, theme: &Theme, candidate: &Candidate, decision: &Decision) {
    let text = explain::needs_and_has(candidate);
    let unit = explain::unit(candidate, decision);
    ui.label(mono(&text).color(theme.text));
    if text != "–" {
        ui.label(RichText::new(unit).small().color(theme.text_faint));
    }
}

fn verdict(ui: &mut Ui, theme: &Theme, candidate: &Candidate) {
    let (icon, color) = sign(theme, candidate.verdict);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = gap::S;
        ui.label(icon.rich_text().color(color));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let mut text = egui::text::LayoutJob::default();
            let body = egui::FontId::proportional(crate::ui::theme::size::BODY);
            let format = |font, color| egui::TextFormat { font_id: font, color, ..egui::TextFormat::default() };
            text.append(&explain::verdict(candidate), 0.0, format(body, color));
            let code = explain::verdict_code(candidate.verdict);
            text.append(code, gap::M, format(crate::ui::theme::mono_font(), theme.text_faint));
            ui.add(Label::new(text).wrap());
        });
    });
}

fn sign(theme: &Theme, verdict: Verdict) -> (MaterialIcon, Color32) {
    match verdict {
        Verdict::Chosen(_) => (Tone::Ok.icon(), theme.tone(Tone::Ok)),
        Verdict::Excluded(Exclusion::NotNeeded | Exclusion::NotAsked) => (Tone::Quiet.icon(), theme.text_faint),
        Verdict::Excluded(Exclusion::Throttled | Exclusion::Ejected | Exclusion::ProbeRunning | Exclusion::Ramping) => {
            (Tone::Throttled.icon(), theme.tone(Tone::Throttled))
        }
        Verdict::Excluded(Exclusion::Paused | Exclusion::Draining) => (Tone::Off.icon(), theme.tone(Tone::Off)),
        Verdict::Excluded(_) => (icons::ICON_CLOSE, theme.tone(Tone::Throttled)),
    }
}
