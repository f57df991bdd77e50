//! The bodies of a case, as the library's.
use std::time::Duration;

use prefect::{Inputs, Parameter, Signal, State, StateKind, TaskBody, TaskError, Value, built_in, context, raise};

use super::super::{Body, Carries, Outcome, Role, Script, Takes, Task, Val};
use super::handlers::signal;
use super::witness::Witness;

/// Typed parameters are named by the macros, which know their names when they are compiled.
const NAMES: [&str; 8] = ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"];

/// The parameter that an input is given to: those of edges first, then those of constant lists.
pub(super) fn key(task: &Task, input: usize) -> String {
    match (&task.body, task.role) {
        (Body::Compare(_) | Body::CompareTruth(_), _) => "value".to_owned(),
        (Body::AsBool, _) => "x".to_owned(),
        (Body::Filter(_), _) => "task_results".to_owned(),
        (Body::Parameter(_), _) => unreachable!("it has no inputs"),
        (Body::Merge, _) => {
            let before = task.edges[..input].iter().filter(|edge| edge.carries == Carries::Data);
            format!("task_{}", before.count() + 1)
        }
        (Body::Own(_), Role::ResourceCleanup) => ["mgr", "resource"][input].to_owned(),
        (Body::Own(_), _) => NAMES[input].to_owned(),
    }
}

/// The code; and what the library's own tasks bring besides.
pub(super) fn made(task: &Task, witness: &Witness) -> built_in::BuiltIn {
    let (definition, body) = match (&task.body, task.role) {
        (Body::Compare(value), _) => built_in::compare_value(*value),
        (Body::CompareTruth(value), _) => built_in::compare_value(*value),
        (Body::AsBool, _) => built_in::as_bool(|x: &i64| x % 2 != 0),
        (Body::Merge, _) => built_in::merge(task.edges.iter().filter(|edge| edge.carries == Carries::Data).count()),
        (Body::Filter(least), _) => {
            let least = *least;
            built_in::filter_task(move |n: &i64| *n > least)
        }
        (Body::Parameter(default), _) => built_in::parameter_or(task.name.clone(), *default),
        (Body::Own(script), Role::ResourceCleanup) => {
            let (script, witness) = (script.clone(), witness.clone());
            built_in::resource_cleanup("", move |manager: &i64, resource: &i64| {
                let outcome = script.call(None, witness.called(None)).clone();
                end(outcome, manager.wrapping_add(*resource)).map(drop)
            })
        }
        (Body::Own(script), Role::ResourceInit) => built_in::resource_init("", own(task, script, witness)),
        (Body::Own(script), Role::Work) => (prefect::TaskDefinition::new(""), own(task, script, witness)),
    };
    (definition.named(task.name.clone()), body)
}

fn own(task: &Task, script: &Script, witness: &Witness) -> TaskBody {
    let edges = task.edges.iter().enumerate().filter(|(_, edge)| edge.carries != Carries::Order).map(|(i, _)| i);
    let parameters: Vec<_> = edges
        .chain((0..task.over.len()).map(|i| task.edges.len() + i))
        .map(|i| match task.takes {
            _ if task.reads.is_outcome(i) => Parameter::state(NAMES[i]),
            Takes::Number => Parameter::of::<i64>(NAMES[i]),
            Takes::Any => Parameter::any(NAMES[i]),
        })
        .collect();
    let (script, witness) = (script.clone(), witness.clone());
    let call = move |inputs: &mut Inputs<'_>| {
        let inputs = (0..inputs.len()).fold(0_i64, |all, i| all.wrapping_add(sum(&inputs.take_value(i))));
        called(&script, &witness, inputs)
    };
    if task.edges.len().is_multiple_of(2) {
        return TaskBody::new(parameters, move |inputs| {
            let (outcome, sum) = call(inputs);
            end(outcome, sum)
        });
    }
    TaskBody::new_async(parameters, move |inputs| {
        let (outcome, sum) = call(inputs);
        async move {
            if outcome == Outcome::Timeout {
                std::future::pending::<()>().await;
            }
            end(outcome, sum)
        }
    })
}

