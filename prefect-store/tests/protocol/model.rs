//! The protocol, plainly: one run of two tasks, processes that take it, do its tasks and die, and one that looks for the dead.
//!
//! A step of the model is a transaction of the store, or what a process does between two of them. Time is what may happen: a
//! lease is over whenever that hurts.
use std::collections::BTreeSet;

/// How many processes there are.
pub const PROCESSES: usize = 2;

/// How many tasks the run has. One can begin when the one before it is recorded.
pub const TASKS: usize = 2;

/// What a store would do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    Nothing,
    /// A batch is written though another process has the run by now.
    NoFence,
    /// The fence asks who has the run, and not which time it was taken.
    FenceWithoutEpoch,
    /// A claim does not look whether somebody has the run.
    ClaimsWhatIsOwned,
    /// A claim does not look whether the run is still as it was seen.
    ClaimsWhatHasChanged,
    /// A process is buried though it has given a sign of life since it was judged.
    BuriesTheLiving,
    /// What a dead process had stays its own.
    LeavesRunning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RunState {
    Running,
    Crashed,
    Success,
}

/// The row of the run, and what is recorded of its tasks: by which claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub state: RunState,
    pub epoch: u8,
    pub owner: Option<usize>,
    pub crashes: u8,
    pub recorded: Vec<Vec<u8>>,
}

/// A process, as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Known {
    pub over: bool,
    /// Which sign of life this is: what is judged is compared with what is buried.
    pub sign: u8,
}

/// A run that a process believes to have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Held {
    pub epoch: u8,
    /// Which claim this was: no process sees that number.
    pub claim: u8,
    /// The tasks whose results it knows.
    pub knows: BTreeSet<usize>,
    /// The task whose body is running or has run, not recorded.
    pub begun: Option<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Process {
    pub dead: bool,
    /// The epoch in which it saw the run crashed.
    pub sees: Option<u8>,
    /// What it holds; a process that took a run back may hold an old claim too.
    pub holds: Vec<Held>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub row: Row,
    pub known: Vec<Option<Known>>,
    pub processes: Vec<Process>,
    /// Who was judged to be dead, by which sign of life.
    pub judged: Option<(usize, u8)>,
    /// How often the run may lose its process before it is put aside.
    pub parked_at: u8,
    /// How many claims there were.
    pub claims: u8,
    /// Whose claim counts, as somebody sees it who sees everything.
    pub rightful: Option<u8>,
    /// What must never happen, if it has.
    pub wrong: Option<Wrong>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A claim that does not count any more has written.
    LateWrite,
    /// Two claims count at once.
    TwoOwners,
    /// A process that has given a sign of life after it was judged was buried.
    LivingBuried,
    /// A body was begun whose result was recorded, by who has the run.
    ComputedAgain,
    /// A run was taken that is not as it was seen.
    TakenUnseen,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The process reads the run.
    Look(usize),
    /// It takes what it saw.
    Claim(usize),
    /// The body of the next task begins (process, which of the claims that it holds).
    Begin(usize, usize),
    /// What the body gave is written.
    Record(usize, usize),
    /// The end of the run is written.
    Finish(usize, usize),
    /// A sign of life.
    Sign(usize),
    /// The process ends on the spot.
    Die(usize),
    /// Its lease is over.
    Over(usize),
    /// Somebody reads that the lease is over.
    Judge(usize),
    /// And takes from the process what it had.
    Bury,
}

impl State {
    /// A run that the first process has just begun.
    pub fn begun(parked_at: u8) -> Self {
        let mut processes = vec![Process::default(); PROCESSES];
        let mut known = vec![None; PROCESSES];
        known[0] = Some(Known { over: false, sign: 1 });
        processes[0].holds.push(Held { epoch: 1, claim: 1, knows: BTreeSet::new(), begun: None });
        let row =
            Row { state: RunState::Running, epoch: 1, owner: Some(0), crashes: 0, recorded: vec![Vec::new(); TASKS] };
        Self { row, known, processes, judged: None, parked_at, claims: 1, rightful: Some(1), wrong: None }
    }

