//! Simulated services for tests in virtual time. What they say goes through `wire`, as it does behind a socket.

use http::{HeaderMap, HeaderName, HeaderValue};
use tidegate::model::outcome::{Failure, FailureClass, HeaderFacts};
use tidegate::model::profile::{Operation, RequestProfile};
use tidegate::model::scenario::Dials;
use tidegate::model::units::Timestamp;
use tidegate::model::usage::Usage;
use tidegate::sim::upstream::{SimAnswer, SimRequest, Upstream};
use tidegate::sim::window::Standing;
use tidegate::sim::world::server::{Admitted, Reply, Server};
use tidegate::wire;

/// A simulated endpoint behind headers and bodies, as they stand on the wire.
pub struct Behind {
    upstream: Upstream,
    /// What goes wrong from when on, the earliest first.
    dials: Vec<(Timestamp, Dials)>,
    /// When requests arrived.
    pub arrived: Vec<Timestamp>,
    /// When requests were let in.
    pub admitted: Vec<Timestamp>,
    /// Status of each refusal, 0 for a broken connection.
    pub refused: Vec<u16>,
}

impl Behind {
    /// With nothing sent yet.
    pub fn new(upstream: Upstream, dials: Vec<(Timestamp, Dials)>) -> Self {
        Self { upstream, dials, arrived: Vec::new(), admitted: Vec::new(), refused: Vec::new() }
    }
}

fn sim_request(profile: &RequestProfile) -> SimRequest {
    SimRequest {
        prompt_chars: profile.size.prompt_chars,
        output_cap: profile.size.output_cap,
        streaming: profile.streaming,
        ..SimRequest::new(Operation::Chat)
    }
}

fn header_map(list: &[(&'static str, String)]) -> HeaderMap {
    let value = |value: &str| HeaderValue::from_str(value).expect("a header value");
    list.iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
}

impl Server for Behind {
    fn charge(&self, profile: &RequestProfile) -> u64 {
        self.upstream.charge(&sim_request(profile))
    }

    fn arrive(&mut self, now: Timestamp, profile: &RequestProfile) -> Reply {
        self.arrived.push(now);
        while self.dials.first().is_some_and(|(from, _)| *from <= now) {
            self.upstream.set_dials(self.dials.remove(0).1);
        }
        match self.upstream.arrive(now, &sim_request(profile)) {
            SimAnswer::Admitted(admission) => {
                self.admitted.push(now);
                let facts = wire::headers::facts(&header_map(&admission.headers), 0);
                let (input, output) = (admission.prompt_tokens, admission.output_tokens);
                Reply::Admitted(Admitted {
                    ticket: admission.ticket,
                    charge: admission.charge,
                    usage: Usage { input, output, exact: true, ..Usage::default() },
                    facts,
                    first_token: admission.first_token,
                    takes: admission.token_gap * u32::try_from(output).expect("short"),
                })
            }
            SimAnswer::Rejected(rejection) => {
                self.refused.push(rejection.status);
                let headers = header_map(&rejection.headers);
                Reply::Failed(wire::failure::classify(rejection.status, &headers, rejection.body.as_bytes(), 0))
            }
            SimAnswer::Stalled(_) | SimAnswer::Reset => {
                self.refused.push(0);
                let class = FailureClass::Broken;
                Reply::Failed(Failure { class, status: None, reached: true, facts: HeaderFacts::default() })
            }
        }
    }

    fn finish(&mut self, now: Timestamp, admitted: &Admitted) {
        self.upstream.finish(now, admitted.ticket, admitted.usage.total());
    }

    fn standing(&mut self, now: Timestamp) -> Standing {
        self.upstream.tokens(now).expect("limited")
    }
}
