//! What is upstream of a task run: the runs that it waits for, and what their edges bring.
use std::collections::BTreeSet;

use super::mapping::List;
use super::rules::{Hits, RunId, Tasks};
use super::states::State;
use super::{Body, Carries, Kind, Res, Role, Takes, Task, Val};

/// What an edge brings.
#[derive(Clone, Debug)]
pub(super) enum Given {
    /// The value of a success.
    Value(Val),
    /// The state of what has none.
    State(State),
    /// What became of all children of a mapped task.
    Children(Vec<Given>),
    /// A list that was to be joined, but is none.
    NoList,
}

impl Given {
    pub(super) fn of(state: &State) -> Self {
        match &state.result {
            Res::Value(value) if state.kind == Kind::Success => Self::Value(value.clone()),
            _ => Self::State(state.clone()),
        }
    }

    /// The value, for who does not ask how the task ended: a skip that was given a result has one too.
    fn value(self) -> Self {
        match self {
            Self::State(State { kind, result: Res::Value(value), .. }) if kind.is_successful() => Self::Value(value),
            Self::Children(children) => Self::Children(children.into_iter().map(Self::value).collect()),
            other => other,
        }
    }
}

/// Why a body has not what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// A success without a value, or with one of another type: told before the trigger is asked.
    Unfit,
    /// Something that did not succeed, which is the trigger's business first.
    Missing,
}

impl Tasks<'_> {
    /// The runs whose states count for this one, each once however many edges lead to it. A mapped task stands for all its
    /// children, except where the reader is mapped over it.
    pub(super) fn upstream(&self, run: RunId) -> BTreeSet<RunId> {
        let mut all = BTreeSet::new();
        for (e, edge) in self.task(run).edges.iter().enumerate() {
            let from = &self.runs[edge.from];
            let whole = RunId { task: edge.from, child: None };
            let one = |child| RunId { task: edge.from, child: Some(child) };
            match (edge.carries.is_mapped(), run.child) {
                _ if from.own.state.kind != Kind::Mapped => drop(all.insert(whole)),
                (false, _) => all.extend((0..from.children.len()).map(one)),
                (true, None) => drop(all.insert(whole)),
                (true, Some(child)) => drop(all.insert(match &self.runs[run.task].lists[e] {
                    List::Spliced(items) => one(items[child].0),
                    _ => one(child),
                })),
            }
        }
        all
    }

    /// Whether all that it needs has ended. Lists that children give are joined when the last of them has.
    pub(super) fn waits(&self, run: RunId) -> bool {
        let joins = self.task(run).edges.iter().filter(|edge| edge.carries == Carries::EachFlat);
        let mut parts = joins.flat_map(|edge| &self.runs[edge.from].children);
        self.upstream(run).into_iter().any(|up| !self.state(up).kind.is_finished())
            || parts.any(|part| !part.state.kind.is_finished())
    }

    /// The inputs of a body; of those that may be without a value, `None`. What is lacking is told by the first that lacks.
    pub(super) fn inputs(&self, run: RunId) -> (Vec<Option<Val>>, Option<Lack>) {
        let task = self.task(run);
        let edges = task.edges.iter().enumerate().filter(|(_, edge)| edge.carries != Carries::Order);
        let over = task.over.iter().map(|list| Given::Value(Val::Number(list[run.child.expect("a child")])));
        let over = (task.edges.len()..).zip(over);
        let given = edges.map(|(e, _)| (e, self.given(run, e))).chain(over);
        let read: Vec<_> = given.map(|(input, given)| read(task, input, given)).collect();
        let lack = [Lack::Unfit, Lack::Missing].into_iter().find(|lack| read.contains(&Err(*lack)));
        (read.into_iter().map(|input| input.ok().flatten()).collect(), lack)
    }

    fn given(&self, run: RunId, e: usize) -> Given {
        let edge = self.task(run).edges[e];
        let from = &self.runs[edge.from];
        let child = run.child.unwrap_or_default();
        match self.runs[run.task].lists.get(e).unwrap_or(&List::Whole) {
            List::Elements(list) => Given::Value(list[child].clone()),
            List::Spliced(items) => items[child].1.clone(),
            List::Children => Given::of(&from.children[child].state),
            List::Failed => Given::of(&from.own.state),
            List::Whole => {
                let given = if from.own.state.kind == Kind::Mapped {
                    Given::Children(from.children.iter().map(|child| Given::of(&child.state)).collect())
                } else {
                    Given::of(&from.own.state)
                };
                if edge.carries == Carries::Flat { joined(given) } else { given }
            }
        }
    }

    /// Counts what was met.
    pub(super) fn note_inputs(&self, run: RunId, inputs: &[Option<Val>], hits: &mut Hits) {
        let mut hit = |rule| *hits.entry(rule).or_default() += 1;
        let task = self.task(run);
        if task.body == Body::Merge && matches!(inputs, [None, .., Some(_)] | [None, Some(_), ..]) {
            hit("merge_second");
        }
        for edge in &task.edges {
            let from = &self.runs[edge.from];
            if from.own.state.kind == Kind::Mapped && !edge.carries.is_mapped() {
                hit(if from.children.is_empty() { "reduced_nothing" } else { "reduced" });
            }
            if edge.carries == Carries::Flat {
                hit("joined");
            }
        }
    }
}

