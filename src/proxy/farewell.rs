//! What a socket's client is told when its socket ends by us.
//!
//! Invariant: nothing of a request, a key or a service's answer is in it.
//! Absent on purpose: when a socket ends (`dialogue`, `socket`).

use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::intake::JSON_AT_MOST;
use crate::model::outcome::EndedFor;

/// The way to the endpoint is gone.
pub(super) const LOST: &str =
    "This socket's way to its endpoint ended. What was answered so far stands; open another socket to go on.";
/// Nobody asked for anything.
pub(super) const IDLE: &str =
    "Tidegate closes a socket on which no response is asked for so long. Open another one to go on.";
const ENDED: &str = "Ended by hand in Tidegate's window.";
const STOPPED: &str = "Tidegate was stopped. Open another socket once it runs.";

/// What is said in the answer's own place; of the rest the socket's end tells.
pub(super) const fn in_words(why: EndedFor) -> Option<&'static str> {
    match why {
        EndedFor::Hand => Some(ENDED),
        EndedFor::Stop => Some(STOPPED),
        EndedFor::LongAsked | EndedFor::LongAnswered | EndedFor::NotTaken => None,
    }
}

/// The last frame of a socket on which a client may say so many bytes at once. Who takes nothing in gets none.
pub(super) fn last_frame(why: EndedFor, longest: usize) -> Option<CloseFrame> {
    let (code, reason) = match why {
        EndedFor::LongAsked => {
            let most = longest >> 20;
            (
                CloseCode::Size,
                format!("A message on this socket may have {most} MiB. Open another one and say less at once."),
            )
        }
        EndedFor::LongAnswered => {
            let most = JSON_AT_MOST >> 20;
            (
                CloseCode::Size,
                format!("The service's answer has a message of more than {most} MiB, which is not taken."),
            )
        }
        EndedFor::Hand => (CloseCode::Away, ENDED.to_owned()),
        EndedFor::Stop => (CloseCode::Away, STOPPED.to_owned()),
        EndedFor::NotTaken => return None,
    };
    Some(CloseFrame { code, reason: reason.into() })
}
