//! The difference between two configurations, carried over into a document that a person wrote.
//!
//! Invariant: what is equal in both configurations is not touched, whatever its spelling; comments and unknown keys stay
//! unless the element that they stand in goes.
//! Absent on purpose: files, and what a configuration means.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, RawString, Table, TableLike, Value};

use crate::model::config::Config;

/// How the elements of a list are told apart.
#[derive(Clone, Copy)]
enum Identity {
    Key(&'static str),
    Place,
}

/// What a key holds, as far as patching differs.
enum Shape {
    List(Identity),
    Members,
    Section,
    Value,
}

fn shape(name: &str, new: &Item) -> Shape {
    match name {
        "account" | "quota_pool" | "endpoint" | "caller" if is_list(new) => Shape::List(Identity::Key("id")),
        "route" => Shape::List(Identity::Key("model")),
        "group" => Shape::List(Identity::Place),
        "endpoints" => Shape::Members,
        // A credential is a choice: two of its keys at once would be none.
        "credential" => Shape::Value,
        _ if new.is_table_like() => Shape::Section,
        _ => Shape::Value,
    }
}

fn is_list(item: &Item) -> bool {
    item.is_array() || item.is_array_of_tables()
}

/// Changes `document`, which says `old`, so that it says `new`.
///
/// # Errors
/// A number that TOML cannot hold.
pub(super) fn patch(document: &mut DocumentMut, old: &Config, new: &Config) -> Result<(), toml_edit::ser::Error> {
    let (old, new) = (toml_edit::ser::to_document(old)?, toml_edit::ser::to_document(new)?);
    let lost = patch_table(document.as_table_mut(), Some(old.as_table()), new.as_table(), true);
    if !lost.is_empty() {
        let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing(trailing + &lost);
    }
    Ok(())
}

/// Returns comments that found no place.
fn patch_table(target: &mut dyn TableLike, old: Option<&dyn TableLike>, new: &dyn TableLike, root: bool) -> String {
    let mut lost = String::new();
    for (name, wanted) in new.iter() {
        let before = old.and_then(|old| old.get(name));
        if before.is_some_and(|before| before.to_string() == wanted.to_string()) {
            continue;
        }
        match shape(name, wanted) {
            Shape::List(identity) => lost += &patch_list(target, name, before, wanted, identity),
            Shape::Members => patch_members(target, name, before, wanted),
            Shape::Section => lost += &patch_section(target, name, before, wanted, root),
            Shape::Value => set_value(target, name, wanted),
        }
    }
    let gone = old.into_iter().flat_map(TableLike::iter).map(|(name, _)| name).filter(|name| !new.contains_key(name));
    for name in gone {
        lost += &remove_key(target, name);
    }
    lost
}

fn patch_section(target: &mut dyn TableLike, name: &str, old: Option<&Item>, new: &Item, root: bool) -> String {
    let Some(new) = new.as_table_like() else { return String::new() };
    if !target.contains_key(name) {
        let empty = if root { Item::Table(Table::new()) } else { Item::Value(InlineTable::new().into()) };
        target.insert(name, empty);
    }
    let old = old.and_then(Item::as_table_like);
    target
        .get_mut(name)
        .and_then(Item::as_table_like_mut)
        .map_or_else(String::new, |inner| patch_table(inner, old, new, false))
}

fn set_value(target: &mut dyn TableLike, name: &str, wanted: &Item) {
    let Some(mut value) = wanted.as_value().cloned().map(|value| spelled(name, value)) else { return };
    if let Some(present) = target.get_mut(name).and_then(Item::as_value_mut) {
        *value.decor_mut() = present.decor().clone();
        *present = value;
    } else {
        value.decor_mut().clear();
        target.insert(name, Item::Value(value));
    }
}

/// Large numbers as people write them: `120_000`. A port is a name, not an amount.
fn spelled(name: &str, value: Value) -> Value {
    match value.as_integer() {
        Some(number) if number >= 1_000 && name != "port" => {
            let digits = number.to_string();
            let mut text = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place).is_multiple_of(3) {
                    text.push('_');
                }
                text.push(digit);
            }
            text.parse().unwrap_or(value)
        }
        _ => value,
    }
}

