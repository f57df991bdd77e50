//! Resources: set up before a block of tasks, cleaned up after it.
use std::fmt;
use std::marker::PhantomData;

use super::control::block;
use super::node::Upstream;
use super::{Input, IntoGeneric, IntoInput, Node};
use crate::built_in::{SetUp, cleans_up, sets_up};
use crate::flow::{Slot, scope};

/// A resource inside its block, where tasks take it like any other result. It cannot leave the block.
pub struct Resource<'a, T> {
    node: Node<T>,
    /// Invariant, so that no longer block can be meant.
    block: PhantomData<fn(&'a ()) -> &'a ()>,
}

impl<T> Clone for Resource<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Resource<'_, T> {}

impl<T> fmt::Debug for Resource<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resource").field(&self.node).finish()
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoInput<T> for Resource<'_, T> {
    #[track_caller]
    fn into_input(self) -> Input<T> {
        Input::new(Slot::Upstream(self.node.own()))
    }
}

#[diagnostic::do_not_recommend]
impl<T> IntoGeneric<T> for Resource<'_, T> {
    #[track_caller]
    fn into_input(self) -> Input<T> {
        Input::new(Slot::Upstream(self.node.own()))
    }
}

#[diagnostic::do_not_recommend]
impl<T> Upstream for Resource<'_, T> {
    #[track_caller]
    fn tasks(self) -> Vec<u32> {
        self.node.tasks()
    }
}

/// Prefect's resource manager: what `setup` gives is there for the tasks of the block, and `cleanup` runs after all of
/// them, whatever became of them.
///
/// Set-up and clean-up are ordinary tasks. A resource need be neither `Clone` nor `Serialize`: mark the set-up `in_memory`,
/// and take the resource by reference. Every task of the block waits for the set-up, also one that does not take it. If the
/// set-up fails or is skipped, the clean-up is skipped. A clean-up that fails does not fail the flow.
///
/// Before a task of the block is retried the set-up runs again, with the inputs that it had (unless the task has failed in
/// another process, and the set-up has run in this one since). The retried task and what waits for it see the new resource,
/// everybody else the old one. The clean-up runs once, with the last resource; those before are dropped when nobody needs
/// them any more.
///
/// ```
/// use prefect::prelude::*;
///
/// struct Db(String);
///
/// #[task(in_memory)]
/// fn open(path: String) -> Db {
///     Db(path)
/// }
/// #[task]
/// fn close(db: &Db) {
///     println!("{} is closed", db.0);
/// }
/// #[task]
/// fn query(db: &Db, n: usize) -> usize {
///     db.0.len() + n
/// }
///
/// let flow = flow!("sum", { resource(open("a.db"), close, |db| query(db, 1) + query(db, 2)) });
/// assert_eq!(flow.run().output().unwrap(), 11);
/// ```
///
/// # Panics
/// If no flow is being built, the set-up belongs to another one, or `cleanup` makes more than one task or gives one that was
/// made before.
#[track_caller]
pub fn resource<T, K, R>(
    setup: Node<T>,
    cleanup: impl FnOnce(Node<T>) -> Node<K>,
    body: impl for<'a> FnOnce(Resource<'a, T>) -> R,
) -> R {
    let first = setup.own();
    let (result, last) = block(first, || body(Resource { node: setup, block: PhantomData }));
    let next = scope::edit(|flow| flow.next_task());
    let task = cleanup(setup).own();
    let end = scope::edit(|flow| flow.next_task());
    assert!(task == next && end == next + 1, "the clean-up of a resource is one task, made there");
    scope::edit(|flow| {
        for upstream in last.into_iter().chain([first]) {
            flow.after(task, upstream);
        }
        flow.edit(first, sets_up);
        flow.edit(task, |definition| cleans_up(definition, SetUp::By(first)));
    });
    result
}
