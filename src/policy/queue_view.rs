//! The waiting line, for the screen.
//!
//! Invariant: reads only; the order shown is the order of service, and the times are those a newcomer would be told.
//! Absent on purpose: more than is asked for of those who wait, or of those that run.

use std::sync::Arc;
use std::time::Duration;

use super::balancer::Balancer;
use super::order::CLASSES;
use super::request::{Job, Reservation, RouteState, Stage};
use crate::model::config::Priority;
use crate::model::id::RequestId;
use crate::model::insight::KeptPlace;
use crate::model::status::{ClassView, QueueView, RunningView, WaitCause, WaitingView};
use crate::model::units::Timestamp;

impl Balancer {
    pub(super) fn queue_view(&self, now: Timestamp) -> QueueView {
        let mut classes =
            CLASSES.map(|class| (class, ClassView { admitted: self.admitted_of(class), ..ClassView::default() }));
        let in_line = self.deadlines.iter().filter_map(|(_, request)| self.jobs.get(request));
        let in_line = in_line.map(|job| (&*job.profile, job.waited_by(now)));
        for (profile, waited) in in_line.chain(self.visits_waiting(now)) {
            if let Some((_, view)) = classes.iter_mut().find(|(class, _)| *class == profile.priority) {
                view.waiting = view.waiting.saturating_add(1);
                view.oldest = view.oldest.max(waited);
            }
        }
        let classes = classes.map(|(_, view)| view);
        QueueView {
            waiting: classes.iter().fold(0, |sum, class| sum.saturating_add(class.waiting)),
            oldest: classes.iter().map(|class| class.oldest).max().unwrap_or(Duration::ZERO),
            admitted: self.admitted_after_wait.iter().fold(0, |sum, class| sum.saturating_add(*class)),
            refused: self.refused,
            classes,
            list: self.waiting_list(now),
            running: self.running_list(),
            visiting: u32::try_from(self.visiting_count()).unwrap_or(u32::MAX),
            budget: self.budget.view(now, self.config.retry.budget_percent),
        }
    }

    /// Whether views list as many as can be listed from now on, or a page.
    pub const fn list_all(&mut self, all: bool) {
        self.listed = if all { QueueView::MOST } else { QueueView::PAGE };
    }

    const fn admitted_of(&self, class: Priority) -> u64 {
        let [interactive, normal, bulk] = self.admitted_after_wait;
        match class {
            Priority::Interactive => interactive,
            Priority::Normal => normal,
            Priority::Bulk => bulk,
        }
    }

    /// Counts one that went after a wait.
    pub(super) const fn note_admitted(&mut self, class: Priority) {
        let [interactive, normal, bulk] = &mut self.admitted_after_wait;
        let count = match class {
            Priority::Interactive => interactive,
            Priority::Normal => normal,
            Priority::Bulk => bulk,
        };
        *count = count.saturating_add(1);
    }

    fn waiting_list(&self, now: Timestamp) -> Vec<WaitingView> {
        let mut list = Vec::new();
        for place in &self.lined {
            let Some(route) = self.routes.get(*place) else { continue };
            let kept = route.forecast.as_ref().filter(|forecast| forecast.is_worth_showing(now));
            let starts = match kept {
                Some(forecast) => forecast.starts(),
                None => self.play(now, *place).map(|forecast| forecast.starts()).unwrap_or_default(),
            };
            let left = self.listed.saturating_sub(list.len());
            for (turn, position) in route.line.upcoming(left).into_iter().zip(1_u32..) {
                let Some(job) = self.jobs.get(&turn.waiter.request) else { continue };
                list.push(WaitingView {
                    request: turn.waiter.request,
                    route: route.model.clone(),
                    position,
                    priority: job.profile.priority,
                    caller: job.profile.caller.clone(),
                    client: Arc::clone(&job.profile.client),
                    charge: job.charge,
                    since: now.before(job.waited_by(now)),
                    deadline: job.deadline(),
                    expected: starts.get(&job.order).map(|at| now.max(*at)),
                    kept: self.kept_for(route, job.order),
                    cause: WaitCause::Room,
                });
            }
        }
        let left = self.listed.saturating_sub(list.len());
        list.extend(self.visits_listed(now, left));
        list
    }

    fn kept_for(&self, route: &RouteState, order: u64) -> Option<KeptPlace> {
        let claim = route.claims.iter().find(|claim| claim.order == order)?;
        Some(KeptPlace { endpoint: self.endpoints.get(claim.slot)?.id.clone(), at: claim.at })
    }

    /// Names grow with arrival, so the first are the oldest, whether they work a model or visit an account.
    fn running_list(&self) -> Vec<RunningView> {
        let sent = self.jobs.iter().filter_map(|(request, job)| match &job.stage {
            Some(Stage::Sent(held)) => Some((request, job, held)),
            _ => None,
        });
        let view = |(request, job, held): (&RequestId, &Job, &Reservation)| {
            Some(RunningView {
                request: *request,
                route: job.route.and_then(|at| self.routes.get(at)).map(|route| route.model.clone()),
                endpoint: self.endpoints.get(held.slot)?.id.clone(),
                priority: job.profile.priority,
                caller: job.profile.caller.clone(),
                client: Arc::clone(&job.profile.client),
                charge: held.estimate.charge,
                attempt: job.attempts,
                sent: held.sent,
                waited: job.waited,
                committed: job.committed,
            })
        };
        let mut list: Vec<RunningView> =
            sent.filter_map(|(request, job, held)| view((request, job, held))).take(self.listed).collect();
        list.extend(self.visits_sent().take(self.listed));
        list.sort_by_key(|one| one.request);
        list.truncate(self.listed);
        list
    }
}
