//! Both executors end every task in the same state; virtual time, so that nothing here waits.
#![allow(
    clippy::unnecessary_wraps,
    clippy::duration_suboptimal_units,
    clippy::items_after_statements,
    reason = "the shapes are what is tested"
)]
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use prefect::{
    Clock, Config, Elements, EnvVarSecret, Executor, FlowBuilder, FlowOptions, FlowRun, Parameter, RunSettings, Signal,
    State, StateKind, TaskBody, TaskDefinition, TaskError, Tracked, Value,
};

fn executors() -> [Executor; 4] {
    [Executor::Local, Executor::threads(1), Executor::threads(2), Executor::threads(8)]
}

fn settings(executor: Executor) -> RunSettings {
    RunSettings::new().executor(executor).seed(1).clock(Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap()))
}

fn add_one() -> TaskBody {
    TaskBody::new([Parameter::of::<i64>("x")], |inputs| Ok(Value::new(*inputs.take::<i64>(0) + 1)))
}

#[track_caller]
fn on_all(build: impl Fn() -> FlowBuilder, check: impl Fn(&FlowRun)) {
    for executor in executors() {
        let run = build().build().with(settings(executor)).run();
        check(&run);
    }
}

fn kinds(run: &FlowRun) -> Vec<StateKind> {
    run.task_runs().map(|task| task.state.kind()).collect()
}

#[test]
fn a_chain_passes_its_values_on() {
    let build = || {
        let mut flow = FlowBuilder::new(FlowOptions::new("chain"));
        let mut last = flow.task(TaskDefinition::new("start"), TaskBody::new([], |_| Ok(Value::new(0_i64))));
        for i in 0..1_000 {
            let next = flow.task(TaskDefinition::new(format!("t{i}")), add_one());
            flow.edge(last, next, "x");
            last = next;
        }
        flow
    };
    on_all(build, |run| {
        assert_eq!(run.state().kind(), StateKind::Success);
        let last = run.task_runs().last().unwrap();
        assert_eq!(last.state.value::<i64>(), Some(&1_000));
    });
}

#[test]
fn a_failure_cascades_and_the_rest_goes_on() {
    let build = || {
        let mut flow = FlowBuilder::new(FlowOptions::new("cascade"));
        let bad = flow.task(TaskDefinition::new("bad"), TaskBody::new([], |_| panic!("boom {}", 1)));
        let next = flow.task(TaskDefinition::new("next"), add_one());
        flow.edge(bad, next, "x");
        flow.task(TaskDefinition::new("other"), TaskBody::new([], |_| Ok(Value::new(0_i64))));
        flow
    };
    on_all(build, |run| {
        assert_eq!(kinds(run), [StateKind::Failed, StateKind::TriggerFailed, StateKind::Success]);
        assert_eq!(run.state().message(), Some("Some reference tasks failed."));
        let bad = run.task_runs().next().unwrap().state;
        let message = bad.message().unwrap();
        assert!(
            message.starts_with("Error during execution of task: panicked at ") && message.ends_with(": boom 1"),
            "{message}"
        );
        assert!(message.contains("executors.rs:"), "{message}");
    });
}

#[test]
fn a_retry_waits_for_its_delay() {
    for executor in executors() {
        let calls = Arc::new(AtomicU32::new(0));
        let mut flow = FlowBuilder::new(FlowOptions::new("retry"));
        let definition = TaskDefinition::new("flaky").max_retries(3).retry_delay(Duration::from_secs(3_600));
        let seen = Arc::clone(&calls);
        let body = TaskBody::new([], move |_| match seen.fetch_add(1, Ordering::SeqCst) {
            0 | 1 => Err("not yet".into()),
            _ => Ok(Value::new(7_i64)),
        });
        let flaky = flow.task(definition, body);
        let reader = flow.task(TaskDefinition::new("reader"), add_one());
        flow.edge(flaky, reader, "x");
        let run = flow.build().with(settings(executor)).run();
        assert_eq!(run.state().kind(), StateKind::Success, "{executor:?}");
        assert_eq!(run.state_of(reader).value::<i64>(), Some(&8));
        assert_eq!(calls.load(Ordering::SeqCst), 3);
        assert_eq!(run.duration(), Duration::from_secs(7_200), "{executor:?}");
    }
}

