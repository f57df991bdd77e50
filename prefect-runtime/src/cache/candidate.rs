//! A kept result, beside the run that might use it.
use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::Kept;
use crate::flow::{Gave, Passed};
use crate::{State, StateResult, Value};

/// The inputs of a task run, or the parameters of a flow run.
pub(crate) type Given = Vec<GivenValue>;

/// One of them.
pub(crate) struct GivenValue {
    pub(crate) name: Arc<str>,
    /// `None` where there is none.
    pub(crate) value: Option<Value>,
    /// What the value was made of, if it is not just what one task gave. Lists, options and outcomes live in memory only,
    /// but what they are made of can be compared.
    pub(crate) made_of: Option<Vec<Passed>>,
}

/// A kept result, beside the task run that might use it: what a [`CacheValidator`](super::CacheValidator) looks at.
pub struct CacheCandidate<'a> {
    pub(crate) kept: &'a Kept,
    pub(crate) inputs: &'a Given,
    pub(crate) parameters: &'a Given,
    pub(crate) now: Timestamp,
}

impl CacheCandidate<'_> {
    /// Whether the time that it is kept for has not passed.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.kept.expires > self.now
    }

    /// The kept result, if it is of this type.
    #[must_use]
    pub fn result<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.kept.value.downcast_ref()
    }

    /// An input of the task run that might use it.
    #[must_use]
    pub fn input<T: Send + Sync + 'static>(&self, name: &str) -> Option<&T> {
        find(self.inputs, name)?.value.as_ref()?.downcast_ref()
    }

    /// An input that the kept result was made of.
    #[must_use]
    pub fn kept_input<T: Send + Sync + 'static>(&self, name: &str) -> Option<&T> {
        find(&self.kept.inputs, name)?.value.as_ref()?.downcast_ref()
    }

    /// Whether this input is the same: equal as JSON. What lives in memory only is never the same, and no error is.
    #[must_use]
    pub fn same_input(&self, name: &str) -> bool {
        same(find(self.inputs, name), find(&self.kept.inputs, name))
    }

    /// Whether all inputs are the same.
    #[must_use]
    pub fn same_inputs(&self) -> bool {
        all_same(self.inputs, &self.kept.inputs)
    }

    /// Whether this parameter of the flow is the same.
    #[must_use]
    pub fn same_parameter(&self, name: &str) -> bool {
        same(find(self.parameters, name), find(&self.kept.parameters, name))
    }

    /// Whether all parameters of the flow are the same.
    #[must_use]
    pub fn same_parameters(&self) -> bool {
        all_same(self.parameters, &self.kept.parameters)
    }
}

impl std::fmt::Debug for CacheCandidate<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheCandidate").field("fresh", &self.is_fresh()).finish_non_exhaustive()
    }
}

fn find<'a>(given: &'a Given, name: &str) -> Option<&'a GivenValue> {
    given.iter().find(|value| *value.name == *name)
}

fn all_same(ours: &Given, theirs: &Given) -> bool {
    all_equal(ours, theirs, |our, their| our.name == their.name && same(Some(our), Some(their)))
}

fn same(ours: Option<&GivenValue>, theirs: Option<&GivenValue>) -> bool {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return false };
    match (ours.parts(), theirs.parts()) {
        (Some(ours), Some(theirs)) => all_equal(&ours, &theirs, equal_parts),
        _ => false,
    }
}

impl GivenValue {
    /// What it is made of, if there is anything. One task may take the result of another as it is, and the next one what
    /// became of that task.
    fn parts(&self) -> Option<Cow<'_, [Passed]>> {
        match (&self.made_of, &self.value) {
            (Some(made_of), _) => Some(Cow::Borrowed(made_of)),
            (None, Some(value)) => Some(Cow::Owned(vec![Passed::Value(value.clone())])),
            (None, None) => None,
        }
    }
}

fn all_equal<T>(ours: &[T], theirs: &[T], equal: impl Fn(&T, &T) -> bool) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(our, their)| equal(our, their))
}

fn equal_parts(ours: &Passed, theirs: &Passed) -> bool {
    match (ours, theirs) {
        (Passed::Children(ours), Passed::Children(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs.iter()).all(|(our, their)| equal_gave(our, their))
        }
        _ => equal_gave(ours.gave(), theirs.gave()),
    }
}

/// Success and `Cached` are the same to who reads the result.
fn equal_gave(ours: Gave<'_>, theirs: Gave<'_>) -> bool {
    match (ours.success(), theirs.success()) {
        (Some(ours), Some(theirs)) => return equal(ours, theirs),
        (None, None) => {}
        _ => return false,
    }
    match (ours, theirs) {
        (Gave::State(ours), Gave::State(theirs)) => equal_states(ours, theirs),
        _ => false,
    }
}

fn equal_states(ours: &State, theirs: &State) -> bool {
    ours.kind() == theirs.kind()
        && match (ours.result(), theirs.result()) {
            (StateResult::Value(ours), StateResult::Value(theirs)) => equal(ours, theirs),
            (StateResult::None, StateResult::None) => true,
            _ => false,
        }
}

fn equal(ours: &Value, theirs: &Value) -> bool {
    match (ours.to_json(), theirs.to_json()) {
        (Some(Ok(ours)), Some(Ok(theirs))) => ours == theirs,
        _ => false,
    }
}
