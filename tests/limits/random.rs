//! Random flows: never more at once than allowed, and all of it comes to its end.
use std::time::Duration;

use prefect::trigger::all_finished;
use prefect::{
    Executor, FlowBuilder, FlowOptions, Limits, RetryDelay, StateKind, TaskBody, TaskDefinition, TaskError, Trigger,
    Value,
};

use crate::{Inside, executors, settings, virtual_clock};

const TAGS: [&str; 3] = ["a", "b", "c"];

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Bodies that sleep, plain and async, some of which fail at first, with and without timeouts.
fn run(seed: u64, executor: Executor) {
    let mut random = Random(seed);
    let clock = virtual_clock();
    let inside = Inside::default();
    let mut flow = FlowBuilder::new(FlowOptions::new("random"));
    let mut tasks = Vec::new();
    let n = 5 + random.below(30);
    for i in 0..n {
        let tags: Vec<&'static str> = TAGS.into_iter().filter(|_| random.below(2) == 0).collect();
        let time = Duration::from_millis(random.below(50));
        let mut definition = TaskDefinition::new(format!("t{i}")).tags(tags.clone());
        let fails_at_first = random.below(4) == 0;
        if fails_at_first {
            let delay = Duration::from_millis(random.below(40));
            definition = definition.max_retries(1).retry_delay(RetryDelay::from(delay));
        }
        if random.below(4) == 0 {
            definition = definition.timeout(Duration::from_millis(10 + random.below(60)));
        }
        let inside = inside.clone();
        let fails = move || fails_at_first && prefect::context().task_run_count() == 1;
        let body = if random.below(2) == 0 {
            TaskBody::new([], move |_| {
                let _entered = inside.enter(&tags);
                prefect::sleep_blocking(time);
                if fails() { Err(TaskError::from("at first")) } else { Ok(Value::new(())) }
            })
        } else {
            TaskBody::new_async([], move |_| {
                let (inside, tags) = (inside.clone(), tags.clone());
                async move {
                    let _entered = inside.enter(&tags);
                    prefect::sleep(time).await;
                    if fails() { Err(TaskError::from("at first")) } else { Ok(Value::new(())) }
                }
            })
        };
        let task = flow.task(definition.trigger(Trigger::new(all_finished)), body);
        for before in &tasks {
            if random.below(n) == 0 {
                flow.order(*before, task);
            }
        }
        tasks.push(task);
    }
    let limits: Vec<(&str, u32)> =
        TAGS.into_iter().map(|tag| (tag, 1 + u32::try_from(random.below(3)).unwrap())).collect();
    let given = limits.iter().fold(Limits::new(), |given, (tag, limit)| given.tag(*tag, *limit));
    let run = flow.build().with(settings(executor, &clock, given)).run();
    for task in run.task_runs() {
        let kind = task.state.kind();
        assert!(
            matches!(kind, StateKind::Success | StateKind::TimedOut),
            "seed {seed}, {executor:?}: {} is {}",
            task.name,
            task.state
        );
    }
    for (tag, limit) in limits {
        let most = inside.most(tag);
        assert!(most <= limit as usize, "seed {seed}, {executor:?}: {most} of tag {tag} at once, and {limit} may");
    }
}

#[test]
fn never_more_at_once_than_allowed() {
    for seed in 0..150 {
        for executor in executors() {
            run(seed, executor);
        }
    }
}
