//! Mapped tasks on every executor: the same children, states and results as one after the other.
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use prefect::trigger::{all_finished, any_failed, any_successful};
use prefect::{
    Clock, Elements, Executor, FlowBuilder, FlowOptions, KeepResults, Parameter, RunSettings, Signal, State, StateKind,
    TaskBody, TaskDefinition, TaskRef, Trigger, Value, context,
};

/// Numbers from a seed: the test prints it, and `MAPPING_SEED` repeats one.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn settings(executor: Executor) -> RunSettings {
    RunSettings::new()
        .executor(executor)
        .seed(1)
        .clock(Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap()))
        .keep_results(KeepResults::All)
}

/// What a state is, for comparing.
fn told(state: &State) -> String {
    match state.value::<i64>() {
        Some(value) => format!("{state} {value}"),
        None => state.to_string(),
    }
}

/// The number in the state of an upstream task; a failure counts as one.
fn number(state: &State) -> i64 {
    match (state.value::<i64>(), state.value::<Vec<State>>()) {
        (Some(n), _) => *n,
        (None, Some(children)) => children.iter().map(number).sum(),
        (None, None) => 1,
    }
}

/// A task with one input: it fails, skips, is tried again, or adds one, by what it is given.
fn body(salt: i64) -> TaskBody {
    TaskBody::new([Parameter::state("x"), Parameter::state("y")], move |inputs| {
        let (x, y) = (number(&inputs.take::<State>(0)), number(&inputs.take::<State>(1)));
        match (x + salt).rem_euclid(8) {
            5 => Err("five".into()),
            6 => Err(Signal::skip("six").into()),
            7 if context().task_run_count() == 1 => Err("first".into()),
            _ => Ok(Value::new(x.wrapping_add(y).wrapping_add(1) % 1_000)),
        }
    })
}

struct Built {
    flow: FlowBuilder,
    tasks: Vec<TaskRef>,
}

