use super::*;
use proptest::prelude::*;

const KIND: &str = "multipart/form-data; boundary=\"x y\"";

fn body(parts: &[(&str, &str)]) -> String {
    let part = |(name, value): &(&str, &str)| {
        format!("--x y\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    format!("{}--x y--\r\n", parts.iter().map(part).collect::<String>())
}

fn place(at: u64) -> usize {
    usize::try_from(at).unwrap()
}

fn read(chunks: &[&[u8]]) -> Form {
    let mut reader = FormReader::new(KIND).unwrap();
    for chunk in chunks {
        reader.feed(chunk);
    }
    reader.finish()
}

#[test]
fn a_form_names_its_model_wherever_it_stands() {
    let file = "\r\n--x z\r\nname=\"model\"\r\n\r\nnot-this\r\n--x";
    for parts in [[("model", "whisper-1"), ("file", file)], [("file", file), ("model", "whisper-1")]] {
        let body = body(&parts);
        let form = read(&[body.as_bytes()]);
        assert_eq!(form.model.as_deref(), Some("whisper-1"));
        let [span] = form.model_spans.as_slice() else { panic!("one place: {form:?}") };
        assert_eq!(&body[place(span.start)..place(span.end)], "whisper-1");
        assert_eq!(form.opening, Some(0));
    }
}

#[test]
fn of_two_models_the_last_counts_and_both_are_found() {
    let body = body(&[("model", "a"), ("prompt", "über"), ("stream", "true"), ("model", "bb")]);
    let form = read(&[body.as_bytes()]);
    assert_eq!((form.model.as_deref(), form.model_spans.len()), (Some("bb"), 2));
    assert_eq!((form.streaming, form.prompt_chars), (true, 4));
}

#[test]
fn a_form_names_what_is_stored_and_the_model_of_a_session_within() {
    let of = |text: &str| crate::wire::fingerprint::of(text.as_bytes());
    let body = body(&[("file_ids[]", "file-a"), ("consent", "cons_a"), ("name", "x"), ("session", r#"{"model":"m"}"#)]);
    let form = read(&[body.as_bytes()]);
    assert_eq!((form.named, form.model), (["file-a", "cons_a"].map(of).into(), None));
    let (model, span) = form.session_model.unwrap();
    assert_eq!((model.as_str(), &body[place(span.start)..place(span.end)]), ("m", "\"m\""));
}

#[test]
fn odd_forms_are_read_as_far_as_they_are_forms() {
    assert!(FormReader::new("application/json").is_none());
    assert!(FormReader::new("multipart/form-data").is_none());
    assert!(FormReader::new("multipart/mixed; boundary=a").is_none());
    assert_eq!(read(&[b"no boundary at all"]), Form::default());
    assert_eq!(read(&[b"--x y\r\nname=model\r\n\r\nq\r\n--x y--"]).model, None, "only the disposition names a part");
    let empty = read(&[body(&[("model", "")]).as_bytes()]);
    assert_eq!(empty.model.as_deref(), Some(""));
    let late = read(&[b"preamble\r\n--x y \r\nContent-Disposition:form-data;name=model\r\n\r\nm\r\n--x y--"]);
    assert_eq!((late.model.as_deref(), late.opening), (Some("m"), Some(10)));
}

#[test]
fn a_part_for_the_model_makes_a_form_that_names_it() {
    let form = body(&[("file", "sound")]);
    let mut more = model_part(KIND, "whisper").unwrap();
    more.extend_from_slice(form.as_bytes());
    assert_eq!(read(&[&more]).model.as_deref(), Some("whisper"));
    assert_eq!(model_part(KIND, "a\r\nb"), None);
}

#[test]
fn memory_stays_small_while_a_file_passes() {
    let mut reader = FormReader::new(KIND).unwrap();
    reader.feed(b"--x y\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n");
    for _ in 0..200 {
        reader.feed(&vec![b'\r'; 65_536]);
        assert!(reader.window.len() < 64);
    }
    reader.feed(b"--x y\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n");
    for _ in 0..200 {
        reader.feed(&vec![b'm'; 65_536]);
        assert!(reader.window.len() <= LONGEST_VALUE + 65_536);
    }
}

proptest! {
    #[test]
    fn how_a_form_is_cut_changes_nothing(
        value in "[a-z\r\n-]{0,12}",
        file in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'x'), Just(b' '), any::<u8>()], 0..80),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut whole = b"--x y\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
        whole.extend_from_slice(&file);
        whole.extend_from_slice(format!("\r\n--x y\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n{value}\r\n--x y--").as_bytes());
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(whole.len())).collect();
        places.sort_unstable();
        let mut chunks = Vec::new();
        let mut done = 0;
        for place in places {
            chunks.push(&whole[done..place]);
            done = place;
        }
        chunks.push(&whole[done..]);
        prop_assert_eq!(read(&chunks), read(&[&whole]));
    }
}
