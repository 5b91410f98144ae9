//! What is kept from those who wait, and for whom: room for more important requests, places for the next in line, retries.
//!
//! Invariant: every figure is the snapshot's; a route is named only while something is kept there.
//! Absent on purpose: when each of them goes; the table says that.

use crate::model::insight::RetryBudget;
use crate::model::status::{BalancerView, RouteView, WaitingView};
use crate::model::units::{Grouped, Timestamp};
use crate::ui::format::span;

/// One line for each rule that holds something back now.
pub(super) fn lines(view: &BalancerView) -> Vec<String> {
    let routes = || view.routes.iter();
    routes().filter_map(paced).chain(routes().filter_map(|route| relented(route, view.at))).collect()
}

fn paced(route: &RouteView) -> Option<String> {
    let paced = route.groups.last()?.paced.filter(|_| route.waiting > 0)?;
    Some(format!(
        "{}: bulk requests may take {} tokens more for now and normal ones {}. The rest is kept for more important requests that are expected.",
        route.model,
        Grouped(paced.bulk),
        Grouped(paced.normal)
    ))
}

fn relented(route: &RouteView, now: Timestamp) -> Option<String> {
    let at = route.relented_at.filter(|_| route.serving == 0)?;
    Some(format!(
        "{}: all its endpoints rest by our own judgement, so one was tried anyway {} ago.",
        route.model,
        span(now.since(at))
    ))
}

/// `3 of 12`: retries of the last ten seconds, and how many are allowed.
pub(super) fn retries(budget: &RetryBudget) -> String {
    format!("{} of {}", Grouped(budget.retries), Grouped(budget.allowed))
}

/// The place that is kept for one who is next.
pub(super) fn place(one: &WaitingView, now: Timestamp) -> Option<String> {
    let kept = one.kept.as_ref()?;
    let when = if kept.at <= now { "now".to_owned() } else { format!("in {}", span(kept.at.since(now))) };
    Some(format!(
        "A place is kept for it at {}, there {when}. Smaller requests may pass as long as it is not delayed.",
        kept.endpoint
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::insight::{KeptPlace, Paced};
    use crate::ui::fixture;

    #[test]
    fn what_is_kept_for_more_important_requests_is_said_while_somebody_waits() {
        let snapshot = fixture::snapshot();
        let mut view = (*snapshot.view).clone();
        assert_eq!(lines(&view), [""; 0]);
        let route = &mut view.routes[0];
        route.groups.last_mut().expect("a group").paced = Some(Paced { normal: 12_000, bulk: 3_000 });
        assert!(lines(&view)[0].starts_with("demo-chat: bulk requests may take 3,000 tokens more"));
        view.routes[0].waiting = 0;
        assert_eq!(lines(&view), [""; 0]);
    }

    #[test]
    fn a_resting_endpoint_that_was_tried_anyway_is_said_while_all_rest() {
        let mut view = (*fixture::snapshot().view).clone();
        view.routes[0].relented_at = Some(view.at.before(std::time::Duration::from_secs(12)));
        assert_eq!(lines(&view), [""; 0], "some serve");
        view.routes[0].serving = 0;
        assert!(lines(&view)[0].ends_with("tried anyway 12 s ago."), "{:?}", lines(&view));
    }

    #[test]
    fn the_next_in_line_knows_its_place() {
        let view = (*fixture::snapshot().view).clone();
        let mut one = view.queue.list[0].clone();
        assert_eq!(place(&one, view.at), None);
        let at = view.at.after(std::time::Duration::from_secs(3));
        one.kept = Some(KeptPlace { endpoint: "sim-ptu".into(), at });
        assert!(
            place(&one, view.at)
                .is_some_and(|words| words.starts_with("A place is kept for it at sim-ptu, there in 3"))
        );
    }
}
