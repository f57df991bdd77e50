//! The program that the test `terminal` runs: flows that print, fail, wait, log and get stuck.
#![allow(missing_docs, reason = "the names say it")]
use std::io::BufRead as _;
use std::process::ExitCode;
use std::time::Duration;

use prefect::fake_slack::{Answer, FakeSlack};
use prefect::prelude::*;
use prefect::schedule::{CronClock, DatesClock, IntervalClock, Overlap, Schedule};
use prefect::{
    AnyFlow, Clock, Config, Elements, Executor, Flow, FlowBuilder, FlowOptions, Parameter, RunSettings, Secret,
    SecretError, TaskBody, TaskDefinition, Value,
};

#[task(name = "1/x task", state_handlers = [slack_notifier])]
fn div(x: i64) -> i64 {
    1 / x
}

#[task(name = "Add 1 task", state_handlers = [slack_notifier])]
fn add(x: i64) -> i64 {
    x + 1
}

#[task(name = "both", state_handlers = [email_notifier, slack_notifier(only_states = [Success])])]
fn both() {}

#[task]
fn number(n: u32) -> Result<u32, String> {
    if n == 7 { Err("seven is broken".to_owned()) } else { Ok(n) }
}

#[task]
fn after(n: u32) -> u32 {
    n
}

#[task(max_retries = 2, retry_delay = "1h")]
fn flaky() -> Result<u32, std::io::Error> {
    if context().task_run_count() < 3 { Err(std::io::Error::other("connection lost")) } else { Ok(1) }
}

#[derive(Debug)]
struct Outer(std::io::Error);
impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("could not load\nthe rows of tok-123456")
    }
}
impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[task]
fn load() -> Result<u32, Outer> {
    Err(Outer(std::io::Error::other("no such host")))
}

#[task(name = "na\u{1b}[2Jme\n\u{202e}")]
fn named() -> Result<u32, String> {
    Err("it \u{1b}]0;title\u{7} failed".to_owned())
}

#[task(timeout = "5ms")]
fn stuck() {
    loop {
        std::thread::park();
    }
}

#[task]
fn approve() -> u32 {
    if context().resume() { 1 } else { raise(Signal::pause("look at it first")) }
}

#[task]
#[tracing::instrument(fields(token = "tok-123456"))]
fn logs(rows: u32) {
    tracing::debug!("a detail");
    tracing::info!(rows, "loaded with tok-123456");
    tracing::warn!("odd \u{1b}[2J rows");
    tracing::info!(target: "elsewhere", "from a library");
}

/// Until there is a line on standard input.
#[task]
fn wait(what: String) -> String {
    println!("first line of {what}");
    println!("second line of {what}");
    for _ in std::io::stdin().lock().lines().take(1) {}
    for i in 0..8 {
        tracing::warn!("{what} {i}");
    }
    what
}

#[task]
fn print() {
    for i in 0..10_000 {
        // Not `println!`, which panics when nobody reads.
        let _ = std::io::Write::write_all(&mut std::io::stdout(), format!("line {i}\n").as_bytes());
    }
}

fn settings() -> RunSettings {
    let noon = "2026-01-01T12:00:00Z".parse().expect("a time");
    RunSettings::new().clock(Clock::virtual_from(noon)).seed(1).executor(Executor::Local)
}

fn seed() -> Flow<Node<i64>> {
    flow!("Add Divide Flow", { div(x = add(-1)) }).with(settings())
}

/// Slack asks for three seconds of patience; under virtual time they are over at once.
fn limited() -> AnyFlow {
    let slack = FakeSlack::start();
    slack.script([Answer::RateLimited(3)]);
    let config = Config::builder().secret("SLACK_WEBHOOK_URL", slack.webhook_url()).build().expect("a configuration");
    // It answers to the end of the program.
    std::mem::forget(slack);
    flow!("limited", { add(1) }).with(settings().config(config)).into()
}

/// A task mapped over so many numbers; 7 fails.
fn mapped(name: &'static str, n: i64) -> AnyFlow {
    let mut flow = FlowBuilder::new(FlowOptions::new(name));
    let numbers: Vec<i64> = (0..n).collect();
    let list = flow.task(TaskDefinition::new("list"), TaskBody::new([], move |_| Ok(Value::new(numbers.clone()))));
    let number = TaskBody::new([Parameter::of::<i64>("n")], |inputs| match *inputs.take::<i64>(0) {
        7 => Err("seven is broken".into()),
        n => Ok(Value::new(n)),
    });
    let number = flow.task(TaskDefinition::new("number"), number);
    flow.map(list, number, "n", Elements::of::<i64>());
    flow.build().with(settings()).into()
}

fn large(fails: bool) -> AnyFlow {
    let name = if fails { "large" } else { "large and good" };
    let flow = flow!(name, {
        for n in 0..if fails { 250 } else { 1000 } {
            after(number(if fails || n != 7 { n } else { 0 }));
        }
    });
    flow.with(settings()).into()
}

/// A subscriber of the program's own.
struct Own;

