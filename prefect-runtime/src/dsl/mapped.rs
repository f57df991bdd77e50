//! `div::map(xs)`: one child of the task for each element.
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use super::convert::into_input;
use super::node::own_all;
use super::parts::{Element, list_of, value};
use super::{Data, Input, IntoGeneric, IntoInput, Node, Outcome, TaskOptions, Upstream};
use crate::flow::{Computed, Each, EachOf, FlowOutput, Gave, MissingResult, Passed, Slot, scope};
use crate::{Elements, FlowBuilder, State, StateResult, TaskRef, Value};

/// The result of a mapped task, while the flow is being built: what each child gives, in the order of the list.
///
/// It can be mapped over again, child by child, and read whole: as `Vec<T>`, which needs every child to succeed, or as
/// `Vec<Outcome<T>>`.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn double(x: i64) -> i64 {
///     2 * x
/// }
/// #[task]
/// fn sum(xs: &[i64]) -> i64 {
///     xs.iter().sum()
/// }
///
/// let flow = flow!("doubles", {
///     let doubles: prefect::Mapped<i64> = double::map(1..=3);
///     sum(double::map(x = doubles))
/// });
/// assert_eq!(flow.run().output().unwrap(), 24);
/// ```
pub struct Mapped<T> {
    node: Node<()>,
    marker: PhantomData<fn() -> T>,
}

impl<T> Clone for Mapped<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Mapped<T> {}

impl<T> fmt::Debug for Mapped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapped<{}>({})", std::any::type_name::<T>(), self.task().task)
    }
}

impl<T> Mapped<T> {
    /// The task, without the type of its results.
    #[must_use]
    pub fn task(self) -> TaskRef {
        self.node.task()
    }

    #[track_caller]
    fn own(self) -> u32 {
        self.node.own()
    }

    /// Runs the children after these tasks, without taking their results.
    ///
    /// # Panics
    /// As [`Node::after`].
    #[track_caller]
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "it changes the flow")]
    pub fn after(self, upstream: impl Upstream) -> Self {
        self.node.after(upstream);
        self
    }

    /// Changes the options of this call, and of no other call of the same function.
    ///
    /// # Panics
    /// As [`Node::with`].
    #[track_caller]
    #[allow(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "it changes the flow")]
    pub fn with(self, options: TaskOptions) -> Self {
        self.node.with(options);
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T> Upstream for Mapped<T> {
    #[track_caller]
    fn tasks(self) -> Vec<u32> {
        vec![self.own()]
    }
}

/// For the macros: a call whose arguments were lists.
///
/// # Panics
/// If none of them was one.
#[track_caller]
#[allow(clippy::must_use_candidate, reason = "the call may stand alone, as that of a task")]
pub fn mapped<T>(node: Node<T>) -> Mapped<T> {
    let task = node.task();
    let told = |flow: &mut FlowBuilder| {
        (flow.is_mapped(task.task), flow.name_of(task.task).to_owned(), flow.name().to_owned())
    };
    let (is_mapped, name, flow) = scope::edit(told);
    assert!(is_mapped, "`map` of task `{name}` in flow `{flow}` needs at least one list: every argument is `unmapped`");
    Mapped { node: Node::new((task.graph, task.task)), marker: PhantomData }
}

/// The same value for every child; made by [`unmapped`].
#[derive(Clone, Copy, Debug)]
pub struct Unmapped<X>(X);

/// An argument of a mapped call that is the same for every child: a plain value, or the whole result of a task.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn add(x: i64, y: i64) -> i64 {
///     x + y
/// }
///
/// let flow = flow!("add ten", { add::map(x = [1, 2, 3], y = unmapped(10)) });
/// assert_eq!(flow.run().output().unwrap(), [11, 12, 13]);
/// ```
pub fn unmapped<X>(x: X) -> Unmapped<X> {
    Unmapped(x)
}

/// A list of lists, joined; made by [`flatten`].
pub struct Flattened<T> {
    slot: Slot,
    marker: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Flattened<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flattened").field(&self.slot).finish()
    }
}

/// A list of lists as one list: to map over, or to be read whole.
///
/// Of a mapped task the lists of its children are joined; a child that failed stays one failed child of what is mapped over
/// them.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn up_to(n: i64) -> Vec<i64> {
///     (1..=n).collect()
/// }
/// #[task]
/// fn double(x: i64) -> i64 {
///     2 * x
/// }
///
/// let flow = flow!("flat", { double::map(flatten(up_to::map([1, 3]))) });
/// assert_eq!(flow.run().output().unwrap(), [2, 2, 4, 6]);
/// ```
///
/// # Panics
/// If it is a node of another flow than the one that is being built.
#[track_caller]
pub fn flatten<T>(lists: impl Flatten<T>) -> Flattened<T> {
    Flattened { slot: lists.flat(), marker: PhantomData }
}

/// What can be flattened into a list of `T`.
#[diagnostic::on_unimplemented(
    message = "`flatten` needs a list of lists, found `{Self}`",
    label = "not a list of lists",
    note = "a list of lists, a task that returns one, or a mapped task that returns lists"
)]
pub trait Flatten<T> {
    /// The slot of a mapped input.
    ///
    /// # Panics
    /// If it is a node of another flow than the one that is being built.
    #[track_caller]
    fn flat(self) -> Slot;
}

