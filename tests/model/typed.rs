//! A case as the typed layer can say it: what the compiler refuses is taken out or replaced.
//!
//! Every task takes some numbers, one list and one element. Its options are those that `#[task]` and `options()` have.
use std::collections::BTreeMap;

use super::{Body, Carries, Case, Kind, Mode, Outcome, Patience, Raise, Reads, Role, Script, SignalName, Takes, Task};
use super::{Edge, Occasion, Trigger, Val};

/// The type of what a task returns; of a mapped one, of what each child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Number,
    List,
    Lists,
    /// Nothing that anybody reads.
    Unit,
}

pub fn of(task: &Task) -> Type {
    let gives = |is: fn(&Outcome) -> bool| task.outcomes().any(is);
    match task.body {
        Body::Compare(_) | Body::CompareTruth(_) | Body::AsBool => Type::Unit,
        Body::Filter(_) => Type::List,
        _ if gives(|outcome| matches!(outcome, Outcome::Lists(_))) => Type::Lists,
        _ if gives(|outcome| matches!(outcome, Outcome::List(_))) => Type::List,
        _ => Type::Number,
    }
}

/// The nearest case that the typed layer can say. What this gives stays as it is when it is done again.
pub fn fit(case: &Case) -> Case {
    let mut fitted = Case { mode: Mode::Run, tasks: Vec::new(), runs: vec![Occasion::default()], ..case.clone() };
    for task in &case.tasks {
        let task = fit_task(task, &fitted.tasks);
        fitted.tasks.push(task);
    }
    // The tasks of `switch` have no name in the program.
    let named = |task: &usize| !matches!(fitted.tasks[*task].body, Body::Compare(_));
    let reference = fitted.flow.reference_tasks.take();
    fitted.flow.reference_tasks =
        reference.map(|tasks| tasks.into_iter().filter(named).collect()).filter(|tasks: &Vec<_>| !tasks.is_empty());
    fitted
}

fn fit_task(task: &Task, earlier: &[Task]) -> Task {
    let number = |from: usize| of(&earlier[from]) == Type::Number && !earlier[from].is_mapped();
    let data: Vec<Edge> = task.edges.iter().copied().filter(|edge| edge.carries == Carries::Data).collect();
    let reads_numbers = !data.is_empty() && data.iter().all(|edge| number(edge.from));
    match task.body {
        Body::Compare(_) if reads_numbers && data.len() == 1 => {
            return Task { watched: false, ..Task::new(task.name.clone(), data, task.body.clone()) };
        }
        Body::Merge if reads_numbers => {
            let (trigger, skip_on_upstream_skip) = (Trigger::NotAllSkipped, false);
            let merge = Task::new(task.name.clone(), data, Body::Merge);
            return Task { watched: false, trigger, skip_on_upstream_skip, ..merge };
        }
        _ => {}
    }
    let reads = if task.reads == Reads::Values { Reads::Values } else { Reads::Outcomes };
    let mut fitted = Task { reads, over: task.over.iter().take(1).cloned().collect(), ..task.clone() };
    fitted.edges = edges(task, reads, earlier, &mut fitted.over);
    fitted.body = Body::Own(match &task.body {
        Body::Own(script) if task.role != Role::ResourceCleanup => fit_script(script, of(task)),
        _ => Script { calls: vec![Outcome::Linear { times: 1, plus: 1 }], of_child: BTreeMap::default() },
    });
    (fitted.trigger, fitted.skip_on_upstream_skip) = match (reads, &task.trigger) {
        (Reads::Values, Trigger::NotAllSkipped) => (Trigger::NotAllSkipped, true),
        (Reads::Values, _) => (Trigger::AllSuccessful, true),
        (_, Trigger::AllFailed | Trigger::AnySuccessful | Trigger::AnyFailed) => {
            (task.trigger.clone(), task.skip_on_upstream_skip)
        }
        _ => (Trigger::AllFinished, task.skip_on_upstream_skip),
    };
    (fitted.role, fitted.handlers, fitted.on_failure) = (Role::Work, Vec::new(), false);
    (fitted.watched, fitted.takes) = (true, Takes::Any);
    (fitted.cache, fitted.store) = (None, None);
    fitted
}

