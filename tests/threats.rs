//! `THREAT_MODEL.md` names tests; each of them must exist.

use std::fs;
use std::path::Path;

/// The words in backticks that name a file below `tests` or `src`, perhaps with a test in it.
fn named(text: &str) -> Vec<(&str, Option<&str>)> {
    let words =
        text.split('`').skip(1).step_by(2).filter(|word| word.starts_with("tests/") || word.starts_with("src/"));
    words.map(|word| word.split_once("::").map_or((word, None), |(file, test)| (file, Some(test)))).collect()
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = fs::read_to_string(root.join("THREAT_MODEL.md")).expect("the threat model can be read");
    let named = named(&model);
    assert!(named.len() > 20, "tests were found in it");
    for (file, test) in named {
        let text = fs::read_to_string(root.join(file));
        assert!(text.is_ok(), "{file} is not there");
        let found = test.is_none_or(|test| text.is_ok_and(|text| text.contains(&format!("fn {test}()"))));
        assert!(found, "{file} has no test {}", test.unwrap_or_default());
    }
}

#[test]
fn every_numbered_case_of_the_attack_list_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let model = fs::read_to_string(root.join("THREAT_MODEL.md")).expect("the threat model can be read");
    let (_, list) = model.split_once("## The attack list").expect("the list is there");
    let rows = list.lines().filter_map(|line| {
        let (number, row) = line.strip_prefix("| ")?.split_once(" | ")?;
        Some((number.parse::<u32>().ok()?, row))
    });
    let rows: Vec<(u32, &str)> = rows.collect();
    assert_eq!(rows.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
    for (number, row) in rows {
        let tests = named(row);
        assert!(!tests.is_empty(), "case {number} has no test");
        // A test that bears the number of another case would be in the wrong row.
        let numbers = tests.iter().filter_map(|(_, test)| test.as_ref()?.strip_prefix("case_")?.split('_').next());
        assert!(numbers.into_iter().all(|other| other == number.to_string()), "case {number}: {row}");
    }
}
