//! When inputs are the same.
use prefect::{Elements, TaskRef, Trigger};

use super::*;

/// A flow built at run time whose task `read` looks at all its inputs, and is given what all children gave.
fn reads_children(parameter: Parameter) -> impl Fn(Vec<i64>) -> (u32, StateKind) {
    let (cache, runs) = (Cache::new(), Arc::new(AtomicU32::new(0)));
    move |numbers| {
        let mut flow = FlowBuilder::new(FlowOptions::new("children"));
        let body = TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(inputs.take_value(0)));
        let child: TaskRef = flow.task(TaskDefinition::new("child"), body);
        flow.map_constant(child, "x", Value::new(numbers), Elements::of::<i64>());
        let runs = Arc::clone(&runs);
        let body = TaskBody::new([parameter.clone()], move |_| Ok(Value::new(runs.fetch_add(1, Ordering::Relaxed))));
        let definition = TaskDefinition::new("read").cache_for(Duration::from_secs(3600)).cache_validator(all_inputs());
        let read = flow.task(definition.trigger(Trigger::new(prefect::trigger::all_finished)), body);
        flow.edge(child, read, "all");
        let state = flow.build().with(after(0, &cache)).run().state_of(read);
        (*state.value().unwrap(), state.kind())
    }
}

#[test]
fn children_are_compared_one_by_one() {
    for parameter in [Parameter::any("all"), Parameter::state("all"), Parameter::of::<Vec<Value>>("all")] {
        let read = reads_children(parameter);
        let numbers = [vec![1, 2], vec![1, 2], vec![2, 1], vec![], vec![], vec![1, 2]].map(|numbers| read(numbers).0);
        assert_eq!(numbers, [0, 0, 1, 2, 2, 0]);
    }
}

/// Whether the upstream task ran or not, its result is what counts.
#[test]
fn a_kept_result_is_the_same_as_the_one_it_was_kept_of() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    #[task(cache_for = "1m")]
    fn kept() -> i64 {
        7
    }
    #[task]
    fn plain() -> i64 {
        7
    }
    #[task(cache_for = "1h", cache_validator = all_inputs, cache_key = "reader", trigger = all_finished)]
    fn outcome(x: Outcome<i64>) -> u32 {
        let _ = x;
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    let cache = Cache::new();
    assert_eq!(run(flow!("plain", { outcome(plain()) }), &cache).output().unwrap(), 0);
    assert_eq!(run(flow!("kept", { outcome(kept()) }), &cache).output().unwrap(), 0);
    #[task(cache_for = "1h", cache_validator = all_inputs, cache_key = "reader")]
    fn value(x: i64) -> u32 {
        let _ = x;
        RUNS.fetch_add(1, Ordering::Relaxed)
    }
    // And for who takes no more than the result.
    assert_eq!(run(flow!("value", { value(plain()) }), &cache).output().unwrap(), 0);
    // The same for a task that takes the state itself.
    let (cache, of) = (Cache::new(), |cache_for: Option<Duration>, cache: &Cache| {
        let mut flow = FlowBuilder::new(FlowOptions::new("states"));
        let mut source = TaskDefinition::new("source");
        source = if let Some(time) = cache_for { source.cache_for(time) } else { source };
        let source = flow.task(source, TaskBody::new([], |_| Ok(Value::new(7_i64))));
        let read = TaskDefinition::new("read").cache_for(Duration::from_secs(3600)).cache_validator(all_inputs());
        let body = TaskBody::new([Parameter::state("x")], |_| Ok(Value::new(RUNS.fetch_add(1, Ordering::Relaxed))));
        let read = flow.task(read, body);
        flow.edge(source, read, "x");
        let ran = flow.build().with(after(0, cache)).run();
        *ran.state_of(read).value::<u32>().unwrap()
    });
    assert_eq!(of(None, &cache), of(Some(Duration::from_secs(60)), &cache));
}
