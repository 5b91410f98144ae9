//! The doorbell: a second launch rings it, so that the first one's window comes to the front.
//!
//! Invariant: only who can read our lock's folder knows the word; whoever does not say it gets nothing.
//! Absent on purpose: commands. Ringing opens the window, and a place in it, or asks for the end, and does nothing else.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use crate::contract::{BackEnd, Notice, NoticeBody};
use crate::engine::clock::Clock;

/// How long either side waits for the other, from the first byte to the last.
const PATIENCE: Duration = Duration::from_millis(700);
/// Bytes of a call that are read.
const LONGEST: u64 = 4_096;
const ANSWER: &str = "coming";
/// The answer of an instance that could not open its window.
const ALONE: &str = "no window";
/// The answer of one whose window failed.
const BEREFT: &str = "window failed";
/// What is said to have it stop. No link has such a letter.
const STOP: &str = "\u{1}stop";

/// Why this process serves without its window; unset: it does not.
static LACK: OnceLock<Lack> = OnceLock::new();

/// Why there is no window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It could not be opened.
    Unopened,
    /// It failed while it was open.
    Failed,
}

/// What came of ringing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// The window comes.
    Coming,
    /// There is somebody, who has no window to bring.
    Windowless(Lack),
    /// Nobody answered.
    Nobody,
}

/// Says that this process has no window any more: who rings is told so, and not that it comes.
pub fn no_window(lack: Lack) {
    // It is said once; what was said first holds.
    let _ = LACK.set(lack);
}

/// A doorbell that hangs but is not answered yet.
#[derive(Debug)]
pub struct Doorbell {
    listener: TcpListener,
    /// Where it hangs.
    pub address: SocketAddr,
    word: String,
}

impl Doorbell {
    /// Hangs it on a free port of this computer.
    ///
    /// # Errors
    /// No port to be had, or no chance for the word.
    pub fn hang() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let mut bytes = [0_u8; 16];
        SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
        let word = format!("{:032x}", u128::from_be_bytes(bytes));
        Ok(Self { listener, address, word })
    }

    /// What a second launch needs to ring.
    #[must_use]
    pub fn plate(&self) -> String {
        format!("{} {}", self.address, self.word)
    }

    /// Answers it on a thread of its own, for as long as the process lives.
    ///
    /// # Errors
    /// No thread to be had.
    pub fn answer(self, back: BackEnd) -> io::Result<()> {
        let Self { listener, word, .. } = self;
        let work = move || {
            for caller in listener.incoming().flatten() {
                let body = match hear(&caller, &word) {
                    Some(Call::Open(link)) => NoticeBody::Rung { link },
                    Some(Call::Stop) => NoticeBody::StopAsked,
                    None => continue,
                };
                back.tell(Notice { id: None, body });
            }
        };
        std::thread::Builder::new().name("doorbell".to_owned()).spawn(work).map(drop)
    }
}

/// What a caller who knows the word wants.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    /// The window, and a place in it.
    Open(Option<String>),
    /// The end of serving.
    Stop,
}

/// Hears a caller out; `None` if it does not know the word.
fn hear(caller: &TcpStream, word: &str) -> Option<Call> {
    let mut line = String::new();
    BufReader::new(Timed::new(caller).take(LONGEST)).read_line(&mut line).ok()?;
    let (said, link) = line.trim_end().split_once(' ').unwrap_or((line.trim_end(), ""));
    if said != word {
        return None;
    }
    let mut answer = caller;
    let said = match LACK.get() {
        None => ANSWER,
        Some(Lack::Unopened) => ALONE,
        Some(Lack::Failed) => BEREFT,
    };
    answer.write_all(said.as_bytes()).ok()?;
    Some(match link {
        "" => Call::Open(None),
        STOP => Call::Stop,
        link => Call::Open(Some(link.to_owned())),
    })
}

/// Rings at another instance.
#[must_use]
pub fn ring(plate: &str, link: Option<&str>) -> Rung {
    let link: String = link.unwrap_or_default().chars().filter(|letter| !letter.is_control()).collect();
    ring_for(plate, &link)
}

/// Asks another instance to stop.
#[must_use]
pub fn ask_to_stop(plate: &str) -> Rung {
    ring_for(plate, STOP)
}

