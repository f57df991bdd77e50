//! A tracing subscriber that keeps every line, of every level.
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The lines so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Logs(Arc<Mutex<Vec<Line>>>);

/// An event, or what is known of a span.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its level; spans are at `TRACE`.
    pub level: Level,
    /// The logger.
    pub target: String,
    /// The fields, the message among them.
    pub fields: BTreeMap<String, String>,
}

impl Line {
    fn new(level: Level, target: &str, record: impl FnOnce(&mut Self)) -> Self {
        let mut line = Self { level, target: target.to_owned(), fields: BTreeMap::new() };
        record(&mut line);
        line
    }
}

/// All fields, `name=value` each.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.iter().try_for_each(|(name, value)| write!(f, "{name}={value} "))
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Logs {
    /// Runs this with all logs of this thread, and of the threads that a run starts, kept.
    pub fn of<R>(what: impl FnOnce() -> R) -> (R, Self) {
        static SOMEBODY_LISTENS: Once = Once::new();
        // Else a test that keeps no logs, and reaches a line for the first time together with one that does, may note for
        // all that nobody listens to it.
        SOMEBODY_LISTENS.call_once(|| {
            let _ = tracing::subscriber::set_global_default(Deaf);
        });
        let logs = Self::default();
        (tracing::subscriber::with_default(logs.clone(), what), logs)
    }

    /// All lines, in order.
    ///
    /// # Panics
    /// If a thread panicked while it wrote one.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap().clone()
    }

    /// The lines of this level as text.
    #[must_use]
    pub fn at(&self, level: Level) -> Vec<String> {
        self.lines().iter().filter(|line| line.level == level).map(Line::to_string).collect()
    }

    /// All lines as one text.
    #[must_use]
    pub fn all(&self) -> String {
        self.lines().iter().fold(String::new(), |mut text, line| {
            writeln!(text, "{} {line}", line.level).unwrap();
            text
        })
    }

    fn keep(&self, line: Line) {
        self.0.lock().unwrap().push(line);
    }
}

impl Subscriber for Logs {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.keep(Line::new(Level::TRACE, span.metadata().target(), |line| span.record(line)));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.keep(Line::new(Level::TRACE, "", |line| values.record(line)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        self.keep(Line::new(*metadata.level(), metadata.target(), |line| event.record(line)));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Takes every line, and keeps none.
struct Deaf;

impl Subscriber for Deaf {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
