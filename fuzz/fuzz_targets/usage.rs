//! Usage read from answers, streams and sockets: never a fault, and how a stream or a socket is cut changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::wire::mentions;
use tidegate::wire::socket::SocketReader;
use tidegate::wire::stored;
use tidegate::wire::under_way;
use tidegate::wire::stream::{StreamEnd, StreamReader};
use tidegate::wire::usage::of_body;
use tidegate_fuzz::{operation, pieces, split_off};

fuzz_target!(|input: &[u8]| {
    let Some(([choice, seed], answer)) = split_off(input) else { return };
    let operation = operation(choice);
    let read = |seed| -> StreamEnd {
        let mut reader = StreamReader::new(operation);
        for piece in pieces(answer, seed) {
            reader.read(piece);
        }
        reader.finish()
    };
    assert_eq!(read(0), read(seed), "cut apart, another end");
    let listen = |seed| {
        let mut reader = SocketReader::default();
        for piece in pieces(answer, seed) {
            reader.read(piece);
        }
        (reader.take_used(), reader.unfinished())
    };
    assert_eq!(listen(0), listen(seed), "cut apart, another session");
    let _ = of_body(operation, answer);
    let _ = stored::of_body(answer);
    let _ = mentions::of_json(answer);
    if let Some(report) = under_way::of_body(answer) {
        assert!(!report.is_under_way || report.usage.is_none(), "work that goes on has cost nothing yet");
    }
});
