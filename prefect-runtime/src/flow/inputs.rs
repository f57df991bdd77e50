//! What a body is given, and what it gives back.
use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::children::Children;
use super::definition::Parameter;
use super::elements::Elements;
use super::elsewhere::Elsewhere;
use crate::{State, StateResult, TaskError, Value};

/// A body that waits.
pub type TaskFuture = Pin<Box<dyn Future<Output = Result<Value, TaskError>> + Send>>;

/// What calling a body gives.
pub enum BodyOutcome {
    /// It has ended.
    Done(Result<Value, TaskError>),
    /// It is an async one.
    Future(TaskFuture),
}

impl fmt::Debug for BodyOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(result) => f.debug_tuple("Done").field(result).finish(),
            Self::Future(_) => f.write_str("Future"),
        }
    }
}

/// The inputs of one attempt of a task: each can be taken once.
#[derive(Debug)]
pub struct Inputs<'a> {
    source: Source<'a>,
    parameters: &'a [Parameter],
    shared: &'a SharedValues,
}

/// Where the inputs of an attempt are.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    /// They were loaded for it.
    Loaded(&'a mut [Option<Value>]),
    /// They are there for many children of a mapped task.
    Elsewhere(Elsewhere<'a>),
}

impl<'a> Inputs<'a> {
    #[inline]
    pub(crate) fn new(source: Source<'a>, parameters: &'a [Parameter], shared: &'a SharedValues) -> Self {
        Self { source, parameters, shared }
    }

    /// Whether the code that panicked was not the body's, but that which copies an element.
    pub(crate) fn was_copying(&self) -> bool {
        matches!(&self.source, Source::Elsewhere(elsewhere) if elsewhere.copying)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.source {
            Source::Loaded(values) => values.len(),
            Source::Elsewhere(elsewhere) => elsewhere.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The input at this place, as it came.
    ///
    /// # Panics
    /// If it was taken before, or there are not so many.
    pub fn take_value(&mut self, i: usize) -> Value {
        match &mut self.source {
            Source::Loaded(values) => values[i].take().expect("each input is taken once"),
            Source::Elsewhere(elsewhere) => elsewhere.value(i),
        }
    }

    /// A copy of the input at this place, if it is the element of a list of such: no value is made for it.
    #[inline]
    pub(crate) fn element<T: Send + Sync + 'static>(&mut self, i: usize, copy: fn(&T) -> T) -> Option<T> {
        match &mut self.source {
            Source::Loaded(_) => None,
            Source::Elsewhere(elsewhere) => elsewhere.element(i, copy),
        }
    }

    /// The input of this name.
    pub fn take_named(&mut self, name: &str) -> Option<Value> {
        let i = self.parameters.iter().position(|p| p.name == name)?;
        match &mut self.source {
            Source::Loaded(values) => values.get_mut(i)?.take(),
            Source::Elsewhere(elsewhere) => Some(elsewhere.value(i)),
        }
    }

    /// The input at this place. Its type was checked when the inputs were loaded.
    ///
    /// # Panics
    /// If it was taken before, or is of another type.
    #[inline]
    pub fn take<T: Send + Sync + 'static>(&mut self, i: usize) -> Arc<T> {
        match self.take_value(i).downcast() {
            Ok(value) => value,
            Err(value) => panic!("input {i} is a `{}`, not a `{}`", value.type_name(), std::any::type_name::<T>()),
        }
    }

    /// What the flow shares under this type.
    ///
    /// # Panics
    /// If it shares nothing of this type: that is checked before the run starts.
    #[must_use]
    pub fn shared<T: Send + Sync + 'static>(&self) -> Arc<T> {
        self.shared.get().unwrap_or_else(|| panic!("nothing of type `{}` is shared", std::any::type_name::<T>()))
    }
}

/// What the tasks of a flow share, by type.
#[derive(Clone, Default)]
pub(crate) struct SharedValues(HashMap<TypeId, Value>);

impl SharedValues {
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Value::in_memory(value));
    }

    pub(crate) fn contains(&self, id: TypeId) -> bool {
        self.0.contains_key(&id)
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.0.get(&TypeId::of::<T>())?.clone();
        Some(value.downcast().expect("kept under its own type"))
    }
}

impl fmt::Debug for SharedValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedValues({})", self.0.len())
    }
}

/// What an edge brings to a task.
#[derive(Clone, Debug)]
pub enum Passed {
    /// The value of a task that succeeded.
    Value(Value),
    /// The state of one that has no value: it failed, was skipped, or succeeded without one.
    State(Box<State>),
    /// What became of the children of a mapped task, in their order.
    Children(Children),
    /// A list of which a child takes its element.
    List(Value),
    /// How many children a mapped task has, for one that is mapped over it.
    Count(u32),
}

