//! Hides secrets in texts: one pass over everything that leaves a run, such as logs, cards, messages and panics.
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

#[cfg(feature = "cli")]
use serde_json::Value as Json;

/// Shorter texts are left alone. A secret of three characters is found by trying, and it stands in so many ordinary
/// words that hiding it would make every message unreadable, and tell by its places what it is.
const SHORTEST: usize = 4;

/// Parts of URLs are hidden from these lengths on: shorter ones are ordinary words.
const SHORTEST_PATH: usize = 8;
const SHORTEST_SEGMENT: usize = 16;

/// Replaces secrets in texts.
///
/// It knows the secrets of a [`Config`](crate::Config), and [others](Self::add) that are found out later; clones share
/// them. It finds them as they are, and as they look inside JSON, URLs, HTML and `{:?}`. Of secrets that are URLs it
/// also finds the path and the password alone. Slack webhooks are hidden whether they are known or not.
///
/// Secrets of less than four characters are not hidden.
///
/// ```
/// use prefect::Config;
///
/// let file = "[context.secrets]\nTOKEN = \"s3cr\\\"t\"\n";
/// let config = Config::builder().user_config(file).build().unwrap();
/// let redactor = config.redactor();
/// assert_eq!(redactor.redact("got s3cr\"t"), "got [redacted TOKEN]");
/// assert_eq!(redactor.redact(r#"{"got": "s3cr\"t"}"#), r#"{"got": "[redacted TOKEN]"}"#);
/// assert_eq!(
///     redactor.redact("POST https://hooks.slack.com/services/T0/B0/xyz: 404"),
///     "POST https://hooks.slack.com/services/[redacted]: 404",
/// );
/// ```
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Arc<Patterns>>>);

impl Redactor {
    /// One that knows no secrets yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Also hides this text, as `[redacted NAME]`.
    pub fn add(&self, name: &str, secret: &str) {
        self.add_all([(name, secret)]);
    }

    pub(crate) fn add_all<'a>(&self, secrets: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let known = self.patterns();
        let new: Vec<_> = secrets.into_iter().filter(|(_, secret)| !known.knows(secret)).collect();
        drop(known);
        if new.is_empty() {
            return;
        }
        let mut patterns = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let patterns = Arc::make_mut(&mut patterns);
        for (name, secret) in new {
            patterns.add(name, secret);
        }
    }

    /// The text without secrets. Nothing is copied where there are none.
    #[must_use]
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let patterns = self.patterns();
        let found = patterns.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for Found { span, label } in found {
            out.push_str(&text[from..span.start]);
            match label {
                Some(label) => out.push_str(&patterns.labels[label]),
                None => out.push_str("[redacted]"),
            }
            from = span.end;
        }
        out.push_str(&text[from..]);
        Cow::Owned(out)
    }

    /// The same JSON without secrets, text by text: what a secret is in JSON may look different from what it is.
    #[cfg(feature = "cli")]
    pub(crate) fn redact_json(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => self.redact(text).into(),
            Json::Array(items) => items.iter().map(|item| self.redact_json(item)).collect(),
            Json::Object(map) => {
                map.iter().map(|(key, value)| (self.redact(key).into_owned(), self.redact_json(value))).collect()
            }
            Json::Number(number) => match self.redact(&number.to_string()) {
                Cow::Borrowed(_) => json.clone(),
                Cow::Owned(hidden) => hidden.into(),
            },
            Json::Null | Json::Bool(_) => json.clone(),
        }
    }

    /// The lock is not held while a text is searched.
    fn patterns(&self) -> Arc<Patterns> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.patterns().labels.len()).finish_non_exhaustive()
    }
}

struct Found {
    span: Range<usize>,
    /// Which secret; none for a webhook that is no secret of ours.
    label: Option<usize>,
}

#[derive(Clone)]
struct Patterns {
    labels: Vec<Box<str>>,
    /// What to look for, and its label.
    texts: HashMap<Box<str>, usize>,
    /// By the first four bytes, which every text has: the lengths of those that begin so, longest first.
    lengths: HashMap<[u8; SHORTEST], Vec<usize>>,
    /// One bit for each pair of bytes that something to hide begins with. Most of a text is passed by this alone.
    pairs: Box<[u64; 1024]>,
}

impl Default for Patterns {
    fn default() -> Self {
        let pairs = Box::new([0; 1024]);
        let mut patterns = Self { labels: Vec::new(), texts: HashMap::new(), lengths: HashMap::new(), pairs };
        for webhook in [b"ho", b"Ho", b"hO", b"HO"] {
            patterns.set_pair(webhook[0], webhook[1]);
        }
        patterns
    }
}

impl Patterns {
    fn set_pair(&mut self, a: u8, b: u8) {
        let bit = usize::from(a) << 8 | usize::from(b);
        self.pairs[bit / 64] |= 1 << (bit % 64);
    }

    fn has_pair(&self, a: u8, b: u8) -> bool {
        let bit = usize::from(a) << 8 | usize::from(b);
        self.pairs[bit / 64] & 1 << (bit % 64) != 0
    }

    fn knows(&self, secret: &str) -> bool {
        self.texts.contains_key(secret)
    }

