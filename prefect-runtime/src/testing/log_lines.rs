//! The log lines of a run, kept and passed on to whoever listens already.
use std::fmt;
use std::sync::LazyLock;

use tracing::dispatcher::{self, Dispatch};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use super::record::Recorder;
use crate::logs::Text;
use crate::{Config, Redactor, context};

/// A line that was logged in a run, by a task, a handler or the runtime: an event of the crate `tracing`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogLine {
    /// How important it is.
    pub level: Level,
    /// The logger: `prefect.TaskRunner`, or the module that the line is in.
    pub target: String,
    /// The task run whose body logged it, `name` or `name[3]`.
    pub task: Option<String>,
    /// The message, and the other fields as `name=value`, without secrets.
    pub text: String,
}

/// `INFO etl::load: 12 rows`
impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.level, self.target, self.text)
    }
}

/// Who hears the lines of a run with this configuration: the recorder, and whoever would hear them without it.
pub(super) fn listener(recorder: &Recorder, config: &Config) -> Dispatch {
    // While this one lives, no line is noted down as one that nobody listens to: a test that keeps no lines could do that
    // to one of another test.
    static KEEPS_INTEREST: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Listener::new(Recorder::default())));
    LazyLock::force(&KEEPS_INTEREST);
    tracing::callsite::rebuild_interest_cache();
    let mut listener = Listener::new(recorder.clone());
    listener.outer = Some(dispatcher::get_default(Clone::clone));
    listener.redactor = Some(config.redactor().clone());
    Dispatch::new(listener)
}

struct Listener {
    recorder: Recorder,
    redactor: Option<Redactor>,
    outer: Option<Dispatch>,
}

impl Listener {
    fn new(recorder: Recorder) -> Self {
        Self { recorder, redactor: None, outer: None }
    }

    /// Whoever would hear this without the recorder.
    fn outer_for(&self, metadata: &Metadata<'_>) -> Option<&Dispatch> {
        self.outer.as_ref().filter(|outer| outer.enabled(metadata))
    }

    /// The same, for a span that they know.
    fn outer_of(&self, span: &Id) -> Option<&Dispatch> {
        self.outer.as_ref().filter(|_| *span != unheard())
    }
}

/// The id of spans that only the recorder hears of.
fn unheard() -> Id {
    Id::from_u64(u64::MAX)
}

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if let Some(outer) = &self.outer {
            outer.register_callsite(metadata);
        }
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut text = Text::default();
        event.record(&mut text);
        let text = text.whole();
        self.recorder.log(LogLine {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            task: context().task_full_name(),
            text: self.redactor.as_ref().map(|redactor| redactor.redact(&text).into_owned()).unwrap_or(text),
        });
        if let Some(outer) = self.outer_for(metadata) {
            outer.event(event);
        }
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.outer_for(span.metadata()).map_or_else(unheard, |outer| outer.new_span(span))
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if let Some(outer) = self.outer_of(span) {
            outer.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if let Some(outer) = self.outer_of(span).filter(|_| *follows != unheard()) {
            outer.record_follows_from(span, follows);
        }
    }

    fn enter(&self, span: &Id) {
        if let Some(outer) = self.outer_of(span) {
            outer.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        if let Some(outer) = self.outer_of(span) {
            outer.exit(span);
        }
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.outer_of(span).map_or_else(unheard, |outer| outer.clone_span(span))
    }

    fn try_close(&self, span: Id) -> bool {
        self.outer_of(&span).is_some_and(|outer| outer.try_close(span.clone()))
    }
}
