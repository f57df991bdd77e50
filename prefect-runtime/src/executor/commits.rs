//! Task runs that have ended and are not recorded yet. Nobody may build on what could be lost: their readers start when the
//! store has them.
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use super::pool::{Pool, Sched};
use crate::State;
use crate::engine::Done;
use crate::lock::lock;
use crate::record::{Lost, Position};

/// So many task runs may have ended without being recorded before no more are started: if the process dies, they run again.
const MOST: usize = 64;

#[derive(Default)]
pub(super) struct Commits {
    /// What is recorded lies up to here.
    committed: Option<Position>,
    /// In the order in which they were reported, each with the position by which all of it is recorded.
    waiting: VecDeque<(Position, Vec<Done>)>,
    /// How many task runs wait.
    len: usize,
}

impl Commits {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many task runs may be started now.
    pub(super) fn room(&self) -> usize {
        MOST.saturating_sub(self.len)
    }
}

impl Pool {
    /// Tells the engine what has ended, or keeps it until it is recorded.
    pub(super) fn complete(&self, sched: &mut Sched, done: &mut Vec<Done>) {
        if done.is_empty() {
            return;
        }
        let Some(recorder) = &self.core.services.recorder else {
            sched.engine.complete(done);
            return self.let_in(sched);
        };
        // Whoever ran it has recorded it before.
        let upto = recorder.handed_over();
        if sched.broken.is_some() || sched.commits.committed.is_some_and(|committed| upto <= committed) {
            sched.engine.complete(done);
            return self.let_in(sched);
        }
        if sched.commits.is_empty() {
            // Virtual time waits for the store. The one who lets go of the last of them gives this token back.
            self.core.services.clock.enter();
        }
        sched.commits.len += done.len();
        sched.commits.waiting.push_back((upto, std::mem::take(done)));
    }

    /// Hears from the store how far it is.
    pub(super) fn follow_commits(self: &Arc<Self>) {
        let Some(recorder) = &self.core.services.recorder else { return };
        let pool: Weak<Self> = Arc::downgrade(self);
        recorder.on_commit(move |news| {
            if let Some(pool) = pool.upgrade() {
                pool.committed(news);
            }
        });
    }

    fn committed(&self, news: Result<Position, Lost>) {
        let let_go = {
            let mut sched = lock(&self.sched);
            let waited = !sched.commits.is_empty();
            match news {
                Ok(position) => sched.commits.committed = sched.commits.committed.max(Some(position)),
                Err(lost) => {
                    let broken = || State::failed(format!("Unexpected error: {lost}"));
                    sched.broken.get_or_insert_with(broken);
                    self.stop(&mut sched);
                }
            }
            let Sched { engine, commits, broken, .. } = &mut *sched;
            while let Some((upto, done)) = commits.waiting.front_mut()
                && (broken.is_some() || commits.committed.is_some_and(|committed| *upto <= committed))
            {
                commits.len -= done.len();
                engine.complete(done);
                commits.waiting.pop_front();
            }
            self.let_in(&mut sched);
            if waited {
                // It may be that only now something is ready, that there is room for more, or that nothing is left to do.
                self.grant(&mut sched);
            }
            waited && sched.commits.is_empty()
        };
        if let_go {
            self.core.services.clock.leave();
        }
    }
}
