//! The panes of the window, the way of the keyboard between them, and what keeps the page still while others come and go.
//!
//! Invariant: each pane has a name and takes the keyboard as a whole; Tab then leads into it, and into the page that a key led to.
//! Absent on purpose: what is in a pane.

use egui::{Context, Id, Rect, Role, Sense, Ui, WidgetInfo};

use crate::ui::cx::Page;

/// The name of the pane that a page is in.
pub(super) fn name_of(page: Page) -> String {
    format!("{} page", page.name())
}

fn id_of(name: &str) -> Id {
    Id::unique(("pane", name))
}

/// Empty room below a page that was scrolled to its end while a message stood there: with the message gone the page would be
/// drawn down under the pointer. It goes as the page is scrolled back.
#[derive(Debug, Default)]
pub(super) struct Foot {
    room: f32,
    /// How high the page was without it.
    page: f32,
    /// How high the strip of messages was.
    strip: f32,
}

impl Foot {
    /// The room that is needed now, in points. `strip` is how high messages are, `scrolled` how far down the page is, and
    /// `height` how much of it can be seen.
    pub(super) fn before(&mut self, strip: f32, scrolled: f32, height: f32) -> f32 {
        if strip < self.strip && scrolled > 0.0 {
            self.room = self.room.max(scrolled + height - self.page);
        }
        self.strip = strip;
        self.room
    }

    /// Takes in how high the page was, with `room`, and how far down of it was seen.
    pub(super) fn after(&mut self, room: f32, page: f32, seen: f32) {
        self.page = page - room;
        self.room = room.min((seen - self.page).max(0.0));
    }
}

/// The panes that were shown in this frame, in the order in which F6 leads through them.
#[derive(Debug, Default)]
pub(super) struct Panes {
    shown: Vec<Id>,
    before: Vec<Id>,
    /// A key led to this page: the next Tab leads into it.
    entered: Option<Page>,
}

impl Panes {
    /// Begins a frame.
    pub(super) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.shown);
    }

    /// Marks what `ui` fills as a pane. To be called before its contents.
    pub(super) fn mark(&mut self, ui: &Ui, name: &str, rect: Rect) {
        let id = id_of(name);
        let response = ui.interact(rect, id, Sense::focusable_noninteractive());
        response.widget_info(|| WidgetInfo::labeled(Role::Region, true, name));
        self.shown.push(id);
    }

    /// The keyboard lets go of what it had, and goes on in this page. Nothing has it until then:
    /// arrows and letters are the page's.
    pub(super) fn enter(&mut self, ctx: &Context, page: Page) {
        if let Some(focused) = ctx.memory(egui::Memory::focused) {
            ctx.memory_mut(|memory| memory.surrender_focus(focused));
        }
        self.entered = Some(page);
    }

    /// Has a Tab in this frame begin in the page that was entered, unless something else was taken in hand since.
    pub(super) fn mind_tab(&mut self, ctx: &Context, page: Page) {
        if self.entered != Some(page) || ctx.memory(egui::Memory::focused).is_some() {
            self.entered = None;
        } else if ctx.input(|input| input.key_pressed(egui::Key::Tab)) {
            self.entered = None;
            ctx.memory_mut(|memory| memory.request_focus(id_of(&name_of(page))));
        }
    }

    /// Moves the keyboard to the pane after the one that had it last.
    pub(super) fn next(&mut self, ctx: &Context) {
        let panes = if self.shown.is_empty() { &self.before } else { &self.shown };
        let at = ctx.memory(egui::Memory::focused).and_then(|id| panes.iter().position(|pane| *pane == id));
        let next = at.map_or(0, |at| (at + 1) % panes.len().max(1));
        if let Some(id) = panes.get(next) {
            ctx.memory_mut(|memory| memory.request_focus(*id));
        }
    }
}
