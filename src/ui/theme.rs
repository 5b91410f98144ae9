//! Colours, type and spacing, read from `assets/theme.json` and put into egui's style once per theme.
//!
//! Invariant: no other file makes a colour. Pages use the aliases here, never the scale behind them.
//! Absent on purpose: meanings of domain states; `ui::status` maps those to a [`Tone`].

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use egui::epaint::Shadow;
use egui::{Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Stroke, Style, TextStyle};
use egui_material_icons::MaterialIcon;
use egui_material_icons::icons;
use serde::Deserialize;

use crate::contract::snapshot::EndpointSeries;
use crate::model::preferences::{Palette, Preferences};

const TOKENS: &str = include_str!("../../assets/theme.json");
const UI_FACE: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");
const STRONG_FACE: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");
const MONO_FACE: &[u8] = include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf");
const STRONG: &str = "strong";

/// Text sizes in points. There are three.
pub mod size {
    /// Captions and axis labels; the smallest size there is.
    pub const SMALL: f32 = 11.5;
    /// Everything else.
    pub const BODY: f32 = 13.0;
    /// Page titles and the number of a tile.
    pub const TITLE: f32 = 19.0;
}

/// Distances in points, on a grid of 4.
pub mod gap {
    /// Between things that belong together.
    pub const S: f32 = 4.0;
    /// Between things of one kind.
    pub const M: f32 = 8.0;
    /// Inside a card.
    pub const L: f32 = 12.0;
    /// Between cards and round a page.
    pub const XL: f32 = 16.0;
    /// Height of a table's row.
    pub const ROW: f32 = 28.0;
}

/// What a colour says. Never alone: a tone is drawn with its glyph and a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Serving.
    Ok,
    /// 80 % and more of a limit is taken.
    Near,
    /// Throttled by the service or held by us.
    Throttled,
    /// Failed or rejected.
    Error,
    /// Unapplied, selected, or merely told.
    Info,
    /// Paused or disabled.
    Off,
    /// Not known yet, or not concerned: nothing to say, drawn in the grey of [`Tone::Off`].
    Quiet,
}

impl Tone {
    /// The glyph that stands beside the word.
    #[must_use]
    pub fn icon(self) -> MaterialIcon {
        match self {
            Self::Ok => icons::ICON_CHECK_CIRCLE,
            Self::Near => icons::ICON_TIMELAPSE,
            Self::Throttled => icons::ICON_HOURGLASS_TOP,
            Self::Error => icons::ICON_CANCEL,
            Self::Info => icons::ICON_EDIT,
            Self::Off => icons::ICON_PAUSE_CIRCLE,
            Self::Quiet => icons::ICON_RADIO_BUTTON_UNCHECKED,
        }
    }
}

/// How the line of a series is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dash {
    /// Unbroken.
    Solid,
    /// Dashes of this many points.
    Dashed(u8),
    /// Dots this many points apart.
    Dotted(u8),
}

/// The colour and dash of a series, bound to an endpoint's slot for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesStyle {
    /// The line's colour.
    pub color: Color32,
    /// The line's dash.
    pub dash: Dash,
}

/// The aliases of one theme.
#[derive(Clone, Debug, Default)]
pub struct Theme {
    /// Whether surfaces are dark.
    pub dark: bool,
    /// Whether borders and text are stronger than usual.
    pub strong: bool,
    /// Behind the page's cards.
    pub page: Color32,
    /// Behind bars and navigation.
    pub panel: Color32,
    /// A card.
    pub card: Color32,
    /// Round cards and between bars.
    pub edge: Color32,
    /// Round boxes to tick and fields, which are known by it alone.
    pub outline: Color32,
    /// A button at rest.
    pub raised: Color32,
    /// A button or row under the pointer.
    pub hover: Color32,
    /// A button held down.
    pub pressed: Color32,
    /// A text field.
    pub field: Color32,
    /// The empty part of a bar.
    pub track: Color32,
    /// The used part of a bar while all is well.
    pub fill: Color32,
    /// Grid lines of plots.
    pub grid: Color32,
    /// Text.
    pub text: Color32,
    /// Text of lesser rank.
    pub text_soft: Color32,
    /// Captions.
    pub text_faint: Color32,
    /// Links, focus, the primary button.
    pub accent: Color32,
    /// Behind the selected row or navigation entry.
    pub accent_soft: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Under sheets and menus.
    pub shadow: Color32,
    /// Colour of what nobody has a slot for.
    pub others: Color32,
    tones: [Color32; 6],
    series: Vec<Color32>,
}