#[test]
fn one_pass_leaves_a_retry_waiting() {
    for executor in executors() {
        let mut flow = FlowBuilder::new(FlowOptions::new("once"));
        let definition = TaskDefinition::new("flaky").max_retries(1).retry_delay(Duration::from_secs(1));
        let flaky = flow.task(definition, TaskBody::new([], |_| Err("no".into())));
        let run = flow.build().with(settings(executor)).run_once();
        assert_eq!(run.state().kind(), StateKind::Running);
        assert_eq!(run.state_of(flaky).kind(), StateKind::Retrying);
        assert_eq!(run.state_of(flaky).run_count(), Some(1));
    }
}

#[test]
fn more_stuck_bodies_than_workers_end_the_run_all_the_same() {
    for executor in executors() {
        let mut flow = FlowBuilder::new(FlowOptions::new("stuck"));
        for i in 0..20 {
            let definition = TaskDefinition::new(format!("stuck {i}")).timeout(Duration::from_secs(5));
            flow.task(
                definition,
                TaskBody::new([], |_| {
                    prefect::sleep_blocking(Duration::MAX);
                    Ok(Value::new(0_i64))
                }),
            );
        }
        let quick = flow.task(TaskDefinition::new("quick"), TaskBody::new([], |_| Ok(Value::new(1_i64))));
        let run = flow.build().with(settings(executor)).run();
        assert_eq!(run.state().kind(), StateKind::Failed, "{executor:?}");
        assert_eq!(run.task_runs().filter(|task| task.state.kind() == StateKind::TimedOut).count(), 20, "{executor:?}");
        assert_eq!(run.state_of(quick).kind(), StateKind::Success);
    }
}

#[test]
fn async_bodies_wait_together_and_time_out() {
    for executor in executors() {
        let mut flow = FlowBuilder::new(FlowOptions::new("async"));
        for i in 0..100 {
            flow.task(
                TaskDefinition::new(format!("sleeper {i}")),
                TaskBody::new_async([], |_| async {
                    prefect::sleep(Duration::from_secs(10)).await;
                    Ok(Value::new(1_i64))
                }),
            );
        }
        let late = flow.task(
            TaskDefinition::new("late").timeout(Duration::from_secs(3)),
            TaskBody::new_async([], |_| async {
                prefect::sleep(Duration::from_secs(60)).await;
                Ok(Value::new(1_i64))
            }),
        );
        let intime = flow.task(
            TaskDefinition::new("in time").timeout(Duration::from_secs(3)),
            TaskBody::new_async([], |_| async {
                prefect::sleep(Duration::from_secs(2)).await;
                Ok(Value::new(1_i64))
            }),
        );
        let run = flow.build().with(settings(executor)).run();
        assert_eq!(run.state_of(late).kind(), StateKind::TimedOut, "{executor:?}");
        assert_eq!(run.state_of(late).message(), Some("Task timed out during execution."));
        assert_eq!(run.state_of(intime).kind(), StateKind::Success);
        assert_eq!(run.task_runs().filter(|task| task.state.kind() == StateKind::Success).count(), 101);
        if executor != Executor::Local {
            assert_eq!(run.duration(), Duration::from_secs(10), "{executor:?}");
        }
    }
}

#[test]
fn a_handler_that_panics_ends_its_task_and_no_other() {
    fn bad(_: &Tracked, _: &State, new: State) -> Result<State, TaskError> {
        assert!(new.kind() != StateKind::Running, "handler broke");
        Ok(new)
    }
    let build = || {
        let mut flow = FlowBuilder::new(FlowOptions::new("handlers"));
        for i in 0..50 {
            let mut definition = TaskDefinition::new(format!("t{i}"));
            if i % 2 == 0 {
                definition = definition.state_handler(bad);
            }
            flow.task(definition, TaskBody::new([], |_| Ok(Value::new(0_i64))));
        }
        flow
    };
    on_all(build, |run| {
        for (i, task) in run.task_runs().enumerate() {
            if i % 2 == 0 {
                assert_eq!(task.state.kind(), StateKind::Failed);
                let message = task.state.message().unwrap();
                assert!(
                    message.starts_with("Unexpected error while calling state handlers: ")
                        && message.ends_with("handler broke"),
                    "{message}"
                );
            } else {
                assert_eq!(task.state.kind(), StateKind::Success);
            }
        }
    });
}

