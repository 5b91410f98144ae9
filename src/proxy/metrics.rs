//! `GET /_tidegate/metrics`: how things stand, as text that Prometheus and its kin collect.
//!
//! Invariant: reads only; names and numbers that the status page tells too, no key and no text of any request.
//! Absent on purpose: histograms. Times of single requests are in the history, with their reasons.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::door::Door;
use crate::model::status::{BalancerView, EndpointView, LimitView, QueueView, RouteView};

/// What the page is, by the format that every collector reads.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page's body.
#[must_use]
pub(super) fn metrics_page(door: &Door) -> Bytes {
    let mut page = Page::default();
    page.family(GAUGE, "tidegate_info", "Which Tidegate answers.", [(vec![("version", env!("CARGO_PKG_VERSION"))], 1)]);
    let paused = u64::from(door.paused.load(Ordering::Relaxed));
    page.family(GAUGE, "tidegate_paused", "1 while serving is paused.", [(vec![], paused)]);
    let running = door.in_flight.load(Ordering::Relaxed);
    page.family(GAUGE, "tidegate_in_flight", "Requests being served, waiting ones included.", [(vec![], running)]);
    page.view(&door.engine.view());
    Bytes::from(page.0)
}

/// Goes up and down.
const GAUGE: &str = "gauge";
/// Grows from the start on; its name ends in `_total`.
const COUNTER: &str = "counter";

/// A number to tell of each: whether it only grows, the rest of its name, what it is, and how it is read.
type Told<T> = (&'static str, &'static str, &'static str, fn(&T) -> u64);
/// What a row is of: names and their values.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// The page so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn view(&mut self, view: &BalancerView) {
        self.endpoints(&view.endpoints);
        self.limits("pool", &view.pools, |pool| (vec![("pool", pool.id.as_str())], &pool.tokens, &pool.requests));
        self.limits("caller", &view.callers, |one| (vec![("caller", one.id.as_str())], &one.tokens, &one.requests));
        self.routes(&view.routes);
        self.queue(&view.queue);
    }

    fn endpoints(&mut self, all: &[EndpointView]) {
        let told: [Told<EndpointView>; 8] = [
            (GAUGE, "serving", "1 where a request could be sent now, room aside.", |one| one.serving().into()),
            (GAUGE, "in_flight", "Requests running there.", |one| one.in_flight.into()),
            (COUNTER, "attempts_total", "Requests sent there.", |one| one.counters.attempts),
            (COUNTER, "answered_total", "Of these, answered whole.", |one| one.counters.answered),
            (COUNTER, "throttled_total", "429s of the service.", |one| one.counters.throttled),
            (COUNTER, "failed_total", "Other failures of the endpoint.", |one| one.counters.failed),
            (COUNTER, "input_tokens_total", "Input tokens that the service reported.", |one| one.counters.tokens_in),
            (COUNTER, "output_tokens_total", "Output tokens that the service reported.", |one| one.counters.tokens_out),
        ];
        for (kind, name, help, of) in told {
            let rows = all.iter().map(|one| (endpoint(one), of(one)));
            self.family(kind, &format!("tidegate_endpoint_{name}"), help, rows);
        }
        self.limits("endpoint", all, |one| (endpoint(one), &one.tokens, &one.requests));
    }

    /// Limits, and what is taken of them. A limit that nobody knows has no row.
    fn limits<'a, T>(
        &mut self,
        of: &str,
        all: &'a [T],
        told: impl Fn(&'a T) -> (Labels<'a>, &'a LimitView, &'a LimitView),
    ) {
        for (unit, noun) in [("tokens", "Tokens"), ("requests", "Requests")] {
            let each = || {
                all.iter().map(|one| {
                    let (labels, tokens, requests) = told(one);
                    (labels, if unit == "tokens" { tokens } else { requests })
                })
            };
            let limits = each().filter_map(|(labels, limit)| Some((labels, limit.limit?)));
            let name = format!("tidegate_{of}_{unit}_per_minute");
            self.family(GAUGE, &format!("{name}_limit"), &format!("{noun} a minute that are let in at most."), limits);
            let used = each().map(|(labels, limit)| (labels, limit.used));
            self.family(GAUGE, &format!("{name}_used"), &format!("{noun} of the last minute that count."), used);
            let reserved = each().map(|(labels, limit)| (labels, limit.reserved));
            self.family(GAUGE, &format!("{name}_reserved"), &format!("{noun} of requests under way."), reserved);
        }
    }

    fn routes(&mut self, all: &[RouteView]) {
        let told: [Told<RouteView>; 3] = [
            (GAUGE, "serving", "Endpoints that could be sent to now.", |route| route.serving.into()),
            (GAUGE, "members", "Endpoints of the route.", |route| route.members.into()),
            (GAUGE, "waiting", "Requests waiting for it.", |route| route.waiting.into()),
        ];
        for (kind, name, help, of) in told {
            let rows = all.iter().map(|route| (vec![("route", route.model.as_str())], of(route)));
            self.family(kind, &format!("tidegate_route_{name}"), help, rows);
        }
    }

    fn queue(&mut self, queue: &QueueView) {
        let classes = || ["interactive", "normal", "bulk"].into_iter().zip(&queue.classes);
        let waiting = classes().map(|(name, class)| (vec![("priority", name)], class.waiting.into()));
        self.family(GAUGE, "tidegate_queue_waiting", "Requests waiting.", waiting);
        let admitted = classes().map(|(name, class)| (vec![("priority", name)], class.admitted));
        self.family(COUNTER, "tidegate_queue_admitted_total", "Let go after a wait.", admitted);
        self.family(COUNTER, "tidegate_queue_refused_total", "Refused by us.", [(vec![], queue.refused)]);
    }

    /// One kind of number with all its rows; nothing where there is none.
    fn family<'a>(&mut self, kind: &str, name: &str, help: &str, rows: impl IntoIterator<Item = (Labels<'a>, u64)>) {
        for (place, (labels, value)) in rows.into_iter().enumerate() {
            if place == 0 {
                // Writing into a text cannot fail.
                let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            }
            self.0.push_str(name);
            for (place, (label, value)) in labels.iter().enumerate() {
                let _ = write!(self.0, "{}{label}=\"{}\"", if place == 0 { '{' } else { ',' }, escaped(value));
            }
            self.0.push_str(if labels.is_empty() { " " } else { "} " });
            let _ = writeln!(self.0, "{value}");
        }
    }
}

