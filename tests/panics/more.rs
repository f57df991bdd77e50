//! What the table of cells cannot say: several at once, typed inputs, a panic while another is under way.
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use prefect::fake_slack::FakeSlack;
use prefect::prelude::*;
use prefect::{Clock, Config, Executor, FlowBuilder, FlowOptions, TaskBody, TaskDefinition, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bomb::{Bomb, Fuse, Payload, Refuses, Unshown, Unwritable, unguarded, watch};
use crate::flow::{next_flow, settings};

fn on_all(test: impl Fn(Executor)) {
    watch();
    for executor in [Executor::Local, Executor::threads(1), Executor::threads(2), Executor::threads(8)] {
        test(executor);
        assert_eq!(next_flow(executor).state().kind(), Success);
    }
    assert_eq!(unguarded(), 0, "panics outside the guard");
}

#[test]
fn many_destructors_panic_in_one_batch() {
    on_all(|executor| {
        let fuse = Fuse::new(Payload::Text);
        let mut flow = FlowBuilder::new(FlowOptions::new("many"));
        for i in 0..300 {
            // Values that nobody reads, values of states that are replaced, and errors: all at once.
            let theirs = Arc::clone(&fuse);
            let definition = TaskDefinition::new(format!("t{i}")).max_retries(1);
            let body = TaskBody::new([], move |_| match i % 3 {
                0 => Ok(Bomb::value(&theirs)),
                1 => Err(Signal::success("yes").with_value(Bomb::value(&theirs)).into()),
                _ => Err(Bomb(Arc::clone(&theirs)).into()),
            });
            let task = flow.task(definition, body);
            let reader = flow.task(
                TaskDefinition::new("reader"),
                TaskBody::new([prefect::Parameter::any("x")], |_| Ok(Value::new(1_i64))),
            );
            flow.edge(task, reader, "x");
        }
        let run = flow.build().with(settings(executor)).run();
        let succeeded = run.task_runs().filter(|task| task.state.kind() == Success).count();
        drop(run);
        assert_eq!(succeeded, 400);
        // Each of the last third failed twice.
        assert_eq!(fuse.fired(), 400);
    });
}

#[test]
fn a_panic_with_a_bomb_in_its_hands_is_told_where_it_was() {
    on_all(|executor| {
        let (fuse, theirs) = (Fuse::new(Payload::Text), Fuse::new(Payload::Text));
        let mut flow = FlowBuilder::new(FlowOptions::new("two"));
        let held = Arc::clone(&fuse);
        let body = TaskBody::new([], move |_| {
            let _value = Bomb::value(&held);
            let _error = TaskError::from(Bomb(Arc::clone(&held)));
            panic!("the first, {}", theirs.fired());
        });
        let task = flow.task(TaskDefinition::new("task"), body);
        let run = flow.build().with(settings(executor)).run();
        let state = run.state_of(task);
        let message = state.message().unwrap();
        let prefix = "Error during execution of task: panicked at tests/panics/more.rs:";
        assert!(message.starts_with(prefix) && message.ends_with(": the first, 0"), "{message}");
        assert_eq!(fuse.fired(), 2);
    });
}

/// Panics when it is copied.
struct Uncopied(i64);

impl Clone for Uncopied {
    fn clone(&self) -> Self {
        assert!(self.0 == 0, "no copies");
        Self(self.0)
    }
}

impl Serialize for Uncopied {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Uncopied {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        i64::deserialize(from).map(Self)
    }
}

#[task]
fn uncopied(n: i64) -> Uncopied {
    Uncopied(n)
}

#[task]
fn by_value(x: Uncopied) -> i64 {
    x.0
}

#[task(trigger = all_finished)]
fn by_option(x: Option<Uncopied>) -> bool {
    x.is_some()
}

#[task(trigger = all_finished)]
fn by_outcome(x: Outcome<Uncopied>, y: Outcome<Uncopied>) -> bool {
    x.is_success() && y.is_success()
}

#[task]
fn by_reference(x: &Uncopied) -> i64 {
    x.0
}

#[test]
fn inputs_that_panic_when_they_are_copied_fail_those_who_copy() {
    on_all(|executor| {
        let flow = flow!("copies", {
            let (bad, good) = (uncopied(1), uncopied(0));
            by_value(bad);
            by_option(bad);
            by_outcome(good, bad);
            by_reference(bad);
            by_outcome(good, good);
        });
        let run = flow.with(settings(executor)).run();
        let ends: Vec<_> = run.task_runs().skip(2).map(|task| task.state).collect();
        let kinds: Vec<_> = ends.iter().map(State::kind).collect();
        assert_eq!(kinds, [Failed, Failed, Failed, Success, Success]);
        for (state, prefix) in
            ends.iter().zip(["Error during execution of task: ", "Unexpected error: ", "Unexpected error: "])
        {
            let message = state.message().unwrap();
            let told =
                message.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("panicked at tests/panics/more.rs:"));
            assert!(told && message.ends_with("no copies"), "{message}");
        }
    });
}

