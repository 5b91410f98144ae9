//! A pool's requests per minute: stated, or by a ratio to its tokens.
//!
//! Invariant: the ratio is editable only while nothing is stated, which wins.
//! Absent on purpose: shares of requests; endpoints' rows have them.

use egui::Ui;

use crate::model::config::QuotaPool;
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::widgets::{AmountChange, AmountEdit, note};

/// Shows the fields in one row.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, pool: &QuotaPool) {
    let id = &pool.id;
    // One that is new runs as nothing else.
    let runs = cx.draft.base().quota_pool(id).unwrap_or(pool);
    let (applied, ratio) = (runs.requests_per_minute, runs.requests_per_1k_tokens);
    let (empty, ran) = (by_ratio(pool), by_ratio(runs));
    ui.horizontal_wrapped(|ui| {
        let name = format!("Requests per minute of {id}");
        let field =
            AmountEdit::new(&name, pool.requests_per_minute, applied).unit("RPM").or_empty(&empty).empty_ran(&ran);
        let stated = field.show(ui, cx.theme);
        if let Some(change) = stated {
            put(cx, pool, "requests per minute", change, |pool| &mut pool.requests_per_minute);
        }
        if pool.requests_per_minute.is_some() {
            note(ui, cx.theme, "stated; leave it empty to have it by a ratio");
            return;
        }
        note(ui, cx.theme, "by a ratio of");
        let name = format!("Requests per 1,000 tokens of {id}");
        let field = AmountEdit::new(&name, pool.requests_per_1k_tokens, ratio).or_empty("none").width(48.0);
        if let Some(change) = field.show(ui, cx.theme) {
            put(cx, pool, "ratio of requests", change, |pool| &mut pool.requests_per_1k_tokens);
        }
        note(ui, cx.theme, "requests per 1,000 tokens; 6 is the classic figure");
    });
}

/// What holds while nothing is stated.
fn by_ratio(pool: &QuotaPool) -> String {
    let derived = pool.requests_per_1k_tokens.map(|ratio| pool.tokens_per_minute.saturating_mul(ratio) / 1_000);
    derived.map_or_else(|| "not limited".to_owned(), |derived| Grouped(derived).to_string())
}

fn put(
    cx: &mut PageCx,
    pool: &QuotaPool,
    what: &str,
    change: AmountChange,
    field: fn(&mut QuotaPool) -> &mut Option<u64>,
) {
    let id = &pool.id;
    let (value, words) = match change {
        AmountChange::Set(value) => (Some(value), Grouped(value).to_string()),
        AmountChange::Clear => (None, "nothing".to_owned()),
    };
    cx.draft.edit(format!("set the {what} of {id} to {words}"), |config| {
        if let Some(pool) = config.quota_pools.iter_mut().find(|known| known.id == *id) {
            *field(pool) = value;
        }
    });
}
