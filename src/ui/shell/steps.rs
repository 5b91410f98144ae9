//! Undo and redo, of the draft's steps and of what acted at once.
//!
//! Invariant: the newest thing done goes first, whichever it was; a message says what went, in place of the one before.
//! Absent on purpose: the histories themselves (`draft`, `deeds`).

use std::sync::Arc;

use egui::Context;

use super::toasts::Look;
use super::{Console, Toast};
use crate::contract::{Command, DemoCommand, Snapshot};
use crate::model::id::CommandId;
use crate::ui::actions::Action;
use crate::ui::cx::Target;
use crate::ui::deeds::Deed;
use crate::ui::draft::Draft;
use crate::ui::flash;
use crate::ui::theme::Tone;
use crate::ui::undo::Undo;
use crate::ui::widgets::forget_unread;

impl Console {
    /// Sends a command of the person, and remembers the way back.
    pub(super) fn order(&mut self, ctx: &Context, snapshot: &Snapshot, command: Command) {
        let leaves_demo = matches!(command, Command::Profile(_)) && snapshot.profile.demo;
        if leaves_demo || matches!(command, Command::Demo(DemoCommand::Leave)) {
            self.states.skip_welcome();
        }
        let undo = Undo::of(&command, snapshot);
        let deed = undo.as_ref().and_then(|undo| Deed::of(&command, undo));
        if let (Some(id), Some(undo)) = (self.send(ctx, command), undo) {
            self.mind_way_back(id, undo, deed);
        }
    }

    /// Remembers the way back from a command that was sent.
    pub(super) fn mind_way_back(&mut self, id: CommandId, undo: Undo, deed: Option<Deed>) {
        if let Some(deed) = deed {
            self.deeds.did(id, deed, &self.draft);
        }
        self.pending.add(id, undo);
    }

    /// Takes the newest deed back, as its message does.
    fn take_back(&mut self, ctx: &Context, command: Command) {
        let Some(id) = self.send(ctx, command) else { return };
        if let Some(back) = self.deeds.undid(id, &self.draft) {
            self.toasts.settle(&back);
        }
    }

    fn do_again(&mut self, ctx: &Context, command: Command) {
        if let Some(id) = self.send(ctx, command) {
            self.deeds.redid(id);
        }
    }

    /// What the history's actions do.
    pub(super) fn edit(&mut self, action: Action, ctx: &Context) {
        match action {
            Action::Undo => match self.deeds.back(&self.draft) {
                Some(command) => self.take_back(ctx, command),
                None => self.say(ctx, "Undone", Some(Undo::Undone), Draft::undo),
            },
            Action::Redo => match self.deeds.again(&self.draft) {
                Some(command) => self.do_again(ctx, command),
                None => self.say(ctx, "Done again", None, Draft::redo),
            },
            Action::Review if self.reviewing => self.apply(ctx),
            Action::Review => self.reviewing = true,
            _ => {
                self.draft.discard();
                forget_unread(ctx, |_| true);
                self.reviewing = false;
                let toast = Toast::new(Tone::Info, "Discarded: the draft says again what runs.");
                self.toasts.add(ctx, Toast { undo: Some(Undo::Tried), ..toast });
            }
        }
    }

    /// Makes a step in the draft's history and says so, with a way back if there is one.
    pub(super) fn say(
        &mut self,
        ctx: &Context,
        what: &str,
        undo: Option<Undo>,
        step: impl FnOnce(&mut Draft) -> Option<String>,
    ) {
        let before = Arc::clone(self.draft.working());
        let Some(label) = step(&mut self.draft) else { return };
        let touched = self.draft.touched_since(&before);
        let here = touched.iter().any(|target| self.shows(target));
        let elsewhere = touched.first().filter(|_| !here).cloned();
        flash::start(ctx, touched);
        // From another page the person is not led away unasked.
        let look = elsewhere.map(|target| ("Show", Look::Place(target)));
        self.toasts.turn(ctx, Toast { undo, look, ..Toast::new(Tone::Info, format!("{what}: {label}")) });
    }

    /// Whether a place is on the page as it is. Of endpoints, one at a time is open.
    fn shows(&self, target: &Target) -> bool {
        let open = || !matches!(target, Target::Endpoint(_)) || self.selected.as_ref() == Some(target);
        target.page() == self.page() && open()
    }
}
