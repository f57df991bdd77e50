//! What the edges of a task bring, as the inputs of its body.
use crate::engine::RunId;
use crate::flow::definition::Expects;
use crate::flow::graph::{Code, TaskId};
use crate::flow::inputs::{Each, EachOf};
use crate::flow::{Children, Gave, Parameter, Passed, Slot};
use crate::panics::{Caught, guard};
use crate::run::RunCore;
use crate::{State, StateKind, TaskError, Value};

/// What inputs were made of that are not just what one edge brings: the place of the input, and what several edges brought,
/// or one before it was converted.
pub(super) type MadeOf = Vec<(usize, Vec<Passed>)>;

/// Puts what the edges bring, and the constants, in the order of the parameters. Gives the first input that has no value
/// because its task did not succeed. Notes what inputs were made of, if somebody wants to know.
#[inline]
pub(super) fn load_inputs(
    core: &RunCore,
    run: RunId,
    passed: &mut Vec<Passed>,
    inputs: &mut Vec<Option<Value>>,
    mut made_of: Option<&mut MadeOf>,
) -> Result<Option<TaskError>, TaskError> {
    let task = run.task;
    let mut missing = None;
    let mut load = |parameter: &Parameter, passed: Passed, from: TaskId| {
        match load_one(core, parameter, passed, from) {
            Ok(value) => return Ok(Some(value)),
            Err(NoInput::NotSuccessful(error)) => missing.get_or_insert_with(|| error.into()),
            Err(NoInput::Unfit(error)) => return Err(TaskError::from(error)),
        };
        Ok(None)
    };
    let slots = core.graph.slots(task);
    if slots.is_none() && passed.iter().all(|passed| matches!(passed, Passed::Value(_))) && is_static(core, task) {
        // The compiler has seen to the types.
        inputs.extend(passed.drain(..).map(|passed| match passed {
            Passed::Value(value) => Some(value),
            _ => unreachable!("just looked at"),
        }));
        return Ok(None);
    }
    let parameters = core.graph.kind(task).code.parameters();
    let upstream = core.graph.data_upstream(task);
    let mut passed = passed.drain(..);
    let Some(slots) = slots else {
        for ((parameter, from), passed) in parameters.iter().zip(upstream).zip(passed) {
            note(made_of.as_deref_mut(), inputs.len(), parameter, &passed);
            inputs.push(load(parameter, passed, *from)?);
        }
        return Ok(missing);
    };
    for (parameter, slot) in parameters.iter().zip(slots) {
        inputs.push(match slot {
            Slot::Value(value) => {
                let passed = Passed::Value(value.clone());
                note(made_of.as_deref_mut(), inputs.len(), parameter, &passed);
                load(parameter, passed, task)?
            }
            Slot::Upstream(from) => {
                let passed = passed.next().expect("one for each edge");
                note(made_of.as_deref_mut(), inputs.len(), parameter, &passed);
                load(parameter, passed, *from)?
            }
            Slot::Computed(computed) => {
                let edges = computed.upstream.len();
                let given = &passed.as_slice()[..edges];
                if let Some(made_of) = &mut made_of {
                    made_of.push((inputs.len(), given.to_vec()));
                }
                match guard(|| (computed.make)(given)).map_err(Caught::into_error)? {
                    Ok(value) => {
                        passed.by_ref().take(edges).for_each(drop);
                        load(parameter, Passed::Value(value), computed.upstream.first().copied().unwrap_or(task))?
                    }
                    // The edge that has no value where one is needed; of a mapped task, the child.
                    Err(i) => {
                        let mut given: Vec<_> = passed.by_ref().take(edges).collect();
                        let from = computed.upstream.get(i).or(computed.upstream.last()).copied().unwrap_or(task);
                        let mapped = matches!(&given[..], [Passed::Children(_)]);
                        let part = match given.pop() {
                            Some(Passed::Children(children)) if mapped => children.get(i).map(Gave::to_passed),
                            last => given.into_iter().chain(last).nth(i),
                        };
                        let part = part.expect("one of those it was given");
                        match part.value().filter(|_| part.is_success()) {
                            Some(value) => return Err(unfit_part(core, parameter, from, value)),
                            None => load(parameter, part, from)?,
                        }
                    }
                }
            }
            Slot::Each(Each { of, elements, convert }) => {
                let from = match of {
                    EachOf::Task(from) => *from,
                    EachOf::Tasks(tasks) => tasks[run.child.expect("only children take elements") as usize],
                    EachOf::Constant(_) => task,
                };
                let element = match passed.next().expect("one for each list") {
                    Passed::List(list) => {
                        let child = run.child.expect("only children take elements") as usize;
                        // Copying an element is user code.
                        Passed::Value(guard(|| elements.get(&list, child)).map_err(Caught::into_error)?)
                    }
                    other => other,
                };
                match (convert, &mut made_of) {
                    (Some(_), Some(made_of)) => made_of.push((inputs.len(), vec![element.clone()])),
                    _ => note(made_of.as_deref_mut(), inputs.len(), parameter, &element),
                }
                let made = match convert {
                    Some(convert) => guard(|| convert(&element)).map_err(Caught::into_error)?,
                    None => None,
                };
                load(parameter, made.map_or(element, Passed::Value), from)?
            }
        });
    }
    Ok(missing)
}

