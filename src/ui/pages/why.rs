//! The Why panel of one request.
//!
//! Invariant: every sentence is built from the decision's own codes and numbers.
//! Absent on purpose: guesses about requests without a decision.
