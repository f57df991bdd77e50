//! The result of a task, while the flow is being built.
use std::fmt;
use std::marker::PhantomData;

use super::TaskOptions;
use crate::TaskRef;
use crate::flow::scope;

/// The result of a task, while the flow is being built: to be given to other tasks, as often as needed.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn add(x: i64, y: i64) -> i64 {
///     x + y
/// }
///
/// let flow = flow!("sum", {
///     let three: Node<i64> = add(1, 2);
///     add(three, three)
/// });
/// assert_eq!(flow.name(), "sum");
/// ```
pub struct Node<T> {
    task: TaskRef,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for Node<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Node<T> {}

impl<T> fmt::Debug for Node<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node<{}>({})", std::any::type_name::<T>(), self.task.task)
    }
}

impl<T> Node<T> {
    #[inline]
    pub(crate) fn new((graph, task): (u32, u32)) -> Self {
        Self { task: TaskRef { graph, task }, marker: PhantomData }
    }

    /// The task, without the type of its result.
    #[must_use]
    pub fn task(self) -> TaskRef {
        self.task
    }

    /// Its number in the flow that is being built.
    #[inline]
    #[track_caller]
    pub(crate) fn own(self) -> u32 {
        // Without an open flow the call itself panics, with a better text.
        if let Some(open) = scope::open_graph() {
            assert!(open == self.task.graph, "this task result belongs to another flow");
        }
        self.task.task
    }

    /// Runs the task after these, without taking their results.
    ///
    /// In `flow!`: `add(1, upstream_tasks = [a, b])`.
    ///
    /// # Panics
    /// If a task belongs to another flow, or is the task itself.
    #[track_caller]
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "it changes the flow")]
    pub fn after(self, upstream: impl Upstream) -> Self {
        let task = self.own();
        for upstream in upstream.tasks() {
            put_after(task, upstream);
        }
        self
    }

    /// Runs this task after these, without taking their results; Prefect's name for [`after`](Self::after).
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn tidy() {}
    /// #[task]
    /// fn load() {}
    ///
    /// let flow = flow!("order", {
    ///     let (tidy, load) = (tidy(), load());
    ///     load.set_upstream(tidy);
    /// });
    /// let run = flow.run();
    /// assert_eq!(run.state().kind(), Success);
    /// ```
    ///
    /// # Panics
    /// If a task belongs to another flow, or is the task itself. A cycle is found when the flow is built.
    #[track_caller]
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "it changes the flow")]
    pub fn set_upstream(self, upstream: impl Upstream) -> Self {
        self.after(upstream)
    }

    /// Runs these tasks after this one, without giving them its result.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn check() -> Result<(), String> {
    ///     Err("disk full".to_owned())
    /// }
    /// #[task]
    /// fn load() -> i64 {
    ///     1
    /// }
    ///
    /// let flow = flow!("order", {
    ///     let load = load();
    ///     check().set_downstream(load);
    ///     load
    /// });
    /// assert_eq!(flow.run().output().unwrap_err().state.kind(), TriggerFailed);
    /// ```
    ///
    /// # Panics
    /// As [`set_upstream`](Self::set_upstream).
    #[track_caller]
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "it changes the flow")]
    pub fn set_downstream(self, downstream: impl Upstream) -> Self {
        let task = self.own();
        for downstream in downstream.tasks() {
            put_after(downstream, task);
        }
        self
    }

    /// Changes the options of this call, and of no other call of the same function.
    ///
    /// In `flow!`: `add(1, task_args = options().name("n"))`.
    ///
    /// # Panics
    /// If the task belongs to another flow.
    #[track_caller]
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "it changes the flow")]
    pub fn with(self, options: TaskOptions) -> Self {
        let task = self.own();
        scope::edit(|flow| flow.edit(task, |definition| options.apply(definition)));
        self
    }
}

/// Tasks of which no result is taken: a node, a list of nodes, or a tuple of nodes of different types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an upstream task",
    label = "expected the result of a task",
    note = "results of different types go into a tuple: `after((a, b))`"
)]
pub trait Upstream {
    /// Their numbers in the flow that is being built.
    ///
    /// # Panics
    /// If a task belongs to another flow.
    #[track_caller]
    fn tasks(self) -> Vec<u32>;
}

#[track_caller]
fn put_after(task: u32, upstream: u32) {
    // Not within `edit`, so that the panic is at the line of the caller.
    assert!(task != upstream, "{}", scope::edit(|flow| flow.loop_text(task)));
    scope::edit(|flow| flow.after(task, upstream));
}

/// The numbers of these tasks in the flow that is being built.
#[track_caller]
pub(super) fn own_all<T>(nodes: impl IntoIterator<Item = Node<T>>) -> Vec<u32> {
    let nodes = nodes.into_iter();
    let mut tasks = Vec::with_capacity(nodes.size_hint().0);
    // A loop, because a closure would not hand on whose call it is.
    for node in nodes {
        tasks.push(node.own());
    }
    tasks
}

#[diagnostic::do_not_recommend]
impl<T> Upstream for Node<T> {
    #[track_caller]
    fn tasks(self) -> Vec<u32> {
        vec![self.own()]
    }
}

/// A task without the type of its result: for lists of tasks with different ones.
#[diagnostic::do_not_recommend]
impl Upstream for TaskRef {
    #[track_caller]
    fn tasks(self) -> Vec<u32> {
        Node::<()> { task: self, marker: PhantomData }.tasks()
    }
}

#[diagnostic::do_not_recommend]
impl<U: Upstream> Upstream for Vec<U> {
    fn tasks(self) -> Vec<u32> {
        self.into_iter().flat_map(U::tasks).collect()
    }
}

#[diagnostic::do_not_recommend]
impl<U: Upstream, const N: usize> Upstream for [U; N] {
    fn tasks(self) -> Vec<u32> {
        self.into_iter().flat_map(U::tasks).collect()
    }
}

macro_rules! upstream_tuple {
    ($($t:ident)*) => {
        #[diagnostic::do_not_recommend]
        #[allow(non_snake_case, reason = "one letter for the type and its value")]
        impl<$($t: Upstream),*> Upstream for ($($t,)*) {
            fn tasks(self) -> Vec<u32> {
                let ($($t,)*) = self;
                [$($t.tasks()),*].concat()
            }
        }
    };
}
upstream_tuple!(A);
upstream_tuple!(A B);
upstream_tuple!(A B C);
upstream_tuple!(A B C D);
upstream_tuple!(A B C D E);
upstream_tuple!(A B C D E F);
upstream_tuple!(A B C D E F G);
upstream_tuple!(A B C D E F G H);
