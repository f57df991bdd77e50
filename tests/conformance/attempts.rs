//! Records that are no runs of flows: many small things, tried one by one.
use prefect::fake_slack::FakeSlack;
use prefect::{
    Config, ConfigErrorKind, ConfigValue, Executor, FlowBuilder, FlowOptions, RunSettings, Secret, SignalKind,
    SlackNotifier, State, StateKind, StateResult, TaskBody, TaskDefinition, Tracked, Value,
};
use serde_json::{Value as Json, json};

use crate::compare;

/// Whether a kind is something, by the name of the class's method.
type Predicate = fn(StateKind) -> bool;

const PREDICATES: [(&str, Predicate); 14] = [
    ("is_cached", StateKind::is_cached),
    ("is_failed", StateKind::is_failed),
    ("is_finished", StateKind::is_finished),
    ("is_looped", StateKind::is_looped),
    ("is_mapped", StateKind::is_mapped),
    ("is_meta_state", StateKind::is_meta_state),
    ("is_pending", StateKind::is_pending),
    ("is_queued", StateKind::is_queued),
    ("is_retrying", StateKind::is_retrying),
    ("is_running", StateKind::is_running),
    ("is_scheduled", StateKind::is_scheduled),
    ("is_skipped", StateKind::is_skipped),
    ("is_submitted", StateKind::is_submitted),
    ("is_successful", StateKind::is_successful),
];

const HOME: &str = "/home/somebody";

/// What is compared with the record, or `None` if this record is of another kind.
pub(crate) fn difference(record: &Json) -> Option<Result<Option<String>, String>> {
    let observed = &record["observed"];
    let found = if observed["states"].is_array() {
        Ok(compare::json("states", &by_class(&observed["states"]), &by_class(&states())))
    } else if observed["payloads"].is_array() {
        payloads(&observed["payloads"])
    } else if observed["schedules"].is_array() {
        crate::schedules::difference(&observed["schedules"])
    } else if observed["entries"].is_array() {
        observed["entries"].as_array().into_iter().flatten().map(entry).find_map(Result::transpose).transpose()
    } else if observed["attempts"].is_array() {
        crate::building::difference(&observed["attempts"])
    } else {
        return None;
    };
    Some(found)
}

/// Their order means nothing.
fn by_class(states: &Json) -> Json {
    let class = |state: &Json| state["class"].as_str().unwrap_or_default().to_owned();
    Json::Object(states.as_array().into_iter().flatten().map(|state| (class(state), state.clone())).collect())
}

/// Every kind, as a class with its parents and its predicates.
fn states() -> Json {
    let class = |kind: &StateKind| {
        let parents: Vec<_> = std::iter::successors(kind.parent(), |kind| kind.parent()).map(StateKind::name).collect();
        let holds: Vec<_> = PREDICATES.iter().filter(|(_, holds)| holds(*kind)).map(|(name, _)| *name).collect();
        json!({ "class": kind.name(), "parents": parents, "color": kind.color(), "true_predicates": holds })
    };
    // `Crashed` is none of Prefect's.
    StateKind::ALL.iter().filter(|kind| **kind != StateKind::Crashed).map(class).collect()
}

