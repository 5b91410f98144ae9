//! Every fault at every place of an answer, streamed or not, at one endpoint or at both, against the shipped binary: who asks is
//! answered by the other endpoint or hears clearly that something broke, nobody gets a word of another's answer, and the books
//! count each sending once.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod faulty;
mod served;

use faulty::{Fault, INPUT, OUTPUT, Place};
use serde_json::{Value, json};
use served::{Served, serve, settled};

/// Clients that ask at the same time.
const CLIENTS: usize = 3;

/// What a client got.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Whole,
    /// A stream that began and ended with an error event.
    ErrorEvent,
    /// A transfer that broke before its announced end, which no client takes for an answer.
    Broken,
    /// An error of Tidegate's own, with words.
    Refused,
}

fn config(addresses: [&str; 2]) -> String {
    let endpoint = |(name, address): (&str, &str)| {
        format!(
            "[[account]]\nid = \"{name}\"\nservice = \"compatible\"\nbase_url = \"{address}\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"e{name}\"\naccount = \"{name}\"\nmodel = \"m\"\n"
        )
    };
    format!(
        "[retry]\nbudget_percent = 100\n[queue]\nmax_wait_seconds = 0\n[timeouts]\nstream_idle_seconds = 1\nanswer_seconds = 1\n\
         {}{}[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"ea\"]\n[[route.group]]\nendpoints = [\"eb\"]\n",
        endpoint(("a", addresses[0])),
        endpoint(("b", addresses[1]))
    )
}

