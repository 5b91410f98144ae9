//! Responses over a WebSocket: each `response.create` is admitted, chosen for, counted and recorded like any request; the socket
//! stays with the account that answered first, since what was said so far is known there alone.
//!
//! Invariant: messages pass as they came but for the model's name; one response is under way at a time; nothing of an answer
//! reaches the client before it is decisive, and the account does not change after that. An idle socket is closed in time, and the
//! time counts between responses only. A message is held as a whole: none is longer than a JSON body may be, and those of the
//! client's that wait are not either, together. Who takes nothing in for as long as a stream may be silent is let go.
//! Absent on purpose: the frames of both sides as they came. Each side speaks WebSocket with us, so that a message can be sent to
//! another endpoint.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::answer::Answer;
use super::asked::Asked;
use super::attempt::{Fault, Prepared, Told, Until};
use super::auth::Who;
use super::commit::MOMENT;
use super::deadlines::{Over, Watch};
use super::door::{Door, Inside};
use super::exchange::{plain, refusal_reply, try_keys};
use super::farewell::{IDLE, LOST, in_words, last_frame};
use super::handshake::{agree, wish};
use super::intake::{Bounds, JSON_AT_MOST, Unreadable};
use super::journal::Journal;
use super::room::{Arrival, Place};
use super::said;
use super::socket::LINGER;
use crate::engine::Assignment;
use crate::engine::lease::Turn;
use crate::model::id::AccountId;
use crate::model::outcome::{EndedFor, Ending, FailureClass, HeaderFacts, HeaderSignal};
use crate::model::profile::Operation;
use crate::model::record::RecordEnd;
use crate::wire::error::{self, socket_error};
use crate::wire::headers;
use crate::wire::stream::{StreamReader, StreamState};

/// As many `response.create` wait behind the one under way.
const QUEUED: usize = 8;
/// As much of an answer is held back before it is decisive.
const HELD_BACK: usize = 256 * 1024;
/// As much of a message that is too long is read and dropped, so that its sender comes to hear why.
const DROPPED: u64 = 256 * 1024 * 1024;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The way to the account that answers.
struct Line {
    account: AccountId,
    socket: Socket,
    /// It has answered something: what comes next may build on that.
    is_bound: bool,
}

/// One client's socket.
struct Dialogue {
    door: Arc<Door>,
    who: Who,
    head: HeaderMap,
    handshake: Prepared,
    client: Socket,
    line: Option<Line>,
    queued: VecDeque<Utf8Bytes>,
    /// Bytes that the client may say at once, and that may wait.
    longest: usize,
    /// Why we end it, if we do.
    ended: Option<EndedFor>,
}

/// What happened next.
enum Heard {
    FromUpstream(Message),
    FromClient(Message),
    UpstreamGone,
    /// The client hung up, or is to be hung up on as a message is too long.
    ClientGone,
    Over(Over),
}

/// What came of sending a message to an endpoint.
enum Sent {
    /// The answer is good; what was held of it.
    Decisive(StreamReader, Vec<Message>),
    /// It is not; what the service said.
    Failed(Fault, Vec<Message>),
    /// The client left, or is let go.
    Left,
}

/// Agrees to a socket at once: where it leads is chosen by its first message.
pub(super) fn open(
    door: Arc<Door>,
    head: Parts,
    who: Who,
    (client, arrival): (OnUpgrade, Arc<Arrival>),
    inside: Inside,
) -> Response<Answer> {
    let response = match agree(&head.headers) {
        Ok(response) => response,
        Err(why) => return plain(error::bad_request(why)),
    };
    let place = inside.place();
    let longest = as_size(Bounds::new(&door.config.load().config.bodies, true).largest);
    let shared = Arc::clone(&door);
    shared.let_talk(async move {
        let Ok(client) = client.await else { return };
        let all = head.headers.clone();
        let handshake = wish(head);
        let config = Some(at_most(longest));
        let client = WebSocketStream::from_raw_socket(TokioIo::new(client), Role::Server, config).await;
        let dialogue = Dialogue {
            door,
            who,
            head: all,
            handshake,
            client,
            line: None,
            queued: VecDeque::new(),
            longest,
            ended: None,
        };
        dialogue.live(arrival, place).await;
    });
    response
}

fn at_most(bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(bytes)).max_frame_size(Some(bytes))
}

fn as_size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

