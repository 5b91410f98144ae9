//! How the record of an answer ends whose client takes no more of it.

use http::Request;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::attempt::Prepared;
use super::super::commit::commit;
use super::super::door::Door;
use super::super::outward::Ways;
use super::super::pool::Pool;
use super::super::room::{Arrival, Room};
use super::super::spool::Kept;
use super::*;
use crate::engine::Engine;
use crate::model::checked::CheckedConfig;
use crate::model::config::Config;
use crate::model::profile::RequestProfile;
use crate::model::record::{RecordEnd, RequestRecord};
use crate::record::recorder;
use crate::record::sample::record;
use crate::wire::patch::Seams;

const SAID: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

/// What is recorded of a stream that is left after its first word, by a connection that is stuck or not.
async fn left_by(stuck: bool) -> Arc<RequestRecord> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let checked = Arc::new(CheckedConfig::resolve(Arc::new(Config::default()), 1).0);
    let engine = Engine::of(&checked);
    let (recorder, mut drain) = recorder(1);
    let pool = Pool::new(Duration::from_secs(1), Ways::default()).unwrap();
    let door = Arc::new(Door::new(engine, pool, recorder, checked, 1));
    let profile = RequestProfile { operation: Operation::Chat, ..RequestProfile::clone(&record(1).profile) };
    let (lease, at) = (door.engine.lease(Arc::new(profile)), door.engine.clock().now());
    let mut journal = Journal::open(&door, lease, at, door.deadlines.watch(), door.counted());
    let (ours, mut theirs) = tokio::io::duplex(4_096);
    tokio::spawn(async move {
        theirs.read_u8().await.unwrap();
        theirs.write_all(SAID.as_bytes()).await.unwrap();
        // It stays open as long as it is listened to.
        while theirs.read_u8().await.is_ok() {}
    });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(Request::new(http_body_util::Empty::<Bytes>::new())).await.unwrap();
    let prepared = Prepared::new(Operation::Chat, Request::new(()).into_parts().0, Kept::default(), Seams::None);
    let (clock, mut watch) = (*door.engine.clock(), door.deadlines.watch());
    let until = clock.deadline(Duration::from_mins(1));
    let committed = commit(response, &prepared, &clock, (&mut watch, until)).await.ok().unwrap();
    journal.committed(200, true);
    let mut relay = Relay::new(committed, journal, clock, Duration::from_mins(1));
    let arrival = Arc::new(Arrival::new(None, Room::of(0).client().await));
    relay.leaves_by(&arrival);
    if stuck {
        arrival.note_stuck();
    }
    drop(relay);
    drain.next().await.unwrap()
}

#[tokio::test]
async fn whoever_took_nothing_for_too_long_was_ended_by_us_and_anybody_else_left() {
    let (let_go, left) = (left_by(true).await, left_by(false).await);
    assert_eq!(let_go.end, RecordEnd::Answered(Ending::Ended(EndedFor::NotTaken)));
    assert_eq!(left.end, RecordEnd::Answered(Ending::ClientLeft));
    assert_eq!(let_go.usage.map(|usage| usage.output), Some(1), "what was seen of it");
}
