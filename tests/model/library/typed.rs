//! The same flow by the other entry point: tasks by `#[task]`, wired as `flow!` does it.
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use prefect::__private::{Input, IntoInput, flow};
use prefect::prelude::*;
use prefect::{FlowRun, Mapped, TaskRef};

use super::super::typed::{Type, may_take_long, of};
use super::super::{Body, By, Carries, Case, Observed, Reads, RetryOn as Retry, Script, Way};
use super::witness::Witness;
use super::{Model, body, options, retry_on, settings, shown, start};

/// What the bodies and the observer of one flow work with.
#[derive(Clone)]
struct Live {
    scripts: Arc<[Option<Script>]>,
    witnesses: Arc<[Witness]>,
}

/// By the name of the flow: a handler of a task function is known when the program is compiled.
static LIVE: LazyLock<Mutex<HashMap<String, Live>>> = LazyLock::new(Mutex::default);

fn observe(of: &Tracked, old: &State, new: State) -> State {
    let live = LIVE.lock().unwrap()[of.flow_name()].clone();
    let task: usize = of.name().parse().unwrap();
    live.witnesses[task].event(of, By::Observer, Some(old), &new);
    new
}

impl Live {
    fn call<T: Data>(&self, task: usize, inputs: impl Iterator<Item = i64>) -> Result<T, TaskError> {
        let script = self.scripts[task].as_ref().expect("a task of the case's own");
        let (outcome, sum) = body::called(script, &self.witnesses[task], inputs.fold(0, i64::wrapping_add));
        let value = body::end(outcome, sum)?.downcast::<T>().unwrap_or_else(|_| panic!("another type"));
        Ok(T::clone(&value))
    }
}

macro_rules! of_values {
    ($($name:ident: $trigger:ident;)*) => { $(
        #[task(trigger = $trigger, state_handlers = [observe])]
        fn $name<T: Data>(
            #[constant] task: usize,
            numbers: Vec<i64>,
            list: Vec<i64>,
            element: i64,
            #[shared] live: &Live,
        ) -> Result<T, TaskError> {
            live.call(task, numbers.into_iter().chain(list).chain([element]))
        }
    )* };
}
of_values! {
    all_succeed: all_successful;
    not_all_skip: not_all_skipped;
}

macro_rules! of_outcomes {
    ($($name:ident: $trigger:ident, $skip:literal;)*) => { $(
        #[task(trigger = $trigger, skip_on_upstream_skip = $skip, state_handlers = [observe])]
        fn $name<T: Data>(
            #[constant] task: usize,
            numbers: Vec<Outcome<i64>>,
            list: Vec<Outcome<i64>>,
            element: Outcome<i64>,
            #[shared] live: &Live,
        ) -> Result<T, TaskError> {
            live.call(task, numbers.into_iter().chain(list).chain([element]).filter_map(Outcome::success))
        }
    )* };
}
of_outcomes! {
    finished: all_finished, false;
    finished_or_skips: all_finished, true;
    fail: all_failed, false;
    fail_or_skips: all_failed, true;
    one_fails: any_failed, false;
    one_fails_or_skips: any_failed, true;
    one_succeeds: any_successful, false;
    one_succeeds_or_skips: any_successful, true;
}

/// A call that was made.
#[derive(Clone, Copy)]
enum Made {
    Number(Node<i64>),
    List(Node<Vec<i64>>),
    Lists(Node<Vec<Vec<i64>>>),
    Numbers(Mapped<i64>),
    EachList(Mapped<Vec<i64>>),
    /// Nobody reads what it gives.
    Other(TaskRef),
    /// A condition of `switch`: it is made when all that waits for it is there, and has this place then.
    Condition(u32),
}

trait Kept: Data {
    fn node(node: Node<Self>) -> Made;
    fn mapped(mapped: Mapped<Self>) -> Made {
        Made::Other(mapped.task())
    }
}
impl Kept for i64 {
    fn node(node: Node<Self>) -> Made {
        Made::Number(node)
    }
    fn mapped(mapped: Mapped<Self>) -> Made {
        Made::Numbers(mapped)
    }
}
impl Kept for Vec<i64> {
    fn node(node: Node<Self>) -> Made {
        Made::List(node)
    }
    fn mapped(mapped: Mapped<Self>) -> Made {
        Made::EachList(mapped)
    }
}
impl Kept for Vec<Vec<i64>> {
    fn node(node: Node<Self>) -> Made {
        Made::Lists(node)
    }
}

fn numbers(task: &Model, made: &[Made]) -> Vec<Node<i64>> {
    let edges = task.edges.iter().filter(|edge| edge.carries == Carries::Data);
    edges.filter_map(|edge| if let Made::Number(node) = made[edge.from] { Some(node) } else { None }).collect()
}