/// Removes a key; the comments above and behind it go to the next key, else behind the one before. Returns them if the
/// table has neither.
fn remove_key(target: &mut dyn TableLike, name: &str) -> String {
    let Some((key, item)) = target.get_key_value(name) else { return String::new() };
    if is_list(item) && !item.is_value() {
        return remove_list(target, name);
    }
    let mut comments = comment_lines(key.leaf_decor().prefix());
    comments += &comment_lines(item.as_value().and_then(|value| value.decor().suffix()));
    let names: Vec<String> =
        target.iter().filter(|(_, item)| item.is_value()).map(|(name, _)| name.to_owned()).collect();
    let place = names.iter().position(|other| other == name);
    target.remove(name);
    let neighbour = |step: fn(usize) -> Option<usize>| place.and_then(step).and_then(|at| names.get(at));
    if comments.is_empty() {
        return comments;
    }
    if let Some(mut next) = neighbour(|at| at.checked_add(1)).and_then(|name| target.key_mut(name)) {
        let prefix = next.leaf_decor().prefix().and_then(RawString::as_str).unwrap_or_default().to_owned();
        next.leaf_decor_mut().set_prefix(comments + &prefix);
        return String::new();
    }
    if let Some(last) =
        neighbour(|at| at.checked_sub(1)).and_then(|name| target.get_mut(name)).and_then(Item::as_value_mut)
    {
        let suffix = last.decor().suffix().and_then(RawString::as_str).unwrap_or_default().to_owned();
        last.decor_mut().set_suffix(suffix + "\n" + comments.trim_end());
        return String::new();
    }
    comments
}

fn remove_list(target: &mut dyn TableLike, name: &str) -> String {
    match target.remove(name) {
        Some(Item::ArrayOfTables(list)) => list.iter().map(|table| detached_comments(table).0).collect(),
        _ => String::new(),
    }
}

/// The comment lines of a piece of white space, each ended by a line break.
fn comment_lines(space: Option<&RawString>) -> String {
    let text = space.and_then(RawString::as_str).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| line.starts_with('#')).fold(String::new(), |all, line| all + line + "\n")
}

/// The comments above a table's header, split at the last blank line: what stands apart and what belongs to the table.
fn detached_comments(table: &Table) -> (String, String) {
    let prefix = table.decor().prefix().and_then(RawString::as_str).unwrap_or_default();
    match prefix.rfind("\n\n") {
        Some(at) if prefix.contains('#') => {
            let (apart, own) = prefix.split_at(at + 1);
            if apart.contains('#') { (apart.to_owned(), own.to_owned()) } else { (String::new(), prefix.to_owned()) }
        }
        _ => (String::new(), prefix.to_owned()),
    }
}

fn patch_list(target: &mut dyn TableLike, name: &str, old: Option<&Item>, new: &Item, identity: Identity) -> String {
    let wanted = Elements::of(new);
    let before = Elements::of_some(old);
    let (mut present, inline) = match target.get_mut(name) {
        Some(Item::ArrayOfTables(list)) => (std::mem::take(list).into_iter().collect(), false),
        Some(Item::Value(Value::Array(list))) => {
            let tables = list.iter().filter_map(Value::as_inline_table).cloned().map(InlineTable::into_table);
            (tables.collect::<Vec<Table>>(), true)
        }
        _ => (Vec::new(), false),
    };
    let mut lost = String::new();
    let mut before = before.0.into_iter().enumerate().map(Some).collect::<Vec<_>>();
    let mut places: Vec<Option<Table>> = present.drain(..).map(Some).collect();
    let ids: Vec<String> = places.iter().flatten().enumerate().map(|(at, table)| identity.of(at, table)).collect();
    let mut result: Vec<Table> = Vec::new();
    for (at, element) in wanted.0.into_iter().enumerate() {
        let id = identity.of(at, element);
        let found = ids.iter().zip(&mut places).find(|(other, table)| **other == id && table.is_some());
        let mut table = found.and_then(|(_, table)| table.take()).unwrap_or_default();
        let said = before.iter_mut().find(|old| old.is_some_and(|(at, old)| identity.of(at, old) == id));
        let said = said.and_then(Option::take).map(|(_, old)| old);
        lost += &patch_table(&mut table, said, element, false);
        result.push(table);
    }
    lost += &hand_on_comments(&mut result, &ids, &places, identity);
    put_in_order(&mut result);
    if result.is_empty() {
        target.remove(name);
    } else if inline {
        let list: Array = result.into_iter().map(|table| Value::InlineTable(table.into_inline_table())).collect();
        target.insert(name, Item::Value(Value::Array(list)));
    } else {
        let mut list = ArrayOfTables::new();
        list.extend(result);
        match target.get_mut(name) {
            Some(present) => *present = Item::ArrayOfTables(list),
            None => drop(target.insert(name, Item::ArrayOfTables(list))),
        }
    }
    lost
}

/// Comments that stood apart above a removed element go to the element that followed it, or are returned.
fn hand_on_comments(kept: &mut [Table], ids: &[String], removed: &[Option<Table>], identity: Identity) -> String {
    let mut waiting = String::new();
    for (id, table) in ids.iter().zip(removed) {
        if let Some(table) = table {
            waiting += &detached_comments(table).0;
        } else if !waiting.is_empty()
            && let Some((_, heir)) = kept.iter_mut().enumerate().find(|(at, table)| identity.of(*at, *table) == *id)
        {
            let prefix = heir.decor().prefix().and_then(RawString::as_str).unwrap_or("\n").to_owned();
            heir.decor_mut().set_prefix(std::mem::take(&mut waiting) + &prefix);
        }
    }
    waiting
}