/// What became of one task run, as who reads it sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gave<'a> {
    /// The value of a success.
    Value(&'a Value),
    State(&'a State),
    /// It is not one task run.
    Several,
}

impl<'a> Gave<'a> {
    /// The value, if it is that of a success.
    pub(crate) fn value(self) -> Option<&'a Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::State(state) if state.kind().is_successful() => match state.result() {
                StateResult::Value(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value of a success that is not a skip.
    pub(crate) fn success(self) -> Option<&'a Value> {
        match self {
            Self::State(state) if state.kind().is_skipped() => None,
            _ => self.value(),
        }
    }

    /// To be kept.
    pub(crate) fn to_passed(self) -> Passed {
        match self {
            Self::Value(value) => Passed::Value(value.clone()),
            Self::State(state) => Passed::State(Box::new(state.clone())),
            Self::Several => unreachable!("of one task run"),
        }
    }
}

impl Passed {
    /// What became of the task run, if it is one.
    #[inline]
    pub(crate) fn gave(&self) -> Gave<'_> {
        match self {
            Self::Value(value) => Gave::Value(value),
            Self::State(state) => Gave::State(state),
            Self::Children(_) | Self::List(_) | Self::Count(_) => Gave::Several,
        }
    }

    /// The value, if it is that of a success.
    pub(crate) fn value(&self) -> Option<&Value> {
        self.gave().value()
    }

    /// The value of a success that is not a skip.
    pub(crate) fn success(&self) -> Option<&Value> {
        self.gave().success()
    }

    /// Whether it is the value of a success that is not a skip.
    pub(crate) fn is_success(&self) -> bool {
        self.success().is_some()
    }

    /// The same for a parameter that takes no state, though another one of its task does: values where there are some.
    pub(crate) fn into_values(self) -> Self {
        match self {
            Self::State(mut state) if state.kind().is_successful() => match state.take_value() {
                Some(value) => Self::Value(value),
                None => Self::State(state),
            },
            Self::Children(children) => Self::Children(children.into_values()),
            other => other,
        }
    }
}

/// Where an input comes from.
#[derive(Clone, Debug)]
pub enum Slot {
    /// The result of one task.
    Upstream(u32),
    /// A constant.
    Value(Value),
    /// Made of what several tasks gave, or of what became of one.
    Computed(Computed),
    /// One element for each child: the task is mapped.
    Each(Each),
}

impl Slot {
    /// Adds the tasks that it takes data from.
    #[inline]
    pub(crate) fn push_edges(&self, edges: &mut Vec<u32>) {
        match self {
            Self::Upstream(task) | Self::Each(Each { of: EachOf::Task(task), .. }) => edges.push(*task),
            Self::Computed(Computed { upstream, .. }) | Self::Each(Each { of: EachOf::Tasks(upstream), .. }) => {
                edges.extend_from_slice(upstream);
            }
            Self::Value(_) | Self::Each(Each { of: EachOf::Constant(_), .. }) => {}
        }
    }
}

/// See [`Slot::Each`].
#[derive(Clone, Debug)]
pub struct Each {
    /// The list.
    pub of: EachOf,
    /// How it is taken apart.
    pub elements: Elements,
    /// What an element becomes, if not what it is; `None` if nothing.
    pub convert: Option<fn(&Passed) -> Option<Value>>,
}

/// Where the list of a mapped input comes from.
#[derive(Clone, Debug)]
pub enum EachOf {
    /// The result of a task; for a mapped task, what its children give.
    Task(u32),
    /// A constant.
    Constant(Value),
    /// These tasks, one for each child.
    Tasks(Vec<u32>),
}

/// See [`Slot::Computed`].
#[derive(Clone)]
pub struct Computed {
    /// The tasks it is made of.
    pub upstream: Vec<u32>,
    /// Makes the input of what they gave, in the same order.
    ///
    /// An error is the place of the edge that has no value where one is needed.
    #[allow(clippy::type_complexity, reason = "named where it is used")]
    pub make: Arc<dyn Fn(&[Passed]) -> Result<Value, usize> + Send + Sync>,
}

impl Computed {
    /// All the lists that a task gave, joined.
    pub(crate) fn flat(task: u32, elements: Elements) -> Self {
        Self { upstream: vec![task], make: Arc::new(move |passed: &[Passed]| elements.flat(passed)) }
    }
}

impl fmt::Debug for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computed").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}
