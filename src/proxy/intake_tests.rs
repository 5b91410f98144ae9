use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;
use tokio::time::{Sleep, sleep};

use super::*;
use crate::proxy::deadlines::Deadlines;
use crate::proxy::exchange::why_not;

/// A client that sends each piece after a pause; `None` at the end of the list: it says nothing more and stays.
struct Slow {
    pieces: VecDeque<Option<(u64, usize)>>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(&next) = self.pieces.front() else { return Poll::Ready(None) };
        let Some((seconds, length)) = next else { return Poll::Pending };
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(Duration::from_secs(seconds))));
        std::task::ready!(pause.as_mut().poll(cx));
        self.pause = None;
        self.pieces.pop_front();
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; length])))))
    }
}

async fn taken(pieces: Vec<Option<(u64, usize)>>) -> Result<Taken, Unreadable> {
    let bounds = Bounds { memory: 10_000, largest: 1_000_000, is_fixed: false, patience: Duration::from_secs(30) };
    let body = Slow { pieces: pieces.into(), pause: None };
    let clock = Clock::start();
    take(body, bounds, &clock, &mut Deadlines::new(clock).watch(), None).await
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_on_sending_may_take_an_hour() {
    let taken = taken(vec![Some((25, 5_000)); 144]).await.unwrap();
    assert_eq!(taken.body.len(), 720_000);
    assert!(taken.body.memory().is_none(), "it is too long for memory");
}

#[tokio::test(start_paused = true)]
async fn a_trickle_is_no_progress() {
    for pieces in [vec![Some((1, 100)); 1_000], vec![Some((0, 9_000)), None], vec![None]] {
        let ended = taken(pieces).await;
        assert!(matches!(ended, Err(Unreadable::Stalled(30))), "{ended:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_an_upload_is_not_said_to_be_its_clients_doing() {
    let (bounds, clock) =
        (Bounds { memory: 9, largest: 9, is_fixed: false, patience: Duration::from_secs(30) }, Clock::start());
    let deadlines = Deadlines::new(clock);
    let (body, mut watch) = (Slow { pieces: [None].into(), pause: None }, deadlines.watch());
    deadlines.stop();
    let ended = take(body, bounds, &clock, &mut watch, None).await.unwrap_err();
    assert!(matches!(ended, Unreadable::Stopped), "{ended:?}");
    assert_eq!(why_not(&ended).0, http::StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_refused_when_it_is() {
    let ended = taken(vec![Some((0, 100_000)); 11]).await;
    assert!(matches!(ended, Err(Unreadable::TooLarge(_))), "{ended:?}");
}

#[tokio::test]
async fn the_bound_decides_between_memory_and_file() {
    for (pieces, in_memory) in [(vec![Some((0, 10_000))], true), (vec![Some((0, 10_001))], false)] {
        let taken = taken(pieces).await.unwrap();
        assert_eq!(taken.body.memory().is_some(), in_memory);
    }
    let Taken { body, form } = taken(Vec::new()).await.unwrap();
    assert!(body.is_empty() && form.is_none());
}

#[test]
fn who_sends_too_much_json_is_not_sent_to_a_setting_that_does_not_help() {
    let of = |largest_mib, is_json| Bounds::new(&Bodies { largest_mib, ..Bodies::default() }, is_json).too_large();
    assert!(!of(2_048, true).to_string().contains("largest_mib") && of(2_048, true).to_string().contains("64 MiB"));
    assert!(of(10, true).to_string().contains("raise largest_mib"));
    assert!(of(2_048, false).to_string().contains("larger than 2048 MiB"));
}
