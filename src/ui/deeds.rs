//! What was done at once and can be taken back, in one order with the draft's steps: the newest goes first.
//!
//! Invariant: a deed is in one of two lists, done or undone, and each order moves it to the other, whatever came of it.
//! Absent on purpose: the draft's own history, and sending; the shell does that.

use super::draft::Draft;
use super::undo::Undo;
use crate::contract::{Command, EndpointCommand, NoticeBody, ServingCommand};
use crate::model::config::AdminState;
use crate::model::id::CommandId;

/// How many are remembered.
const MOST: usize = 50;

/// A command of the person that acted at once.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    /// As in "Undo: pause of sim-eastus".
    label: String,
    /// The way there again, and the way back.
    again: Undo,
    back: Undo,
    /// The newest step of the draft at that time.
    after: u64,
}

impl Deed {
    /// The deed that `command` is, with the way `back` from it; `None`: it is taken back by its message alone.
    pub(super) fn of(command: &Command, back: &Undo) -> Option<Self> {
        let (label, again) = match command {
            Command::Endpoint(EndpointCommand::SetAdminState(id, state)) => {
                let what = match state {
                    AdminState::Enabled => "resume",
                    AdminState::Draining => "drain",
                    AdminState::Paused => "pause",
                };
                (format!("{what} of {id}"), Undo::Endpoint(id.clone(), *state))
            }
            Command::Serving(ServingCommand::Pause) => ("pause of serving".to_owned(), Undo::Pause),
            Command::Serving(ServingCommand::Resume) => ("resume of serving".to_owned(), Undo::Resume),
            _ => return None,
        };
        Some(Self { label, again, back: back.clone(), after: 0 })
    }
}

/// What a command that was sent is to a deed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Done,
    Undone,
    Redone,
}

/// The deeds of one profile, oldest first.
#[derive(Debug, Default)]
pub(super) struct Deeds {
    done: Vec<Deed>,
    undone: Vec<Deed>,
    /// How many steps the draft had made when the last was undone: after another there is nothing to do again.
    made: u64,
    waiting: Vec<(CommandId, Way, String)>,
}

impl Deeds {
    /// Remembers what was just done by the command `id`.
    pub(super) fn did(&mut self, id: CommandId, deed: Deed, draft: &Draft) {
        self.waiting.push((id, Way::Done, deed.label.clone()));
        self.undone.clear();
        self.done.push(Deed { after: draft.newest_step(), ..deed });
        if self.done.len() > MOST {
            self.done.remove(0);
        }
    }

    /// Whether the newest thing done is a deed, not a step of the draft.
    fn is_newest(&self, draft: &Draft) -> bool {
        self.done.last().is_some_and(|deed| deed.after >= draft.newest_step())
    }

    /// Whether what was undone last is a deed.
    fn is_next(&self, draft: &Draft) -> bool {
        let fresh = self.made == draft.made();
        fresh && self.undone.last().is_some_and(|deed| draft.next_step().is_none_or(|step| deed.after < step))
    }

    /// What the next undo takes back, in the draft or at once.
    pub(super) fn undo_label<'a>(&'a self, draft: &'a Draft) -> Option<&'a str> {
        let deed = self.done.last().filter(|_| self.is_newest(draft));
        deed.map(|deed| deed.label.as_str()).or_else(|| draft.undo_label())
    }

    /// What the next redo does again.
    pub(super) fn redo_label<'a>(&'a self, draft: &'a Draft) -> Option<&'a str> {
        let deed = self.undone.last().filter(|_| self.is_next(draft));
        deed.map(|deed| deed.label.as_str()).or_else(|| draft.redo_label())
    }

    /// The command that takes the newest deed back, if nothing is newer.
    pub(super) fn back(&self, draft: &Draft) -> Option<Command> {
        self.done.last().filter(|_| self.is_newest(draft))?.back.clone().command()
    }

    /// The command that does again what was undone last, if that was a deed.
    pub(super) fn again(&self, draft: &Draft) -> Option<Command> {
        self.undone.last().filter(|_| self.is_next(draft))?.again.clone().command()
    }

    /// Brings the deed with this way back to the end, so that it is the next to be taken back; whether there is one.
    pub(super) fn turn_to(&mut self, back: &Undo, draft: &Draft) -> bool {
        let Some(at) = self.done.iter().rposition(|deed| deed.back == *back) else { return false };
        let deed = self.done.remove(at);
        self.done.push(Deed { after: draft.newest_step(), ..deed });
        true
    }

    /// The newest deed is taken back by the command `id`. Returns the way back that its message had.
    pub(super) fn undid(&mut self, id: CommandId, draft: &Draft) -> Option<Undo> {
        let deed = self.done.pop()?;
        let back = deed.back.clone();
        self.waiting.push((id, Way::Undone, deed.label.clone()));
        // After another step of the draft there is nothing to do again of what was undone before it.
        if self.made != draft.made() {
            self.undone.clear();
        }
        self.made = draft.made();
        self.undone.push(deed);
        Some(back)
    }

    /// What was undone last is done again by the command `id`.
    pub(super) fn redid(&mut self, id: CommandId) {
        let Some(deed) = self.undone.pop() else { return };
        self.waiting.push((id, Way::Redone, deed.label.clone()));
        self.done.push(deed);
    }

    /// Hears the answer to a command. Of an undo and a redo returns the words for it, and whether it can be done again.
    pub(super) fn hear(&mut self, id: Option<CommandId>, answer: &NoticeBody) -> Option<(String, bool)> {
        let at = self.waiting.iter().position(|(waiting, ..)| Some(*waiting) == id)?;
        let (_, way, label) = self.waiting.swap_remove(at);
        // What could not be saved has taken effect all the same, and what had none must not stand in the way of older steps.
        if matches!(answer, NoticeBody::Failed(_)) {
            return None;
        }
        match way {
            Way::Done => None,
            Way::Undone => Some((format!("Undone: {label}"), true)),
            Way::Redone => Some((format!("Done again: {label}"), false)),
        }
    }
}
