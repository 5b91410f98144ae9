//! A test request that a page sent, until it is answered.
//!
//! Invariant: its Why opens once, where the person still is on the page that sent it; elsewhere a message leads there.
//! Absent on purpose: what it came to; the Why says that.

use egui::Ui;

use super::cx::{PageCx, Target};
use super::widgets::note;
use crate::contract::{Command, NoticeBody};
use crate::model::id::{CommandId, ModelName};

/// The one on its way.
#[derive(Debug, Default)]
pub struct TestRequest {
    /// Which one, its route, and how many requests had arrived before it.
    sent: Option<(CommandId, ModelName, u64)>,
}

impl TestRequest {
    /// Sends one along a route.
    pub fn send(&mut self, cx: &mut PageCx, model: &ModelName) {
        let before = cx.snapshot.arrivals.requests;
        let id = cx.send(Command::SendTest { model: model.clone() });
        self.sent = id.map(|id| (id, model.clone(), before));
    }

    /// Opens its Why once it is answered.
    pub fn hear(&mut self, cx: &mut PageCx) {
        let Some((id, ..)) = &self.sent else { return };
        let answered = cx.notices.iter().find(|notice| notice.id == Some(*id));
        let Some(body) = answered.map(|notice| notice.body.clone()) else { return };
        self.sent = None;
        if let NoticeBody::TestSent { request, .. } = body {
            cx.open(Target::Request(request));
        }
    }

    /// Says that one is on its way along this route, if one is.
    pub fn progress(&self, ui: &mut Ui, cx: &PageCx, route: &ModelName) {
        let on_its_way =
            |(_, model, before): &(_, ModelName, u64)| model == route && cx.snapshot.arrivals.requests <= *before;
        if self.sent.as_ref().is_some_and(on_its_way) {
            note(ui, cx.theme, "On its way …");
        }
    }
}
