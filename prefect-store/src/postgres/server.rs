//! Which server, and how to connect to it.
use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use postgres::config::Host;
use postgres::{Client, Config, Error};

use super::environment::variable;
use super::tls::{Encryption, Wanted};
use crate::location::SCHEMA;
use crate::url::OPTIONS;
use crate::{BadStoreUrl, Location};

/// How long it is tried to connect, if the URL does not say.
const CONNECT: Duration = Duration::from_secs(10);

/// A server that says nothing for so long is asked whether it is still there, and so often before it is given up: a machine
/// that is gone closes no connection.
const KEEPALIVE: (Duration, u32) = (Duration::from_secs(10), 3);

/// A schema in a database of a server. Everything but the password is as it is used: what the URL leaves out is filled in.
#[derive(Clone)]
pub(crate) struct Server {
    config: Config,
    /// The URL, but for what is ours.
    url: String,
    location: Location,
    schema: String,
    encryption: Encryption,
}

impl Server {
    /// Reads a URL, from the `//` on.
    pub(crate) fn parse(rest: &str) -> Result<Self, BadStoreUrl> {
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        // The end of a password that is not written as it should be must not be taken for a host, and then be shown.
        let (authority, _) = place[2..].split_once('/').unwrap_or((&place[2..], ""));
        if rest.matches('@').count() > authority.matches('@').count().min(1) || rest.contains(char::is_control) {
            return Err(BadStoreUrl::Server);
        }
        let mut schema = SCHEMA;
        let mut wanted = Wanted::default();
        let mut others = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=').ok_or(BadStoreUrl::Server)? {
                ("schema", name) => schema = name,
                ("sslmode", mode) => wanted.mode = Some(mode.to_owned()),
                ("sslrootcert", path) => wanted.authorities = Some(decoded(path)?),
                ("sslcert", path) => wanted.certificate = Some(decoded(path)?),
                ("sslkey", path) => wanted.key = Some(decoded(path)?),
                (name, _) if OPTIONS.contains(&name) => others.push(option),
                _ => return Err(BadStoreUrl::UnknownOption),
            }
        }
        let encryption = wanted.decided()?;
        if !is_schema(schema) {
            return Err(BadStoreUrl::Schema);
        }
        let url = format!("postgres:{place}?{}", others.join("&"));
        let config: Config = url.parse().map_err(|_| BadStoreUrl::Server)?;
        let given = |option: &str| others.iter().any(|other| other.starts_with(&format!("{option}=")));
        Self { config, location: Location::File("".into()), schema: schema.to_owned(), url, encryption }.filled(given)
    }

    /// The same with what the URL leaves out.
    fn filled(mut self, given: impl Fn(&str) -> bool) -> Result<Self, BadStoreUrl> {
        let config = &mut self.config;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            let host = variable(&["PGHOST"]).unwrap_or_else(|| "localhost".to_owned());
            for host in host.split(',') {
                config.host(host);
            }
            if config.get_ports().is_empty() {
                let ports = variable(&["PGPORT"]).unwrap_or_else(|| "5432".to_owned());
                for port in ports.split(',') {
                    config.port(port.trim().parse().map_err(|_| BadStoreUrl::Server)?);
                }
            }
        }
        // A host without a name is called by its address, in certificates too.
        if config.get_hosts().is_empty() {
            for address in config.get_hostaddrs().to_vec() {
                config.host(&address.to_string());
            }
        }
        if config.get_user().is_none()
            && let Some(user) = variable(&["PGUSER", "USER", "LOGNAME"])
        {
            config.user(&user);
        }
        if config.get_dbname().is_none()
            && let Some(database) = variable(&["PGDATABASE"]).or_else(|| config.get_user().map(str::to_owned))
        {
            config.dbname(&database);
        }
        if config.get_application_name().is_none() {
            config.application_name(&variable(&["PGAPPNAME"]).unwrap_or_else(|| "prefect".to_owned()));
        }
        if config.get_connect_timeout().is_none() {
            let seconds = variable(&["PGCONNECT_TIMEOUT"]).and_then(|text| text.parse().ok()).map(Duration::from_secs);
            config.connect_timeout(seconds.unwrap_or(CONNECT));
        }
        let (idle, times) = KEEPALIVE;
        if !given("keepalives_idle") {
            config.keepalives_idle(idle);
        }
        if !given("keepalives_interval") {
            config.keepalives_interval(idle);
        }
        if !given("keepalives_retries") {
            config.keepalives_retries(times);
        }
        if !given("tcp_user_timeout") {
            config.tcp_user_timeout(idle * times);
        }
        self.location = Location::Server {
            address: self.address(),
            database: self.config.get_dbname().unwrap_or_default().to_owned(),
            schema: self.schema.clone(),
        };
        Ok(self)
    }

    fn address(&self) -> String {
        let ports = self.config.get_ports();
        let port = |i: usize| ports.get(i).or(ports.last()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate();
        let all: Vec<_> = hosts.map(|(i, name)| format!("{}:{}", host(name), port(i))).collect();
        all.join(",")
    }

    pub(crate) const fn location(&self) -> &Location {
        &self.location
    }

    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// The password, as it is (in the environment too) and as it stands in the URL.
    pub(crate) fn passwords(&self) -> Vec<String> {
        let plain = self.config().get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let (place, query) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let login = place.split_once("//").and_then(|(_, rest)| rest.split_once('@')).map(|(login, _)| login);
        let in_login = login.and_then(|login| login.split_once(':')).map(|(_, password)| password);
        let in_query = query.split('&').filter_map(|option| option.strip_prefix("password="));
        plain.into_iter().chain(in_login.into_iter().chain(in_query).map(str::to_owned)).collect()
    }

    /// Connects.
    pub(super) fn connect(&self) -> Result<Client, Error> {
        self.encryption.connect(self.config())
    }

    /// How to connect, with the password.
    fn config(&self) -> Config {
        let mut config = self.config.clone();
        if config.get_password().is_none()
            && let Some(password) = variable(&["PGPASSWORD"])
        {
            config.password(password);
        }
        config
    }
}

/// A path as it is written in a URL.
fn decoded(path: &str) -> Result<String, BadStoreUrl> {
    percent_decode_str(path).decode_utf8().map(Into::into).map_err(|_| BadStoreUrl::Server)
}

/// Whether the name of a schema can stand in a statement as it is.
fn is_schema(name: &str) -> bool {
    let plain = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_');
    (1..=63).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.starts_with("pg_")
}

/// A host as it stands in a URL.
fn host(host: &Host) -> String {
    match host {
        Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
        Host::Tcp(name) => name.clone(),
        // The folder of a socket.
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string().replace('%', "%25").replace('/', "%2F"),
    }
}

impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        (&self.url, &self.location, &self.encryption) == (&other.url, &other.location, &other.encryption)
    }
}

impl Eq for Server {}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.location.to_string();
        match self.config.get_user() {
            Some(user) => write!(f, "postgres://{user}@{}", shown.trim_start_matches("postgres://")),
            None => f.write_str(&shown),
        }
    }
}