impl Dialogue {
    /// Until one side hangs up. The place and the client's connection are its own as long.
    async fn live(mut self, _arrival: Arc<Arrival>, _place: Place) {
        let farewell = self.talk().await.or_else(|| last_frame(self.ended?, self.longest));
        let line = self.line.take();
        // Whoever is gone already cannot be told, nor can one who takes nothing in.
        let upward = async {
            if let Some(mut line) = line {
                let _ = timeout(LINGER, line.socket.close(None)).await;
            }
        };
        let downward = async {
            let is_told = timeout(LINGER, self.client.close(farewell)).await.is_ok();
            if is_told && self.ended == Some(EndedFor::LongAsked) {
                let _ = timeout(LINGER, hear_out(self.client.get_mut())).await;
            }
        };
        tokio::join!(upward, downward);
    }

    /// Response after response, until one side hangs up or nobody asks for another one in time; what the client is told then.
    async fn talk(&mut self) -> Option<CloseFrame> {
        let mut watch = self.door.deadlines.watch();
        let mut until = self.idle_until();
        loop {
            let heard = match self.queued.pop_front() {
                Some(text) => Heard::FromClient(Message::Text(text)),
                None => self.hear(Some((&mut watch, until))).await,
            };
            let is_said = matches!(&heard, Heard::FromClient(said) | Heard::FromUpstream(said) if is_for_them(said));
            let flow = match heard {
                Heard::FromClient(Message::Text(text)) if Asked::is_create(text.as_bytes()) => self.respond(text).await,
                Heard::FromClient(message) => self.pass_up(message).await,
                Heard::FromUpstream(message) => self.pass_down(message).await,
                Heard::Over(Over::Ended(why)) => {
                    self.ended = Some(why);
                    return None;
                }
                Heard::Over(Over::Late) => return Some(CloseFrame { code: CloseCode::Away, reason: IDLE.into() }),
                Heard::UpstreamGone | Heard::ClientGone => return None,
            };
            if flow.is_break() {
                return None;
            }
            if is_said {
                // However long the response took, the time begins with its end. Pings ask for nothing.
                until = self.idle_until();
            }
        }
    }

    /// Until when another response may be asked for, from now on.
    fn idle_until(&self) -> Instant {
        let seconds = self.door.config.load().config.timeouts.socket_idle_seconds;
        self.door.engine.clock().deadline(Duration::from_secs(seconds.into()))
    }

