use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::engine::Engine;
use crate::model::checked::CheckedConfig;
use crate::proxy::outward::Ways;
use crate::proxy::pool::Pool;
use crate::record::recorder;

/// With room for one client.
fn small_door() -> Arc<Door> {
    let checked = Arc::new(CheckedConfig::resolve(Arc::default(), 1).0);
    let engine = Engine::of(&checked);
    let (recorder, _) = recorder(8);
    let mut door = Door::new(engine, Pool::new(Duration::from_secs(1), Ways::default()).unwrap(), recorder, checked, 1);
    door.room = Room::of(0);
    Arc::new(door)
}

struct Listener {
    address: std::net::SocketAddr,
    stop: watch::Sender<bool>,
}

async fn listening(door: &Arc<Door>) -> Listener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(serve(listener, Arc::clone(door), stopped, oneshot::channel().0));
    Listener { address, stop }
}

/// A connection on which this much of a request was said.
async fn saying(listener: &Listener, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(listener.address).await.unwrap();
    stream.write_all(text.replace("HOST", &listener.address.to_string()).as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn connections_of_a_listener_that_was_given_up_still_count() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let door = small_door();
    let old = listening(&door).await;
    let mut first = saying(&old, "GET /v1/models HTTP/1.1\r\nhost: HOST\r\n\r\nGET /v1/mod").await;
    first.read_u8().await.unwrap();
    let new = listening(&door).await;
    old.stop.send_replace(true);
    let mut second = saying(&new, "GET /v1/models HTTP/1.1\r\nhost: HOST\r\n\r\n").await;
    let waits = async {
        while !door.room.was_full() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waits).await.unwrap();
    drop(first);
    assert_eq!(second.read_u8().await.unwrap(), b'H', "once the old one has ended");
}
