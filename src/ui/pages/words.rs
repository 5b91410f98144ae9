//! Sentences for reason codes, verdicts and refusals.
//!
//! Invariant: every code has one sentence.
//! Absent on purpose: numbers that the decision does not hold.
