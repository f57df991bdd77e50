//! A fake Slack on this machine, for tests: it takes webhook posts, shows what it received, and answers what the test
//! tells it to, Slack's troubles included.
//!
//! Point a flow at it by the secret that its notifier reads: [`FakeSlack::webhook_url`] into `[context.secrets]` of
//! the test's config file, or into the environment variable `PREFECT__CONTEXT__SECRETS__SLACK_WEBHOOK_URL`.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//! use prefect::fake_slack::{Answer, FakeSlack, SlackError};
//!
//! let slack = FakeSlack::start();
//! // The second post will hear that the channel is archived; all others are answered as Slack would.
//! slack.script([Answer::AsSlack, Answer::Error(SlackError::ChannelIsArchived)]);
//!
//! let post = |body: &str| {
//!     let mut stream = TcpStream::connect(slack.address()).unwrap();
//!     write!(stream, "POST /services/T/B/x HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
//!     let mut answer = String::new();
//!     stream.read_to_string(&mut answer).unwrap();
//!     answer
//! };
//! assert!(post(r#"{"text": "hello"}"#).ends_with("\r\n\r\nok"));
//! assert!(post(r#"{"text": "hello"}"#).starts_with("HTTP/1.1 410 "));
//! assert!(post("{}").ends_with("no_text"));
//!
//! let received = slack.wait_for(3);
//! assert_eq!(received[0].path(), "/services/T/B/x");
//! assert_eq!(received[0].json()["text"], "hello");
//! ```
mod answer;
mod request;

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use answer::{Answer, Gate, SlackError};
pub use request::Received;

use request::Take;

/// How long [`FakeSlack::wait_for`] waits before it gives up: only a broken test ever sees it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server on a free port of 127.0.0.1. It ends when it is dropped.
pub struct FakeSlack {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    script: VecDeque<Answer>,
    otherwise: Option<Answer>,
    received: Vec<Received>,
    /// Connections that are open, to be closed at the end.
    open: Vec<TcpStream>,
    /// Gates that somebody may wait at.
    gates: Vec<Gate>,
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeSlack {
    /// Starts one that answers as Slack would.
    ///
    /// # Panics
    /// If this machine gives no port or no thread.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on 127.0.0.1");
        let address = listener.local_addr().expect("the port");
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("fake-slack".into())
            .spawn(move || accept(&listener, &for_thread))
            .expect("a thread");
        Self { address, shared, listener: Some(thread) }
    }

    /// An address on this machine where nobody listens, nor will as long as this process lives.
    ///
    /// # Panics
    /// If this machine gives no port.
    #[must_use]
    pub fn refused_url() -> String {
        // A port that was given back could be that of the next server of another test. One that a connection begins at is
        // nobody's to listen on.
        static KEPT: OnceLock<(TcpListener, TcpStream)> = OnceLock::new();
        let (_, kept) = KEPT.get_or_init(|| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on 127.0.0.1");
            let stream = listener.local_addr().and_then(TcpStream::connect).expect("a connection on 127.0.0.1");
            (listener, stream)
        });
        let address = kept.local_addr().expect("the port");
        format!("http://{address}/services/T00000000/B00000000/refused")
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A webhook of this fake.
    #[must_use]
    pub fn webhook_url(&self) -> String {
        self.webhook_url_for("general")
    }

    /// A webhook of this fake whose path ends in this word, to tell channels apart.
    #[must_use]
    pub fn webhook_url_for(&self, channel: &str) -> String {
        format!("{}/services/T00000000/B00000000/{channel}", self.url())
    }

    /// What it answers to the next requests, one after the other. What comes after the script is answered as Slack
    /// would, or as [`always`](Self::always) says.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) -> &Self {
        self.shared.lock().script.extend(answers);
        self
    }

    /// What it answers when the script is over.
    #[allow(clippy::must_use_candidate, reason = "called for its effect; what it gives is for chaining")]
    pub fn always(&self, answer: Answer) -> &Self {
        self.shared.lock().otherwise = Some(answer);
        self
    }

    /// What it has received so far, in order. Requests that were never read are not among it.
    #[must_use]
    pub fn requests(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// Waits until it has received so many requests, and gives all of them.
    ///
    /// # Panics
    /// If they do not come within a minute.
    #[must_use]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let waits = |state: &mut State| state.received.len() < count;
        let (state, timeout) = self
            .shared
            .arrived
            .wait_timeout_while(self.shared.lock(), PATIENCE, waits)
            .unwrap_or_else(PoisonError::into_inner);
        let received = state.received.clone();
        drop(state);
        assert!(!timeout.timed_out(), "{} of {count} requests came within {PATIENCE:?}: {received:#?}", received.len());
        received
    }
}

