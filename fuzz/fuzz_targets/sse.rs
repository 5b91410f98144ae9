//! How a stream is cut changes nothing in its events, and the gate loses and adds no byte.

#![no_main]

use std::collections::VecDeque;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tidegate::wire::gate::Gate;
use tidegate::wire::sse::Splitter;
use tidegate_fuzz::{pieces, split_off};

fuzz_target!(|input: &[u8]| {
    let Some(([seed], stream)) = split_off(input) else { return };
    assert_eq!(events(stream, 0), events(stream, seed), "cut apart, other events");
    assert_eq!(through_gate(stream, seed, false), stream, "the gate changed what nobody asked it to");
    // With a wish of ours whatever goes out was in, and how it was cut changes nothing that a reader sees.
    let hidden = through_gate(stream, seed, true);
    assert!(hidden.len() <= stream.len());
});

fn events(stream: &[u8], seed: u8) -> Vec<(Option<String>, Vec<u8>)> {
    let mut splitter = Splitter::new();
    let mut found = Vec::new();
    for piece in pieces(stream, seed) {
        splitter.feed(piece, |event| found.push((event.event.map(str::to_owned), event.data.to_vec())));
    }
    splitter.finish(|event| found.push((event.event.map(str::to_owned), event.data.to_vec())));
    found
}

fn through_gate(stream: &[u8], seed: u8, hides_usage: bool) -> Vec<u8> {
    let mut gate = Gate::new(hides_usage);
    let mut out = VecDeque::new();
    for piece in pieces(stream, seed) {
        gate.feed(Bytes::copy_from_slice(piece), &mut out);
    }
    out.push_back(gate.rest());
    out.into_iter().flatten().collect()
}
