//! `cache_for`: results that later runs of the process use again.
#![allow(clippy::items_after_statements, clippy::duration_suboptimal_units, reason = "the shapes are what is tested")]
mod found;
mod same;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::jiff::Timestamp;
use prefect::prelude::*;
use prefect::{
    Cache, Clock, Executor, Flow, FlowBuilder, FlowOptions, FlowOutput, FlowRun, Parameter, RunSettings, TaskBody,
    TaskDefinition, Value, built_in,
};
use prefect_tests::mistakes::panic_of;
use prefect_tests::seen::{message_of, states};

/// The settings of a run that starts so many minutes after the others.
fn after(minutes: i64, cache: &Cache) -> RunSettings {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let start = start + prefect::jiff::SignedDuration::from_mins(minutes);
    RunSettings::new().clock(Clock::virtual_from(start)).cache(cache.clone()).executor(Executor::Local)
}

fn run<O: FlowOutput>(flow: Flow<O>, cache: &Cache) -> FlowRun<O> {
    flow.with(after(0, cache)).run()
}

#[test]
fn a_result_is_used_again_until_its_time_has_passed() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(cache_for = "1h")]
    fn count() -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    for executor in [Executor::Local, Executor::threads(2)] {
        RUNS.store(0, Ordering::Relaxed);
        let cache = Cache::new();
        let at = |minutes| {
            let run = flow!("counted", { count() }).with(after(minutes, &cache).executor(executor)).run();
            let state = run.task_runs().next().unwrap().state;
            assert_eq!((run.state().kind(), state.kind()), (Success, Cached));
            assert_eq!(state.message(), Some("Task run succeeded."));
            (run.output().unwrap(), state.cached_result_expiration().unwrap().to_string())
        };
        assert_eq!(at(0), (0, "2026-01-01T01:00:00Z".to_owned()));
        // Using it does not lengthen its life.
        assert_eq!(at(59), (0, "2026-01-01T01:00:00Z".to_owned()));
        assert_eq!(at(60), (1, "2026-01-01T02:00:00Z".to_owned()));
        cache.clear();
        assert_eq!(at(60).0, 2);
    }
}

#[test]
fn the_process_shares_one_cache() {
    #[task(cache_for = "1h", cache_key = "of the test the_process_shares_one_cache")]
    fn first() -> u8 {
        1
    }
    #[task(cache_for = "1h", cache_key = "of the test the_process_shares_one_cache")]
    fn second() -> u8 {
        2
    }
    assert_eq!(flow!("a", { first() }).run().output().unwrap(), 1);
    assert_eq!(flow!("b", { second() }).run().output().unwrap(), 1);
    let apart = flow!("b", { second() }).with(RunSettings::new().cache(Cache::new()));
    assert_eq!(apart.run().output().unwrap(), 2);
    Cache::of_process().clear();
    assert_eq!(flow!("b", { second() }).run().output().unwrap(), 2);
}

#[test]
fn nothing_is_shared_within_one_run() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(cache_for = "1h")]
    fn count() -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    let cache = Cache::new();
    let twice = || {
        flow!("twice", {
            let first = count();
            (first, count(upstream_tasks = [first]))
        })
    };
    assert_eq!(run(twice(), &cache).output().unwrap(), (0, 1));
    assert_eq!(run(twice(), &cache).output().unwrap(), (0, 0));
}

/// A flow of one cached task that gives the number of its run, with two inputs; and the parameter `day` of the flow.
fn numbered(validator: prefect::CacheValidator) -> impl Fn(i64, i64, &str) -> u32 {
    let (cache, runs) = (Cache::new(), Arc::new(AtomicU32::new(0)));
    move |x, y, day| {
        let mut flow = FlowBuilder::new(FlowOptions::new("numbered"));
        let (definition, body) = built_in::parameter::<String>("day");
        let parameter = flow.task(definition, body);
        let runs = Arc::clone(&runs);
        let definition =
            TaskDefinition::new("count").cache_for(Duration::from_secs(3600)).cache_validator(validator.clone());
        let parameters = [Parameter::of::<i64>("x"), Parameter::of::<i64>("y"), Parameter::any("day")];
        let body = TaskBody::new(parameters, move |_| Ok(Value::new(runs.fetch_add(1, Ordering::Relaxed))));
        let count = flow.task(definition, body);
        flow.constant(count, "x", Value::new(x));
        flow.constant(count, "y", Value::new(y));
        flow.edge(parameter, count, "day");
        let run = flow.build().with_parameter("day", day).with(after(0, &cache)).run();
        *run.state_of(count).value().unwrap()
    }
}

