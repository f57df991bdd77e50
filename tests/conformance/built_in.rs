//! Tasks that Prefect makes itself, made with the library's functions for them.
use std::sync::atomic::{AtomicU32, Ordering};

use prefect::{EnvVarSecret, Parameter, Secret, TaskBody, TaskDefinition, TaskError, Value, built_in};
use serde_json::{Value as Json, json};

use crate::body::{plain, value_error};
use crate::record::{ResourceSpec, Spec, TaskSpec, quoted};
use crate::witness::Witness;

/// Whether a task of this class can be made.
pub(crate) fn is_known(class: &str) -> bool {
    let values = ["PrefectSecret", "EnvVarSecret", "Parameter", "List", "Dict", "GetItem"];
    let control = ["CompareValue", "Merge", "FunctionTask"];
    let resources = ["ResourceInitTask", "ResourceSetupTask", "ResourceCleanupTask"];
    [values.as_slice(), &control, &resources].concat().contains(&class)
}

/// The definition without the options on record, and the code of a task; or what is missing for it.
pub(crate) fn task(task: &TaskSpec, spec: &Spec, witness: &Witness) -> Result<(TaskDefinition, TaskBody), String> {
    let Some(class) = &task.built_in else {
        let body = task.body.as_ref().ok_or("a task without a body")?;
        return Ok((TaskDefinition::new(task.name.clone()), plain(body)?));
    };
    let (definition, body) = match class.as_str() {
        "List" => built_in::list::<Json>(inputs(task, spec)),
        "Dict" => built_in::dict::<String, Json>(),
        "GetItem" => built_in::get_item(task.name.clone(), item),
        "CompareValue" => match task.value.clone().ok_or("CompareValue without a value")? {
            Json::Bool(value) if compares_a_bool(task, spec) => built_in::compare_value(value),
            value => built_in::compare_value(value),
        },
        "Merge" => built_in::merge(inputs(task, spec)),
        "FunctionTask" if task.name == "as_bool" => built_in::as_bool(truth),
        "Parameter" if task.required == Some(true) => built_in::parameter::<Json>(task.name.clone()),
        "Parameter" => built_in::parameter_or(task.name.clone(), task.default.clone()),
        "ResourceInitTask" => built_in::resource_init(task.name.clone(), init(resource(spec)?, task)),
        "ResourceSetupTask" => match (resource(spec)?.setup.as_str(), resource(spec)?.init_argument) {
            ("returns init argument * 2", Some(argument)) => {
                built_in::resource_setup("resource", move |_: &Json| Ok(json!(argument * 2)))
            }
            ("returns how often setup was called so far", _) => {
                let calls = AtomicU32::new(0);
                built_in::resource_setup("resource", move |_: &Json| {
                    Ok(json!(calls.fetch_add(1, Ordering::SeqCst) + 1))
                })
            }
            (words, _) => return Err(format!("a resource whose setup {words}")),
        },
        "ResourceCleanupTask" => {
            let words = &resource(spec)?.cleanup;
            if words != "records its call" {
                return Err(format!("a resource whose cleanup {words}"));
            }
            let witness = witness.clone();
            built_in::resource_cleanup("resource", move |_: &Json, resource: &Json| {
                witness.cleaned_up(resource);
                Ok(())
            })
        }
        "PrefectSecret" | "EnvVarSecret" => (TaskDefinition::new(class.clone()), secret(class, task)?),
        other => return Err(format!("built-in task {other}")),
    };
    Ok((definition.named(task.name.clone()), body))
}

fn resource(spec: &Spec) -> Result<&ResourceSpec, String> {
    spec.resource.as_ref().ok_or_else(|| "a resource that is not described".to_owned())
}

/// Gives the object, or fails: `raises ValueError 'no init'`.
fn init(resource: &ResourceSpec, task: &TaskSpec) -> TaskBody {
    let parameters: Vec<_> = task.constant_inputs.keys().map(|name| Parameter::any(name.clone())).collect();
    let words = resource.init.clone().unwrap_or_default();
    let (error, object) = (quoted(&words).map(str::to_owned), json!({ "object": resource.name }));
    TaskBody::new(parameters, move |_| match &error {
        Some(text) => Err(value_error(text.clone())),
        None => Ok(Value::new(object.clone())),
    })
}

/// The constant of an input, of the type that the task takes.
pub(crate) fn constant(task: &TaskSpec, key: &str, value: &Json) -> Value {
    match (task.built_in.as_deref(), key) {
        (Some("Dict"), "keys") => {
            Value::new(value.as_array().into_iter().flatten().map(crate::body::describe).collect::<Vec<_>>())
        }
        _ => Value::new(value.clone()),
    }
}

/// How many inputs a task has.
fn inputs(task: &TaskSpec, spec: &Spec) -> usize {
    let edges = spec.edges.iter().filter(|edge| edge.to == task.slug && edge.key.is_some());
    edges.count() + task.constant_inputs.len()
}

/// Whether a `CompareValue` reads what `as_bool` made, which is no JSON.
fn compares_a_bool(task: &TaskSpec, spec: &Spec) -> bool {
    let is_as_bool = |slug: &str| {
        let from = spec.tasks.iter().find(|task| task.slug == slug);
        from.is_some_and(|task| task.built_in.as_deref() == Some("FunctionTask"))
    };
    spec.edges.iter().any(|edge| edge.to == task.slug && edge.key.is_some() && is_as_bool(&edge.from))
}

fn item(all: &Json, key: &Json) -> Result<Json, TaskError> {
    let found = match key {
        Json::String(key) => all.get(key),
        key => key.as_u64().and_then(|i| all.get(usize::try_from(i).ok()?)),
    };
    found.cloned().ok_or_else(|| format!("no item {key}").into())
}

/// Python's `bool`.
fn truth(x: &Json) -> bool {
    match x {
        Json::Null => false,
        Json::Bool(x) => *x,
        Json::Number(x) => x.as_f64() != Some(0.0),
        Json::String(x) => !x.is_empty(),
        Json::Array(x) => !x.is_empty(),
        Json::Object(x) => !x.is_empty(),
    }
}

/// `PrefectSecret` and `EnvVarSecret`: tasks that read a secret.
fn secret(class: &str, task: &TaskSpec) -> Result<TaskBody, String> {
    let name = task.secret_name.clone().unwrap_or_default();
    match (class, task.cast.as_deref()) {
        ("PrefectSecret", None) => {
            Ok(TaskBody::new([], move |_| Ok(Value::new(Secret::new(&name).get()?.expose().clone()))))
        }
        ("EnvVarSecret", cast @ (None | Some("int"))) => {
            let (cast, required) = (cast.is_some(), task.raise_if_missing);
            Ok(TaskBody::new([], move |_| {
                let secret = EnvVarSecret::new(&name);
                let text = if required { Some(secret.required()?) } else { secret.get() };
                let Some(text) = text else { return Ok(Value::new(Json::Null)) };
                let text = text.expose();
                Ok(Value::new(if cast { json!(text.parse::<i64>()?) } else { json!(text) }))
            }))
        }
        (class, Some(cast)) => Err(format!("{class} with cast {cast}")),
        (class, None) => Err(format!("built-in task {class}")),
    }
}