impl Theme {
    /// The theme that `ctx` shows now.
    #[must_use]
    pub fn of(ctx: &egui::Context) -> &'static Self {
        let (strong, palette) = ctx.data(|data| data.get_temp(kind_id())).unwrap_or_default();
        of(ctx.theme(), strong, palette)
    }

    /// The same theme in another palette, to show what it would look like.
    #[must_use]
    pub fn in_palette(&self, palette: Palette) -> &'static Self {
        let theme = if self.dark { egui::Theme::Dark } else { egui::Theme::Light };
        of(theme, self.strong, palette)
    }

    /// The colour of a tone.
    #[must_use]
    pub fn tone(&self, tone: Tone) -> Color32 {
        let [ok, near, throttled, error, info, off] = self.tones;
        match tone {
            Tone::Ok => ok,
            Tone::Near => near,
            Tone::Throttled => throttled,
            Tone::Error => error,
            Tone::Info => info,
            Tone::Off | Tone::Quiet => off,
        }
    }

    /// A tone's colour as a faint wash behind text.
    #[must_use]
    pub fn wash(&self, tone: Tone) -> Color32 {
        self.tone(tone).gamma_multiply(if self.dark { 0.14 } else { 0.10 })
    }

    /// The same wash on a bar across the window; opaque, as nothing is drawn behind a bar.
    #[must_use]
    pub fn bar(&self, tone: Tone) -> Color32 {
        self.panel.blend(self.wash(tone))
    }

    /// Colour and dash of a slot; those without a colour of their own share the grey of the others.
    #[must_use]
    pub fn series(&self, slot: usize) -> SeriesStyle {
        let dashes: [Dash; EndpointSeries::COLOURED] =
            [Dash::Solid, Dash::Dashed(8), Dash::Dotted(4), Dash::Dashed(14), Dash::Dotted(8), Dash::Dashed(5)];
        SeriesStyle {
            color: self.series.get(slot).copied().unwrap_or(self.others),
            dash: dashes.get(slot).copied().unwrap_or(Dash::Dotted(12)),
        }
    }
}

/// Dark, light, dark with high contrast, light with high contrast.
type Themes = [Theme; 4];

fn themes(palette: Palette) -> Themes {
    [(true, false), (false, false), (true, true), (false, true)].map(|(dark, strong)| read(dark, strong, palette))
}

static TIDEGATE: LazyLock<Themes> = LazyLock::new(|| themes(Palette::Tidegate));
static BLUE_ORANGE: LazyLock<Themes> = LazyLock::new(|| themes(Palette::BlueOrange));
static GREY: LazyLock<Themes> = LazyLock::new(|| themes(Palette::Grey));

fn of(theme: egui::Theme, strong: bool, palette: Palette) -> &'static Theme {
    let [dark, light, dark_strong, light_strong] = match palette {
        Palette::Tidegate => &*TIDEGATE,
        Palette::BlueOrange => &*BLUE_ORANGE,
        Palette::Grey => &*GREY,
    };
    match (theme, strong) {
        (egui::Theme::Dark, false) => dark,
        (egui::Theme::Light, false) => light,
        (egui::Theme::Dark, true) => dark_strong,
        (egui::Theme::Light, true) => light_strong,
    }
}

/// Where a window remembers whether it shows high contrast, and in which palette.
fn kind_id() -> egui::Id {
    egui::Id::unique("kind of theme")
}

#[derive(Deserialize)]
struct Tokens {
    scale: BTreeMap<String, String>,
    dark: Aliases,
    light: Aliases,
    dark_strong: BTreeMap<String, String>,
    light_strong: BTreeMap<String, String>,
    palettes: BTreeMap<String, PaletteTokens>,
}

/// What a palette has instead of the themes' own.
#[derive(Deserialize)]
struct PaletteTokens {
    dark: Aliases,
    light: Aliases,
}

