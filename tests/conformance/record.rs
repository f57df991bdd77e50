//! A record as it lies in its file. A field that is not known here makes the case `unsupported`: nothing is overlooked.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

/// What a flow is made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    pub(crate) flow: FlowSpec,
    pub(crate) tasks: Vec<TaskSpec>,
    pub(crate) edges: Vec<EdgeSpec>,
    pub(crate) resource: Option<ResourceSpec>,
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, Json>,
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlowSpec {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) state_handlers: Vec<HandlerSpec>,
    pub(crate) on_failure: Option<String>,
    pub(crate) terminal_state_handler: Option<TerminalSpec>,
    pub(crate) reference_tasks: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) schedule: Vec<MomentSpec>,
}

/// A moment of a schedule, with what its clock gives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MomentSpec {
    pub(crate) in_s: f64,
    #[serde(default)]
    pub(crate) parameter_defaults: BTreeMap<String, Json>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceSpec {
    pub(crate) name: String,
    pub(crate) init_argument: Option<i64>,
    pub(crate) init: Option<String>,
    pub(crate) setup: String,
    pub(crate) cleanup: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TerminalSpec {
    pub(crate) id: String,
    /// In words.
    #[serde(rename = "do")]
    pub(crate) does: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskSpec {
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) body: Option<BodySpec>,
    #[serde(default)]
    pub(crate) options: OptionsSpec,
    #[serde(default)]
    pub(crate) state_handlers: Vec<HandlerSpec>,
    #[serde(default)]
    pub(crate) constant_inputs: BTreeMap<String, Json>,
    pub(crate) built_in: Option<String>,
    /// Of a `Parameter`.
    pub(crate) required: Option<bool>,
    #[serde(default)]
    pub(crate) default: Json,
    /// What a `CompareValue` compares with.
    pub(crate) value: Option<Json>,
    pub(crate) secret_name: Option<String>,
    pub(crate) cast: Option<String>,
    #[serde(default)]
    pub(crate) raise_if_missing: bool,
}

/// The inputs by name, and the operation with what belongs to it.
#[derive(Deserialize)]
pub(crate) struct BodySpec {
    #[serde(default)]
    pub(crate) inputs: Vec<String>,
    #[serde(flatten)]
    pub(crate) op: Map<String, Json>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OptionsSpec {
    pub(crate) max_retries: u32,
    pub(crate) retry_delay_s: f64,
    pub(crate) retry_on: Option<Names>,
    pub(crate) timeout: Option<f64>,
    pub(crate) trigger: Option<String>,
    pub(crate) skip_on_upstream_skip: Option<bool>,
    pub(crate) on_failure: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) task_run_name: Option<String>,
    pub(crate) cache_for_s: Option<f64>,
    pub(crate) cache_validator: Option<String>,
    pub(crate) target: Option<String>,
    /// The class of its `Result`.
    pub(crate) result: Option<String>,
    /// Into how many parts the result is taken apart: those are tasks of their own on record.
    #[serde(rename = "nout")]
    pub(crate) _nout: Option<u32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    pub(crate) fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

#[derive(Deserialize, Clone)]
pub(crate) struct HandlerSpec {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) action: Map<String, Json>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EdgeSpec {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) key: Option<String>,
    #[serde(default)]
    pub(crate) mapped: bool,
    #[serde(default)]
    pub(crate) flattened: bool,
}

/// Reads a part of a record; the error names what is not known.
pub(crate) fn read<T: DeserializeOwned>(json: &Json, what: &str) -> Result<T, String> {
    T::deserialize(json).map_err(|error| {
        let text = error.to_string();
        format!("{what}: {}", text.split(", expected").next().unwrap_or_default())
    })
}

/// The text in single quotes of a description in words: `callback named 'cb'`.
pub(crate) fn quoted(words: &str) -> Option<&str> {
    words.split('\'').nth(1)
}
