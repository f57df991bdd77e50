//! Walks through the model, which a real store makes too: what one refuses the other refuses, and both are then the same.
#[path = "../store/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use std::mem;
use std::time::Duration;

use prefect_store::{OwnedRun, Parked, RunRow, Store};

use crate::model::{Event, PROCESSES, Planted, RunState, State};
use support::*;

const LEASE: Duration = Duration::from_secs(30);
const PARKED_AT: u8 = prefect_store::CRASHES_UNTIL_PARKED as u8;

/// A process of the model, with a store of its own.
struct Process {
    store: Store,
    sees: Option<RunRow>,
    holds: Vec<OwnedRun>,
}

struct Walk {
    place: Place,
    time: Time,
    model: State,
    processes: Vec<Process>,
    judge: Store,
}

impl Walk {
    fn begin() -> Self {
        let (place, time) = (Place::in_memory(), Time::new());
        let open = |host: &str| place.open_with(on_machine(host, &time));
        let process = |p| Process { store: open(&format!("machine {p}")), sees: None, holds: Vec::new() };
        let mut processes: Vec<_> = (0..PROCESSES).map(process).collect();
        let run = processes[0].store.begin(new_run("one")).unwrap();
        processes[0].holds.push(run);
        let judge = open("judge");
        Self { place, time, model: State::begun(PARKED_AT), processes, judge }
    }

    /// Both make a step, and agree on whether it is refused.
    fn step(&mut self, event: Event) {
        let next = self.model.after(event, Planted::Nothing);
        let done = match event {
            Event::Look(p) => {
                self.processes[p].sees = Some(self.judge.run("one").unwrap());
                true
            }
            Event::Claim(p) => {
                let Process { store, sees, holds } = &mut self.processes[p];
                let claimed = store.claim(&sees.take().unwrap(), Parked::Refuse);
                let done = claimed.is_ok();
                holds.extend(claimed);
                done
            }
            Event::Begin(..) => true,
            Event::Record(p, h) => {
                let task = self.model.processes[p].holds[h].begun.unwrap();
                let run = &self.processes[p].holds[h];
                let position = run.record_many([start(task as u32, None), finish(task as u32, None)]);
                self.told(p, h, position.map(|position| self.processes[p].holds[h].wait(position).is_ok()))
            }
            Event::Finish(p, h) => {
                let run = &self.processes[p].holds[h];
                let done = run.wait(run.record_run(flow_change(S::SUCCESS, run.version() + 1))).is_ok();
                // Whether it ends or hears that it is late: it is over.
                self.processes[p].holds.remove(h);
                done
            }
            // As after `kill -9`: no destructor of the store is run.
            Event::Die(p) => {
                let store = self.judge.clone();
                let process = mem::replace(&mut self.processes[p], Process { store, sees: None, holds: Vec::new() });
                mem::forget(process);
                true
            }
            Event::Sign(_) | Event::Over(_) | Event::Judge(_) | Event::Bury => unreachable!("these come together"),
        };
        assert_eq!(done, next.is_some(), "{event:?}");
        if let Event::Record(p, _) | Event::Finish(p, _) = event {
            self.wait_for(p);
        }
        match next {
            Some(next) => self.model = next,
            None => match event {
                Event::Claim(p) => self.model.processes[p].sees = None,
                Event::Record(p, h) | Event::Finish(p, h) => drop(self.model.processes[p].holds.remove(h)),
                _ => {}
            },
        }
    }

    fn told(&mut self, p: usize, h: usize, done: Option<bool>) -> bool {
        let done = done == Some(true);
        if !done {
            self.processes[p].holds.remove(h);
        }
        done
    }

    /// Waits until the store has dealt with what was dropped: later that would be a sign of life.
    fn wait_for(&self, p: usize) {
        assert!(!self.processes[p].store.remove_secret("none").unwrap());
    }