#[derive(Deserialize)]
struct Aliases {
    series: Vec<String>,
    #[serde(flatten)]
    named: BTreeMap<String, String>,
}

/// A theme of the asset; without colours if the asset is not what a test says it is.
fn read(dark: bool, strong: bool, palette: Palette) -> Theme {
    let Ok(tokens) = serde_json::from_str::<Tokens>(TOKENS) else { return Theme::default() };
    let aliases = if dark { &tokens.dark } else { &tokens.light };
    let stronger = if dark { &tokens.dark_strong } else { &tokens.light_strong };
    let palette = match palette {
        Palette::Tidegate => None,
        Palette::BlueOrange => tokens.palettes.get("blue_orange"),
        Palette::Grey => tokens.palettes.get("grey"),
    };
    let own = palette.map(|palette| if dark { &palette.dark } else { &palette.light });
    let series = own.map_or(&aliases.series, |own| &own.series);
    let instead = |name: &str| own.and_then(|own| own.named.get(name));
    let named = |name: &str| {
        instead(name).or_else(|| stronger.get(name).filter(|_| strong)).or_else(|| aliases.named.get(name))
    };
    let color = |name: &str| named(name).map_or(Color32::PLACEHOLDER, |text| resolve(&tokens.scale, text));
    Theme {
        dark,
        strong,
        page: color("page"),
        panel: color("panel"),
        card: color("card"),
        edge: color("edge"),
        outline: color("outline"),
        raised: color("raised"),
        hover: color("hover"),
        pressed: color("pressed"),
        field: color("field"),
        track: color("track"),
        fill: color("fill"),
        grid: color("grid"),
        text: color("text"),
        text_soft: color("text_soft"),
        text_faint: color("text_faint"),
        accent: color("accent"),
        accent_soft: color("accent_soft"),
        on_accent: color("on_accent"),
        shadow: color("shadow"),
        others: color("others"),
        tones: ["ok", "near", "throttled", "error", "info", "off"].map(color),
        series: series.iter().map(|text| resolve(&tokens.scale, text)).collect(),
    }
}

fn resolve(scale: &BTreeMap<String, String>, text: &str) -> Color32 {
    let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let literal = name.map_or(Some(text), |name| scale.get(name).map(String::as_str));
    literal.and_then(|hex| Color32::from_hex(hex).ok()).unwrap_or(Color32::PLACEHOLDER)
}

/// Puts fonts and both styles into `ctx`; the theme follows the system until the person chooses.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    adapt(ctx, &Preferences::default());
}

/// Puts both styles into `ctx` as the person prefers them.
pub fn adapt(ctx: &egui::Context, preferences: &Preferences) {
    let kind = (preferences.high_contrast, preferences.palette);
    ctx.data_mut(|data| data.insert_temp(kind_id(), kind));
    for (which, visuals) in [(egui::Theme::Dark, egui::Visuals::dark()), (egui::Theme::Light, egui::Visuals::light())] {
        let mut style = style(of(which, preferences.high_contrast, preferences.palette), visuals);
        if preferences.compact {
            style.spacing.item_spacing = egui::vec2(gap::M, gap::S);
            style.spacing.button_padding.y = 2.0;
            style.spacing.interact_size.y = COMPACT;
        }
        if preferences.reduced_motion {
            style.animation_time = 0.0;
            style.scroll_animation = egui::style::ScrollAnimation::none();
        }
        ctx.set_style_of(which, style);
    }
}

/// Height of a control where the person likes things dense; no target of a pointer is lower.
const COMPACT: f32 = 24.0;

/// Height of a table's row of one line, as dense as the person likes.
#[must_use]
pub fn row_height(ui: &egui::Ui) -> f32 {
    if ui.spacing().interact_size.y <= COMPACT { COMPACT } else { gap::ROW }
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, face) in [("ui", UI_FACE), (STRONG, STRONG_FACE), ("mono", MONO_FACE)] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(face)));
    }
    let icons = egui_material_icons::font_insert();
    let icon = egui_material_icons::FONT_FAMILY;
    fonts.font_data.insert(icon.to_owned(), Arc::new(icons.data));
    for (family, faces) in [
        (FontFamily::Proportional, ["ui", icon, "mono"]),
        (FontFamily::Monospace, ["mono", "ui", icon]),
        (strong_family(), [STRONG, icon, "mono"]),
        (FontFamily::Name(icon.into()), [icon, "ui", "mono"]),
    ] {
        fonts.families.insert(family, faces.map(str::to_owned).to_vec());
    }
    fonts
}

