//! What a simulated account keeps: files, batches, conversations, stored responses and all other objects.
//!
//! Invariant: an account knows its own objects and nobody else's, as services do; of many it forgets the oldest.
//! Absent on purpose: work. A batch never runs, a vector store holds names alone, and what is found in one is made up.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use serde_json::{Map, Value, json};

/// As many objects are kept.
const AT_MOST: usize = 2_000;
/// The longest file whose content is kept.
const CONTENT_AT_MOST: usize = 1 << 20;

/// The first words of the paths that are answered.
const FAMILIES: [&str; 18] = [
    "assistants",
    "audio",
    "batches",
    "chat",
    "chatkit",
    "containers",
    "content_provenance_checks",
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

/// How every film begins; ours ends there, too.
const FILM: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";
/// What a call is answered with.
const CALL: &[u8] = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
/// Keys for one session are good for so many seconds.
const SECRET_LASTS: u64 = 600;

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
    /// What it was said as, if it can be had as a stream again.
    events: Vec<Bytes>,
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
    /// Of a content type.
    Content(&'static str, Bytes),
    /// A call was taken: by this name, in these words.
    Call {
        id: String,
        answer: Bytes,
    },
    /// No such object.
    Missing,
}

impl Objects {
    /// Keeps what was made elsewhere, with the events of the first if it can be had as a stream again.
    pub(super) fn keep(&mut self, made: Vec<(String, Value)>, mut events: Vec<Bytes>) {
        for (path, document) in made {
            self.put(path, document, None, std::mem::take(&mut events));
        }
    }

    /// Answers one request.
    pub(super) fn answer(&mut self, ask: &Ask<'_>) -> Told {
        let path = ask.path;
        if !FAMILIES.contains(&path.split('/').next().unwrap_or_default()) {
            return Told::Missing;
        }
        match *ask.method {
            // Calls are acted on, never looked up.
            Method::GET if path.starts_with("realtime/") => Told::Missing,
            Method::GET if self.kept.contains_key(path) => self.again(ask).unwrap_or_else(|| self.document(path)),
            Method::GET => self.below(ask),
            Method::DELETE => match self.kept.remove(path) {
                Some(object) => Told::Document(deleted(&object.document)),
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

    /// The events after the one that the query names, as if the stream had never been left.
    fn again(&self, ask: &Ask<'_>) -> Option<Told> {
        let value = |name: &str| ask.query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let events = &self.kept.get(ask.path).filter(|_| value("stream") == Some("true"))?.events;
        let seen = value("starting_after").and_then(|last| last.parse::<usize>().ok());
        let rest = events.get(seen.map_or(0, |last| last.saturating_add(1))..).unwrap_or_default();
        (!events.is_empty()).then(|| Told::Content("text/event-stream", Bytes::from(rest.concat())))
    }

    /// A list, a file's content, or what belongs to an object.
    fn below(&self, ask: &Ask<'_>) -> Told {
        let (parent, last) = ask.path.rsplit_once('/').unwrap_or(("", ask.path));
        if let (Some(object), "content") = (self.kept.get(parent), last) {
            let is_film = object.document.get("object").is_some_and(|kind| kind == "video");
            let (kind, made_up) = if is_film { ("video/mp4", FILM) } else { ("application/octet-stream", &[][..]) };
            return Told::Content(kind, object.content.clone().unwrap_or(Bytes::from_static(made_up)));
        }
        // An object that is gone is no list, and below it is nothing.
        let about = crate::wire::mentions::object(ask.path);
        if crate::wire::mentions::names_one(ask.path) || about.is_some_and(|object| !self.kept.contains_key(object)) {
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
            "pause" => Some("paused"),
            "resume" => Some("queued"),
            _ => None,
        };
        if let (Some(status), true) = (status, self.kept.contains_key(parent)) {
            self.merge(parent, &Map::from_iter([("status".to_owned(), status.into())]));
            return self.document(parent);
        }
        match (parent, last) {
            (store, "search") if store.starts_with("vector_stores/") => Told::Document(found(&fields(ask))),
            ("realtime" | "realtime/translations", "client_secrets" | "sessions" | "transcription_sessions") => {
                Told::Document(secret(last, ask, self.next_id("sess_", ask)))
            }
            ("realtime", "calls") => {
                let id = self.next_id("rtc_", ask);
                self.put(format!("{}/{id}", ask.path), json!({"id": id}), None, Vec::new());
                Told::Call { id, answer: Bytes::from_static(CALL) }
            }
            // Accepted, referred, rejected, hung up: nothing is said to it.
            (call, _) if call.starts_with("realtime/calls/") => Told::Content("application/json", Bytes::new()),
            (_, "file_batches") => Told::Document(self.make_batch(ask)),
            _ => Told::Document(self.make(ask)),
        }
    }

    fn next_id(&mut self, prefix: &str, ask: &Ask<'_>) -> String {
        self.made += 1;
        format!("{prefix}{:08x}{:06}", ask.mark & 0xffff_ffff, self.made)
    }

    /// Several files at once for a vector store, which are in it and in the batch.
    fn make_batch(&mut self, ask: &Ask<'_>) -> Value {
        let mut batch = self.make(ask);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let id = batch.get("id").and_then(text).unwrap_or_default();
        let names: Vec<String> =
            fields(ask).get("file_ids").and_then(Value::as_array).into_iter().flatten().filter_map(text).collect();
        let store = ask.path.trim_end_matches("/file_batches");
        for name in &names {
            let file = json!({
                "id": name, "object": "vector_store.file", "created_at": ask.now, "status": "completed",
                "vector_store_id": store.trim_start_matches("vector_stores/"), "usage_bytes": 0, "last_error": null,
            });
            for folder in [store, &format!("{}/{id}", ask.path)] {
                self.put(format!("{folder}/files/{name}"), file.clone(), None, Vec::new());
            }
        }
        let all = names.len();
        let counts = json!({"in_progress": 0, "completed": all, "failed": 0, "cancelled": 0, "total": all});
        let more = Map::from_iter([("file_counts".to_owned(), counts)]);
        let path = format!("{}/{id}", ask.path);
        self.merge(&path, &more);
        if let Some(fields) = batch.as_object_mut() {
            fields.extend(more);
        }
        batch
    }

    fn make(&mut self, ask: &Ask<'_>) -> Value {
        let (prefix, kind, status) = kind(ask.path);
        let id = match fields(ask).get("file_id").and_then(Value::as_str) {
            // A file in a store goes by its own name.
            Some(file) if kind == "vector_store.file" => file.to_owned(),
            _ => self.next_id(prefix, ask),
        };
        let mut document = Map::from_iter([
            ("id".to_owned(), Value::from(id.clone())),
            ("object".to_owned(), kind.into()),
            ("created_at".to_owned(), ask.now.into()),
            ("status".to_owned(), status.into()),
            ("metadata".to_owned(), json!({})),
        ]);
        let content = ask.content_type.starts_with("multipart/").then(|| file_in(ask.body)).flatten();
        if let Some((name, bytes)) = &content {
            document.extend([
                ("filename".to_owned(), name.as_str().into()),
                ("bytes".to_owned(), bytes.len().into()),
                ("purpose".to_owned(), "user_data".into()),
            ]);
        }
        document.extend(fields(ask));
        document.extend(belongs(ask.path));
        let content = content.map(|(_, bytes)| bytes).filter(|bytes| bytes.len() <= CONTENT_AT_MOST);
        let document = Value::Object(document);
        // A film that was made of another is one of its own.
        let home = if kind == "video" { "videos" } else { ask.path };
        self.put(format!("{home}/{id}"), document.clone(), content, Vec::new());
        if kind == "fine_tuning.job" {
            let event = json!({
                "id": self.next_id("ftevent-", ask), "object": "fine_tuning.job.event", "created_at": ask.now,
                "level": "info", "type": "message", "message": "Created the job.", "data": {},
            });
            self.put(format!("{home}/{id}/events/1"), event, None, Vec::new());
        }
        document
    }

    fn put(&mut self, path: String, document: Value, content: Option<Bytes>, events: Vec<Bytes>) {
        self.made += 1;
        self.kept.insert(path, Object { number: self.made, document, content, events });
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
        ("vector_stores", "file_batches") => ("vsfb_", "vector_store.files_batch", "completed"),
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
        ("skills", "versions") => ("skillver_", "skill.version", "ready"),
        ("skills", _) => ("skill_", "skill", "ready"),
        ("chatkit", _) => ("cksess_", "chatkit.session", "active"),
        ("audio", "voices") => ("voice_", "audio.voice", "ready"),
        ("audio", "voice_consents") => ("cons_", "audio.voice_consent", "ready"),
        ("content_provenance_checks", _) => ("cpc_", "content_provenance_check", "completed"),
        _ => ("obj_", "object", "ready"),
    }
}

/// What something says of what it belongs to.
fn belongs(path: &str) -> Option<(String, Value)> {
    let words: Vec<&str> = path.split('/').collect();
    let (name, id) = match words.as_slice() {
        ["vector_stores", id, ..] => ("vector_store_id", id),
        ["containers", id, ..] => ("container_id", id),
        ["videos", id, "remix"] => ("remixed_from_video_id", id),
        ["skills", id, ..] => ("skill_id", id),
        _ => return None,
    };
    Some((name.to_owned(), Value::from(*id)))
}

/// What is said of something that is gone.
fn deleted(document: &Value) -> Value {
    let kind = document.get("object").and_then(Value::as_str).unwrap_or("object");
    let kind = if kind == "file" { kind.to_owned() } else { format!("{kind}.deleted") };
    json!({"id": document.get("id"), "object": kind, "deleted": true})
}

/// A page of what a search in a vector store finds.
fn found(asked: &Map<String, Value>) -> Value {
    let query = asked.get("query").cloned().unwrap_or_default();
    let query = if query.is_array() { query } else { json!([query]) };
    let text = json!([{"type": "text", "text": "The tide turns at six."}]);
    let hit =
        json!({"file_id": "file-tides", "filename": "tides.txt", "score": 0.9, "attributes": {}, "content": text});
    json!({
        "object": "vector_store.search_results.page", "search_query": query, "data": [hit],
        "has_more": false, "next_page": null,
    })
}

/// A key for one session, as a client in a browser gets it.
fn secret(kind: &str, ask: &Ask<'_>, id: String) -> Value {
    let asked = fields(ask);
    let (value, expires_at) = (format!("ek_{id}"), ask.now.saturating_add(SECRET_LASTS));
    if kind == "client_secrets" {
        let session = asked.get("session").cloned().unwrap_or_else(|| json!({"type": "realtime"}));
        return json!({"value": value, "expires_at": expires_at, "session": session});
    }
    let mut session = asked;
    let secret = json!({"value": value, "expires_at": expires_at});
    session.extend([("id".to_owned(), id.into()), ("client_secret".to_owned(), secret)]);
    session.insert("object".to_owned(), "realtime.session".into());
    Value::Object(session)
}

/// What a JSON body says; nothing else is read.
fn fields(ask: &Ask<'_>) -> Map<String, Value> {
    match serde_json::from_slice(ask.body) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The first file of a form, if it has one: its name and its bytes.
fn file_in(body: &Bytes) -> Option<(String, Bytes)> {
    use memchr::memmem::find;
    let at = find(body, b"filename=\"")? + 10;
    let rest = body.get(at..)?;
    let name = String::from_utf8_lossy(rest.get(..rest.iter().position(|b| *b == b'"')?)?).into_owned();
    let start = at + find(rest, b"\r\n\r\n")? + 4;
    let end = start + find(body.get(start..)?, b"\r\n--")?;
    Some((name, body.slice(start..end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(objects: &mut Objects, method: &Method, path: &str, query: &str, body: &'static str) -> Option<Value> {
        let (content_type, body) = ("application/json", &Bytes::from_static(body.as_bytes()));
        match objects.answer(&Ask { method, path, query, content_type, body, mark: 7, now: 1 }) {
            Told::Document(document) => Some(document),
            Told::Content(..) | Told::Call { .. } | Told::Missing => None,
        }
    }

    #[test]
    fn a_stream_goes_on_behind_the_event_that_was_seen_last() {
        let mut all = Objects::default();
        let events: Vec<Bytes> = ["a", "b", "c"].map(Bytes::from).into();
        all.keep(vec![("responses/resp_1".to_owned(), json!({"id": "resp_1"}))], events);
        let mut again = |query: &str| {
            let (path, body) = ("responses/resp_1", &Bytes::new());
            let asked = Ask { method: &Method::GET, path, query, content_type: "", body, mark: 7, now: 1 };
            if let Told::Content("text/event-stream", rest) = all.answer(&asked) { Some(rest) } else { None }
        };
        assert_eq!(again("stream=true&starting_after=0"), Some(Bytes::from("bc")));
        assert_eq!(again("starting_after=9&stream=true"), Some(Bytes::new()));
        assert_eq!((again("stream=true"), again("stream=false")), (Some(Bytes::from("abc")), None));
    }

    #[test]
    fn files_come_into_a_store_by_their_own_names_one_by_one_and_many_at_once() {
        let mut all = Objects::default();
        let store = told(&mut all, &Method::POST, "vector_stores", "", "{}").unwrap();
        let path = format!("vector_stores/{}", store["id"].as_str().unwrap());
        let one = told(&mut all, &Method::POST, &format!("{path}/files"), "", r#"{"file_id":"file-1"}"#).unwrap();
        assert_eq!((&one["id"], &one["vector_store_id"]), (&json!("file-1"), &store["id"]));
        let many = r#"{"file_ids":["file-2","file-3"]}"#;
        let batch = told(&mut all, &Method::POST, &format!("{path}/file_batches"), "", many).unwrap();
        assert_eq!(batch["file_counts"]["completed"], 2);
        let of_batch = format!("{path}/file_batches/{}/files", batch["id"].as_str().unwrap());
        for (path, count) in [(of_batch, 2), (format!("{path}/files"), 3)] {
            let list = told(&mut all, &Method::GET, &path, "", "").unwrap();
            assert_eq!(list["data"].as_array().unwrap().len(), count, "{path}");
        }
        let found = told(&mut all, &Method::POST, &format!("{path}/search"), "", r#"{"query":"tide"}"#).unwrap();
        assert_eq!((&found["search_query"], &found["data"][0]["file_id"]), (&json!(["tide"]), &json!("file-tides")));
    }

    #[test]
    fn a_film_made_of_another_stands_beside_it_and_has_bytes() {
        let mut all = Objects::default();
        let first = told(&mut all, &Method::POST, "videos", "", "{}").unwrap();
        let remix = format!("videos/{}/remix", first["id"].as_str().unwrap());
        let second = told(&mut all, &Method::POST, &remix, "", "{}").unwrap();
        assert_eq!((&second["remixed_from_video_id"], second["id"] == first["id"]), (&first["id"], false));
        let path = format!("videos/{}", second["id"].as_str().unwrap());
        assert_eq!(told(&mut all, &Method::GET, &path, "", ""), Some(second));
        let path = &format!("{path}/content");
        let (method, body) = (&Method::GET, &Bytes::new());
        let asked = Ask { method, path, query: "", content_type: "", body, mark: 7, now: 1 };
        assert!(matches!(all.answer(&asked), Told::Content("video/mp4", film) if !film.is_empty()));
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
        let store = told(&mut all, &Method::POST, "vector_stores", "", "{}").unwrap();
        let gone = format!("vector_stores/{}/files/file-1", store["id"].as_str().unwrap());
        assert_eq!(told(&mut all, &Method::GET, &gone, "", ""), None, "nor is one within another a list");
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
