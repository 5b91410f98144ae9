//! Waits for another program that is writing one of our files, without holding up the requests that run on the same thread.
//!
//! Invariant: this side never stands still for a lock; a command that writes waits here first, and then takes its turn or fails.
//! Absent on purpose: the turns themselves (`store::one_writer`), and any wait of commands that write nothing.

use super::stage::Stage;
use crate::contract::{Command, ConfigCommand, EndpointCommand};
use crate::store::one_writer::{BETWEEN, TRIES};

/// Whether a command may change the configuration's file or the callers' tokens.
pub(super) const fn writes(command: &Command) -> bool {
    matches!(
        command,
        Command::Config(ConfigCommand::Apply { .. } | ConfigCommand::Reload | ConfigCommand::KeepMine)
            | Command::Live(_)
            | Command::Endpoint(EndpointCommand::SetAdminState(..))
            | Command::Caller(_)
    )
}

impl Stage {
    /// Until nobody else changes our files, for as long as one waits for a turn at all.
    pub(super) async fn wait_for_turns(&self) {
        for _ in 0..TRIES {
            let is_free = self.profile.file.as_ref().is_none_or(|file| file.meeting().is_free());
            if is_free && self.porter.meeting().is_free() {
                return;
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }
}