/// What an edge can bring to a parameter; what cannot be read is only waited for.
fn edges(task: &Task, reads: Reads, earlier: &[Task], over: &mut Vec<Vec<i64>>) -> Vec<Edge> {
    let (mut list, mut element) = (false, false);
    let fit = |edge: &Edge| {
        let from = &earlier[edge.from];
        let values = reads == Reads::Values;
        let once = |taken: &mut bool| !std::mem::replace(taken, true);
        let carries = match (edge.carries, of(from), from.is_mapped()) {
            (Carries::Data, Type::Number, false) => Carries::Data,
            (Carries::Data, Type::Number, true) if once(&mut list) => Carries::Data,
            (Carries::Data, Type::List, false) if values && once(&mut list) => Carries::Data,
            (Carries::Flat, Type::Lists, false) | (Carries::Flat, Type::List, true) if values && once(&mut list) => {
                Carries::Flat
            }
            (Carries::Each, Type::List, false) | (Carries::Each, Type::Number, true) if once(&mut element) => {
                Carries::Each
            }
            (Carries::EachFlat, Type::Lists, false) | (Carries::EachFlat, Type::List, true)
                if values && once(&mut element) =>
            {
                Carries::EachFlat
            }
            _ => Carries::Order,
        };
        Edge { carries, ..*edge }
    };
    let edges = task.edges.iter().map(fit).collect();
    if element {
        over.clear();
    }
    edges
}

fn fit_script(script: &Script, gives: Type) -> Script {
    let fit = |calls: &Vec<Outcome>| calls.iter().map(|outcome| fit_outcome(outcome, gives)).collect();
    Script { calls: fit(&script.calls), of_child: script.of_child.iter().map(|(i, calls)| (*i, fit(calls))).collect() }
}

fn fit_outcome(outcome: &Outcome, gives: Type) -> Outcome {
    match (outcome, gives) {
        (Outcome::If { sum, then }, Type::Number) => {
            Outcome::If { sum: *sum, then: Box::new(fit_outcome(then, gives)) }
        }
        (Outcome::Lists(_), Type::Lists)
        | (Outcome::List(_), Type::List)
        | (Outcome::Linear { .. } | Outcome::Index | Outcome::Returns(Val::Number(_)), Type::Number) => outcome.clone(),
        (
            Outcome::Linear { .. }
            | Outcome::Index
            | Outcome::Returns(_)
            | Outcome::List(_)
            | Outcome::Lists(_)
            | Outcome::If { .. },
            _,
        ) => match gives {
            Type::Lists => Outcome::Lists(vec![1]),
            Type::List => Outcome::List(1),
            Type::Number | Type::Unit => Outcome::Linear { times: 1, plus: 1 },
        },
        (Outcome::Signal(raise), _) => Outcome::Signal(fit_raise(raise, gives)),
        _ => outcome.clone(),
    }
}

/// A typed task that succeeds has a value of its type, and one that is skipped has none. Nothing pauses.
fn fit_raise(raise: &Raise, gives: Type) -> Raise {
    use SignalName::{EndRun, Fail, Loop, Pause, Skip, Success};
    let number = gives == Type::Number;
    let signal = match raise.signal {
        Pause | EndRun(Kind::Paused) => Skip,
        Success if !number => Fail,
        EndRun(Kind::Success) if !number => EndRun(Kind::Failed),
        signal => signal,
    };
    let value = match signal {
        Success | EndRun(Kind::Success) => raise.value.or(Some(1)),
        Loop => raise.value,
        _ => None,
    };
    Raise { signal, message: raise.message.clone(), value }
}

/// How long a task may take, as its options say it.
pub fn may_take_long(task: &Task) -> bool {
    let late = |outcome: &Outcome| outcome.may(|outcome| *outcome == Outcome::Timeout);
    task.patience == Patience::Timeout || task.outcomes().any(late)
}
