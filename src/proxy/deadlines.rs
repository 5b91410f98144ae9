//! Until when each exchange waits, in one list with one timer for all of them, and a way to end one by hand.
//!
//! Invariant: nobody is told before its time, and whoever waits past it is told once; no waker is dropped or woken under the lock.
//! Absent on purpose: what being late means, and a timer per wait. Nearly every wait ends long before its time, so its end is only
//! noted: the timer wakes when the earliest one noted may have passed, and looks at them all.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::rt::{Sleep, Timer};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::engine::clock::Clock;
use crate::model::id::RequestId;
use crate::model::outcome::EndedFor;

/// Longer than anything is waited for.
const FAR: Duration = Duration::from_hours(24);

/// The list. Clones share it.
#[derive(Clone, Debug)]
pub struct Deadlines(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    list: Mutex<List>,
    /// Something ends earlier than the timer is set.
    earlier: Notify,
    clock: Clock,
}

#[derive(Debug, Default)]
struct List {
    places: Vec<Place>,
    free: Vec<usize>,
    /// All of them are ended, and whoever comes.
    stopped: bool,
    /// When the timer wakes; `None`: there is none.
    armed: Option<Instant>,
}

/// One that waits.
#[derive(Debug, Default)]
struct Place {
    until: Option<Instant>,
    is_late: bool,
    request: Option<RequestId>,
    ended: Option<EndedFor>,
    waker: Option<Waker>,
}

/// Why a wait is over before what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Its time has passed.
    Late,
    /// The request was ended.
    Ended(EndedFor),
}

impl Deadlines {
    /// How many wait for something now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let list = self.0.list();
        list.places.len().saturating_sub(list.free.len())
    }

    /// Nobody waits. The timer runs on the runtime of whoever waits first.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Shared { list: Mutex::default(), earlier: Notify::new(), clock }))
    }

    /// For one who may have to wait. Costs nothing until it does.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch { all: self.clone(), place: None, until: None, request: None }
    }

    /// Ends the waits of a request by hand, those to come included.
    pub fn end(&self, request: RequestId) {
        let mut list = self.0.list();
        let place = list.places.iter_mut().find(|place| place.request == Some(request));
        let waker = place.and_then(|place| {
            place.ended = Some(EndedFor::Hand);
            place.waker.take()
        });
        drop(list);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Ends all waits, those to come included: nothing goes on here.
    pub fn stop(&self) {
        let mut list = self.0.list();
        list.stopped = true;
        let wakers: Vec<Waker> = list.places.iter_mut().filter_map(|place| place.waker.take()).collect();
        drop(list);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Shared {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those whose time has passed; the next moment at which somebody's may have.
    fn look(&self) -> Option<Instant> {
        let now = self.clock.deadline(Duration::ZERO);
        let mut late = Vec::new();
        let mut list = self.list();
        let mut next: Option<Instant> = None;
        for place in &mut list.places {
            match place.until {
                Some(until) if until <= now => {
                    (place.until, place.is_late) = (None, true);
                    late.extend(place.waker.take());
                }
                Some(until) => next = Some(next.map_or(until, |next| next.min(until))),
                None => {}
            }
        }
        list.armed = next;
        drop(list);
        late.into_iter().for_each(Waker::wake);
        next
    }
}

/// The one timer. It ends when nobody waits for anything, and comes back with the next who does.
async fn keep(shared: Arc<Shared>) {
    while let Some(next) = shared.look() {
        tokio::select! {
            () = sleep_until(next) => {}
            () = shared.earlier.notified() => {}
        }
    }
}

/// The place of one who waits now and then; given back when dropped.
#[derive(Debug)]
pub struct Watch {
    all: Deadlines,
    place: Option<usize>,
    /// What the list was told last.
    until: Option<Instant>,
    request: Option<RequestId>,
}

impl Watch {
    /// From here on the waits are this request's.
    pub fn name(&mut self, request: RequestId) {
        (self.request, self.until) = (Some(request), None);
    }

    /// Why the request was ended; `None`: it was not.
    #[must_use]
    pub fn ended(&self) -> Option<EndedFor> {
        let list = self.all.0.list();
        match self.place {
            Some(at) => list.ended(at),
            // One who never had to wait hears of the stop, too.
            None => list.stopped.then_some(EndedFor::Stop),
        }
    }

    /// Waits until the request is ended.
    pub async fn until_ended(&mut self) -> EndedFor {
        loop {
            let far = self.all.0.clock.deadline(FAR);
            if let Err(Over::Ended(why)) = self.within(far, std::future::pending::<()>()).await {
                return why;
            }
        }
    }

    /// Waits for `work` until `deadline` at most.
    ///
    /// # Errors
    /// Why it is not waited for any longer.
    pub async fn within<F: Future>(&mut self, deadline: Instant, work: F) -> Result<F::Output, Over> {
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll(cx, deadline).map(Err),
        })
        .await
    }

    /// The same for one who polls: what is waited for has not come.
    pub fn poll(&mut self, cx: &Context<'_>, deadline: Instant) -> Poll<Over> {
        let mut list = self.all.0.list();
        let at = *self.place.get_or_insert_with(|| list.take());
        let Some(place) = list.places.get_mut(at) else { return Poll::Pending };
        let is_told = self.until == Some(deadline);
        if !is_told {
            (place.until, place.is_late, place.request) = (Some(deadline), false, self.request);
            self.until = Some(deadline);
        }
        if place.is_late {
            return Poll::Ready(Over::Late);
        }
        let is_known = place.waker.as_ref().is_some_and(|known| known.will_wake(cx.waker()));
        let before = if is_known { None } else { place.waker.replace(cx.waker().clone()) };
        let ended = list.ended(at);
        if is_told {
            drop(list);
        } else {
            self.all.arm(list, deadline);
        }
        drop(before);
        ended.map_or(Poll::Pending, |why| Poll::Ready(Over::Ended(why)))
    }
}

