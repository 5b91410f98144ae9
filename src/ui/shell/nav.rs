//! The navigation: one level, pages in order, icons alone in a narrow window.
//!
//! Invariant: every entry has its page's name, also when only the icon is shown.
//! Absent on purpose: counts of news; a badge means that something needs the person.

use egui::scroll_area::{ScrollAreaOutput, ScrollBarVisibility};
use egui::{Align2, Frame, Margin, Panel, Response, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons;

use super::panes::Panes;
use super::{Wish, is_low};
use crate::contract::Snapshot;
use crate::model::status::{Health, RestCause};
use crate::model::units::Grouped;
use crate::ui::actions::{self, Action};
use crate::ui::cx::Page;
use crate::ui::theme::{Theme, Tone, gap, size};

const WIDE: f32 = 1_100.0;
/// Height of an entry, in points.
const ENTRY: f32 = 32.0;
/// Where the list is to be scrolled to in the next frame.
const WANTED: &str = "navigation scrolled to";
/// Height of the strip that says that there is more.
const MORE: f32 = 24.0;

/// Shows the navigation at the left.
pub(super) fn show(
    ui: &mut Ui,
    theme: &Theme,
    now: Page,
    snapshot: &Snapshot,
    panes: &mut Panes,
    wanted: &mut Vec<Wish>,
) {
    let wide = ui.ctx().content_rect().width() >= WIDE;
    let frame =
        Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(8, if is_low(ui.ctx()) { 4 } else { 12 }));
    let width = if wide { 168.0 } else { 44.0 };
    Panel::left("nav").frame(frame).resizable(false).exact_size(width).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = gap::S;
        panes.mark(ui, "Navigation", ui.max_rect());
        let came = came(ui, now);
        // In a low window the pages do not fit below each other.
        let hidden = ScrollBarVisibility::AlwaysHidden;
        let needed = Page::ALL.iter().map(|_| ENTRY + gap::S).sum::<f32>() - gap::S;
        let fits = needed <= ui.available_height();
        let room = ui.available_height() - if fits { 0.0 } else { MORE + gap::S };
        let area = ScrollArea::vertical()
            .auto_shrink(false)
            .max_height(room)
            .min_scrolled_height(ENTRY)
            .scroll_bar_visibility(hidden);
        let to = ui.data_mut(|data| data.remove_temp::<f32>(egui::Id::unique(WANTED)));
        let area = match to {
            Some(to) => area.vertical_scroll_offset(to),
            None => area,
        };
        let list = area.show(ui, |ui| {
            for page in Page::ALL {
                let waiting = if page == Page::Queue { snapshot.view.queue.waiting } else { 0 };
                let response = entry(ui, theme, page, page == now, wide, (needs_action(page, snapshot), waiting));
                if response.gained_focus() || came && page == now {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    wanted.push(Wish::Act(Action::Go(page)));
                }
            }
        });
        if !fits {
            more(ui, theme, &list);
        }
    });
}

/// Says that there are more pages than fit, and leads to the next ones; from the last to the first.
fn more(ui: &mut Ui, theme: &Theme, list: &ScrollAreaOutput<()>) {
    let (seen, below) = (list.inner_rect.height(), list.content_size.y - list.inner_rect.height());
    let at = list.state.clamped_offset().y;
    let is_end = at >= below - 1.0;
    let (glyph, hint) = if is_end {
        (icons::ICON_KEYBOARD_ARROW_UP, "Back to the first pages")
    } else {
        (icons::ICON_KEYBOARD_ARROW_DOWN, "More pages below")
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), MORE), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "More pages"));
    let color = if response.hovered() { theme.text } else { theme.text_soft };
    if response.has_focus() {
        ui.painter().rect_stroke(rect, 7, egui::Stroke::new(2.0, theme.accent), egui::StrokeKind::Inside);
    }
    let font = egui::FontId::new(20.0, glyph.font_family());
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, glyph.codepoint, font, color);
    if response.on_hover_text(hint).clicked() {
        let to = if is_end { 0.0 } else { (at + (seen - ENTRY).max(ENTRY)).min(below) };
        ui.data_mut(|data| data.insert_temp(egui::Id::unique(WANTED), to));
        ui.ctx().request_repaint();
    }
}

