//! Control flow: tasks that run only if another gave a certain value.
//!
//! A branch is a closure that runs at once, while the flow is built; which of its tasks run is decided when the flow runs.
use std::fmt::Debug;
use std::sync::Arc;

use super::node::Upstream;
use super::{Data, IntoInput, Node, Outcome};
use crate::built_in::{self, BuiltIn};
use crate::flow::{Slot, scope};

/// What a condition can be: results of this type can be compared and shown.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be compared in a condition",
    label = "expected a result that is `PartialEq` and `Debug`"
)]
pub trait Comparable: PartialEq + Debug + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<T: PartialEq + Debug + Send + Sync + 'static> Comparable for T {}

/// A value that the result of a condition of type `C` is compared with.
#[diagnostic::on_unimplemented(
    message = "expected a `{C}` to compare the condition with, found `{Self}`",
    label = "not a plain value of type `{C}`"
)]
pub trait CaseValue<C> {
    /// The value.
    fn into_value(self) -> C;
}
#[diagnostic::do_not_recommend]
impl<T> CaseValue<T> for T {
    fn into_value(self) -> T {
        self
    }
}
#[diagnostic::do_not_recommend]
impl CaseValue<String> for &str {
    fn into_value(self) -> String {
        self.to_owned()
    }
}

/// Adds the task that decides. Gives its number.
#[track_caller]
fn condition<C>(condition: Node<C>, made: BuiltIn) -> u32 {
    let (_, task) = scope::add_built_in(made, &mut [Some(Slot::Upstream(condition.own()))]);
    task
}

/// Runs the body; those of its tasks that wait for no other task of the block wait for this one. Gives those that no other
/// task of the block waits for, too.
#[track_caller]
pub(super) fn block<R>(first: u32, body: impl FnOnce() -> R) -> (R, Vec<u32>) {
    let start = scope::edit(|flow| flow.start_block());
    let result = body();
    let last = scope::edit(|flow| {
        let block = flow.end_block(&start);
        for task in block.first {
            flow.after(task, first);
        }
        block.last
    });
    (result, last)
}

/// The tasks that `body` makes run only if `condition` gives `value`; else they are skipped.
///
/// Cases can stand inside of each other. For several values of one condition, and one result of all, see [`choose`].
///
/// What `body` returns is handed on. If that is a task that was made before the block, it runs in any case.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn weekday() -> String {
///     "monday".to_owned()
/// }
/// #[task]
/// fn clean() -> i64 {
///     1
/// }
/// #[task]
/// fn report(rows: i64) -> i64 {
///     rows
/// }
///
/// let flow = flow!("weekly", { case(weekday(), "sunday", || report(clean())) });
/// let run = flow.run();
/// assert_eq!(run.output().unwrap_err().state.kind(), Skipped);
/// assert_eq!(run.state().kind(), Success);
/// ```
///
/// # Panics
/// If no flow is being built, or the condition belongs to another one.
#[track_caller]
pub fn case<C: Comparable, R>(condition: Node<C>, value: impl CaseValue<C>, body: impl FnOnce() -> R) -> R {
    one_case(condition, &Arc::new(value.into_value()), body)
}

#[track_caller]
fn one_case<C: Comparable, R>(cond: Node<C>, value: &Arc<C>, body: impl FnOnce() -> R) -> R {
    let name = format!("case({})", built_in::shown(&**value));
    block(condition(cond, built_in::compare(name, Arc::clone(value))), body).0
}

/// One of several branches, by what the condition gives: `choose(kind).when("a", || ..).otherwise(|| ..)`.
///
/// All branches give a result of one type, and the whole gives the one of the branch that ran.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn kind() -> String {
///     "csv".to_owned()
/// }
/// #[task]
/// fn read_csv() -> i64 {
///     10
/// }
/// #[task]
/// fn read_json() -> i64 {
///     20
/// }
///
/// let flow = flow!("read", {
///     choose(kind()).when("csv", || read_csv()).when("json", || read_json()).otherwise(|| read_csv() - 10)
/// });
/// assert_eq!(flow.run().output().unwrap(), 10);
/// ```
#[must_use = "`when` adds the branches"]
pub fn choose<C: Comparable>(condition: Node<C>) -> Chooser<C> {
    Chooser(condition)
}