impl Deadlines {
    /// Has the timer wake at this moment, if it would not do so before.
    fn arm(&self, mut list: MutexGuard<'_, List>, deadline: Instant) {
        let before = list.armed;
        if before.is_some_and(|armed| armed <= deadline) {
            return;
        }
        list.armed = Some(deadline);
        drop(list);
        match before {
            Some(_) => self.0.earlier.notify_one(),
            None => drop(tokio::spawn(keep(Arc::clone(&self.0)))),
        }
    }
}

impl List {
    fn ended(&self, at: usize) -> Option<EndedFor> {
        self.places.get(at)?.ended.or_else(|| self.stopped.then_some(EndedFor::Stop))
    }

    fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len().saturating_sub(1)
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Some(at) = self.place else { return };
        let mut list = self.all.0.list();
        let left = list.places.get_mut(at).map(std::mem::take);
        list.free.push(at);
        drop(list);
        // Its waker may be the last that holds a task, which may hold a watch.
        drop(left);
    }
}

/// The same for hyper, which gives a client so long to send a request's head.
#[derive(Clone, Debug)]
pub(super) struct HeadTimer(pub(super) Deadlines);

impl Timer for HeadTimer {
    fn sleep(&self, span: Duration) -> std::pin::Pin<Box<dyn Sleep>> {
        Box::pin(HeadWait { watch: self.0.watch(), until: self.0.0.clock.deadline(span) })
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> std::pin::Pin<Box<dyn Sleep>> {
        Box::pin(HeadWait { watch: self.0.watch(), until: deadline.into() })
    }

    fn now(&self) -> std::time::Instant {
        self.0.0.clock.deadline(Duration::ZERO).into_std()
    }
}

struct HeadWait {
    watch: Watch,
    until: Instant,
}

impl Sleep for HeadWait {}

impl Future for HeadWait {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        self.watch.poll(cx, until).map(drop)
    }
}

#[cfg(test)]
#[path = "deadlines_tests.rs"]
mod tests;