fn strong_family() -> FontFamily {
    FontFamily::Name(STRONG.into())
}

/// Semi-bold text of body size.
#[must_use]
pub fn strong(text: impl Into<String>) -> egui::RichText {
    egui::RichText::new(text).font(FontId::new(size::BODY, strong_family()))
}

/// The title of a page, or the number of a tile.
#[must_use]
pub fn title(text: impl Into<String>) -> egui::RichText {
    egui::RichText::new(text).font(title_font())
}

/// In a lower window, in points, the page has the room of the status line, whose figures are in the last menu, and of what
/// stands round and in the bars besides their controls. It is that low on a small screen with large text.
const LOW: f32 = 400.0;

/// Whether the window is that low.
#[must_use]
pub fn is_low(ctx: &egui::Context) -> bool {
    ctx.content_rect().height() < LOW
}

/// The font of painted titles.
#[must_use]
pub fn title_font() -> FontId {
    FontId::new(size::TITLE, strong_family())
}

/// A number or an address: monospaced, so that digits stand below each other.
#[must_use]
pub fn mono(text: impl Into<String>) -> egui::RichText {
    egui::RichText::new(text).font(mono_font())
}

/// The font of painted numbers.
#[must_use]
pub fn mono_font() -> FontId {
    FontId::monospace(size::BODY - 0.5)
}

/// The font of painted captions.
#[must_use]
pub fn small_font() -> FontId {
    FontId::proportional(size::SMALL)
}

