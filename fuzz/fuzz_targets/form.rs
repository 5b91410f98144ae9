//! A form in pieces reads as the same form in one, and its model's places hold what was read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::wire::multipart::{Form, FormReader};
use tidegate_fuzz::{pieces, split_off};

fuzz_target!(|input: &[u8]| {
    let Some(([seed], form)) = split_off(input) else { return };
    let read = |seed| -> Form {
        let Some(mut reader) = FormReader::new("multipart/form-data; boundary=b") else { return Form::default() };
        for piece in pieces(form, seed) {
            reader.feed(piece);
        }
        reader.finish()
    };
    let whole = read(0);
    assert_eq!(whole, read(seed), "cut apart, another form");
    for span in &whole.model_spans {
        assert!(span.start <= span.end && span.end <= form.len() as u64);
    }
    if let (Some(model), Some(span)) = (&whole.model, whole.model_spans.last()) {
        assert_eq!(*model, String::from_utf8_lossy(&form[span.start as usize..span.end as usize]));
    }
});
