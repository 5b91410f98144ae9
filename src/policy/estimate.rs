//! What a service will charge for a request, as far as anyone can tell before sending it.
//!
//! Invariant: an estimate depends on the service, the operation and the request's size alone, and is at least 1.
//! Absent on purpose: exact token counts; they cost more than the hop itself, and services do not charge by them.

use super::calibrate::scaled;
use super::request::Job;
use crate::model::config::{Enforcement, Service};
use crate::model::decision::Estimate;
use crate::model::profile::{Operation, RequestSize};
use crate::model::usage::Usage;

/// What Azure reserves for a chat answer without a cap, as measured.
const AZURE_CHAT_OUTPUT: u64 = 640;
/// What the legacy operation generates without a cap, by its specification.
const COMPLETIONS_OUTPUT: u64 = 16;
/// No charge is larger, so that sums stay far from overflow whatever cap a client sends.
const LARGEST: u64 = 1_000_000_000_000;

/// How the charge is formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    /// Prompt plus everything that could come back (Azure).
    Sum,
    /// The larger of the cap and the prompt (OpenAI).
    Larger,
}

impl Formula {
    /// What it makes of what was used in the end.
    pub(super) fn of_usage(self, usage: Usage) -> u64 {
        match self {
            Self::Sum => usage.total(),
            Self::Larger => usage.input.max(usage.output),
        }
    }
}

/// The formula by which an endpoint charges.
pub(super) fn formula(service: Service, enforcement: Enforcement) -> Formula {
    match (service, enforcement) {
        (Service::Simulated, Enforcement::TokenBucket) | (Service::Openai | Service::Compatible, _) => Formula::Larger,
        (Service::Azure | Service::Simulated, _) => Formula::Sum,
    }
}

/// By what a request is estimated: two endpoints with the same tariff expect the same charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tariff {
    pub(super) service: Service,
    pub(super) enforcement: Enforcement,
    /// The learned factor on the formula's charge, for requests with an output cap and for those without.
    pub(super) permille: [u64; 2],
    /// What may be written in a minute, where that is limited apart.
    pub(super) output_limit: Option<u64>,
}

impl Tariff {
    /// What a request of this size would be charged.
    pub(super) fn estimate(&self, job: &Job, size: &RequestSize) -> Estimate {
        let mut size = *size;
        // Where the service corrects to what was used, what is usual tells more than what it reserves.
        if self.enforcement == Enforcement::Utilization && size.output_cap.is_none() {
            size.output_cap = job.expected_output;
        }
        let formula = estimate(self.service, self.enforcement, job.profile.operation, &size);
        let [capped, uncapped] = self.permille;
        let permille = if job.has_known_output() { capped } else { uncapped };
        let output = self.output_limit.map_or(formula.output, |limit| self.reserved_output(job, size, limit));
        Estimate { charge: scaled(formula.charge, permille), output, ..formula }
    }

    /// What is reserved of an output limit: as much as may be written, or where no cap says so, as is usually written. A
    /// guess of ours never keeps a request out for good.
    fn reserved_output(&self, job: &Job, size: RequestSize, limit: u64) -> u64 {
        let operation = job.profile.operation;
        if !operation.writes() {
            return 0;
        }
        let of_each = |each: u64| each.saturating_mul(size.choices.max(1)).min(LARGEST);
        match size.output_cap {
            Some(cap) => of_each(cap),
            // Such a service reserves its own default, and keeps it.
            None if formula(self.service, self.enforcement) == Formula::Sum => of_each(uncapped(operation)),
            None => of_each(job.expected_output.unwrap_or_else(|| uncapped(operation))).min(limit),
        }
    }
}

/// The estimate in tokens for one endpoint.
pub(super) fn estimate(
    service: Service,
    enforcement: Enforcement,
    operation: Operation,
    size: &RequestSize,
) -> Estimate {
    let whole = if operation.writes() {
        let prompt = (size.prompt_chars / 4).saturating_add(1);
        match formula(service, enforcement) {
            Formula::Sum => {
                let output = size.output_cap.unwrap_or_else(|| uncapped(operation)).saturating_mul(size.choices.max(1));
                Estimate { prompt, output, charge: prompt.saturating_add(output) }
            }
            Formula::Larger => {
                let output = size.output_cap.unwrap_or(0);
                Estimate { prompt, output, charge: prompt.max(output) }
            }
        }
    } else {
        let prompt = size.prompt_chars.div_ceil(4);
        Estimate { prompt, output: 0, charge: prompt }
    };
    Estimate { charge: whole.charge.clamp(1, LARGEST), ..whole }
}

const fn uncapped(operation: Operation) -> u64 {
    match operation {
        Operation::Completions => COMPLETIONS_OUTPUT,
        _ => AZURE_CHAT_OUTPUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(service: Service, operation: Operation, prompt_chars: u64, output_cap: Option<u64>, choices: u64) -> u64 {
        let size = RequestSize { prompt_chars, output_cap, choices };
        estimate(service, Enforcement::Auto, operation, &size).charge
    }

    #[test]
    fn azure_charges_match_what_was_measured() {
        assert_eq!(charge(Service::Azure, Operation::Chat, 28, None, 1), 648);
        assert_eq!(charge(Service::Azure, Operation::Chat, 233, None, 1), 699);
        assert_eq!(charge(Service::Azure, Operation::Chat, 28, Some(2_000), 1), 2_008);
        assert_eq!(charge(Service::Azure, Operation::Embeddings, 44, None, 1), 11);
    }

    #[test]
    fn every_choice_costs_a_whole_answer_at_azure() {
        assert_eq!(charge(Service::Azure, Operation::Chat, 40, Some(100), 3), 311);
    }

    #[test]
    fn openai_charges_the_larger_of_cap_and_prompt() {
        assert_eq!(charge(Service::Openai, Operation::Chat, 400, Some(50), 1), 101);
        assert_eq!(charge(Service::Openai, Operation::Chat, 400, Some(500), 1), 500);
        assert_eq!(charge(Service::Compatible, Operation::Responses, 400, None, 1), 101);
    }

    #[test]
    fn a_simulated_bucket_charges_like_openai_and_any_other_like_azure() {
        let size = RequestSize { prompt_chars: 400, output_cap: Some(500), choices: 1 };
        let at = |enforcement| estimate(Service::Simulated, enforcement, Operation::Chat, &size).charge;
        assert_eq!(at(Enforcement::TokenBucket), 500);
        assert_eq!(at(Enforcement::SlidingLog), 601);
    }

    #[test]
    fn absurd_sizes_saturate_and_nothing_is_free() {
        assert_eq!(charge(Service::Azure, Operation::Chat, u64::MAX, Some(u64::MAX), u64::MAX), LARGEST);
        assert_eq!(charge(Service::Openai, Operation::Embeddings, 0, None, 1), 1);
    }
}
