//! The flow that is being built on this thread: where calls of tasks go.
use std::cell::RefCell;

use super::Flow;
use super::builder::FlowBuilder;
use super::definition::{TaskCell, TaskCode, TaskDefinition};
use super::graph::{Code, TaskId};
use super::inputs::Slot;
use super::settings::FlowOptions;
use crate::built_in::BuiltIn;
use crate::sync::thread_local;

thread_local! {
    /// Innermost last: a flow may be built within another, as a graph of its own.
    static OPEN: RefCell<Vec<FlowBuilder>> = const { RefCell::new(Vec::new()) };
}

/// Pops the open flow, also when the body panics.
struct Open;

impl Open {
    fn new(options: FlowOptions) -> Self {
        OPEN.with_borrow_mut(|open| open.push(FlowBuilder::new(options)));
        Self
    }

    fn close(self) -> FlowBuilder {
        let builder = OPEN.with_borrow_mut(Vec::pop).expect("opened before");
        std::mem::forget(self);
        builder
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.with_borrow_mut(Vec::pop);
    }
}

/// Builds a flow: calls of tasks in `body` become its tasks.
///
/// Calls alone make no cycle: only `set_upstream` and its like can.
#[track_caller]
pub(crate) fn build<O>(options: FlowOptions, body: impl FnOnce() -> O) -> Flow<O> {
    let open = Open::new(options);
    let output = body();
    let builder = open.close();
    let may_be_cyclic = !builder.order_edges().is_empty();
    let graph = builder.finish();
    if may_be_cyclic && let Err(cycle) = graph.order() {
        panic!("flow `{}`: {cycle}", graph.name);
    }
    Flow::new(graph, output)
}

/// Whether a flow is being built on this thread.
pub(crate) fn is_building() -> bool {
    OPEN.with_borrow(|open| !open.is_empty())
}

/// The number of the flow that is being built.
pub(crate) fn open_graph() -> Option<u32> {
    OPEN.with_borrow(|open| open.last().map(|builder| builder.id))
}

/// Adds a call of a task function. Gives the number of the flow and of the task.
#[track_caller]
pub(crate) fn add_call(cell: &'static TaskCell, code: &'static TaskCode, inputs: &mut [Option<Slot>]) -> (u32, TaskId) {
    OPEN.with_borrow_mut(|open| {
        let builder = open.last_mut()?;
        Some((builder.id, builder.add_call(cell, code, inputs)))
    })
    .unwrap_or_else(|| {
        let name = cell.definition().name();
        panic!("task `{name}` called outside a flow: call it in `flow!(\"name\", {{ .. }})`, or run it directly by its `run(..)`")
    })
}

/// Adds a task whose definition was made for this call.
#[track_caller]
pub(crate) fn add_made(definition: TaskDefinition, code: Code, inputs: &mut [Option<Slot>]) -> (u32, TaskId) {
    edit(|builder| (builder.id, builder.add_made(definition, code, inputs)))
}

/// Adds one of Prefect's own tasks. Gives the number of the flow and of the task.
#[track_caller]
pub(crate) fn add_built_in(made: BuiltIn, inputs: &mut [Option<Slot>]) -> (u32, TaskId) {
    edit(|builder| (builder.id, builder.add_built_in(made, inputs)))
}

/// Changes the flow that is being built.
#[track_caller]
pub(crate) fn edit<R>(change: impl FnOnce(&mut FlowBuilder) -> R) -> R {
    OPEN.with_borrow_mut(|open| open.last_mut().map(change)).unwrap_or_else(|| panic!("no flow is being built here"))
}