#[diagnostic::do_not_recommend]
impl<T: Data> Flatten<T> for Node<Vec<Vec<T>>> {
    #[track_caller]
    fn flat(self) -> Slot {
        elements(EachOf::Task(self.own()), Elements::of::<T>().flatten())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Data> Flatten<T> for Mapped<Vec<T>> {
    #[track_caller]
    fn flat(self) -> Slot {
        elements(EachOf::Task(self.own()), Elements::of::<T>().flatten())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Data> Flatten<T> for Vec<Vec<T>> {
    fn flat(self) -> Slot {
        elements(EachOf::Constant(Value::new(self.concat())), Elements::of::<T>())
    }
}

fn elements(of: EachOf, elements: Elements) -> Slot {
    Slot::Each(Each { of, elements, convert: None })
}

/// What may stand for an argument of a mapped call: a list of the parameter's type, or a value that is
/// [`unmapped`].
#[diagnostic::on_unimplemented(
    message = "`map` needs a list of `{P}`, found `{Self}`",
    label = "not a list of `{P}`",
    note = "wrap an argument that is the same for every element in `unmapped(..)`"
)]
pub trait IntoMapped<P> {
    /// The argument: one element for each child.
    ///
    /// # Panics
    /// If it is a node of another flow than the one that is being built.
    #[track_caller]
    fn into_mapped(self) -> Input<P>;
}

/// A list for a parameter that is a bare type parameter: each impl settles the type.
#[diagnostic::on_unimplemented(
    message = "`map` needs a list of `{P}`, found `{Self}`",
    label = "not a list of `{P}`",
    note = "wrap an argument that is the same for every element in `unmapped(..)`"
)]
pub trait IntoGenericMapped<P> {
    /// The argument: one element for each child.
    ///
    /// # Panics
    /// If it is a node of another flow than the one that is being built.
    #[track_caller]
    fn into_mapped(self) -> Input<P>;
}

macro_rules! into_mapped {
    ($($trait:ident: [$($generics:tt)*] $from:ty => $to:ty, |$self:ident| $body:expr;)*) => { $(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> $trait<$to> for $from {
            #[track_caller]
            fn into_mapped(self) -> Input<$to> {
                let $self = self;
                Input::new($body)
            }
        }
    )* };
}

into_mapped! {
    IntoMapped: [T: Data] Vec<T> => T, |list| constants(list);
    IntoMapped: [T: Data, const N: usize] [T; N] => T, |list| constants(Vec::from(list));
    IntoMapped: [] Vec<&str> => String, |list| constants(list.into_iter().map(str::to_owned).collect());
    IntoMapped: [const N: usize] [&str; N] => String, |list| constants(list.map(str::to_owned).to_vec());
    IntoMapped: [T: Data] Node<Vec<T>> => T, |list| elements(EachOf::Task(list.own()), Elements::of::<T>());
    IntoMapped: [T: Data] Node<Vec<T>> => Outcome<T>, |list| converted(EachOf::Task(list.own()), Elements::of::<T>(), outcome::<T>);
    IntoMapped: [T: Element] Vec<Node<T>> => T, |list| elements(tasks(list), Elements::NONE);
    IntoMapped: [T: Element] Vec<Node<T>> => Outcome<T>, |list| converted(tasks(list), Elements::NONE, outcome::<T>);
    IntoMapped: [T: Element, const N: usize] [Node<T>; N] => T, |list| elements(tasks(list), Elements::NONE);
    IntoMapped: [T: Element, const N: usize] [Node<T>; N] => Outcome<T>, |list| converted(tasks(list), Elements::NONE, outcome::<T>);
    IntoMapped: [T: Element] Mapped<T> => T, |list| elements(EachOf::Task(list.own()), Elements::NONE);
    IntoMapped: [T: Element] Mapped<T> => Option<T>, |list| converted(EachOf::Task(list.own()), Elements::NONE, option::<T>);
    IntoMapped: [T: Element] Mapped<T> => Outcome<T>, |list| converted(EachOf::Task(list.own()), Elements::NONE, outcome::<T>);
    IntoMapped: [T] Flattened<T> => T, |list| list.slot;
    IntoGenericMapped: [T: Data] Vec<T> => T, |list| constants(list);
    IntoGenericMapped: [T: Data, const N: usize] [T; N] => T, |list| constants(Vec::from(list));
    IntoGenericMapped: [T: Data] Node<Vec<T>> => T, |list| elements(EachOf::Task(list.own()), Elements::of::<T>());
    IntoGenericMapped: [T: Element] Vec<Node<T>> => T, |list| elements(tasks(list), Elements::NONE);
    IntoGenericMapped: [T: Element, const N: usize] [Node<T>; N] => T, |list| elements(tasks(list), Elements::NONE);
    IntoGenericMapped: [T: Element] Mapped<T> => T, |list| elements(EachOf::Task(list.own()), Elements::NONE);
    IntoGenericMapped: [T] Flattened<T> => T, |list| list.slot;
}