/// Whether another page is shown than in the frame before.
fn came(ui: &Ui, now: Page) -> bool {
    let id = egui::Id::unique("page in the navigation");
    ui.data_mut(|data| {
        let before = data.get_temp::<Page>(id);
        data.insert_temp(id, now);
        before != Some(now)
    })
}

fn entry(ui: &mut Ui, theme: &Theme, page: Page, chosen: bool, wide: bool, (badge, waiting): (bool, u32)) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ENTRY), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, page.name()));
    let painter = ui.painter();
    if chosen {
        painter.rect_filled(rect, 7, theme.accent_soft);
    } else if response.hovered() {
        painter.rect_filled(rect, 7, theme.hover);
    }
    if response.gained_focus() {
        response.scroll_to_me(None);
    }
    if response.has_focus() {
        painter.rect_stroke(rect, 7, egui::Stroke::new(2.0, theme.accent), egui::StrokeKind::Inside);
    }
    let color = if chosen { theme.text } else { theme.text_soft };
    let glyph = icon(page);
    let font = egui::FontId::new(18.0, glyph.font_family());
    let tint = if chosen { theme.accent } else { theme.text_faint };
    let at = if wide { pos2(rect.left() + 18.0, rect.center().y) } else { rect.center() };
    painter.text(at, Align2::CENTER_CENTER, glyph.codepoint, font, tint);
    if wide {
        let spot = pos2(rect.left() + 36.0, rect.center().y);
        painter.text(spot, Align2::LEFT_CENTER, page.name(), egui::FontId::proportional(size::BODY), color);
    }
    if badge {
        painter.circle_filled(pos2(rect.right() - 8.0, rect.top() + 9.0), 3.5, theme.tone(Tone::Error));
    }
    if waiting > 0 && wide {
        let spot = pos2(rect.right() - 10.0, rect.center().y);
        let font = egui::FontId::monospace(size::BODY);
        painter.text(
            spot,
            Align2::RIGHT_CENTER,
            Grouped(waiting.into()).to_string(),
            font,
            theme.tone(Tone::Throttled),
        );
    } else if waiting > 0 {
        painter.circle_filled(pos2(rect.right() - 8.0, rect.top() + 9.0), 3.5, theme.tone(Tone::Throttled));
    }
    let hint = actions::tooltip(ui.ctx(), Action::Go(page));
    // A glyph alone does not say its page's name.
    response.on_hover_text(if wide { hint } else { format!("{}: {hint}", page.name()) })
}

fn icon(page: Page) -> MaterialIcon {
    match page {
        Page::Overview => icons::ICON_DASHBOARD,
        Page::Endpoints => icons::ICON_DNS,
        Page::Routing => icons::ICON_ALT_ROUTE,
        Page::Quotas => icons::ICON_DONUT_LARGE,
        Page::Requests => icons::ICON_LIST_ALT,
        Page::Queue => icons::ICON_HOURGLASS_EMPTY,
        Page::Usage => icons::ICON_BAR_CHART,
        Page::Accounts => icons::ICON_KEY,
        Page::Connect => icons::ICON_CABLE,
        Page::Settings => icons::ICON_SETTINGS,
    }
}

/// A rejected or missing key waits for the person.
fn needs_action(page: Page, snapshot: &Snapshot) -> bool {
    let keyless =
        |health: &Health| matches!(health, Health::NoKey | Health::Resting { cause: RestCause::KeyRejected, .. });
    page == Page::Accounts && snapshot.view.endpoints.iter().any(|endpoint| keyless(&endpoint.health))
}
