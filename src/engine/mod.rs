//! Owns the brain, gives it time, wakes who waits.
//!
//! Invariant: the brain is behind one short lock that is never held across an await.
//! Absent on purpose: HTTP, files, and rules of any kind.

pub mod clock;
pub mod lease;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use self::clock::Clock;
use self::lease::{Lease, Turn};
use crate::model::id::{AccountId, RequestId};
use crate::model::profile::RequestProfile;
use crate::model::status::BalancerView;
use crate::model::units::Timestamp;
pub use crate::policy::Assignment;
use crate::policy::{Balancer, Input, Output};

/// The brain with a clock. Shared by every request.
pub struct Engine {
    core: Mutex<Core>,
    clock: Clock,
    alarm: Notify,
    next_request: AtomicU64,
}

struct Core {
    balancer: Balancer,
    outputs: Vec<Output>,
    waiters: BTreeMap<RequestId, oneshot::Sender<Output>>,
    armed: Option<Timestamp>,
}

impl Engine {
    /// An engine round a brain. Nothing moves by time alone until [`Engine::run`] is polled.
    #[must_use]
    pub fn new(balancer: Balancer, clock: Clock) -> Arc<Self> {
        let core = Core { balancer, outputs: Vec::with_capacity(8), waiters: BTreeMap::new(), armed: None };
        Arc::new(Self { core: Mutex::new(core), clock, alarm: Notify::new(), next_request: AtomicU64::new(1) })
    }

    /// The clock everything here runs by.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
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

    /// Swaps in another brain; whoever waits in the old one is refused.
    pub fn replace(&self, balancer: Balancer) {
        self.tell(Input::Stopping);
        self.core().balancer = balancer;
        self.alarm.notify_one();
    }

    /// What was learned of stored state and its accounts since the last call, in order.
    #[must_use]
    pub fn take_fresh_owners(&self) -> Vec<(u64, AccountId)> {
        self.core().balancer.take_fresh_owners()
    }

    /// How things stand now.
    #[must_use]
    pub fn view(&self) -> BalancerView {
        self.core().balancer.view(self.clock.now())
    }

    /// Wakes the brain at the exact moments it asks for. Runs for ever; drop it to stop.
    pub async fn run(&self) {
        loop {
            let due = self.arm();
            let alarm = self.alarm.notified();
            match due {
                Some(at) if at <= self.clock.now() => self.tell(Input::Tick),
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(self.clock.instant(at)) => self.tell(Input::Tick),
                        () = alarm => {}
                    }
                }
                None => alarm.await,
            }
            // A brain that asks for a moment that has passed must not starve the requests beside it.
            tokio::task::yield_now().await;
        }
    }

    fn arm(&self) -> Option<Timestamp> {
        let mut core = self.core();
        core.armed = core.balancer.next_wake();
        core.armed
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        // A panic inside the brain ends one exchange; the others go on with what it left.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands one event to the brain, delivers what concerns others, and returns what concerns `me`.
    fn handle(&self, input: Input, me: Option<RequestId>) -> Option<Answer> {
        let mut core = self.core();
        let Core { balancer, outputs, waiters, armed } = &mut *core;
        balancer.handle(self.clock.now(), input, outputs);
        let mut mine = None;
        for output in outputs.drain(..) {
            if me == Some(output.request()) {
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
        let wake = balancer.next_wake();
        let earlier = wake.is_some_and(|at| armed.is_none_or(|armed| at < armed));
        if earlier {
            *armed = wake;
        }
        drop(core);
        if earlier {
            self.alarm.notify_one();
        }
        answer
    }

    fn forget(&self, request: RequestId) {
        self.core().waiters.remove(&request);
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
