//! What runs hold and give back, counted byte by byte. One test at a time: the allocator is the process's.
use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cap::Cap;
use prefect::prelude::*;
use prefect::{
    Clock, Config, Executor, FlowBuilder, FlowOptions, Parameter, RunSettings, StateKind, TaskBody, TaskDefinition,
    Value,
};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

static ALONE: Mutex<()> = Mutex::new(());

const MEGABYTE: usize = 1 << 20;

fn settings(executor: Executor) -> RunSettings {
    let clock = Clock::virtual_from("2026-01-01T00:00:00Z".parse().unwrap());
    RunSettings::new().executor(executor).clock(clock).seed(1).config(Config::default())
}

fn executors() -> [Executor; 2] {
    [Executor::Local, Executor::threads(2)]
}

/// A thousand tasks in chains of ten, each of which reads a value and makes one.
fn chains() -> FlowBuilder {
    let mut flow = FlowBuilder::new(FlowOptions::new("chains"));
    for _ in 0..100 {
        let mut last =
            flow.task(TaskDefinition::new("start"), TaskBody::new([], |_| Ok(Value::new(vec![0_u8; 1_000]))));
        for _ in 0..9 {
            let body = TaskBody::new([Parameter::of::<Vec<u8>>("x")], |inputs| {
                Ok(Value::new(inputs.take::<Vec<u8>>(0).to_vec()))
            });
            let next = flow.task(TaskDefinition::new("next"), body);
            flow.edge(last, next, "x");
            last = next;
        }
    }
    flow
}

/// A hundred runs of a thousand tasks: eighty of them leave less than the smallest allocation that each could.
#[test]
fn runs_leave_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for executor in executors() {
        let mut after = [0; 100];
        for after in &mut after {
            let run = chains().build().with(settings(executor)).run();
            assert_eq!(run.state().kind(), StateKind::Success);
            drop(run);
            *after = ALLOCATOR.allocated();
        }
        // The least of several: a thread that is about to end still holds what it has.
        let least = |of: &[usize]| *of.iter().min().expect("some runs");
        let grown = least(&after[90..]).saturating_sub(least(&after[..10]));
        assert!(grown < 80 * 8, "{executor:?}: {grown} bytes more after 80 runs");
    }
}

#[task]
fn numbers(n: u32) -> Vec<u32> {
    (0..n).collect()
}

#[task]
fn twice(x: u32) -> u32 {
    x * 2
}

/// One map of 100,000: a child takes 80 bytes, its record, value and state together, while the run is held.
#[test]
fn a_mapped_child_is_small() {
    const CHILDREN: u32 = 100_000;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for executor in executors() {
        let flow = flow!("map", { twice::map(numbers(CHILDREN)) }).with(settings(executor));
        let before = ALLOCATOR.allocated();
        let run = flow.run();
        let each = (ALLOCATOR.allocated() - before) / CHILDREN as usize;
        assert_eq!(run.output().unwrap().len(), CHILDREN as usize);
        assert!(each < 100, "{executor:?}: {each} bytes a child");
        drop(run);
        let left = ALLOCATOR.allocated().saturating_sub(before);
        assert!(left < MEGABYTE, "{executor:?}: {left} bytes are left");
    }
}

/// A thousand results of a megabyte, each with one reader: they go with the reader, and no two are there together.
#[test]
fn a_result_goes_with_its_last_reader() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for executor in executors() {
        let most = Arc::new(AtomicUsize::new(0));
        let mut flow = FlowBuilder::new(FlowOptions::new("large"));
        let make = || Ok(Value::new(vec![0_u8; MEGABYTE]));
        let mut last = flow.task(TaskDefinition::new("first"), TaskBody::new([], move |_| make()));
        for _ in 0..1_000 {
            let seen = Arc::clone(&most);
            let body = TaskBody::new([Parameter::of::<Vec<u8>>("x")], move |inputs| {
                let read = inputs.take::<Vec<u8>>(0);
                seen.fetch_max(ALLOCATOR.allocated(), Ordering::Relaxed);
                assert_eq!(read.len(), MEGABYTE);
                make()
            });
            let next = flow.task(TaskDefinition::new("next"), body);
            flow.edge(last, next, "x");
            last = next;
        }
        let flow = flow.build().with(settings(executor));
        let before = ALLOCATOR.allocated();
        let run = flow.run();
        assert_eq!(run.state().kind(), StateKind::Success);
        let most = most.load(Ordering::Relaxed) - before;
        assert!(most < 2 * MEGABYTE, "{executor:?}: {most} bytes at once");
        // The last result is the flow's own.
        let held = ALLOCATOR.allocated() - before;
        assert!(held < 2 * MEGABYTE, "{executor:?}: the run that has ended holds {held} bytes");
    }
}
