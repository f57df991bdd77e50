//! An input that is put together from several: which edges each part takes, and what it is made of.
use std::sync::Arc;

use crate::Value;
use crate::flow::{Computed, Gave, Passed, Slot};

use super::Input;

/// What a list, tuple or map of task results asks of its elements: a result has several readers, so each has a copy.
pub trait Element: Clone + Send + Sync + 'static {}
#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Element for T {}

/// The parts of one input, in order.
#[derive(Default)]
pub(super) struct Parts {
    upstream: Vec<u32>,
    list: Vec<Part>,
}

/// Where one part comes from.
enum Part {
    Constant(Value),
    /// What the next edge brings.
    Edge,
    /// Made of what the next edges bring.
    Edges(usize, Make),
}

type Make = Arc<dyn Fn(&[Passed]) -> Result<Value, usize> + Send + Sync>;

impl Parts {
    pub(super) fn add<T>(&mut self, input: Input<T>) {
        self.list.push(match input.into_slot() {
            Slot::Value(value) => Part::Constant(value),
            Slot::Upstream(task) => {
                self.upstream.push(task);
                Part::Edge
            }
            Slot::Computed(Computed { upstream, make }) => {
                self.upstream.extend(&upstream);
                Part::Edges(upstream.len(), make)
            }
            Slot::Each(_) => unreachable!("what is taken apart for children is no part of a list"),
        });
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The input that `make` makes of the parts. Constants alone make a constant.
    pub(super) fn input<T: Send + Sync + 'static>(
        self,
        make: impl Fn(&mut Reader<'_>) -> Result<T, usize> + Send + Sync + 'static,
    ) -> Input<T> {
        let Self { upstream, list } = self;
        let make = move |passed: &[Passed]| make(&mut Reader { parts: &list, passed, at: 0 }).map(Value::in_memory);
        Input::new(if upstream.is_empty() {
            Slot::Value(make(&[]).expect("constants have the types of their inputs"))
        } else {
            Slot::Computed(Computed { upstream, make: Arc::new(make) })
        })
    }
}

/// Reads the parts, one after the other.
pub(super) struct Reader<'a> {
    parts: &'a [Part],
    passed: &'a [Passed],
    /// The first edge that was not read.
    at: usize,
}

impl Reader<'_> {
    /// The next part. The error is the place of the edge that has no such value.
    pub(super) fn next<T: Element>(&mut self) -> Result<T, usize> {
        let (part, rest) = self.parts.split_first().expect("as many parts as were added");
        self.parts = rest;
        let start = self.at;
        match part {
            Part::Constant(value) => value.downcast_ref().cloned().ok_or(start),
            Part::Edge => {
                self.at += 1;
                value(self.passed[start].gave()).ok_or(start)
            }
            Part::Edges(edges, make) => {
                self.at += edges;
                let made = make(&self.passed[start..self.at]).map_err(|i| start + i)?;
                made.downcast_ref().cloned().ok_or(start)
            }
        }
    }
}

/// The value of a task that succeeded with one of this type.
pub(super) fn value<T: Element>(gave: Gave<'_>) -> Option<T> {
    match gave {
        Gave::Value(value) => value.downcast_ref().cloned(),
        _ => None,
    }
}

/// What each of so many task runs gave. The error is the place of one that has no such value.
pub(super) fn list_of<'a, T>(
    len: usize,
    gave: impl Iterator<Item = Gave<'a>>,
    element: impl Fn(Gave<'_>) -> Option<T>,
) -> Result<Vec<T>, usize> {
    let mut list = Vec::with_capacity(len);
    for (i, gave) in gave.enumerate() {
        list.push(element(gave).ok_or(i)?);
    }
    Ok(list)
}

/// A list with one element for each of these tasks.
pub(super) fn each<T: Element>(
    upstream: Vec<u32>,
    element: impl Fn(Gave<'_>) -> Option<T> + Send + Sync + 'static,
) -> Input<Vec<T>> {
    let make =
        move |passed: &[Passed]| list_of(passed.len(), passed.iter().map(Passed::gave), &element).map(Value::in_memory);
    Input::new(Slot::Computed(Computed { upstream, make: Arc::new(make) }))
}