impl tracing::Subscriber for Own {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::INFO
    }
    fn event(&self, event: &tracing::Event<'_>) {
        eprintln!("own: {}", event.metadata().target());
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[task]
#[allow(clippy::ref_option, reason = "this is what the flow gives")]
fn tell(x: i64, rows: u32, tag: &Option<String>) {
    println!("given: {x} {rows} {tag:?}");
}

#[prefect::flow]
fn etl(
    /// Where to start.
    x: i64,
    #[default(10)] rows: u32,
    tag: Option<String>,
) {
    tell(x, rows, tag);
}

#[task]
fn build(of: i64) -> i64 {
    println!("builds {of}");
    of
}

/// Dies, or fails, if it is told to.
#[task]
fn check(built: i64) -> Result<i64, String> {
    println!("checks {built}");
    match std::env::var("CHECK").as_deref() {
        Ok("dies") => std::process::abort(),
        Ok("fails") => Err("a test is red".to_owned()),
        _ => Ok(built),
    }
}

#[task(trigger = manual_only)]
fn deploy(checked: Option<i64>) -> Option<i64> {
    println!("deploys {checked:?}");
    checked
}

/// Goes on until it is told to stop.
#[task]
fn endless() -> Result<(), String> {
    println!("begins");
    while !context().is_cancelled() {
        std::thread::yield_now();
    }
    Err("told to stop".to_owned())
}

/// Hears nothing.
#[task]
fn deaf() {
    println!("begins");
    loop {
        std::thread::park();
    }
}

#[prefect::flow]
fn release(#[default(7)] version: i64) {
    deploy(check(build(version)));
}

/// The text of the secret that the test `secrets` keeps.
fn canary() -> Result<String, SecretError> {
    Secret::new("CANARY").get_as()
}

/// Does all with a secret that it should not.
#[task]
fn leaks() -> Result<(), String> {
    let secret = canary().map_err(|error| error.to_string())?;
    tracing::warn!("logged: {secret}");
    tracing::warn!(secret, "as a field");
    Err(format!("failed with {secret}"))
}

#[task]
fn panics() {
    let secret = canary().expect("it is kept");
    panic!("panicked with {secret}");
}

#[task]
fn length() -> Result<(), SecretError> {
    println!("the secret has {} bytes", canary()?.len());
    Ok(())
}

#[task(state_handlers = [slack_notifier])]
fn told() {}

#[task(state_handlers = [slack_notifier(webhook_secret = "ALERTS")])]
fn told_elsewhere() {}

/// Flows that read secrets, in real time.
fn secretive() -> Vec<AnyFlow> {
    let leaky = flow!("leaky", {
        leaks();
        panics();
    });
    prefect::flows![
        (leaky),
        (flow!("length", { length() })),
        (flow!("told", { told() })),
        (flow!("told elsewhere", { told_elsewhere() }))
    ]
}

#[task]
fn tick() {
    tracing::info!("ticks");
}

/// Fails the first time.
#[task]
fn unlucky() -> Result<(), String> {
    Err("no luck".to_owned())
}

/// Flows with schedules, in real time.
fn scheduled() -> Vec<AnyFlow> {
    let settings = || RunSettings::new().executor(Executor::Local);
    let often = || IntervalClock::new("100ms").unwrap();
    let never = DatesClock::new(["2020-01-01"]).unwrap();
    let broken = Schedule::new(often()).filter(|_| panic!("no filter today"));
    prefect::flows![
        (flow!("often", { tick() }).with(settings()).schedule(Schedule::new(often()).overlap(Overlap::BufferOne))),
        (flow!("nightly", { tick() }).with(settings()).schedule(CronClock::new("30 2 * * *").unwrap())),
        (flow!("unlucky", { unlucky() }).with(settings()).schedule(often())),
        (flow!("over", { tick() }).with(settings()).schedule(never)),
        (flow!("broken", { tick() }).with(settings()).schedule(broken)),
        (flow!("deaf", { deaf() }).with(settings()).schedule(often())),
        (flow!("endless", { build(1, upstream_tasks = [endless()]) }).schedule(often())),
        (flow!("plain", { tick() }).with(settings()))
    ]
}

/// Its failure, and its crash, are told.
fn guarded() -> Flow<()> {
    let flow = flow!("guarded", state_handlers = [slack_notifier(only_states = [Failed])], {
        check(build(3));
    });
    flow.with(settings())
}

fn main() -> ExitCode {
    let doubled = || prefect::flows![(flow!("twin", {})), (flow!("twin", {}))];
    match std::env::var("FLOWS").as_deref() {
        Ok("none") => return prefect::main(Vec::new()),
        Ok("one") => return prefect::main(seed()),
        Ok("guarded") => return prefect::main(guarded()),
        Ok("doubled") => return prefect::main(doubled()),
        Ok("scheduled") => return prefect::main(scheduled()),
        Ok("secretive") => return prefect::main(secretive()),
        Ok("own subscriber") => tracing::subscriber::set_global_default(Own).expect("the first one"),
        _ => {}
    }
    let real = RunSettings::new().executor(Executor::threads(2)).flush_deadline(Duration::from_millis(1));
    prefect::main(vec![
        seed().into(),
        large(true),
        large(false),
        flow!("flaky", { flaky() }).with(settings()).into(),
        flow!("chain", { load() }).with(settings()).into(),
        flow!("co\u{1b}[2Jn\ntrols", { named() }).with(settings()).into(),
        flow!("stuck", { stuck() }).with(real.clone()).into(),
        flow!("paused", { approve() }).with(settings()).into(),
        flow!("logs", { logs(3) }).with(settings()).into(),
        flow!("wait", {
            let before: Vec<_> = (0..3).map(|i| after(i)).collect();
            wait("food".to_owned());
            before
        })
        .with(real)
        .into(),
        limited(),
        mapped("few children", 2),
        mapped("many children", 598),
        flow!("print", { print() }).with(settings()).into(),
        etl::flow().with(settings()).into(),
        flow!("mail", { both() }).with(settings()).into(),
        flow!("empty", {}).with(settings()).into(),
        release::flow().with(RunSettings::new().executor(Executor::Local)).into(),
        flow!("endless", { build(1, upstream_tasks = [endless()]) }).with(RunSettings::new()).into(),
        flow!("deaf", { deaf() }).with(RunSettings::new()).into(),
    ])
}