/// What this call of a body has to do, and the sum that it works with.
pub(super) fn called(script: &Script, witness: &Witness, inputs: i64) -> (Outcome, i64) {
    let context = context();
    let child = context.map_index();
    let outcome = script.call(child, witness.called(child)).clone();
    let iteration = context.task_loop_result::<i64>().unwrap_or_default();
    let looping = iteration.wrapping_add(i64::from(context.task_loop_count()) - 1);
    let sum = inputs.wrapping_add(looping).wrapping_add(witness.world);
    match outcome {
        Outcome::Index => (Outcome::Linear { times: 1, plus: i64::try_from(child.unwrap_or_default()).unwrap() }, sum),
        Outcome::If { sum: wanted, then } if wanted == sum => (*then, sum),
        Outcome::If { .. } => (Outcome::Linear { times: 1, plus: 0 }, sum),
        outcome => (outcome, sum),
    }
}

/// All numbers in what a parameter got, if they are those of a success.
fn sum(input: &Value) -> i64 {
    if let Some(state) = input.downcast_ref::<State>() {
        return match (state.kind(), state.value::<Vec<State>>()) {
            (StateKind::Mapped, Some(children)) => {
                children.iter().fold(0_i64, |all, child| all.wrapping_add(of_success(child)))
            }
            _ => of_success(state),
        };
    }
    match input.downcast_ref::<Vec<Value>>() {
        Some(children) => children.iter().fold(0_i64, |all, child| all.wrapping_add(sum(child))),
        None => value(input).map_or(0, |value| value.sum()),
    }
}

fn of_success(state: &State) -> i64 {
    match state.result() {
        prefect::StateResult::Value(given) if matches!(state.kind(), StateKind::Success | StateKind::Cached) => {
            value(given).map_or(0, |value| value.sum())
        }
        _ => 0,
    }
}

pub(super) fn value(value: &Value) -> Option<Val> {
    None.or_else(|| value.downcast_ref::<i64>().map(|n| Val::Number(*n)))
        .or_else(|| value.downcast_ref::<Vec<i64>>().cloned().map(Val::List))
        .or_else(|| value.downcast_ref::<Vec<Vec<i64>>>().cloned().map(Val::Lists))
        .or_else(|| value.downcast_ref::<bool>().map(|is| Val::Truth(*is)))
        .or_else(|| value.is::<()>().then_some(Val::Unit))
}

pub(super) fn end(outcome: Outcome, sum: i64) -> Result<Value, TaskError> {
    let numbers = |from: i64, len: usize| (0..).map(move |i| from.wrapping_add(i)).take(len).collect::<Vec<i64>>();
    match outcome {
        Outcome::Linear { times, plus } => Ok(Value::new(times.wrapping_mul(sum).wrapping_add(plus))),
        Outcome::List(len) => Ok(Value::new(numbers(sum, len))),
        Outcome::Lists(lens) => {
            let mut rest = numbers(sum, lens.iter().sum());
            let lists = lens.iter().map(|len| rest.drain(..len).collect::<Vec<_>>());
            Ok(Value::new(lists.collect::<Vec<_>>()))
        }
        Outcome::Returns(value) => Ok(match value {
            Val::Number(n) => Value::new(n),
            Val::List(list) => Value::new(list),
            Val::Lists(lists) => Value::new(lists),
            Val::Truth(is) => Value::new(is),
            Val::Unit => Value::new(()),
        }),
        Outcome::If { .. } | Outcome::Index => unreachable!("seen to before"),
        Outcome::Err(text) => Err(text.into()),
        Outcome::Panic(text) => panic!("{text}"),
        Outcome::Timeout => {
            // Nobody may hear of what it returns in the end.
            prefect::sleep_blocking(Duration::from_hours(1));
            Ok(Value::new(sum))
        }
        Outcome::Signal(raised) if raised.message.is_some() => Err(Signal::into(signal(&raised))),
        Outcome::Signal(raised) => raise(signal(&raised)),
    }
}