fn ring_for(plate: &str, what: &str) -> Rung {
    let Some((address, word)) = plate.split_once(' ') else { return Rung::Nobody };
    let Ok(address) = address.parse::<SocketAddr>() else { return Rung::Nobody };
    match call(address, word, what).as_deref() {
        Ok(ANSWER) => Rung::Coming,
        Ok(ALONE) => Rung::Windowless(Lack::Unopened),
        Ok(BEREFT) => Rung::Windowless(Lack::Failed),
        _ => Rung::Nobody,
    }
}

fn call(address: SocketAddr, word: &str, what: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{word} {what}\n").as_bytes())?;
    let mut answer = String::new();
    Timed::new(&stream).take(LONGEST).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Reads for as long as either side waits, however the bytes are spread over that time.
struct Timed<'a> {
    stream: &'a TcpStream,
    clock: Clock,
}

impl<'a> Timed<'a> {
    fn new(stream: &'a TcpStream) -> Self {
        Self { stream, clock: Clock::start() }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = PATIENCE.saturating_sub(Duration::from_micros(self.clock.now().0));
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut stream = self.stream;
        stream.read(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plate and the thread that hears one caller there.
    fn one_caller() -> (String, std::thread::JoinHandle<Option<Call>>) {
        let bell = Doorbell::hang().unwrap();
        let plate = bell.plate();
        let caller = std::thread::Builder::new().name("one caller".to_owned());
        let heard = caller.spawn(move || hear(&bell.listener.accept().unwrap().0, &bell.word)).unwrap();
        (plate, heard)
    }

    #[test]
    fn a_ring_is_answered_and_brings_its_link() {
        let (plate, heard) = one_caller();
        assert_eq!(ring(&plate, Some("tidegate://quotas\nand more")), Rung::Coming);
        assert_eq!(heard.join().unwrap(), Some(Call::Open(Some("tidegate://quotasand more".to_owned()))));
        let (plate, heard) = one_caller();
        assert_eq!(ring(&plate, None), Rung::Coming);
        assert_eq!(heard.join().unwrap(), Some(Call::Open(None)));
    }

    #[test]
    fn the_end_is_asked_for_and_no_link_asks_for_it() {
        let (plate, heard) = one_caller();
        assert_eq!(ask_to_stop(&plate), Rung::Coming);
        assert_eq!(heard.join().unwrap(), Some(Call::Stop));
        let (plate, heard) = one_caller();
        assert_eq!(ring(&plate, Some(STOP)), Rung::Coming);
        assert_eq!(heard.join().unwrap(), Some(Call::Open(Some("stop".to_owned()))));
    }

    #[test]
    fn who_does_not_know_the_word_gets_no_answer() {
        let (plate, heard) = one_caller();
        let (address, _) = plate.split_once(' ').unwrap();
        assert_eq!(ring(&format!("{address} 00000000000000000000000000000000"), None), Rung::Nobody);
        assert_eq!(heard.join().unwrap(), None);
    }

    #[test]
    fn who_answers_letter_by_letter_is_not_waited_for() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let plate = format!("{} word", listener.local_addr().unwrap());
        let slow = std::thread::Builder::new().name("slow".to_owned()).spawn(move || {
            let (mut caller, _) = listener.accept().unwrap();
            BufReader::new(&caller).read_line(&mut String::new()).unwrap();
            caller.set_read_timeout(Some(PATIENCE / 3)).unwrap();
            for letter in ANSWER.as_bytes() {
                // Nothing comes any more, so this takes its time; whoever has hung up is told nothing.
                if caller.peek(&mut [0]).is_ok() || caller.write_all(&[*letter]).is_err() {
                    return;
                }
            }
        });
        assert_eq!(ring(&plate, None), Rung::Nobody);
        slow.unwrap().join().unwrap();
    }

    #[test]
    fn nobody_at_home_is_no_answer() {
        let bell = Doorbell::hang().unwrap();
        let plate = bell.plate();
        drop(bell);
        assert_eq!(ring(&plate, None), Rung::Nobody);
        assert_eq!(ring("nonsense", None), Rung::Nobody);
    }
}
