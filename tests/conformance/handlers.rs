//! State handlers of recorded flows and tasks.
use prefect::{
    IntoStateHandler, OnDeliveryFailure, SlackNotifier, State, StateHandler, StateKind, TaskError, Tracked, Value,
    callback_factory,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::body::{SignalSpec, value_error};
use crate::record::{HandlerSpec, quoted};
use crate::witness::Witness;

pub(crate) type Handler = Box<dyn StateHandler>;

#[derive(Deserialize, Clone)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Act {
    Pass,
    None,
    Replace { with_: NewState },
    Raise { error: String },
    Signal(SignalSpec),
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewState {
    state: String,
    message: Option<String>,
    result: Option<Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notifier {
    backend_info: Option<bool>,
    #[serde(default)]
    only_states: Vec<String>,
    #[serde(default)]
    ignore_states: Vec<String>,
    webhook_secret: Option<String>,
}

/// The name of the secret that a notifier without any options reads.
pub(crate) const WEBHOOK_SECRET: &str = "SLACK_WEBHOOK_URL";

/// The secrets that the notifiers among these handlers read.
pub(crate) fn webhook_secrets(handlers: &[HandlerSpec]) -> impl Iterator<Item = String> {
    handlers
        .iter()
        .filter(|handler| is_notifier(handler))
        .map(|handler| handler.action.get("webhook_secret").and_then(Json::as_str).unwrap_or(WEBHOOK_SECRET).to_owned())
}

fn is_notifier(handler: &HandlerSpec) -> bool {
    handler.action.get("do").is_some_and(|act| act == "slack_notifier")
}

pub(crate) fn handler(spec: &HandlerSpec, witness: &Witness) -> Result<Handler, String> {
    if is_notifier(spec) { notifier(spec) } else { acting(spec, witness) }
}

fn kinds(names: &[String]) -> Result<Vec<StateKind>, String> {
    names.iter().map(|name| name.parse().map_err(|_| format!("state {name}"))).collect()
}

fn notifier(spec: &HandlerSpec) -> Result<Handler, String> {
    let mut options = spec.action.clone();
    options.remove("do");
    let options = Notifier::deserialize(Json::Object(options)).map_err(|error| format!("slack_notifier: {error}"))?;
    if options.backend_info != Some(false) {
        return Err("slack_notifier asks a hosted backend for a link".to_owned());
    }
    let mut notifier = SlackNotifier::DEFAULT
        .only_states(&kinds(&options.only_states)?)
        .ignore_states(&kinds(&options.ignore_states)?)
        .on_delivery_failure(OnDeliveryFailure::Fail);
    if let Some(name) = options.webhook_secret {
        notifier = notifier.webhook_secret(name.leak());
    }
    Ok(Box::new(notifier))
}

fn acting(spec: &HandlerSpec, witness: &Witness) -> Result<Handler, String> {
    let mut action = spec.action.clone();
    let when: Option<StateKind> = match action.remove("when_new_state") {
        Some(name) => Some(name.as_str().unwrap_or_default().parse().map_err(|_| format!("state {name}"))?),
        None => None,
    };
    let act = Act::deserialize(Json::Object(action)).map_err(|error| format!("handler {}: {error}", spec.id))?;
    match &act {
        Act::Replace { with_ } => drop(new_state(with_)?),
        Act::Signal(signal) => drop(signal.signal()?),
        _ => {}
    }
    let (id, witness) = (spec.id.clone(), witness.clone());
    Ok(boxed(move |of: &Tracked, old: &State, new: State| {
        let act = if when.is_none_or(|when| when == new.kind()) { act.clone() } else { Act::Pass };
        let told = |outcome: &str| witness.change(&id, of, old, &new, Some(outcome));
        match act {
            Act::Pass => told("returned the same state"),
            Act::None => {
                told("returned nothing");
                return Ok(None);
            }
            Act::Replace { with_ } => {
                told(&format!("returned {}", with_.state));
                return new_state(&with_).map(Some).map_err(TaskError::from);
            }
            Act::Raise { error } => {
                told("raised error");
                return Err(value_error(error));
            }
            Act::Signal(spec) => {
                let signal = spec.signal()?;
                told(&format!("raised signal {}", signal.kind().name()));
                return Err(signal.into());
            }
        }
        Ok(Some(new))
    }))
}

fn boxed<F>(handler: F) -> Handler
where
    F: Fn(&Tracked, &State, State) -> Result<Option<State>, TaskError> + Send + Sync + 'static,
{
    Box::new(handler.into_handler())
}

pub(crate) fn new_state(spec: &NewState) -> Result<State, String> {
    let mut state = State::new(spec.state.parse().map_err(|_| format!("state {}", spec.state))?);
    if let Some(message) = &spec.message {
        state = state.with_message(message.clone());
    }
    Ok(match &spec.result {
        Some(result) => state.with_value(Value::new(result.clone())),
        None => state,
    })
}

/// The passive handler behind all others.
pub(crate) fn observer(witness: &Witness) -> Handler {
    let witness = witness.clone();
    boxed(move |of, old, new| {
        witness.change("observer", of, old, &new, None);
        Ok(Some(new))
    })
}

/// `callback named 'cb'`.
pub(crate) fn on_failure(words: &str, witness: &Witness) -> Result<Handler, String> {
    let id = quoted(words).ok_or_else(|| format!("on_failure {words}"))?.to_owned();
    let witness = witness.clone();
    let tell = move |of: &Tracked, new: &State| {
        let index =
            json!({ "map_index": of.map_index(), "callback_state": new.kind().name(), "message": new.message() });
        witness.event(&id, of, index);
    };
    Ok(Box::new(callback_factory(tell, |state: &State| state.kind().is_failed())))
}
