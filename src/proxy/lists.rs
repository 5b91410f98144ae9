//! Lists of what several accounts keep, as one: account after account, in the order of the configuration.
//!
//! Invariant: every object stands in the list once, whatever the pages' length; a list of which a part is missing is not given.
//! Absent on purpose: sorting across accounts. Ids and times of different accounts say nothing of each other.

use bytes::Bytes;
use http::Response;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::attempt::Told;
use super::commit::Committed;
use super::exchange::relay;
use super::stored::{Errand, whole};
use super::visit::{Manner, Missed};
use crate::model::id::AccountId;
use crate::wire::mentions;

/// The longest page of one account that is read.
const LONGEST: usize = 16 * 1024 * 1024;
/// A page that names no limit is full from here on.
const USUAL: usize = 20;

/// One page: from `first` on, or from the beginning; with `before` from there backward, so that the accounts before it follow.
pub(super) async fn page(mut errand: Errand, first: Option<AccountId>) -> Response<Answer> {
    let query = errand.prepared.stored.as_ref().and_then(|(_, query)| query.clone());
    let wanted = limit(query.as_deref());
    let mut accounts = errand.places.accounts.clone();
    let mut list = List { is_backward: has(query.as_deref(), "before="), ..List::default() };
    if list.is_backward {
        accounts.reverse();
    }
    let begin = first.and_then(|first| accounts.iter().position(|(id, _)| *id == first)).unwrap_or(0);
    let mut left = accounts.get(begin..).unwrap_or_default();
    if has(query.as_deref(), "before=") && has(query.as_deref(), "after=") {
        // What lies between two objects of one account lies there.
        left = left.get(..1).unwrap_or_default();
    }
    let mut query = query;
    while let Some((place, after)) = left.split_first() {
        let asked = errand.prepared.page(query.clone());
        match errand.ask(&place.0, Manner { is_bound: false, waits: true }, Some(&asked)).await {
            // What is no document is no list: it is the one answer to a path that is not known here.
            Ok(committed) if list.is_untouched() && !is_document(&committed) => {
                return relay(&errand.door, errand.journal, committed);
            }
            Ok(committed) => {
                let mut head = Response::new(()).into_parts().0;
                (head.status, head.headers) = (committed.head.status, committed.head.headers.clone());
                let Some(document) = whole(committed, LONGEST).await else { return errand.incomplete(&place.0) };
                errand.journal.lease.owned(mentions::of_json(&document));
                let is_first = list.is_untouched();
                if !list.add(&document) {
                    return if is_first { errand.pass(head, document) } else { errand.incomplete(&place.0) };
                }
            }
            // An account that has no such list has nothing in it.
            Err(Missed::Failed { status: Some(404 | 405), answer, .. }) if accounts.len() > 1 => {
                list.missing = answer.or(list.missing);
            }
            // What is asked is wrong, whoever is asked.
            Err(missed @ (Missed::Ended | Missed::Failed { status: Some(400 | 422), .. })) => {
                return errand.missed(missed);
            }
            Err(_) => return errand.incomplete(&place.0),
        }
        left = after;
        if list.has_more || list.data.len() >= wanted.unwrap_or(USUAL) {
            list.has_more |= !left.is_empty();
            break;
        }
        let rest = wanted.map(|wanted| wanted.saturating_sub(list.data.len()));
        query = Some(next(query.as_deref(), rest, list.is_backward && !list.is_turned));
        list.is_turned = list.is_backward;
    }
    match list.missing.take() {
        // Nobody knows such a list.
        Some(answer) if list.frame.is_none() => super::exchange::pass_on(errand.journal, Some(answer)),
        _ => errand.tell(list.finish()),
    }
}

/// What was gathered.
#[derive(Default)]
struct List {
    /// The first account's document, without its data.
    frame: Option<Map<String, Value>>,
    data: Vec<Value>,
    has_more: bool,
    missing: Option<Response<Told>>,
    /// Pages come before what there is.
    is_backward: bool,
    /// Pages begin with their end.
    is_turned: bool,
}

