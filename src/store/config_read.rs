//! Text → configuration, with every complaint tied to a line.
//!
//! Invariant: whatever the text, the answer is a configuration or one sentence with a line; no answer quotes a value, since a
//! key may have been typed there.
//! Absent on purpose: files (`store::config_file`) and whether values make sense (`model::check`).

use std::ops::Range;

use thiserror::Error;
use toml_edit::{Document, Item, TableLike, Value};

use crate::model::check::{Finding, FindingPlace, Severity, check};
use crate::model::config::Config;
use crate::model::units::Grouped;

use super::config_schema::{Field, Kind, ROOT, nearest};

/// Why a text is no configuration. Displays as `Line 41 of config.toml: …`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Line {line} of {file}: {sentence}")]
pub struct ReadError {
    /// The file's name, without its folder.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is the matter; names keys, never values.
    pub sentence: String,
}

/// A configuration and what is to be said of it, in file order.
#[derive(Clone, Debug)]
pub struct Read {
    /// What the text says.
    pub config: Config,
    /// Unknown keys and everything `model::check` finds, with lines.
    pub findings: Vec<Finding>,
}

/// Reads a configuration. `file` is the name used in complaints.
///
/// # Errors
/// Broken TOML, a value of the wrong type, or a missing required key: the first one in the file.
pub fn read(text: &str, file: &str) -> Result<Read, ReadError> {
    let fail = |complaint: Complaint| {
        let (line, column) = line_and_column(text, complaint.at.start);
        ReadError { file: file.to_owned(), line, column, sentence: complaint.sentence }
    };
    let document = Document::parse(text).map_err(|error| fail(syntax(&error)))?;
    let mut walk = Walk { text, findings: Vec::new() };
    walk.table(document.as_table(), ROOT, &FindingPlace::default(), &(0..0)).map_err(fail)?;
    let Walk { mut findings, .. } = walk;
    let config: Config = toml_edit::de::from_str(text).map_err(|error| {
        // The table of keys lets nothing through that `Config` does not take. Should it ever, no value is quoted.
        let at = error.span().unwrap_or(0..0);
        fail(Complaint { at, sentence: "this is not what is expected here.".to_owned() })
    })?;
    findings.extend(check(&config).into_iter().map(|finding| {
        let line = line_of(&document, text, &finding.at);
        Finding { line, ..finding }
    }));
    findings.sort_by_key(|finding| finding.line.unwrap_or(0));
    Ok(Read { config, findings })
}

struct Complaint {
    at: Range<usize>,
    sentence: String,
}

/// The parser's own words name tokens, never text of the file; their first line is enough.
fn syntax(error: &toml_edit::TomlError) -> Complaint {
    let words = error.message().lines().next().unwrap_or_default().trim_end_matches('.');
    let sentence = if words.contains("duplicate key") {
        "this key or table stands here for the second time.".to_owned()
    } else {
        format!("this is not TOML: {words}.")
    };
    Complaint { at: error.span().unwrap_or(0..0), sentence }
}

struct Walk<'a> {
    text: &'a str,
    findings: Vec<Finding>,
}

