//! Building blocks of pages. They know the theme and nothing of the domain.
//!
//! Invariant: every control has an accessible name; every painted one says its value too.
//! Absent on purpose: snapshots, commands and configuration.

mod amount;
mod announce;
mod bar;
mod basic;
mod blank;
mod border;
mod edge;
mod elide;
mod lane;
mod limit_line;
mod loading;
mod table;
mod unapplied;
mod unread;

pub use amount::{AmountChange, AmountEdit, forget_unread};
pub use announce::announce;
pub(super) use bar::hatch;
pub use bar::{Bar, headroom_bar};
pub use basic::{
    answer_button, card, checkbox, chip, fact, icon_button, icon_button_saying, icon_text_button, in_hand, note,
    outlined, page_title, primary_button, quiet_button, radio, radio_value, section, status_label,
};
pub use blank::{Blank, BlankOutput, sentence_words};
pub use border::{Border, BorderEvent, BorderOutput};
pub use edge::move_edge_by_keys;
pub use elide::{facts, middle, text_width};
pub use lane::{LaneSpan, state_lane};
pub use limit_line::{LimitLine, LineEvent, LineOutput};
pub use loading::loading;
pub use table::{Column, DataTable, Rows, TableEvent, TableState};
pub use unapplied::{on_or_off, unapplied};
pub use unread::{Unread, end_seeking, seek, sought, unread};
