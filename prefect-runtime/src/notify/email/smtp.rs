//! Sending mails by SMTP, one after the other over one connection.
use std::sync::Arc;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::account::Account;
use super::lines::Lines;
use super::mail::mail;
use super::outcome::{Step, Trouble};
use super::settings::Encryption;
use crate::notify::notice::Notice;
use crate::notify::route::{Answer, Carrier, Carrying, Form};
use crate::notify::verdict::Verdict;

/// A host has several addresses: one that is silent must not use up the time for the others.
const CONNECT: Duration = Duration::from_secs(10);

/// The way to one server, as lettre takes it.
enum Way {
    Implicit(TlsParameters),
    StartTls(TlsParameters),
    Plain,
}

pub(crate) struct Smtp(Arc<Session>);

struct Session {
    account: Account,
    way: Way,
    /// What the last mail went over, for the next: servers count logins.
    kept: Mutex<Option<AsyncSmtpConnection>>,
}

impl Smtp {
    /// Reads the certificates that this machine trusts, if it needs any.
    pub(crate) fn new(account: Account) -> Result<Self, String> {
        let tls = || TlsParameters::builder(account.server.host().to_owned()).build_rustls();
        let no_tls = |e| format!("email: no TLS: {e}");
        let way = match account.server.encryption() {
            Encryption::Implicit => Way::Implicit(tls().map_err(no_tls)?),
            Encryption::StartTls => Way::StartTls(tls().map_err(no_tls)?),
            Encryption::None => Way::Plain,
        };
        Ok(Self(Arc::new(Session { account, way, kept: Mutex::default() })))
    }
}

impl Carrier for Smtp {
    fn carry(&self, notice: &Notice, form: Form) -> Carrying {
        let session = Arc::clone(&self.0);
        let mail = mail(notice, form, &session.account);
        Box::pin(async move {
            let verdict = match mail {
                Ok(mail) => session.send(&mail).await,
                Err(error) => Verdict::Refused(format!("email: no mail can be made of it: {error}")),
            };
            Box::new(verdict) as Box<dyn Answer>
        })
    }
}

impl Session {
    async fn send(&self, mail: &Message) -> Verdict {
        let mut step = Step::Connect;
        let attempt = timeout(self.account.timeout, self.attempt(mail, &mut step)).await;
        match attempt.unwrap_or_else(|_| Err(Trouble::timed_out())) {
            Ok(()) => Verdict::Accepted,
            Err(trouble) => step.verdict(trouble, &self.account.server),
        }
    }

    /// Notes each step before it is taken. A connection on which something went wrong is not used again.
    async fn attempt(&self, mail: &Message, step: &mut Step) -> Result<(), Trouble> {
        let mut kept = self.kept.lock().await;
        let mut usable = kept.take();
        if let Some(connection) = &mut usable
            && !connection.test_connected().await
        {
            usable = None;
        }
        let mut connection = match usable {
            Some(connection) => connection,
            None => self.open(step).await?,
        };
        let envelope = mail.envelope();
        let mut parameters = Vec::new();
        let mut addresses = envelope.from().into_iter().chain(envelope.to());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Trouble::Lacks("the server takes no addresses beyond ASCII"));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        *step = Step::Sender;
        connection.command(Mail::new(envelope.from().cloned(), parameters)).await?;
        *step = Step::Recipient;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
        }
        *step = Step::Data;
        connection.command(Data).await?;
        *step = Step::Text;
        connection.message(&mail.formatted()).await?;
        *kept = Some(connection);
        Ok(())
    }

    /// Connects and logs in. Nothing but greetings goes over the line before it is encrypted, if it is to be.
    async fn open(&self, step: &mut Step) -> Result<AsyncSmtpConnection, Trouble> {
        *step = Step::Connect;
        let server = &self.account.server;
        let address = (server.host(), server.port());
        let hello = ClientId::default();
        let mut connection = match &self.way {
            Way::Implicit(tls) => {
                AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT), &hello, Some(tls.clone()), None).await?
            }
            Way::Plain => AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT), &hello, None, None).await?,
            Way::StartTls(tls) => {
                let stream = TcpStream::connect(address).await?;
                let mut connection =
                    AsyncSmtpConnection::connect_with_transport(Box::new(Lines(stream)), &hello).await?;
                if !connection.can_starttls() {
                    return Err(Trouble::Lacks("the server offers no STARTTLS"));
                }
                connection.starttls(tls.clone(), &hello).await?;
                connection
            }
        };
        if let Some(login) = &self.account.login {
            *step = Step::LogIn;
            if connection.server_info().get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
                return Err(Trouble::Lacks("the server offers no login by password"));
            }
            connection.auth(DEFAULT_MECHANISMS, &login.expose()).await?;
        }
        Ok(connection)
    }
}
