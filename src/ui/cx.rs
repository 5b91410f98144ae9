//! What a page is given: the snapshot, the theme, the draft, and ways to ask for something.
//!
//! Invariant: a page changes nothing but its own view state and the draft; all else is asked for and happens after the frame.
//! Absent on purpose: other pages' view state.

use std::borrow::Cow;
use std::sync::Arc;

use crate::contract::{Command, Notice, Snapshot, UiEnd};
use crate::model::id::{AccountId, CommandId, EndpointId, ModelName, PoolId, RequestId};
use crate::model::preferences::Preferences;

use super::actions::Action;
use super::deeds::Deed;
use super::draft::Draft;
use super::theme::{Theme, Tone};
use super::undo::Undo;
use super::usage_view::{By, Range};

/// The pages, in the order of the navigation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Is it fine? If not, what do I do?
    #[default]
    Overview,
    /// How is each target doing?
    Endpoints,
    /// Who gets traffic first?
    Routing,
    /// How is my allowance divided?
    Quotas,
    /// What happened to this call, and why?
    Requests,
    /// Who is waiting, and for what?
    Queue,
    /// Who used how much?
    Usage,
    /// Are my keys good?
    Accounts,
    /// How do I point my tool here?
    Connect,
    /// How does Tidegate behave?
    Settings,
}

/// What the shell knows of a page.
struct Facts {
    name: &'static str,
    question: &'static str,
    fills_window: bool,
    widest: f32,
}

/// A page of cards: it scrolls as a whole and grows no wider than is easy to read across.
const fn cards(name: &'static str, question: &'static str) -> Facts {
    Facts { name, question, fills_window: false, widest: 1_560.0 }
}

/// A page that scrolls within itself and takes all the width there is.
const fn list(name: &'static str, question: &'static str) -> Facts {
    Facts { name, question, fills_window: true, widest: f32::INFINITY }
}

impl Page {
    /// Every page, in order. The first nine have Ctrl with their number.
    pub const ALL: [Self; 10] = [
        Self::Overview,
        Self::Endpoints,
        Self::Routing,
        Self::Quotas,
        Self::Requests,
        Self::Queue,
        Self::Usage,
        Self::Accounts,
        Self::Connect,
        Self::Settings,
    ];

    const fn facts(self) -> Facts {
        match self {
            Self::Overview => {
                Facts { widest: f32::INFINITY, ..cards("Overview", "Is it fine, and if not, what to do") }
            }
            Self::Endpoints => cards("Endpoints", "How each endpoint is doing"),
            Self::Routing => cards("Routing", "Who gets traffic first, and in what share"),
            Self::Quotas => cards("Quotas", "How the allowance is divided"),
            Self::Requests => list("Requests", "What happened to a request, and why"),
            Self::Queue => cards("Queue", "Who is waiting, and for what"),
            Self::Usage => cards("Usage", "Who used how many tokens, day by day"),
            Self::Accounts => cards("Accounts", "Accounts and their keys"),
            Self::Connect => cards("Connect", "How to point a tool here"),
            Self::Settings => Facts { widest: 2_000.0, ..cards("Settings", "How Tidegate behaves on this computer") },
        }
    }

    /// Whether it fills the window and scrolls within itself; other pages scroll as a whole.
    #[must_use]
    pub const fn fills_window(self) -> bool {
        self.facts().fills_window
    }

    /// How wide its content grows, in points. Bars and rows longer than this are hard to read across.
    #[must_use]
    pub const fn widest(self) -> f32 {
        self.facts().widest
    }

    /// Its name in the navigation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// Whether it has a filter to type into.
    #[must_use]
    pub const fn has_filter(self) -> bool {
        matches!(self, Self::Requests | Self::Settings)
    }

    /// The question it answers.
    #[must_use]
    pub const fn question(self) -> &'static str {
        self.facts().question
    }
}

/// A place within a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The detail of an endpoint.
    Endpoint(EndpointId),
    /// Every field of an endpoint.
    Config(EndpointId),
    /// A request and its why.
    Request(RequestId),
    /// A request and its headers.
    Headers(RequestId),
    /// The requests of one endpoint.
    RequestsOf(EndpointId),
    /// The requests that pass a filter, as typed.
    RequestsWhere(Cow<'static, str>),
    /// An account and its key.
    Account(AccountId),
    /// A route's lanes.
    Route(ModelName),
    /// A pool's bar.
    Pool(PoolId),
    /// A setting, by its name in links.
    Setting(&'static str),
    /// Usage by this, over these days.
    Usage(By, Range),
    /// A page as it opens, with nothing in it open.
    Top(Page),
}

impl Target {
    /// The page it lies in.
    #[must_use]
    pub const fn page(&self) -> Page {
        match self {
            Self::Endpoint(_) | Self::Config(_) => Page::Endpoints,
            Self::Request(_) | Self::Headers(_) | Self::RequestsOf(_) | Self::RequestsWhere(_) => Page::Requests,
            Self::Account(_) => Page::Accounts,
            Self::Route(_) => Page::Routing,
            Self::Pool(_) => Page::Quotas,
            Self::Setting(_) => Page::Settings,
            Self::Usage(..) => Page::Usage,
            Self::Top(page) => *page,
        }
    }
}

/// What pages asked of the shell during one frame.
#[derive(Debug, Default)]
pub struct Asks {
    pub(super) page: Option<Page>,
    pub(super) target: Option<Target>,
    pub(super) toasts: Vec<(Tone, String)>,
    pub(super) step: Option<String>,
    pub(super) review: bool,
    pub(super) revision: Option<u64>,
    pub(super) acts: Vec<Action>,
    pub(super) selected: Option<Target>,
    pub(super) again: bool,
    pub(super) undoable: Vec<(CommandId, Undo, Option<Deed>)>,
}

/// Where the person wants to go in a page's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowStep {
    /// One down.
    Next,
    /// One up.
    Previous,
    /// To the first.
    First,
    /// To the last.
    Last,
}

