//! Panics of user code, wherever it is called, shown, copied or dropped: the run ends, the task that it belongs to says
//! so, and nobody else notices.
//!
//! Whether user code is called under a lock of the runtime is checked at each call in debug builds, and so by each of
//! these runs.
mod bomb;
mod cell;
mod flow;
mod more;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bomb::{Fuse, Payload};
use cell::{Cell, Decides, Place, Shape};
use prefect::{Executor, FlowRun, State, StateKind};

/// Runs a cell. `Err` says what is wrong.
fn check(cell: Cell) -> Result<(), String> {
    let fuse = Fuse::new(cell.payload);
    let built = flow::build(cell, &fuse);
    let run = catch_unwind(AssertUnwindSafe(|| built.flow.run())).map_err(|_| "the run itself panicked")?;
    let seen = look(cell, &built, &run);
    // Whatever is left goes here, or with the last thread of the run.
    catch_unwind(AssertUnwindSafe(|| drop((run, built)))).map_err(|_| "what was left panicked")?;
    if matches!(cell.place, Place::Drop(_)) {
        fuse.wait();
    } else if fuse.fired() == 0 {
        return Err("nothing panicked".to_owned());
    }
    seen?;
    let next = flow::next_flow(cell.executor);
    if next.state().kind() != StateKind::Success {
        return Err(format!("the next flow: {:?}", next.state()));
    }
    Ok(())
}

fn look(cell: Cell, built: &flow::Built, run: &FlowRun) -> Result<(), String> {
    let place = cell.place;
    let wrong = |what: &str, state: &State| Err(format!("{what}: {state}"));
    let says_panic = |state: &State, prefix: &str| {
        let (at, text) = cell.payload.told();
        let message = state.message().unwrap_or_default();
        message.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(at) && rest.ends_with(text))
    };
    if !run.state().kind().is_finished() {
        return wrong("the flow has not ended", run.state());
    }
    if let Some(prefix) = place.flow_end()
        && (run.state().kind() != StateKind::Failed || !says_panic(run.state(), prefix))
    {
        return wrong("the flow", run.state());
    }
    if place.keeps_all_from_running() {
        return Ok(());
    }
    for (other, value) in &built.others {
        let state = run.state_of(*other);
        if state.kind() != StateKind::Success {
            return wrong("another task", &state);
        }
        // Results that another task has read are not kept.
        if state.value::<i64>().is_some_and(|seen| seen != value) {
            return Err(format!("another task gave {:?} instead of {value}", state.value::<i64>()));
        }
    }
    let (kind, prefix, decides) = place.task_end();
    let mut states: Vec<_> = run.map_states(built.task).collect();
    if states.is_empty() {
        states.push(run.state_of(built.task));
    }
    for state in states {
        let says = match decides {
            Decides::Panic => says_panic(&state, prefix),
            Decides::Body => state.message().is_none_or(|message| message == prefix),
        };
        if state.kind() != kind || !says {
            return wrong("the task", &state);
        }
    }
    let reader = run.state_of(built.reader);
    let expected = if kind == StateKind::Success { StateKind::Success } else { StateKind::TriggerFailed };
    if place != Place::Drop(cell::Held::LastResult) && reader.kind() != expected {
        return wrong("its reader", &reader);
    }
    Ok(())
}

/// All cells of one executor.
fn check_all(executor: Executor) {
    bomb::watch();
    let (mut cells, mut wrong) = (0, Vec::new());
    for place in Place::all() {
        for shape in Shape::ALL.into_iter().filter(|shape| place.is_in(*shape)) {
            for payload in Payload::ALL {
                let cell = Cell { shape, place, payload, executor };
                cells += 1;
                if let Err(what) = check(cell) {
                    wrong.push(format!("{place:?} of {shape:?} with {payload:?}: {what}"));
                }
            }
        }
    }
    println!("{executor:?}: {cells} cells");
    assert!(wrong.is_empty(), "{} of {cells} on {executor:?}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(bomb::unguarded(), 0, "panics outside the guard");
}

#[test]
fn every_cell_on_the_callers_thread() {
    check_all(Executor::Local);
}

#[test]
fn every_cell_on_one_worker() {
    check_all(Executor::threads(1));
}

#[test]
fn every_cell_on_two_workers() {
    check_all(Executor::threads(2));
}

#[test]
fn every_cell_on_eight_workers() {
    check_all(Executor::threads(8));
}
