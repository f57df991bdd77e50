//! What building a flow refuses, and when: tried one by one.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use prefect::prelude::*;
use prefect::{
    Config, Elements, Executor, FlowBuilder, FlowOptions, Parameter, RunSettings, Secret, TaskBody, TaskDefinition,
    TaskRef, Value, built_in,
};
use serde_json::{Value as Json, json};

use crate::normalise::texts;

/// What becomes of an attempt in this library.
enum Here {
    /// It is tried. The text of an error begins with Prefect's words, and says more: which task, which flow.
    Tried(fn() -> Json),
    /// It is tried, and refused in words of our own: those on record are about Python, or name a rule that is another here.
    InOwnWords(fn() -> Json, &'static str),
    /// The compiler refuses it, with the text that is kept with this program of the test `ui`.
    ByTheCompiler(&'static str),
    /// It cannot be tried, or is no mistake: why.
    NoMistake(&'static str),
}

use Here::{ByTheCompiler, InOwnWords, NoMistake, Tried};

const ATTEMPTS: [(&str, Here); 30] = [
    ("edges a->b and b->a without validation", Tried(|| accepted(|| drop(cycle())))),
    ("edges a->b and b->a with validate=True", Tried(|| without("flow `f`: ", refused(typed_cycle)))),
    ("flow.validate() on a cyclic flow", Tried(|| without("flow `f`: ", refused(typed_cycle)))),
    ("flow.run() on a cyclic flow", Tried(run_of_a_cycle)),
    ("edge from a task to itself", Tried(|| refused(|| with_task(|flow, t| flow.order(t, t))))),
    ("Flow without a name", Tried(|| refused(|| drop(FlowOptions::new(""))))),
    (
        "task called outside a flow",
        InOwnWords(
            || refused(|| _ = one()),
            "task `one` called outside a flow: call it in `flow!(\"name\", { .. })`, or run it directly by its `run(..)`",
        ),
    ),
    (
        "same input bound twice with validate=True",
        InOwnWords(
            || refused(|| with_task(|flow, t| (0..2).for_each(|_| flow.constant(t, "x", Value::new(1_i64))))),
            "Argument \"x\" for task <Task: t> has already been assigned in this flow. (flow `f`)",
        ),
    ),
    (
        "edge key that is no identifier",
        InOwnWords(
            || refused(|| with_task(|flow, t| flow.constant(t, "not an identifier", Value::new(1_i64)))),
            "task `t` of flow `f` has no parameter `not an identifier`",
        ),
    ),
    ("parameter as downstream task", Tried(|| refused(parameter_downstream))),
    ("two parameters of one name", Tried(|| refused(two_parameters))),
    ("max_retries without retry_delay", NoMistake("the task is tried again at once")),
    ("retry_delay without max_retries", ByTheCompiler("task/fail/retry_delay_without_max_retries")),
    ("retry_on without max_retries", ByTheCompiler("task/fail/retry_on_without_max_retries")),
    ("retry_on with a value that is no type", ByTheCompiler("task/fail/retry_on_no_error_type")),
    ("timeout that is no integer", NoMistake("a timeout is a duration, of milliseconds too")),
    ("tags given as one string", ByTheCompiler("task/fail/tags_is_a_text")),
    ("task function with *args", NoMistake("a function of Rust has no such arguments")),
    ("task function with an argument named flow", NoMistake("calls have no keyword `flow`, so the name is free")),
    ("reference task outside the flow", Tried(|| refused(foreign_reference_task))),
    ("call without a required argument", ByTheCompiler("arguments/fail/missing_keyword")),
    ("call with an unknown argument", ByTheCompiler("arguments/fail/unknown_keyword")),
    ("unpacking a task without nout", ByTheCompiler("language/fail/unpack_no_tuple")),
    (
        "mapping over an integer literal",
        InOwnWords(
            || refused(|| with_task(|flow, t| flow.map_constant(t, "x", Value::new(5_i64), Elements::of::<i64>()))),
            "Cannot map over unsubscriptable object of type `i64`: it takes the elements of a `alloc::vec::Vec<i64>`. \
             (parameter `x` of task `t` in flow `f`)",
        ),
    ),
    (
        "flow.run inside the flow block",
        InOwnWords(
            run_inside,
            "flow `inner` cannot be run while a flow is being built on the same thread: run it after that",
        ),
    ),
    ("flow.run with return_tasks", NoMistake("`run` takes no such argument: it gives the states of all tasks")),
    ("merge with skip_on_upstream_skip=True", ByTheCompiler("arguments/fail/options_skip")),
    ("reading a secret while building a flow", Tried(secret_while_building)),
    ("reading a missing local secret", Tried(missing_secret)),
    ("slug given twice", NoMistake("slugs are made, not given; of two parameters, see above")),
];

/// The first attempt that has another end here.
pub(crate) fn difference(recorded: &Json) -> Result<Option<String>, String> {
    for attempt in recorded.as_array().into_iter().flatten() {
        let what = attempt["what"].as_str().unwrap_or_default();
        let (_, here) =
            ATTEMPTS.iter().find(|(known, _)| *known == what).ok_or_else(|| format!("the attempt {what}"))?;
        if let Some(difference) = one_difference(attempt, here) {
            return Ok(Some(format!("{what}: {difference}")));
        }
    }
    Ok(None)
}

fn one_difference(attempt: &Json, here: &Here) -> Option<String> {
    let refused_there = attempt["error"].is_string();
    match here {
        Tried(attempt_here) => {
            let seen = attempt_here();
            // The text here goes on: with the task, the flow.
            let (there, here) = (&attempt["message"], &seen["refused"]);
            let same = match (there.as_str(), here.as_str()) {
                (Some(there), Some(here)) => here.starts_with(there),
                _ => {
                    let mut there = attempt["value"].clone();
                    texts(&mut there);
                    there == seen["value"] && !refused_there
                }
            };
            (!same).then(|| format!("{attempt} on record, {seen} seen"))
        }
        InOwnWords(attempt_here, words) => {
            let seen = attempt_here();
            (!refused_there || seen["refused"] != *words).then(|| format!("`{words}` expected, {seen} seen"))
        }
        ByTheCompiler(program) => {
            let text =
                PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("macros/ui").join(program).with_extension("stderr");
            let kept = std::fs::read_to_string(text).is_ok_and(|text| text.starts_with("error"));
            (!refused_there || !kept).then(|| format!("the compiler is not seen to refuse it in `{program}`"))
        }
        NoMistake(why) => {
            println!("no mistake here: {}: {why}", attempt["what"]);
            None
        }
    }
}

/// What was tried, if it went well.
fn accepted(attempt: impl FnOnce()) -> Json {
    attempt();
    json!({ "value": "accepted" })
}

/// The text of the panic, if there was one.
fn refused(attempt: impl FnOnce()) -> Json {
    let Err(panic) = catch_unwind(AssertUnwindSafe(attempt)) else { return json!({ "value": "accepted" }) };
    let text = panic.downcast_ref::<String>().cloned();
    json!({ "refused": text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)) })
}

/// Without the words that say where.
fn without(place: &str, mut seen: Json) -> Json {
    if let Some(rest) = seen["refused"].as_str().and_then(|text| text.strip_prefix(place)) {
        seen["refused"] = rest.into();
    }
    seen
}

#[task]
fn one() -> i64 {
    1
}

/// A task `t` with a parameter `x`, in a flow `f`.
fn flow_with_task() -> (FlowBuilder, TaskRef) {
    let mut flow = FlowBuilder::new(FlowOptions::new("f"));
    let body = TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(inputs.take_value(0)));
    let task = flow.task(TaskDefinition::new("t"), body);
    (flow, task)
}