#[task]
fn two(good: i64, bad: i64) -> Vec<Uncopied> {
    vec![Uncopied(good), Uncopied(bad)]
}

#[test]
fn elements_that_panic_when_they_are_copied_fail_their_children() {
    on_all(|executor| {
        let mut mapped = None;
        let flow = flow!("elements", {
            mapped = Some(by_value::map(two(0, 1)).task());
        });
        let run = flow.with(settings(executor)).run();
        let ends: Vec<_> = run.map_states(mapped.unwrap()).collect();
        let told = |i: usize| ends[i].message().unwrap_or_default().to_owned();
        assert_eq!(ends.iter().map(State::kind).collect::<Vec<_>>(), [Success, Failed], "{}", told(0));
        assert!(told(1).starts_with("Unexpected error: panicked at ") && told(1).ends_with("no copies"), "{}", told(1));
    });
}

#[test]
fn closures_go_with_the_run_if_the_flow_went_before() {
    on_all(|executor| {
        let fuse = Fuse::new(Payload::Text);
        let mut flow = FlowBuilder::new(FlowOptions::new("held"));
        for i in 0..20 {
            let held = Bomb(Arc::clone(&fuse));
            let body = TaskBody::new([], move |_| Ok(Value::new(i64::from(held.0.fired()))));
            flow.task(TaskDefinition::new(format!("t{i}")), body);
        }
        let flow = flow.build().with(settings(executor));
        let run = flow.run();
        drop(flow);
        assert_eq!(run.state().kind(), Success);
        drop(run);
        fuse.wait();
    });
}

#[test]
fn a_run_that_nobody_waits_for_takes_its_bombs_along() {
    watch();
    let fuse = Fuse::new(Payload::Rubble);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async {
        let mut flow = FlowBuilder::new(FlowOptions::new("dropped"));
        let theirs = Arc::clone(&fuse);
        flow.task(TaskDefinition::new("bomb"), TaskBody::new([], move |_| Ok(Bomb::value(&theirs))));
        let flow = flow.build().with(settings(Executor::threads(2)));
        let mut run = Box::pin(flow.run_async());
        std::future::poll_fn(|cx| {
            let _ = run.as_mut().poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
    });
    fuse.wait();
    assert_eq!(unguarded(), 0, "panics outside the guard");
}

#[test]
fn a_notifier_tells_of_an_error_that_cannot_be_shown() {
    on_all(|executor| {
        let slack = FakeSlack::start();
        let fuse = Fuse::new(Payload::Number);
        let config = Config::builder().secret("SLACK_WEBHOOK_URL", slack.webhook_url()).build().unwrap();
        let mut flow = FlowBuilder::new(FlowOptions::new("told"));
        let theirs = Arc::clone(&fuse);
        let definition = TaskDefinition::new("bad").state_handler(slack_notifier::only_states(&[Failed]));
        flow.task(definition, TaskBody::new([], move |_| Err(Unshown(Arc::clone(&theirs), Refuses::Panics).into())));
        let run = flow.build().with(settings(executor).config(config)).run();
        assert_eq!(run.notifications().to_string(), "notifications: 1 sent");
        assert!(fuse.fired() > 0);
        let body = slack.requests().pop().unwrap().body().to_owned();
        assert!(body.contains("an error whose text cannot be shown: its `Display` panicked"), "{body}");
    });
}

#[test]
fn a_waker_that_panics_does_not_hold_up_others() {
    struct Loud(Arc<Fuse>);
    impl Wake for Loud {
        fn wake(self: Arc<Self>) {
            self.0.blow();
        }
    }
    watch();
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    let fuse = Fuse::new(Payload::Owned);
    let mut sleep = Box::pin(clock.sleep(Duration::from_secs(1)));
    let waker = Waker::from(Arc::new(Loud(Arc::clone(&fuse))));
    assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    clock.sleep_blocking(Duration::from_secs(1));
    assert_eq!(fuse.fired(), 1);
    assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
}

#[test]
fn errors_and_values_are_shown_outside_a_run_as_in_one() {
    watch();
    let error = TaskError::from(Unshown(Fuse::new(Payload::Rubble), Refuses::Fails));
    assert_eq!(error.to_string(), "half a text an error whose text cannot be shown: its `Display` failed");
    assert_eq!(format!("{error:?}"), "half a text an error whose text cannot be shown: its `Debug` failed");
    let value = Value::new(Unwritable(Fuse::new(Payload::Rubble)));
    assert_eq!(format!("{value:?}"), "<panics::bomb::Unwritable>");
}
