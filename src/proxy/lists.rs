//! Lists of what several accounts keep, as one: account after account, in the order of the configuration.
//!
//! Invariant: every object stands in the list once, whatever the pages' length; a list of which a part is missing is not given.
//! Absent on purpose: sorting across accounts. Ids and times of different accounts say nothing of each other.

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::attempt::Told;
use super::stored::{Errand, whole};
use super::visit::{Manner, Missed};
use crate::model::id::AccountId;
use crate::wire::mentions;

/// The longest page of one account that is read.
const LONGEST: usize = 16 * 1024 * 1024;
/// A page that names no limit is full from here on.
const USUAL: usize = 20;

/// One page: from `first` on, or from the beginning.
pub(super) async fn page(mut errand: Errand, first: Option<AccountId>) -> Response<Answer> {
    let query = errand.prepared.stored.as_ref().and_then(|(_, query)| query.clone());
    let wanted = limit(query.as_deref());
    let accounts = errand.places.accounts.clone();
    let begin = first.and_then(|first| accounts.iter().position(|(id, _)| *id == first)).unwrap_or(0);
    let mut list = List::default();
    let mut left = accounts.get(begin..).unwrap_or_default();
    let mut query = query;
    while let Some((place, after)) = left.split_first() {
        let asked = errand.prepared.page(query.clone());
        match errand.ask(&place.0, Manner { is_bound: false, waits: true }, Some(&asked)).await {
            Ok(committed) => {
                let document = whole(committed, LONGEST).await;
                let Some(document) = document.filter(|document| list.add(document)) else {
                    return errand.incomplete(&place.0);
                };
                errand.journal.lease.owned(mentions::of_json(&document));
            }
            // An account that has no such list has nothing in it.
            Err(Missed::Failed { status: Some(404 | 405), answer, .. }) if accounts.len() > 1 => {
                list.missing = answer.or(list.missing);
            }
            Err(Missed::Ended) => return errand.missed(Missed::Ended),
            Err(_) => return errand.incomplete(&place.0),
        }
        left = after;
        if list.has_more || list.data.len() >= wanted.unwrap_or(USUAL) {
            list.has_more |= !left.is_empty();
            break;
        }
        query = Some(next(query.as_deref(), wanted.map(|wanted| wanted.saturating_sub(list.data.len()))));
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
}

impl List {
    /// Adds a page; false if it is none.
    fn add(&mut self, document: &[u8]) -> bool {
        let Ok(Value::Object(mut page)) = serde_json::from_slice(document) else { return false };
        let Some(Value::Array(data)) = page.remove("data") else { return false };
        self.has_more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
        self.data.extend(data);
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

/// The query for the next account: from its beginning, as much as is still wanted.
fn next(query: Option<&str>, wanted: Option<usize>) -> String {
    let pairs = query.into_iter().flat_map(|query| query.split('&'));
    let kept = pairs.filter(|pair| !pair.starts_with("after=") && !pair.starts_with("limit=") && !pair.is_empty());
    let limit = wanted.map(|wanted| format!("limit={wanted}"));
    kept.map(str::to_owned).chain(limit).collect::<Vec<_>>().join("&")
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
        assert_eq!(next(Some("purpose=batch&after=file-1&limit=5"), Some(3)), "purpose=batch&limit=3");
        assert_eq!(next(None, None), "");
        assert_eq!(limit(Some("a=b&limit=7")), Some(7));
    }
}