/// A document prints its tables by position. If the elements' order changed, the first takes the earliest position and the
/// others follow it.
fn put_in_order(tables: &mut [Table]) {
    let stated: Vec<isize> = tables.iter().filter_map(Table::position).collect();
    let ordered = stated.is_sorted() && tables.first().is_none_or(|first| first.position().is_some());
    let Some(earliest) = stated.iter().min().copied().filter(|_| !ordered) else { return };
    for (at, table) in tables.iter_mut().enumerate() {
        forget_positions(table);
        if at == 0 {
            table.set_position(Some(earliest));
        }
    }
}

fn forget_positions(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(inner) => forget_positions(inner),
            Item::ArrayOfTables(list) => list.iter_mut().for_each(forget_positions),
            _ => {}
        }
    }
}

fn patch_members(target: &mut dyn TableLike, name: &str, old: Option<&Item>, new: &Item) {
    let empty = Array::new();
    let wanted = new.as_array().unwrap_or(&empty);
    let before = old.and_then(Item::as_array).unwrap_or(&empty);
    let Some(present) = target.get_mut(name).and_then(Item::as_array_mut) else {
        let mut list = wanted.clone();
        list.fmt();
        target.insert(name, Item::Value(Value::Array(list)));
        return;
    };
    let mut places: Vec<Option<Value>> = present.iter().cloned().map(Some).collect();
    let several_lines = places.iter().flatten().any(|value| prefix_of(value).contains('\n'));
    let mut result = Array::new();
    for (at, element) in wanted.iter().enumerate() {
        let id = member_id(element);
        let found = places.iter_mut().find(|value| value.as_ref().is_some_and(|value| member_id(value) == id));
        let unchanged = before.iter().any(|old| old.to_string().trim() == element.to_string().trim());
        let value = match found.and_then(Option::take) {
            Some(value) if unchanged => value,
            Some(value) => reweighed(value, element),
            None if several_lines => element.clone().decorated("\n    ", ""),
            None => element.clone().decorated(if at == 0 { "" } else { " " }, ""),
        };
        result.push_formatted(value);
    }
    let orphans: String = places
        .iter()
        .flatten()
        .filter_map(|gone| gone.decor().prefix())
        .map(|prefix| comment_lines(Some(prefix)))
        .collect();
    let trailing = present.trailing().as_str().unwrap_or_default();
    let trailing = if orphans.is_empty() {
        trailing.to_owned()
    } else {
        format!("\n    {}\n", orphans.trim_end()) + trailing.trim_start_matches('\n')
    };
    result.set_trailing(trailing);
    result.set_trailing_comma(present.trailing_comma());
    *result.decor_mut() = present.decor().clone();
    *present = result;
}

fn prefix_of(value: &Value) -> &str {
    value.decor().prefix().and_then(RawString::as_str).unwrap_or_default()
}

fn member_id(value: &Value) -> &str {
    value.as_str().or_else(|| value.as_inline_table()?.get("id")?.as_str()).unwrap_or_default()
}

/// A member with another weight: a table stays one, with its unknown keys.
fn reweighed(mut present: Value, wanted: &Value) -> Value {
    let weight = wanted.as_inline_table().and_then(|table| table.get("weight")).cloned();
    if let Some(table) = present.as_inline_table_mut() {
        match (table.get_mut("weight"), weight) {
            (Some(value), weight) => {
                let mut weight = weight.unwrap_or_else(|| Value::from(1));
                *weight.decor_mut() = value.decor().clone();
                *value = weight;
            }
            (None, Some(weight)) => drop(table.insert("weight", weight)),
            (None, None) => {}
        }
        return present;
    }
    let mut value = wanted.clone();
    *value.decor_mut() = present.decor().clone();
    value
}

impl Identity {
    fn of(self, place: usize, table: &dyn TableLike) -> String {
        match self {
            Self::Place => place.to_string(),
            Self::Key(key) => table.get(key).and_then(Item::as_str).unwrap_or_default().to_owned(),
        }
    }
}

/// The tables of a list in either spelling.
struct Elements<'a>(Vec<&'a dyn TableLike>);

impl<'a> Elements<'a> {
    fn of(item: &'a Item) -> Self {
        Self(match item {
            Item::ArrayOfTables(list) => list.iter().map(|table| table as &dyn TableLike).collect(),
            Item::Value(Value::Array(list)) => {
                list.iter().filter_map(Value::as_inline_table).map(|table| table as &dyn TableLike).collect()
            }
            _ => Vec::new(),
        })
    }

    fn of_some(item: Option<&'a Item>) -> Self {
        item.map_or(Self(Vec::new()), Self::of)
    }
}