impl RowStep {
    /// The row to go to from row `at`, of `count`; `None`: there is none. Without a row in hand a step takes the first one.
    #[must_use]
    pub fn from(self, at: Option<usize>, count: usize) -> Option<usize> {
        let last = count.checked_sub(1)?;
        Some(match (self, at) {
            (Self::First, _) | (Self::Next | Self::Previous, None) => 0,
            (Self::Last, _) => last,
            (Self::Next, Some(at)) => at.saturating_add(1).min(last),
            (Self::Previous, Some(at)) => at.saturating_sub(1).min(last),
        })
    }
}

/// What a page is given for one frame.
pub struct PageCx<'a> {
    /// The proxy as it stood.
    pub snapshot: &'a Arc<Snapshot>,
    /// Colours.
    pub theme: &'static Theme,
    /// The edited configuration. Pages show and change `draft.working()`.
    pub draft: &'a mut Draft,
    /// Notices that came since the last frame; toasts are made of them already.
    pub notices: &'a [Notice],
    /// How the person likes the window. A change acts at once and is kept.
    pub preferences: &'a mut Preferences,
    /// Whether the inspector shows what is in hand.
    pub inspecting: bool,
    pub(super) arrived: Option<Target>,
    /// Actions of this page that were asked for by keys or from the palette.
    pub(super) acts: Vec<Action>,
    pub(super) line: &'a UiEnd,
    pub(super) asks: &'a mut Asks,
}

impl PageCx<'_> {
    /// Sends a command; says so in a toast if the background is busy. The answer is a notice with this id.
    pub fn send(&mut self, command: Command) -> Option<CommandId> {
        let undo = Undo::of(&command, self.snapshot);
        let deed = undo.as_ref().and_then(|undo| Deed::of(&command, undo));
        match self.line.send(command) {
            Ok(id) => {
                self.asks.undoable.extend(undo.map(|undo| (id, undo, deed)));
                Some(id)
            }
            Err(busy) => {
                self.toast(Tone::Error, busy.to_string());
                None
            }
        }
    }

    /// Goes to a page after this frame.
    pub fn go(&mut self, page: Page) {
        self.asks.page = Some(page);
    }

    /// Goes to a place within a page after this frame.
    pub fn open(&mut self, target: Target) {
        self.asks.page = Some(target.page());
        self.asks.target = Some(target);
    }

    /// The place the person was sent to, in the first frame of the page. Taken once.
    pub fn take_target(&mut self) -> Option<Target> {
        self.arrived.take()
    }

    /// Whether the person asked for this action of the page, by its keys or from the palette. Taken once.
    pub fn take(&mut self, action: Action) -> bool {
        let place = self.acts.iter().position(|wanted| *wanted == action);
        place.map(|place| self.acts.remove(place)).is_some()
    }

    /// Where in its rows the page is to go. Taken once.
    pub fn take_row_step(&mut self) -> Option<RowStep> {
        let steps = [
            (Action::NextRow, RowStep::Next),
            (Action::PreviousRow, RowStep::Previous),
            (Action::OldestRow, RowStep::First),
            (Action::NewestRow, RowStep::Last),
        ];
        steps.into_iter().find(|(action, _)| self.take(*action)).map(|(_, step)| step)
    }

    /// Asks the shell for an action after this frame.
    pub fn act(&mut self, action: Action) {
        self.asks.acts.push(action);
    }

    /// Says what is selected or open on the page: the inspector shows it, actions and links are about it.
    pub fn select(&mut self, selected: Option<Target>) {
        self.asks.selected = selected;
    }

    /// Says something for a few seconds.
    pub fn toast(&mut self, tone: Tone, text: impl Into<String>) {
        self.asks.toasts.push((tone, text.into()));
    }

    /// Says what a step by keyboard came to, for a few seconds. It takes the place of what the step before said.
    pub fn step(&mut self, text: &str) {
        self.asks.step = Some(text.to_owned());
    }

    /// Opens the sheet that lists the draft's changes.
    pub fn review(&mut self) {
        self.asks.review = true;
    }

    /// Opens the list of revisions at this one.
    pub fn open_revision(&mut self, number: u64) {
        self.asks.revision = Some(number);
    }

    /// There is more to work out than one frame should do: asks for another one soon.
    pub fn again(&mut self) {
        self.asks.again = true;
    }

    /// Tells the background that the person drags, so that snapshots come faster.
    pub fn watch_closely(&self, closely: bool) {
        self.line.watch_closely(closely);
    }
}