    /// The next message of either side, until a deadline if there is one.
    async fn hear(&mut self, until: Option<(&mut Watch, Instant)>) -> Heard {
        let Self { client, line, ended, .. } = self;
        let upstream = async {
            match line {
                Some(line) => line.socket.next().await,
                None => std::future::pending().await,
            }
        };
        let next = async {
            tokio::select! {
                message = client.next() => match message {
                    Some(Err(tungstenite::Error::Capacity(_))) => {
                        *ended = Some(EndedFor::LongAsked);
                        Heard::ClientGone
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::ClientGone,
                    Some(Ok(message)) => Heard::FromClient(message),
                },
                message = upstream => match message {
                    // Another endpoint would say as much, and this one is paid for it already.
                    Some(Err(tungstenite::Error::Capacity(_))) => {
                        *ended = Some(EndedFor::LongAnswered);
                        Heard::ClientGone
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::UpstreamGone,
                    Some(Ok(message)) => Heard::FromUpstream(message),
                },
            }
        };
        match until {
            Some((watch, deadline)) => watch.within(deadline, next).await.unwrap_or_else(Heard::Over),
            None => next.await,
        }
    }

    async fn pass_down(&mut self, message: Message) -> ControlFlow<()> {
        if !is_for_them(&message) {
            return ControlFlow::Continue(());
        }
        let seconds = self.door.config.load().config.timeouts.stream_idle_seconds;
        let deadline = self.door.engine.clock().deadline(Duration::from_secs(seconds.into()));
        match self.door.deadlines.watch().within(deadline, self.client.send(message)).await {
            Ok(Ok(())) => return ControlFlow::Continue(()),
            Ok(Err(_)) => {}
            Err(Over::Late) => self.ended = self.ended.or(Some(EndedFor::NotTaken)),
            Err(Over::Ended(why)) => self.ended = self.ended.or(Some(why)),
        }
        ControlFlow::Break(())
    }

    /// How what is under way ends if its client is not there for the rest.
    fn parting(&self) -> Ending {
        self.ended.map_or(Ending::ClientLeft, Ending::Ended)
    }

    async fn pass_up(&mut self, message: Message) -> ControlFlow<()> {
        match (&mut self.line, message) {
            (Some(line), message @ (Message::Text(_) | Message::Binary(_))) => {
                // Whoever may be silent for long must still take in what is said.
                let until = Until::stream(&self.door.config.load().config.timeouts, self.door.engine.clock());
                match self.door.deadlines.watch().within(until.head, line.socket.send(message)).await {
                    Ok(Ok(())) => return ControlFlow::Continue(()),
                    // We end it, and the endpoint is not at fault.
                    Err(Over::Ended(why)) => self.ended = self.ended.or(Some(why)),
                    Ok(Err(_)) | Err(Over::Late) => self.line = None,
                }
                ControlFlow::Break(())
            }
            (None, Message::Text(_) | Message::Binary(_)) => {
                self.tell(&error::bad_request(
                    "The first message of this socket must be response.create. Nothing was sent.",
                ))
                .await
            }
            _ => ControlFlow::Continue(()),
        }
    }

    /// An error of ours, as this API says them.
    async fn tell(&mut self, reply: &error::Reply) -> ControlFlow<()> {
        self.pass_down(Message::text(socket_error(reply))).await
    }

    /// What the client says meanwhile: another question waits its turn, anything else goes up.
    async fn meanwhile(&mut self, message: Message) -> ControlFlow<()> {
        match message {
            Message::Text(text) if Asked::is_create(text.as_bytes()) => {
                let waiting = self.queued.iter().map(|text| text.len()).fold(text.len(), usize::saturating_add);
                if self.queued.len() < QUEUED && waiting <= self.longest {
                    self.queued.push_back(text);
                    return ControlFlow::Continue(());
                }
                self.tell(&error::bad_request(
                    "Too many responses wait on this socket, or too long ones; it makes one at a time.",
                ))
                .await
            }
            message => self.pass_up(message).await,
        }
    }

    /// Answers one `response.create`.
    async fn respond(&mut self, text: Utf8Bytes) -> ControlFlow<()> {
        if self.door.paused.load(Ordering::Relaxed) {
            return self.tell(&error::unavailable(&Unreadable::Paused.to_string())).await;
        }
        let bound = self.line.as_ref().filter(|line| line.is_bound).map(|line| line.account.clone());
        let asked = match Asked::read(&self.door, &self.who, &self.head, text, bound) {
            Ok(asked) => asked,
            Err(why) => return self.tell(&error::bad_request(&why.to_string())).await,
        };
        let (at, watch, inside) = (self.door.engine.clock().now(), self.door.deadlines.watch(), self.door.counted());
        let lease = self.door.engine.lease(Arc::clone(&asked.profile));
        let mut journal = Journal::open(&self.door, lease, at, watch, inside);
        let Some(mut turn) = self.wait(journal.lease.first()).await else {
            journal.part(self.parting());
            return ControlFlow::Break(());
        };
        let mut said: Vec<Message> = Vec::new();
        loop {
            match turn {
                Turn::Send(assignment) => match self.attempt(&mut journal, &assignment, &asked).await {
                    Sent::Decisive(reader, held) => return self.relay(journal, reader, held).await,
                    Sent::Left => {
                        match self.ended.and_then(in_words) {
                            Some(why) => {
                                journal.turn_away(RecordEnd::Refused, StatusCode::SERVICE_UNAVAILABLE.as_u16());
                                let _ = self.tell(&error::unavailable(why)).await;
                            }
                            None => journal.part(self.parting()),
                        }
                        return ControlFlow::Break(());
                    }
                    Sent::Failed(fault, held) => {
                        journal.attempted(fault.failure.status, Some(fault.failure.clone()), said::of_fault(&fault));
                        said = held;
                        if said.is_empty() {
                            said.extend(
                                fault.answer.as_ref().map(|answer| Message::text(socket_error(&of_answer(answer)))),
                            );
                        }
                        let is_lost = self.line.is_none() && asked.is_bound();
                        let next = self.wait(journal.lease.failed(fault.failure)).await;
                        let Some(next) = next else {
                            journal.part(self.parting());
                            return ControlFlow::Break(());
                        };
                        if is_lost {
                            // What was said so far was known on that connection alone.
                            journal.close(Ending::CutOff, None);
                            let _ = self.tell(&error::bad_gateway(LOST)).await;
                            return ControlFlow::Break(());
                        }
                        turn = next;
                    }
                },
                Turn::Refused(refusal, _) => {
                    let reply = refusal_reply(&self.door, &journal, &refusal);
                    journal.turn_away(RecordEnd::Refused, reply.0.as_u16());
                    return self.tell(&reply).await;
                }
                Turn::GiveUp(_) => {
                    journal.turn_away(RecordEnd::Failed, StatusCode::BAD_GATEWAY.as_u16());
                    if said.is_empty() {
                        return self.tell(&error::bad_gateway("No endpoint gave an answer on this socket.")).await;
                    }
                    for message in said {
                        self.pass_down(message).await?;
                    }
                    return ControlFlow::Continue(());
                }
            }
        }
    }

    /// Waits for the brain while the client may go on talking; `None`: it left.
    async fn wait(&mut self, turn: impl Future<Output = Turn>) -> Option<Turn> {
        let mut turn = std::pin::pin!(turn);
        loop {
            tokio::select! {
                turn = &mut turn => return Some(turn),
                heard = self.hear(None) => match heard {
                    Heard::FromClient(message) => if self.meanwhile(message).await.is_break() { return None },
                    Heard::FromUpstream(message) => if self.pass_down(message).await.is_break() { return None },
                    Heard::UpstreamGone => self.line = None,
                    Heard::ClientGone | Heard::Over(_) => return None,
                },
            }
        }
    }

    /// Sends the message to the endpoint and waits until its answer proves good or bad.
    async fn attempt(&mut self, journal: &mut Journal, assignment: &Assignment, asked: &Asked) -> Sent {
        journal.attempt(assignment);
        let until = Until::stream(&self.door.config.load().config.timeouts, self.door.engine.clock());
        let facts = match self.reach(journal, assignment, asked, until).await {
            Ok(facts) => facts,
            Err(fault) => {
                self.ended = self.ended.or(journal.watch.ended());
                return if self.ended.is_some() { Sent::Left } else { Sent::Failed(fault, Vec::new()) };
            }
        };
        let (mut reader, mut held, mut length) = (StreamReader::new(Operation::Responses), Vec::new(), 0_usize);
        let mut proof = until.proof;
        loop {
            let state = match self.hear(Some((&mut journal.watch, proof))).await {
                Heard::FromUpstream(Message::Text(text)) => {
                    length = length.saturating_add(text.len());
                    let state = reader.read_message(text.as_bytes());
                    held.push(Message::Text(text));
                    state
                }
                Heard::FromUpstream(_) => continue,
                Heard::FromClient(message) => {
                    if self.meanwhile(message).await.is_break() {
                        return Sent::Left;
                    }
                    continue;
                }
                Heard::ClientGone => return Sent::Left,
                Heard::Over(Over::Ended(why)) => {
                    self.ended = Some(why);
                    return Sent::Left;
                }
                // Output was announced, and nothing was said against it.
                Heard::Over(Over::Late) if proof < until.proof => StreamState::Decisive,
                Heard::Over(Over::Late) => return self.lost(FailureClass::Timeout),
                Heard::UpstreamGone => return self.lost(FailureClass::Broken),
            };
            match state {
                StreamState::Undecided if length < HELD_BACK => {
                    if reader.announces() && proof == until.proof {
                        proof = proof.min(self.door.engine.clock().deadline(MOMENT));
                    }
                }
                StreamState::Undecided | StreamState::Decisive => {
                    journal.attempted(Some(StatusCode::OK.as_u16()), None, said::of_facts(facts.clone()));
                    let has_output = reader.has_output();
                    journal.committed(StatusCode::OK.as_u16(), has_output);
                    let has_output = has_output || reader.announces();
                    journal.lease.committed(HeaderSignal { endpoint: assignment.endpoint.clone(), facts, has_output });
                    if let Some(line) = &mut self.line {
                        line.is_bound = true;
                    }
                    return Sent::Decisive(reader, held);
                }
                StreamState::Failed(failure) => {
                    return Sent::Failed(Fault { failure, answer: None, between: None }, held);
                }
            }
        }
    }

    /// The connection is of no use any more.
    fn lost(&mut self, class: FailureClass) -> Sent {
        self.line = None;
        Sent::Failed(Fault::silent(class, true), Vec::new())
    }

    /// Has the message reach the endpoint, over the open line if it leads to its account; what a new one's head said of limits.
    async fn reach(
        &mut self,
        journal: &mut Journal,
        assignment: &Assignment,
        asked: &Asked,
        until: Until,
    ) -> Result<HeaderFacts, Fault> {
        let upstream = self
            .door
            .upstreams
            .find(&assignment.endpoint)
            .ok_or_else(|| Fault::silent(FailureClass::Connect, false))?;
        let mut facts = HeaderFacts::default();
        if self.line.as_ref().is_none_or(|line| line.account != assignment.account) {
            self.line = None;
            let agreed = try_keys(&self.door, &upstream, &self.handshake, (&mut journal.watch, until)).await?;
            facts = headers::facts(&agreed.head.headers, self.door.engine.clock().wall_ms());
            let mut agreed = Response::from_parts(agreed.head, ());
            let opened =
                hyper::upgrade::on(&mut agreed).await.map_err(|_| Fault::silent(FailureClass::Broken, false))?;
            let socket = WebSocketStream::from_raw_socket(
                TokioIo::new(opened),
                Role::Client,
                Some(at_most(as_size(JSON_AT_MOST))),
            )
            .await;
            self.line = Some(Line { account: assignment.account.clone(), socket, is_bound: false });
        }
        let message = Message::text(asked.for_endpoint(upstream.target.body_model(Operation::Responses)));
        let Some(line) = &mut self.line else { return Err(Fault::silent(FailureClass::Connect, false)) };
        let class = match journal.watch.within(until.head, line.socket.send(message)).await {
            Ok(Ok(())) => return Ok(facts),
            Ok(Err(_)) => FailureClass::Broken,
            Err(_) => FailureClass::Timeout,
        };
        self.line = None;
        Err(Fault::silent(class, true))
    }

    /// Passes an answer on to its end.
    async fn relay(&mut self, mut journal: Journal, mut reader: StreamReader, held: Vec<Message>) -> ControlFlow<()> {
        let stream = self.door.streams.open(journal.lease.request(), self.door.engine.clock().now());
        let seconds = self.door.config.load().config.timeouts.stream_idle_seconds;
        let mut coming: VecDeque<Message> = held.into();
        let ending = loop {
            journal.note_left(reader.take_stored());
            stream.note(reader.deltas());
            if reader.has_output() {
                journal.met_output();
            }
            while let Some(message) = coming.pop_front() {
                if self.pass_down(message).await.is_break() {
                    let usage = journal.note_streamed(&reader.finish());
                    journal.close(self.parting(), usage);
                    return ControlFlow::Break(());
                }
            }
            if reader.is_over() {
                break Ending::Completed;
            }
            let deadline = self.door.engine.clock().deadline(Duration::from_secs(seconds.into()));
            match self.hear(Some((&mut journal.watch, deadline))).await {
                Heard::FromUpstream(message) => {
                    if let Message::Text(text) = &message {
                        // What comes of it is asked above.
                        let _ = reader.read_message(text.as_bytes());
                    }
                    coming.push_back(message);
                }
                Heard::FromClient(message) => {
                    if self.meanwhile(message).await.is_break() {
                        break if self.line.is_none() { Ending::CutOff } else { self.parting() };
                    }
                }
                Heard::ClientGone => break self.parting(),
                Heard::Over(Over::Ended(why)) => {
                    self.ended = Some(why);
                    break Ending::Ended(why);
                }
                Heard::UpstreamGone | Heard::Over(Over::Late) => break Ending::CutOff,
            }
        };
        let end = reader.finish();
        let (usage, is_whole) = (journal.note_streamed(&end), end.complete && end.failure.is_none());
        match ending {
            Ending::Completed => {
                journal.close(if is_whole { Ending::Completed } else { Ending::CutOff }, usage);
                ControlFlow::Continue(())
            }
            Ending::CutOff => {
                journal.close(Ending::CutOff, usage);
                let _ = self.tell(&error::bad_gateway(LOST)).await;
                ControlFlow::Break(())
            }
            Ending::ClientLeft | Ending::Ended(_) => {
                journal.close(ending, usage);
                if let Some(why) = self.ended.and_then(in_words) {
                    let _ = self.tell(&error::unavailable(why)).await;
                }
                ControlFlow::Break(())
            }
        }
    }
}

/// Has a client say the rest of what is too long. Were it left unread, the connection would break before the client read why.
async fn hear_out(client: &mut TokioIo<Upgraded>) {
    let _ = client.shutdown().await;
    let _ = tokio::io::copy(&mut client.take(DROPPED), &mut tokio::io::sink()).await;
}

/// Whether a message concerns the other side. Each has pings of its own.
const fn is_for_them(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}

/// A refused handshake's answer, as it came.
fn of_answer(answer: &Response<Told>) -> error::Reply {
    (answer.status(), HeaderMap::new(), answer.body().bytes.clone())
}
