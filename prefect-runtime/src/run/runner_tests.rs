//! What no user can bring about: a canceller that has taken who is to be woken, and wakes late.
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::*;
use crate::flow::definition::Role;
use crate::{
    Canceller, Config, FlowBuilder, FlowOptions, Limits, Observer, Parameter, TaskBody, TaskDefinition, TaskRef, Value,
};

const LONG: Duration = Duration::from_mins(1);

/// Holds up whoever wakes those behind it.
struct HoldsUp(Mutex<Receiver<()>>);

impl Wake for HoldsUp {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().recv_timeout(LONG).unwrap();
    }
}

/// Tells when the clean-up waits for its place.
struct Queued(Sender<()>);

impl Observer for Queued {
    fn changed(&self, object: &Tracked, _: &State, new: &State) {
        if object.name() == "close" && new.kind() == StateKind::Queued {
            self.0.send(()).unwrap();
        }
    }
}

/// A task behind these.
fn task(
    flow: &mut FlowBuilder,
    definition: TaskDefinition,
    behind: &[TaskRef],
    body: impl Fn() + Send + Sync + 'static,
) -> TaskRef {
    let names = ["a", "b"];
    let parameters = names[..behind.len()].iter().map(|name| Parameter::of::<u32>(name));
    let body = TaskBody::new(parameters, move |_| {
        body();
        Ok(Value::new(1_u32))
    });
    let task = flow.task(definition, body);
    for (from, name) in behind.iter().zip(names) {
        flow.edge(*from, task, name);
    }
    task
}

fn settings() -> RunSettings {
    let limits = Limits::new().tag("late", 1);
    RunSettings::new().executor(Executor::Local).config(Config::default()).limits(limits)
}

#[test]
fn a_clean_up_that_waits_is_not_called_off_with_the_tasks() {
    // Somebody else has the only place.
    let (holds, is_held) = channel();
    let (free, is_free) = channel::<()>();
    let is_free = Mutex::new(is_free);
    let mut flow = FlowBuilder::new(FlowOptions::new("holder"));
    task(&mut flow, TaskDefinition::new("holds").tags(["late"]), &[], move || {
        holds.send(()).unwrap();
        is_free.lock().unwrap().recv_timeout(LONG).unwrap();
    });
    let holder = flow.build().with(settings());
    let holder = thread::spawn(move || holder.run().state().kind());
    is_held.recv_timeout(LONG).unwrap();

    let canceller = Canceller::new();
    let (go_on, goes_on) = channel();
    // Woken before those of the run.
    let _held_up = canceller.wake(&Waker::from(Arc::new(HoldsUp(Mutex::new(goes_on)))));
    let (works, is_working) = channel();
    let (closed, is_closed) = channel();
    let (queued, is_queued) = channel();
    let mut flow = FlowBuilder::new(FlowOptions::new("resource"));
    let open = task(&mut flow, TaskDefinition::new("open").role(Role::ResourceSetup), &[], || {});
    let asks = canceller.clone();
    let work = task(&mut flow, TaskDefinition::new("work"), &[open], move || {
        works.send(()).unwrap();
        while !asks.is_cancelled() {
            thread::yield_now();
        }
    });
    let close = TaskDefinition::new("close").role(Role::ResourceCleanup).tags(["late"]);
    task(&mut flow, close, &[open, work], move || closed.send(()).unwrap());
    let flow = flow.build().with(settings().canceller(canceller.clone()).observer(Arc::new(Queued(queued))));
    let (ended, has_ended) = channel();
    thread::spawn(move || ended.send(flow.run().state().kind()));
    is_working.recv_timeout(LONG).unwrap();
    let cancels = thread::spawn(move || canceller.cancel());
    is_queued.recv_timeout(LONG).unwrap();
    // Only now the run is woken to leave its lines.
    go_on.send(()).unwrap();
    cancels.join().unwrap();
    free.send(()).unwrap();
    assert_eq!(has_ended.recv_timeout(LONG), Ok(StateKind::Cancelled));
    is_closed.try_recv().unwrap();
    assert_eq!(holder.join().unwrap(), StateKind::Success);
}
