//! States, triggers and delays of retries as users see them: what they say of themselves, and how long is waited.
use std::time::Duration;

use prefect::jiff::Timestamp;
use prefect::trigger::{IntoTrigger, Upstreams};
use prefect::{
    Clock, Config, FlowBuilder, FlowOptions, Parameter, RetryOn, RunSettings, Signal, State, StateKind, TaskBody,
    TaskDefinition, TaskError, Trigger, Value, built_in, exponential, trigger,
};

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

#[test]
fn texts() {
    assert_eq!(State::new(StateKind::Pending).to_string(), "<Pending>");
    assert_eq!(State::failed("disk full").to_string(), "<Failed: \"disk full\">");
    assert_eq!(format!("{:?}", RetryOn::when(TaskError::is::<std::io::Error>)), "RetryOn");
    assert_eq!(format!("{:?}", Trigger::default()), "all_successful");
    assert_eq!(format!("{:?}", Trigger::new(trigger::any_failed)), "Trigger");
    assert_eq!(format!("{:?}", trigger::any_failed.into_trigger()), "Trigger");
    assert_eq!(format!("{:?}", Signal::skip("not today")), "SKIP('not today')");
}

/// A trigger of one's own can ask those that there are.
#[test]
fn what_built_in_triggers_say() {
    fn says(trigger: impl Fn(&Upstreams<'_>) -> bool + Send + Sync + 'static) -> StateKind {
        let mut flow = FlowBuilder::new(FlowOptions::new("one of two"));
        let both = [true, false].map(|fine| {
            let body = TaskBody::new([], move |_| if fine { Ok(Value::new(1)) } else { Err("no".into()) });
            flow.task(TaskDefinition::new("upstream"), body)
        });
        let definition = TaskDefinition::new("asks").trigger(Trigger::new(trigger));
        let asks = flow.task(definition, TaskBody::new([], |_| Ok(Value::new(()))));
        for task in both {
            flow.order(task, asks);
        }
        let run = flow.build().with(RunSettings::new().config(Config::default())).run();
        run.state_of(asks).kind()
    }
    assert_eq!(says(|upstreams| trigger::any_failed(upstreams).runs()), StateKind::Success);
    assert_eq!(says(|upstreams| trigger::all_failed(upstreams).runs()), StateKind::TriggerFailed);
    assert_eq!(says(|upstreams| trigger::not_all_skipped(upstreams).runs()), StateKind::TriggerFailed);
    assert_eq!(says(|upstreams| trigger::all_successful(upstreams).runs()), StateKind::TriggerFailed);
    assert_eq!(says(|upstreams| upstreams.failed() == 1), StateKind::Success);
}

/// Twice as long at most before each retry, up to a limit, and of that any part.
#[test]
fn exponential_delays_grow_up_to_their_limit() {
    const LIMITS: [u64; 5] = [1, 2, 4, 5, 5];
    let mut longest = [Duration::ZERO; LIMITS.len()];
    for seed in 0..64 {
        let begins = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut flow = FlowBuilder::new(FlowOptions::new("again"));
        let definition = TaskDefinition::new("again").max_retries(5).retry_delay(exponential("1s", "5s"));
        let (clock, told) = (Clock::virtual_from(start()), std::sync::Arc::clone(&begins));
        let now = clock.clone();
        flow.task(
            definition,
            TaskBody::new([], move |_| {
                told.lock().unwrap().push(now.timestamp());
                Err("no".into())
            }),
        );
        let settings = RunSettings::new().clock(clock).seed(seed).config(Config::default());
        let run = flow.build().with(settings).run();
        assert_eq!(run.state().kind(), StateKind::Failed);
        let begins = begins.lock().unwrap();
        assert_eq!(begins.len(), LIMITS.len() + 1);
        for (i, pair) in begins.windows(2).enumerate() {
            let delay = Duration::try_from(pair[1] - pair[0]).unwrap();
            assert!(delay <= Duration::from_secs(LIMITS[i]), "seed {seed}, retry {}: {delay:?}", i + 1);
            longest[i] = longest[i].max(delay);
        }
    }
    for (longest, limit) in longest.iter().zip(LIMITS) {
        assert!(*longest > Duration::from_secs(limit).mul_f64(0.9), "{longest:?} of {limit} s");
    }
}

/// The trigger of a clean-up tells the tasks before it apart by the parameters that they give.
#[test]
fn a_clean_up_is_skipped_for_the_task_that_failed() {
    fn fails() -> TaskBody {
        TaskBody::new([Parameter::of::<String>("mgr")], |_| Err("broken".into()))
    }
    // The manager from a task, or a value; in either order.
    for manager_is_a_task in [true, false] {
        let mut flow = FlowBuilder::new(FlowOptions::new("resource"));
        let (definition, body) = built_in::resource_cleanup("it", |_: &String, _: &u32| Ok(()));
        let clean_up = flow.task(definition, body);
        let set_up = flow.task(TaskDefinition::new("it.setup"), fails());
        if manager_is_a_task {
            let (definition, body) =
                built_in::resource_init("it", TaskBody::new([], |_| Ok(Value::new("it".to_owned()))));
            let manager = flow.task(definition, body);
            flow.edge(manager, set_up, "mgr");
            flow.edge(manager, clean_up, "mgr");
        } else {
            flow.constant(set_up, "mgr", Value::new("it".to_owned()));
            flow.constant(clean_up, "mgr", Value::new("it".to_owned()));
        }
        flow.edge(set_up, clean_up, "resource");
        let run = flow.build().with(RunSettings::new().config(Config::default())).run();
        assert_eq!(run.state_of(clean_up).to_string(), "<Skipped: \"Resource manager setup failed\">");
    }
}