/// The one edge that brings a list, or an element of one.
fn bringing(task: &Model, made: &[Made], carries: &[Carries]) -> Option<(Carries, Made)> {
    let edges = task.edges.iter().filter(|edge| carries.contains(&edge.carries));
    let mut edges = edges.map(|edge| (edge.carries, made[edge.from]));
    edges.find(|(_, made)| !matches!(made, Made::Number(_)))
}

/// One call of a task function, with the element of the child by its own type.
macro_rules! call {
    ($f:ident, $i:expr, $numbers:expr, $list:expr, $task:expr, $made:expr, $none:expr) => {{
        let (i, numbers, list, task) = ($i, $numbers, $list, $task);
        match (bringing(task, $made, &[Carries::Each, Carries::EachFlat]), task.over.first()) {
            (None, None) => T::node($f::<T>(i, numbers, list, $none)),
            (None, Some(over)) => T::mapped($f::<T>::map(
                unmapped(i),
                unmapped(numbers),
                unmapped(list),
                call!(@over $f, over.clone()),
            )),
            (Some((_, Made::List(node))), _) => {
                T::mapped($f::<T>::map(unmapped(i), unmapped(numbers), unmapped(list), node))
            }
            (Some((_, Made::Numbers(node))), _) => {
                T::mapped($f::<T>::map(unmapped(i), unmapped(numbers), unmapped(list), node))
            }
            (Some(other), _) => call!(@flat $f, i, numbers, list, other),
        }
    }};
    (@over all_succeed, $over:expr) => { $over };
    (@over not_all_skip, $over:expr) => { $over };
    (@over $f:ident, $over:expr) => { $over.into_iter().map(Outcome::Success).collect::<Vec<_>>() };
    (@flat all_succeed, $($given:tt)*) => { call!(@flatten all_succeed, $($given)*) };
    (@flat not_all_skip, $($given:tt)*) => { call!(@flatten not_all_skip, $($given)*) };
    (@flat $f:ident, $i:ident, $numbers:ident, $list:ident, $other:ident) => {
        unreachable!("outcomes are not flattened, and {} is no list", matches!($other.1, Made::Number(_)))
    };
    (@flatten $f:ident, $i:ident, $numbers:ident, $list:ident, $other:ident) => {
        match $other.1 {
            Made::Lists(node) => {
                T::mapped($f::<T>::map(unmapped($i), unmapped($numbers), unmapped($list), flatten(node)))
            }
            Made::EachList(node) => {
                T::mapped($f::<T>::map(unmapped($i), unmapped($numbers), unmapped($list), flatten(node)))
            }
            _ => unreachable!("no list"),
        }
    };
}

fn add<T: Kept>(i: usize, task: &Model, made: &[Made]) -> Made {
    let list = bringing(task, made, &[Carries::Data, Carries::Flat]);
    if task.reads == Reads::Values {
        let numbers: Input<Vec<i64>> = numbers(task, made).into_input();
        let list: Input<Vec<i64>> = match list {
            None => Vec::<i64>::new().into_input(),
            Some((_, Made::Numbers(all))) => all.into_input(),
            Some((_, Made::List(list))) => list.into_input(),
            Some((_, Made::Lists(lists))) => flatten(lists).into_input(),
            Some((_, Made::EachList(lists))) => flatten(lists).into_input(),
            Some(_) => unreachable!("no list"),
        };
        return match task.trigger {
            super::Trigger::NotAllSkipped => call!(not_all_skip, i, numbers, list, task, made, 0),
            _ => call!(all_succeed, i, numbers, list, task, made, 0),
        };
    }
    let numbers: Input<Vec<Outcome<i64>>> = numbers(task, made).into_input();
    let list: Input<Vec<Outcome<i64>>> = match list {
        None => Vec::<Outcome<i64>>::new().into_input(),
        Some((_, Made::Numbers(all))) => all.into_input(),
        Some(_) => unreachable!("no list of outcomes"),
    };
    let none = Outcome::Success(0);
    match (&task.trigger, task.skip_on_upstream_skip) {
        (super::Trigger::AllFailed, false) => call!(fail, i, numbers, list, task, made, none),
        (super::Trigger::AllFailed, true) => call!(fail_or_skips, i, numbers, list, task, made, none),
        (super::Trigger::AnyFailed, false) => call!(one_fails, i, numbers, list, task, made, none),
        (super::Trigger::AnyFailed, true) => call!(one_fails_or_skips, i, numbers, list, task, made, none),
        (super::Trigger::AnySuccessful, false) => call!(one_succeeds, i, numbers, list, task, made, none),
        (super::Trigger::AnySuccessful, true) => call!(one_succeeds_or_skips, i, numbers, list, task, made, none),
        (_, false) => call!(finished, i, numbers, list, task, made, none),
        (_, true) => call!(finished_or_skips, i, numbers, list, task, made, none),
    }
}

