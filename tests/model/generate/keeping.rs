//! What is kept of a flow that is there already, and the runs that use it again.
use std::collections::BTreeMap;

use super::super::{
    Act, Body, Caching, Carries, Case, Handler, Kind, NewState, Occasion, Outcome, Part, Place, SignalName, Storing,
    Task, Validator,
};
use super::options::end_kind;
use super::random::Random;

/// Makes tasks of a case keep their results, and lets its flow run several times. Only where it is known when things
/// happen: what takes an unknown time is replaced.
pub(super) fn add(case: &mut Case, random: &mut Random) {
    for task in &mut case.tasks {
        be_on_time(task);
        parameter(task, random);
    }
    let names: Vec<String> =
        case.tasks.iter().filter(|task| is_parameter(task)).map(|task| task.name.clone()).collect();
    for t in 0..case.tasks.len() {
        if case.tasks[t].may_keep() {
            let plain = case.plain_inputs(t);
            keep(&mut case.tasks[t], &plain, &names, random);
        }
    }
    let runs = 2 + random.below(3);
    case.runs = (0..runs).map(|_| occasion(&names, random)).collect();
    case.tidy();
}

fn is_parameter(task: &Task) -> bool {
    matches!(task.body, Body::Parameter(_))
}

fn be_on_time(task: &mut Task) {
    let early = |outcome: &mut Outcome| match outcome {
        Outcome::Timeout => *outcome = Outcome::Err("late".to_owned()),
        Outcome::If { then, .. } if **then == Outcome::Timeout => **then = Outcome::Err("late".to_owned()),
        _ => {}
    };
    if let Body::Own(script) = &mut task.body {
        script.calls.iter_mut().chain(script.of_child.values_mut().flatten()).for_each(early);
    }
    for handler in &mut task.handlers {
        if let Act::Replace(new) = &mut handler.act
            && new.kind == Kind::Pending
        {
            new.kind = Kind::Success;
        }
    }
}

/// Some of the tasks without inputs give parameters of the flow.
fn parameter(task: &mut Task, random: &mut Random) {
    let number = super::super::typed::of(task) == super::super::typed::Type::Number;
    if task.may_keep() && number && task.edges.is_empty() && task.over.is_empty() && random.percent(50) {
        let default = i64::from(random.count(3));
        let (handlers, on_failure, watched) = (std::mem::take(&mut task.handlers), task.on_failure, task.watched);
        *task = Task::new(task.name.clone(), Vec::new(), Body::Parameter(default));
        (task.handlers, task.on_failure, task.watched) = (handlers, on_failure, watched);
    }
}

fn occasion(names: &[String], random: &mut Random) -> Occasion {
    let mut given = BTreeMap::new();
    for name in names {
        if random.percent(50) {
            given.insert(name.clone(), i64::from(random.count(2)));
        }
    }
    Occasion { after: random.pick(&[0, 0, 1, 3, 9, 30]), given, world: random.pick(&[0, 0, 1, 2]) }
}

fn keep(task: &mut Task, plain: &[usize], names: &[String], random: &mut Random) {
    if random.percent(55) {
        let key = random.percent(25).then(|| format!("shelf {}", random.below(2)));
        let validator = validator(task, names, random);
        task.cache = Some(Caching { seconds: random.pick(&[1, 4, 20, 60]), validator, key });
    }
    if random.percent(30) {
        let place = match random.below(10) {
            0..6 => Place::Target(parts(task, plain, random)),
            6..8 => Place::Location(parts(task, plain, random)),
            _ => Place::Unnamed,
        };
        let trouble = if random.percent(25) { 1 + random.count(1) } else { 0 };
        task.store = Some(Storing { place, checkpoint: random.percent(85), trouble });
    }
    if (task.cache.is_some() || task.store.is_some()) && task.handlers.len() < 3 && random.percent(25) {
        task.handlers.push(of_cached(random));
    }
}

fn validator(task: &Task, names: &[String], random: &mut Random) -> Validator {
    let some = |random: &mut Random| random.percent(60);
    match random.below(20) {
        0 => Validator::NeverUse,
        1..6 => Validator::DurationOnly,
        6..10 => Validator::AllInputs,
        10..13 => Validator::AllParameters,
        13..17 => Validator::Inputs(task.inputs().into_iter().filter(|_| some(random)).collect()),
        _ => Validator::Parameters(names.iter().filter(|_| some(random)).cloned().collect()),
    }
}

/// Begins with the name of the task, so that no two tasks write to one place.
fn parts(task: &Task, plain: &[usize], random: &mut Random) -> Vec<Part> {
    let mut parts = vec![Part::TaskName, Part::Text(random.pick(&["-", "/"]).to_owned())];
    if !plain.is_empty() && random.percent(60) {
        parts.extend([Part::Input(random.pick(plain)), Part::Text("-".to_owned())]);
    }
    if task.max_retries > 0 && random.percent(20) {
        parts.extend([Part::RunCount, Part::Text("-".to_owned())]);
    }
    if task.edges.iter().any(|edge| edge.carries != Carries::Order) || random.percent(50) {
        parts.push(Part::Text("x".to_owned()));
    }
    if task.is_mapped() {
        parts.push(Part::MapIndex);
    } else {
        parts.push(Part::Text("y".to_owned()));
    }
    parts
}

/// Does not take a kept result as it is.
fn of_cached(random: &mut Random) -> Handler {
    let act = match random.below(10) {
        0..4 => Act::Old,
        4..7 => {
            let kind = random.pick(&[Kind::Success, Kind::Failed, Kind::Skipped, Kind::Retrying, Kind::Scheduled]);
            Act::Replace(NewState { kind, message: random.message(), value: random.value() })
        }
        7 => Act::Error(random.text()),
        8 => {
            let kind = end_kind(random);
            Act::Signal(random.raise(SignalName::EndRun(kind)))
        }
        _ => {
            let signal = random.pick(&[SignalName::Skip, SignalName::Fail, SignalName::Success, SignalName::Retry]);
            Act::Signal(random.raise(signal))
        }
    };
    Handler { on: Some(Kind::Cached), times: 1 + random.count(1), act }
}
