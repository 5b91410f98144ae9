//! What the screen asks for, and what it is told.
//!
//! Invariant: every command is answered by exactly one notice with its id, an export by some that say how far it is before;
//! notices without a command carry no id.
//! Absent on purpose: anything that would need an answer to go on drawing.

use std::sync::Arc;

use crate::contract::desktop::NotePress;
use crate::contract::door::{CallerCommand, Told};
use crate::contract::history::HistoryCommand;
use crate::contract::snapshot::{Problem, RequestsView};
use crate::model::check::Finding;
use crate::model::config::{AdminState, Config};
use crate::model::id::{AccountId, CallerId, CommandId, EndpointId, ModelName, RequestId};
use crate::model::record::RequestRecord;
use crate::model::secret::Secret;

/// What the person wants.
pub enum Command {
    /// About the configuration.
    Config(ConfigCommand),
    /// About a live session: edits that run before they are kept.
    Live(LiveCommand),
    /// About one endpoint, at once.
    Endpoint(EndpointCommand),
    /// About one request that waits.
    Line(LineCommand),
    /// About keys.
    Key(KeyCommand),
    /// About callers and their tokens.
    Caller(CallerCommand),
    /// About serving as a whole.
    Serving(ServingCommand),
    /// About the demo.
    Demo(DemoCommand),
    /// About profiles.
    Profile(ProfileCommand),
    /// About what is stored.
    History(HistoryCommand),
    /// Write requests to a file. Told how far it is while it is written.
    Export(ExportCommand),
    /// Write a text to a file, where exports go.
    Save(SaveCommand),
    /// Open a folder of this profile with the desktop's own program.
    Reveal(Folder),
    /// Keep this view of the Requests page over restarts.
    KeepRequestsView {
        /// The state folder of the profile it is of, as the snapshot says it; in another one it is not kept.
        state_dir: String,
        /// How the page is.
        view: RequestsView,
    },
    /// Send one small request through our own port, as a client would.
    SendTest {
        /// The model to ask for.
        model: ModelName,
    },
}

/// Requests to be written to a file.
pub struct ExportCommand {
    /// How.
    pub format: ExportFormat,
    /// The file's name without its ending; the folder is the background's choice.
    pub name: String,
    /// In the order in which they are to stand.
    pub records: Arc<[Arc<RequestRecord>]>,
}

/// A text to be written to a file.
pub struct SaveCommand {
    /// The file's name without its ending; the folder is the background's choice.
    pub name: String,
    /// Its ending.
    pub ending: &'static str,
    /// What is in it.
    pub text: String,
}

/// A folder of the profile, or the file in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Of the configuration file.
    Config,
    /// The configuration file itself.
    ConfigFile,
    /// Of history and revisions.
    Data,
    /// Of the lock and the window's looks.
    State,
}

/// The format of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A JSON document a line.
    Jsonl,
    /// A table.
    Csv,
    /// An HTTP archive.
    Har,
}

/// What a draft was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The profile; another one may have the same number.
    pub profile: Arc<str>,
    /// The applied revision.
    pub revision: u64,
}

/// About the configuration.
pub enum ConfigCommand {
    /// Swap in this draft, if the applied revision is still its base.
    Apply {
        /// The revision the draft was cloned from.
        base: Base,
        /// The whole configuration.
        config: Arc<Config>,
    },
    /// Read the file again.
    Reload,
    /// Write what we last wrote over what somebody else made of the file.
    KeepMine,
    /// Put the last good text in place of a file that could not be read, which is kept beside it, and read it.
    PutBack,
}

/// About a live session: edits that run, but are written nowhere until the person keeps them.
pub enum LiveCommand {
    /// Run this draft, if the applied revision is still its base. The first one begins a session.
    Try {
        /// The revision the draft was cloned from.
        base: Base,
        /// The whole configuration.
        config: Arc<Config>,
    },
    /// Write down what runs; it is a revision like any other from then on.
    Keep,
    /// Go back to what ran before the session.
    Revert,
    /// Begin the countdown anew.
    Extend,
}

/// About one endpoint; takes effect at once and is written to the file.
pub enum EndpointCommand {
    /// Enable, drain or pause.
    SetAdminState(EndpointId, AdminState),
}

