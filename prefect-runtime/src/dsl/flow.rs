//! What `flow!` and `#[prefect::flow]` expand to.
use super::{Input, IntoInput, Node, Upstream};
use crate::flow::graph::Code;
use crate::flow::{
    BodyKind, BodyOutcome, Flow, FlowOptions, FlowOutput, Parameter, Slot, TaskCode, TaskDefinition, TypeInfo, scope,
};

/// For the macros: builds a flow.
#[track_caller]
pub fn flow<O>(options: FlowOptions, body: impl FnOnce() -> O) -> Flow<O> {
    scope::build(options, body)
}

/// For the macros: what the body returned.
pub fn returned<O: FlowOutput>(output: O) -> O {
    output
}

/// Names the tasks that decide how a run of the flow ends, in place of those that nothing reads.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn load() -> i64 {
///     1
/// }
/// #[task]
/// fn report(x: i64) {
///     println!("{x}");
/// }
///
/// flow!("load", {
///     let rows = load();
///     report(rows);
///     reference_tasks([rows]); // a report that fails does not fail the flow
/// });
/// ```
///
/// # Panics
/// If no flow is being built, or a task belongs to another one.
#[track_caller]
pub fn reference_tasks(tasks: impl Upstream) {
    let tasks = tasks.tasks();
    scope::edit(|flow| flow.set_reference_tasks(tasks));
}

/// For the macros: a flow function was called.
///
/// # Panics
/// If no flow is being built.
#[track_caller]
pub fn in_flow(name: &str) {
    assert!(
        scope::is_building(),
        "flow `{name}` called outside a flow: `{name}::flow()` is the flow itself, which can be run"
    );
}

/// The code of a task that gives back its input.
struct Same<T>(T);
impl<T: Send + Sync + 'static> Same<T> {
    const CODE: &'static TaskCode = &TaskCode {
        run: |inputs| BodyOutcome::Done(Ok(inputs.take_value(0))),
        parameters: &[Parameter::of::<T>("value")],
        shared: &[],
        gives: TypeInfo::of::<T>(),
        kind: BodyKind::Sync,
    };
}

fn same<T: Send + Sync + 'static>(name: &'static str, slot: Slot) -> Node<T> {
    let code = Code::Static(Same::<T>::CODE);
    Node::new(scope::add_made(TaskDefinition::new(name), code, &mut [Some(slot)]))
}

/// For the macros: a parameter that the caller gave. A task's result is used as it is; a constant becomes a task of the
/// parameter's name, as in Prefect.
#[must_use]
#[track_caller]
pub fn parameter_node<T: Send + Sync + 'static>(name: &'static str, slot: Slot) -> Node<T> {
    match (slot, scope::open_graph()) {
        (Slot::Upstream(task), Some(graph)) => Node::new((graph, task)),
        (slot, _) => same(name, slot),
    }
}

/// For the macros: what a flow function returns: any argument of that type.
#[track_caller]
pub fn output_node<T: Send + Sync + 'static>(value: impl IntoInput<T>) -> Node<T> {
    let input: Input<T> = value.into_input();
    parameter_node("output", input.into_slot())
}