    pub fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        for (p, process) in self.processes.iter().enumerate() {
            if let Some(Known { over: false, .. }) = self.known[p] {
                events.push(Event::Over(p));
            }
            if self.judged.is_none() && self.known[p].as_ref().is_some_and(|known| known.over) {
                events.push(Event::Judge(p));
            }
            if process.dead {
                continue;
            }
            events.push(Event::Die(p));
            if self.row.owner.is_none() && self.row.state == RunState::Crashed && process.sees != Some(self.row.epoch) {
                events.push(Event::Look(p));
            }
            if process.sees.is_some() {
                events.push(Event::Claim(p));
            }
            for (h, held) in process.holds.iter().enumerate() {
                match held.begun {
                    Some(_) => events.push(Event::Record(p, h)),
                    None if held.knows.len() < TASKS => events.push(Event::Begin(p, h)),
                    None => events.push(Event::Finish(p, h)),
                }
            }
            // One sign for each lease that is over is enough, and keeps the states finite.
            if !process.holds.is_empty() && self.known[p].as_ref().is_none_or(|known| known.over && known.sign < 3) {
                events.push(Event::Sign(p));
            }
        }
        if self.judged.is_some() {
            events.push(Event::Bury);
        }
        events
    }

    /// What becomes of the state; `None` if the store refuses what was asked.
    pub fn after(&self, event: Event, planted: Planted) -> Option<Self> {
        let mut next = self.clone();
        next.happens(event, planted).then_some(next)
    }

    fn happens(&mut self, event: Event, planted: Planted) -> bool {
        match event {
            Event::Look(p) => self.processes[p].sees = Some(self.row.epoch),
            Event::Claim(p) => {
                let Some(seen) = self.processes[p].sees.take() else { return false };
                return self.claim(p, seen, planted);
            }
            Event::Begin(p, h) => {
                let held = &mut self.processes[p].holds[h];
                let task = (0..TASKS).find(|task| !held.knows.contains(task));
                held.begun = task;
                if let Some(task) = task
                    && held.claim == self.rightful.unwrap_or(0)
                    && !self.row.recorded[task].is_empty()
                {
                    self.wrong = Some(Wrong::ComputedAgain);
                }
            }
            Event::Record(p, h) => {
                let Some(task) = self.processes[p].holds[h].begun else { return false };
                if !self.write(p, h, planted) {
                    return false;
                }
                let held = &mut self.processes[p].holds[h];
                held.begun = None;
                held.knows.insert(task);
                let claim = held.claim;
                self.row.recorded[task].push(claim);
            }
            Event::Finish(p, h) => {
                if !self.write(p, h, planted) {
                    return false;
                }
                self.row.state = RunState::Success;
                self.row.owner = None;
                self.rightful = None;
                self.processes[p].holds.remove(h);
            }
            Event::Sign(p) => match &mut self.known[p] {
                Some(known) => *known = Known { over: false, sign: known.sign + 1 },
                // It was taken for dead: whatever it held is lost.
                None => self.processes[p].holds.clear(),
            },
            Event::Die(p) => self.processes[p] = Process { dead: true, ..Process::default() },
            Event::Over(p) => {
                if let Some(known) = &mut self.known[p] {
                    known.over = true;
                }
            }
            Event::Judge(p) => self.judged = self.known[p].as_ref().map(|known| (p, known.sign)),
            Event::Bury => self.bury(planted),
        }
        true
    }

    fn claim(&mut self, p: usize, seen: u8, planted: Planted) -> bool {
        let row = &self.row;
        if (row.owner.is_some() && planted != Planted::ClaimsWhatIsOwned)
            || row.state == RunState::Success
            || (row.epoch != seen && planted != Planted::ClaimsWhatHasChanged && planted != Planted::ClaimsWhatIsOwned)
            || row.crashes >= self.parked_at
        {
            return false;
        }
        // A process makes itself known, or longer known, in the same transaction.
        let sign = self.known[p].as_ref().map_or(0, |known| known.sign) + 1;
        self.known[p] = Some(Known { over: false, sign });
        if self.rightful.is_some() {
            self.wrong = Some(Wrong::TwoOwners);
        } else if self.row.epoch != seen {
            self.wrong = Some(Wrong::TakenUnseen);
        }
        self.claims += 1;
        self.rightful = Some(self.claims);
        self.row.owner = Some(p);
        self.row.epoch += 1;
        self.row.state = RunState::Running;
        let knows = (0..TASKS).filter(|task| !self.row.recorded[*task].is_empty()).collect();
        self.processes[p].holds.push(Held { epoch: self.row.epoch, claim: self.claims, knows, begun: None });
        true
    }

    /// Whether the fence lets a batch through. A claim that hears that it is lost is dropped.
    fn write(&mut self, p: usize, h: usize, planted: Planted) -> bool {
        let held = &self.processes[p].holds[h];
        let mine = self.row.owner == Some(p);
        let through = match planted {
            Planted::NoFence => self.row.state != RunState::Success,
            Planted::FenceWithoutEpoch => mine,
            _ => mine && self.row.epoch == held.epoch,
        };
        if !through {
            self.processes[p].holds.remove(h);
            return false;
        }
        if Some(held.claim) != self.rightful {
            self.wrong = Some(Wrong::LateWrite);
        }
        true
    }

    fn bury(&mut self, planted: Planted) {
        let Some((p, sign)) = self.judged.take() else { return };
        let Some(known) = &self.known[p] else { return };
        if known.sign != sign {
            if planted != Planted::BuriesTheLiving {
                return;
            }
            self.wrong = Some(Wrong::LivingBuried);
        }
        self.known[p] = None;
        if self.row.owner == Some(p) && planted != Planted::LeavesRunning {
            self.row.owner = None;
            self.row.state = RunState::Crashed;
            self.row.epoch += 1;
            self.row.crashes += 1;
            self.rightful = None;
        }
    }
}
