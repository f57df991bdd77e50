//! The layer that hands lines to the recorder of their run.
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, Filtered};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::Text;
use crate::Config;
use crate::context::{Whence, whence};
use crate::record::{LoggedBy, Recorder};

/// Hands each log line to the recorder of the run that it comes from: see [`layer`].
#[derive(Debug)]
pub struct RunLogs(());

/// A layer for a `tracing` subscriber that keeps the log lines of recorded runs: see the [module](crate::logs).
///
/// Which lines it hears is said by the configuration of the process when it is made (`[logging] store_level`, else `INFO`);
/// the configuration of a run may ask for fewer.
///
/// ```
/// use prefect::prelude::*;
/// use prefect::RunSettings;
/// use prefect::store::{LogFilter, Options, Store, StoreUrl};
/// use tracing_subscriber::prelude::*;
///
/// #[task]
/// fn load() {
///     tracing::info!(rows = 12, "loaded");
/// }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("runs.db");
/// let store = Store::open(&StoreUrl::sqlite(path), Options::default()).unwrap();
/// tracing_subscriber::registry().with(prefect::logs::layer()).init();
/// let run = flow!("etl", { load() }).with(RunSettings::new().store(store.clone())).run();
///
/// let lines = store.logs(run.id().parse().unwrap(), &LogFilter::default()).unwrap();
/// let load = lines.iter().find(|line| line.line.task.is_some()).unwrap();
/// assert_eq!((load.line.attempt, load.line.message.as_str()), (1, "loaded rows=12"));
/// ```
#[must_use = "a layer hears nothing until it is a part of the subscriber"]
pub fn layer<S>() -> Filtered<RunLogs, FilterFn, S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let level = Config::current().map_or(LevelFilter::INFO, |config| config.settings().store_level);
    // Each line is judged once, where it is in the code: one that is not kept costs nothing.
    let kept: fn(&Metadata<'_>) -> bool = match level.into_level() {
        None => |_| false,
        Some(Level::ERROR) => |line| is_kept(line, Level::ERROR),
        Some(Level::WARN) => |line| is_kept(line, Level::WARN),
        Some(Level::INFO) => |line| is_kept(line, Level::INFO),
        Some(Level::DEBUG) => |line| is_kept(line, Level::DEBUG),
        Some(Level::TRACE) => |line| is_kept(line, Level::TRACE),
    };
    RunLogs(()).with_filter(FilterFn::new(kept).with_max_level_hint(level))
}

/// What the runners say of changes of states is recorded with the changes.
fn is_kept(line: &Metadata<'_>, level: Level) -> bool {
    let of_runners = matches!(line.target(), "prefect.TaskRunner" | "prefect.FlowRunner");
    *line.level() <= if of_runners { level.min(Level::WARN) } else { level }
}

/// What is known of a span: where it was made, and what it says.
struct Made {
    by: Option<(Weak<Recorder>, LoggedBy)>,
    name: &'static str,
    fields: Fields,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, fields: Fields(fields), .. } = self;
        let Some((first, more)) = fields.split_first() else { return f.write_str(name) };
        write!(f, "{name}{{{}={}", first.0, first.1)?;
        more.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))?;
        f.write_str("}")
    }
}

/// The fields of a span, each once, in the order in which they were recorded first. Bodies record progress in loops: so the
/// last value takes the place of the one before, or a span would grow with its life. None is cut: of a secret that is cut in
/// two, no half would be found.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn set(&mut self, name: &'static str, value: String) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, last)) => *last = value,
            None => self.0.push((name, value)),
        }
    }

    fn update(&mut self, new: Self) {
        new.0.into_iter().for_each(|(name, value)| self.set(name, value));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            return;
        }
        self.set(field.name(), format!("{value:?}"));
    }
}

impl<S> Layer<S> for RunLogs
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let Some(span) = cx.span(id) else { return };
        let by = whence().map(|Whence { recorder, by }| (Arc::downgrade(&recorder), by));
        let mut fields = Fields::default();
        read(&mut fields, |fields| attributes.record(fields));
        span.extensions_mut().replace(Made { by, name: span.name(), fields });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        let Some(span) = cx.span(id) else { return };
        // Values of users write themselves: not while the span is locked, which they may want to look at.
        let mut new = Fields::default();
        read(&mut new, |fields| values.record(fields));
        if let Some(made) = span.extensions_mut().get_mut::<Made>() {
            made.fields.update(new);
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let by_spans = || {
            let mut spans = cx.event_scope(event)?;
            spans.find_map(|span| {
                let extensions = span.extensions();
                let (recorder, by) = extensions.get::<Made>()?.by.as_ref()?;
                Some(Whence { recorder: recorder.upgrade()?, by: *by })
            })
        };
        let Some(Whence { recorder, by }) = whence().or_else(by_spans) else { return };
        let metadata = event.metadata();
        if !recorder.keeps(*metadata.level()) {
            return;
        }
        let mut text = String::new();
        for span in cx.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(made) = span.extensions().get::<Made>() {
                let _ = write!(text, "{made}: ");
            }
        }
        let mut line = Text::default();
        read(&mut line, |line| event.record(line));
        text.push_str(&line.whole());
        recorder.log(by, *metadata.level(), metadata.target(), &text);
    }
}

/// Values of users write themselves: one that panics there is left out, and the line kept.
fn read<V: Visit>(into: &mut V, record: impl FnOnce(&mut dyn Visit)) {
    // Not under the guard of user code: that is for code which must not run under a lock, and a line may be logged anywhere.
    let _ = catch_unwind(AssertUnwindSafe(|| record(into)));
}
