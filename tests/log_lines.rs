//! The log lines of recorded runs of Prefect 1: the same level, logger and text, in the same order.
#[allow(dead_code, unused_imports, unreachable_pub, reason = "a module of another test, of which this one uses a part")]
mod model;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use model::{Workers, library, recorded};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Level, logger, text.
type Line = (String, String, String);

/// Keeps what is logged from `INFO` on.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Line>>>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

impl Subscriber for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let (level, logger) = (event.metadata().level(), event.metadata().target());
        self.0.lock().unwrap().push(normalised(level.as_str(), logger, &message.0));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Names of flows are those of the test, a logger of a flow's own name is `prefect`, and the texts of errors, signals
/// and times are left out.
fn normalised(level: &str, logger: &str, message: &str) -> Line {
    let runner = matches!(logger, "prefect.FlowRunner" | "prefect.TaskRunner");
    let cut = [
        "Beginning Flow run for ",
        "Waiting for next available Task run at ",
        "Unexpected error while calling state handlers: ",
        "Unexpected error occured in FlowRunner: ",
        " signal raised: ",
    ];
    let end = cut.iter().find_map(|text| message.find(text).map(|at| at + text.len()));
    let message = end.map_or(message, |end| &message[..end]);
    (level.to_owned(), if runner { logger } else { "prefect" }.to_owned(), message.to_owned())
}

fn recorded_lines(record: &Value) -> Vec<Line> {
    let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let lines = record["observed"]["log"].as_array().unwrap().iter();
    lines.map(|line| normalised(&text(line, "level"), &text(line, "logger"), &text(line, "message"))).collect()
}

#[test]
fn the_runners_say_what_those_of_prefect_say() {
    let mut compared = 0;
    for (name, record) in recorded::all(&recorded::own_folder()) {
        let Ok((case, _)) = recorded::read(&record) else { continue };
        if record["observed"]["log"].is_null() {
            continue;
        }
        let kept = Kept::default();
        tracing::subscriber::with_default(kept.clone(), || library::run(&case, Workers::Local));
        let mut lines = std::mem::take(&mut *kept.0.lock().unwrap());
        let mut expected = recorded_lines(&record);
        // Which of several tasks comes first is chance in Prefect, if they do not depend on each other.
        if name.starts_with("triggers_") {
            lines.sort();
            expected.sort();
        }
        assert_eq!(lines, expected, "{name}");
        compared += 1;
    }
    assert!(compared > 40, "only {compared} records were compared");
}