/// A random flow of lists, tasks mapped over them and over each other, and tasks that read them whole.
fn build(seed: u64) -> Built {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut flow = FlowBuilder::new(FlowOptions::new("maps"));
    let (mut lists, mut mapped, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..=random.below(2) {
        let list: Vec<i64> = (0..random.below(6)).map(|_| i64::try_from(random.below(16)).unwrap()).collect();
        let fails = random.below(8) == 0;
        let body = TaskBody::new([], move |_| if fails { Err("no list".into()) } else { Ok(Value::new(list.clone())) });
        lists.push(flow.task(TaskDefinition::new(format!("list {i}")), body));
    }
    for i in 0..3 + random.below(5) {
        let mut definition = TaskDefinition::new(format!("task {i}"));
        definition = match random.below(6) {
            0 => definition.trigger(Trigger::new(all_finished)),
            1 => definition.trigger(Trigger::new(any_successful)),
            2 => definition.trigger(Trigger::new(any_failed)),
            3 => definition.max_retries(2).retry_delay(Duration::from_secs(random.below(3))),
            4 => definition.skip_on_upstream_skip(false),
            _ => definition,
        };
        let task = flow.task(definition, body(i64::try_from(random.below(8)).unwrap()));
        let mut is_mapped = false;
        for key in ["x", "y"] {
            let pick =
                |random: &mut Random, from: &[TaskRef]| from[usize::try_from(random.below(from.len() as u64)).unwrap()];
            match random.below(5) {
                0 | 1 if !mapped.is_empty() => {
                    is_mapped = true;
                    let from = pick(&mut random, &mapped);
                    flow.map(from, task, key, Elements::of::<i64>());
                }
                2 => {
                    is_mapped = true;
                    let from = pick(&mut random, &lists);
                    flow.map(from, task, key, Elements::of::<i64>());
                }
                3 if !mapped.is_empty() || !single.is_empty() => {
                    let all: Vec<TaskRef> = mapped.iter().chain(&single).copied().collect();
                    flow.edge(pick(&mut random, &all), task, key);
                }
                _ => flow.constant(task, key, Value::new(i64::try_from(random.below(16)).unwrap())),
            }
        }
        if is_mapped { mapped.push(task) } else { single.push(task) }
    }
    let tasks = lists.into_iter().chain(mapped).chain(single).collect();
    Built { flow, tasks }
}

fn outcome(seed: u64, executor: Executor) -> Vec<Vec<String>> {
    let Built { flow, tasks } = build(seed);
    let run = flow.build().with(settings(executor)).run();
    let of = |task: &TaskRef| {
        let children = run.map_states(*task).map(|state| told(&state));
        std::iter::once(told(&run.state_of(*task))).chain(children).collect()
    };
    tasks.iter().map(of).chain([vec![run.state().to_string()]]).collect()
}

#[test]
fn random_maps_end_alike_on_every_executor() {
    let (first, count) = match std::env::var("MAPPING_SEED") {
        Ok(seed) => (seed.parse().unwrap(), 1),
        Err(_) => (0, 2_000),
    };
    println!("seeds {first} to {}", first + count - 1);
    let mut seen = std::collections::BTreeSet::new();
    for seed in first..first + count {
        let alone = outcome(seed, Executor::Local);
        for executor in [Executor::threads(1), Executor::threads(2), Executor::threads(8)] {
            assert_eq!(outcome(seed, executor), alone, "MAPPING_SEED={seed} {executor:?}");
        }
        let kinds = alone.iter().flatten().filter_map(|told| Some(told.split([':', '>']).next()?.to_owned()));
        seen.extend(kinds);
    }
    if count > 1 {
        for kind in ["<Mapped", "<Success", "<Failed", "<Skipped", "<TriggerFailed"] {
            assert!(seen.contains(kind), "{kind} never occurred: {seen:?}");
        }
    }
}

/// How many are left. Another worker may be about to drop the last ones, which it does outside every lock: it is let to.
fn settled(alive: &AtomicU32) -> u32 {
    for _ in 0..1_000_000 {
        if alive.load(Ordering::SeqCst) == 0 {
            break;
        }
        std::thread::yield_now();
    }
    alive.load(Ordering::SeqCst)
}

/// What is counted while it lives.
struct Counted(Arc<AtomicU32>);

impl Counted {
    fn new(alive: &Arc<AtomicU32>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The children that a shorter list leaves over keep nothing alive, and what nobody reads is freed.
#[test]
fn results_are_freed_when_the_last_reader_has_ended() {
    for executor in [Executor::Local, Executor::threads(2)] {
        let alive = Arc::new(AtomicU32::new(0));
        let mut flow = FlowBuilder::new(FlowOptions::new("freed"));
        let long = flow.task(TaskDefinition::new("long"), TaskBody::new([], |_| Ok(Value::new(vec![1_i64; 100]))));
        let count = Arc::clone(&alive);
        let make = flow.task(
            TaskDefinition::new("make"),
            TaskBody::new([Parameter::of::<i64>("x")], move |_| Ok(Value::in_memory(Counted::new(&count)))),
        );
        flow.map(long, make, "x", Elements::of::<i64>());
        let read = flow.task(
            TaskDefinition::new("read"),
            TaskBody::new([Parameter::of::<Counted>("x"), Parameter::of::<i64>("y")], |_| Ok(Value::new(()))),
        );
        flow.map(make, read, "x", Elements::of::<i64>());
        flow.map_constant(read, "y", Value::new(vec![0_i64; 3]), Elements::of::<i64>());
        let count = Arc::clone(&alive);
        let left = flow.task(
            TaskDefinition::new("left"),
            TaskBody::new([Parameter::any("all")], move |_| Ok(Value::new(count.load(Ordering::SeqCst)))),
        );
        flow.edge(read, left, "all");
        let run = flow.build().with(RunSettings::new().executor(executor)).run();
        assert_eq!(run.state().kind(), StateKind::Success);
        assert_eq!(run.map_states(read).len(), 3);
        if executor == Executor::Local {
            assert_eq!(run.state_of(left).value::<u32>(), Some(&0));
        }
        // Other workers may make children that nobody reads beside the last task, and tell of several at once.
        assert_eq!(alive.load(Ordering::SeqCst), 0, "{executor:?}");
    }
}

/// What all children gave is shared with who reads it as one list, and freed with the last reader, whether that is the
/// list's or a child's.
#[test]
fn lists_of_results_are_freed_when_the_last_reader_has_ended() {
    for (executor, waits) in
        [Executor::Local, Executor::threads(2)].into_iter().flat_map(|e| ["all", "each"].map(|w| (e, w)))
    {
        let alive = Arc::new(AtomicU32::new(0));
        let mut flow = FlowBuilder::new(FlowOptions::new("freed"));
        let count = Arc::clone(&alive);
        let make = flow.task(
            TaskDefinition::new("make"),
            TaskBody::new([Parameter::of::<i64>("x")], move |_| Ok(Value::in_memory(Counted::new(&count)))),
        );
        flow.map_constant(make, "x", Value::new(vec![0_i64; 5]), Elements::of::<i64>());
        let read = |name, parameter| (TaskDefinition::new(name), TaskBody::new([parameter], |_| Ok(Value::new(()))));
        let (definition, body) = read("all", Parameter::of::<Vec<Value>>("xs"));
        let all = flow.task(definition, body);
        flow.edge(make, all, "xs");
        let (definition, body) = read("each", Parameter::of::<Counted>("x"));
        let each = flow.task(definition, body);
        flow.map(make, each, "x", Elements::of::<i64>());
        // One after the other, and the one that is not waited for by its data is the last.
        let (first, last) = if waits == "all" { (each, all) } else { (all, each) };
        flow.order(first, last);
        let count = Arc::clone(&alive);
        let left = flow.task(TaskDefinition::new("left"), TaskBody::new([], move |_| Ok(Value::new(settled(&count)))));
        flow.order(last, left);
        let run = flow.build().with(RunSettings::new().executor(executor)).run();
        assert_eq!(run.state().kind(), StateKind::Success);
        assert_eq!(run.state_of(left).value::<u32>(), Some(&0), "{executor:?}, the last one is {waits}");
    }
}

/// A worker that has nothing more to do holds no input that its last body did not take.
#[test]
fn inputs_that_a_body_leaves_are_freed_at_its_end() {
    let (alive, together) = (Arc::new(AtomicU32::new(0)), Arc::new(Barrier::new(2)));
    let mut flow = FlowBuilder::new(FlowOptions::new("left lying"));
    let count = Arc::clone(&alive);
    let left = flow.task(TaskDefinition::new("left"), TaskBody::new([], move |_| Ok(Value::new(settled(&count)))));
    for _ in 0..2 {
        let count = Arc::clone(&alive);
        let make = TaskBody::new([], move |_| Ok(Value::in_memory(Counted::new(&count))));
        let make = flow.task(TaskDefinition::new("make"), make);
        // Each on a worker of its own: one of them then runs the last task, and the other sleeps.
        let together = Arc::clone(&together);
        let read = TaskBody::new([Parameter::of::<Counted>("x")], move |_| {
            together.wait();
            Ok(Value::new(()))
        });
        let read = flow.task(TaskDefinition::new("read"), read);
        flow.edge(make, read, "x");
        flow.order(read, left);
    }
    let run = flow.build().with(RunSettings::new().executor(Executor::threads(2))).run();
    assert_eq!(run.state_of(left).value::<u32>(), Some(&0));
}