#[test]
fn validators_decide_what_fits() {
    let of = numbered(duration_only());
    assert_eq!([of(1, 1, "mon"), of(2, 2, "tue")], [0, 0]);
    let of = numbered(never_use());
    assert_eq!([of(1, 1, "mon"), of(1, 1, "mon")], [0, 1]);
    let of = numbered(all_inputs());
    assert_eq!([of(1, 1, "mon"), of(1, 2, "mon"), of(1, 1, "mon"), of(1, 2, "mon")], [0, 1, 0, 1]);
    let of = numbered(partial_inputs_only(["x"]));
    assert_eq!([of(1, 1, "mon"), of(1, 2, "tue"), of(2, 1, "mon")], [0, 0, 1]);
    let of = numbered(partial_inputs_only(Vec::<String>::new()));
    assert_eq!([of(1, 1, "mon"), of(2, 2, "tue")], [0, 0]);
    let of = numbered(all_parameters());
    assert_eq!([of(1, 1, "mon"), of(2, 2, "mon"), of(1, 1, "tue")], [0, 0, 1]);
    let of = numbered(partial_parameters_only(["day"]));
    assert_eq!([of(1, 1, "mon"), of(2, 2, "mon"), of(1, 1, "tue")], [0, 0, 1]);
}

#[test]
fn parameters_of_a_flow_function_are_compared() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(cache_for = "1h", cache_validator = all_parameters)]
    fn by_parameters() -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    #[task(cache_for = "1h", cache_validator = all_inputs)]
    fn by_inputs(day: String, n: Option<u8>) -> String {
        format!("{day} {n:?} {}", RUNS.fetch_add(1, Ordering::Relaxed))
    }
    #[prefect::flow]
    fn parameters(day: String) -> u32 {
        let _ = day;
        by_parameters()
    }
    #[prefect::flow]
    fn inputs(day: String, n: Option<u8>) -> String {
        by_inputs(day, n)
    }
    let cache = Cache::new();
    let typed = |day: &str| run(parameters::parameters().day(day).flow(), &cache).output().unwrap();
    assert_eq!([typed("mon"), typed("tue"), typed("mon")], [0, 1, 0]);
    assert_eq!(run(parameters::flow().with_parameter("day", "tue"), &cache).output().unwrap(), 1);
    let of = |n| run(inputs::parameters().day("mon").n(n).flow(), &cache).output().unwrap();
    assert_eq!([of(1), of(2), of(1)], ["mon Some(1) 2", "mon Some(2) 3", "mon Some(1) 2"]);
}

#[test]
fn validators_of_ones_own() {
    fn smaller(kept: &CacheCandidate<'_>) -> bool {
        kept.is_fresh() && kept.kept_input::<i64>("x") > kept.input::<i64>("x") && kept.result::<i64>().is_some()
    }
    #[task(cache_for = "1h", cache_validator = smaller)]
    fn function(x: i64) -> i64 {
        x
    }
    #[task(cache_for = "1h", cache_validator = |kept| kept.is_fresh() && kept.same_input("x"))]
    fn closure(x: i64, y: i64) -> i64 {
        x + y
    }
    #[task(cache_for = "1h", cache_validator = all_inputs)]
    fn by_name(x: Vec<i64>) -> i64 {
        x[0]
    }
    let cache = Cache::new();
    let function = |x| run(flow!("function", { function(x) }), &cache).output().unwrap();
    assert_eq!([function(5), function(3), function(7)], [5, 5, 7]);
    let closure = |x, y| run(flow!("closure", { closure(x, y) }), &cache).output().unwrap();
    assert_eq!([closure(1, 1), closure(1, 2), closure(2, 2)], [2, 2, 4]);
    let by_name = |x| run(flow!("by name", { by_name(vec![x]) }), &cache).output().unwrap();
    assert_eq!([by_name(1), by_name(1), by_name(2)], [1, 1, 2]);
}