impl Drop for FakeSlack {
    fn drop(&mut self) {
        let (open, gates) = {
            let mut state = self.shared.lock();
            state.ended = true;
            (std::mem::take(&mut state.open), std::mem::take(&mut state.gates))
        };
        for gate in gates {
            gate.open();
        }
        for stream in open {
            // One that is closed already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the listener, which then sees that all is over.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.listener.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for FakeSlack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSlack").field("address", &self.address).finish_non_exhaustive()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        {
            let mut state = shared.lock();
            if state.ended {
                return;
            }
            if let Ok(copy) = stream.try_clone() {
                state.open.push(copy);
            }
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || serve(stream, &shared));
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    // The answer belongs to the connection, before anything is read: the next one may never be.
    let answer = {
        let mut state = shared.lock();
        let answer = state.script.pop_front().or_else(|| state.otherwise.clone()).unwrap_or(Answer::AsSlack);
        if let Answer::After(gate, _) = &answer {
            state.gates.push(gate.clone());
        }
        answer
    };
    // A client that breaks off is what some answers are for.
    let _ = converse(&mut stream, shared, answer);
    // Copies of the socket are kept in the list: without this the other side would see no end.
    let mut state = shared.lock();
    let here = stream.peer_addr().ok();
    state.open.retain(|other| other.peer_addr().ok() != here || here.is_none());
}

fn converse(stream: &mut TcpStream, shared: &Shared, answer: Answer) -> io::Result<()> {
    if matches!(answer, Answer::ResetBeforeReading) {
        // With something unread in the socket, closing it resets the connection.
        stream.peek(&mut [0])?;
        return Ok(());
    }
    let take = if matches!(answer, Answer::ResetAfterReading) { Take::LeaveOne } else { Take::All };
    let received = request::read(stream, take)?;
    shared.lock().received.push(received.clone());
    shared.arrived.notify_all();
    give(stream, answer, &received)
}

fn give(stream: &mut TcpStream, answer: Answer, received: &Received) -> io::Result<()> {
    match answer {
        Answer::After(gate, then) => {
            gate.wait();
            give(stream, *then, received)
        }
        Answer::AsSlack => match as_slack(received) {
            Ok(()) => respond(stream, 200, "", "ok"),
            Err(error) => respond(stream, error.status(), "", error.code()),
        },
        Answer::Error(error) => respond(stream, error.status(), "", error.code()),
        Answer::RateLimited(seconds) => respond(stream, 429, &format!("retry-after: {seconds}\r\n"), "rate_limited"),
        Answer::Unavailable => respond(stream, 503, "", ""),
        Answer::Redirect(to) => respond(stream, 302, &format!("location: {to}\r\n"), ""),
        Answer::Status(status, body) => respond(stream, status, "", &body),
        Answer::GarbageBody => respond(stream, 200, "", "\u{0}\u{7}}{ what"),
        Answer::Garbage => stream.write_all(b"\0\xff\xfe this is no HTTP\r\n\r\n"),
        Answer::HalfResponse => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-len"),
        // Until the client goes away, or the fake.
        Answer::Hang => stream.read_to_end(&mut Vec::new()).map(drop),
        Answer::ResetBeforeReading | Answer::ResetAfterReading => Ok(()),
    }
}

fn respond(stream: &mut TcpStream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} status\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n");
    stream.write_all((head + body).as_bytes())
}

/// The checks of Slack's that its documentation tells.
fn as_slack(received: &Received) -> Result<(), SlackError> {
    let Ok(serde_json::Value::Object(message)) = serde_json::from_str(&received.body) else {
        return Err(SlackError::InvalidPayload);
    };
    let has = |key: &str| match message.get(key) {
        Some(serde_json::Value::String(text)) => !text.is_empty(),
        Some(serde_json::Value::Array(items)) => !items.is_empty(),
        _ => false,
    };
    if message.get("attachments").and_then(|a| a.as_array()).is_some_and(|a| a.len() > 100) {
        return Err(SlackError::TooManyAttachments);
    }
    if has("text") || has("attachments") || has("blocks") { Ok(()) } else { Err(SlackError::NoText) }
}