/// Asks as this client. Of what comes, nothing may be another client's.
async fn ask(served: &Served, stream: bool, client: usize) -> Got {
    let body = json!({ "model": "m", "stream": stream, "user": format!("client-{client}."), "messages": [] });
    let request = served.client.post(served.url("chat/completions")).json(&body);
    // What breaks before anything of it was passed on breaks without a head.
    let Ok(mut answer) = request.send().await else { return Got::Broken };
    let (status, mut text, mut broken) = (answer.status(), Vec::new(), false);
    loop {
        match answer.chunk().await {
            Ok(Some(bytes)) => text.extend_from_slice(&bytes),
            Ok(None) => break,
            Err(_) => {
                broken = true;
                break;
            }
        }
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    let others = (0..CLIENTS).filter(|other| *other != client);
    assert!(!others.map(|other| format!("client-{other}.")).any(|other| text.contains(&other)), "{text}");
    let own = text.contains(&format!("client-{client}."));
    match (status.as_u16(), broken) {
        (200, true) => Got::Broken,
        (200, false) if stream && text.ends_with("data: [DONE]\n\n") && own => Got::Whole,
        (200, false) if !stream && serde_json::from_str::<Value>(&text).is_ok() && own => Got::Whole,
        (200, false) if stream && own && text.contains("\"error\"") => Got::ErrorEvent,
        (429 | 500.., false)
            if serde_json::from_str::<Value>(&text).is_ok_and(|said| said["error"]["message"].is_string()) =>
        {
            Got::Refused
        }
        _ => panic!("{status} and no clear end: {text:?}"),
    }
}

/// What each client must get.
fn expected(place: Place, stream: bool, both: bool) -> Got {
    match (stream, place) {
        (true, Place::InBody) => Got::ErrorEvent,
        _ if both => Got::Refused,
        _ => Got::Whole,
    }
}

async fn play(fault: Fault, place: Place, stream: bool, both: bool) {
    let said = format!("{fault:?} {place:?}, streamed: {stream}, at both: {both}");
    let second = if both { fault } else { Fault::None };
    let (first, second) = (at(faulty::start(fault, place).await), at(faulty::start(second, place).await));
    compare(&said, [&first, &second], stream, expected(place, stream, both), both).await;
}

fn at(port: u16) -> String {
    format!("http://127.0.0.1:{port}/v1")
}

/// Three clients ask at the same time, and the books agree with what they got.
async fn compare(said: &str, addresses: [&str; 2], stream: bool, wanted: Got, both: bool) {
    let served = serve(&config(addresses), &[("KEY", "k")]);
    let got = tokio::join!(ask(&served, stream, 0), ask(&served, stream, 1), ask(&served, stream, 2));
    for got in [&got.0, &got.1, &got.2] {
        // The first endpoint may be known to be broken by the time the last one asks.
        let spared = *got == Got::Whole && !both || *got == Got::Refused && both;
        assert!(*got == wanted || spared, "{said}: {got:?} in place of {wanted:?}");
    }
    assert!([&got.0, &got.1, &got.2].contains(&&wanted), "{said}: nobody met the fault");
    let status = served.until(settled).await;
    let whole = [&got.0, &got.1, &got.2].into_iter().filter(|got| **got == Got::Whole).count() as u64;
    let of = |at: usize, name: &str| status["endpoints"][at]["counters"][name].as_u64().expect("a number");
    for at in [0, 1] {
        let ended = of(at, "answered") + of(at, "failed") + of(at, "throttled");
        assert_eq!(of(at, "attempts"), ended, "{said}: each sending ends once: {status:#}");
    }
    assert_eq!((of(0, "answered"), of(1, "answered")), (0, whole), "{said}");
    assert_eq!((of(1, "tokens_in"), of(1, "tokens_out") >= whole * OUTPUT), (whole * INPUT, true), "{said}");
}

const PLACES: [Place; 5] = [Place::BeforeHead, Place::InHead, Place::AfterHead, Place::InFirst, Place::InBody];

async fn play_everywhere(fault: Fault, places: &[Place]) {
    for place in places {
        for (stream, both) in [(false, false), (false, true), (true, false), (true, true)] {
            play(fault, *place, stream, both).await;
        }
    }
}

#[tokio::test]
async fn a_connection_that_ends_anywhere_in_an_answer() {
    play_everywhere(Fault::Close, &PLACES).await;
}

#[tokio::test]
async fn a_connection_that_is_reset_anywhere_in_an_answer() {
    play_everywhere(Fault::Reset, &PLACES).await;
}

#[tokio::test]
async fn an_endpoint_that_falls_silent_anywhere_in_an_answer() {
    play_everywhere(Fault::Stall, &PLACES).await;
}

#[tokio::test]
async fn an_endpoint_that_sends_no_head_of_a_stream_is_left_long_before_one_that_thinks() {
    let (silent, sound) =
        (faulty::start(Fault::Stall, Place::BeforeHead).await, faulty::start(Fault::None, Place::InBody).await);
    let config = config([&at(silent), &at(sound)]).replace("stream_idle_seconds = 1", "stream_head_seconds = 1");
    let served = serve(&config, &[("KEY", "k")]);
    assert_eq!(ask(&served, true, 0).await, Got::Whole);
}

#[tokio::test]
async fn an_endpoint_that_talks_nonsense_where_it_shows() {
    play_everywhere(Fault::Garbage, &[Place::BeforeHead, Place::InHead]).await;
    // In a body of announced length nonsense is a body like any other; between chunks it shows.
    play(Fault::Garbage, Place::InBody, true, false).await;
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_at_all() {
    let refuses = {
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        at(nobody.local_addr().expect("an address").port())
    };
    let sound = at(faulty::start(Fault::None, Place::InBody).await);
    // It speaks no TLS, so no hand is shaken.
    let unencrypted = sound.replace("http:", "https:");
    for broken in [refuses.as_str(), &unencrypted, "https://nowhere.invalid/v1"] {
        for stream in [false, true] {
            compare(&format!("{broken}, streamed: {stream}"), [broken, &sound], stream, Got::Whole, false).await;
            compare(&format!("{broken}, streamed: {stream}, both"), [broken, broken], stream, Got::Refused, true).await;
        }
    }
}
