//! What the body of a flow returns, read from a run of it.
use std::fmt;

use super::TaskRef;
use crate::{Node, State};

/// What the body of a flow may return: nodes, and tuples and lists of them.
#[diagnostic::on_unimplemented(
    message = "a flow cannot return `{Self}`",
    label = "expected results of tasks, or nothing",
    note = "a flow returns nothing, `Node<T>` for a `T` that is `Clone`, or a tuple, a list or an `Option` of these"
)]
pub trait FlowOutput: Clone {
    /// What a run gives for it.
    type Value;

    /// The tasks whose results are needed.
    fn nodes(&self) -> Vec<TaskRef>;

    /// The same of other tasks: those that these have become as a part of another flow.
    #[must_use]
    fn moved(&self, to: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self;

    /// The value, read from the final states of the tasks.
    ///
    /// # Errors
    /// If a task has no result.
    fn read(&self, state_of: &mut dyn FnMut(TaskRef) -> State) -> Result<Self::Value, MissingResult>;
}

#[diagnostic::do_not_recommend]
impl FlowOutput for () {
    type Value = ();

    fn nodes(&self) -> Vec<TaskRef> {
        Vec::new()
    }

    fn moved(&self, _: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self {}

    fn read(&self, _: &mut dyn FnMut(TaskRef) -> State) -> Result<(), MissingResult> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> FlowOutput for Node<T> {
    type Value = T;

    fn nodes(&self) -> Vec<TaskRef> {
        vec![self.task()]
    }

    fn moved(&self, to: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self {
        let TaskRef { graph, task } = to(self.task());
        Self::new((graph, task))
    }

    fn read(&self, state_of: &mut dyn FnMut(TaskRef) -> State) -> Result<T, MissingResult> {
        let state = state_of(self.task());
        match state.value::<T>() {
            Some(value) if state.kind().is_successful() => Ok(value.clone()),
            _ => Err(MissingResult { task: String::new(), state }),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<O: FlowOutput> FlowOutput for Vec<O> {
    type Value = Vec<O::Value>;

    fn nodes(&self) -> Vec<TaskRef> {
        self.iter().flat_map(O::nodes).collect()
    }

    fn moved(&self, to: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self {
        self.iter().map(|node| node.moved(to)).collect()
    }

    fn read(&self, state_of: &mut dyn FnMut(TaskRef) -> State) -> Result<Self::Value, MissingResult> {
        self.iter().map(|node| node.read(state_of)).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<O: FlowOutput, const N: usize> FlowOutput for [O; N] {
    type Value = [O::Value; N];

    fn nodes(&self) -> Vec<TaskRef> {
        self.iter().flat_map(O::nodes).collect()
    }

    fn moved(&self, to: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self {
        self.each_ref().map(|node| node.moved(to))
    }

    fn read(&self, state_of: &mut dyn FnMut(TaskRef) -> State) -> Result<Self::Value, MissingResult> {
        let values: Vec<_> = self.iter().map(|node| node.read(state_of)).collect::<Result<_, _>>()?;
        Ok(values.try_into().unwrap_or_else(|_| unreachable!("one value for each of the {N} nodes")))
    }
}

#[diagnostic::do_not_recommend]
impl<O: FlowOutput> FlowOutput for Option<O> {
    type Value = Option<O::Value>;

    fn nodes(&self) -> Vec<TaskRef> {
        self.iter().flat_map(O::nodes).collect()
    }

    fn moved(&self, to: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self {
        self.as_ref().map(|node| node.moved(to))
    }

    fn read(&self, state_of: &mut dyn FnMut(TaskRef) -> State) -> Result<Self::Value, MissingResult> {
        self.as_ref().map(|node| node.read(state_of)).transpose()
    }
}

macro_rules! tuple_output {
    ($($t:ident)*) => {
        #[diagnostic::do_not_recommend]
        #[allow(non_snake_case, reason = "one letter for the type and its value")]
        impl<$($t: FlowOutput),*> FlowOutput for ($($t,)*) {
            type Value = ($($t::Value,)*);

            fn nodes(&self) -> Vec<TaskRef> {
                let ($($t,)*) = self;
                [$($t.nodes()),*].concat()
            }

            fn moved(&self, to: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self {
                let ($($t,)*) = self;
                ($($t.moved(to),)*)
            }

    fn read(&self, state_of: &mut dyn FnMut(TaskRef) -> State) -> Result<Self::Value, MissingResult> {
                let ($($t,)*) = self;
                Ok(($($t.read(state_of)?,)*))
            }
        }
    };
}
tuple_output!(A);
tuple_output!(A B);
tuple_output!(A B C);
tuple_output!(A B C D);
tuple_output!(A B C D E);
tuple_output!(A B C D E F);
tuple_output!(A B C D E F G);
tuple_output!(A B C D E F G H);

/// The tasks that a flow returns, without the type: for who does not read them.
#[derive(Clone, Debug)]
pub(crate) struct Unread(pub(crate) Vec<TaskRef>);

impl FlowOutput for Unread {
    type Value = ();

    fn nodes(&self) -> Vec<TaskRef> {
        self.0.clone()
    }

    fn moved(&self, to: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self {
        Self(self.0.iter().map(|task| to(*task)).collect())
    }

    fn read(&self, _: &mut dyn FnMut(TaskRef) -> State) -> Result<(), MissingResult> {
        Ok(())
    }
}

/// A task that a flow returns has no result: it failed, was skipped, or never ran.
#[derive(Clone, Debug)]
pub struct MissingResult {
    /// The name of the task.
    pub task: String,
    /// The state it ended in.
    pub state: State,
}

impl fmt::Display for MissingResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task `{}` has no result: it is in a {} state", self.task, self.state.kind())?;
        match self.state.message() {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for MissingResult {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_inside_lists_and_tuples() {
        let [a, b] = [0, 1].map(|task| Node::<i64>::new((7, task)));
        let text = Node::<String>::new((7, 2));
        let output = (vec![a, b], [text], Some(a), None::<Node<i64>>, ());
        assert_eq!(output.nodes().iter().map(|n| n.task).collect::<Vec<_>>(), [0, 1, 2, 0]);
        let mut states = |task: TaskRef| match task.task {
            2 => State::success("text".to_owned()),
            n => State::success(i64::from(n)),
        };
        assert_eq!(output.read(&mut states).unwrap(), (vec![0, 1], ["text".to_owned()], Some(0), None, ()));
        let error = (a, text).read(&mut |_| State::failed("boom")).unwrap_err();
        assert_eq!(error.state.message(), Some("boom"));
    }
}
