//! The log lines of a program that has no `tracing` subscriber of its own.
use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::screen::Screen;
use super::text::plain;
use crate::{Config, context};

/// Shows log lines on the screen, unless the program has said already what becomes of them.
pub(super) fn install(screen: &Arc<Screen>, config: &Config) {
    if tracing::dispatcher::has_been_set() {
        return;
    }
    let rust_log = std::env::var("RUST_LOG").ok().filter(|directives| !directives.trim().is_empty());
    let filter = rust_log.and_then(|directives| match directives.parse() {
        Ok(targets) => Some(targets),
        Err(error) => {
            screen.log(format!("RUST_LOG is ignored, it is none: {}\n", plain(&format!("{error}"))));
            None
        }
    });
    let filter = filter.unwrap_or_else(|| by_config(config));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .event_format(Lines(Arc::clone(screen)))
        .with_writer(ToScreen(Arc::clone(screen)))
        // Of its own: what is shown, and what is kept, are two questions.
        .with_filter(filter);
    let subscriber = tracing_subscriber::registry().with(lines);
    #[cfg(feature = "store")]
    let subscriber = subscriber.with(crate::logs::layer());
    // Somebody was faster: then it is theirs.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The configured level; without one everything from `INFO`, but of ours only warnings: state changes are told already,
/// by the table or by lines, and those of the runners tell nothing else.
fn by_config(config: &Config) -> Targets {
    match config.chosen_log_level() {
        Some(level) => Targets::new().with_default(level),
        None => Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target("prefect::", LevelFilter::WARN)
            .with_target("prefect_runtime::", LevelFilter::WARN)
            .with_target("prefect.FlowRunner", LevelFilter::OFF)
            .with_target("prefect.TaskRunner", LevelFilter::OFF),
    }
}

/// One event a line: time, level, the task that it comes from, the target, the spans, the text and the fields.
struct Lines(Arc<Screen>);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, cx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut text = String::new();
        // The runners name the task in their own words.
        let ours = metadata.target().starts_with("prefect.");
        match context().task_full_name().filter(|_| !ours) {
            Some(task) => write!(text, "{task} ({})", metadata.target())?,
            None => text.push_str(metadata.target()),
        }
        text.push_str(": ");
        for span in cx.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            text.push_str(span.name());
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>().filter(|fields| !fields.is_empty()) {
                write!(text, "{{{fields}}}")?;
            }
            text.push_str(": ");
        }
        cx.format_fields(Writer::new(&mut text), event)?;
        let (time, level) = (self.0.time(), self.0.paint_err.level(*metadata.level()));
        writeln!(out, "{time} {level} {}", plain(&self.0.redactor.redact(&text)))
    }
}

/// Puts each line where it does not tear the table.
struct ToScreen(Arc<Screen>);

impl<'a> MakeWriter<'a> for ToScreen {
    type Writer = &'a Screen;

    fn make_writer(&'a self) -> &'a Screen {
        &self.0
    }
}

impl io::Write for &Screen {
    /// Gets whole lines: an event is written at once.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.log(String::from_utf8_lossy(line).into_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
