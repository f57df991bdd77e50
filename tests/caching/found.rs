//! Which kept result is found, and what the task run makes of it.
use std::collections::HashMap;
use std::sync::Arc;

use prefect::{Elements, ResultStore, TaskError};

use super::*;

/// Keeps results in memory.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl ResultStore for Shelf {
    fn read(&self, location: &str) -> Result<Option<Vec<u8>>, TaskError> {
        Ok(self.0.lock().unwrap().get(location).cloned())
    }

    fn write(&self, location: &str, bytes: &[u8]) -> Result<(), TaskError> {
        self.0.lock().unwrap().insert(location.to_owned(), bytes.to_vec());
        Ok(())
    }
}

#[test]
fn a_kept_result_knows_where_it_was_written() {
    #[task(cache_for = "1h")]
    fn rows() -> i64 {
        3
    }
    let (cache, shelf) = (Cache::new(), Shelf::default());
    for _ in 0..2 {
        let run = run(flow!("written", result = shelf.clone().location("rows-{task_name}.json"), { rows() }), &cache);
        let state = run.task_runs().next().unwrap().state;
        assert_eq!((state.kind(), state.result_location()), (Cached, Some("rows-rows.json")));
    }
}

/// The first child ends last.
#[test]
fn the_first_in_the_order_of_the_flow_is_found_first() {
    let cache = Cache::new();
    let run = |executor: Executor| {
        let mut flow = FlowBuilder::new(FlowOptions::new("order"));
        let definition = TaskDefinition::new("child").cache_for(Duration::from_secs(3600));
        let body = TaskBody::new([Parameter::of::<i64>("x")], |inputs| {
            let x = *inputs.take::<i64>(0);
            if x == 0 && prefect::context().task_run_count() == 1 { Err("not yet".into()) } else { Ok(Value::new(x)) }
        });
        let child = flow.task(definition.max_retries(1).retry_delay(Duration::from_secs(1)), body);
        flow.map_constant(child, "x", Value::new(vec![0_i64, 1, 2]), Elements::of::<i64>());
        let run = flow.build().with(after(0, &cache).executor(executor)).run();
        run.map_states(child).map(|state| *state.value::<i64>().unwrap()).collect::<Vec<_>>()
    };
    for executor in [Executor::Local, Executor::threads(2)] {
        assert_eq!(run(executor), [0, 1, 2]);
        assert_eq!(run(executor), [0, 0, 0]);
        cache.clear();
    }
}

/// A handler refuses what was found in the middle of a loop: the loop goes on where it was.
#[test]
fn an_iteration_stays_when_a_kept_result_is_replaced() {
    fn later(_: &Tracked, old: &State, new: State) -> State {
        if old.kind() == Pending && new.kind() == Cached { State::new(Pending) } else { new }
    }
    static CALLS: AtomicU32 = AtomicU32::new(0);
    #[task(cache_for = "1h", state_handlers = [later])]
    fn doubled() -> Result<i64, TaskError> {
        assert!(CALLS.fetch_add(1, Ordering::Relaxed) < 6, "it begins again and again");
        let context = prefect::context();
        let number = context.task_loop_result::<i64>().unwrap_or(1) * 2;
        if context.task_loop_count() < 3 { Err(Signal::looping(number).into()) } else { Ok(number) }
    }
    let cache = Cache::new();
    let double = || run(flow!("loops", { doubled() }), &cache).output().unwrap();
    assert_eq!([double(), double()], [8, 8]);
}
