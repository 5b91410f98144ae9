//! One request: why it went where it went, how long each part took, and what the services said.
//!
//! Invariant: every word comes from the record and its decisions; nothing newer is mixed in but the ways on that there are now.
//! Absent on purpose: bodies of requests and of answers that succeeded, and clients' headers; they are not kept.

mod attempts;
mod candidates;
mod no_route;
mod said;
mod timeline;

use std::time::Duration;

use egui::{RichText, Ui};

use crate::model::config::Config;
use crate::model::decision::Decision;
use crate::model::id::RequestId;
use crate::model::record::RequestRecord;
use crate::model::units::Grouped;
use crate::model::usage::Transcribed;
use crate::ui::cx::Target;
use crate::ui::draft::Draft;
use crate::ui::format::{clock_time, count, span};
use crate::ui::new_route::Wanted;
use crate::ui::theme::{Theme, Tone, gap, mono, strong};
use crate::ui::widgets::quiet_button;
use crate::ui::words::{self, attempt, explain};

/// The views of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// The sentence, the candidates, the attempts.
    #[default]
    Why,
    /// Where the time went.
    Timeline,
    /// What answers said of limits.
    Headers,
    /// What a service said when it failed.
    Error,
}

impl Tab {
    /// Every tab, in order.
    pub const ALL: [Self; 4] = [Self::Why, Self::Timeline, Self::Headers, Self::Error];

    /// As on screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Why => "Why",
            Self::Timeline => "Timeline",
            Self::Headers => "Headers",
            Self::Error => "Raw error",
        }
    }
}

/// What the person wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To go to a place.
    Open(Target),
    /// A route for a model that has none.
    Route(Wanted),
    /// To see the headers of this request, which have a tab of their own.
    Headers(RequestId),
}

impl Ask {
    /// Puts what is to be edited into the draft, and says where to go.
    pub fn settle(self, draft: &mut Draft) -> Target {
        match self {
            Self::Open(target) => target,
            Self::Route(wanted) => Target::Route(wanted.into_draft(draft)),
            Self::Headers(request) => Target::Headers(request),
        }
    }
}

/// Shows one tab. `config` is what runs now. Returns what the person wants next.
pub fn show(ui: &mut Ui, theme: &Theme, record: &RequestRecord, config: &Config, tab: Tab) -> Option<Ask> {
    match tab {
        Tab::Why => return why(ui, theme, record, config),
        Tab::Timeline => timeline::show(ui, theme, record),
        Tab::Headers => said::headers(ui, theme, record),
        Tab::Error => said::errors(ui, theme, record),
    }
    None
}

/// Which request this is, on one line.
pub fn title(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = gap::M;
        crate::ui::request_rows::outcome(record).show(ui, theme);
        ui.label(strong(record.profile.model.to_string()));
        ui.label(mono(format!("{} · {}", record.id, clock_time(record.wall_ms))).color(theme.text_soft));
        let client = if record.profile.client.is_empty() { "unnamed client" } else { &record.profile.client };
        ui.label(RichText::new(client).color(theme.text_soft));
    });
}

fn why(ui: &mut Ui, theme: &Theme, record: &RequestRecord, config: &Config) -> Option<Ask> {
    ui.label(strong(explain::paragraph(record)));
    if no_route::is_cause(record) {
        return no_route::show(ui, theme, record, config);
    }
    let decision = record.decisions.last()?;
    if let Some(code) = words::conclusion_code(decision.conclusion) {
        ui.label(mono(code).color(theme.text_faint));
    }
    let mut wanted = what_else(ui, theme, decision);
    heading(ui, theme, "Candidates, in order of trial");
    wanted = candidates::show(ui, theme, decision).or(wanted);
    heading(ui, theme, "Attempts");
    let headers = attempts::show(ui, theme, record);
    ui.add_space(gap::L);
    facts(ui, theme, record, decision);
    wanted.map(Ask::Open).or(headers.then_some(Ask::Headers(record.id)))
}

/// What would have changed it, and the way to where it can be changed.
fn what_else(ui: &mut Ui, theme: &Theme, decision: &Decision) -> Option<Target> {
    let mut wanted = None;
    ui.add_space(gap::S);
    if let Some(change) = explain::counterfactual(decision) {
        ui.label(RichText::new(change).color(theme.tone(Tone::Info)));
    }
    ui.horizontal_wrapped(|ui| {
        if quiet_button(ui, theme, "Open its route")
            .on_hover_text(format!("The groups of {}", decision.route))
            .clicked()
        {
            wanted = Some(Target::Route(decision.route.clone()));
        }
        let better = decision.would_have.as_ref().map(|would_have| &would_have.endpoint);
        if let Some(better) = better
            && quiet_button(ui, theme, &format!("Open {better}")).clicked()
        {
            wanted = Some(Target::Endpoint(better.clone()));
        }
    });
    wanted
}

fn facts(ui: &mut Ui, theme: &Theme, record: &RequestRecord, decision: &Decision) {
    let fact = |ui: &mut Ui, text: String| ui.label(mono(text).color(theme.text_soft));
    fact(ui, format!("Config rev {} · decision {}", decision.revision, decision.id));
    fact(ui, attempt::estimate(decision.estimate));
    if let Some(usage) = record.usage.filter(|usage| usage.exact) {
        let (input, cached) = (Grouped(usage.input), Grouped(usage.cached));
        let (output, reasoning) = (Grouped(usage.output), Grouped(usage.reasoning));
        fact(ui, format!("used {input} in ({cached} cached) + {output} out ({reasoning} reasoning)"));
    }
    if let Some(text) = record.usage.and_then(|usage| transcribed(usage.transcribed)) {
        fact(ui, text);
    }
    if record.decisions.len() > 1 {
        let earlier: Vec<String> = record.decisions.iter().rev().skip(1).map(|one| one.id.to_string()).collect();
        fact(ui, format!("earlier decisions {}", earlier.join(", ")));
    }
}

/// What was written down of sound, which the figures above do not hold.
fn transcribed(Transcribed { tokens, millis }: Transcribed) -> Option<String> {
    let by_tokens = (tokens > 0).then(|| count(tokens, "token", "tokens"));
    let by_length = (millis > 0).then(|| format!("{} of sound", span(Duration::from_millis(millis))));
    let both: Vec<String> = by_tokens.into_iter().chain(by_length).collect();
    (!both.is_empty()).then(|| format!("transcribed apart: {}", both.join(" + ")))
}

fn heading(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.add_space(gap::L);
    ui.label(RichText::new(text).color(theme.text_soft));
    ui.add_space(gap::S);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_transcribed_is_told_apart_in_what_it_was_counted_by() {
        let of = |tokens, millis| transcribed(Transcribed { tokens, millis });
        assert_eq!(of(0, 0), None);
        assert_eq!(of(48, 0).as_deref(), Some("transcribed apart: 48 tokens"));
        assert_eq!(of(1_200, 3_250).as_deref(), Some("transcribed apart: 1,200 tokens + 3.2 s of sound"));
    }
}
