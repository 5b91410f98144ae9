//! Doing what an action says.
//!
//! Invariant: an action that cannot be done says why; one that belongs to a page is handed to it.
//! Absent on purpose: keys and words; the table of actions has them.

use egui::Context;

use super::leaving::Question;
use super::parting::Afterwards;
use super::{Console, Toast, help};
use crate::contract::snapshot::Serving;
use crate::contract::{
    Command, ConfigCommand, DemoCommand, EndpointCommand, Folder, KeyCommand, ProfileCommand, ServingCommand, Snapshot,
};
use crate::model::config::AdminState;
use crate::model::id::AccountId;
use crate::model::preferences::ThemeChoice;
use crate::ui::actions::{self, Action, Circumstances};
use crate::ui::cx::{Page, Target};
use crate::ui::key_test;
use crate::ui::link;
use crate::ui::palette::Does;
use crate::ui::theme::{Theme, Tone};
use crate::ui::trail::{Place, Trail};

impl Console {
    /// What decides whether an action is allowed now.
    pub(super) fn circumstances<'a>(&'a self, snapshot: &'a Snapshot) -> Circumstances<'a> {
        let selected = self.selected.as_ref();
        Circumstances { snapshot, draft: &self.draft, deeds: &self.deeds, trail: &self.trail, selected }
    }

    /// Whether keys for this action are meant for what is shown: behind a sheet no page is left, and nothing else is reviewed.
    pub(super) fn hears(&self, ctx: &Context, action: Action) -> bool {
        if self.palette.is_open() {
            return action == Action::Palette;
        }
        let leaves = matches!(action, Action::Go(_) | Action::Back | Action::Forward);
        let is_covered = ctx.memory(|memory| memory.top_modal_layer().is_some());
        !is_covered || !(leaves || action == Action::Review && !self.reviewing)
    }

    /// Does an action, or says why not.
    pub(super) fn act(&mut self, action: Action, ctx: &Context, snapshot: &Snapshot) {
        if let Some(why) = actions::obstacle(action, &self.circumstances(snapshot)) {
            return self.toast(ctx, Tone::Quiet, why);
        }
        let owners = actions::entry(action).map_or(&[][..], |entry| entry.pages);
        if let Some(first) = owners.first() {
            if !owners.contains(&self.page()) {
                // What is in hand here is to be in hand there.
                let target = self.selected.clone().filter(|target| target.page() == *first);
                // Of an endpoint, its account is in hand on the Accounts page.
                let account = self.circumstances(snapshot).account().filter(|_| *first == Page::Accounts);
                let target = target.or(account.map(Target::Account));
                self.go(ctx, *first, target);
            }
            self.acts.push(action);
            return;
        }
        match action {
            Action::Go(page) => self.go(ctx, page, Some(Target::Top(page))),
            Action::Back => self.arrive(ctx, Trail::back),
            Action::Forward => self.arrive(ctx, Trail::forward),
            Action::Palette => self.palette.toggle(),
            Action::Help => self.help.toggle(help::Part::Words),
            Action::Shortcuts => self.help.toggle(help::Part::Keys),
            // The Requests page has an inspector of its own, with a list beside it that it must stay in step with.
            Action::Inspector if self.page() == Page::Requests => self.acts.push(action),
            Action::Inspector => self.inspector.open = !self.inspector.open,
            Action::Filter => self.acts.push(action),
            Action::NextPane => self.panes.next(ctx),
            Action::Undo | Action::Redo | Action::Review | Action::Discard => self.edit(action, ctx),
            Action::HoldView => self.hold.toggle(snapshot),
            Action::Revisions => self.revisions.open(),
            Action::NewProfile => self.profiles.open(),
            Action::Reach(reach) => self.preferences.reach = reach,
            Action::LiveTuning => self.tuning.toggle(),
            Action::CopyBaseUrl => self.copy_base_url(ctx, snapshot),
            Action::CopyLink => self.copy_link(ctx),
            Action::ToggleTheme => {
                let dark = Theme::of(ctx).dark;
                self.preferences.theme = if dark { ThemeChoice::Light } else { ThemeChoice::Dark };
            }
            Action::CloseWindow => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Action::Quit => self.quit(ctx, snapshot),
            Action::LeaveDemo => self.ask_to_leave_demo(Afterwards::Here),
            Action::EnterDemo if !snapshot.applied.config.routes.is_empty() => {
                self.question = Some(Question::EnterDemo);
            }
            _ => self.command(action, ctx, snapshot),
        }
    }

