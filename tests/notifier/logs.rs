//! A tracing subscriber that keeps every line, of every level.
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[derive(Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Vec<(Level, String)>>>);

impl Logs {
    /// Runs this with all logs of this thread, and of the threads that a run starts, kept.
    pub(crate) fn of<R>(what: impl FnOnce() -> R) -> (R, Self) {
        let logs = Self::default();
        (tracing::subscriber::with_default(logs.clone(), what), logs)
    }

    pub(crate) fn at(&self, level: Level) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|(l, _)| *l == level).map(|(_, line)| line.clone()).collect()
    }

    pub(crate) fn all(&self) -> String {
        self.0
            .lock()
            .unwrap()
            .iter()
            .fold(String::new(), |text, (level, line)| text + level.as_str() + " " + line + "\n")
    }
}

struct Line(String);
impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Logs {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(String::new());
        span.record(&mut line);
        self.0.lock().unwrap().push((Level::TRACE, line.0));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        self.0.lock().unwrap().push((Level::TRACE, line.0));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push((*event.metadata().level(), line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