/// What a task says by `options()`.
fn task_options(i: usize, task: &Model) -> prefect::TaskOptions {
    let mut options = prefect::options().name(i.to_string());
    if task.max_retries > 0 {
        let delay = Duration::from_secs(u64::from(task.retry_delay));
        options = options.max_retries(task.max_retries).retry_delay(delay);
    }
    if task.retry_on != Retry::Anything {
        options = options.retry_on(retry_on(&task.retry_on).expect("not anything"));
    }
    if may_take_long(task) { options.timeout(Duration::from_secs(1)) } else { options }
}

/// Makes the tasks of the flow that is being built; gives each with its place in the flow.
fn build(case: &Case) -> Vec<Made> {
    let mut made: Vec<Made> = Vec::new();
    for (i, task) in case.tasks.iter().enumerate() {
        let this = match task.body {
            Body::Compare(_) => Made::Condition(0),
            Body::Merge => Made::Number(merge(numbers(task, &made))),
            _ => match of(task) {
                Type::Number => add::<i64>(i, task, &made),
                Type::List => add::<Vec<i64>>(i, task, &made),
                Type::Lists => add::<Vec<Vec<i64>>>(i, task, &made),
                Type::Unit => unreachable!("a condition"),
            },
        };
        if !matches!(task.body, Body::Compare(_) | Body::Merge) {
            let options = task_options(i, task);
            match this {
                Made::Number(node) => drop(node.with(options)),
                Made::List(node) => drop(node.with(options)),
                Made::Lists(node) => drop(node.with(options)),
                Made::Numbers(mapped) => drop(mapped.with(options)),
                Made::EachList(mapped) => drop(mapped.with(options)),
                Made::Other(_) | Made::Condition(_) => unreachable!("read, or no task yet"),
            }
            let after = |edge: &&super::super::Edge| edge.carries == Carries::Order;
            for edge in task.edges.iter().filter(after) {
                let Some(upstream) = task_ref(made[edge.from]) else { continue };
                match this {
                    Made::Number(node) => drop(node.after(upstream)),
                    Made::List(node) => drop(node.after(upstream)),
                    Made::Lists(node) => drop(node.after(upstream)),
                    Made::Numbers(mapped) => drop(mapped.after(upstream)),
                    Made::EachList(mapped) => drop(mapped.after(upstream)),
                    Made::Other(_) | Made::Condition(_) => unreachable!("as above"),
                }
            }
        }
        made.push(this);
    }
    let mut place = u32::try_from(made.iter().filter(|made| task_ref(**made).is_some()).count()).expect("few");
    for (i, task) in case.tasks.iter().enumerate() {
        let Body::Compare(value) = task.body else { continue };
        let Made::Number(condition) = made[task.edges[0].from] else { unreachable!("a number decides") };
        let waits = |task: &Model| task.edges.iter().any(|edge| edge.from == i);
        let readers = case.tasks.iter().zip(&made).filter(|(task, _)| waits(task));
        let readers: Vec<TaskRef> = readers.filter_map(|(_, made)| task_ref(*made)).collect();
        switch(condition, [(value, readers)]);
        made[i] = Made::Condition(place);
        place += 1;
    }
    if let Some(reference) = &case.flow.reference_tasks {
        reference_tasks(reference.iter().filter_map(|i| task_ref(made[*i])).collect::<Vec<_>>());
    }
    made
}

fn task_ref(made: Made) -> Option<TaskRef> {
    Some(match made {
        Made::Number(node) => node.task(),
        Made::List(node) => node.task(),
        Made::Lists(node) => node.task(),
        Made::Numbers(mapped) => mapped.task(),
        Made::EachList(mapped) => mapped.task(),
        Made::Other(task) => task,
        Made::Condition(_) => return None,
    })
}

/// Runs a [fitted](super::super::typed::fit) case.
pub fn run(case: &Case, way: Way) -> Observed {
    static RUNS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let name = format!("case {}", RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let script = |task: &Model| if let Body::Own(script) = &task.body { Some(script.clone()) } else { None };
    let live = Live {
        scripts: case.tasks.iter().map(script).collect(),
        witnesses: case.tasks.iter().map(|_| Witness::default()).collect(),
    };
    LIVE.lock().unwrap().insert(name.clone(), live.clone());
    let flow_witness = Witness::default();
    let mut made = Vec::new();
    let flow = flow(options(name.clone(), case, &flow_witness), || made = build(case));
    let ran = start(&flow.share(live.clone()).with(settings(case, way.workers)), case.mode, way.start);
    LIVE.lock().unwrap().remove(&name);
    let tasks: Vec<_> = made.into_iter().zip(live.witnesses.iter().cloned()).collect();
    let states = |made: &Made| match made {
        Made::Condition(place) => of_place(&ran, *place),
        other => {
            let task = task_ref(*other).expect("a task of the program");
            (ran.state_of(task), ran.map_states(task).collect())
        }
    };
    vec![shown(case, &ran, &flow_witness, &tasks, states)]
}

fn of_place(ran: &FlowRun<()>, place: u32) -> (State, Vec<State>) {
    let task = ran.task_runs().nth(usize::try_from(place).expect("few")).expect("a task at this place");
    (task.state, Vec::new())
}