impl List {
    /// Whether no account has given its part yet.
    const fn is_untouched(&self) -> bool {
        self.frame.is_none()
    }

    /// Adds a page; false if it is none.
    fn add(&mut self, document: &[u8]) -> bool {
        let Ok(Value::Object(mut page)) = serde_json::from_slice(document) else { return false };
        let Some(Value::Array(mut data)) = page.remove("data") else { return false };
        self.has_more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
        if self.is_turned {
            data.reverse();
        }
        if self.is_backward {
            data.append(&mut self.data);
            self.data = data;
        } else {
            self.data.append(&mut data);
        }
        self.frame.get_or_insert(page);
        true
    }

    fn finish(self) -> Bytes {
        let mut whole = self.frame.unwrap_or_default();
        let id = |object: Option<&Value>| object.and_then(|object| object.get("id")).cloned().unwrap_or(Value::Null);
        let (first, last) = (id(self.data.first()), id(self.data.last()));
        for (name, value) in [("first_id", first), ("last_id", last), ("has_more", self.has_more.into())] {
            if whole.contains_key(name) || (name == "has_more" && self.has_more) {
                whole.insert(name.to_owned(), value);
            }
        }
        whole.insert("data".to_owned(), Value::Array(self.data));
        Bytes::from(Value::Object(whole).to_string())
    }
}

fn limit(query: Option<&str>) -> Option<usize> {
    query?.split('&').find_map(|pair| pair.strip_prefix("limit=")?.parse().ok())
}

fn has(query: Option<&str>, start: &str) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with(start)))
}

fn is_document(committed: &Committed) -> bool {
    let kind = committed.head.headers.get(CONTENT_TYPE);
    kind.is_none_or(|kind| kind.to_str().is_ok_and(|kind| kind.to_ascii_lowercase().contains("json")))
}

/// The query for the next account: from its beginning, as much as is still wanted. `turns` asks from its end on: whoever pages
/// backward comes from there. Lists that know `before` have the youngest first, unless told otherwise.
fn next(query: Option<&str>, wanted: Option<usize>, turns: bool) -> String {
    let pairs = || query.into_iter().flat_map(|query| query.split('&'));
    let is_kept = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        !matches!(name, "" | "after" | "before" | "limit") && (!turns || name != "order")
    };
    let order = if pairs().any(|pair| pair == "order=asc") { "order=desc" } else { "order=asc" };
    let limit = wanted.map(|wanted| format!("limit={wanted}"));
    let kept = pairs().filter(is_kept).map(str::to_owned).chain(turns.then(|| order.to_owned()));
    kept.chain(limit).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_several_accounts_become_one() {
        let mut list = List::default();
        let first =
            br#"{"object":"list","data":[{"id":"file-1"}],"first_id":"file-1","last_id":"file-1","has_more":false}"#;
        assert!(list.add(first) && list.add(br#"{"object":"list","data":[{"id":"file-2"}],"has_more":true}"#));
        let whole: Value = serde_json::from_slice(&list.finish()).unwrap();
        assert_eq!(whole["data"].as_array().unwrap().len(), 2);
        assert_eq!((&whole["first_id"], &whole["last_id"]), (&"file-1".into(), &"file-2".into()));
        assert_eq!(whole["has_more"], true);
        assert!(!List::default().add(b"[]") && !List::default().add(br#"{"data":{}}"#));
    }

    #[test]
    fn the_next_account_is_asked_from_its_beginning() {
        assert_eq!(next(Some("purpose=batch&after=file-1&limit=5"), Some(3), false), "purpose=batch&limit=3");
        assert_eq!(next(None, None, false), "");
        assert_eq!(next(Some("before=vs_1&limit=5&x=1"), Some(3), true), "x=1&order=asc&limit=3", "from its end");
        assert_eq!(next(Some("order=asc&before=vs_1"), None, true), "order=desc");
        assert_eq!(next(Some("x=1&order=asc&limit=3"), Some(2), false), "x=1&order=asc&limit=2", "turned once");
        assert_eq!(limit(Some("a=b&limit=7")), Some(7));
    }
}
