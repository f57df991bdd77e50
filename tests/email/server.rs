//! A fake mail server on a loopback port: it takes mails, shows what it received, and answers what the test tells it to.
use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// When the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum At {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the mail itself.
    Text,
    Noop,
}

/// What it says instead of yes.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    /// As it would without a script.
    Yes,
    /// These lines, with line breaks.
    This(&'static str),
    /// Nothing, until the client goes away.
    Nothing,
    /// Nothing, and closes the connection.
    Bye,
}

/// How it is spoken to.
#[derive(Clone)]
pub(crate) enum Encrypted {
    No,
    Implicit(Arc<ServerConfig>),
    StartTls(Arc<ServerConfig>),
}

/// A mail with its envelope.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// As it came, without the dots that the protocol adds.
    pub(crate) text: String,
    /// What the client logged in with: user name and password.
    pub(crate) login: Option<(String, String)>,
    pub(crate) encrypted: bool,
}

#[derive(Default)]
struct State {
    once: HashMap<At, VecDeque<Say>>,
    always: HashMap<At, Say>,
    received: Vec<Received>,
    /// All that clients said, in clear or not.
    heard: Vec<String>,
    connections: usize,
}

pub(crate) struct FakeSmtp {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FakeSmtp {
    pub(crate) fn start(encrypted: Encrypted) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        // It ends with the program: tests are short.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, encrypted) = (Arc::clone(&shared), encrypted.clone());
                thread::spawn(move || {
                    shared.lock().unwrap().connections += 1;
                    // A client that breaks off is what some scripts are for.
                    let _ = Client::new(&shared).serve(stream.unwrap(), &encrypted);
                });
            }
        });
        Self { address, state }
    }

    pub(crate) fn plain() -> Self {
        Self::start(Encrypted::No)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it says the next times; after that yes again.
    pub(crate) fn once(self, at: At, says: impl IntoIterator<Item = Say>) -> Self {
        self.state.lock().unwrap().once.entry(at).or_default().extend(says);
        self
    }

    pub(crate) fn always(self, at: At, say: Say) -> Self {
        self.state.lock().unwrap().always.insert(at, say);
        self
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.state.lock().unwrap().heard.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// One connection.
struct Client<'a> {
    state: &'a Mutex<State>,
    encrypted: bool,
    login: Option<(String, String)>,
}

/// What follows a conversation.
enum Then {
    Encrypt,
    End,
}

impl<'a> Client<'a> {
    fn new(state: &'a Mutex<State>) -> Self {
        Self { state, encrypted: false, login: None }
    }

    fn serve(&mut self, stream: TcpStream, encrypted: &Encrypted) -> io::Result<()> {
        match encrypted {
            Encrypted::No => self.talk(&mut BufReader::new(stream), true, "AUTH PLAIN LOGIN").map(drop),
            Encrypted::Implicit(config) => {
                self.encrypted = true;
                let tls = StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), stream);
                self.talk(&mut BufReader::new(tls), true, "AUTH PLAIN LOGIN").map(drop)
            }
            Encrypted::StartTls(config) => {
                let mut clear = BufReader::new(stream);
                if let Then::Encrypt = self.talk(&mut clear, true, "STARTTLS")? {
                    self.encrypted = true;
                    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                    let tls = StreamOwned::new(connection, clear.into_inner());
                    self.talk(&mut BufReader::new(tls), false, "AUTH PLAIN LOGIN")?;
                }
                Ok(())
            }
        }
    }

    fn say(&self, stream: &mut BufReader<impl Stream>, at: At, yes: &str) -> io::Result<bool> {
        let say = {
            let mut state = self.state.lock().unwrap();
            let once = state.once.get_mut(&at).and_then(VecDeque::pop_front);
            once.or_else(|| state.always.get(&at).cloned()).unwrap_or(Say::Yes)
        };
        let text = match say {
            Say::Yes => yes,
            Say::This(text) => text,
            Say::Nothing => {
                let _ = stream.read_to_end(&mut Vec::new());
                return Ok(false);
            }
            Say::Bye => return Ok(false),
        };
        stream.get_mut().write_all(text.as_bytes())?;
        stream.get_mut().flush()?;
        Ok(true)
    }

    fn line(&self, stream: &mut impl BufRead) -> io::Result<String> {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.state.lock().unwrap().heard.push(line.clone());
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn talk(&mut self, stream: &mut BufReader<impl Stream>, greet: bool, offer: &str) -> io::Result<Then> {
        if greet && !self.say(stream, At::Greeting, "220 fake.example ESMTP\r\n")? {
            return Ok(Then::End);
        }
        let mut envelope: (String, Vec<String>) = Default::default();
        loop {
            let line = self.line(stream)?;
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let go_on = match verb {
                "EHLO" => {
                    self.say(stream, At::Ehlo, &format!("250-fake.example\r\n250-{offer}\r\n250 8BITMIME\r\n"))?
                }
                "STARTTLS" => {
                    if self.say(stream, At::StartTls, "220 go\r\n")? {
                        return Ok(Then::Encrypt);
                    }
                    false
                }
                "AUTH" => {
                    self.login = rest.strip_prefix("PLAIN ").map(plain_login);
                    self.say(stream, At::Auth, "235 welcome\r\n")?
                }
                "MAIL" => {
                    envelope = (address(rest), Vec::new());
                    self.say(stream, At::Mail, "250 fine\r\n")?
                }
                "RCPT" => {
                    envelope.1.push(address(rest));
                    self.say(stream, At::Rcpt, "250 fine\r\n")?
                }
                "DATA" => self.data(stream, &envelope)?,
                "NOOP" => self.say(stream, At::Noop, "250 fine\r\n")?,
                "QUIT" => return Ok(Then::End),
                other => panic!("the client said {other}"),
            };
            if !go_on {
                return Ok(Then::End);
            }
        }
    }

    fn data(&mut self, stream: &mut BufReader<impl Stream>, envelope: &(String, Vec<String>)) -> io::Result<bool> {
        if !self.say(stream, At::Data, "354 go on\r\n")? {
            return Ok(false);
        }
        let mut text = String::new();
        loop {
            let line = self.line(stream)?;
            if line == "." {
                break;
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
        }
        let (from, to) = envelope.clone();
        let mail = Received { from, to, text, login: self.login.clone(), encrypted: self.encrypted };
        self.state.lock().unwrap().received.push(mail);
        self.say(stream, At::Text, "250 taken\r\n")
    }
}

/// `FROM:<a@b> ..`
fn address(rest: &str) -> String {
    let start = rest.find('<').unwrap() + 1;
    rest[start..rest.find('>').unwrap()].to_owned()
}

/// `\0user\0password`, in base64. The mail library of the tests decodes it, as a body.
fn plain_login(text: &str) -> (String, String) {
    let mail = format!("Content-Transfer-Encoding: base64\r\n\r\n{text}");
    let decoded = mailparse::parse_mail(mail.as_bytes()).unwrap().get_body().unwrap();
    let mut parts = decoded.split('\0').skip(1).map(str::to_owned);
    (parts.next().unwrap(), parts.next().unwrap())
}
