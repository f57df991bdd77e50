//! The run of a tick: it is recorded in the transaction that decides the tick.
use prefect_store::{RunId, Store, StoreError, Tick, TickAnswer};

use super::plan::Recorded;
use super::recorder::{Taken, new_run};
use crate::Clock;
use crate::flow::{Flow, Unread};
use crate::panics::guard;
use crate::run::given_values;
use crate::schedule::ClockEvent;

/// What became of a tick.
pub(crate) enum Begun {
    /// It has a run of this process: its id, its name, and what records it.
    Run(RunId, String, Recorded),
    /// It was decided before.
    Taken,
    /// It is left out: another run has not ended.
    Skipped,
    /// Nothing is decided: these runs have not ended.
    Busy(Vec<RunId>),
    /// Nothing is decided: the schedule is paused.
    Paused,
}

/// Decides a tick of this flow, and records its run.
pub(crate) fn begin_tick(
    store: &Store,
    flow: &Flow<Unread>,
    event: &ClockEvent,
    tick: Tick,
    clock: &Clock,
) -> Result<Begun, StoreError> {
    let graph = &flow.graph;
    // Reading values is user code; what is wrong with them is told by the run.
    let resolved = guard(|| flow.given.resolve(&graph.parameters, Some(event.parameter_defaults())).0);
    let given = resolved.map_or_else(|_| Vec::new(), |resolved| given_values(graph, &resolved));
    let run = new_run(graph, &given, clock);
    let name = run.name.clone();
    Ok(match store.begin_tick(run, tick)? {
        TickAnswer::Begun(run) => {
            let id = run.id();
            Begun::Run(id, name.clone(), Recorded::new(Taken::new(run, name)))
        }
        TickAnswer::Taken => Begun::Taken,
        TickAnswer::Skipped(_) => Begun::Skipped,
        TickAnswer::Busy(runs) => Begun::Busy(runs),
        TickAnswer::Paused => Begun::Paused,
    })
}