impl Walk<'_> {
    fn table(
        &mut self,
        table: &dyn TableLike,
        fields: &[Field],
        place: &FindingPlace,
        header: &Range<usize>,
    ) -> Result<(), Complaint> {
        for (name, item) in table.iter() {
            let at = table
                .key(name)
                .and_then(toml_edit::Key::span)
                .or_else(|| item.span())
                .unwrap_or_else(|| header.clone());
            match fields.iter().find(|field| field.name == name) {
                Some(field) => self.value(item, field, &deeper(place, name), &at)?,
                None => self.unknown(name, fields, place, &at),
            }
        }
        match fields.iter().find(|field| field.required && !table.contains_key(field.name)) {
            Some(missing) => {
                Err(Complaint { at: header.clone(), sentence: format!("`{}` is missing here.", missing.name) })
            }
            None => Ok(()),
        }
    }

    fn value(&mut self, item: &Item, field: &Field, place: &FindingPlace, at: &Range<usize>) -> Result<(), Complaint> {
        let wrong = |must: &str| Complaint { at: at.clone(), sentence: format!("`{}` must be {must}.", field.name) };
        match field.kind {
            Kind::Text => item.as_str().map(drop).ok_or_else(|| wrong("text in quotes")),
            Kind::Flag => item.as_bool().map(drop).ok_or_else(|| wrong("true or false")),
            Kind::Number(most) => match item.as_integer().map(u64::try_from) {
                None => Err(wrong("a number")),
                Some(Ok(number)) if number <= most => Ok(()),
                Some(Ok(_)) => Err(wrong(&format!("at most {}", Grouped(most)))),
                Some(Err(_)) => Err(wrong("a number of 0 or more")),
            },
            Kind::OneOf(words) => match item.as_str() {
                Some(word) if words.contains(&word) => Ok(()),
                _ => Err(wrong(&format!("one of \"{}\"", words.join("\", \"")))),
            },
            Kind::Section(fields) => {
                let table = item.as_table_like().ok_or_else(|| wrong("a table"))?;
                self.table(table, fields, place, at)
            }
            Kind::Choice(fields) => {
                let table = item.as_table_like().ok_or_else(|| wrong("a table"))?;
                let known = table.iter().all(|(name, _)| fields.iter().any(|field| field.name == name));
                if table.len() != 1 || !known {
                    let forms: Vec<_> = fields.iter().map(|field| format!("{{ {} = … }}", field.name)).collect();
                    return Err(wrong(&forms.join(" or ")));
                }
                self.table(table, fields, place, at)
            }
            Kind::List(fields) => self.list(item, fields, place, at).unwrap_or_else(|| Err(wrong("a list of tables"))),
            Kind::Members(fields) => {
                self.members(item, fields, place).unwrap_or_else(|| Err(wrong("a list of endpoints")))
            }
            Kind::Texts => {
                let texts = item.as_array().filter(|list| list.iter().all(toml_edit::Value::is_str));
                texts.map(drop).ok_or_else(|| wrong("a list of text in quotes"))
            }
        }
    }

    fn list(
        &mut self,
        item: &Item,
        fields: &[Field],
        place: &FindingPlace,
        at: &Range<usize>,
    ) -> Option<Result<(), Complaint>> {
        for (index, table) in tables(item)?.into_iter().enumerate() {
            let header = table.1.unwrap_or_else(|| at.clone());
            let place = FindingPlace { place: place.place.or(Some(index)), ..place.clone() };
            if let Err(complaint) = self.table(table.0, fields, &place, &header) {
                return Some(Err(complaint));
            }
        }
        Some(Ok(()))
    }

    fn members(&mut self, item: &Item, fields: &[Field], place: &FindingPlace) -> Option<Result<(), Complaint>> {
        for member in item.as_array()? {
            let at = member.span().unwrap_or(0..0);
            let read = match member {
                Value::String(_) => Ok(()),
                Value::InlineTable(table) => self.table(table, fields, place, &at),
                _ => Err(Complaint {
                    at,
                    sentence: "a member must be an endpoint's id or { id = …, weight = … }.".to_owned(),
                }),
            };
            if read.is_err() {
                return Some(read);
            }
        }
        Some(Ok(()))
    }

    fn unknown(&mut self, name: &str, fields: &[Field], place: &FindingPlace, at: &Range<usize>) {
        let meant = nearest(name, fields).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        // Whoever pastes a key where a name belongs must not find it in a log.
        let shown: String = name.chars().take(40).collect();
        let shown = if looks_secret(name) { "…" } else { &shown };
        let mut unknown = place.clone();
        if unknown.table.is_empty() {
            name.clone_into(&mut unknown.table);
        } else {
            name.clone_into(&mut unknown.key);
        }
        self.findings.push(Finding {
            severity: Severity::Warning,
            at: unknown,
            line: Some(line_and_column(self.text, at.start).0),
            message: format!(
                "unknown key `{shown}` is kept but has no effect{}",
                if meant.is_empty() { "." } else { &meant }
            ),
        });
    }
}

fn looks_secret(name: &str) -> bool {
    name.starts_with("sk-") || name.len() >= 32 && name.bytes().any(|byte| byte.is_ascii_digit())
}

/// Where a key of this table is: the first step names the table, the next the key, deeper ones change nothing.
fn deeper(place: &FindingPlace, name: &str) -> FindingPlace {
    let mut place = place.clone();
    if place.table.is_empty() {
        name.clone_into(&mut place.table);
    } else if place.key.is_empty() {
        name.clone_into(&mut place.key);
    }
    place
}

/// A table and where it begins.
type Placed<'a> = (&'a dyn TableLike, Option<Range<usize>>);

/// The tables of `[[name]]` or `name = [{ … }]` with where each begins. `None`: it is neither.
fn tables(item: &Item) -> Option<Vec<Placed<'_>>> {
    match item {
        Item::ArrayOfTables(list) => Some(list.iter().map(|table| (table as &dyn TableLike, table.span())).collect()),
        Item::Value(Value::Array(list)) => list
            .iter()
            .map(|value| value.as_inline_table().map(|table| (table as &dyn TableLike, value.span())))
            .collect(),
        _ => None,
    }
}

/// The line of a place: of its key, else of its table, from 1.
fn line_of(document: &Document<&str>, text: &str, place: &FindingPlace) -> Option<usize> {
    let item = document.as_table().get(&place.table)?;
    let (table, header) = match place.place {
        Some(index) => tables(item)?.into_iter().nth(index)?,
        None => (item.as_table_like()?, item.span()),
    };
    let key = table.key(&place.key).and_then(toml_edit::Key::span);
    let nested = || table.get(&place.key).and_then(tables).and_then(|list| list.into_iter().next()?.1);
    key.or_else(nested).or(header).map(|at| line_and_column(text, at.start).0)
}

/// Line and column of a byte, both from 1.
fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte.min(text.len())).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

#[cfg(test)]
#[path = "config_read_tests.rs"]
mod tests;
