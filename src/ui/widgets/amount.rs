//! A field for an amount: `240000`, `240,000`, `240k`, `0.24M`.
//!
//! Invariant: text that is no amount stays in the field with a sentence, until Esc or another value comes for the field; it never
//! becomes a value, is listed by [`super::unread`] meanwhile, and the sentence moves nothing.
//! Absent on purpose: what an amount may be beside others; that is checked on the whole configuration.

use egui::{Id, Key, RectAlign, Role, TextEdit, Ui, WidgetInfo};

use super::basic::outlined;
use super::unapplied::unapplied;
use super::unread::{self, Unread};
use crate::model::units::{Grouped, LARGEST_AMOUNT, NoAmount, read_amount};
use crate::ui::theme::{Theme, Tone, mono_font};

/// Points that the unit and the field's own edges take.
const UNIT: f32 = 56.0;

/// What the person entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountChange {
    /// This amount.
    Set(u64),
    /// Nothing: no amount.
    Clear,
}

/// What is being typed.
#[derive(Clone)]
struct Typed {
    text: String,
    /// What stood there before.
    over: String,
}

/// An amount field.
pub struct AmountEdit<'a> {
    name: &'a str,
    unit: &'a str,
    value: Option<u64>,
    empty: Option<&'a str>,
    ran: Option<&'a str>,
    applied: Option<u64>,
    most: u64,
    width: f32,
}

impl<'a> AmountEdit<'a> {
    /// A field named `name` that shows `value`; where `applied`, which runs now, differs from it (`None`: nothing is set), it
    /// carries a dot that says so. The name tells fields apart, so it must be unique on its page.
    #[must_use]
    pub fn new(name: &'a str, value: Option<u64>, applied: Option<u64>) -> Self {
        Self { name, unit: "", value, empty: None, ran: None, applied, most: LARGEST_AMOUNT, width: 96.0 }
    }

    /// The unit behind the field.
    #[must_use]
    pub fn unit(mut self, unit: &'a str) -> Self {
        self.unit = unit;
        self
    }

    /// Allows an empty field, which shows this hint.
    #[must_use]
    pub fn or_empty(mut self, hint: &'a str) -> Self {
        self.empty = Some(hint);
        self
    }

    /// What nothing set stands for in what runs, where that is not the hint.
    #[must_use]
    pub fn empty_ran(mut self, hint: &'a str) -> Self {
        self.ran = Some(hint);
        self
    }

    /// The largest amount that it takes.
    #[must_use]
    pub fn at_most(mut self, most: u64) -> Self {
        self.most = most;
        self
    }

    /// The width of the field in points.
    #[must_use]
    pub fn width(mut self, width: f32) -> Self {
        self.width = width;
        self
    }

