//! A recorded flow, built again by the library's API for flows that are made at run time, run, and written down as a
//! record is.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::cache::{all_inputs, all_parameters, duration_only, never_use};
use prefect::fake_slack::{Answer, FakeSlack};
use prefect::jiff::Timestamp;
use prefect::schedule::{DatesClock, Schedule};
use prefect::trigger::{
    all_failed, all_finished, all_successful, always_run, any_failed, any_successful, manual_only, not_all_skipped,
    some_failed, some_successful,
};
use prefect::{
    Cache, Clock, Config, Elements, Executor, Flow, FlowBuilder, FlowOptions, FlowRun, KeepResults, LocalResult,
    ParameterErrors, PauseAnswer, RetryOn, RunSettings, RunState, Signal, State, StateKind, TaskBody, TaskDefinition,
    TaskError, TaskRef, Tracked, Trigger, Upstreams,
};
use prefect_tests::logs::Logs;
use serde_json::{Map, Value as Json, json};

use crate::body::{Raised, result, value_error};
use crate::built_in;
use crate::handlers::{NewState, WEBHOOK_SECRET, handler, new_state, observer, on_failure, webhook_secrets};
use crate::record::{self, MomentSpec, OptionsSpec, Spec, TaskSpec, TerminalSpec, quoted};
use crate::witness::Witness;

/// Runs the flow of a record as often as it was run, in one process, and gives what was observed each time.
pub(crate) fn run(spec: &Spec, record: &Json, observed: &[&Json]) -> Result<Vec<Json>, String> {
    let posts = observed.iter().filter_map(|observed| observed["http_posts"].as_array());
    let answers: Vec<u64> = posts.flatten().filter_map(|post| post["responded"].as_u64()).collect();
    let slack = FakeSlack::start();
    slack.script(answers.iter().map(|status| match u16::try_from(*status) {
        Ok(200) | Err(_) => Answer::AsSlack,
        Ok(status) => Answer::Status(status, "no".to_owned()),
    }));
    let config = config(spec, observed, &slack)?;
    let (witness, kept) = (Witness::new(slack, answers), Kept::new());
    observed.iter().map(|observed| run_once_more(spec, record, observed, &config, &witness, &kept)).collect()
}

/// What is kept from one run to the next: the cache, and the folder of a `LocalResult`.
struct Kept {
    cache: Cache,
    folder: PathBuf,
}

