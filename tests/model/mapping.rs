//! What a mapped task does itself: how many children it gets, and where they take their elements from.
use std::collections::BTreeSet;

use super::rules::Hits;
use super::states::State;
use super::upstream::Given;
use super::{Carries, Kind, Val};

/// Where the children take one of their inputs from.
#[derive(Clone, Debug)]
pub(super) enum List {
    /// It is no list: each child gets the whole.
    Whole,
    /// From the child of the same index.
    Children,
    Elements(Vec<Val>),
    /// From lists that children of another task gave: which child it was, and its element, or what became of it.
    Spliced(Vec<(usize, Given)>),
    /// There is no list, because the task that was to give it failed: each child gets that.
    Failed,
}

impl List {
    /// What an edge brings from a task that has this state and these children.
    fn of(carries: Carries, from: &State, children: &[State]) -> Result<Self, &'static str> {
        let flat = carries == Carries::EachFlat;
        if !carries.is_mapped() {
            return Ok(Self::Whole);
        }
        if from.kind == Kind::Mapped {
            return Ok(if flat { Self::Spliced(spliced(children)) } else { Self::Children });
        }
        let numbers = |list: Vec<i64>| list.into_iter().map(Val::Number).collect();
        let elements = match Given::of(from) {
            Given::Value(Val::List(list)) if carries == Carries::Each || flat => numbers(list),
            Given::Value(Val::Lists(lists)) if carries == Carries::EachList => {
                lists.into_iter().map(Val::List).collect()
            }
            Given::Value(Val::Lists(lists)) if flat => numbers(lists.concat()),
            Given::State(state) if !state.kind.is_successful() => return Ok(Self::Failed),
            _ => return Err("At least one upstream state has an unmappable result."),
        };
        Ok(Self::Elements(elements))
    }

    fn len(&self, children: usize) -> Option<usize> {
        match self {
            Self::Whole | Self::Failed => None,
            Self::Children => Some(children),
            Self::Elements(list) => Some(list.len()),
            Self::Spliced(items) => Some(items.len()),
        }
    }
}

/// The elements of the lists; a child that gave none is one item, as it is.
fn spliced(children: &[State]) -> Vec<(usize, Given)> {
    let items = children.iter().enumerate().flat_map(|(child, state)| {
        let items = match Given::of(state) {
            Given::Value(Val::List(list)) => list.into_iter().map(|n| Given::Value(Val::Number(n))).collect(),
            other => vec![other],
        };
        items.into_iter().map(move |item| (child, item))
    });
    items.collect()
}

/// One list for each edge, and how many children there are; or why the task cannot be mapped.
pub(super) fn lists<'a>(
    edges: impl Iterator<Item = (Carries, &'a State, Vec<State>)>,
    over: &[Vec<i64>],
) -> Result<(Vec<List>, usize), &'static str> {
    let mut shortest = over.iter().map(Vec::len).min();
    let mut lists = Vec::new();
    for (carries, from, children) in edges {
        let list = List::of(carries, from, &children)?;
        shortest = shortest.into_iter().chain(list.len(children.len())).min();
        lists.push(list);
    }
    Ok((lists, shortest.ok_or("No upstream states can be mapped over.")?))
}

/// Counts what was met.
pub(super) fn note(lists: &[List], over: &[Vec<i64>], children: usize, hits: &mut Hits) {
    let mut hit = |rule| *hits.entry(rule).or_default() += 1;
    hit(if children == 0 { "mapped_nothing" } else { "mapped" });
    let mut lens: BTreeSet<usize> = over.iter().map(Vec::len).collect();
    for list in lists {
        match list {
            List::Children => hit("child_of_child"),
            List::Spliced(_) => hit("spliced"),
            List::Failed => hit("list_failed"),
            List::Elements(list) => drop(lens.insert(list.len())),
            List::Whole => {}
        }
    }
    if lens.len() > 1 {
        hit("lists_differ");
    }
}