fn with_task(attempt: impl FnOnce(&mut FlowBuilder, TaskRef)) {
    let (mut flow, task) = flow_with_task();
    attempt(&mut flow, task);
}

fn cycle() -> prefect::Flow {
    let mut flow = FlowBuilder::new(FlowOptions::new("f"));
    let [a, b] = ["a", "b"].map(|name| flow.task(TaskDefinition::new(name), TaskBody::new([], |_| Ok(Value::new(())))));
    flow.order(a, b);
    flow.order(b, a);
    flow.build()
}

fn typed_cycle() {
    flow!("f", {
        let (a, b) = (one(), one());
        a.set_upstream(b);
        b.set_upstream(a);
    });
}

fn run_of_a_cycle() -> Json {
    let run = cycle().with(RunSettings::new().executor(Executor::Local)).run();
    let message = run.state().message().unwrap_or_default();
    // Which tasks is ours to say.
    let told = message.replace(" (a -> b -> a)", "").replace(" (b -> a -> b)", "");
    json!({ "value": { "class": run.state().kind().name(), "message": told } })
}

fn parameter_downstream() {
    with_task(|flow, t| {
        let (definition, body) = built_in::parameter::<i64>("p");
        let p = flow.task(definition, body);
        flow.order(t, p);
        drop(std::mem::replace(flow, FlowBuilder::new(FlowOptions::new("empty"))).build());
    });
}

fn two_parameters() {
    let mut flow = FlowBuilder::new(FlowOptions::new("f"));
    for _ in 0..2 {
        let (definition, body) = built_in::parameter::<i64>("p");
        flow.task(definition, body);
    }
}

fn foreign_reference_task() {
    let (_, other) = flow_with_task();
    with_task(|flow, _| flow.reference_tasks([other]));
}

fn run_inside() -> Json {
    let inner = flow!("inner", { one() });
    refused(|| drop(flow!("f", { drop(inner.run()) })))
}

fn secret_while_building() -> Json {
    let mut told = Json::Null;
    flow!("f", {
        told = Secret::new("X").get().map_or_else(|error| json!({ "refused": error.to_string() }), |_| json!("read"));
    });
    told
}

fn missing_secret() -> Json {
    let config = Config::builder().build().expect("no file");
    let secret = Secret::new("X").get_from(&config);
    secret.map_or_else(|error| json!({ "refused": error.to_string() }), |_| json!("read"))
}
