//! Which of the other processes are gone.
use std::collections::HashMap;
use std::time::Duration;

use super::Writer;
use crate::presence::{self, Sign};
use crate::sql::bury::Burial;
use crate::{Micros, Reaped, StoreError};

/// What this process remembers of the others, to judge them.
#[derive(Default)]
pub(super) struct Judge {
    /// Before this moment nobody is judged by a lease.
    lenient_until: Option<Micros>,
    /// Of each process that holds its lock, and whose lease is over: when it was over, and since when this process sees that.
    silent: HashMap<i64, Silence>,
}

#[derive(Clone, Copy, Debug)]
struct Silence {
    lease_until: Micros,
    seen: Micros,
}

impl Judge {
    /// Leases may be over because nobody could make them longer: there is time for a sign until then, which is a lease later.
    pub(super) fn be_lenient_until(&mut self, until: Micros) {
        self.lenient_until = self.lenient_until.max(Some(until));
    }

    fn is_lenient(&self, now: Micros, lease: Duration) -> bool {
        // Not for longer, if a clock was set back.
        self.lenient_until.is_some_and(|until| until.before(lease) <= now && now < until)
    }

    /// Whether a process that holds its lock has given no sign for a lease that this process has seen pass. Before that it may
    /// have slept, with the machine.
    fn is_silent(&mut self, proc_no: i64, lease_until: Micros, now: Micros, lease: Duration) -> bool {
        if lease_until >= now {
            self.silent.remove(&proc_no);
            return false;
        }
        let silence = self.silent.entry(proc_no).or_insert(Silence { lease_until, seen: now });
        if silence.lease_until != lease_until {
            *silence = Silence { lease_until, seen: now };
        }
        silence.seen.after(lease) <= now
    }
}

impl Writer {
    /// Takes the runs of dead processes from them.
    pub(crate) fn reap(&mut self) -> Result<Vec<Reaped>, StoreError> {
        let now = self.time_to_judge()?;
        let (at, lease) = (self.options.clock.now(), self.options.lease);
        let lenient = self.judge.is_lenient(now, lease);
        let mut reaped = Vec::new();
        let mut known = Vec::new();
        let processes = self.database.processes()?;
        self.judge.silent.retain(|silent, _| processes.iter().any(|(proc_no, _)| proc_no == silent));
        for (proc_no, process) in processes {
            known.push(process.id);
            if Some(proc_no) == self.living.me() {
                continue;
            }
            let sign = if self.options.machine.shares_locks_with(&process.machine) {
                presence::look(self.living.folder(), process.id)
            } else {
                Sign::Unknown
            };
            let dead = match sign {
                Sign::Gone => true,
                Sign::Unknown => !lenient && process.lease_until < now,
                // It lives, and gives no sign: it is stopped, or waits for a disk. A second lease for that.
                Sign::Alive => self.judge.is_silent(proc_no, process.lease_until, now, lease) && !lenient,
            };
            if !dead {
                continue;
            }
            match self.database.bury(proc_no, &process, at, &mut reaped) {
                // Of one that was stopped, and is not dead, the file is held.
                Ok(Burial::Done) if sign != Sign::Alive => presence::forget(self.living.folder(), process.id),
                Ok(_) => {}
                Err(error) if reaped.is_empty() => return Err(error),
                // Those that were found are told of; the rest is found the next time.
                Err(error) => {
                    let owner = process.as_owner();
                    tracing::warn!(target: "prefect.Store", "Not all runs of {owner} could be looked at: {error}");
                    return Ok(reaped);
                }
            }
        }
        presence::sweep(self.living.folder(), &known);
        Ok(reaped)
    }
}
