//! The limits of one endpoint: what the service enforces, our soft cap, what is in effect, and who says so.
//!
//! Invariant: the effective limit is the snapshot's; only the draft's numbers can be edited.
//! Absent on purpose: learning limits; the brain does.

use egui::{Grid, RichText, Ui};

use crate::model::config::Endpoint;
use crate::model::id::EndpointId;
use crate::model::status::{EndpointView, LimitSource, LimitView};
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::format::clock_time;
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::{AmountChange, AmountEdit, note, section};

type Field = fn(&mut Endpoint) -> &mut Option<u64>;

/// Shows the table of limits with fields for the draft.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let theme = cx.theme;
    section(ui, theme, "Limits", |ui| {
        Grid::new("limits").num_columns(4).spacing([gap::XL, gap::M]).show(ui, |ui| {
            for heading in ["", "In effect", "From", "Draft"] {
                note(ui, theme, heading);
            }
            ui.end_row();
            plain(ui, theme, "Provider limit", endpoint.provider_tokens_per_minute, "TPM");
            let ours = matches!(endpoint.tokens.source, LimitSource::SoftCap | LimitSource::Allotted);
            let source = if ours { "stated or reported" } else { source(&endpoint.tokens) };
            note(ui, theme, source);
            field(ui, cx, &endpoint.id, "Token limit", "learned", |e| &mut e.tokens_per_minute);
            ui.end_row();
            plain(ui, theme, "Soft cap", endpoint.soft_cap, "TPM");
            note(ui, theme, if endpoint.soft_cap.is_some() { "set by you" } else { "none set" });
            field(ui, cx, &endpoint.id, "Soft cap", "off", |e| &mut e.soft_cap_tokens_per_minute);
            ui.end_row();
            plain(ui, theme, "Effective", endpoint.tokens.limit, "TPM");
            note(ui, theme, self::source(&endpoint.tokens));
            note(ui, theme, "the smallest");
            ui.end_row();
            plain(ui, theme, "Requests", endpoint.requests.limit, "RPM");
            note(ui, theme, self::source(&endpoint.requests));
            field(ui, cx, &endpoint.id, "Request limit", "learned", |e| &mut e.requests_per_minute);
            ui.end_row();
        });
        if let Some((left, at)) = endpoint.reported_remaining {
            let age = cx.snapshot.at.since(at);
            let wall = cx.snapshot.wall_ms.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(0));
            let ours =
                endpoint.tokens.headroom().map_or_else(|| "unknown".to_owned(), |left| Grouped(left).to_string());
            note(
                ui,
                theme,
                &format!("The service said {} left at {}; we count {ours}.", Grouped(left), clock_time(wall)),
            );
        }
        for line in learned(endpoint) {
            note(ui, theme, &line);
        }
    });
}

/// What answers and refusals showed that the figures above do not say by themselves.
fn learned(endpoint: &EndpointView) -> Vec<String> {
    let mut lines = Vec::new();
    let (reported, held) = (endpoint.reported_tokens_per_minute, endpoint.provider_tokens_per_minute);
    if let Some((reported, held)) = reported.zip(held).filter(|(reported, held)| reported > held) {
        lines.push(format!(
            "The service states {} TPM, more than the {} in effect, which rises towards it unless pinned.",
            Grouped(reported),
            Grouped(held)
        ));
    }
    if endpoint.foreign_tokens_per_minute > 0 {
        let others = Grouped(endpoint.foreign_tokens_per_minute);
        lines.push(format!("Others use about {others} TPM of the same quota; that much is left free."));
    }
    if let Some(allowed) = endpoint.growth_tokens_per_minute {
        lines.push(format!("Load may grow to {} TPM for now, by half in 15 minutes.", Grouped(allowed)));
    }
    let charges = [(endpoint.charge_permille, "with"), (endpoint.uncapped_charge_permille, "without")];
    for (permille, with) in charges.into_iter().filter(|(permille, _)| *permille != 1_000) {
        let percent = permille / 10;
        lines.push(format!("The service charges {percent} % of the estimate for requests {with} an output cap."));
    }
    lines
}

fn plain(ui: &mut Ui, theme: &Theme, name: &str, value: Option<u64>, unit: &str) {
    ui.label(RichText::new(name).color(theme.text_soft));
    let text = value.map_or_else(|| "–".to_owned(), |value| format!("{} {unit}", Grouped(value)));
    ui.label(theme::mono(text).color(theme.text));
}

fn source(limit: &LimitView) -> &'static str {
    match limit.source {
        LimitSource::Configured => "typed by you",
        LimitSource::Derived => "from the pool's ratio",
        LimitSource::Header => "from response headers",
        LimitSource::Learned => "learned from its 429s",
        LimitSource::SoftCap => "our soft cap",
        LimitSource::Allotted => "our share of the pool for now",
        LimitSource::Unknown => "not known, so it holds nothing back",
    }
}

fn field(ui: &mut Ui, cx: &mut PageCx, id: &EndpointId, name: &str, empty: &str, field: Field) {
    let mut now = cx.draft.working().endpoint(id).cloned();
    let value = now.as_mut().and_then(|endpoint| *field(endpoint));
    let full = format!("{name} of {id}");
    let Some(change) = AmountEdit::new(&full, value).or_empty(empty).show(ui, cx.theme) else { return };
    let (set, words) = match change {
        AmountChange::Set(value) => (Some(value), Grouped(value).to_string()),
        AmountChange::Clear => (None, empty.to_owned()),
    };
    cx.draft.edit(format!("Set {} of {id} to {words}", name.to_lowercase()), |config| {
        if let Some(endpoint) = config.endpoint_mut(id) {
            *field(endpoint) = set;
        }
    });
}
