//! Windows come and go, the console stays: what happens when one opens, and while there is none.
//!
//! Invariant: the draft, the filters and the way the person took outlive the window.
//! Absent on purpose: opening a window; `ui::window` does it.

use egui::{Context, ViewportCommand};

use super::spoken::Spoken;
use super::toasts::Toast;
use super::{Console, Deeds, Ending};
use crate::contract::snapshot::Serving;
use crate::contract::{NotePress, NoticeBody, Snapshot, UiEnd};
use crate::model::preferences::{LogLevel, Preferences};
use crate::ui::draft::Draft;
use crate::ui::link;
use crate::ui::live::Tuning;
use crate::ui::theme::{self, Tone};
use crate::ui::widgets::forget_unread;

/// Sets how much is logged; `None`: as said at launch.
pub type LogTo = Box<dyn Fn(Option<LogLevel>)>;

/// What is to be done while there is no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// Nothing.
    Stay,
    /// Open the window.
    Open,
    /// Serving ends: leave.
    Over,
}

impl Console {
    /// A console with the person's preferences, and a way to keep them. It has no window yet.
    #[must_use]
    pub fn with(line: UiEnd, preferences: Preferences, keep: Box<dyn Fn(&Preferences)>) -> Self {
        Self { kept: preferences.clone(), preferences, keep, ..Self::bare(line) }
    }

    /// Sets how much is logged that way.
    #[must_use]
    pub fn logging(self, log: LogTo) -> Self {
        Self { log, ..self }
    }

    /// What the person prefers.
    #[must_use]
    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    /// Takes a new window: fonts, themes and what the person prefers go into it.
    pub fn open_in(&mut self, ctx: &Context) {
        theme::install(ctx);
        ctx.options_mut(|options| options.quit_shortcuts.clear());
        self.looks.forget();
        self.looks.follow(ctx, &mut self.preferences);
        self.toasts.clear();
        // Its times are those of the window before.
        self.spoken = Spoken::default();
        self.ending = Ending::Open;
        self.question = None;
        self.say_standing(false);
        self.take_up_draft(ctx);
    }

    /// Goes on with the draft that was left before a restart.
    fn take_up_draft(&mut self, ctx: &Context) {
        let latest = self.line.latest();
        let fresh = self.left.0 == u64::MAX;
        if fresh && latest.left_draft.as_ref().is_some_and(|left| self.draft.take_up(left)) {
            let text = "Your draft from before is here again. Nothing of it runs yet.";
            self.toasts.add(ctx, Toast::new(Tone::Info, text));
        }
    }

    /// Has the profile that is served be the next plain launch's. The demo is no profile to come back to.
    pub(super) fn remember_profile(&mut self, snapshot: &Snapshot) {
        let shown = &snapshot.profile;
        if !shown.demo && shown.can_add {
            let is_usual = shown.names.first() == Some(&shown.name);
            self.preferences.profile = (!is_usual).then(|| shown.name.clone());
        }
    }

    /// Begins anew in another profile, with the draft that was left there.
    pub(super) fn mind_profile(&mut self, ctx: &Context, snapshot: &Snapshot) {
        if self.profile == snapshot.profile.name {
            return;
        }
        self.profile.clone_from(&snapshot.profile.name);
        self.draft = Draft::new(&snapshot.applied);
        (self.tuning, self.selected) = (Tuning::default(), None);
        self.states.begin_anew();
        forget_unread(ctx, |_| true);
        self.toasts.begin_anew();
        self.spoken = Spoken::default();
        self.pending.begin_anew();
        self.deeds = Deeds::default();
        self.left = (u64::MAX, false);
        self.take_up_draft(ctx);
    }

    /// Follows a link in the first frame that comes.
    pub fn will_follow(&mut self, link: String) {
        self.links.push(link);
    }

    /// Hears what was told while there is no window.
    pub fn away(&mut self) -> Away {
        self.keep_preferences();
        if matches!(self.line.latest().serving, Serving::Stopping { .. }) {
            self.say_standing(false);
            return Away::Over;
        }
        let snapshot = self.line.latest();
        self.alert(&snapshot, None);
        let mut away = Away::Stay;
        for notice in self.line.notices() {
            self.draft.hear(&notice);
            match notice.body {
                NoticeBody::Rung { link } => {
                    self.links.extend(link);
                    away = Away::Open;
                }
                NoticeBody::NotePressed { note, press } => {
                    self.press_note(None, note, press);
                    away = if press == NotePress::Look { Away::Open } else { away };
                }
                NoticeBody::StopAsked => self.stop_from_outside(None),
                body => self.mind_what_went_back(&body),
            }
        }
        match std::mem::replace(&mut self.wanted, Away::Stay) {
            Away::Stay => away,
            Away::Open => Away::Open,
            Away::Over => {
                self.say_standing(false);
                Away::Over
            }
        }
    }

    /// Brings the window to the front.
    pub(super) fn come(&mut self, ctx: &Context, link: Option<String>) {
        self.links.extend(link);
        for command in [ViewportCommand::Visible(true), ViewportCommand::Minimized(false), ViewportCommand::Focus] {
            ctx.send_viewport_cmd(command);
        }
        ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(egui::UserAttentionType::Informational));
    }

    /// Follows links that were given from outside.
    pub(super) fn follow_links(&mut self, ctx: &Context) {
        for text in std::mem::take(&mut self.links) {
            if let Some(place) = link::read(&text) {
                self.go(ctx, place.page, place.target);
            } else {
                let text = "That link leads nowhere. Links look like tidegate://requests/r-00002a.";
                self.toast(ctx, Tone::Error, text);
            }
        }
    }

    /// Has changed preferences kept.
    pub(super) fn keep_preferences(&mut self) {
        if self.preferences != self.kept {
            (self.keep)(&self.preferences);
            if self.preferences.log != self.kept.log {
                (self.log)(self.preferences.log);
            }
            self.kept = self.preferences.clone();
        }
    }
}
