//! Owns the brain, gives it time, wakes who waits.
//!
//! Invariant: the brain is behind one short lock that is never held across an await.
//! Absent on purpose: HTTP, files, and rules of any kind.

pub mod clock;
pub mod lease;
mod lookout;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use self::clock::Clock;
use self::lease::{Lease, Turn};
use self::lookout::Lookout;
use crate::model::id::{EndpointId, RequestId};
use crate::model::lesson::Lesson;
use crate::model::ownership::Ownership;
use crate::model::profile::RequestProfile;
use crate::model::status::{BalancerView, Rest};
use crate::model::units::Timestamp;
pub use crate::policy::{Assignment, Visit, Whereabouts};
use crate::policy::{Balancer, Input, Output};

/// The brain with a clock. Shared by every request.
pub struct Engine {
    core: Mutex<Core>,
    clock: Clock,
    alarm: Notify,
    /// An attempt failed, so somebody may have begun to rest.
    failed: Notify,
    next_request: AtomicU64,
}

struct Core {
    balancer: Balancer,
    outputs: Vec<Output>,
    waiters: BTreeMap<RequestId, oneshot::Sender<Output>>,
    armed: Option<Timestamp>,
    lookout: Lookout,
}

impl Engine {
    /// An engine round a brain. Nothing moves by time alone until [`Engine::run`] is polled.
    #[must_use]
    pub fn new(balancer: Balancer, clock: Clock) -> Arc<Self> {
        let (outputs, waiters, lookout) = (Vec::with_capacity(8), BTreeMap::new(), Lookout::default());
        let core = Core { balancer, outputs, waiters, armed: None, lookout };
        let (alarm, failed, next_request) = (Notify::new(), Notify::new(), AtomicU64::new(1));
        Arc::new(Self { core: Mutex::new(core), clock, alarm, failed, next_request })
    }

    /// Numbers the requests to come from here on, so that no name of an earlier run comes again.
    pub fn number_from(&self, first: u64) {
        self.next_request.store(first.max(1), Ordering::Relaxed);
    }

    /// The clock everything here runs by.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// By this configuration from now on, for tests in rooms that know no balancer.
    #[cfg(test)]
    pub(crate) fn of(config: &Arc<crate::model::checked::CheckedConfig>) -> Arc<Self> {
        let clock = Clock::start();
        Self::new(Balancer::new(Arc::clone(config), 1, clock.now()), clock)
    }

    /// What the person sets of an endpoint, for the same.
    #[cfg(test)]
    pub(crate) fn set_admin_state(&self, endpoint: EndpointId, state: crate::model::config::AdminState) {
        self.tell(Input::SetAdminState(endpoint, state));
    }

    /// A lease for a request that has just arrived; ask it for its first turn.
    #[must_use]
    pub fn lease(self: &Arc<Self>, profile: Arc<RequestProfile>) -> Lease {
        let request = RequestId(self.next_request.fetch_add(1, Ordering::Relaxed));
        Lease::new(Arc::clone(self), request, profile)
    }

    /// Tells the brain something that concerns no single request: the person's changes, keys, a configuration.
    pub fn tell(&self, input: Input) {
        let _ = self.handle(input, None);
    }

    /// Sends a waiting request to an endpoint by hand; says whether it waits no longer.
    #[must_use]
    pub fn send_by_hand(&self, request: RequestId, endpoint: EndpointId) -> bool {
        self.tell(Input::SentByHand { request, endpoint });
        !self.core().balancer.is_waiting(request)
    }

    /// Whether views list as many of those who wait and run as can be listed from now on, or a page.
    pub fn list_all(&self, all: bool) {
        self.core().balancer.list_all(all);
    }

    /// Swaps in another brain; whoever waits in the old one is refused.
    pub fn replace(&self, balancer: Balancer) {
        self.tell(Input::Stopping);
        let mut core = self.core();
        (core.balancer, core.lookout) = (balancer, Lookout::default());
        drop(core);
        self.alarm.notify_one();
    }

    /// What was learned of stored state and its accounts since the last call, in order.
    #[must_use]
    pub fn take_fresh_owners(&self) -> Vec<Ownership> {
        self.core().balancer.take_fresh_owners()
    }

    /// Waits until an attempt has failed since this was last waited for. One at a time may wait.
    pub async fn failed(&self) {
        self.failed.notified().await;
    }

    /// Who rests now.
    #[must_use]
    pub fn rests(&self) -> Vec<Rest> {
        let now = self.clock.now();
        self.core().balancer.rests(now)
    }