/// A choice without a branch yet: see [`choose`].
#[derive(Debug)]
#[must_use = "`when` adds the branches"]
pub struct Chooser<C>(Node<C>);

/// A choice between branches that give a `T`: see [`choose`].
#[derive(Debug)]
#[must_use = "end it with `.otherwise(..)` or `.merge()`, which give the result"]
pub struct Choose<C, T> {
    condition: Node<C>,
    values: Vec<Arc<C>>,
    branches: Vec<Node<T>>,
}

impl<C: Comparable> Chooser<C> {
    /// The first branch: its tasks run if the condition gives this value.
    ///
    /// # Panics
    /// If no flow is being built, or the condition belongs to another one.
    #[track_caller]
    pub fn when<T>(self, value: impl CaseValue<C>, body: impl FnOnce() -> Node<T>) -> Choose<C, T> {
        Choose { condition: self.0, values: Vec::new(), branches: Vec::new() }.when(value, body)
    }
}

impl<C: Comparable, T> Choose<C, T> {
    /// Another branch.
    ///
    /// # Panics
    /// If no flow is being built, or the condition belongs to another one.
    #[track_caller]
    pub fn when(mut self, value: impl CaseValue<C>, body: impl FnOnce() -> Node<T>) -> Self {
        let value = Arc::new(value.into_value());
        self.branches.push(one_case(self.condition, &value, || of_the_block(body)));
        self.values.push(value);
        self
    }

    /// The branch for all other values. Gives the result of the branch that ran.
    ///
    /// # Panics
    /// If no flow is being built, or the condition belongs to another one.
    #[track_caller]
    #[must_use = "it is the result of the choice"]
    pub fn otherwise(mut self, body: impl FnOnce() -> Node<T>) -> Node<T> {
        let first = condition(self.condition, built_in::otherwise(self.values));
        self.branches.push(block(first, || of_the_block(body)).0);
        merge(self.branches)
    }

    /// The result of the branch that ran; skipped if none did.
    ///
    /// # Panics
    /// If no flow is being built.
    #[track_caller]
    #[must_use = "it is the result of the choice"]
    pub fn merge(self) -> Node<T> {
        merge(self.branches)
    }
}

/// A branch may give a task that was made before it, which runs in any case. It goes through a task of the block, or
/// [`merge`] would take it although its branch was not chosen.
#[track_caller]
fn of_the_block<T>(body: impl FnOnce() -> Node<T>) -> Node<T> {
    let next = scope::edit(|flow| flow.next_task());
    let node = body();
    let task = node.own();
    if task >= next {
        return node;
    }
    Node::new(scope::add_built_in(built_in::same("Identity"), &mut [Some(Slot::Upstream(task))]))
}

/// The result of the first of these tasks that has one: Prefect's `Merge`, for branches of which at most one runs.
///
/// It is skipped if all of them were, and does not run if one failed.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn flag() -> bool {
///     false
/// }
/// #[task]
/// fn number(n: i64) -> i64 {
///     n
/// }
///
/// let flow = flow!("merge", {
///     let flag = flag();
///     let yes = case(flag, true, || number(1));
///     let no = case(flag, false, || number(2));
///     merge([yes, no])
/// });
/// assert_eq!(flow.run().output().unwrap(), 2);
/// ```
///
/// # Panics
/// If there are none, no flow is being built, or one belongs to another flow.
#[track_caller]
#[must_use = "it makes a task"]
pub fn merge<T>(branches: impl IntoIterator<Item = Node<T>>) -> Node<T> {
    let mut inputs = Vec::new();
    for branch in branches {
        inputs.push(Some(Slot::Upstream(branch.own())));
    }
    if inputs.is_empty() {
        let flow = scope::edit(|flow| flow.name().to_owned());
        panic!("`merge` in flow `{flow}` needs at least one task: there would be no result");
    }
    Node::new(scope::add_built_in(built_in::merge(inputs.len()), &mut inputs))
}

