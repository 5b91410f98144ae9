use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Reads a whole text: whether it is JSON, by the reader's one walk and by its other one.
fn accepts(text: &str) -> (bool, bool) {
    let mut reader = Reader::new(text);
    let skipped = reader.skip().and_then(|()| reader.end()).is_ok();
    let mut reader = Reader::new(text);
    let walked = walk(&mut reader).and_then(|()| reader.end()).is_ok();
    (skipped, walked)
}

fn walk(reader: &mut Reader<'_>) -> Result<(), Malformed> {
    match reader.next()? {
        b'{' => reader.object(|reader, _| walk(reader)),
        b'[' => reader.array(walk),
        _ => reader.skip(),
    }
}

/// A string's text with its own escapes decoded, and its characters.
fn string(json: &str) -> (String, u64) {
    let text = Reader::new(json).string().unwrap();
    (text.decoded().into_owned(), text.chars())
}

#[test]
fn what_is_no_json_is_not_accepted() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        "{}}",
        "[]]",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{1:1}",
        "[1 2]",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"a\u{1}b\"",
        "tru",
        "truex",
        "nul",
        "NaN",
        "-",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x1",
        "--1",
        "1,",
        "'a'",
        "[}",
        "{]",
        "{\"a\":[}]",
        "\u{feff}{}",
        "[\u{a0}1]",
    ] {
        assert_eq!(accepts(text), (false, false), "{text:?}");
    }
    for text in
        ["{}", " [ ] ", "[[],{},\"\"]", "-0.5e+10", "0", "1E5", "\"\\ud800\"", "{\"a\" : [1, {\"b\":null}]\n}", "true"]
    {
        assert_eq!(accepts(text), (true, true), "{text:?}");
    }
}

#[test]
fn escapes_are_decoded_and_counted_as_what_they_stand_for() {
    for (json, said) in [
        (r#""a\n\t\r\b\f\"\\\/b""#, "a\n\t\r\u{8}\u{c}\"\\/b"),
        (r#""\u00e9\ud83d\ude00x""#, "\u{e9}\u{1f600}x"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\ude00\ud83d\u0041""#, "\u{fffd}\u{fffd}A"),
        (r#""Größe \"1\"""#, "Größe \"1\""),
    ] {
        assert_eq!(string(json), (said.to_owned(), said.chars().count() as u64), "{json}");
    }
}

#[test]
fn depth_takes_memory_only_where_values_are_skipped() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(accepts(&deep), (true, false));
    let mut reader = Reader::new(&deep);
    assert!(walk(&mut reader).is_err() && reader.is_too_deep());
    let bearable = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert_eq!(accepts(&bearable), (true, true));
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

proptest! {
    #[test]
    fn every_string_is_read_as_another_reader_reads_it(said in any::<String>(), most in 0_usize..40) {
        let json = Value::from(said.as_str()).to_string();
        prop_assert_eq!(string(&json), (said.clone(), said.chars().count() as u64));
        let text = Reader::new(&json).string().unwrap();
        let beginning = text.beginning(most);
        prop_assert!(said.as_bytes().starts_with(&beginning) && beginning.len() >= most.min(said.len()));
    }

    #[test]
    fn it_accepts_what_another_reader_accepts(
        cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in "[ -~\n]",
    ) {
        let whole = r#"{"a":[1,-2.5e3,"x\ny\u00e9",{"b":null}],"c":true, "d" : {} ,"e":[]}"#;
        let part = &whole[..cut.index(whole.len() + 1)];
        prop_assert_eq!(accepts(part), (is_json(part), is_json(part)), "{}", part);
        let at = at.index(whole.len());
        let damaged = format!("{}{byte}{}", &whole[..at], &whole[at + 1..]);
        prop_assert_eq!(accepts(&damaged), (is_json(&damaged), is_json(&damaged)), "{}", damaged);
    }
}
