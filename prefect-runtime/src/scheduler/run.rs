//! The run of a tick, on a thread of its own.
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::JoinHandle;

use super::bell::Bell;
use super::event::ServedRun;
use crate::flow::{Flow, Unread};
use crate::record::Recorded;
use crate::run::{AsyncRuntime, Cancelled, Prepared, RecordedIn, Until};
use crate::schedule::ClockEvent;
use crate::{Canceller, Clock, StateKind};

/// Starts a run; the bell rings when it has ended. Its own canceller, so that one run can be stopped by itself, is woken by
/// those of the scheduler and of the flow.
pub(super) fn start(
    flow: &Flow<Unread>,
    run: ServedRun,
    recorded: Recorded,
    event: ClockEvent,
    (clock, bell, stop): (&Clock, &Bell, &Canceller),
) -> std::io::Result<JoinHandle<()>> {
    let canceller = Canceller::new();
    let links: Vec<Cancelled> = [Some(stop), flow.settings.canceller.as_ref()]
        .into_iter()
        .flatten()
        .map(|from| link(from, &canceller))
        .collect();
    let mut flow = flow.unread();
    flow.settings.recorded = Some(RecordedIn::Tick(recorded));
    flow.settings.clock = Some(clock.clone());
    flow.settings.canceller = Some(canceller);
    let told = Told { bell: bell.clone(), run: Some(run) };
    let busy = clock.busy();
    std::thread::Builder::new().name("prefect-run".into()).spawn(move || {
        let held = busy.on_this_thread();
        let _links = links;
        let prepared = Prepared::new(&flow, Until::TheEnd, AsyncRuntime::own(), Some(&event));
        let prepared = prepared.at_the_end(move |state| told.ended(state.kind()));
        drop(prepared.run_holding(held));
    })
}

/// The one cancels the other, until what comes back is dropped.
fn link(from: &Canceller, to: &Canceller) -> Cancelled {
    from.wake(&Waker::from(Arc::new(Cancels(to.clone()))))
}

struct Cancels(Canceller);

impl Wake for Cancels {
    fn wake(self: Arc<Self>) {
        self.0.cancel();
    }
}

/// Rings once, also if the run ends without a state.
struct Told {
    bell: Bell,
    run: Option<ServedRun>,
}

impl Told {
    fn ended(mut self, state: StateKind) {
        if let Some(run) = self.run.take() {
            self.bell.ring(run, Some(state));
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            self.bell.ring(run, None);
        }
    }
}
