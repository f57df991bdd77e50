//! A flow as a part of another: Prefect's `flow.update`.
use std::sync::Arc;

use super::builder::{FlowBuilder, TaskRef};
use super::graph::{TaskId, id};
use super::inputs::{Computed, Each, EachOf, Slot};
use super::{Flow, FlowOutput, scope};

/// Where the tasks of a flow are that became a part of another: see [`FlowBuilder::update`].
#[derive(Clone, Copy, Debug)]
pub struct Updated {
    from: u32,
    into: u32,
    first: TaskId,
}

impl Updated {
    /// The task of the larger flow that this task of the part has become.
    ///
    /// # Panics
    /// If it is no task of the part.
    #[must_use]
    #[track_caller]
    pub fn task(&self, task: TaskRef) -> TaskRef {
        TaskRef { graph: self.into, task: self.first + task.of(self.from) }
    }
}

impl FlowBuilder {
    /// Adds the tasks of another flow, with their edges and constants: Prefect's `flow.update`.
    ///
    /// Its name, its handlers and its reference tasks do not come along, nor what it shares. Its parameters become those of
    /// the whole.
    ///
    /// ```
    /// use prefect::{FlowBuilder, FlowOptions, Parameter, TaskBody, TaskDefinition, Value};
    ///
    /// let mut part = FlowBuilder::new(FlowOptions::new("part"));
    /// let one = part.task(TaskDefinition::new("one"), TaskBody::new([], |_| Ok(Value::new(1_i64))));
    /// let part = part.build();
    ///
    /// let mut flow = FlowBuilder::new(FlowOptions::new("whole"));
    /// let next = flow.task(
    ///     TaskDefinition::new("next"),
    ///     TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(Value::new(*inputs.take::<i64>(0) + 1))),
    /// );
    /// let one = flow.update(&part).task(one);
    /// flow.edge(one, next, "x");
    /// assert_eq!(flow.build().run().state_of(next).value::<i64>(), Some(&2));
    /// ```
    ///
    /// # Panics
    /// If both flows have a parameter of the same name.
    #[track_caller]
    pub fn update<O>(&mut self, part: &Flow<O>) -> Updated {
        let (graph, first) = (&part.graph, self.next_task());
        let kinds: Vec<u32> = graph.kinds.iter().map(|kind| self.add_kind(kind.clone())).collect();
        for task in 0..id(graph.len()) {
            let node = graph.nodes[task as usize];
            let data: Vec<_> = graph.data_upstream(task).iter().map(|from| first + from).collect();
            let slots = graph.slots(task).map(|slots| slots.iter().map(|slot| slot.moved(first)).collect());
            let made = self.push_copy(kinds[node.kind as usize], &data, slots);
            for from in &graph.upstream(task)[data.len()..] {
                self.after(made, first + from);
            }
        }
        for parameter in &graph.parameters {
            self.adopt(first + parameter.task, parameter);
        }
        Updated { from: graph.id, into: self.id, first }
    }
}

/// Adds the tasks of another flow to the one that is being built, and gives what its body returned: Prefect's
/// `flow.update`.
///
/// Its name, its handlers and its reference tasks do not come along, nor what it shares and the values that it was given for
/// its parameters, which become parameters of the whole. A `#[prefect::flow]` function is
/// more: it can be called with arguments.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn load() -> i64 {
///     5
/// }
/// #[task]
/// fn report(rows: i64) -> String {
///     format!("{rows} rows")
/// }
///
/// let load = flow!("load", { load() });
/// let flow = flow!("report", { report(prefect::update(&load)) });
/// assert_eq!(flow.run().output().unwrap(), "5 rows");
/// ```
///
/// # Panics
/// If no flow is being built. If both flows have a parameter of the same name.
#[track_caller]
pub fn update<O: FlowOutput>(part: &Flow<O>) -> O {
    let updated = scope::edit(|flow| flow.update(part));
    part.output.moved(&mut |task| updated.task(task))
}

impl Slot {
    /// The same, in a flow where the tasks have higher numbers.
    fn moved(&self, by: u32) -> Self {
        let all = |tasks: &[u32]| tasks.iter().map(|task| task + by).collect();
        match self {
            Self::Upstream(task) => Self::Upstream(task + by),
            Self::Value(value) => Self::Value(value.clone()),
            Self::Computed(Computed { upstream, make }) => {
                Self::Computed(Computed { upstream: all(upstream), make: Arc::clone(make) })
            }
            Self::Each(each) => {
                let of = match &each.of {
                    EachOf::Task(task) => EachOf::Task(task + by),
                    EachOf::Constant(value) => EachOf::Constant(value.clone()),
                    EachOf::Tasks(tasks) => EachOf::Tasks(all(tasks)),
                };
                Self::Each(Each { of, ..each.clone() })
            }
        }
    }
}
