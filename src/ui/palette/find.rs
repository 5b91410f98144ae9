//! Finding: prefixes, links, ids, and fuzzy matching.
//!
//! Invariant: a label that matches stands before one of which only the detail does; a group stands where its best stands.
//! Absent on purpose: looking through what is stored; an id that is not among the 50,000 newest is handed to the Requests page,
//! which has it looked for. By other words the newest alone are found.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Does, Item, Kind, also, items};
use crate::contract::Snapshot;
use crate::model::record::RequestRecord;
use crate::ui::cx::Target;
use crate::ui::link;
use crate::ui::pages::requests::BY_ID;

/// How many of the newest requests are searched by words.
const NEWEST: usize = 300;
/// How much less a match of the detail counts.
const DETAIL_SHARE: u32 = 3;
/// What puts endpoints and pages before others that match about as well.
const WANTED_MOST: u32 = 30;
/// What a label counts that has the very words.
const VERY_WORDS: u32 = 800;
/// What each other word for a thing counts, where all are whole or some begun: more than scattered letters.
const OTHER_WORD: (u32, u32) = (400, 200);

/// What was found, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Best group first.
    pub groups: Vec<Group>,
}

/// What was found of one kind, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Of which kind.
    pub kind: Kind,
    /// At least one.
    pub items: Vec<Item>,
}

/// Finds. Keeps its matcher, which is large.
#[derive(Debug)]
pub struct Finder {
    matcher: Matcher,
    letters: Vec<char>,
}

impl Default for Finder {
    fn default() -> Self {
        Self { matcher: Matcher::new(Config::DEFAULT), letters: Vec::new() }
    }
}

/// Which kinds a prefix asks for.
fn scope(query: &str) -> (Option<char>, &str) {
    let rest = query.trim_start();
    match rest.chars().next() {
        Some(prefix @ ('>' | '@' | '#')) => (Some(prefix), rest.trim_start_matches(prefix).trim()),
        _ => (None, rest.trim()),
    }
}

fn in_scope(kind: Kind, prefix: Option<char>) -> bool {
    match prefix {
        Some('>') => matches!(kind, Kind::Command | Kind::Setting),
        Some('@') => matches!(kind, Kind::Endpoint | Kind::Account | Kind::Route | Kind::Pool),
        Some(_) => kind == Kind::Request,
        None => true,
    }
}

impl Finder {
    /// What `query` finds among `items` and the snapshot's requests. `recent` are labels, newest first.
    pub fn find(&mut self, query: &str, items: &[Item], snapshot: &Snapshot, recent: &[String]) -> Found {
        if let Some(item) = pasted(query) {
            return Found { groups: vec![Group { kind: Kind::Link, items: vec![item] }] };
        }
        let (prefix, text) = scope(query);
        let mut found: Vec<(u32, Item)> =
            if text.is_empty() && prefix.is_none() { again(items, recent) } else { vec![] };
        // A question is asked by the words that carry it.
        let asked = also::carrying(text).join(" ");
        let text = if text.contains(' ') { asked.as_str() } else { text };
        let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
        let here = items.iter().filter(|item| in_scope(item.kind, prefix));
        found.extend(here.filter_map(|item| self.found(&pattern, text, item)));
        if prefix == Some('#') {
            let newest = snapshot.records.iter().rev().take(NEWEST).map(|record| items::request(record));
            found.extend(newest.filter_map(|item| Some((self.score(&pattern, &item)?, item))));
        }
        if found.iter().all(|(_, item)| item.kind != Kind::Request) {
            let item = by_id(text, snapshot).or_else(|| stored(text, snapshot));
            found.extend(item.map(|item| (u32::MAX, item)));
        }
        grouped(found, text.is_empty())
    }

    /// The item with its score, by what it is called here or elsewhere; by a word of elsewhere, it says so.
    fn found(&mut self, pattern: &Pattern, text: &str, item: &Item) -> Option<(u32, Item)> {
        if let Does::Set(id, state) = &item.does
            && let Some(score) = also::switch(id, *state, text)
        {
            return Some((score, item.clone()));
        }
        let very = if has_words(&item.label, text) { VERY_WORDS } else { 0 };
        let ours = self.score(pattern, item).map(|score| score.saturating_add(very));
        let Some(also::Said { word, whole, count }) = also::said(item.also, &item.label, text) else {
            return Some((ours?, item.clone()));
        };
        let theirs = count.saturating_mul(if whole { OTHER_WORD.0 } else { OTHER_WORD.1 });
        if let Some(ours) = ours.filter(|ours| *ours >= theirs) {
            return Some((ours, item.clone()));
        }
        let detail = word.map_or_else(|| item.detail.clone(), |word| format!("{word} · {}", item.detail));
        Some((theirs, Item { detail, ..item.clone() }))
    }

