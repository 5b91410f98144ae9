//! What services said of themselves: headers about limits, and errors word for word.
//!
//! Invariant: shows what was kept and says what never is.
//! Absent on purpose: hiding anything here; secrets were never kept.

use egui::{Frame, Grid, Label, RichText, Ui};

use crate::model::outcome::{HeaderFacts, LimitFacts};
use crate::model::record::{AttemptRecord, RecordEnd, RequestRecord, Said};
use crate::model::units::Grouped;
use crate::ui::format::span;
use crate::ui::theme::{Theme, gap, mono, strong};
use crate::ui::widgets::note;
use crate::ui::words::explain;

/// The Headers tab.
pub(super) fn headers(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    for (number, attempt) in (1_usize..).zip(&record.attempts) {
        title(ui, theme, number, attempt);
        match &attempt.said {
            Some(said) => kept(ui, theme, number, said),
            None => drop(ui.label(RichText::new(nothing_kept(attempt)).color(theme.text_soft))),
        }
        ui.add_space(gap::M);
    }
    if record.attempts.is_empty() {
        ui.label(RichText::new("Nothing was sent, so no answer came.").color(theme.text_soft));
    }
    note(
        ui,
        theme,
        "Kept, until Tidegate quits: what an answer says of limits and waits, and of failed ones where they came from. \
         Keys, cookies and what your client sent are never kept.",
    );
}

const fn nothing_kept(attempt: &AttemptRecord) -> &'static str {
    match attempt.status {
        None => "No answer came.",
        Some(_) => "It said nothing of limits, or Tidegate was started anew since.",
    }
}

fn title(ui: &mut Ui, theme: &Theme, number: usize, attempt: &AttemptRecord) {
    ui.horizontal_wrapped(|ui| {
        ui.label(mono(number.to_string()).color(theme.text_soft));
        ui.label(strong(attempt.endpoint.to_string()));
        let status = attempt.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        ui.label(mono(status).color(theme.text_soft));
    });
}

fn kept(ui: &mut Ui, theme: &Theme, number: usize, said: &Said) {
    let rows = if said.headers.is_empty() { read(&said.facts) } else { said.headers.clone() };
    Grid::new(("headers", number)).num_columns(2).spacing([gap::L, 2.0]).show(ui, |ui| {
        for (name, value) in rows {
            ui.label(mono(name).color(theme.text_soft));
            ui.add(Label::new(mono(value)).wrap());
            ui.end_row();
        }
    });
}

/// What was read of limits, as rows.
fn read(facts: &HeaderFacts) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let more = facts.more.as_deref().copied().unwrap_or_default();
    let named = [
        ("tokens", facts.tokens),
        ("requests", facts.requests),
        ("input tokens", more.input),
        ("output tokens", more.output),
        ("tokens per day", more.tokens_per_day),
        ("requests per day", more.requests_per_day),
    ];
    for (unit, limit) in named {
        let LimitFacts { limit, remaining, reset } = limit;
        let mut row = |what: &str, value: Option<String>| {
            rows.extend(value.map(|value| (format!("{what} {unit}"), value)));
        };
        row("limit of", limit.map(|limit| Grouped(limit).to_string()));
        row("remaining", remaining.map(|left| Grouped(left).to_string()));
        row("reset of", reset.map(span));
    }
    rows.extend(facts.retry_after.map(|wait| ("Retry-After".to_owned(), span(wait))));
    rows
}

/// The Raw error tab.
pub(super) fn errors(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let mut any = false;
    for (number, attempt) in (1_usize..).zip(&record.attempts) {
        let Some(error) = attempt.said.as_ref().and_then(|said| said.error.as_deref()) else { continue };
        any = true;
        title(ui, theme, number, attempt);
        text(ui, theme, number, &indented(error));
    }
    if any {
        note(
            ui,
            theme,
            "As the service sent it, our key taken out. Kept until Tidegate quits; never stored or exported.",
        );
        return;
    }
    ui.label(RichText::new(no_error(record)).color(theme.text_soft));
}

fn text(ui: &mut Ui, theme: &Theme, number: usize, error: &str) {
    Frame::new().fill(theme.field).stroke((1.0, theme.edge)).corner_radius(4).inner_margin(gap::M).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(Label::new(mono(error)).wrap().selectable(true));
    });
    if ui.button("Copy").on_hover_text(format!("Copy what attempt {number} said")).clicked() {
        ui.ctx().copy_text(error.to_owned());
    }
    ui.add_space(gap::M);
}

/// JSON with line breaks; anything else as it is.
fn indented(error: &str) -> String {
    let json = serde_json::from_str::<serde_json::Value>(error).ok();
    json.and_then(|json| serde_json::to_string_pretty(&json).ok()).unwrap_or_else(|| error.to_owned())
}

fn no_error(record: &RequestRecord) -> String {
    let failed = record.attempts.iter().any(|attempt| attempt.failure.is_some());
    match record.end {
        RecordEnd::Refused => format!("No service said this; we did. {}", explain::paragraph(record)),
        _ if failed => {
            "A sending failed without a word: no answer came, or Tidegate was started anew since.".to_owned()
        }
        _ => "No service reported an error.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_shown_with_line_breaks_and_text_as_it_came() {
        assert_eq!(indented("{\"error\":{\"code\":\"429\"}}"), "{\n  \"error\": {\n    \"code\": \"429\"\n  }\n}");
        assert_eq!(indented("<html>502</html>"), "<html>502</html>");
    }

    #[test]
    fn what_was_read_of_limits_is_told_and_what_was_not_is_left_out() {
        let tokens = LimitFacts { limit: Some(120_000), remaining: Some(0), reset: None };
        let facts = HeaderFacts { tokens, ..HeaderFacts::default() };
        let rows = [("limit of tokens", "120,000"), ("remaining tokens", "0")];
        assert_eq!(read(&facts), rows.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
