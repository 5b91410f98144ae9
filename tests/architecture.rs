//! The house's rules that a compiler does not check: which room may know which, how long a file may be, who reads clocks.

#![expect(clippy::expect_used, reason = "a test that cannot read its sources should say so")]
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Room → rooms it may import. `main.rs` and `lib.rs` are outside.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("policy", &["model"]),
    ("wire", &["model"]),
    ("contract", &["model"]),
    ("plan", &["model"]),
    ("sim", &["model", "policy", "plan"]),
    ("store", &["model"]),
    ("record", &["model", "contract"]),
    ("engine", &["model", "contract", "policy", "plan"]),
    ("proxy", &["model", "wire", "contract", "record", "engine"]),
    ("fake", &["model", "wire", "sim"]),
    ("backend", &["model", "policy", "wire", "contract", "plan", "sim", "store", "record", "engine", "proxy", "fake"]),
    ("ui", &["model", "contract"]),
];

/// Names from outside that a room must not use.
const FOREIGN: &[(&str, &[&str])] = &[
    ("model", &["tokio", "hyper", "std::fs", "std::net::Tcp"]),
    ("policy", &["tokio", "hyper", "std::fs", "std::net", "tracing", "std::sync::Mutex", "HashMap", "HashSet"]),
    ("wire", &["tokio", "std::net", "std::fs"]),
    ("sim", &["tokio", "hyper", "std::net", "std::fs"]),
    ("plan", &["tokio", "hyper", "std::net", "std::fs"]),
    ("ui", &["tokio", "hyper::", "hyper_util", "reqwest", "std::sync::Mutex", "std::net", "keyring::", "keyring_core"]),
];

const LONGEST_FILE: usize = 600;

struct Source {
    room: String,
    path: PathBuf,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read") {
            let path = entry.expect("entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).expect("lies below src");
                let first = inside.components().next().expect("has a name").as_os_str().to_string_lossy();
                let room = first.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).expect("source can be read");
                found.push(Source { room, path, text });
            }
        }
    }
    assert!(found.len() > 10, "the walk over src found next to nothing");
    found
}

/// A source without comments, so that prose may name what code may not.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split("//").next().unwrap_or(line))
}

/// Rooms named in `crate::room` paths, also within `use crate::{room::…, room::…}`.
fn imports(text: &str) -> BTreeSet<String> {
    let flat: String = code(text).collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    for (place, _) in flat.match_indices("crate::") {
        let rest = &flat[place + "crate::".len()..];
        let names: Vec<&str> = if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let end = list.find(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth == 0
            });
            let mut depth = 0;
            list[..end.unwrap_or(list.len())]
                .split(|c| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    c == ',' && depth == 0
                })
                .collect()
        } else {
            vec![rest]
        };
        for name in names {
            let room: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if ARROWS.iter().any(|(known, _)| *known == room) {
                rooms.insert(room);
            }
        }
    }
    rooms
}

#[test]
fn every_import_follows_an_arrow() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for source in sources() {
        if matches!(source.room.as_str(), "main" | "lib") {
            continue;
        }
        let targets = allowed.get(source.room.as_str());
        let targets = targets.unwrap_or_else(|| panic!("{} is in no known room", source.path.display()));
        for target in imports(&source.text) {
            if target != source.room && !targets.contains(&target.as_str()) {
                wrong.push(format!("{} imports {target}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that the house does not have:\n{}", wrong.join("\n"));
}

#[test]
fn the_arrows_form_no_circle() {
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut left: BTreeSet<&str> = arrows.keys().copied().collect();
    while !left.is_empty() {
        let leaf = left.iter().copied().find(|room| arrows[room].iter().all(|target| !left.contains(target)));
        let leaf = leaf.unwrap_or_else(|| panic!("a circle among {left:?}"));
        left.remove(leaf);
    }
}

#[test]
fn rooms_stay_clear_of_what_is_not_theirs() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((_, names)) = FOREIGN.iter().find(|(room, _)| *room == source.room) else { continue };
        for (line, text) in code(&source.text).enumerate() {
            for name in names.iter().filter(|name| text.contains(**name)) {
                wrong.push(format!("{}:{} uses {name}", source.path.display(), line + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "foreign names:\n{}", wrong.join("\n"));
}

#[test]
fn files_stay_short() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.text.lines().count() > LONGEST_FILE)
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(long.is_empty(), "over {LONGEST_FILE} lines: {long:?}");
}

#[test]
fn only_the_clock_reads_clocks() {
    let readers: Vec<String> = sources()
        .iter()
        .filter(|source| !source.path.ends_with("engine/clock.rs"))
        .filter(|source| {
            code(&source.text).any(|line| line.contains("Instant::now") || line.contains("SystemTime::now"))
        })
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(readers.is_empty(), "clock reads outside engine/clock.rs: {readers:?}");
}

#[test]
fn every_module_opens_with_its_duty() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! ") && !source.path.to_string_lossy().ends_with("_tests.rs"))
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no opening words: {silent:?}");
}

/// What only the table of actions may say. Arrows, Enter, Escape and Space within a focused control are the control's own.
#[test]
fn no_shortcut_of_the_console_stands_outside_the_table_of_actions() {
    let controls = ["Arrow", "Page", "Enter", "Escape", "Space", "Home", "End", "Tab", "Delete", "Backspace"];
    let mut wrong = Vec::new();
    for source in sources().into_iter().filter(|source| source.room == "ui") {
        let path = source.path.display().to_string();
        if path.contains("ui/actions") || path.contains("ui/widgets") || path.contains("tests") {
            continue;
        }
        let body = source.text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code(body) {
            let keys = line.match_indices("Key::").map(|(place, found)| &line[place + found.len()..]);
            let named = keys.filter(|key| key.starts_with(char::is_uppercase));
            let shortcut = named.into_iter().any(|key| !controls.iter().any(|control| key.starts_with(control)));
            if shortcut || line.contains("KeyboardShortcut::new") {
                wrong.push(format!("{path}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "shortcuts that nobody finds in the help:\n{}", wrong.join("\n"));
}