fn style(theme: &Theme, mut visuals: egui::Visuals) -> Style {
    paint(theme, &mut visuals);
    // A cursor that blinks has the whole window drawn twice a second while nothing changes.
    visuals.text_cursor.blink = false;
    let mut style = Style { visuals, animation_time: 0.12, ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(size::SMALL)),
        (TextStyle::Body, FontId::proportional(size::BODY)),
        (TextStyle::Button, FontId::proportional(size::BODY)),
        (TextStyle::Heading, FontId::new(size::TITLE, strong_family())),
        (TextStyle::Monospace, mono_font()),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = egui::vec2(gap::M, gap::M);
    spacing.button_padding = egui::vec2(10.0, gap::S);
    spacing.interact_size = egui::vec2(36.0, 26.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(16);
    spacing.combo_width = 140.0;
    spacing.scroll = scroll();
    style
}

/// Bars beside what scrolls: the text's colour, as that of a button at rest is the ground's own in light.
fn scroll() -> egui::style::ScrollStyle {
    egui::style::ScrollStyle {
        foreground_color: true,
        dormant_background_opacity: 0.0,
        active_background_opacity: 0.4,
        interact_background_opacity: 0.8,
        dormant_handle_opacity: HANDLE,
        active_handle_opacity: HANDLE,
        interact_handle_opacity: 0.75,
        ..egui::style::ScrollStyle::thin()
    }
}

/// How much of the text's colour the handle of a bar has.
const HANDLE: f32 = 0.5;

fn paint(theme: &Theme, visuals: &mut egui::Visuals) {
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(theme.text_faint);
    visuals.panel_fill = theme.page;
    visuals.window_fill = theme.card;
    visuals.window_stroke = Stroke::new(1.0, theme.edge);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(8);
    visuals.window_shadow = Shadow { offset: [0, 8], blur: 28, spread: 0, color: theme.shadow };
    visuals.popup_shadow = Shadow { offset: [0, 4], blur: 14, spread: 0, color: theme.shadow };
    visuals.extreme_bg_color = theme.field;
    visuals.text_edit_bg_color = Some(theme.field);
    visuals.faint_bg_color = theme.panel;
    visuals.code_bg_color = theme.panel;
    visuals.hyperlink_color = theme.accent;
    visuals.warn_fg_color = theme.tone(Tone::Throttled);
    visuals.error_fg_color = theme.tone(Tone::Error);
    visuals.selection.bg_fill = theme.accent_soft;
    visuals.selection.stroke = Stroke::new(1.0, theme.accent);
    visuals.striped = false;
    visuals.disabled_alpha = 0.45;
    let line = if theme.strong { 2.0 } else { 1.0 };
    let widgets = &mut visuals.widgets;
    for (widget, fill, edge, text) in [
        (&mut widgets.noninteractive, theme.card, theme.edge, theme.text),
        (&mut widgets.inactive, theme.raised, theme.edge, theme.text),
        (&mut widgets.hovered, theme.hover, theme.pressed, theme.text),
        (&mut widgets.active, theme.pressed, theme.accent, theme.text),
        (&mut widgets.open, theme.hover, theme.edge, theme.text),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(line, edge);
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = CornerRadius::same(6);
        widget.expansion = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static Theme> {
        [&*TIDEGATE, &*BLUE_ORANGE, &*GREY].into_iter().flatten()
    }

    /// Relative luminance as WCAG defines it.
    fn luminance(color: Color32) -> f64 {
        let linear = |channel: u8| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    }

    fn contrast(one: Color32, other: Color32) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn boxes_and_fields_can_be_told_from_what_is_behind_them() {
        for theme in all() {
            for behind in [theme.card, theme.page] {
                let found = contrast(theme.outline, behind);
                assert!(found >= 3.0, "{found:.2} in a theme whose darkness is {}", theme.dark);
            }
        }
    }

    #[test]
    fn the_bar_beside_what_scrolls_shows_on_every_ground() {
        for theme in all() {
            for ground in [theme.page, theme.card, theme.panel, theme.field] {
                let found = contrast(ground.blend(theme.text.gamma_multiply(HANDLE)), ground);
                assert!(found >= 3.0, "{found:.2} in a theme whose darkness is {}", theme.dark);
            }
        }
        let style = style(of(egui::Theme::Light, false, Palette::Tidegate), egui::Visuals::light());
        assert!(style.spacing.scroll.foreground_color && style.spacing.scroll.dormant_handle_opacity >= HANDLE);
    }

    #[test]
    fn every_alias_of_every_theme_resolves_to_a_colour() {
        for theme in all() {
            let told = format!("{theme:?}");
            let hole = format!("{:?}", Color32::PLACEHOLDER);
            assert!(!told.contains(&hole), "an alias without a colour: {told}");
            assert_eq!(theme.series.len(), EndpointSeries::COLOURED);
        }
        let [dark, light, ..] = &*TIDEGATE;
        assert_ne!(dark.page, light.page);
    }

    #[test]
    fn states_and_lines_can_be_read_in_every_palette() {
        for theme in all() {
            // The ground that the colours were chosen for.
            let ground = if theme.dark { theme.page } else { theme.card };
            for tone in [Tone::Ok, Tone::Near, Tone::Throttled, Tone::Error, Tone::Info, Tone::Off] {
                let ratio = contrast(theme.tone(tone), ground);
                assert!(ratio >= 4.45, "{tone:?} has {ratio:.2} on {ground:?}");
            }
            for slot in 0..6 {
                let ratio = contrast(theme.series(slot).color, ground);
                assert!(ratio >= 3.0, "line {slot} has {ratio:.2} on {ground:?}");
            }
        }
    }

    #[test]
    fn the_empty_part_of_a_bar_shows_on_every_ground_also_while_it_is_hovered() {
        for theme in all() {
            for (name, ground) in [("page", theme.page), ("card", theme.card), ("hover", theme.hover)] {
                let ratio = contrast(theme.track, ground);
                assert!(ratio >= 1.2, "{ratio:.2} on {name}, dark: {}", theme.dark);
            }
            let ratio = contrast(theme.fill, theme.track);
            assert!(ratio >= 1.8, "what is used shows on it: {ratio:.2}, dark: {}", theme.dark);
        }
    }

    #[test]
    fn slots_beyond_the_sixth_share_the_grey_of_the_others() {
        let [dark, ..] = &*TIDEGATE;
        assert_eq!(dark.series(6), dark.series(40));
        assert_ne!(dark.series(0), dark.series(1));
    }
}
