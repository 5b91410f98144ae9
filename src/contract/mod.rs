//! Where the screen and the background meet: snapshots out, commands in, notices back.
//!
//! Invariant: plain values with public fields; nothing here decides.
//! Absent on purpose: domain logic, drawing, sockets.

pub mod command;
pub mod desktop;
pub mod door;
pub mod history;
pub mod line;
pub mod snapshot;

pub use command::{
    Base, Command, ConfigCommand, DemoCommand, EndpointCommand, ExportCommand, ExportFormat, Folder, KeyCommand,
    LineCommand, LiveCommand, Notice, NoticeBody, ProfileCommand, RevertCause, SaveCommand, ServingCommand,
};
pub use desktop::{DesktopNote, NoteButtons, NotePress};
pub use door::{CallerCommand, DoorView};
pub use history::{HistoryCommand, HistoryView};
pub use line::{BackEnd, Busy, CommandInbox, News, UiEnd, line};
pub use snapshot::Snapshot;
