//! Where messages stand: a strip between the page and the bars at the window's foot; in a small window, the status line's place.
//!
//! Invariant: the strip is given its room, so nothing lies under it; what has the keyboard is scrolled clear of it, and while
//! something is dragged no strip comes.
//! Absent on purpose: moving in and out.

use egui::accesskit::Live;
use egui::text::LayoutJob;
use egui::{
    Align, Align2, Area, FontId, Frame, Label, Layout, Margin, Order, Panel, Pos2, Rect, Response, RichText, Stroke,
    Ui, Vec2, pos2, vec2,
};
use egui_material_icons::icons::{ICON_CLOSE, ICON_CONTENT_COPY};

use super::{Pressed, Toast, Toasts, details};
use crate::ui::theme::{Theme, Tone, gap, size};
use crate::ui::widgets::{icon_button, quiet_button, text_width};

/// A window lower or narrower than this has room for one message of two lines.
const SMALL: Vec2 = vec2(620.0, 440.0);
/// A message over a sheet is no wider than this.
const WIDEST: f32 = 560.0;

/// The height of a message's first line with what stands beside it.
const LINE: f32 = 24.0;
/// The height of a message of one line with what is round it.
const LEAST: f32 = LINE + 12.0;
/// Points between a message and the sheet or the window's edge.
const APART: f32 = 3.0;

/// What was pressed of which message.
enum Press {
    Undo(usize),
    Look(usize),
    Close(usize),
}

impl Toasts {
    /// Whether the status line gives its place to them: a small window has no room for both.
    pub(in crate::ui::shell) fn take_the_status_line(&self, ctx: &egui::Context) -> bool {
        is_small(ctx) && !self.list.is_empty() && !is_under_a_sheet(ctx) && !self.waits(ctx)
    }

    /// Whether the strip, which is not there, stays away: it would take room from what is dragged over.
    fn waits(&self, ctx: &egui::Context) -> bool {
        self.height <= 0.0 && ctx.dragged_id().is_some() && !is_under_a_sheet(ctx)
    }

    /// Shows what is still to be shown, and returns what was pressed. Called once a frame. `page` is where the page was in the
    /// frame before.
    pub(in crate::ui::shell) fn show(&mut self, ui: &mut Ui, theme: &Theme, page: Rect) -> Option<Pressed> {
        let ctx = ui.ctx().clone();
        let sheet = under_which_sheet(&ctx);
        if self.waits(&ctx) || sheet.is_some_and(|sheet| beside(&ctx, sheet).is_none()) {
            self.height = 0.0;
            return None;
        }
        self.pass(&ctx);
        let before = std::mem::take(&mut self.height);
        if self.list.is_empty() {
            return None;
        }
        let frame = Frame::new().fill(theme.card).inner_margin(Margin::symmetric(16, 6));
        let press = if let Some(to) = sheet.and_then(|sheet| beside(&ctx, sheet)) {
            let frame = frame.stroke(Stroke::new(1.0, theme.edge)).corner_radius(8).shadow(ui.visuals().popup_shadow);
            let area = Area::new(over_a_sheet()).order(Order::Tooltip).constrain(false);
            let shown = area.pivot(to.1).fixed_pos(to.0).show(&ctx, |ui| {
                ui.set_width((ctx.content_rect().width() - 24.0).min(WIDEST) - 32.0);
                frame.show(ui, |ui| self.rows(ui, theme, true)).inner
            });
            shown.inner
        } else {
            let shown = Panel::bottom("messages").frame(frame).show(ui, |ui| {
                let edge =
                    Rect::from_min_size(ui.max_rect().min - vec2(16.0, 6.0), vec2(ui.max_rect().width() + 32.0, 1.0));
                ui.painter().rect_filled(edge, 0, theme.edge);
                self.rows(ui, theme, is_small(ui.ctx()))
            });
            self.height = shown.response.rect.height();
            if (self.height - before).abs() > 0.5 {
                // A panel takes the room that it took last, and what it needs in the frame after.
                ctx.request_repaint();
            }
            let grown = self.height - before;
            if grown > 0.0 && is_under(&ctx, once_it_has_room(shown.response.rect, before), page) {
                self.lift = grown;
            }
            shown.inner
        };
        match press? {
            Press::Close(place) => {
                self.list.remove(place);
                ctx.request_repaint();
                None
            }
            Press::Undo(place) => self.list.remove(place).0.undo.map(Pressed::Undo),
            Press::Look(place) => self.list.remove(place).0.look.map(|(_, look)| Pressed::Look(look)),
        }
    }

    /// The messages; where it is `small`, the newest alone.
    fn rows(&self, ui: &mut Ui, theme: &Theme, small: bool) -> Option<Press> {
        let skipped = if small { self.list.len().saturating_sub(1) } else { 0 };
        let mut press = None;
        ui.spacing_mut().item_spacing.y = gap::S;
        for (place, (toast, _)) in self.list.iter().enumerate().skip(skipped) {
            press = row(ui, theme, toast, place, small).or(press);
        }
        press
    }
}

