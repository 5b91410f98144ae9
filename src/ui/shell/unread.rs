//! Fields whose text cannot be read: what is said of them before anything is applied, and the way to each.
//!
//! Invariant: what is applied without such a field is said once, by name; nothing is said of a field that is no more.
//! Absent on purpose: mending; the field says what it takes.

use std::sync::Arc;

use egui::{Context, Id, Ui};

use super::Wish;
use crate::model::config::Config;
use crate::ui::cx::{Page, Target};
use crate::ui::draft::Draft;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::{self, Unread, quiet_button};

/// Where each of them is, and at which version of the draft it was seen.
#[derive(Debug, Default)]
pub(super) struct Fields {
    places: Vec<(Id, Target, u64)>,
    /// The draft as it was in the frame before, and how often it had been exchanged.
    before: Option<(Arc<Config>, u64)>,
}

/// One of them, in words.
pub(super) struct Said {
    pub(super) field: Id,
    pub(super) place: Target,
    pub(super) name: String,
    pub(super) words: String,
}

impl Fields {
    /// Remembers where those are that the page has just shown, and forgets those that are gone.
    pub(super) fn follow(&mut self, ctx: &Context, here: &Target, draft: &Draft) {
        self.forget_gone(ctx, draft);
        let version = draft.version();
        let all = widgets::unread(ctx);
        self.places.retain(|(id, ..)| all.iter().any(|one| one.field == *id && !one.is_shown(ctx)));
        let shown = all.iter().filter(|one| one.is_shown(ctx));
        self.places.extend(shown.map(|one| (one.field, here.clone(), version)));
    }

    /// Forgets those of what the draft has no longer, and those out of sight in place of which an undo, a redo or a revision
    /// from elsewhere put something; one on the screen sees for itself whether its value is another.
    fn forget_gone(&mut self, ctx: &Context, draft: &Draft) {
        let (working, leaps) = (draft.working(), draft.leaps());
        let before = self.before.replace((Arc::clone(working), leaps));
        let Some((before, leapt)) = before.filter(|(before, _)| !Arc::ptr_eq(before, working)) else { return };
        let gone = gone(&before, working);
        widgets::forget_unread(ctx, |one| {
            let place = self.places.iter().find(|(field, ..)| *field == one.field).map(|(_, place, _)| place);
            let is_other = |place: &Target| leapt != leaps && !one.is_shown(ctx) && differs(place, &before, working);
            one.name.split(' ').any(|word| gone.contains(&word)) || place.is_some_and(is_other)
        });
    }

    /// All of them.
    pub(super) fn said(&self, ctx: &Context, version: u64) -> Vec<Said> {
        let said = widgets::unread(ctx).into_iter().filter_map(|unread| {
            let (field, place, seen) = self.places.iter().find(|(field, ..)| *field == unread.field)?.clone();
            let words = sentence(&unread, seen == version);
            Some(Said { field, place, name: unread.name, words })
        });
        said.collect()
    }
}

/// What has fields of its own and is gone, as it is called in their names.
fn gone<'c>(before: &'c Config, after: &Config) -> Vec<&'c str> {
    let endpoints = before.endpoints.iter().filter(|one| after.endpoint(&one.id).is_none()).map(|one| one.id.as_str());
    let pools = before.quota_pools.iter().filter(|one| after.quota_pool(&one.id).is_none()).map(|one| one.id.as_str());
    let is_caller = |id| after.callers.iter().any(|one| one.id == id);
    let callers = before.callers.iter().filter(|one| !is_caller(one.id.clone())).map(|one| one.id.as_str());
    endpoints.chain(pools).chain(callers).collect()
}

/// Whether a value may be another that is edited in a place.
fn differs(place: &Target, before: &Config, after: &Config) -> bool {
    let pools = || before.quota_pools != after.quota_pools;
    match place.page() {
        Page::Endpoints => match place {
            Target::Endpoint(id) => before.endpoint(id) != after.endpoint(id) || pools(),
            _ => before.endpoints != after.endpoints,
        },
        Page::Quotas => before.endpoints != after.endpoints || pools(),
        Page::Settings => before.callers != after.callers,
        Page::Queue => before.queue != after.queue,
        _ => false,
    }
}

/// What it would replace may have changed since it was on the screen.
fn sentence(field: &Unread, fresh: bool) -> String {
    let Unread { name, text, why, stays, .. } = field;
    let stays = if fresh { format!("the last value, {stays}, stays") } else { "the last value stays".to_owned() };
    format!("{name}: \u{201c}{text}\u{201d} {why}; {stays}.")
}

/// Lists them, each with a link to its field.
pub(super) fn list(ui: &mut Ui, theme: &Theme, all: Vec<Said>) -> Option<Wish> {
    let mut wish = None;
    for Said { field, place, name, words } in all {
        super::review::warning(ui, theme, Tone::Near, &words);
        if quiet_button(ui, theme, &format!("Go to {name}")).clicked() {
            wish = Some(Wish::Field(place, field));
        }
    }
    wish
}

/// The same in a message, for what was sent to be applied.
pub(super) fn without(all: &[Said]) -> Option<String> {
    let words: Vec<&str> = all.iter().map(|one| one.words.as_str()).collect();
    (!words.is_empty()).then(|| format!("Not applied: {}", words.join(" ")))
}
