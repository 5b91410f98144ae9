use proptest::prelude::*;

use super::*;

const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const WORD_ASKED: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n";
const LAST_ASKED: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n";
const VERDICT: &str = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// What goes through while it comes, and what is kept back in the end.
fn through(hides: bool, chunks: &[&[u8]]) -> (Vec<Bytes>, Bytes) {
    let (mut gate, mut out) = (Gate::new(hides), VecDeque::new());
    for chunk in chunks {
        gate.feed(Bytes::copy_from_slice(chunk), &mut out);
    }
    (out.into(), gate.rest())
}

#[test]
fn whole_events_pass_as_the_pieces_they_came_in() {
    let (out, rest) = through(false, &[WORD.as_bytes(), b": ping\r\n\r\n", DONE.as_bytes()]);
    assert_eq!(out, [WORD, ": ping\r\n\r\n", DONE]);
    assert!(rest.is_empty());
}

#[test]
fn a_part_of_an_event_waits_for_the_rest() {
    let both = format!("{WORD}{DONE}");
    let (first, second) = both.as_bytes().split_at(WORD.len() + 4);
    assert_eq!(through(false, &[first]), (vec![Bytes::from_static(WORD.as_bytes())], Bytes::from_static(b"data")));
    assert_eq!(through(false, &[first, second]).0, [WORD, DONE]);
    assert_eq!(through(false, &[b"data: 1\n", b"\n"]).0, ["data: 1\n\n"]);
}

#[test]
fn what_we_alone_asked_for_is_taken_out_and_nothing_else() {
    let asked = [VERDICT, WORD_ASKED, WORD_ASKED, LAST_ASKED, DONE].concat();
    let (out, rest) = through(true, &[asked.as_bytes()]);
    assert_eq!(String::from_utf8_lossy(&out.concat()), [VERDICT, WORD, WORD, DONE].concat());
    assert!(rest.is_empty());
    assert_eq!(through(false, &[asked.as_bytes()]).0.concat(), asked.as_bytes(), "whoever asked gets it");
    assert!(through(true, &[LAST_ASKED.as_bytes()]).0.is_empty());
    let told = "data: {\"choices\":[{\"delta\":{\"content\":\",\\\"usage\\\":null\"}}]}\n\n";
    assert_eq!(through(true, &[told.as_bytes()]).0.concat(), told.as_bytes(), "text about usage is text");
}

#[test]
fn an_event_too_long_to_be_kept_passes_as_it_comes() {
    let piece = vec![b'x'; LONGEST];
    let mut gate = Gate::new(true);
    let mut out = VecDeque::new();
    gate.feed(Bytes::from_static(b"data: "), &mut out);
    for _ in 0..50 {
        gate.feed(Bytes::copy_from_slice(&piece), &mut out);
        assert!(gate.held.len() <= LONGEST);
    }
    gate.feed(Bytes::from(format!("\n\n{WORD_ASKED}")), &mut out);
    let all = Vec::from(out).concat();
    assert_eq!(all.len(), 6 + 50 * LONGEST + 2 + WORD_ASKED.len());
}

proptest! {
    #[test]
    fn how_the_bytes_are_cut_changes_nothing(
        events in proptest::collection::vec(prop_oneof![
            Just(WORD), Just(WORD_ASKED), Just(LAST_ASKED), Just(VERDICT), Just(DONE), Just(": x\r\n\r\n"), Just("half")
        ], 0..8),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        hides in any::<bool>(),
    ) {
        let whole = events.concat();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len() + 1)).collect();
        places.sort_unstable();
        let mut chunks = Vec::new();
        let mut done = 0;
        for place in places.into_iter().chain([whole.len()]) {
            chunks.push(&whole.as_bytes()[done..place]);
            done = place;
        }
        let (out, rest) = through(hides, &chunks);
        let (at_once, rest_at_once) = through(hides, &[whole.as_bytes()]);
        prop_assert_eq!(out.concat(), at_once.concat());
        prop_assert_eq!(&rest, &rest_at_once);
        if !hides {
            prop_assert_eq!([out.concat(), rest.to_vec()].concat(), whole.into_bytes());
        }
    }
}