/// Whether a sheet lies over the page; messages stand beside the sheet then.
fn is_under_a_sheet(ctx: &egui::Context) -> bool {
    ctx.memory(|memory| memory.top_modal_layer().is_some())
}

/// Where the sheet in front is, if one lies over the page.
fn under_which_sheet(ctx: &egui::Context) -> Option<Rect> {
    ctx.memory(|memory| memory.area_rect(memory.top_modal_layer()?.id))
}

fn over_a_sheet() -> egui::Id {
    egui::Id::unique("messages over a sheet")
}

/// Where a message has room below the sheet, else above it, and which of its corners that is; `None`: it would lie on what the
/// sheet has, so it waits until the sheet is gone.
fn beside(ctx: &egui::Context, sheet: Rect) -> Option<(Pos2, Align2)> {
    let window = ctx.content_rect();
    let height = ctx.memory(|memory| memory.area_rect(over_a_sheet())).map_or(LEAST, |last| last.height().max(LEAST));
    let x = window.center().x;
    if window.bottom() - sheet.bottom() >= height + 2.0 * APART {
        return Some((pos2(x, window.bottom() - APART), Align2::CENTER_BOTTOM));
    }
    (sheet.top() - window.top() >= height + 2.0 * APART).then(|| (pos2(x, window.top() + APART), Align2::CENTER_TOP))
}

fn is_small(ctx: &egui::Context) -> bool {
    let window = ctx.content_rect().size();
    window.x < SMALL.x || window.y < SMALL.y
}

/// One message with its buttons at the right.
fn row(ui: &mut Ui, theme: &Theme, toast: &Toast, place: usize, small: bool) -> Option<Press> {
    let right = Layout::right_to_left(Align::Min);
    let mut press = None;
    ui.horizontal_top(|ui| {
        ui.with_layout(right, |ui| {
            if icon_button(ui, theme, ICON_CLOSE, "Close the message").clicked() {
                press = Some(Press::Close(place));
            }
            if toast.undo.as_ref().is_some_and(|undo| beside_the_words(ui, theme, undo.label()).clicked()) {
                press = Some(Press::Undo(place));
            }
            if toast.look.as_ref().is_some_and(|(label, _)| beside_the_words(ui, theme, label).clicked()) {
                press = Some(Press::Look(place));
            }
            if toast.tone == Tone::Error
                && !toast.has_button()
                && icon_button(ui, theme, ICON_CONTENT_COPY, "Copy details").clicked()
            {
                ui.ctx().copy_text(details(&toast.text));
            }
            ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                let glyph: RichText = toast.tone.icon().rich_text().size(16.0).color(theme.tone(toast.tone));
                ui.add_sized(vec2(18.0, LINE), Label::new(glyph));
                words(ui, theme, toast, small);
            });
        });
    });
    press
}

/// A button at the height of the message's first line.
fn beside_the_words(ui: &mut Ui, theme: &Theme, words: &str) -> Response {
    let width = text_width(ui, words, &FontId::proportional(size::BODY));
    let middle = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(vec2(width.ceil(), LINE), middle, |ui| quiet_button(ui, theme, words)).inner
}

/// What it says; in a small window two lines of it, and all of it to those who point at it or hear it.
fn words(ui: &mut Ui, theme: &Theme, toast: &Toast, small: bool) {
    let mut job = LayoutJob::simple(toast.text.clone(), FontId::proportional(size::BODY), theme.text, f32::INFINITY);
    if small {
        job.wrap.max_rows = 2;
    }
    ui.vertical(|ui| {
        ui.add_space(3.0);
        let said = ui.add(Label::new(job).wrap());
        said.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &toast.text));
        let live = match toast.tone {
            // The page on which the step was made says it already, and a countdown is not to be read out every second.
            _ if toast.step || toast.heard => Live::Off,
            Tone::Error => Live::Assertive,
            _ => Live::Polite,
        };
        ui.ctx().accesskit_node_builder(said.id, |node| node.set_live(live));
        if small {
            said.on_hover_text(&toast.text);
        }
    });
}

/// Where the strip will be: one that has grown reaches below its place for a frame, and goes up by as much in the next.
fn once_it_has_room(strip: Rect, before: f32) -> Rect {
    let grown = if before > 0.0 { strip.height() - before } else { 0.0 };
    strip.translate(vec2(0.0, -grown))
}

/// Whether what has the keyboard was on the page, and is where the strip is now. What is under the pointer stays there: one
/// who points sees it go, and a page that moves under a hand has it press something else.
fn is_under(ctx: &egui::Context, strip: Rect, page: Rect) -> bool {
    let focused = ctx.memory(egui::Memory::focused).and_then(|id| ctx.read_response(id));
    focused.is_some_and(|one| one.rect.intersects(strip) && page.contains(one.rect.center()))
}