#[test]
fn an_empty_flow_succeeds() {
    on_all(
        || FlowBuilder::new(FlowOptions::new("empty")),
        |run| {
            assert_eq!(run.state().kind(), StateKind::Success);
            assert_eq!(run.state().message(), Some("All reference tasks succeeded."));
        },
    );
}

#[test]
fn a_cycle_fails_the_run_and_names_its_tasks() {
    let build = || {
        let mut flow = FlowBuilder::new(FlowOptions::new("cycle"));
        let a = flow.task(TaskDefinition::new("a"), add_one());
        let b = flow.task(TaskDefinition::new("b"), add_one());
        flow.edge(a, b, "x");
        flow.edge(b, a, "x");
        flow
    };
    on_all(build, |run| {
        let message = run.state().message().unwrap();
        assert!(message.starts_with("Unexpected error: Cycle found; flows must be acyclic!"), "{message}");
        assert!(message.contains("a -> b -> a") || message.contains("b -> a -> b"), "{message}");
    });
}

#[tokio::test]
async fn run_async_uses_the_runtime_that_it_is_called_in() {
    let mut flow = FlowBuilder::new(FlowOptions::new("async"));
    let task = flow.task(
        TaskDefinition::new("sleep"),
        TaskBody::new_async([], |_| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok(Value::new(format!("{:?}", tokio::runtime::Handle::current().id())))
        }),
    );
    let run = flow.build().run_async().await;
    let id = format!("{:?}", tokio::runtime::Handle::current().id());
    assert_eq!(run.state_of(task).value::<String>(), Some(&id));
}

#[test]
fn a_large_flow_in_an_odd_order_takes_no_longer() {
    // Half of the tasks wait for one that is tried again, while the other half is ready and comes after them.
    const N: usize = 20_000;
    let mut flow = FlowBuilder::new(FlowOptions::new("odd"));
    let calls = AtomicU32::new(0);
    let body = TaskBody::new([], move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Err("not yet".into()),
        _ => Ok(Value::new(1_i64)),
    });
    let first = flow.task(TaskDefinition::new("first").max_retries(1).retry_delay(Duration::from_secs(1)), body);
    for i in 0..2 * N {
        if i < N {
            let task = flow.task(TaskDefinition::new("waits"), add_one());
            flow.edge(first, task, "x");
        } else {
            flow.task(TaskDefinition::new("ready"), TaskBody::new([], |_| Ok(Value::new(0_i64))));
        }
    }
    let run = flow.build().with(settings(Executor::Local)).run();
    assert_eq!(run.state().kind(), StateKind::Success);
    assert!(run.task_runs().skip(1).take(N).all(|task| task.state.value::<i64>() == Some(&2)));
}

/// A handler sees the moment at which a task is tried again, whoever asked for the delay.
#[test]
fn a_retry_has_a_start_time_when_handlers_hear_of_it() {
    for executor in executors() {
        let seen: Arc<Mutex<Vec<_>>> = Arc::default();
        let keep = Arc::clone(&seen);
        let mut flow = FlowBuilder::new(FlowOptions::new("again"));
        let definition = TaskDefinition::new("a").max_retries(1).retry_delay(Duration::from_secs(60)).state_handler(
            move |_: &Tracked, _: &State, new: State| {
                if new.kind() == StateKind::Retrying {
                    keep.lock().unwrap().push(new.start_time().map(|start| start.to_string()));
                }
            },
        );
        let calls = AtomicU32::new(0);
        let body = TaskBody::new([], move |_| match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Err("not yet".into()),
            1 => Err(Signal::retry("later").start_in(Duration::from_secs(5)).into()),
            _ => Ok(Value::new(7)),
        });
        flow.task(definition, body);
        let run = flow.build().with(settings(executor)).run();
        assert_eq!(run.state().kind(), StateKind::Success);
        let starts = ["2026-01-01T00:01:00Z", "2026-01-01T00:01:05Z"].map(|start| Some(start.to_owned()));
        assert_eq!(*seen.lock().unwrap(), starts);
        assert_eq!((run.ended() - run.started()).as_secs(), 65);
    }
}

