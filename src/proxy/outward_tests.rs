use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn way(proxy: &str) -> UpstreamWay {
    UpstreamWay { proxy: proxy.to_owned() }
}

fn outward(proxy: &str, patience: Duration) -> Outward {
    let ways = Ways::default();
    ways.set(&way(proxy));
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    Outward::new(tcp, ways, patience)
}

/// A proxy that answers the first tunnel so and then says what came through it.
async fn proxy(answer: &'static str) -> (String, tokio::task::JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut through = String::new();
        // Whoever was refused sends nothing more.
        let _ = stream.read_to_string(&mut through).await;
        (String::from_utf8(head).unwrap(), through)
    });
    (address, seen)
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_tunnel_is_asked_for_by_the_services_name_and_carries_what_is_sent() {
    let (address, seen) = proxy("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut outward = outward(&address, PATIENCE);
    let to = Uri::from_static("https://acme.openai.azure.com/openai");
    let stream = outward.call(to).await.unwrap();
    let mut plain = stream.into_inner();
    plain.write_all(b"hello").await.unwrap();
    drop(plain);
    let (head, through) = seen.await.unwrap();
    assert!(head.starts_with("CONNECT acme.openai.azure.com:443 HTTP/1.1\r\n"), "{head}");
    assert!(!head.to_lowercase().contains("authorization"), "nobody's key or password is in it");
    assert_eq!(through, "hello");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_a_connection_that_was_not_made() {
    let (address, seen) = proxy("HTTP/1.1 403 Forbidden\r\n\r\n").await;
    let refused = outward(&address, PATIENCE).call(Uri::from_static("https://acme.example/")).await;
    let error = refused.expect_err("no tunnel");
    let name = address.trim_start_matches("http://");
    assert_eq!(error.to_string(), format!("the upstream proxy {name} opened no tunnel: it refused"));
    assert_eq!(said_of(&*error), Some(error.to_string()));
    drop(seen);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let authority: http::uri::Authority = format!("me:canary@{gone}").parse().unwrap();
    assert_eq!(bare(&authority), gone.to_string());
    let refused = outward(&format!("http://{gone}"), PATIENCE).call(Uri::from_static("https://acme.example/")).await;
    let said = refused.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(
        said.starts_with(&format!("the upstream proxy {gone} opened no tunnel: ")) && said.contains("refused"),
        "{said}"
    );
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_not_waited_for_longer_than_for_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut outward = outward(&address, Duration::from_millis(5));
    let silent = outward.call(Uri::from_static("https://acme.example/")).await;
    let name = address.trim_start_matches("http://");
    assert_eq!(
        silent.err().map(|error| error.to_string()),
        Some(format!("the upstream proxy {name} did not open a tunnel in time"))
    );
}

#[tokio::test]
async fn this_computers_own_addresses_are_reached_straight_and_a_change_counts_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own: Uri = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    let mut outward = outward("http://127.0.0.1:9", PATIENCE);
    assert!(outward.call(own).await.is_ok(), "nothing listens where the proxy is said to be");
    outward.ways.set(&way("nonsense"));
    let blocked = outward.call(Uri::from_static("https://acme.example/")).await;
    assert!(blocked.err().is_some_and(|error| error.to_string().contains("is no address")));
    let own: Uri = format!("http://{}/v1", listener.local_addr().unwrap()).parse().unwrap();
    assert!(outward.call(own).await.is_ok(), "simulated endpoints work on");
}

#[test]
fn a_plain_address_without_a_port_keeps_its_own() {
    assert_eq!(with_port(Uri::from_static("http://acme.example/v1")).port_u16(), Some(80));
    assert_eq!(with_port(Uri::from_static("https://acme.example/v1")).port_u16(), None);
    assert_eq!(with_port(Uri::from_static("http://acme.example:8080/v1")).port_u16(), Some(8080));
}
