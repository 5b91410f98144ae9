//! What a simulated account keeps: files, batches, conversations, stored responses and all other objects.
//!
//! Invariant: an account knows its own objects and nobody else's, as services do; of many it forgets the oldest.
//! Absent on purpose: work. A batch never runs, and a vector store holds names alone.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

/// As many objects are kept.
const AT_MOST: usize = 2_000;
/// The longest file whose content is kept.
const CONTENT_AT_MOST: usize = 1 << 20;

/// The first words of the paths that are answered.
const FAMILIES: [&str; 17] = [
    "assistants",
    "audio",
    "batches",
    "chat",
    "chatkit",
    "containers",
    "conversations",
    "evals",
    "files",
    "fine_tuning",
    "realtime",
    "responses",
    "skills",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
];

/// An account's objects, each under its path.
#[derive(Debug, Default)]
pub(super) struct Objects {
    kept: BTreeMap<String, Object>,
    made: u64,
}

#[derive(Debug)]
struct Object {
    /// In the order of making.
    number: u64,
    document: Value,
    content: Option<Bytes>,
}

/// What is asked of the objects.
pub(super) struct Ask<'a> {
    pub(super) method: &'a Method,
    /// Below the root.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) content_type: &'a str,
    pub(super) body: &'a Bytes,
    /// Tells this account's ids from others'.
    pub(super) mark: u64,
    /// Seconds of the Unix epoch.
    pub(super) now: u64,
}

/// What is answered.
pub(super) enum Told {
    Document(Value),
    Content(Bytes),
    /// A call was answered; its address below the root.
    Call(String),
    /// No such object.
    Missing,
}

impl Objects {
    /// Keeps an answer that was made elsewhere.
    pub(super) fn keep(&mut self, path: String, document: Value) {
        self.put(path, document, None);
    }

    /// Answers one request.
    pub(super) fn answer(&mut self, ask: &Ask<'_>) -> Told {
        let path = ask.path;
        if !FAMILIES.contains(&path.split('/').next().unwrap_or_default()) {
            return Told::Missing;
        }
        match *ask.method {
            Method::GET if self.kept.contains_key(path) => self.document(path),
            Method::GET => self.below(ask),
            Method::DELETE => match self.kept.remove(path) {
                Some(object) => {
                    let id = object.document.get("id").cloned().unwrap_or_default();
                    Told::Document(json!({"id": id, "object": "deleted", "deleted": true}))
                }
                None => Told::Missing,
            },
            _ if self.kept.contains_key(path) => {
                self.merge(path, &fields(ask));
                self.document(path)
            }
            _ => self.act(ask),
        }
    }

    fn document(&self, path: &str) -> Told {
        self.kept.get(path).map_or(Told::Missing, |object| Told::Document(object.document.clone()))
    }

    /// A list, a file's content, or what belongs to an object.
    fn below(&self, ask: &Ask<'_>) -> Told {
        let (parent, last) = ask.path.rsplit_once('/').unwrap_or(("", ask.path));
        if let (Some(object), "content") = (self.kept.get(parent), last) {
            return Told::Content(object.content.clone().unwrap_or_default());
        }
        // Below an object that is not there is nothing.
        let about = crate::wire::mentions::object(ask.path);
        if about.is_some_and(|object| !self.kept.contains_key(object)) {
            return Told::Missing;
        }
        Told::Document(self.list(ask))
    }