/// A list is made of what several tasks gave; what became of one is an input too.
#[test]
fn inputs_of_several_parts_are_compared_part_by_part() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task]
    fn source(x: i64) -> Result<i64, String> {
        if x < 0 { Err("negative".to_owned()) } else { Ok(x) }
    }
    #[task(cache_for = "1h", cache_validator = all_inputs, trigger = all_finished)]
    fn reader(x: Outcome<i64>) -> u32 {
        let _ = x;
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    #[task(cache_for = "1h", cache_validator = all_inputs)]
    fn listed(xs: Vec<i64>, y: Option<i64>) -> String {
        format!("{xs:?} {y:?} {}", RUNS.fetch_add(1, Ordering::Relaxed))
    }
    #[task(cache_for = "1h", cache_validator = all_inputs)]
    fn reduced(xs: &[i64]) -> String {
        format!("{xs:?} {}", RUNS.fetch_add(1, Ordering::Relaxed))
    }
    let cache = Cache::new();
    let of = |x| run(flow!("outcomes", { reader(source(x)) }), &cache).output().unwrap();
    assert_eq!([of(1), of(2), of(1), of(2)], [0, 1, 0, 1]);
    // Of errors nobody knows whether they are the same.
    assert_eq!([of(-1), of(-1)], [2, 3]);
    let of = |x| run(flow!("list", { listed(vec![source(x), source(1)], source(x)) }), &cache).output().unwrap();
    assert_eq!([of(1), of(2), of(1)], ["[1, 1] Some(1) 4", "[2, 1] Some(2) 5", "[1, 1] Some(1) 4"]);
    let of = |xs: Vec<i64>| run(flow!("reduced", { reduced(source::map(xs)) }), &cache).output().unwrap();
    assert_eq!([of(vec![1, 2]), of(vec![2, 1]), of(vec![1, 2])], ["[1, 2] 6", "[2, 1] 7", "[1, 2] 6"]);
}

#[test]
fn what_lives_in_memory_is_never_the_same() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[derive(Clone)]
    struct Handle;
    #[task(in_memory)]
    fn open() -> Handle {
        Handle
    }
    #[task(cache_for = "1h", cache_validator = all_inputs)]
    fn read(handle: &Handle) -> u32 {
        let _ = handle;
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    let cache = Cache::new();
    let of = || run(flow!("in memory", { read(open()) }), &cache).output().unwrap();
    assert_eq!([of(), of()], [0, 1]);
}

#[test]
fn a_shelf_may_hold_results_of_several_types() {
    #[task(cache_for = "1h", cache_key = "shelf")]
    fn number() -> i64 {
        7
    }
    #[task(cache_for = "1h", cache_key = "shelf")]
    fn text() -> String {
        "seven".to_owned()
    }
    let cache = Cache::new();
    for _ in 0..2 {
        assert_eq!(run(flow!("number", { number() }), &cache).output().unwrap(), 7);
        assert_eq!(run(flow!("text", { text() }), &cache).output().unwrap(), "seven");
    }
}

#[test]
fn what_failed_or_was_skipped_is_not_kept() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(cache_for = "1h")]
    fn moody() -> Result<u32, prefect::TaskError> {
        match RUNS.fetch_add(1, Ordering::Relaxed) {
            0 => Err("not today".into()),
            1 => Err(Signal::skip("nothing to do").into()),
            n => Ok(n),
        }
    }
    let cache = Cache::new();
    let kinds: Vec<_> =
        (0..4).map(|_| run(flow!("moody", { moody() }), &cache).task_runs().next().unwrap().state.kind()).collect();
    assert_eq!(kinds, [Failed, Skipped, Cached, Cached]);
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[test]
fn each_child_of_a_mapped_task_looks_for_its_own() {
    static RUNS: Mutex<Vec<i64>> = Mutex::new(Vec::new());
    #[task(cache_for = "1h", cache_validator = all_inputs)]
    fn square(x: i64) -> i64 {
        RUNS.lock().unwrap().push(x);
        x * x
    }
    let cache = Cache::new();
    let of = |xs: Vec<i64>| run(flow!("squares", { square::map(xs) }), &cache).output().unwrap();
    assert_eq!(of(vec![1, 2, 3]), [1, 4, 9]);
    assert_eq!(of(vec![3, 4, 1]), [9, 16, 1]);
    assert_eq!(*RUNS.lock().unwrap(), [1, 2, 3, 4]);
}