    fn score(&mut self, pattern: &Pattern, item: &Item) -> Option<u32> {
        let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut self.letters), &mut self.matcher);
        let label = score(&item.label).map(|label| label.saturating_mul(DETAIL_SHARE));
        let score = label.or_else(|| score(&item.detail))?;
        Some(score.saturating_add(if matches!(item.kind, Kind::Endpoint | Kind::Page) { WANTED_MOST } else { 0 }))
    }
}

/// Whether every word that was typed is a word of the label.
fn has_words(label: &str, text: &str) -> bool {
    let known = |typed: &str| label.split(' ').any(|word| word.eq_ignore_ascii_case(typed));
    !text.is_empty() && text.split_whitespace().all(known)
}

/// A link, as it would be followed.
fn pasted(query: &str) -> Option<Item> {
    let place = link::read(query)?;
    let page = place.page.name();
    let target = place.target.clone().unwrap_or(Target::Top(place.page));
    Some(Item {
        kind: Kind::Link,
        label: format!("Go to {}", link::write(&place)),
        detail: page.to_owned(),
        also: "",
        obstacle: None,
        does: Does::Open(target),
    })
}

fn again(items: &[Item], recent: &[String]) -> Vec<(u32, Item)> {
    let item = |label: &String| items.iter().find(|item| item.label == *label);
    recent.iter().filter_map(item).map(|item| (0, Item { kind: Kind::Recent, ..item.clone() })).collect()
}

/// The request with this id, or with a decision of this id, written as shown or without the letter.
fn by_id(text: &str, snapshot: &Snapshot) -> Option<Item> {
    let (letter, digits) = match text.split_once('-') {
        Some((letter @ ("r" | "d"), digits)) => (Some(letter), digits),
        Some(_) => return None,
        None => (None, text),
    };
    let number = u64::from_str_radix(digits, 16).ok()?;
    let decided = |record: &RequestRecord| record.decisions.iter().any(|decision| decision.id.0 == number);
    let is = |record: &RequestRecord| match letter {
        Some("r") => record.id.0 == number,
        Some(_) => decided(record),
        None => digits.len() >= 3 && (record.id.0 == number || decided(record)),
    };
    snapshot.records.iter().rev().find(|record| is(record)).map(|record| items::request(record))
}

/// An id as it is shown of which nothing is here: it is looked for where older requests are stored.
fn stored(text: &str, snapshot: &Snapshot) -> Option<Item> {
    let (letter, digits) = text.split_once('-')?;
    let is_id = matches!(letter, "r" | "d") && u64::from_str_radix(digits, 16).is_ok();
    let more = snapshot.history.store.requests > snapshot.records.len() as u64;
    is_id.then(|| Item {
        kind: Kind::Request,
        label: format!("Look for {text}"),
        detail: "Not among the newest; looks through all that is stored".to_owned(),
        also: "",
        obstacle: (!more).then(|| "No request that is kept has this id".to_owned()),
        does: Does::Open(Target::RequestsWhere(format!("{BY_ID}{text}").into())),
    })
}

/// Best first within a group, best group first. Without a text everything keeps its order.
fn grouped(mut found: Vec<(u32, Item)>, in_order: bool) -> Found {
    if !in_order {
        // Stable: equals stay in the order of the table.
        found.sort_by_key(|(score, item)| (std::cmp::Reverse(*score), item.obstacle.is_some()));
    }
    let mut groups: Vec<Group> = Vec::new();
    for (_, item) in found {
        match groups.iter_mut().find(|group| group.kind == item.kind) {
            Some(group) => group.items.push(item),
            None => groups.push(Group { kind: item.kind, items: vec![item] }),
        }
    }
    if in_order {
        groups.sort_by_key(|group| group.kind);
    }
    Found { groups }
}