    /// The actions that are a command to the background.
    fn command(&mut self, action: Action, ctx: &Context, snapshot: &Snapshot) {
        let command = match action {
            Action::PauseServing => Command::Serving(ServingCommand::Pause),
            Action::ResumeServing => Command::Serving(ServingCommand::Resume),
            Action::RetryPort => Command::Serving(ServingCommand::RetryPort),
            Action::OpenFolder => Command::Reveal(Folder::Config),
            Action::ReloadFile => Command::Config(ConfigCommand::Reload),
            Action::EnterDemo => Command::Demo(DemoCommand::Enter),
            Action::StopScript => Command::Demo(DemoCommand::Stop),
            Action::Play(script) => Command::Demo(DemoCommand::Play(script.name().to_owned())),
            Action::TestKey => match self.circumstances(snapshot).account() {
                Some(account) => Command::Key(self.test_of(snapshot, account)),
                None => return,
            },
            Action::PauseEndpoint | Action::DrainEndpoint => match self.switch(action, snapshot) {
                Some(command) => command,
                None => return,
            },
            _ => return,
        };
        self.order(ctx, snapshot, command);
    }

    /// The test of an account, which the draft may have otherwise.
    fn test_of(&self, snapshot: &Snapshot, account: AccountId) -> KeyCommand {
        key_test::order(&snapshot.applied.config, self.draft.working(), account)
    }

    /// Pause or drain of the selected endpoint; pausing what is paused or drains resumes it.
    fn switch(&self, action: Action, snapshot: &Snapshot) -> Option<Command> {
        let id = self.circumstances(snapshot).endpoint()?.clone();
        let now = snapshot.view.endpoint(&id)?.admin_state;
        let wanted = match (action, now) {
            (Action::DrainEndpoint, _) => AdminState::Draining,
            (_, AdminState::Enabled) => AdminState::Paused,
            _ => AdminState::Enabled,
        };
        Some(Command::Endpoint(EndpointCommand::SetAdminState(id, wanted)))
    }

    fn copy_base_url(&mut self, ctx: &Context, snapshot: &Snapshot) {
        if let Serving::Listening { base_url, .. } = &snapshot.serving {
            ctx.copy_text(base_url.to_string());
            self.toast(ctx, Tone::Info, "Base URL copied");
        }
    }

    /// A link to what is selected, else to where the person is.
    fn copy_link(&mut self, ctx: &Context) {
        let selected = self.selected.clone().map(|target| Place { page: target.page(), target: Some(target) });
        let link = link::write(&selected.unwrap_or_else(|| self.trail.now().clone()));
        self.toast(ctx, Tone::Info, format!("{link} copied"));
        ctx.copy_text(link);
    }

    /// Goes to a page, and to a place in it; another page, and an endpoint's, opens at its top.
    pub(super) fn go(&mut self, ctx: &Context, page: Page, target: Option<Target>) {
        let elsewhere = page != self.page();
        let target = target.or_else(|| elsewhere.then_some(Target::Top(page)));
        self.trail.go(page, target.clone());
        if elsewhere || matches!(target, Some(Target::Top(_) | Target::Endpoint(_) | Target::Config(_))) {
            self.scroll_to = Some(0.0);
        }
        self.target = target;
        ctx.request_repaint();
    }

    /// Comes back, or goes forward again, to where the page was scrolled to.
    fn arrive(&mut self, ctx: &Context, step: impl FnOnce(&mut Trail) -> Option<Target>) {
        let before = self.page();
        let Some(target) = step(&mut self.trail) else { return };
        // These are left as they are: who comes back to them finds the filter, and the request that was open.
        let as_left = matches!(target, Target::Top(Page::Requests | Page::Settings)) && before != self.page();
        self.target = (!as_left).then_some(target);
        self.scroll_to = Some(self.trail.scrolled());
        ctx.request_repaint();
    }

    /// Does what was chosen in the palette.
    pub(super) fn choose(&mut self, does: Does, ctx: &Context, snapshot: &Snapshot) {
        match does {
            Does::Act(action) => self.act(action, ctx, snapshot),
            Does::Open(target) => self.go(ctx, target.page(), Some(target)),
            Does::Set(id, state) => {
                self.order(ctx, snapshot, Command::Endpoint(EndpointCommand::SetAdminState(id, state)));
            }
            Does::ReplaceKey(account) => {
                self.go(ctx, Page::Accounts, Some(Target::Account(account)));
                self.acts.push(Action::ReplaceKey);
            }
            Does::Profile(name) => self.change_profile(ctx, snapshot, ProfileCommand::Enter(name)),
            Does::Explain(word) => self.help.explain(word),
            Does::Test(account) => {
                let command = Command::Key(self.test_of(snapshot, account));
                self.order(ctx, snapshot, command);
            }
        }
    }

    /// Says something for a few seconds.
    pub(super) fn toast(&mut self, ctx: &Context, tone: Tone, text: impl Into<String>) {
        self.toasts.add(ctx, Toast::new(tone, text));
    }
}

#[cfg(test)]
#[path = "switches_tests.rs"]
mod tests;