/// The lists in a list, or of children, as one; what is no list stands for itself.
fn joined(given: Given) -> Given {
    match given {
        Given::Value(Val::Lists(lists)) => Given::Value(Val::List(lists.concat())),
        // What is no list of lists is passed on as it is.
        Given::Value(_) | Given::State(_) | Given::NoList => given,
        Given::Children(children) => {
            let mut all = Vec::new();
            for child in children {
                match child.value() {
                    Given::Value(Val::List(list)) => all.extend(list),
                    Given::Value(Val::Number(n)) => all.push(n),
                    child @ Given::State(_) => return child,
                    _ => return Given::NoList,
                }
            }
            Given::Value(Val::List(all))
        }
    }
}

/// What a parameter makes of what it is given.
fn read(task: &Task, input: usize, given: Given) -> Result<Option<Val>, Lack> {
    let number = task.takes == Takes::Number || task.role == Role::ResourceCleanup;
    let asks = match task.body {
        Body::Own(_) => task.role != Role::ResourceCleanup && task.reads.is_outcome(input),
        Body::Merge => true,
        _ => false,
    };
    match (&task.body, if asks { given } else { given.value() }) {
        (Body::Compare(_) | Body::AsBool, Given::Value(value @ Val::Number(_)))
        | (Body::CompareTruth(_), Given::Value(value @ Val::Truth(_)))
        | (Body::Merge, Given::Value(value) | Given::State(State { result: Res::Value(value), .. })) => Ok(Some(value)),
        // Of a state that has one, the result counts, whatever the state is.
        (Body::Merge, Given::State(_)) => Ok(None),
        (Body::Compare(_) | Body::AsBool | Body::CompareTruth(_), Given::Value(_) | Given::Children(_)) => {
            Err(Lack::Unfit)
        }
        (_, Given::NoList) => Err(Lack::Unfit),
        (Body::Own(_), given) if asks => Ok(of_outcome(given)),
        (_, Given::Value(value)) if number && !matches!(value, Val::Number(_)) => Err(Lack::Unfit),
        (_, Given::Value(value)) => Ok(Some(value)),
        (_, Given::State(state)) => Err(lack(&state)),
        (_, Given::Children(_)) if number => Err(Lack::Unfit),
        (_, Given::Children(children)) => {
            // The first child without a value decides.
            let first = children.iter().find_map(|child| match child {
                Given::State(state) => Some(lack(state)),
                _ => None,
            });
            match first {
                Some(lack) => Err(lack),
                None => Ok(of_outcome(Given::Children(children))),
            }
        }
    }
}

/// What a success without a value is, and anything else without one.
fn lack(state: &State) -> Lack {
    if state.kind == Kind::Success { Lack::Unfit } else { Lack::Missing }
}

fn of_outcome(given: Given) -> Option<Val> {
    match given {
        Given::Value(value) => Some(value),
        Given::Children(children) => {
            let sums = children.into_iter().filter_map(of_outcome).map(|value| value.sum());
            Some(Val::List(sums.collect()))
        }
        Given::State(_) | Given::NoList => None,
    }
}
