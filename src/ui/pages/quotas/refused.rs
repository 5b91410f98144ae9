//! What the service said of a pool: which limit it named or its 429s taught, and when one of its members asks again.
//!
//! Invariant: said of what runs, never of the draft.
//! Absent on purpose: what each endpoint was refused for; its own row says that.

use egui::Ui;

use crate::model::id::PoolId;
use crate::model::status::LimitSource;
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::format::countdown;
use crate::ui::theme::Tone;
use crate::ui::widgets;

/// One line for each; nothing if it never refused, or gave all back since.
pub(super) fn show(ui: &mut Ui, cx: &PageCx, id: &PoolId) {
    let Some(pool) = cx.snapshot.view.pools.iter().find(|seen| seen.id == *id) else { return };
    if let (LimitSource::Learned, Some(limit)) = (pool.tokens.source, pool.tokens.limit) {
        let words = format!("Learned from its 429s: {} TPM hold for now, and rise again slowly", Grouped(limit));
        widgets::status_label(ui, cx.theme, Tone::Near, &words);
    }
    if let (LimitSource::Header, Some(limit)) = (pool.tokens.source, pool.tokens.limit) {
        let words = format!("The service states the organization's limit: {} TPM hold", Grouped(limit));
        widgets::status_label(ui, cx.theme, Tone::Near, &words);
    }
    if let Some(until) = pool.rests_until.filter(|until| *until > cx.snapshot.at) {
        let words = format!("Throttled as a whole: one member probes in {}", countdown(until, cx.snapshot.at));
        widgets::status_label(ui, cx.theme, Tone::Throttled, &words);
    }
}
