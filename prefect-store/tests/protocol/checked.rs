//! All orders of events, tried one after the other.
use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::model::{Event, Planted, RunState, State};

struct Protocol {
    planted: Planted,
    /// How often the run may lose its process.
    parked_at: u8,
}

impl Model for Protocol {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        vec![State::begun(self.parked_at)]
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        events.extend(state.events());
    }

    fn next_state(&self, state: &State, event: Event) -> Option<State> {
        match state.after(event, self.planted) {
            Some(next) => Some(next),
            // What the store refuses has changed nothing in it; the process hears of it.
            None => {
                let mut told = state.clone();
                match event {
                    Event::Claim(p) => told.processes[p].sees = None,
                    Event::Record(p, h) | Event::Finish(p, h) => drop(told.processes[p].holds.remove(h)),
                    _ => return None,
                }
                Some(told)
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nothing that must never happen", |_, state: &State| state.wrong.is_none()),
            Property::always("a result is recorded once", |_, state: &State| {
                state.row.recorded.iter().all(|by| by.len() <= 1)
            }),
            Property::always("a task is recorded behind the one before it", |_, state: &State| {
                state.row.recorded.windows(2).all(|two| !two[0].is_empty() || two[1].is_empty())
            }),
            Property::always("what ended well is complete, and nobody's", |_, state: &State| {
                state.row.state != RunState::Success
                    || (state.row.owner.is_none() && state.row.recorded.iter().all(|by| !by.is_empty()))
            }),
            Property::always("nothing stays Running when nothing more can happen", |model, state: &State| {
                let mut events = Vec::new();
                model.actions(state, &mut events);
                !events.is_empty() || state.row.state != RunState::Running
            }),
            Property::sometimes("a run that lost its process ends well", |model, state: &State| {
                state.row.state == RunState::Success && state.row.crashes == model.parked_at - 1
            }),
            Property::sometimes("a process hears that it is late", |_, state: &State| {
                state.row.owner == Some(1) && state.processes[0].holds.iter().any(|held| held.begun.is_some())
            }),
            Property::sometimes("one process holds a run twice", |_, state: &State| {
                state.processes.iter().any(|process| process.holds.len() > 1)
            }),
        ]
    }
}

#[test]
fn no_order_of_events_breaks_the_protocol() {
    let checker = Protocol { planted: Planted::Nothing, parked_at: 2 }.checker().spawn_bfs().join();
    println!("{} states, {} unique", checker.state_count(), checker.unique_state_count());
    assert!(checker.unique_state_count() > 1_000);
    checker.assert_properties();
}

#[test]
fn each_planted_fault_is_found() {
    let faults = [
        (Planted::NoFence, "nothing that must never happen"),
        (Planted::FenceWithoutEpoch, "nothing that must never happen"),
        (Planted::ClaimsWhatIsOwned, "nothing that must never happen"),
        (Planted::ClaimsWhatHasChanged, "nothing that must never happen"),
        (Planted::BuriesTheLiving, "nothing that must never happen"),
        (Planted::LeavesRunning, "nothing stays Running when nothing more can happen"),
    ];
    for (planted, property) in faults {
        // A run that was seen can only change hands twice if it may be lost three times. (With it there are ten times as many
        // states.)
        let parked_at = if planted == Planted::ClaimsWhatHasChanged { 3 } else { 2 };
        let checker =
            Protocol { planted, parked_at }.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        assert!(checker.discovery(property).is_some(), "{planted:?} is not found by `{property}`");
    }
}