impl Kept {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("prefect-conformance-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self { cache: Cache::new(), folder: std::env::temp_dir().join(name) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Most records keep nothing, and have no folder.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn run_once_more(
    spec: &Spec,
    record: &Json,
    observed: &Json,
    config: &Config,
    witness: &Witness,
    kept: &Kept,
) -> Result<Json, String> {
    let seen_before = witness.all();
    let (flow, tasks) = build(spec, witness, &kept.folder)?;
    let (states, parameters) = given(&observed["run_arguments"])?;
    let flow = flow.with_parameters(parameters);
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let flow = match spec.flow.schedule.split_first() {
        None => flow,
        Some((first, more)) => {
            let schedule = Schedule::new(moment(first, start));
            flow.schedule(more.iter().fold(schedule, |schedule, next| schedule.clock(moment(next, start))))
        }
    };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let flow = flow.with(
        RunSettings::new()
            .states(states)
            .on_pause(somebody(observed, &asked))
            .executor(Executor::Local)
            .clock(Clock::virtual_from(start))
            .config(config.clone())
            .cache(kept.cache.clone())
            .seed(1)
            .keep_results(KeepResults::All),
    );
    let once = record["entry_point"].as_str().is_some_and(|entry| entry.starts_with("FlowRunner.run"));
    let (run, logs) = Logs::of(|| if once { flow.run_once() } else { flow.run() });
    let (mut events, mut posts) = witness.all();
    events.drain(..seen_before.0.len());
    posts.drain(..seen_before.1.len());
    let mut seen = json!({
        "events": events,
        "flow_state": flow_state(run.state()),
        "task_states": task_states(&run, &tasks),
        "log": log(&logs),
    });
    // Prefect raises an error where a run of ours has one.
    if run.state().error().is_some_and(TaskError::is::<ParameterErrors>) {
        seen["raised_to_caller"] = json!("ValueError");
        seen["message"] = json!(run.state().message());
    }
    if observed["prompts"].is_array() {
        seen["prompts"] = asked.lock().unwrap().clone().into();
    }
    if !posts.is_empty() {
        seen["http_posts"] = Json::Array(posts);
    }
    Ok(seen)
}

/// A clock that tells one moment.
fn moment(spec: &MomentSpec, start: Timestamp) -> DatesClock {
    let clock = DatesClock::new([start + Duration::from_secs_f64(spec.in_s)]).expect("a moment");
    spec.parameter_defaults.iter().fold(clock, |clock, (name, value)| clock.parameter_default(name, value.clone()))
}

/// The states that a run starts from, and the values of its parameters.
fn given(arguments: &Json) -> Result<(RunState, Map<String, Json>), String> {
    let (mut states, mut parameters) = (RunState::new(), Map::new());
    for (argument, value) in arguments.as_object().into_iter().flatten() {
        match argument.as_str() {
            "parameters" => parameters.extend(value.as_object().cloned().unwrap_or_default()),
            "task_states" => {
                for (slug, state) in value.as_object().into_iter().flatten() {
                    let state: NewState = record::read(state, "a state given to a run")?;
                    states.set(slug, new_state(&state)?);
                }
            }
            _ => return Err(format!("{argument} given to a run")),
        }
    }
    Ok((states, parameters))
}

/// Answers as somebody did at the terminal, and writes down what was asked.
fn somebody(observed: &Json, asked: &Arc<Mutex<Vec<Json>>>) -> impl Fn(&Tracked) -> PauseAnswer + Send + Sync + use<> {
    let (asked, answers) = (Arc::clone(asked), observed["answers"].as_array().cloned().unwrap_or_default());
    move |task: &Tracked| {
        let mut asked = asked.lock().unwrap();
        let Some(answer) = answers.get(asked.len()) else { return PauseAnswer::Leave };
        asked.push(json!(format!("{task} is currently Paused; enter 'y' to resume:\n")));
        if answer == "y" { PauseAnswer::Resume } else { PauseAnswer::AskAgain }
    }
}

/// The secrets of the record. A webhook's URL is not on record, only what came of it: an answer to each post, a secret
/// that is missed, or else nobody listens there.
fn config(spec: &Spec, observed: &[&Json], slack: &FakeSlack) -> Result<Config, String> {
    let mut builder = Config::builder().environment(spec.environment.iter());
    for (name, value) in &spec.secrets {
        builder = builder.secret(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let handlers = spec.tasks.iter().flat_map(|task| webhook_secrets(&task.state_handlers));
    let names: Vec<_> = handlers.chain(webhook_secrets(&spec.flow.state_handlers)).collect();
    for name in names {
        let missed = format!("Local Secret \"{name}\" was not found.");
        let missed = Json::from(missed).to_string().trim_matches('"').to_owned();
        if observed.iter().any(|observed| observed.to_string().contains(&missed)) {
            continue;
        }
        let url = match observed.iter().any(|observed| observed["http_posts"].is_array()) {
            true if name == WEBHOOK_SECRET => slack.webhook_url(),
            true => slack.webhook_url_for(&name),
            false => FakeSlack::refused_url(),
        };
        builder = builder.secret(name, url);
    }
    builder.build().map_err(|error| error.to_string())
}

fn build(spec: &Spec, witness: &Witness, folder: &Path) -> Result<(Flow, Vec<(String, TaskRef)>), String> {
    let mut options = FlowOptions::new(spec.flow.name.clone());
    for of_flow in &spec.flow.state_handlers {
        options = options.state_handler(handler(of_flow, witness)?);
    }
    if let Some(words) = &spec.flow.on_failure {
        options = options.state_handler(on_failure(words, witness)?);
    }
    options = options.state_handler(observer(witness));
    if let Some(terminal) = &spec.flow.terminal_state_handler {
        options = terminal_state_handler(options, terminal, witness)?;
    }
    let mut flow = FlowBuilder::new(options);
    let mut tasks = BTreeMap::new();
    let mut in_order: Vec<&TaskSpec> = spec.tasks.iter().collect();
    in_order.sort_by_key(|task| number(task));
    for task in in_order {
        let (definition, body) =
            task_of(task, spec, witness, folder).map_err(|missing| format!("{}: {missing}", task.slug))?;
        let made = flow.task(definition, body);
        tasks.insert(task.slug.clone(), made);
        for (key, value) in &task.constant_inputs {
            flow.constant(made, key, built_in::constant(task, key, value));
        }
    }
    for edge in &spec.edges {
        let end = |slug: &str| tasks.get(slug).copied().ok_or_else(|| format!("an edge of {slug}"));
        let (from, to) = (end(&edge.from)?, end(&edge.to)?);
        let elements = if edge.flattened { Elements::json().flatten() } else { Elements::json() };
        match &edge.key {
            Some(key) if edge.mapped => flow.map(from, to, key, elements),
            Some(key) if edge.flattened => flow.flatten(from, to, key, elements),
            Some(key) => flow.edge(from, to, key),
            None if edge.mapped => return Err("a mapped edge without data".to_owned()),
            None => flow.order(from, to),
        }
    }
    if let Some(reference) = &spec.flow.reference_tasks {
        flow.reference_tasks(reference.iter().map(|slug| tasks[slug]));
    }
    Ok((flow.build(), tasks.into_iter().collect()))
}

/// The last part of a slug: tasks of one name are numbered as they are added.
fn number(task: &TaskSpec) -> u32 {
    task.slug.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn task_of(
    task: &TaskSpec,
    spec: &Spec,
    witness: &Witness,
    folder: &Path,
) -> Result<(TaskDefinition, TaskBody), String> {
    let (definition, body) = built_in::task(task, spec, witness)?;
    let definition = with_options(kept(definition, &task.options, folder)?, task, witness)?;
    Ok((definition, if task.options.target.is_some() { body.returns::<Json>() } else { body }))
}

/// What is kept of the result of a task.
fn kept(mut definition: TaskDefinition, options: &OptionsSpec, folder: &Path) -> Result<TaskDefinition, String> {
    if let Some(seconds) = options.cache_for_s {
        definition = definition.cache_for(Duration::from_secs_f64(seconds));
    }
    if let Some(validator) = &options.cache_validator {
        definition = definition.cache_validator(match validator.as_str() {
            "never_use" => never_use(),
            "duration_only" => duration_only(),
            "all_inputs" => all_inputs(),
            "all_parameters" => all_parameters(),
            other => return Err(format!("cache_validator {other}")),
        });
    }
    if let Some(target) = &options.target {
        definition = definition.target(target.clone());
    }
    match options.result.as_deref() {
        None => Ok(definition),
        Some("LocalResult") => Ok(definition.result(LocalResult::in_folder(folder))),
        Some(other) => Err(format!("result {other}")),
    }
}

fn with_options(definition: TaskDefinition, task: &TaskSpec, witness: &Witness) -> Result<TaskDefinition, String> {
    let OptionsSpec { max_retries, retry_delay_s, retry_on, timeout, trigger, .. } = &task.options;
    let mut definition = definition.tags(task.options.tags.clone());
    if let Some(name) = trigger {
        definition = definition.trigger(trigger_named(name)?);
    }
    if let Some(skip) = task.options.skip_on_upstream_skip {
        definition = definition.skip_on_upstream_skip(skip);
    }
    if *max_retries > 0 {
        definition = definition.max_retries(*max_retries).retry_delay(Duration::from_secs_f64(*retry_delay_s));
    }
    if let Some(classes) = retry_on {
        let wanted: Vec<&'static str> = ["ValueError", "TypeError", "ZeroDivisionError"]
            .into_iter()
            .filter(|name| classes.contains(name))
            .collect();
        definition = definition.retry_on(RetryOn::when(move |error: &TaskError| {
            error.downcast_ref().is_some_and(|error: &Raised| wanted.contains(&error.class))
        }));
    }
    if let Some(seconds) = timeout {
        definition = definition.timeout(Duration::from_secs_f64(*seconds));
    }
    if let Some(template) = &task.options.task_run_name {
        definition = definition.task_run_name(template.clone());
    }
    for of_task in &task.state_handlers {
        definition = definition.state_handler(handler(of_task, witness)?);
    }
    if let Some(words) = &task.options.on_failure {
        definition = definition.state_handler(on_failure(words, witness)?);
    }
    Ok(definition.state_handler(observer(witness)))
}

/// `sets the message of the computed state to '..' and returns it`, the only one on record.
fn terminal_state_handler(options: FlowOptions, spec: &TerminalSpec, witness: &Witness) -> Result<FlowOptions, String> {
    let text = quoted(&spec.does).filter(|_| spec.does.starts_with("sets the message of the computed state to"));
    let text = text.ok_or_else(|| format!("terminal_state_handler {}", spec.does))?.to_owned();
    let (id, witness) = (spec.id.clone(), witness.clone());
    Ok(options.terminal_state_handler(move |of: &Tracked, state: &State, reference: &[State]| {
        let mut kinds: Vec<_> = reference.iter().map(|state| state.kind().name()).collect();
        kinds.sort_unstable();
        let more = json!({ "state": state.kind().name(), "message": state.message(), "reference_states": kinds });
        witness.event(&id, of, more);
        Some(state.clone().with_message(text.clone()))
    }))
}

fn trigger_named(name: &str) -> Result<Trigger, String> {
    Ok(match name {
        "all_successful" => Trigger::new(all_successful),
        "all_failed" => Trigger::new(all_failed),
        "all_finished" => Trigger::new(all_finished),
        "always_run" => Trigger::new(always_run),
        "any_successful" => Trigger::new(any_successful),
        "any_failed" => Trigger::new(any_failed),
        "not_all_skipped" => Trigger::new(not_all_skipped),
        "manual_only" => Trigger::new(manual_only),
        "ret_false" => Trigger::new(|_: &Upstreams<'_>| false),
        "raise_err" => Trigger::new(|_: &Upstreams<'_>| Err::<bool, _>(value_error("trigger broke"))),
        "raise_skip" => {
            Trigger::new(|_: &Upstreams<'_>| Err::<bool, TaskError>(Signal::skip("trigger skipped").into()))
        }
        "raise_pause" => {
            Trigger::new(|_: &Upstreams<'_>| Err::<bool, TaskError>(Signal::pause("trigger paused").into()))
        }
        _ => bounded(name)?,
    })
}

/// `some_failed(at_least=2,at_most=0.5)`: a number below one is a share of all.
fn bounded(name: &str) -> Result<Trigger, String> {
    let unknown = || format!("trigger {name}");
    let (some, bounds) = name.split_once('(').ok_or_else(unknown)?;
    let mut trigger = match some {
        "some_failed" => some_failed(),
        "some_successful" => some_successful(),
        _ => return Err(unknown()),
    };
    for bound in bounds.trim_end_matches(')').split(',').filter(|bound| !bound.is_empty()) {
        let (which, number) = bound.split_once('=').ok_or_else(unknown)?;
        let count: Result<usize, _> = number.parse();
        let share: f64 = number.parse().map_err(|_| unknown())?;
        trigger = match (which.trim(), count) {
            ("at_least", Ok(count)) => trigger.at_least(count),
            ("at_least", Err(_)) => trigger.at_least(share),
            ("at_most", Ok(count)) => trigger.at_most(count),
            ("at_most", Err(_)) => trigger.at_most(share),
            _ => return Err(unknown()),
        };
    }
    Ok(Trigger::new(trigger))
}

fn flow_state(state: &State) -> Json {
    let mut seen = state_without_result(state);
    // In Prefect the result of a flow that ran is the map of its tasks' states.
    if state.error().is_some() {
        seen["result"] = result(state);
    }
    seen
}

fn task_states(run: &FlowRun, tasks: &[(String, TaskRef)]) -> Json {
    let seen = |task: TaskRef| {
        let state = run.state_of(task);
        let mut seen = state_without_result(&state);
        seen["result"] = result(&state);
        if state.kind() == StateKind::Mapped {
            let children: Vec<State> = run.map_states(task).collect();
            seen["result"] = children.iter().map(result).collect();
            seen["map_states"] = children.iter().map(with_result).collect();
        }
        if state.kind().is(StateKind::Scheduled) {
            seen["start_in_s"] = json!(state.start_time().map(|start| (start - run.ended()).as_secs()));
        }
        seen
    };
    Json::Object(tasks.iter().map(|(slug, task)| (slug.clone(), seen(*task))).collect::<Map<_, _>>())
}

fn with_result(state: &State) -> Json {
    let mut seen = state_without_result(state);
    seen["result"] = result(state);
    seen
}

fn state_without_result(state: &State) -> Json {
    let mut seen = json!({ "class": state.kind().name(), "message": state.message(), "color": state.kind().color() });
    if state.kind() == StateKind::Cached {
        seen["cached_result_expires"] = json!(state.cached_result_expiration().is_some());
    }
    for (field, value) in [("run_count", state.run_count()), ("loop_count", state.loop_count())] {
        if let Some(count) = value {
            seen[field] = json!(count);
        }
    }
    seen
}

/// Records of level INFO and above. A logger that is named after a flow is a field here: the names of `tracing` are fixed
/// when a program is compiled.
fn log(logs: &Logs) -> Json {
    let lines = logs.lines().into_iter().filter(|line| line.level <= tracing::Level::INFO);
    let written = lines.map(|line| {
        let level = if line.level == tracing::Level::WARN { "WARNING" } else { line.level.as_str() };
        let flow = line.fields.get("flow").map(|flow| format!(".{flow}")).unwrap_or_default();
        json!({ "level": level, "logger": format!("{}{flow}", line.target), "message": line.fields.get("message") })
    });
    Json::Array(written.collect())
}
