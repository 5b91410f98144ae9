//! What a service subtracts from its token limit when a request arrives.
//!
//! Invariant: a charge depends on the request alone, never on what the answer turned out to be; sums saturate.
//! Absent on purpose: real token counts. No service counts tokens before it admits; all of them look at characters.

use crate::model::config::Enforcement;

use super::upstream::SimRequest;

/// What newer Azure chat models reserve for the answer when the request names no cap.
const AZURE_DEFAULT_OUTPUT: u64 = 640;
/// What the gpt-3.5 generation reserved then; its charge never showed the prompt.
const OLD_DEFAULT_OUTPUT: u64 = 16;

/// The tokens charged at admission by a service that counts this way.
#[must_use]
pub fn charge(enforcement: Enforcement, model: &str, request: &SimRequest) -> u64 {
    match enforcement {
        Enforcement::TokenBucket => openai(request),
        Enforcement::Auto | Enforcement::SlidingLog | Enforcement::Utilization => azure(model, request),
    }
}

/// Azure: the prompt's estimate plus what the answer may need.
fn azure(model: &str, request: &SimRequest) -> u64 {
    if !request.operation.writes() {
        return request.prompt_chars.div_ceil(4);
    }
    let choices = request.choices.max(1);
    if model.starts_with("gpt-3.5") || model.starts_with("gpt-35") {
        return request.output_cap.unwrap_or(OLD_DEFAULT_OUTPUT).saturating_mul(choices);
    }
    let output = request.output_cap.unwrap_or(AZURE_DEFAULT_OUTPUT).saturating_mul(choices);
    (request.prompt_chars / 4).saturating_add(1).saturating_add(output)
}

/// OpenAI: the larger of the cap and the estimate by characters.
fn openai(request: &SimRequest) -> u64 {
    let estimate = request.prompt_chars.div_ceil(4).max(1);
    match request.operation {
        operation if !operation.writes() => estimate,
        _ => estimate.max(request.output_cap.unwrap_or(0).saturating_mul(request.choices.max(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::profile::Operation;

    fn chat(prompt_chars: u64, output_cap: Option<u64>) -> SimRequest {
        SimRequest { prompt_chars, output_cap, ..SimRequest::new(Operation::Chat) }
    }

    #[test]
    fn azure_charges_what_was_measured() {
        let log = Enforcement::SlidingLog;
        for (model, request, drop) in [
            ("gpt-3.5-turbo", chat(28, Some(75)), 75),
            ("gpt-3.5-turbo", chat(3_656, Some(2_000)), 2_000),
            ("gpt-35-turbo", chat(60, None), 16),
            ("gpt-3.5-turbo", chat(3_656, None), 16),
            ("gpt-4", chat(28, None), 648),
            ("gpt-4o", chat(28, None), 648),
            ("gpt-4", chat(233, None), 699),
            ("gpt-4o", chat(28, Some(2_000)), 2_008),
        ] {
            assert_eq!(charge(log, model, &request), drop, "{model} {request:?}");
        }
        let embedding = SimRequest { prompt_chars: 44, ..SimRequest::new(Operation::Embeddings) };
        assert_eq!(charge(log, "text-embedding-ada-002", &embedding), 11);
    }

    #[test]
    fn openai_charges_the_larger_of_cap_and_estimate() {
        let bucket = Enforcement::TokenBucket;
        assert_eq!(charge(bucket, "gpt-4o", &chat(880, Some(100))), 220);
        assert_eq!(charge(bucket, "gpt-4o", &chat(880, Some(4_000))), 4_000);
        assert_eq!(charge(bucket, "gpt-4o", &chat(880, None)), 220);
    }

    #[test]
    fn every_choice_reserves_its_own_answer() {
        let request = SimRequest { choices: 3, ..chat(28, Some(100)) };
        assert_eq!(charge(Enforcement::SlidingLog, "gpt-4o", &request), 308);
        assert_eq!(charge(Enforcement::TokenBucket, "gpt-4o", &request), 300);
        let huge = SimRequest { choices: u64::MAX, ..chat(28, Some(u64::MAX)) };
        assert_eq!(charge(Enforcement::SlidingLog, "gpt-4o", &huge), u64::MAX);
    }
}
