//! Places of what is limited.
use super::Store;
use crate::writer::Request;
use crate::{SlotOwner, SlotRow, Slots, SlotsWanted, StoreError, Taking};

impl Store {
    /// Takes places of what is limited, over all processes of this store, all that are wanted or none. It is committed then:
    /// if this process dies, they are free when that is [found](Self::reap).
    ///
    /// Whoever is told that there is none left asks again soon, about every tenth of a second: a process that has waited for
    /// longer than another is let in before it. Who does not want it any more [says so](Self::leave_lines), or holds the others
    /// up for some seconds.
    ///
    /// ```
    /// use prefect_store::{Micros, NewRun, Options, RecordedGraph, SlotsWanted, StateCode, Store, StoreUrl, Taking};
    ///
    /// let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(&StoreUrl::sqlite(folder.path().join("runs.db")), Options::default()).unwrap();
    /// let graph = RecordedGraph { hash: vec![1], text: "load".into(), slugs: vec!["load-1".into()] };
    /// let (flow, name) = ("etl".into(), "brave-otter".into());
    /// let run = NewRun { flow, name, parameters: "{}".into(), graph, state: StateCode::RUNNING, at: Micros(1) };
    /// let run = store.begin(run).unwrap();
    /// let load = run.slot_owner(Some((0, None)), Some("load".into()));
    ///
    /// let wanted = SlotsWanted { places: vec![("tag:db".into(), 1)], ..SlotsWanted::default() };
    /// let Taking::Taken(slots) = store.take_slots(&load, &wanted).unwrap() else { panic!() };
    /// let Taking::Full(full) = store.take_slots(&load, &wanted).unwrap() else { panic!() };
    /// assert_eq!(full.holder.unwrap().task.as_deref(), Some("load"));
    /// store.give_back(slots, ());
    /// let Taking::Taken(slots) = store.take_slots(&load, &wanted).unwrap() else { panic!() };
    /// # store.give_back(slots, ());
    /// ```
    ///
    /// # Errors
    ///
    /// If the store cannot be written. Nothing is taken then.
    pub fn take_slots(&self, owner: &SlotOwner, wanted: &SlotsWanted) -> Result<Taking, StoreError> {
        let (owner, wanted) = (owner.clone(), wanted.clone());
        self.0.call(move |writer| writer.take_slots(&owner, &wanted))?
    }

    /// Gives places back, and does not wait for it. Then `done` is dropped, on the writer's thread.
    pub fn give_back(&self, slots: Slots, done: impl Send + 'static) {
        self.0.queue.request(Request::Call(Box::new(move |writer| {
            writer.give_back_slots(slots);
            drop(done);
        })));
    }

    /// The process of this one waits no more for places of these, and holds up no other. It does not wait until that is written.
    pub fn leave_lines(&self, owner: &SlotOwner, names: Vec<String>) {
        let owner = owner.clone();
        self.0.queue.request(Request::Call(Box::new(move |writer| writer.leave_lines(&owner, &names))));
    }

    /// The places that are taken, in order.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub fn slots(&self) -> Result<Vec<SlotRow>, StoreError> {
        self.0.readers.slots()
    }
}
