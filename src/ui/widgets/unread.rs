//! Fields whose text cannot be read: which they are, and the way back to one.
//!
//! Invariant: a field stands here from when its text became wrong until it is mended, taken back or forgotten.
//! Absent on purpose: on which page a field is; whoever lists them knows what was shown.

use egui::{Context, Id};

/// A field whose text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Which field.
    pub field: Id,
    /// What the field is called.
    pub name: String,
    /// What stands in it.
    pub text: String,
    /// Why that is no value: `is not a number`.
    pub why: String,
    /// What it would replace, and what goes on instead: `80,000 TPM`, `learned`.
    pub stays: String,
    /// The frame in which the field was shown last.
    pub(super) seen: u64,
}

impl Unread {
    /// Whether it is on the screen.
    #[must_use]
    pub fn is_shown(&self, ctx: &Context) -> bool {
        self.seen == ctx.cumulative_frame_nr()
    }
}

type All = Vec<Unread>;

/// Frames within which a field that is looked for has to come.
const SOUGHT: u64 = 12;

fn all_id() -> Id {
    Id::unique("fields that cannot be read")
}

fn sought_id() -> Id {
    Id::unique("field that is looked for")
}

/// Every such field, in the order in which they became so.
#[must_use]
pub fn unread(ctx: &Context) -> All {
    ctx.data(|data| data.get_temp(all_id())).unwrap_or_default()
}

/// Has a field take the keyboard and come into sight, once it is shown.
pub fn seek(ctx: &Context, field: Id) {
    let until = ctx.cumulative_frame_nr() + SOUGHT;
    ctx.data_mut(|data| data.insert_temp(sought_id(), (field, until)));
}

/// The field that is looked for and is not on the screen yet.
#[must_use]
pub fn sought(ctx: &Context) -> Option<Id> {
    let (field, until) = ctx.data(|data| data.get_temp::<(Id, u64)>(sought_id()))?;
    (ctx.cumulative_frame_nr() <= until).then_some(field)
}

/// No field is looked for any longer: it came, or the person went on.
pub fn end_seeking(ctx: &Context) {
    ctx.data_mut(|data| data.remove::<(Id, u64)>(sought_id()));
}

/// Whether it is this field that is looked for. Said once.
pub(super) fn is_sought(ctx: &Context, field: Id) -> bool {
    let found = sought(ctx) == Some(field);
    if found {
        end_seeking(ctx);
    }
    found
}

/// Notes that a field cannot be read, or that it can.
pub(super) fn note_unread(ctx: &Context, field: Id, wrong: Option<Unread>) {
    let mut all = unread(ctx);
    match (all.iter_mut().find(|known| known.field == field), wrong) {
        (Some(known), Some(wrong)) => *known = wrong,
        (Some(_), None) => all.retain(|known| known.field != field),
        (None, Some(wrong)) => all.push(wrong),
        (None, None) => return,
    }
    ctx.data_mut(|data| data.insert_temp(all_id(), all));
}