    /// All leases are over. Those of `living` give a sign of life; then somebody looks for the dead.
    fn pass(&mut self, living: impl Fn(usize) -> bool) {
        // The one who judges is awake all the time.
        self.time.pass(LEASE / 2);
        assert!(!self.judge.remove_secret("none").unwrap());
        self.time.pass(LEASE / 2 + Duration::from_secs(1));
        for p in 0..PROCESSES {
            if self.model.known[p].is_some() {
                self.model = self.model.after(Event::Over(p), Planted::Nothing).unwrap();
            }
            let dead = self.model.processes[p].dead;
            if !dead && living(p) {
                // Whatever a store is asked, it gives a sign first.
                self.wait_for(p);
                self.model = self.model.after(Event::Sign(p), Planted::Nothing).unwrap();
                self.processes[p].holds.truncate(self.model.processes[p].holds.len());
                self.wait_for(p);
            }
        }
        self.judge.reap().unwrap();
        for p in 0..PROCESSES {
            if self.model.known[p].as_ref().is_some_and(|known| known.over) {
                let judged = self.model.after(Event::Judge(p), Planted::Nothing).unwrap();
                self.model = judged.after(Event::Bury, Planted::Nothing).unwrap();
            }
        }
    }

    fn is_as_the_model_says(&self) -> bool {
        let (row, now) = (&self.model.row, self.judge.run("one").unwrap());
        let state = match row.state {
            RunState::Running => S::RUNNING,
            RunState::Crashed => S::CRASHED,
            RunState::Success => S::SUCCESS,
        };
        let owner = row.owner.map(|p| format!("machine {p}"));
        let recorded = row.recorded.iter().filter(|by| !by.is_empty()).count() as u64;
        println!("{:?} {} {}, the model: {row:?}", now.state, now.crashes, now.n_ok);
        (now.state, now.crashes, now.n_ok) == (state, row.crashes.into(), recorded)
            && now.owner.map(|owner| owner.host) == owner
    }
}

#[test]
fn a_store_goes_where_the_model_goes() {
    let mut random = Random::new();
    let (mut refused, mut ended, mut parked) = (0, 0, 0);
    for walk in 0..150 {
        let mut now = Walk::begin();
        let mut path = Vec::new();
        for _ in 0..40 {
            let events: Vec<_> = now.model.events().into_iter().filter(step_of_its_own).collect();
            // Deaths are rare, or little else happens.
            let choices = events.len() as u64 + 2;
            let chosen = random.below(choices) as usize;
            match events.get(chosen) {
                Some(Event::Die(_)) if random.below(4) > 0 => continue,
                Some(event) => {
                    path.push(format!("{event:?}"));
                    let before = now.model.processes.iter().map(|process| process.holds.len()).sum::<usize>();
                    now.step(*event);
                    let after = now.model.processes.iter().map(|process| process.holds.len()).sum::<usize>();
                    refused += usize::from(matches!(event, Event::Record(..)) && after < before);
                }
                None => {
                    let living = random.below(1 << PROCESSES);
                    path.push(format!("all leases are over, {living:b} live"));
                    now.pass(|p| living >> p & 1 == 1);
                }
            }
            assert_eq!(now.model.wrong, None, "walk {walk}: {path:#?}");
            assert!(now.is_as_the_model_says(), "walk {walk}: {path:#?}");
        }
        ended += usize::from(now.model.row.state == RunState::Success);
        parked += usize::from(now.model.row.crashes >= PARKED_AT);
        check(&now.place.sql());
    }
    println!("{refused} late writes, {ended} runs ended well, {parked} were put aside");
    assert!(refused > 0 && ended > 0 && parked > 0, "the walks go nowhere");
}

/// What is not part of a longer step of the store.
fn step_of_its_own(event: &Event) -> bool {
    !matches!(event, Event::Sign(_) | Event::Over(_) | Event::Judge(_) | Event::Bury)
}
