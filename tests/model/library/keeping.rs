//! What a case keeps, as the library's: the cache, a store in memory, the clock.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prefect::cache::{
    all_inputs, all_parameters, duration_only, never_use, partial_inputs_only, partial_parameters_only,
};
use prefect::jiff::{SignedDuration, Timestamp};
use prefect::{Cache, CacheValidator, Clock, FlowRun, ResultStore, TaskError, built_in};

use super::super::typed::{Type, of};
use super::super::{Part, Place, Run, Task, TaskRun, Validator};
use super::body;

/// What outlives a run.
#[derive(Default)]
pub(super) struct Outside {
    /// Seconds since the first run began.
    pub(super) now: u64,
    pub(super) cache: Cache,
    pub(super) shelf: Shelf,
    /// Of the runs, in their order.
    ids: Vec<String>,
}

fn begin() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(super) fn clock(seconds: u64) -> Clock {
    Clock::virtual_from(begin() + SignedDuration::from_secs(i64::try_from(seconds).unwrap()))
}

/// Since the first run began.
pub(super) fn seconds(moment: Timestamp) -> u64 {
    u64::try_from(moment.duration_since(begin()).as_secs()).unwrap()
}

impl Outside {
    pub(super) fn clock(&self) -> Clock {
        clock(self.now)
    }

    /// Adds what lies in the store after a run. Runs are called by their numbers, and not by their ids.
    pub(super) fn look(&mut self, ran: &FlowRun<()>, shown: &mut Run<Option<String>>) {
        self.ids.push(ran.id().to_string());
        self.now += ran.duration().as_secs();
        let kept = self.shelf.kept.lock().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        shown.store = Some(kept.iter().map(|(name, bytes)| (self.numbered(name), text(bytes))).collect());
        shown.tasks.iter_mut().for_each(|task| self.rename(task));
    }

    fn rename(&self, task: &mut TaskRun<Option<String>>) {
        task.location = task.location.take().map(|name| self.numbered(&name));
        task.children.iter_mut().for_each(|child| self.rename(child));
    }

    fn numbered(&self, name: &str) -> String {
        let ids = self.ids.iter().enumerate();
        ids.fold(name.to_owned(), |name, (number, id)| name.replace(id, &number.to_string()))
    }
}

/// Keeps results in memory. The first writes to each place fail.
#[derive(Clone, Default)]
pub(super) struct Shelf {
    kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    writes: Arc<Mutex<BTreeMap<String, u32>>>,
    trouble: u32,
}

impl ResultStore for Shelf {
    fn read(&self, location: &str) -> Result<Option<Vec<u8>>, TaskError> {
        Ok(self.kept.lock().unwrap().get(location).cloned())
    }

    fn write(&self, location: &str, bytes: &[u8]) -> Result<(), TaskError> {
        let mut writes = self.writes.lock().unwrap();
        let writes = writes.entry(location.to_owned()).or_default();
        *writes += 1;
        if *writes <= self.trouble {
            return Err("the store is full".into());
        }
        self.kept.lock().unwrap().insert(location.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// The task with what it says of kept results.
pub(super) fn keeping(task: &Task, (mut definition, mut code): built_in::BuiltIn, shelf: &Shelf) -> built_in::BuiltIn {
    if task.cache.is_none() && task.store.is_none() {
        return (definition, code);
    }
    code = match of(task) {
        Type::Number => code.returns::<i64>(),
        Type::List => code.returns::<Vec<i64>>(),
        Type::Lists => code.returns::<Vec<Vec<i64>>>(),
        Type::Unit => unreachable!("a condition keeps nothing"),
    };
    if let Some(cache) = &task.cache {
        definition = definition.cache_for(Duration::from_secs(u64::from(cache.seconds)));
        // Not written out: it is the default.
        if cache.validator != Validator::DurationOnly || cache.seconds == 4 {
            definition = definition.cache_validator(validator(task, &cache.validator));
        }
        if let Some(key) = &cache.key {
            definition = definition.cache_key(key.clone());
        }
    }
    if let Some(store) = &task.store {
        let shelf = Shelf { trouble: store.trouble, ..shelf.clone() };
        definition = match &store.place {
            Place::Target(parts) => definition.target(template(task, parts)).result(shelf),
            Place::Location(parts) => definition.result(shelf.location(template(task, parts))),
            Place::Unnamed => definition.result(shelf),
        };
        definition = definition.checkpoint(store.checkpoint);
    }
    (definition, code)
}

fn template(task: &Task, parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::TaskName => "{task_name}".to_owned(),
        Part::MapIndex => "{map_index}".to_owned(),
        Part::RunCount => "{task_run_count}".to_owned(),
        Part::Input(input) => format!("{{{}}}", body::key(task, *input)),
    };
    parts.iter().map(part).collect()
}

fn validator(task: &Task, validator: &Validator) -> CacheValidator {
    match validator {
        Validator::NeverUse => never_use(),
        Validator::DurationOnly => duration_only(),
        Validator::AllInputs => all_inputs(),
        Validator::AllParameters => all_parameters(),
        Validator::Inputs(inputs) => partial_inputs_only(inputs.iter().map(|input| body::key(task, *input))),
        Validator::Parameters(names) => partial_parameters_only(names.iter().cloned()),
    }
}
