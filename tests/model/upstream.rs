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
            Res::Value(value) if matches!(state.kind, Kind::Success | Kind::Cached) => Self::Value(value.clone()),
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

/// What a validator sees of an input.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    /// A value, as it is written.
    Json(String),
    /// What became of a task that has no success, for who asks: with its result, if that is a value.
    Ended(Kind, Option<String>),
    Parts(Vec<Seen>),
    /// An error, a signal, or nothing: never the same as another.
    Never,
}

impl Seen {
    fn of(given: Given, asks: bool) -> Self {
        match given {
            Given::Value(value) => Self::Json(value.json()),
            Given::Children(children) => Self::Parts(children.into_iter().map(|child| Self::of(child, asks)).collect()),
            Given::State(State { kind, result: Res::Value(value), .. }) if asks => {
                Self::Ended(kind, Some(value.json()))
            }
            Given::State(State { kind, result: Res::Null, .. }) if asks => Self::Ended(kind, None),
            Given::State(_) | Given::NoList => Self::Never,
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json(ours), Self::Json(theirs)) => ours == theirs,
            (Self::Ended(ours, value), Self::Ended(theirs, other)) => ours == theirs && value == other,
            (Self::Parts(ours), Self::Parts(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(our, their)| our.is_same(their))
            }
            _ => false,
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
        let joins = |input: usize| task.edges.get(input).is_some_and(|edge| edge.carries == Carries::Flat);
        let given = self.all_given(run).into_iter();
        let given = given.map(|(input, given)| (input, if joins(input) { joined(given) } else { given }));
        let read: Vec<_> = given.map(|(input, given)| read(task, input, given)).collect();
        let lack = [Lack::Unfit, Lack::Missing].into_iter().find(|lack| read.contains(&Err(*lack)));
        (read.into_iter().map(|input| input.ok().flatten()).collect(), lack)
    }

    /// What a validator sees of each input. What was joined is seen as it was before.
    pub(super) fn seen_inputs(&self, run: RunId) -> Vec<(usize, Seen)> {
        let task = self.task(run);
        let seen = |(input, given): (usize, Given)| {
            let asks = task.reads.is_outcome(input);
            (input, Seen::of(if asks { given } else { given.value() }, asks))
        };
        self.all_given(run).into_iter().map(seen).collect()
    }

    /// What edges and constant lists bring to each input; what is to be joined is not joined yet.
    fn all_given(&self, run: RunId) -> Vec<(usize, Given)> {
        let task = self.task(run);
        let given = |input: usize| match input.checked_sub(task.edges.len()) {
            None => self.given(run, input),
            Some(list) => Given::Value(Val::Number(task.over[list][run.child.expect("a child")])),
        };
        task.inputs().into_iter().map(|input| (input, given(input))).collect()
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
                if from.own.state.kind == Kind::Mapped {
                    Given::Children(from.children.iter().map(|child| Given::of(&child.state)).collect())
                } else {
                    Given::of(&from.own.state)
                }
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
            if matches!(task.body, Body::Filter(_))
                && from.children.iter().any(|child| !child.state.kind.is_successful())
            {
                hit("filter_left_out");
            }
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
    if let Body::Filter(_) = task.body {
        return filtered(given.value());
    }
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

/// What `FilterTask` makes its choice of: the numbers in a list, or those that children gave. What failed, or was skipped
/// without a result, is left out.
fn filtered(given: Given) -> Result<Option<Val>, Lack> {
    let one = |given: Given| match given {
        Given::Value(Val::Number(n)) => Ok(Some(n)),
        Given::State(state) if lack(&state) == Lack::Missing => Ok(None),
        _ => Err(Lack::Unfit),
    };
    let all = match given {
        Given::Value(Val::List(list)) => list,
        Given::Value(_) => return Err(Lack::Unfit),
        Given::Children(children) => {
            children.into_iter().filter_map(|child| one(child).transpose()).collect::<Result<_, _>>()?
        }
        other => one(other)?.into_iter().collect(),
    };
    Ok(Some(Val::List(all)))
}

/// What a success without a value is, and anything else without one.
fn lack(state: &State) -> Lack {
    if matches!(state.kind, Kind::Success | Kind::Cached) { Lack::Unfit } else { Lack::Missing }
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