/// A state is made by a handler, and a notifier behind it posts it.
fn payloads(recorded: &Json) -> Result<Option<String>, String> {
    let recorded = recorded.as_array().map_or(&[][..], Vec::as_slice);
    for (i, entry) in recorded.iter().enumerate() {
        let name = entry["state"].as_str().unwrap_or_default();
        let bare = State::new(name.parse().map_err(|_| format!("state {name}"))?);
        let said = bare.clone().with_message("a message");
        let state = match entry["with"].as_str() {
            None => said,
            Some("exception result") => said.with_error("it's \"bad\""),
            Some("null message") => bare,
            Some("empty message") => bare.with_message(""),
            Some("signal as result") => said.with_result(StateResult::Signal(SignalKind::Fail, Some("x".into()))),
            Some("string result") => said.with_value(Value::new("a text".to_owned())),
            Some(other) => return Err(format!("a payload with {other}")),
        };
        let mut expected = json!([entry["payload"]]);
        let mut posted = post(state);
        crate::normalise::texts(&mut expected);
        crate::normalise::texts(&mut posted);
        if let Some(difference) = compare::json(&format!("payloads[{i}]"), &expected, &posted) {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

/// What arrives at the webhook when a task called `thing` comes into this state.
fn post(state: State) -> Json {
    let slack = FakeSlack::start();
    let config = Config::builder().secret("SLACK_WEBHOOK_URL", slack.webhook_url()).build().expect("no file");
    let mut flow = FlowBuilder::new(FlowOptions::new("payloads"));
    let made = move |_: &Tracked, _: &State, new: State| if new.kind().is_running() { state.clone() } else { new };
    let thing = TaskDefinition::new("thing").state_handler(made).state_handler(SlackNotifier::DEFAULT);
    flow.task(thing, TaskBody::new([], |_| Ok(Value::new(()))));
    flow.build().with(RunSettings::new().executor(Executor::Local).config(config)).run_once();
    slack.requests().iter().take(1).map(prefect::fake_slack::Received::json).collect()
}

/// One configuration, and what is read back from it.
fn entry(entry: &Json) -> Result<Option<String>, String> {
    let what = entry["what"].as_str().unwrap_or_default();
    let environment = entry["environment"].as_object().into_iter().flatten();
    let built = Config::builder()
        .user_config(entry["user_config"].as_str().unwrap_or_default())
        .environment(environment.map(|(name, value)| (name, value.as_str().unwrap_or_default())))
        .home(HOME)
        .build();
    let show = entry["show"].as_object().ok_or("an entry without `show`")?;
    if let Some(error) = show.get("failed_to_start") {
        // The words are those of Python's parser.
        let syntax = error.as_str().is_some_and(|text| text.starts_with("toml."));
        let same = built.is_err_and(|error| (error.kind() == ConfigErrorKind::Syntax) == syntax);
        return Ok((!same).then(|| format!("{what}: {error} on record, and it started")));
    }
    let config = match built {
        Ok(config) => config,
        Err(error) => return Ok(Some(format!("{what}: {error}"))),
    };
    for (expression, expected) in show {
        let expected: Json = serde_json::from_str(&expected.to_string().replace("<home>", HOME)).expect("JSON");
        let at = format!("{what}: {expression}");
        if let Some(difference) = compare::json(&at, &expected, &evaluate(&config, expression)?) {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

/// What an expression such as `prefect.config.a.b` or `Secret('X').get()` gives, as the records write it.
fn evaluate(config: &Config, expression: &str) -> Result<Json, String> {
    if let Some(key) = expression.strip_prefix("prefect.config.") {
        let Some(value) = config.get(key) else { return Ok(json!({ "error": "not set" })) };
        return Ok(json!({ "value": value.to_json(), "type": python_type(value) }));
    }
    let unknown = || format!("the expression {expression}");
    let (name, method) = expression.strip_prefix("Secret('").and_then(|e| e.split_once("').")).ok_or_else(unknown)?;
    let secret = Secret::new(name);
    Ok(match method {
        "exists()" => json!({ "value": secret.exists_in(config), "type": "bool" }),
        "get()" => match secret.get_from(config) {
            Ok(value) => json!({ "value": value.expose(), "type": python_type_of_json(value.expose()) }),
            Err(error) => json!({ "error": "ValueError", "message": error.to_string() }),
        },
        _ => return Err(unknown()),
    })
}

fn python_type(value: &ConfigValue) -> &'static str {
    match value {
        ConfigValue::List(_) => "BoxList",
        ConfigValue::Table(_) => "Config",
        other => python_type_of_json(&other.to_json()),
    }
}

fn python_type_of_json(value: &Json) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    }
}