    /// What refusals taught of limits and headers named, as it holds now.
    #[must_use]
    pub fn lessons(&self) -> Vec<Lesson> {
        let now = self.clock.now();
        self.core().balancer.lessons(now)
    }

    /// Where stored objects with these fingerprints are, and which accounts can be asked.
    #[must_use]
    pub fn whereabouts(&self, keys: &[u64], model: Option<&str>) -> Whereabouts {
        let now = self.clock.now();
        self.core().balancer.whereabouts(now, keys, model)
    }

    /// How things stand now.
    #[must_use]
    pub fn view(&self) -> BalancerView {
        let core = self.core();
        let mut view = core.balancer.view(self.clock.now());
        core.lookout.show_in(&mut view);
        view
    }

    /// How many entries the brain keeps of what comes and goes, by kind.
    #[must_use]
    pub fn sizes(&self) -> [(&'static str, usize); 5] {
        self.core().balancer.sizes()
    }

    /// Wakes the brain at the exact moments it asks for. Runs for ever; drop it to stop.
    pub async fn run(&self) {
        loop {
            let due = self.arm();
            let alarm = self.alarm.notified();
            match due {
                Some(at) if at <= self.clock.now() => self.tick(),
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(self.clock.instant(at)) => self.tick(),
                        () = alarm => {}
                    }
                }
                None => alarm.await,
            }
            // A brain that asks for a moment that has passed must not starve the requests beside it.
            tokio::task::yield_now().await;
        }
    }

    /// Time alone: what is due of looking ahead, then what is due in the brain.
    fn tick(&self) {
        let now = self.clock.now();
        let outlook = self.core().lookout.outlook(now);
        if let Some(outlook) = outlook {
            self.tell(Input::Foreseen(outlook));
            let mut core = self.core();
            let Core { balancer, lookout, .. } = &mut *core;
            let ceilings = lookout.look(balancer, now);
            drop(core);
            if !ceilings.is_empty() {
                self.tell(Input::Allotted(ceilings));
            }
        }
        self.tell(Input::Tick);
    }

    fn arm(&self) -> Option<Timestamp> {
        let mut core = self.core();
        core.armed = core.wake();
        core.armed
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic inside the brain ends one exchange; the others go on with what it left.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands one event to the brain, delivers what concerns others, and returns what concerns `me`.
    fn handle(&self, input: Input, me: Option<RequestId>) -> Option<Answer> {
        let (now, asks) = (self.clock.now(), Lookout::asks(&input));
        let has_failed = matches!(input, Input::AttemptFailed { .. });
        let mut core = self.core();
        let Core { balancer, outputs, waiters, lookout, .. } = &mut *core;
        lookout.hear(&input);
        balancer.handle(now, input, outputs);
        let mut mine = None;
        for output in outputs.drain(..) {
            let is_mine = me == Some(output.request());
            lookout.note(now, &output, asks.filter(|_| is_mine));
            if is_mine {
                mine = Some(output);
            } else if !matches!(output, Output::Held { .. })
                && let Some(waiter) = waiters.remove(&output.request())
            {
                // A waiter that is gone settles through its lease's drop.
                let _ = waiter.send(output);
            }
        }
        let answer = mine.map(|output| match output {
            Output::Held { request, decision } => {
                let (sender, receiver) = oneshot::channel();
                waiters.insert(request, sender);
                Answer::Later(decision, receiver)
            }
            output => Answer::Now(output),
        });
        let wake = core.wake();
        let earlier = wake.is_some_and(|at| core.armed.is_none_or(|armed| at < armed));
        if earlier {
            core.armed = wake;
        }
        drop(core);
        if earlier {
            self.alarm.notify_one();
        }
        if has_failed {
            self.failed.notify_one();
        }
        answer
    }

    fn forget(&self, request: RequestId) {
        self.core().waiters.remove(&request);
    }
}

impl Core {
    /// When time alone changes something.
    fn wake(&self) -> Option<Timestamp> {
        [self.balancer.next_wake(), self.lookout.due()].into_iter().flatten().min()
    }
}

/// What an event brought for the one who caused it.
enum Answer {
    Now(Output),
    Later(Arc<crate::model::decision::Decision>, oneshot::Receiver<Output>),
}

impl From<Output> for Turn {
    fn from(output: Output) -> Self {
        match output {
            Output::Assigned { assignment, .. } => Self::Send(assignment),
            Output::Refused { refusal, decision, .. } => Self::Refused(refusal, decision),
            Output::GiveUp { decision, .. } | Output::Held { decision, .. } => Self::GiveUp(decision),
        }
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
