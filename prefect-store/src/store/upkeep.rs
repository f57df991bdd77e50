//! What is done to a store as a whole: looking for damage, removing old runs, copying it.
use std::path::Path;

use super::Store;
use crate::backend::Removed;
use crate::{Checkup, Prunable, Prune, PruneStep, Pruned, StoreError};

impl Store {
    /// Looks at all of the database: how large it is, and whether something is damaged. Takes as long as reading it.
    ///
    /// ```
    /// use prefect_store::{Options, Store, StoreUrl};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// let checkup = store.check().unwrap();
    /// assert_eq!((checkup.runs, checkup.damage.len()), (0, 0));
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn check(&self) -> Result<Checkup, StoreError> {
        self.0.readers.check()
    }

    /// How many runs [`prune`](Self::prune) would remove, and how many it would not yet.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn count_prunable(&self, prune: &Prune) -> Result<Prunable, StoreError> {
        self.0.readers.count_prunable(prune)
    }

    /// Removes runs that ended long ago, with all that is recorded of them, and the graphs that no run has any more; then gives
    /// the space back to the system. Runs that somebody has, that wait for somebody or that have crashed stay: they go on some
    /// time, or are cancelled. So do runs of which a notification waits to be sent, until it is, or is given up.
    ///
    /// Ticks of schedules from before that moment go too, if they have no run (any more); of each schedule the last one stays, and
    /// none of them is decided a second time.
    ///
    /// Others write meanwhile: it is done a little at a time. `tell` hears how far it is. If it is interrupted, whoever prunes
    /// next goes on with it.
    ///
    /// ```
    /// # use prefect_store::{FlowChange, Micros, NewRun, Options, Prune, RecordedGraph, StateCode, Store, StoreUrl};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// # let graph = RecordedGraph { hash: vec![1], text: "a".into(), slugs: vec!["a-1".into()] };
    /// # let new = NewRun { flow: "etl".into(), name: "one".into(), parameters: "{}".into(), graph, state: StateCode::RUNNING, at: Micros(1) };
    /// # let run = store.begin(new).unwrap();
    /// # let end = FlowChange { state: StateCode::SUCCESS, version: 2, at: Micros(6), message: None, notifications: Vec::new() };
    /// # run.wait(run.record_run(end)).unwrap();
    /// let old = Prune { ended_before: Micros(1_000_000), keep: 0 };
    /// assert_eq!(store.count_prunable(&old).unwrap().runs, 1);
    /// let pruned = store.prune(&old, |_| {}).unwrap();
    /// assert_eq!((pruned.runs, pruned.graphs), (1, 1));
    /// assert!(store.runs(&Default::default()).unwrap().is_empty());
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be written. What was removed before is gone.
    pub fn prune(&self, prune: &Prune, mut tell: impl FnMut(PruneStep)) -> Result<Pruned, StoreError> {
        let prune = *prune;
        let source = self.0.readers.source();
        let mut pruned = Pruned { bytes: (source.size()?, 0), ..Pruned::default() };
        loop {
            let runs = self.0.call(move |writer| writer.database.prune_runs(&prune))??;
            if runs == 0 {
                break;
            }
            pruned.runs += runs;
            tell(PruneStep::Runs(pruned.runs));
        }
        loop {
            let (rows, removed) = self.0.call(|writer| writer.database.prune_rows())??;
            pruned.rows += rows;
            tell(PruneStep::Rows(pruned.rows));
            if removed == Removed::All {
                break;
            }
        }
        let mut next = Some(Vec::new());
        while let Some(after) = next {
            let (graphs, behind) = self.0.call(move |writer| writer.database.prune_graphs(&after))??;
            pruned.graphs += graphs;
            tell(PruneStep::Graphs(pruned.graphs));
            next = behind;
        }
        let mut after = None;
        loop {
            let (ticks, behind) =
                self.0.call(move |writer| writer.database.prune_ticks(prune.ended_before, after.as_ref()))??;
            pruned.ticks += ticks;
            tell(PruneStep::Ticks(pruned.ticks));
            after = behind;
            if after.is_none() {
                break;
            }
        }
        loop {
            let left = self.0.call(|writer| writer.database.shrink())??;
            tell(PruneStep::Space(left));
            if left == 0 {
                break;
            }
        }
        pruned.bytes.1 = source.size()?;
        Ok(pruned)
    }

    /// Copies the store into a new file, for this user alone, as it is at this moment: others write meanwhile. Gives the size of
    /// the copy. `tell` hears how many bytes are copied, and of how many.
    ///
    /// # Errors
    ///
    /// If there is such a file, it cannot be written, or the store cannot be read. There is no copy then.
    pub fn backup(&self, file: &Path, mut tell: impl FnMut(u64, u64)) -> Result<u64, StoreError> {
        self.0.readers.source().backup(file, &mut tell)
    }
}
