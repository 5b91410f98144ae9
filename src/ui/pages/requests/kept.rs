//! What is kept of the page over restarts, and when it is given away to be kept.
//!
//! Invariant: what is given away has stood unchanged for a moment, and counts as given only once it was taken.
//! Absent on purpose: taking it up again; the page does, once.

use std::time::Duration;

use egui::Ui;

use super::columns::{self, Columns};
use super::{State, Wanted};
use crate::contract::Command;
use crate::contract::snapshot::RequestsView;
use crate::ui::cx::PageCx;

/// Seconds without a change after which it is given away.
const QUIET: f64 = 0.5;

/// Gives away what changed.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// What is kept already, in the state folder of which profile; `None`: nothing was taken up yet.
    told: Option<(String, RequestsView)>,
    /// What is not kept yet, and from when on it may be given away, in seconds of the window's clock.
    changed: Option<(RequestsView, f64)>,
}

impl Keeper {
    /// The state folder of the profile whose view the page has taken up.
    pub(super) fn taken_up_of(&self) -> Option<&str> {
        self.told.as_ref().map(|(state_dir, _)| state_dir.as_str())
    }

    /// This was taken up from the profile with this state folder, so it is kept already.
    pub(super) fn take_up(&mut self, state_dir: &str, view: RequestsView) {
        (self.told, self.changed) = (Some((state_dir.to_owned(), view)), None);
    }

    /// Has this kept once it has stood for a moment, or the window is about to close.
    pub(super) fn keep(&mut self, ui: &Ui, cx: &mut PageCx, view: RequestsView) {
        let Some((state_dir, told)) = &self.told else { return };
        if *told == view {
            self.changed = None;
            return;
        }
        let state_dir = state_dir.clone();
        let (now, closing) = ui.input(|input| (input.time, input.viewport().close_requested()));
        let due = self.changed.as_ref().filter(|(changed, _)| *changed == view).map_or(now + QUIET, |(_, due)| *due);
        if now < due && !closing {
            ui.ctx().request_repaint_after(Duration::from_secs_f64(due - now));
            self.changed = Some((view, due));
            return;
        }
        if cx.send(Command::KeepRequestsView { state_dir: state_dir.clone(), view: view.clone() }).is_some() {
            self.take_up(&state_dir, view);
        } else {
            // The background is busy; asked again in every frame it would be for longer.
            self.changed = Some((view, now + QUIET));
            ui.ctx().request_repaint_after(Duration::from_secs_f64(QUIET));
        }
    }
}

/// The page as it is to be kept.
pub(super) fn view(state: &mut State) -> RequestsView {
    let sort = match state.sort_by {
        Some(Wanted::By(column, descending)) => Some((column, descending)),
        Some(Wanted::Live) => None,
        None => state.once_read.or_else(|| state.sorted.as_ref().map(|sorted| sorted.by)),
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a width in points is small and positive"
    )]
    let width = |width: f32| width.round().clamp(0.0, f32::from(u16::MAX)) as u16;
    RequestsView {
        filters: state.query.saved.clone(),
        columns: if state.columns == Columns::default() { Vec::new() } else { state.columns.names() },
        clauses: state.query.own(),
        sort: sort.and_then(|(at, descending)| Some((columns::KINDS.get(at)?.id.to_owned(), descending))),
        widths: state.table.widths.iter().map(|(title, points)| ((*title).to_owned(), width(*points))).collect(),
    }
}
