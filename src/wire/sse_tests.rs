use proptest::prelude::*;

use super::*;

type Owned = (Option<String>, Vec<u8>);

fn split(splitter: &mut Splitter, chunk: &[u8]) -> Vec<Owned> {
    let mut events = Vec::new();
    splitter.feed(chunk, |event| events.push((event.event.map(str::to_owned), event.data.to_vec())));
    events
}

fn events(chunks: &[&[u8]], longest: usize) -> Vec<Owned> {
    let mut splitter = Splitter::with_longest(longest);
    let mut events: Vec<Owned> = chunks.iter().flat_map(|chunk| split(&mut splitter, chunk)).collect();
    splitter.finish(|event| events.push((event.event.map(str::to_owned), event.data.to_vec())));
    events
}

fn data(texts: &[&str]) -> Vec<Owned> {
    texts.iter().map(|text| (None, text.as_bytes().to_vec())).collect()
}

#[test]
fn all_three_line_ends_are_understood() {
    for text in ["data: a\n\ndata: b\n\n", "data: a\r\n\r\ndata: b\r\n\r\n", "data: a\r\rdata: b\r\r"] {
        assert_eq!(events(&[text.as_bytes()], LONGEST), data(&["a", "b"]), "{text:?}");
    }
}

#[test]
fn fields_are_read_as_the_standard_says() {
    let text = b"\xef\xbb\xbf: comment\nevent: x\ndata:a\ndata:  b\nid: 7\ndata\nretry\n\nevent: lonely\n\ndata: c\n\n";
    let expected = vec![(Some("x".to_owned()), b"a\n b\n".to_vec()), (None, b"c".to_vec())];
    assert_eq!(events(&[text], LONGEST), expected);
}

#[test]
fn an_event_whose_blank_line_never_came_is_given_at_the_end() {
    for text in ["data: [DONE]", "data: [DONE]\n", "data: [DONE]\r", "data: [DONE]\r\n"] {
        assert_eq!(events(&[text.as_bytes()], LONGEST), data(&["[DONE]"]), "{text:?}");
    }
    assert_eq!(events(&[b""], LONGEST), data(&[]));
}

#[test]
fn of_an_event_above_the_bound_the_gist_is_given_wherever_it_is_cut() {
    let picture = "iVBOR".repeat(700_000);
    let text = format!(
        "data: before\n\ndata: {{\"b64_json\":\"{picture}\",\ndata: \"usage\":{{\"output_tokens\":7}}}}\nevent: done\nid: 8\n\ndata: next\n\n"
    );
    let gist = "{\"b64_json\":\"\u{2026}\",\"usage\":{\"output_tokens\":7}}";
    let expected = vec![
        data(&["before"]).remove(0),
        (Some("done".to_owned()), gist.as_bytes().to_vec()),
        data(&["next"]).remove(0),
    ];
    for pieces in [1_000, 65_536, text.len()] {
        let chunks: Vec<&[u8]> = text.as_bytes().chunks(pieces).collect();
        assert_eq!(events(&chunks, LONGEST), expected, "in pieces of {pieces}");
    }
}

#[test]
fn nothing_grows_with_an_event_that_never_ends_and_one_without_a_gist_is_passed_over() {
    let mut splitter = Splitter::with_longest(64);
    for _ in 0..60_000 {
        assert_eq!(split(&mut splitter, b"data: 0123456789012345678901234567890123456789"), data(&[]));
        assert!(splitter.line.capacity() + splitter.held.data.capacity() < 1_024);
    }
    assert_eq!(split(&mut splitter, b"\ndata: tail\n\ndata: next\n\n"), data(&["next"]));
}

#[test]
fn an_event_within_one_chunk_is_lent_from_it() {
    let chunk = b"event: e\ndata: text\n\n";
    let mut splitter = Splitter::new();
    let mut lent = false;
    splitter.feed(chunk, |event| lent = chunk.as_ptr_range().contains(&event.data.as_ptr()));
    assert!(lent);
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("data: ".to_owned()),
        Just("event: ".to_owned()),
        Just(":".to_owned()),
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\u{feff}".to_owned()),
        "[a-zü{}\" ]{0,12}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn how_the_bytes_are_cut_changes_nothing(
        stream in streams(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        longest in prop_oneof![Just(24_usize), Just(LONGEST)],
    ) {
        let whole = events(&[&stream], longest);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
        prop_assert_eq!(events(&chunks, longest), whole.clone());
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(events(&bytes, longest), whole);
    }
}