#[test]
fn a_variable_of_the_given_environment_is_a_secret_of_the_run() {
    let mut flow = FlowBuilder::new(FlowOptions::new("secrets"));
    let read = flow.task(
        TaskDefinition::new("read"),
        TaskBody::new([], |_| Ok(Value::new(EnvVarSecret::new("GIVEN_TO_THE_RUN").required()?.expose().to_owned()))),
    );
    let config = Config::builder().environment([("GIVEN_TO_THE_RUN", "s3cret-text")]).build().unwrap();
    let run = flow.build().with(settings(Executor::Local).config(config)).run();
    assert_eq!(run.state_of(read).value::<String>().map(String::as_str), Some("s3cret-text"));
    assert!(EnvVarSecret::new("GIVEN_TO_THE_RUN").get().is_none(), "it is no variable of the process");
}

/// Whatever else waits on the same clock: from the last task's end to the run's no virtual time passes.
#[test]
fn a_run_ends_when_its_last_task_does() {
    for executor in executors() {
        let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
        let (over, other) = (Arc::new(AtomicU32::new(0)), clock.clone());
        let until = Arc::clone(&over);
        let ticking = thread::spawn(move || {
            while until.load(Ordering::SeqCst) == 0 {
                other.sleep_blocking(Duration::from_micros(1));
            }
        });
        for _ in 0..50 {
            let mut flow = FlowBuilder::new(FlowOptions::new("exact"));
            flow.task(
                TaskDefinition::new("a"),
                TaskBody::new_async([], |_| async {
                    prefect::sleep(Duration::from_millis(1)).await;
                    Ok(Value::new(()))
                }),
            );
            let run = flow.build().with(settings(executor).clock(clock.clone())).run();
            assert_eq!(run.duration(), Duration::from_millis(1), "{executor:?}");
        }
        over.store(1, Ordering::SeqCst);
        ticking.join().unwrap();
    }
}

/// The body is called again with what it gave, failures come back to the same iteration, and the count of attempts
/// begins anew with each.
#[test]
fn a_task_loops_on_every_executor() {
    let body = || {
        TaskBody::new([Parameter::any("x")], |_| {
            let context = prefect::context();
            let (iteration, attempt) = (context.task_loop_count(), context.task_run_count());
            let mut seen: Vec<String> = context.task_loop_result().unwrap_or_default();
            seen.push(format!("{iteration}.{attempt}"));
            match (iteration, attempt) {
                (2 | 3, 1) => Err("again".into()),
                (1..=3, _) => Err(Signal::looping(seen).into()),
                _ => Ok(Value::new(seen)),
            }
        })
    };
    let expected: Vec<String> = ["1.1", "2.2", "3.2", "4.1"].map(str::to_owned).into();
    for executor in executors() {
        let mut flow = FlowBuilder::new(FlowOptions::new("loops"));
        let definition = || TaskDefinition::new("a").max_retries(1).retry_delay(Duration::from_secs(1));
        let single = flow.task(definition(), body());
        flow.constant(single, "x", Value::new(0));
        let children = flow.task(definition(), body());
        flow.map_constant(children, "x", Value::new(vec![0; 3]), Elements::of::<i32>());
        let run = flow.build().with(settings(executor)).run();
        assert_eq!(run.state_of(single).value(), Some(&expected), "{executor:?}");
        assert_eq!(run.map_states(children).len(), 3);
        assert!(run.map_states(children).all(|state| state.value() == Some(&expected)));
        assert_eq!(run.duration(), Duration::from_secs(2));
    }
}

/// A handler that sends a task back to `Pending` within a loop asks for another attempt, as it does outside of one: the
/// next pass makes it, and only a loop itself goes on at once.
#[test]
fn one_pass_leaves_a_loop_waiting_that_a_handler_sent_back() {
    for executor in executors() {
        let mut flow = FlowBuilder::new(FlowOptions::new("sent back"));
        let left = AtomicU32::new(1);
        let back = move |_: &Tracked, _: &State, new: State| {
            let first = new.kind() == StateKind::Retrying && left.swap(0, Ordering::SeqCst) > 0;
            if first { State::new(StateKind::Pending) } else { new }
        };
        let body = TaskBody::new([], |_| match prefect::context().task_loop_count() {
            1 => Err(Signal::looping(1_i64).into()),
            _ => Err("second iteration".into()),
        });
        let task = flow.task(TaskDefinition::new("loops").max_retries(1).state_handler(back), body);
        let run = flow.build().with(settings(executor)).run_once();
        assert_eq!(run.state_of(task).kind(), StateKind::Pending);
    }
}
