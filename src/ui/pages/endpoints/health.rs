//! What we see of an endpoint's health, and the rule by which it counts as failing.
//!
//! Invariant: the rule is everybody's; an edit goes into the draft.
//! Absent on purpose: what the service asks for by itself; a 429's wait is kept, whatever the rule.

use egui::Ui;

use crate::model::status::{EndpointView, Health, RestCause, RestView};
use crate::model::units::Grouped;
use crate::ui::cx::{PageCx, Target};
use crate::ui::format::{clock_time, countdown};
use crate::ui::rules::{self, Section};
use crate::ui::status;
use crate::ui::theme::gap;
use crate::ui::widgets::{fact, note, quiet_button, section, status_label};
use crate::ui::words::throttle;

/// What a failure leads to, each with its cause.
const CAUSES: [(&str, &str); 6] = [
    ("Counts as a failure", "timeouts, lost connections, 5xx answers, and streams that end without their last event"),
    ("Never counts", "clients that leave, and 4xx answers other than those below"),
    ("429", "Throttled for as long as the service says, or for a guess that grows"),
    ("401", "Key rejected; a probe each 1 to 15 minutes, or as soon as the key is replaced"),
    ("403", "Blocked: a firewall, a private network, or key sign-in switched off"),
    ("404", "Deployment not found"),
];

/// What the service asked for by itself, while that holds.
fn asked(cx: &PageCx, endpoint: &EndpointView) -> Option<String> {
    let (now, until) = (cx.snapshot.at, endpoint.insight.asked_until?);
    let wall = cx.snapshot.wall_ms.saturating_add(millis(until.since(now)));
    Some(format!(
        "The service asked to be left alone until {}, for {} more. That holds whatever else the endpoint rests for, and over \
         a restart.",
        clock_time(wall),
        countdown(until, now)
    ))
}

/// Which limit a 429 was about, and what else it rests for.
fn rests(cx: &PageCx, endpoint: &EndpointView) -> Vec<String> {
    let now = cx.snapshot.at;
    let about = |cause| match cause {
        RestCause::Throttled(kind) => Some(format!("The 429 was about: {}.", throttle(kind))),
        _ => None,
    };
    let shown = match endpoint.health {
        Health::Resting { cause, .. } => about(cause),
        _ => None,
    };
    let others = endpoint.also_resting.iter().map(|RestView { until, cause }| {
        let word = status::health(Health::Resting { until: *until, cause: *cause }, now).word;
        let about = about(*cause).map(|about| format!(" {about}")).unwrap_or_default();
        format!("It also rests for another reason: {word}.{about}")
    });
    shown.into_iter().chain(others).collect()
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Shows the tab.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let theme = cx.theme;
    section(ui, theme, "What we see", |ui| {
        let seen = status::seen(endpoint, cx.snapshot);
        status_label(ui, theme, seen.tone, &seen.word);
        for words in rests(cx, endpoint) {
            note(ui, theme, &words);
        }
        if let Some(words) = asked(cx, endpoint) {
            note(ui, theme, &words);
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = gap::XL;
            let counters = endpoint.counters;
            fact(ui, theme, "Attempts since the start", &Grouped(counters.attempts).to_string());
            fact(ui, theme, "Answered whole", &Grouped(counters.answered).to_string());
            fact(ui, theme, "429s of the service", &Grouped(counters.throttled).to_string());
            fact(ui, theme, "Other failures", &Grouped(counters.failed).to_string());
        });
    });
    section(ui, theme, "When it counts as failing", |ui| {
        rules::show(ui, cx, Section::Health);
        note(
            ui,
            theme,
            "One rule for every endpoint. What a single endpoint does is not held against others of its account.",
        );
        if quiet_button(ui, theme, "Rules of retries and timeouts").clicked() {
            cx.open(Target::Setting("retry"));
        }
    });
    section(ui, theme, "What leads to what", |ui| {
        egui::Grid::new("causes").num_columns(2).spacing([gap::XL, gap::S]).show(ui, |ui| {
            for (cause, effect) in CAUSES {
                ui.label(cause);
                ui.add(egui::Label::new(egui::RichText::new(effect).color(theme.text_soft)).wrap());
                ui.end_row();
            }
        });
    });
}
