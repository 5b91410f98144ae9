//! The pages: each answers one question, from the snapshot.
//!
//! Invariant: no page imports another; each keeps its view state in its own struct.
//! Absent on purpose: what is round a page; that is the shell's.

pub mod accounts;
pub mod connect;
pub mod endpoints;
pub mod overview;
pub mod queue;
pub mod quotas;
pub mod requests;
pub mod routing;
pub mod settings;
pub mod usage;
pub mod welcome;
pub mod why;

use super::cx::{Page, PageCx};

/// Every page's view state.
#[derive(Debug, Default)]
pub struct States {
    accounts: accounts::State,
    connect: connect::State,
    endpoints: endpoints::State,
    overview: overview::State,
    queue: queue::State,
    quotas: quotas::State,
    requests: requests::State,
    routing: routing::State,
    settings: settings::State,
    usage: usage::State,
    welcome: welcome::State,
}

impl States {
    /// Shows a page.
    pub fn show(&mut self, page: Page, ui: &mut egui::Ui, cx: &mut PageCx) {
        match page {
            Page::Overview => overview::show(ui, cx, &mut self.overview),
            Page::Endpoints => endpoints::show(ui, cx, &mut self.endpoints),
            Page::Routing => routing::show(ui, cx, &mut self.routing),
            Page::Quotas => quotas::show(ui, cx, &mut self.quotas),
            Page::Requests => requests::show(ui, cx, &mut self.requests),
            Page::Queue => queue::show(ui, cx, &mut self.queue),
            Page::Usage => usage::show(ui, cx, &mut self.usage),
            Page::Accounts => accounts::show(ui, cx, &mut self.accounts),
            Page::Connect => connect::show(ui, cx, &mut self.connect),
            Page::Settings => settings::show(ui, cx, &mut self.settings),
        }
        if page != Page::Requests {
            requests::keep(ui, cx, &mut self.requests);
        }
    }

    /// Forgets what belongs to a profile that was left. Who was welcomed in one is not welcomed again in another.
    pub fn begin_anew(&mut self) {
        *self = Self { welcome: std::mem::take(&mut self.welcome), ..Self::default() };
    }

    /// The person has begun already; the welcome sheet has nothing to offer.
    pub fn skip_welcome(&mut self) {
        self.welcome.dismissed = true;
    }

    /// Shows the welcome sheet on the first run.
    pub fn welcome(&mut self, ui: &mut egui::Ui, cx: &mut PageCx) {
        if cx.snapshot.profile.first_run && !self.welcome.dismissed {
            welcome::show(ui, cx, &mut self.welcome);
            if let Some(variable) = self.welcome.variable.take() {
                self.accounts.begin_with(variable);
            }
        }
    }
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
