//! The log lines of recorded runs, as the store has them: whose they are, and what must not be in them.
use std::fmt;
use std::fs;
use std::sync::Once;

use prefect::prelude::*;
use prefect::store::{LogFilter, LogLevel, LogsOf, RecordedLine, Store, TaskKey};
use prefect::{Config, Executor, FlowRun, RunSettings};
use tracing_subscriber::prelude::*;

use crate::{Folder, executors, settings};

/// The whole program has one subscriber, as a user's has.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::registry().with(prefect::logs::layer()).init());
}

fn lines<O>(store: &Store, run: &FlowRun<O>) -> Vec<RecordedLine> {
    store.logs(run.id().parse().unwrap(), &LogFilter::default()).unwrap()
}

/// `0[3]#1 text`: which task, which attempt.
fn short(lines: &[RecordedLine]) -> Vec<String> {
    let of = |line: &RecordedLine| match line.line.task {
        None => "flow".to_owned(),
        Some(TaskKey { task, index: None }) => format!("{task}#{}", line.line.attempt),
        Some(TaskKey { task, index: Some(index) }) => format!("{task}[{index}]#{}", line.line.attempt),
    };
    lines.iter().map(|line| format!("{} {}", of(line), line.line.message)).collect()
}

#[task]
fn load() -> Vec<u32> {
    tracing::info!(rows = 2, "loaded");
    tracing::debug!("not kept");
    vec![0, 1]
}

#[task(max_retries = 1, retry_delay = "1h")]
async fn fetch(n: u32) -> Result<u32, String> {
    tracing::info!("before {n}");
    prefect::sleep(std::time::Duration::from_secs(1)).await;
    tracing::warn!("after {n}");
    if context().task_run_count() == 1 && n == 1 { Err("not yet".to_owned()) } else { Ok(n) }
}

#[test]
fn a_line_belongs_to_its_task_run_and_attempt() {
    listen();
    for executor in executors() {
        let folder = Folder::new();
        let store = folder.store();
        let run = flow!("etl", { fetch::map(load()) }).with(settings(&store, executor)).run();
        assert_eq!(run.state().kind(), Success);
        let mut found = short(&lines(&store, &run));
        found.retain(|line| !line.contains("Exception") && !line.starts_with("flow Waiting for "));
        found.sort();
        let expected = [
            "0#1 loaded rows=2",
            "1[0]#1 after 0",
            "1[0]#1 before 0",
            "1[1]#1 after 1",
            "1[1]#1 before 1",
            "1[1]#2 after 1",
            "1[1]#2 before 1",
        ];
        assert_eq!(found, expected, "{executor:?}");
        let first = LogFilter { of: LogsOf::Task(0), ..LogFilter::default() };
        let first = store.logs(run.id().parse().unwrap(), &first).unwrap();
        assert_eq!((first[0].line.level, &*first[0].line.target), (LogLevel::Info, "recorded::logs"));
        // By the clock of the run.
        assert_eq!(first[0].line.at.0, 1_767_225_600_000_000);
    }
}

/// What is logged in other places than a body.
#[test]
fn handlers_threads_and_the_flow_have_their_lines() {
    fn heard(_: &Tracked, _: &State, new: State) -> State {
        tracing::info!("hears of {}", new.kind());
        new
    }
    #[task(state_handlers = [heard])]
    #[tracing::instrument(fields(order))]
    fn work(n: u32) {
        tracing::Span::current().record("order", 17);
        let context = context();
        let span = tracing::Span::current();
        std::thread::scope(|scope| {
            scope.spawn(|| tracing::info!("nobody's"));
            scope.spawn(|| context.enter(|| tracing::info!("by the context")));
            scope.spawn(|| span.in_scope(|| tracing::info!("by the span")));
        });
    }
    listen();
    for executor in [Executor::Local, Executor::threads(1)] {
        let folder = Folder::new();
        let store = folder.store();
        let flow = flow!("etl", state_handlers = [heard], { work(3) });
        let run = flow.with(settings(&store, executor)).run();
        let mut found = short(&lines(&store, &run));
        found.sort();
        let expected = [
            "0#1 by the context",
            "0#1 hears of Running",
            "0#1 hears of Success",
            "0#1 run{n=3 order=17}: by the span",
            "flow hears of Running",
            "flow hears of Success",
        ];
        assert_eq!(found, expected, "{executor:?}");
    }
}

/// A run in a run: each has its own lines.
#[test]
fn a_flow_in_a_body_has_its_own() {
    #[task]
    fn inner() {
        tracing::info!("inside");
    }
    #[task]
    fn outer(path: std::path::PathBuf) {
        tracing::info!("before");
        let store = crate::open(&path);
        flow!("inner", { inner() }).with(settings(&store, Executor::threads(1))).run();
        tracing::info!("after");
    }
    listen();
    let folder = Folder::new();
    let store = folder.store();
    let run = flow!("outer", { outer(folder.path()) }).with(settings(&store, Executor::Local)).run();
    assert_eq!(short(&lines(&store, &run)), ["0#1 before", "0#1 after"]);
    let runs = store.runs(&prefect::store::RunFilter::default()).unwrap();
    assert_eq!(runs[0].flow, "inner");
    assert_eq!(short(&store.logs(runs[0].id, &LogFilter::default()).unwrap()), ["0#1 inside"]);
}