    fn list(&self, ask: &Ask<'_>) -> Value {
        let value = |name: &str| ask.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let limit = value("limit").and_then(|limit| limit.parse().ok()).unwrap_or(20_usize);
        let prefix = format!("{}/", ask.path);
        let own = |path: &str| path.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('/'));
        let mut all: Vec<&Object> = self.kept.iter().filter(|(path, _)| own(path)).map(|(_, object)| object).collect();
        all.sort_by_key(|object| object.number);
        let id = |object: &Object| object.document.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let after = value("after").and_then(|after| all.iter().position(|object| id(object) == after));
        let rest = all.get(after.map_or(0, |place| place + 1)..).unwrap_or_default();
        let page: Vec<Value> = rest.iter().take(limit).map(|object| object.document.clone()).collect();
        let edge = |object: Option<&Value>| object.and_then(|object| object.get("id")).cloned().unwrap_or_default();
        json!({
            "object": "list", "first_id": edge(page.first()), "last_id": edge(page.last()),
            "has_more": rest.len() > limit, "data": page,
        })
    }

    /// Something new, or a change to what is there.
    fn act(&mut self, ask: &Ask<'_>) -> Told {
        let (parent, last) = ask.path.rsplit_once('/').unwrap_or(("", ask.path));
        let about = crate::wire::mentions::object(ask.path);
        if about.is_some_and(|object| !self.kept.contains_key(object)) {
            return Told::Missing;
        }
        let status = match last {
            "cancel" => Some("cancelled"),
            "complete" => Some("completed"),
            _ => None,
        };
        if let (Some(status), true) = (status, self.kept.contains_key(parent)) {
            self.merge(parent, &Map::from_iter([("status".to_owned(), status.into())]));
            return self.document(parent);
        }
        let made = self.make(ask);
        match (ask.path, made.get("id").and_then(Value::as_str)) {
            ("realtime/calls", Some(id)) => Told::Call(format!("realtime/calls/{id}")),
            _ => Told::Document(made),
        }
    }

    fn make(&mut self, ask: &Ask<'_>) -> Value {
        self.made += 1;
        let (prefix, kind, status) = kind(ask.path);
        let id = format!("{prefix}{:08x}{:06}", ask.mark & 0xffff_ffff, self.made);
        let mut document = Map::from_iter([
            ("id".to_owned(), Value::from(id.clone())),
            ("object".to_owned(), kind.into()),
            ("created_at".to_owned(), ask.now.into()),
            ("status".to_owned(), status.into()),
            ("metadata".to_owned(), json!({})),
        ]);
        let content = ask.content_type.starts_with("multipart/").then(|| file_in(ask.body));
        if let Some((name, bytes)) = &content {
            document.extend([
                ("filename".to_owned(), name.as_str().into()),
                ("bytes".to_owned(), bytes.len().into()),
                ("purpose".to_owned(), "user_data".into()),
            ]);
        }
        document.extend(fields(ask));
        let content = content.map(|(_, bytes)| bytes).filter(|bytes| bytes.len() <= CONTENT_AT_MOST);
        let document = Value::Object(document);
        self.put(format!("{}/{id}", ask.path), document.clone(), content);
        document
    }

    fn put(&mut self, path: String, document: Value, content: Option<Bytes>) {
        self.made += 1;
        self.kept.insert(path, Object { number: self.made, document, content });
        if self.kept.len() > AT_MOST {
            let oldest = self.kept.iter().min_by_key(|(_, object)| object.number).map(|(path, _)| path.clone());
            oldest.map(|path| self.kept.remove(&path));
        }
    }

    fn merge(&mut self, path: &str, more: &Map<String, Value>) {
        let known = self.kept.get_mut(path).and_then(|object| object.document.as_object_mut());
        if let Some(known) = known {
            known.extend(more.clone());
        }
    }
}