#[test]
fn the_trigger_is_asked_all_the_same_and_handlers_may_refuse() {
    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    fn see(_: &Tracked, old: &State, new: State) -> State {
        SEEN.lock().unwrap().push(format!("{} -> {}", old.kind(), new.kind()));
        new
    }
    /// The kept result is not good enough.
    fn refuse(_: &Tracked, old: &State, new: State) -> State {
        if old.kind() == Pending && new.kind() == Cached { old.clone() } else { new }
    }
    static FAILS: AtomicU32 = AtomicU32::new(0);
    #[task]
    fn source() -> Result<i64, String> {
        if FAILS.load(Ordering::Relaxed) == 0 { Ok(1) } else { Err("down".to_owned()) }
    }
    #[task(cache_for = "1h", state_handlers = [see])]
    fn kept(x: i64) -> i64 {
        x
    }
    #[task(cache_for = "1h", state_handlers = [refuse, see])]
    fn refused(x: i64) -> i64 {
        x
    }
    let cache = Cache::new();
    let seen = || std::mem::take(&mut *SEEN.lock().unwrap());
    run(flow!("trigger", { kept(source()) }), &cache);
    assert_eq!(seen(), ["Pending -> Running", "Running -> Success", "Success -> Cached"]);
    run(flow!("refused", { refused(source()) }), &cache);
    assert_eq!(seen(), ["Pending -> Running", "Running -> Success", "Success -> Cached"]);
    run(flow!("refused", { refused(source()) }), &cache);
    assert_eq!(seen(), ["Pending -> Pending", "Pending -> Running", "Running -> Success", "Success -> Cached"]);
    FAILS.store(1, Ordering::Relaxed);
    let failed = run(flow!("trigger", { kept(source()) }), &cache);
    assert_eq!(states(&failed), ["source Failed", "kept TriggerFailed"]);
    assert_eq!(seen(), ["Pending -> Cached", "Cached -> TriggerFailed"]);
}

#[test]
fn a_handler_that_replaces_the_cached_state_decides_what_is_kept() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    fn no_thanks(_: &Tracked, old: &State, new: State) -> State {
        if old.kind() == Success { old.clone() } else { new }
    }
    #[task(cache_for = "1h", state_handlers = [no_thanks])]
    fn count() -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    let cache = Cache::new();
    for n in 0..2 {
        let run = run(flow!("replaced", { count() }), &cache);
        assert_eq!((states(&run), run.output().unwrap()), (vec!["count Success".to_owned()], n));
    }
}

#[test]
fn a_panic_of_a_validator_fails_that_task_alone() {
    #[task(cache_for = "1h", cache_validator = |kept| panic!("no idea, {}", kept.is_fresh()))]
    fn careful() -> i64 {
        1
    }
    #[task]
    fn other() -> i64 {
        2
    }
    let cache = Cache::new();
    let both = || flow!("both", { (careful(), other()) });
    assert_eq!(states(&run(both(), &cache)), ["careful Cached", "other Success"]);
    let second = run(both(), &cache);
    assert_eq!(states(&second), ["careful Failed", "other Success"]);
    let text = message_of(&second, "careful");
    assert!(text.starts_with("Unexpected error: panicked at ") && text.ends_with("no idea, true"), "{text}");
}

#[test]
fn a_run_that_does_not_end_keeps_nothing() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(cache_for = "1h")]
    fn count() -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    #[task(trigger = manual_only)]
    fn approve() -> bool {
        true
    }
    let cache = Cache::new();
    let waits = || flow!("waits", { (count(), approve()) });
    assert_eq!(states(&run(waits(), &cache)), ["count Cached", "approve Paused"]);
    run(waits(), &cache);
    assert_eq!(RUNS.load(Ordering::Relaxed), 2);
}

#[test]
fn expired_results_are_dropped() {
    struct Counted(Arc<AtomicU32>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let (alive, cache) = (Arc::new(AtomicU32::new(0)), Cache::new());
    let run = |minutes| {
        let mut flow = FlowBuilder::new(FlowOptions::new("expired"));
        let count = Arc::clone(&alive);
        let definition = TaskDefinition::new("make").cache_for(Duration::from_secs(60));
        flow.task(
            definition,
            TaskBody::new([], move |_| {
                count.fetch_add(1, Ordering::SeqCst);
                Ok(Value::in_memory(Counted(Arc::clone(&count))))
            }),
        );
        flow.build().with(after(minutes, &cache)).run();
        alive.load(Ordering::SeqCst)
    };
    assert_eq!([run(0), run(10), run(20)], [1, 1, 1]);
}

#[test]
fn a_validator_that_names_what_is_not_there_is_a_mistake_in_the_flow() {
    #[task(cache_for = "1h", cache_validator = partial_inputs_only(["pahts"]))]
    fn load(paths: i64) -> i64 {
        paths
    }
    #[task(cache_for = "1h", cache_validator = partial_parameters_only(["dya"]))]
    fn report(day: String) -> String {
        day
    }
    let text = panic_of(|| drop(flow!("input", { load(1) })));
    let expected =
        "the cache_validator of task `load` names the input `pahts`, which it does not have: did you mean `paths`?";
    assert_eq!(text, expected);
    let text = panic_of(|| drop(flow!("parameter", { report(parameter::<String>("day")) })));
    let expected = "the cache_validator of task `report` names the parameter `dya`, which flow `parameter` does not have: did \
                    you mean `day`?";
    assert_eq!(text, expected);
}