    /// Shows the field; a change is returned once, when Enter is pressed or the field is left.
    pub fn show(self, ui: &mut Ui, theme: &Theme) -> Option<AmountChange> {
        let id = ui.make_persistent_id(("amount", self.name));
        let shown = self.value.map_or_else(String::new, |value| Grouped(value).to_string());
        // What was typed in place of another value is over: that value was undone, restored or applied meanwhile.
        let kept = ui.data(|data| data.get_temp::<Typed>(id)).filter(|typed| typed.over == shown);
        let mut text = kept.map_or_else(|| shown.clone(), |typed| typed.text);
        // A field that is cut off reads as another number.
        if ui.layout().main_wrap && ui.available_size_before_wrap().x < self.width + UNIT {
            ui.end_row();
        }
        let response = ui
            .horizontal(|ui| {
                let field = TextEdit::singleline(&mut text)
                    .id(id.with("field"))
                    .font(mono_font())
                    .desired_width(self.width)
                    .align(egui::Align2::RIGHT_CENTER)
                    .hint_text(self.empty.unwrap_or_default().to_owned());
                let response = outlined(ui, |ui| ui.add(field));
                if !self.unit.is_empty() {
                    ui.label(egui::RichText::new(self.unit).color(theme.text_faint));
                }
                response
            })
            .inner;
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, self.name));
        let response = self.mark(ui, theme, response);
        if response.changed() {
            ui.data_mut(|data| data.insert_temp(id, Typed { text: text.clone(), over: shown.clone() }));
        }
        // Esc takes the keyboard from a field before the field hears of it.
        let is_here = response.has_focus() || response.lost_focus();
        let escaped = is_here && ui.input(|input| input.key_pressed(Key::Escape));
        if escaped {
            forget(ui, id);
            return None;
        }
        if unread::is_sought(ui.ctx(), id) {
            response.request_focus();
            response.scroll_to_me(Some(egui::Align::Center));
        }
        let read = self.read(&text);
        let wrong = read.as_ref().err().map(|why| self.wrong((ui.ctx(), id), &text, &shown, *why));
        unread::note_unread(ui.ctx(), id, wrong);
        let change = match read {
            Ok(change) => change,
            Err(why) => {
                complain(ui, theme, &response, &self.complaint(why));
                if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
                    // Esc is to bring back what stood here, so it must be heard.
                    response.request_focus();
                }
                return None;
            }
        };
        if !response.lost_focus() {
            return None;
        }
        forget(ui, id);
        (text != shown && self.differs(change)).then_some(change)
    }

    /// The dot of a value that is not applied yet, in the field's corner, and what runs instead.
    fn mark(&self, ui: &Ui, theme: &Theme, field: egui::Response) -> egui::Response {
        let empty = self.ran.or(self.empty).unwrap_or("none");
        let runs = || self.applied.map_or_else(|| empty.to_owned(), |value| Grouped(value).to_string());
        unapplied(ui, theme, field, (self.applied != self.value).then(runs))
    }

    fn read(&self, text: &str) -> Result<AmountChange, NoAmount> {
        if text.trim().is_empty() && self.empty.is_some() {
            return Ok(AmountChange::Clear);
        }
        let amount = read_amount(text.trim())?;
        if amount > self.most { Err(NoAmount::TooLarge) } else { Ok(AmountChange::Set(amount)) }
    }

    /// For who lists what cannot be read.
    fn wrong(&self, (ctx, field): (&egui::Context, Id), text: &str, shown: &str, why: NoAmount) -> Unread {
        let why = match why {
            NoAmount::NotANumber => "is not a number".to_owned(),
            NoAmount::NotWhole => "is not a whole number".to_owned(),
            NoAmount::TooLarge => format!("is too large, {} is the most", Grouped(self.most)),
        };
        let stays = if shown.is_empty() { self.empty.unwrap_or("none") } else { shown };
        let unit = if shown.is_empty() || self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let (name, text) = (self.name.to_owned(), text.trim().to_owned());
        Unread { field, name, text, why, stays: format!("{stays}{unit}"), seen: ctx.cumulative_frame_nr() }
    }

    fn complaint(&self, why: NoAmount) -> String {
        let wrong = match why {
            NoAmount::NotANumber => "Not a number. Write it like 240000, 240k or 0.24M".to_owned(),
            NoAmount::NotWhole => "Not a whole number. Write it like 240000, 240k or 0.24M".to_owned(),
            NoAmount::TooLarge => format!("Too large: {} is the most", Grouped(self.most)),
        };
        format!("{wrong}; Esc brings back what stood here.")
    }

    fn differs(&self, change: AmountChange) -> bool {
        match change {
            AmountChange::Set(value) => self.value != Some(value),
            AmountChange::Clear => self.value.is_some(),
        }
    }
}

/// Beside the field, in its own row: a table would make room for it and take the other fields from under the pointer, and below it
/// would lie on the next row's words. Only where there is no room beside it does it stand above or below.
fn complain(ui: &Ui, theme: &Theme, field: &egui::Response, sentence: &str) {
    let (layer, id) = (field.layer_id, field.id.with("no amount"));
    // A sheet over the page lists it itself.
    if !ui.memory(|memory| memory.allows_interaction(layer)) {
        return;
    }
    let mut tip = egui::Tooltip::always_open(ui.ctx().clone(), layer, id, field.rect);
    let elsewhere = [RectAlign::LEFT, RectAlign::TOP_START, RectAlign::BOTTOM_START];
    tip.popup = tip.popup.align(RectAlign::RIGHT).align_alternatives(&elsewhere);
    tip.popup = tip.popup.frame(egui::Frame::popup(ui.style()).inner_margin(egui::Margin::symmetric(6, 2)));
    tip.show(|ui| {
        let words = egui::RichText::new(sentence).small().color(theme.tone(Tone::Error));
        ui.add(egui::Label::new(words).extend());
    });
}

fn forget(ui: &Ui, id: Id) {
    ui.data_mut(|data| data.remove::<Typed>(id));
    unread::note_unread(ui.ctx(), id, None);
}

/// Forgets what stands in those of these fields that cannot be read.
pub fn forget_unread(ctx: &egui::Context, which: impl Fn(&Unread) -> bool) {
    for one in unread::unread(ctx).into_iter().filter(which) {
        ctx.data_mut(|data| data.remove::<Typed>(one.field));
        unread::note_unread(ctx, one.field, None);
    }
}
