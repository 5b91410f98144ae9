//! What takes back a change that acted at once: pausing, draining, resuming, applying.
//!
//! Invariant: an undo restores what was applied when the command was sent; undoing is offered once.
//! Absent on purpose: edits that are not applied, which have a history of their own, and keys, which have none.

use std::sync::Arc;

use crate::contract::snapshot::Serving;
use crate::contract::{
    Base, Command, ConfigCommand, DemoCommand, EndpointCommand, LineCommand, NoticeBody, RevertCause, ServingCommand,
    Snapshot,
};
use crate::model::config::{AdminState, Caller, Config};
use crate::model::id::{CommandId, EndpointId, RequestId};

/// The way back.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Undo {
    /// Gives an endpoint the state it had.
    Endpoint(EndpointId, AdminState),
    /// Serves again.
    Resume,
    /// Pauses again.
    Pause,
    /// Keeps a request that is about to be ended.
    Keep(RequestId),
    /// Begins the demo again.
    Demo,
    /// What was tried in a live session, or discarded, is in the draft again, with what was edited since.
    Tried,
    /// Does the edit of the draft that was undone last again.
    Undone,
    /// Applies again what ran before, as a revision of its own. With what runs by then.
    Applied(Arc<Config>, Base),
}

impl Undo {
    /// The way back from `command`, if it can be taken back.
    pub(super) fn of(command: &Command, snapshot: &Snapshot) -> Option<Self> {
        match command {
            Command::Endpoint(EndpointCommand::SetAdminState(id, _)) => {
                let before = snapshot.applied.config.endpoint(id)?.admin_state;
                Some(Self::Endpoint(id.clone(), before))
            }
            Command::Serving(ServingCommand::Pause) => is_listening(snapshot).then_some(Self::Resume),
            Command::Serving(ServingCommand::Resume) => Some(Self::Pause),
            Command::Demo(DemoCommand::Leave) => Some(Self::Demo),
            Command::Profile(_) => snapshot.profile.demo.then_some(Self::Demo),
            Command::Line(LineCommand::CancelSoon(request)) => Some(Self::Keep(*request)),
            Command::Config(ConfigCommand::Apply { config, .. }) => {
                let before = &snapshot.applied.config;
                // Tokens go for good with their callers, so that going back would not bring back who was let in.
                let goes = |caller: &Caller| config.callers.iter().all(|stays| stays.id != caller.id);
                let whole = !before.callers.iter().any(goes);
                whole.then(|| Self::Applied(Arc::clone(before), snapshot.applied.base()))
            }
            _ => None,
        }
    }

    /// Whether something else was applied since, so that going back would take back that, too.
    pub(super) fn is_stale(&self, snapshot: &Snapshot) -> bool {
        matches!(self, Self::Applied(_, base) if *base != snapshot.applied.base())
    }

    /// The command that goes back; `None`: the draft goes back, and nothing is sent.
    pub(super) fn command(self) -> Option<Command> {
        match self {
            Self::Endpoint(id, state) => Some(Command::Endpoint(EndpointCommand::SetAdminState(id, state))),
            Self::Resume => Some(Command::Serving(ServingCommand::Resume)),
            Self::Pause => Some(Command::Serving(ServingCommand::Pause)),
            Self::Keep(request) => Some(Command::Line(LineCommand::Keep(request))),
            Self::Demo => Some(Command::Demo(DemoCommand::Enter)),
            Self::Applied(config, base) => Some(Command::Config(ConfigCommand::Apply { base, config })),
            Self::Tried | Self::Undone => None,
        }
    }

    /// The same once the command was answered; `None`: nothing came of it, so there is nothing to take back.
    pub(super) fn once(self, answer: &NoticeBody) -> Option<Self> {
        match (self, answer) {
            (Self::Applied(config, base), NoticeBody::Applied { revision, .. }) => {
                Some(Self::Applied(config, Base { revision: *revision, ..base }))
            }
            (Self::Applied(..), _) => None,
            (undo, _) => Some(undo),
        }
    }

    /// Whether it means the same in another profile, which may have an endpoint of the same name.
    pub(super) const fn outlives_the_profile(&self) -> bool {
        match self {
            Self::Resume | Self::Pause | Self::Keep(_) | Self::Demo => true,
            Self::Endpoint(..) | Self::Tried | Self::Undone | Self::Applied(..) => false,
        }
    }

    /// What its button says.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Tried => "Re-apply as draft",
            Self::Undone => "Redo",
            Self::Demo => "Back to the demo",
            Self::Endpoint(..) | Self::Resume | Self::Pause | Self::Keep(_) | Self::Applied(..) => "Undo",
        }
    }

    /// The way back from what a notice tells of unasked.
    pub(super) const fn of_notice(body: &NoticeBody) -> Option<Self> {
        match body {
            NoticeBody::Reverted { why: RevertCause::Ended(_), .. } => None,
            NoticeBody::Reverted { .. } => Some(Self::Tried),
            _ => None,
        }
    }
}

fn is_listening(snapshot: &Snapshot) -> bool {
    matches!(snapshot.serving, Serving::Listening { .. })
}

/// Commands under way that can be taken back once they are done.
#[derive(Debug, Default)]
pub(super) struct Pending(Vec<(CommandId, Undo)>);

impl Pending {
    /// Remembers the way back from a command.
    pub(super) fn add(&mut self, id: CommandId, undo: Undo) {
        self.0.push((id, undo));
    }

    /// Forgets what belongs to a profile that was left.
    pub(super) fn begin_anew(&mut self) {
        self.0.retain(|(_, undo)| undo.outlives_the_profile());
    }

    /// The way back from the command that was just answered so.
    pub(super) fn take(&mut self, id: Option<CommandId>, answer: &NoticeBody) -> Option<Undo> {
        let place = self.0.iter().position(|(waiting, _)| Some(*waiting) == id)?;
        self.0.swap_remove(place).1.once(answer)
    }
}