/// Prefect's `switch`: each of these tasks runs only if `condition` gives its value.
///
/// Only the tasks themselves wait for the condition: what they depend on runs in any case. Where that is not meant, use
/// [`choose`] or [`case`]. Tasks with results of different types go in as `x.task()`.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn color() -> String {
///     "red".to_owned()
/// }
/// #[task]
/// fn stop() {}
/// #[task]
/// fn go() {}
///
/// let flow = flow!("lights", {
///     let (stop, go) = (stop(), go());
///     switch(color(), [("red", stop), ("green", go)]);
///     go
/// });
/// assert_eq!(flow.run().output().unwrap_err().state.kind(), Skipped);
/// ```
///
/// # Panics
/// If no flow is being built, or a task belongs to another one.
#[track_caller]
pub fn switch<C, V, U>(condition: Node<C>, cases: impl IntoIterator<Item = (V, U)>)
where
    C: Comparable,
    V: CaseValue<C>,
    U: Upstream,
{
    for (value, tasks) in cases {
        only_if(condition, value.into_value(), tasks);
    }
}

#[track_caller]
fn only_if<C: Comparable>(cond: Node<C>, value: C, tasks: impl Upstream) {
    let tasks = tasks.tasks();
    let (definition, body) = built_in::compare_value(value);
    let first = condition(cond, (definition.tags(["switch"]), body));
    scope::edit(|flow| tasks.into_iter().for_each(|task| flow.after(task, first)));
}

/// A branch of [`ifelse`]: tasks, or `()` for none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a branch of `ifelse`",
    label = "expected the result of a task, or `()` for no branch"
)]
pub trait Branch {
    /// Makes the tasks wait for the condition.
    #[track_caller]
    fn only_if(self, condition: Node<bool>, value: bool);
}
#[diagnostic::do_not_recommend]
impl Branch for () {
    fn only_if(self, _: Node<bool>, _: bool) {}
}
#[diagnostic::do_not_recommend]
impl<U: Upstream> Branch for U {
    fn only_if(self, condition: Node<bool>, value: bool) {
        only_if(condition, value, self);
    }
}

/// Prefect's `ifelse`: the first task runs only if `condition` is true, the second only if it is false. `()` stands for no
/// task.
///
/// Only the tasks themselves wait for the condition, as with [`switch`].
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn flag() -> bool {
///     true
/// }
/// #[task]
/// fn text(text: String) -> String {
///     text
/// }
///
/// let flow = flow!("ifelse", {
///     let (yes, no) = (text("yes"), text("no"));
///     ifelse(flag(), yes, no);
///     merge([yes, no])
/// });
/// assert_eq!(flow.run().output().unwrap(), "yes");
/// ```
///
/// # Panics
/// If no flow is being built, or a task belongs to another one.
#[track_caller]
pub fn ifelse(condition: Node<bool>, then: impl Branch, otherwise: impl Branch) {
    let made = built_in::as_bool(|x: &bool| *x);
    let truth = Node::new(scope::add_built_in(made, &mut [Some(Slot::Upstream(condition.own()))]));
    then.only_if(truth, true);
    otherwise.only_if(truth, false);
}

/// Prefect's `FilterTask`: of the results, those that `keep` accepts; what failed or was skipped is left out.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn half(x: i64) -> Result<i64, String> {
///     if x % 2 == 0 { Ok(x / 2) } else { Err(format!("{x} is odd")) }
/// }
///
/// let flow = flow!("halves", {
///     let halves: Vec<_> = (0..5).map(half).collect();
///     filter(halves, |x: &i64| *x > 0)
/// });
/// assert_eq!(flow.run().output().unwrap(), [1, 2]);
/// ```
///
/// # Panics
/// If no flow is being built, or a task belongs to another one.
#[track_caller]
#[must_use = "it makes a task"]
pub fn filter<T: Data>(
    results: impl IntoInput<Vec<Outcome<T>>>,
    keep: impl Fn(&T) -> bool + Send + Sync + 'static,
) -> Node<Vec<T>> {
    let results = results.into_input().into_slot();
    Node::new(scope::add_built_in(built_in::filter_task(keep), &mut [Some(results)]))
}