    fn add(&mut self, name: &str, secret: &str) {
        if secret.trim().chars().count() < SHORTEST {
            return;
        }
        let label = self.labels.len();
        let plain = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '?' };
        self.labels.push(format!("[redacted {}]", name.chars().map(plain).collect::<String>()).into());
        for form in forms(secret) {
            let bytes = form.as_bytes();
            let Some(start) = bytes.first_chunk::<SHORTEST>() else { continue };
            self.set_pair(start[0], start[1]);
            let lengths = self.lengths.entry(*start).or_default();
            let at = lengths.partition_point(|length| *length > form.len());
            if lengths.get(at) != Some(&form.len()) {
                lengths.insert(at, form.len());
            }
            self.texts.entry(form.into()).or_insert(label);
        }
    }

    /// What to hide, from left to right. Secrets that overlap are one: the rest of either would show it.
    fn find(&self, text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        for (at, pair) in text.as_bytes().windows(2).enumerate() {
            if self.has_pair(pair[0], pair[1]) {
                found.extend(self.secret_at(text, at).or_else(|| webhook_at(text.as_bytes(), at)));
            }
        }
        // What a webhook hides begins after its host, and secrets may begin before that.
        found.sort_by_key(|found| found.span.start);
        found.dedup_by(|next, last| {
            let overlaps = next.span.start < last.span.end;
            if overlaps {
                last.span.end = last.span.end.max(next.span.end);
                last.label = last.label.or(next.label);
            }
            overlaps
        });
        found
    }

    fn secret_at(&self, text: &str, at: usize) -> Option<Found> {
        let lengths = self.lengths.get(text.as_bytes()[at..].first_chunk::<SHORTEST>()?)?;
        let (length, label) =
            lengths.iter().find_map(|length| Some((length, self.texts.get(text.get(at..at + length)?)?)))?;
        Some(Found { span: at..at + length, label: Some(*label) })
    }
}

/// The part of a Slack webhook that gives access: what follows `hooks.slack.com/services/`, or another word there.
fn webhook_at(text: &[u8], at: usize) -> Option<Found> {
    let after = |at: usize, word: &str| {
        let part = text.get(at..at + word.len())?;
        part.eq_ignore_ascii_case(word.as_bytes()).then_some(at + word.len())
    };
    // As in URLs, in JSON that escapes slashes, and in URLs within URLs.
    let slash = |at: usize| ["/", "\\/", "%2F", "%252F"].into_iter().find_map(|slash| after(at, slash));
    let count = |from: usize, part: fn(u8) -> bool| text[from..].iter().take_while(|byte| part(**byte)).count();
    let domain = after(at, "hooks.slack")?;
    let mut at = after(domain, ".com").or_else(|| after(domain, "-gov.com"))?;
    if text.get(at) == Some(&b':') {
        at += 1 + count(at + 1, |byte| byte.is_ascii_digit());
    }
    at = slash(at)?;
    let start = slash(at + count(at, |byte| byte.is_ascii_alphanumeric() || byte == b'_'))?;
    let mut end = start;
    while let Some(byte) = text.get(end) {
        match byte {
            b'\\' if text.get(end + 1) == Some(&b'/') => end += 2,
            b'0'..=b'9'
            | b'a'..=b'z'
            | b'A'..=b'Z'
            | b'/'
            | b'-'
            | b'_'
            | b'%'
            | b'.'
            | b'~'
            | b'='
            | b'?'
            | b'&'
            | b'+' => {
                end += 1;
            }
            _ => break,
        }
    }
    (end > start).then_some(Found { span: start..end, label: None })
}

/// How a secret can look in a text.
fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    add_forms(secret, &mut forms);
    // A value from a file often ends in a line break, which is cut off where it is used.
    add_forms(secret.trim(), &mut forms);
    if let Some((_, rest)) = secret.trim().split_once("://") {
        let path_start = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_start);
        if path.len() >= SHORTEST_PATH {
            add_forms(path, &mut forms);
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        if last.len() >= SHORTEST_SEGMENT {
            add_forms(last, &mut forms);
        }
        if let Some((user, _)) = authority.rsplit_once('@')
            && let Some((_, password)) = user.split_once(':')
            && password.chars().count() >= SHORTEST
        {
            add_forms(password, &mut forms);
        }
    }
    forms
}

fn add_forms(text: &str, forms: &mut BTreeSet<String>) {
    forms.insert(text.to_owned());
    let json = serde_json::Value::from(text).to_string();
    let json = &json[1..json.len() - 1];
    forms.insert(json.replace('/', "\\/"));
    forms.insert(json.chars().fold(String::new(), |mut out, c| {
        let mut units = [0; 2];
        if c.is_ascii() {
            out.push(c);
        } else {
            c.encode_utf16(&mut units).iter().for_each(|unit| _ = write!(out, "\\u{unit:04x}"));
        }
        out
    }));
    forms.insert(json.to_owned());
    let debug = format!("{text:?}");
    forms.insert(debug[1..debug.len() - 1].to_owned());
    forms.insert(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
    let encoded = percent_encoded(text);
    forms.insert(encoded.replace("%20", "+"));
    forms.insert(lower_hex(&encoded));
    forms.insert(encoded);
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => _ = write!(out, "%{byte:02X}"),
        }
        out
    })
}

/// Some encoders write `%2f`.
fn lower_hex(encoded: &str) -> String {
    let mut digits = 0_u8;
    encoded
        .chars()
        .map(|c| {
            let is_digit = digits > 0;
            digits = if c == '%' { 2 } else { digits.saturating_sub(1) };
            if is_digit { c.to_ascii_lowercase() } else { c }
        })
        .collect()
}
