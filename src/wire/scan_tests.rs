use proptest::prelude::*;

use super::*;

/// The same, a byte at a time.
fn slowly(bytes: &[u8]) -> (Run, Stop) {
    let mut run = Run::default();
    loop {
        let rest = &bytes[run.length..];
        match rest {
            [] => return (run, Stop::End),
            [b'"', ..] => return (run, Stop::Quote),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => {
                run.escapes += 1;
                run.length += 2;
            }
            [b'\\', ..] => return (run, Stop::Escape),
            [byte, ..] => {
                run.continued += usize::from(byte & 0xc0 == 0x80);
                run.length += 1;
            }
        }
    }
}

proptest! {
    #[test]
    fn blocks_find_what_a_walk_finds(
        pieces in prop::collection::vec(
            prop::sample::select(vec!["a", "tide ", "\\\"", "\\\\", "\\n", "\\/", "é", "潮", "🌊", "................", "\\", "\\u0041", "\\x", "\""]),
            0..90,
        ),
        quiet in any::<bool>(),
    ) {
        // Most of the pieces that stop a search are left out of half of the texts, so that long ones come too.
        let kept = pieces.into_iter().filter(|piece| !quiet || !matches!(*piece, "\\" | "\\u0041" | "\\x" | "\""));
        let text = kept.collect::<String>();
        let (found, wanted) = (run(text.as_bytes()), slowly(text.as_bytes()));
        prop_assert_eq!(found.1, wanted.1, "{}", text);
        if wanted.1 != Stop::End {
            prop_assert_eq!(found.0, wanted.0, "{}", text);
        }
    }
}

#[test]
fn an_escape_may_lie_across_two_blocks() {
    for before in 55..75 {
        for (escape, stop) in
            [("\\n", Stop::Quote), ("\\\\", Stop::Quote), ("\\u00e9", Stop::Escape), ("\\", Stop::Escape)]
        {
            let text = format!("{}{escape}{}", "x".repeat(before), if escape.len() > 1 { "yy\"" } else { "" });
            let found = run(text.as_bytes());
            assert_eq!((found, found.1), (slowly(text.as_bytes()), stop), "{text}");
        }
    }
}

#[test]
fn rows_of_backslashes_are_told_apart_by_their_length() {
    for before in 0..70 {
        for row in 1..140 {
            let text = format!("{}{}\"", "x".repeat(before), "\\".repeat(row));
            let (found, wanted) = (run(text.as_bytes()), slowly(text.as_bytes()));
            assert_eq!(found.1, wanted.1, "{before} {row}");
            assert!(wanted.1 == Stop::End || found.0 == wanted.0, "{before} {row}");
        }
    }
}

#[test]
fn the_plain_beginning_ends_at_the_first_backslash() {
    assert_eq!(plain(b"0123456789abcdef"), 16);
    assert_eq!(plain(b"0123\\56789abcde\\"), 4);
}