/// Notes what one edge brings, where the input itself says too little of it: of states and of children.
fn note(made_of: Option<&mut MadeOf>, place: usize, parameter: &Parameter, passed: &Passed) {
    let Some(made_of) = made_of else { return };
    match (parameter.expects, passed) {
        (Expects::State, _) => made_of.push((place, vec![passed.clone()])),
        (_, Passed::Children(_)) => made_of.push((place, vec![passed.clone().into_values()])),
        _ => {}
    }
}

pub(super) fn is_static(core: &RunCore, task: TaskId) -> bool {
    matches!(core.graph.kind(task).code, Code::Static(_))
}

/// Why there is no input.
enum NoInput {
    /// Its task did not succeed.
    NotSuccessful(String),
    /// Its task succeeded with something else.
    Unfit(String),
}

impl NoInput {
    /// For a task in a state without a value.
    fn of(state: &State, text: String) -> Self {
        let succeeded = state.kind().is_successful() && !state.kind().is_skipped();
        if succeeded { Self::Unfit(text) } else { Self::NotSuccessful(text) }
    }
}

fn load_one(core: &RunCore, parameter: &Parameter, passed: Passed, from: TaskId) -> Result<Value, NoInput> {
    let passed = match parameter.expects {
        Expects::State => passed,
        Expects::Type { .. } | Expects::Any => passed.into_values(),
    };
    match (&parameter.expects, passed) {
        (Expects::State, Passed::State(state)) => Ok(Value::in_memory(*state)),
        (Expects::State, Passed::Value(value)) => Ok(Value::in_memory(success_with(value))),
        (Expects::Any, Passed::Value(value)) => Ok(value),
        (Expects::Type { id, .. }, Passed::Value(value)) if value.type_id_of_value() == id() => Ok(value),
        (Expects::Type { name, .. }, Passed::Value(value)) => Err(NoInput::Unfit(format!(
            "parameter `{}` takes a `{}`, but task `{}` gave a `{}`",
            parameter.name(),
            name(),
            core.graph.name(from),
            value.type_name(),
        ))),
        (Expects::State, Passed::Children(children)) => Ok(Value::in_memory(mapped(children))),
        (Expects::Any, Passed::Children(children)) => values(core, parameter, children, from),
        (Expects::Type { id, .. }, Passed::Children(children)) if id() == std::any::TypeId::of::<Vec<Value>>() => {
            values(core, parameter, children, from)
        }
        (Expects::Type { name, .. }, Passed::Children(_)) => Err(NoInput::Unfit(format!(
            "parameter `{}` takes a `{}`, but task `{}` is mapped: a list of values, `Vec<Value>`, is what it gives",
            parameter.name(),
            name(),
            core.graph.name(from),
        ))),
        (_, Passed::List(_) | Passed::Count(_)) => unreachable!("only a task that is being mapped is given lists"),
        (_, Passed::State(state)) => {
            let text = no_value(core, parameter, from, &state);
            Err(NoInput::of(&state, text))
        }
    }
}

/// One of the tasks that a list, a map or a tuple is made of succeeded with something else.
fn unfit_part(core: &RunCore, parameter: &Parameter, from: TaskId, value: &Value) -> TaskError {
    let name = core.graph.name(from);
    format!("parameter `{}` cannot be made of the `{}` that task `{name}` gave", parameter.name(), value.type_name())
        .into()
}

/// The values of a mapped task's children, if all have one.
fn values(core: &RunCore, parameter: &Parameter, children: Children, from: TaskId) -> Result<Value, NoInput> {
    let values: Result<Vec<Value>, _> = children
        .into_each()
        .into_iter()
        .map(|child| match child {
            Passed::Value(value) => Ok(value),
            Passed::State(state) => Err(NoInput::of(&state, no_value(core, parameter, from, &state))),
            _ => unreachable!("a child gives a value or a state"),
        })
        .collect();
    Ok(Value::in_memory(values?))
}

/// A `Mapped` state whose value is the list of the children's states.
fn mapped(children: Children) -> State {
    let states: Vec<State> = children
        .into_each()
        .into_iter()
        .map(|child| match child {
            Passed::Value(value) => success_with(value),
            Passed::State(state) => *state,
            _ => unreachable!("a child gives a value or a state"),
        })
        .collect();
    crate::engine::plain(StateKind::Mapped).with_value(Value::in_memory(states))
}

fn success_with(value: Value) -> State {
    crate::engine::plain(StateKind::Success).with_value(value)
}

fn no_value(core: &RunCore, parameter: &Parameter, from: TaskId, state: &State) -> String {
    let wanted = match parameter.expects {
        Expects::Type { name, .. } => format!("takes a `{}`", name()),
        Expects::Any | Expects::State => "needs a value".to_owned(),
    };
    format!(
        "parameter `{}` {wanted}, but task `{}` is in a {} state without a value",
        parameter.name(),
        core.graph.name(from),
        state.kind()
    )
}
