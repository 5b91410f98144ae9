//! Fields whose text cannot be read: what is said of them before anything is applied, and the way to each.
//!
//! Invariant: what is applied without such a field is said once, by name.
//! Absent on purpose: mending; the field says what it takes.

use egui::{Context, Id, Ui};

use super::Wish;
use crate::ui::cx::Target;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::{self, Unread, quiet_button};

/// Where each of them is, and at which version of the draft it was seen.
#[derive(Debug, Default)]
pub(super) struct Fields {
    places: Vec<(Id, Target, u64)>,
}

/// One of them, in words.
pub(super) struct Said {
    pub(super) field: Id,
    pub(super) place: Target,
    pub(super) name: String,
    pub(super) words: String,
}

impl Fields {
    /// Remembers where those are that the page has just shown.
    pub(super) fn follow(&mut self, ctx: &Context, here: &Target, version: u64) {
        let all = widgets::unread(ctx);
        self.places.retain(|(id, ..)| all.iter().any(|one| one.field == *id && !one.is_shown(ctx)));
        let shown = all.iter().filter(|one| one.is_shown(ctx));
        self.places.extend(shown.map(|one| (one.field, here.clone(), version)));
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
