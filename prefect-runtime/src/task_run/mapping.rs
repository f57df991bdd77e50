//! The steps of a mapped task itself: how many children it has, and what they take their elements from.
use std::sync::Arc;

use super::before::{check_rejected, check_upstream_skipped, end};
use super::{Step, done, enter, log_finished};
use crate::clock::Tick;
use crate::engine::{Done, End, Job, List, Mapping, Other, plain};
use crate::flow::inputs::{Each, EachOf};
use crate::flow::{Children, Elements, Passed, Slot};
use crate::panics::{guard, quietly};
use crate::run::RunCore;
use crate::{State, StateKind, Value};

/// Takes a task that is to be mapped to `Mapped`, or to the state that says why it is not.
pub(super) fn map(core: &RunCore, mut job: Job, passed: &mut Vec<Passed>, now: Tick) -> Done {
    let mapped = steps(core, &mut job, passed);
    passed.clear();
    let ended = core.services.clock.now();
    match mapped {
        Ok(mapping) => {
            log_finished(core, job.run, StateKind::Mapped);
            job.run.done(job.attempt, [now, ended], End::Other(Box::new(Other::Mapped(mapping))))
        }
        Err(state) => done(core, job.run, job.attempt, now, ended, state),
    }
}

fn steps(core: &RunCore, job: &mut Job, passed: &mut Vec<Passed>) -> Step<Mapping> {
    let run = job.run;
    let tracked = core.tracked(run);
    let more = job.more.take().map(|more| *more).unwrap_or_default();
    let old = more.old.unwrap_or_else(|| State::new(StateKind::Pending));
    check_rejected(core, &tracked, run, &old)?;
    check_upstream_skipped(core, &tracked, run, &old, more.upstream.as_ref())?;
    let found = match guard(|| find_lists(core.graph.slots(run.task).unwrap_or_default(), passed)) {
        Ok(found) => found,
        Err(caught) => return end(core, &tracked, run, &old, core.services.unexpected(caught.into_error())),
    };
    let mapping = match found {
        Ok(mapping) => mapping,
        Err(why) => return end(core, &tracked, run, &old, State::failed(why)),
    };
    let state = enter(core, &tracked, run, &old, plain(StateKind::Mapped).with_children(mapping.children))?;
    if state.kind() != StateKind::Mapped {
        return Err(state);
    }
    for observer in &core.services.observers {
        quietly("an observer", || observer.mapped(&tracked, mapping.children as usize));
    }
    Ok(mapping)
}

const NO_LIST: &str = "No upstream states can be mapped over.";
const UNMAPPABLE: &str = "At least one upstream state has an unmappable result.";
const TOO_MANY: &str = "A list has more elements than a task can have children.";

/// Calls user code: lists are joined, and their elements copied.
fn find_lists(slots: &[Slot], passed: &mut Vec<Passed>) -> Result<Mapping, &'static str> {
    let mut passed = passed.drain(..);
    let mut shortest: Option<usize> = None;
    let mut lists = Vec::with_capacity(slots.len());
    for slot in slots {
        let Slot::Each(Each { of, elements, .. }) = slot else {
            lists.push(None);
            continue;
        };
        let given = match of {
            EachOf::Constant(list) => Passed::Value(list.clone()),
            EachOf::Task(_) => passed.next().expect("one for each list that a task gives"),
            EachOf::Tasks(tasks) => {
                let items: Arc<[Passed]> = passed.by_ref().take(tasks.len()).collect();
                shortest = Some(shortest.map_or(items.len(), |shortest| shortest.min(items.len())));
                lists.push(Some(List::Items(items)));
                continue;
            }
        };
        let (list, len) = match given {
            Passed::Count(children) => (None, children as usize),
            Passed::Value(value) => list(*elements, value).ok_or(UNMAPPABLE)?,
            Passed::Children(children) => spliced(*elements, &children),
            Passed::State(state) if state.kind().is_successful() => return Err(UNMAPPABLE),
            // It failed: its state is what each child gets, if another list says how many there are.
            Passed::State(_) | Passed::List(_) => {
                lists.push(None);
                continue;
            }
        };
        lists.push(list);
        shortest = Some(shortest.map_or(len, |shortest| shortest.min(len)));
    }
    let children = shortest.ok_or(NO_LIST)?;
    // Half of all numbers, so that the other tasks have room.
    let children = u32::try_from(children).ok().filter(|children| *children < u32::MAX / 2).ok_or(TOO_MANY)?;
    Ok(Mapping { children, lists })
}

fn list(elements: Elements, value: Value) -> Option<(Option<List>, usize)> {
    let list = elements.list(value)?;
    let len = elements.len(&list)?;
    Some((Some(List::Values(list)), len))
}

/// The lists that children gave, one behind the other. A child that failed is one element, as it is; so is one that gave
/// no list.
fn spliced(elements: Elements, children: &Children) -> (Option<List>, usize) {
    let mut items: Vec<(u32, Passed)> = Vec::new();
    for (number, child) in (0..).zip(children.iter()) {
        match child.value() {
            Some(value) => match elements.len(value) {
                Some(len) => items.extend((0..len).map(|i| (number, Passed::Value(elements.get(value, i))))),
                None => {
                    tracing::warn!(target: "prefect", "a child gave no list to be flattened, but a `{}`", value.type_name());
                    items.push((number, child.to_passed()));
                }
            },
            None => items.push((number, child.to_passed())),
        }
    }
    let len = items.len();
    (Some(List::Spliced(Arc::from(items))), len)
}