/// How ids of a kind begin, what the kind is called, and how a new one stands.
fn kind(path: &str) -> (&'static str, &'static str, &'static str) {
    let words: Vec<&str> = path.split('/').collect();
    match (words.first().copied().unwrap_or_default(), words.last().copied().unwrap_or_default()) {
        ("files", _) => ("file-", "file", "processed"),
        ("uploads", "parts") => ("part_", "upload.part", "completed"),
        ("uploads", _) => ("upload_", "upload", "pending"),
        ("batches", _) => ("batch_", "batch", "validating"),
        ("vector_stores", "files") => ("file-", "vector_store.file", "completed"),
        ("vector_stores", _) => ("vs_", "vector_store", "completed"),
        ("fine_tuning", _) => ("ftjob-", "fine_tuning.job", "queued"),
        ("assistants", _) => ("asst_", "assistant", "ready"),
        ("threads", "messages") => ("msg_", "thread.message", "completed"),
        ("threads", "runs") => ("run_", "thread.run", "completed"),
        ("threads", _) => ("thread_", "thread", "ready"),
        ("conversations", "items") => ("msg_", "message", "completed"),
        ("conversations", _) => ("conv_", "conversation", "ready"),
        ("containers", "files") => ("cfile_", "container.file", "processed"),
        ("containers", _) => ("cntr_", "container", "running"),
        ("evals", "runs") => ("evalrun_", "eval.run", "queued"),
        ("evals", _) => ("eval_", "eval", "ready"),
        ("videos", _) => ("video_", "video", "queued"),
        ("realtime", "calls") => ("rtc_", "realtime.call", "active"),
        ("realtime", "client_secrets" | "sessions" | "transcription_sessions") => {
            ("sess_", "realtime.session", "ready")
        }
        _ => ("obj_", "object", "ready"),
    }
}

/// What a JSON body says; nothing else is read.
fn fields(ask: &Ask<'_>) -> Map<String, Value> {
    match serde_json::from_slice(ask.body) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The first file of a form: its name and its bytes.
fn file_in(body: &Bytes) -> (String, Bytes) {
    use memchr::memmem::find;
    let found = || {
        let at = find(body, b"filename=\"")? + 10;
        let rest = body.get(at..)?;
        let name = String::from_utf8_lossy(rest.get(..rest.iter().position(|b| *b == b'"')?)?).into_owned();
        let start = at + find(rest, b"\r\n\r\n")? + 4;
        let end = start + find(body.get(start..)?, b"\r\n--")?;
        Some((name, body.slice(start..end)))
    };
    found().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(objects: &mut Objects, method: &Method, path: &str, query: &str, body: &'static str) -> Option<Value> {
        let (content_type, body) = ("application/json", &Bytes::from_static(body.as_bytes()));
        match objects.answer(&Ask { method, path, query, content_type, body, mark: 7, now: 1 }) {
            Told::Document(document) => Some(document),
            Told::Content(_) | Told::Call(_) | Told::Missing => None,
        }
    }

    #[test]
    fn an_object_is_made_found_listed_changed_and_deleted() {
        let mut all = Objects::default();
        let made = told(&mut all, &Method::POST, "batches", "", r#"{"endpoint":"/v1/responses"}"#).unwrap();
        let path = format!("batches/{}", made["id"].as_str().unwrap());
        assert_eq!(told(&mut all, &Method::GET, &path, "", ""), Some(made));
        let cancelled = told(&mut all, &Method::POST, &format!("{path}/cancel"), "", "").unwrap();
        assert_eq!((&cancelled["status"], &cancelled["endpoint"]), (&"cancelled".into(), &"/v1/responses".into()));
        assert_eq!(told(&mut all, &Method::DELETE, &path, "", "").unwrap()["deleted"], true);
        assert_eq!(told(&mut all, &Method::GET, &path, "", ""), None);
        assert_eq!(told(&mut all, &Method::POST, &format!("{path}/cancel"), "", ""), None);
    }

    #[test]
    fn lists_go_by_pages() {
        let mut all = Objects::default();
        for _ in 0..3 {
            told(&mut all, &Method::POST, "vector_stores", "", "{}").unwrap();
        }
        let page = told(&mut all, &Method::GET, "vector_stores", "limit=2", "").unwrap();
        assert_eq!((page["data"].as_array().unwrap().len(), &page["has_more"]), (2, &true.into()));
        let query = format!("limit=2&after={}", page["last_id"].as_str().unwrap());
        let rest = told(&mut all, &Method::GET, "vector_stores", &query, "").unwrap();
        assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (1, &false.into()));
    }
}