/// Of two runs at once, and of those that are not recorded.
#[test]
fn what_is_not_recorded_has_no_lines() {
    #[task]
    fn says(what: String) {
        tracing::info!("{what}");
    }
    listen();
    let folder = Folder::new();
    let store = folder.store();
    let run = flow!("recorded", { says("a".to_owned()) }).with(settings(&store, Executor::threads(2))).run();
    flow!("not", { says("b".to_owned()) }).with(RunSettings::new().config(Config::default())).run();
    tracing::info!("nobody's");
    assert_eq!(short(&lines(&store, &run)), ["0#1 a"]);
}

#[test]
fn the_configuration_of_a_run_says_which_lines_are_kept() {
    listen();
    let folder = Folder::new();
    let store = folder.store();
    let config = |level: &str| Config::builder().user_config(format!("[logging]\nstore_level = \"{level}\"\n"));
    let run = |level: &str| {
        let settings = settings(&store, Executor::Local).config(config(level).build().unwrap());
        let run = flow!("etl", { fetch(0) }).with(settings).run();
        short(&lines(&store, &run))
    };
    assert_eq!(run("INFO"), ["0#1 before 0", "0#1 after 0"]);
    assert_eq!(run("WARNING"), ["0#1 after 0"]);
    assert_eq!(run("OFF"), [""; 0]);
    let wrong = config("LOUD").build().unwrap_err().to_string();
    assert!(wrong.contains("key `logging.store_level`: expected CRITICAL, ERROR, "), "{wrong}");
}

struct Bomb;

impl fmt::Debug for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("it is one")
    }
}

/// Progress is recorded in loops: the last one is what the span says, or it would grow as long as the body goes on.
#[test]
fn a_field_of_a_span_that_is_recorded_again_has_its_last_value() {
    #[task]
    fn counts() {
        let span = tracing::info_span!("counts", of = 10_000, done = tracing::field::Empty, note = "first");
        for done in 1..=10_000 {
            span.record("done", done);
        }
        span.record("note", "last");
        let _entered = span.entered();
        tracing::info!("counted");
    }
    listen();
    let folder = Folder::new();
    let store = folder.store();
    let run = flow!("etl", { counts() }).with(settings(&store, Executor::Local)).run();
    assert_eq!(short(&lines(&store, &run)), ["0#1 counts{of=10000 note=\"last\" done=10000}: counted"]);
}

const SECRET: &str = "kei2-quuS_eez7";

#[task]
fn hostile() {
    tracing::info!(token = SECRET, "with {SECRET} \u{1b}[2J\nERROR forged");
    // Its end would be cut, and with it the half of a secret.
    tracing::info!("{}{SECRET}", "x".repeat((8 << 10) - 5));
    tracing::info!("{}", "ü".repeat(10_000));
    tracing::info!(bomb = ?Bomb, "goes off");
    for chunk in ["base", "of"] {
        let _span = tracing::info_span!("span", secret = SECRET, chunk).entered();
        tracing::error!("in a span");
    }
}

#[test]
fn no_secret_is_in_the_files_and_nothing_is_too_long() {
    listen();
    let folder = Folder::new();
    let store = folder.store();
    let config = Config::builder().user_config(format!("[context.secrets]\nTOKEN = \"{SECRET}\"\n")).build().unwrap();
    let run = flow!("etl", { hostile() }).with(settings(&store, Executor::Local).config(config)).run();
    assert_eq!(run.state().kind(), Success, "{:?}", run.state());
    let lines = lines(&store, &run);
    let texts: Vec<_> = lines.iter().map(|line| line.line.message.as_str()).collect();
    assert_eq!(texts[0], "with [redacted TOKEN] \u{1b}[2J\nERROR forged token=\"[redacted TOKEN]\"");
    assert!(texts[1].ends_with("… (11 bytes more)"), "{}", &texts[1][8180..]);
    assert!(texts[2].ends_with("… (11808 bytes more)") && texts[2].len() < 8300, "{}", texts[2].len());
    assert_eq!(texts[3], "goes off bomb=");
    assert_eq!(texts[4], "span{secret=\"[redacted TOKEN]\" chunk=\"base\"}: in a span");
    drop((run, store));
    let mut lines_found = false;
    for entry in fs::read_dir(folder.path().parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let has = |part: &str| bytes.windows(part.len()).any(|window| window == part.as_bytes());
            lines_found |= has("in a span");
            for part in [SECRET, &SECRET[..7], &SECRET[7..]] {
                assert!(!has(part), "`{part}` is in {}", path.display());
            }
        }
    }
    assert!(lines_found);
}
