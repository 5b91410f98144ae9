//! What the person does to the waiting line beside ending requests: sending one by hand, and seeing all of them.
//!
//! Invariant: a long list is made only while it is asked for; it ends by itself once a page holds everybody.
//! Absent on purpose: ending requests (`commands`, `leaving`), and the order of service (`policy`).

use super::stage::Stage;
use crate::contract::snapshot::Problem;
use crate::model::id::{EndpointId, RequestId};
use crate::model::status::{BalancerView, QueueView};

/// Where more than want of room keeps it away, it waits on.
pub(super) fn send_now(stage: &Stage, request: RequestId, endpoint: EndpointId) -> Result<String, Problem> {
    let name = endpoint.clone();
    if stage.engine.send_by_hand(request, endpoint) {
        return Ok(format!("{request} waits no longer"));
    }
    Err(Problem {
        what: format!(
            "{request} could not be sent to {name}: it rests, is switched off, or may not answer this request."
        ),
        still_works: "The request keeps its place in line.".to_owned(),
        next_step: "Choose another endpoint, or let it wait.".to_owned(),
    })
}

/// Lists as many as can be listed.
pub(super) fn list_all(stage: &mut Stage) {
    stage.listing = true;
    stage.engine.list_all(true);
}

/// Goes back to a page once it holds everybody.
pub(super) fn beat(stage: &mut Stage) {
    if !stage.listing {
        return;
    }
    if fits_a_page(&stage.back.latest().view) {
        stage.listing = false;
        stage.engine.list_all(false);
    }
}

/// Whether a page holds everybody who waits or is in flight, visits to what accounts keep among them.
fn fits_a_page(view: &BalancerView) -> bool {
    view.queue.waiting as usize <= QueueView::PAGE && view.in_flight() <= QueueView::PAGE as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_fill_a_page_as_requests_do() {
        let mut view = BalancerView::default();
        assert!(fits_a_page(&view));
        view.queue.visiting = u32::try_from(QueueView::PAGE).unwrap();
        assert!(fits_a_page(&view));
        view.queue.visiting += 1;
        assert!(!fits_a_page(&view), "the page offers to list them");
        view.queue = QueueView { waiting: view.queue.visiting, ..QueueView::default() };
        assert!(!fits_a_page(&view));
    }
}