/// About requests that wait in line or run. Says nothing if they have gone meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineCommand {
    /// Let it wait no longer: its client gets an answer that says so.
    Cancel(RequestId),
    /// The same in a few seconds, unless it is kept before; a stream that runs is ended then.
    CancelSoon(RequestId),
    /// Do not cancel it after all.
    Keep(RequestId),
    /// Let no request of this client wait any longer.
    CancelAllOf(Arc<str>),
    /// Put it first in its route's line.
    Promote(RequestId),
    /// Send it now to this endpoint of its route, whether it has room or not.
    SendNow(RequestId, EndpointId),
    /// List as many of those who wait and run as can be listed, until they fit on a page again.
    ListAll,
}

/// About keys. They leave the screen in this command and nowhere else.
pub enum KeyCommand {
    /// Store this key for the account.
    Set(AccountId, Secret),
    /// Keep this key for the account in memory until we quit, without the keyring.
    Hold(AccountId, Secret),
    /// Forget the account's key.
    Remove(AccountId),
    /// Test it against the service.
    Test(AccountId),
    /// Ask this endpoint for one token, with its account's key; it is charged.
    Call(EndpointId),
    /// Test an account as it stands in this configuration, which is not applied.
    Try(Arc<Config>, AccountId),
    /// Ask an endpoint as it stands in this configuration, which is not applied, for one token; it is charged.
    TryCall(Arc<Config>, EndpointId),
    /// Store the key that is to follow; the one in use goes on being sent.
    SetNext(AccountId, Secret),
    /// Forget the key that is to follow.
    RemoveNext(AccountId),
    /// Test the key that is to follow.
    TestNext(AccountId),
    /// New requests use the next key at once; running ones finish, and the one before is kept for ten minutes.
    Switch(AccountId),
    /// Use the key before again.
    SwitchBack(AccountId),
    /// Ask the keyring again; a locked one asks the person to unlock it.
    Ask,
}

/// About serving as a whole.
pub enum ServingCommand {
    /// Requests get a clear 503 until resumed.
    Pause,
    /// Serve again.
    Resume,
    /// Try the port of the configuration again.
    RetryPort,
    /// Be reachable from this computer alone, at once.
    ThisComputerOnly,
}

/// About the demo.
pub enum DemoCommand {
    /// Swap the profile for the demo's.
    Enter,
    /// Drop the demo's profile and its history.
    Leave,
    /// Play a script by its name.
    Play(String),
    /// Stop the script.
    Stop,
}

/// About the profiles of this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileCommand {
    /// Serve this one in place of what runs.
    Enter(String),
    /// Add one of this name, and serve it.
    Add(String),
}

/// What the person is told.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The command it answers; `None`: nobody asked.
    pub id: Option<CommandId>,
    /// What happened.
    pub body: NoticeBody,
}

/// Why a live session was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevertCause {
    /// The person wanted it.
    Asked,
    /// Nobody confirmed within this many seconds.
    Unconfirmed(u32),
    /// Too many requests failed.
    Errors {
        /// Percent of requests that failed since the last edit.
        percent: u32,
        /// Percent of them in the minute before the session.
        before: u32,
    },
    /// Tidegate ended before it was confirmed; the session began at this moment, as Unix milliseconds.
    Ended(u64),
}

/// What happened.
#[derive(Clone, Debug)]
pub enum NoticeBody {
    /// Done; a short sentence for a toast, empty if there is nothing to say.
    Done(String),
    /// A configuration was applied.
    Applied {
        /// Its number.
        revision: u64,
        /// What is said of it.
        findings: Vec<Finding>,
    },
    /// A live session was taken back: this revision runs again, as it was.
    Reverted {
        /// Its number.
        revision: u64,
        /// Why.
        why: RevertCause,
    },
    /// A draft was not applied, and why.
    Rejected(Vec<Finding>),
    /// The test request is answered; its record has this id.
    TestSent {
        /// The record.
        request: RequestId,
        /// The status the client got.
        status: u16,
    },
    /// An export goes on; its end is told by another notice.
    Exporting {
        /// Requests written.
        done: u64,
        /// Of so many.
        of: u64,
    },
    /// A token was made. It is told here and nowhere else.
    TokenMade {
        /// Whose.
        caller: CallerId,
        /// The token.
        token: Told,
    },
    /// A second launch asks for the window, and for a place in it.
    Rung {
        /// As it was given to the second launch.
        link: Option<String>,
    },
    /// The command line asks that serving ends, once what runs is answered.
    StopAsked,
    /// The person pressed a button of a desktop notification.
    NotePressed {
        /// The note's id.
        note: u64,
        /// Which button.
        press: NotePress,
    },
    /// It did not work.
    Failed(Problem),
}