// With recommendation: what is wrong with the value is the news.
impl<P, X: IntoInput<P>> IntoMapped<P> for Unmapped<X> {
    #[track_caller]
    fn into_mapped(self) -> Input<P> {
        self.0.into_input()
    }
}

impl<P, X: IntoGeneric<P>> IntoGenericMapped<P> for Unmapped<X> {
    #[track_caller]
    fn into_mapped(self) -> Input<P> {
        self.0.into_input()
    }
}

/// For the macros: a list in a mapped call with keywords.
#[track_caller]
pub fn each<P>(list: impl IntoMapped<P>) -> Input<P> {
    list.into_mapped()
}

macro_rules! into_mapped_range {
    ($($range:ident)*) => { $(
        #[diagnostic::do_not_recommend]
        impl<T: Data> IntoMapped<T> for $range<T>
        where
            Self: Iterator<Item = T>,
        {
            fn into_mapped(self) -> Input<T> {
                Input::new(constants(self.collect()))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T: Data> IntoGenericMapped<T> for $range<T>
        where
            Self: Iterator<Item = T>,
        {
            fn into_mapped(self) -> Input<T> {
                Input::new(constants(self.collect()))
            }
        }
    )* };
}
into_mapped_range!(Range RangeInclusive);

fn constants<T: Data>(list: Vec<T>) -> Slot {
    elements(EachOf::Constant(Value::new(list)), Elements::of::<T>())
}

#[track_caller]
fn tasks<T>(nodes: impl IntoIterator<Item = Node<T>>) -> EachOf {
    EachOf::Tasks(own_all(nodes))
}

fn converted(of: EachOf, elements: Elements, convert: fn(&Passed) -> Option<Value>) -> Slot {
    Slot::Each(Each { of, elements, convert: Some(convert) })
}

fn outcome<T: Element>(passed: &Passed) -> Option<Value> {
    Outcome::<T>::of(passed.gave()).map(Value::in_memory)
}

fn option<T: Element>(passed: &Passed) -> Option<Value> {
    super::convert::option::<T>(passed.gave()).map(Value::in_memory)
}

/// All that the children gave, each made by `element`. A mapped task that has no children is what `whole` makes of it.
fn reduced<T: Element>(
    mapped: u32,
    element: fn(Gave<'_>) -> Option<T>,
    whole: fn(Gave<'_>) -> Option<Vec<T>>,
) -> Input<Vec<T>> {
    let make = move |passed: &[Passed]| match passed {
        [Passed::Children(children)] => list_of(children.len(), children.iter(), element).map(Value::in_memory),
        [other] => whole(other.gave()).map(Value::in_memory).ok_or(0),
        _ => Err(0),
    };
    Input::new(Slot::Computed(Computed { upstream: vec![mapped], make: Arc::new(make) }))
}

into_input! {
    [T: Element] Mapped<T> => Vec<T>, |mapped| reduced(mapped.own(), value, |_| None);
    // A task that never came to its children is one outcome.
    [T: Element] Mapped<T> => Vec<Outcome<T>>, |mapped| reduced(mapped.own(), Outcome::of, |parent| Some(vec![Outcome::of(parent)?]));
    [T: Element] Mapped<T> => Vec<Option<T>>, |mapped| reduced(mapped.own(), super::convert::option, |_| Some(vec![None]));
    [T: Element] Mapped<T> => Option<Vec<T>>, |mapped| Input::computed(mapped.own(), |passed| match passed {
        Passed::Children(children) => Some(children.iter().map(value).collect()),
        _ => Some(None),
    });
}

#[diagnostic::do_not_recommend]
impl<T: Data> IntoInput<Vec<T>> for Flattened<T> {
    fn into_input(self) -> Input<Vec<T>> {
        let Slot::Each(Each { of, elements, .. }) = self.slot else { unreachable!("made so") };
        Input::new(match of {
            EachOf::Constant(list) => Slot::Value(list),
            EachOf::Task(task) => Slot::Computed(Computed::flat(task, elements)),
            EachOf::Tasks(_) => unreachable!("lists of tasks are not flattened"),
        })
    }
}

/// What the children gave, if all of them gave something.
#[diagnostic::do_not_recommend]
impl<T: Element> FlowOutput for Mapped<T> {
    type Value = Vec<T>;

    fn nodes(&self) -> Vec<TaskRef> {
        vec![self.task()]
    }

    fn moved(&self, to: &mut dyn FnMut(TaskRef) -> TaskRef) -> Self {
        Self { node: self.node.moved(to), marker: PhantomData }
    }

    fn read(&self, state_of: &mut dyn FnMut(TaskRef) -> State) -> Result<Vec<T>, MissingResult> {
        let state = state_of(self.task());
        let StateResult::Value(children) = state.result() else {
            return Err(MissingResult { task: String::new(), state });
        };
        let children = children.downcast_ref::<Vec<State>>().map_or(&[][..], Vec::as_slice);
        let missing = |state: &State| MissingResult { task: String::new(), state: state.clone() };
        children.iter().map(|child| child.value::<T>().cloned().ok_or_else(|| missing(child))).collect()
    }
}