fn endpoint(one: &EndpointView) -> Labels<'_> {
    vec![("endpoint", one.id.as_str()), ("account", one.account.as_str()), ("model", one.model.as_str())]
}

/// As the format wants values between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::status::LimitSource;

    #[test]
    fn every_row_has_a_family_told_once_before_it_and_values_are_escaped() {
        let mut page = Page::default();
        page.family(GAUGE, "a", "Some.", [(vec![("name", "a \"b\"\\c\nd")], 1), (vec![("name", "e")], 2)]);
        page.family(COUNTER, "none_total", "Nothing.", []);
        assert_eq!(page.0, "# HELP a Some.\n# TYPE a gauge\na{name=\"a \\\"b\\\"\\\\c\\nd\"} 1\na{name=\"e\"} 2\n");
    }

    #[test]
    fn an_unknown_limit_has_no_row() {
        let mut page = Page::default();
        let known = LimitView::new(Some(6), LimitSource::Unknown, (2, 1));
        let unknown = LimitView::new(None, LimitSource::Unknown, (2, 1));
        let both = [("known", known), ("unknown", unknown)];
        page.limits("pool", &both, |(name, limit)| (vec![("pool", *name)], limit, limit));
        let limits: Vec<&str> =
            page.0.lines().filter(|line| line.starts_with("tidegate_pool_tokens_per_minute_limit{")).collect();
        assert_eq!(limits, ["tidegate_pool_tokens_per_minute_limit{pool=\"known\"} 6"]);
        assert!(page.0.contains("tidegate_pool_requests_per_minute_used{pool=\"unknown\"} 1"), "{}", page.0);
    }
}
