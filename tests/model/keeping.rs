//! Results that are kept: on the shelves of the process, and in a store.
use std::collections::BTreeMap;

use super::hits::Hits;
use super::rules::{RunId, Tasks};
use super::states::{At, State};
use super::upstream::{Lack, Seen};
use super::{Body, Caching, Kind, Message, Part, Place, Res, Storing, Task, Val, Validator, bodies, typed};

/// What outlives a run.
#[derive(Default)]
pub(super) struct World {
    /// When the first run began is 0.
    pub(super) now: u64,
    shelves: BTreeMap<String, Vec<Kept>>,
    pub(super) store: BTreeMap<String, Val>,
    /// How often something was to be written there.
    writes: BTreeMap<String, u32>,
}

/// A kept result, and what it was made of.
pub(super) struct Kept {
    task: usize,
    state: State,
    inputs: Vec<(usize, Seen)>,
    parameters: BTreeMap<String, i64>,
}

impl World {
    /// What a run has left, in the order of its tasks and of their children; only when it has ended.
    pub(super) fn keep(&mut self, mut kept: Vec<(RunId, String, Kept)>) {
        kept.sort_by_key(|(run, ..)| *run);
        for (_, key, kept) in kept {
            self.shelves.entry(key).or_default().push(kept);
        }
    }
}

impl Tasks<'_> {
    fn moment(&self) -> u64 {
        self.world.now + u64::from(self.now)
    }

    /// The place of a result: `None` if it has none, or an input that its name needs has no value.
    pub(super) fn place(&self, run: RunId, inputs: &[Option<Val>], at: At, hits: &mut Hits) -> Option<String> {
        let task = self.task(run);
        let child = run.child.map(|child| child.to_string());
        match &task.store.as_ref()?.place {
            Place::Unnamed => {
                let of_child = child.map(|child| format!("-{child}")).unwrap_or_default();
                Some(format!("case/{}/{}-1{of_child}.json", self.number, task.name))
            }
            Place::Target(parts) | Place::Location(parts) => {
                let numbers = task.inputs();
                let part = |part: &Part| {
                    Some(match part {
                        Part::Text(text) => text.clone(),
                        Part::TaskName => task.name.clone(),
                        Part::MapIndex => child.clone().unwrap_or_default(),
                        Part::RunCount => at.run_count.to_string(),
                        Part::Input(input) => {
                            let place = numbers.iter().position(|number| number == input).expect("one of its inputs");
                            inputs[place].as_ref()?.json()
                        }
                    })
                };
                let place: Option<String> = parts.iter().map(part).collect();
                if place.is_none() {
                    *hits.entry("place_without_input").or_default() += 1;
                }
                place
            }
        }
    }

    /// The state that a result gives which is there already: that of a target, which is the only thing looked for if there
    /// is one, or the first on the shelf that fits.
    pub(super) fn found(&self, run: RunId, place: Option<&str>, hits: &mut Hits) -> Option<State> {
        let mut hit = |rule| *hits.entry(rule).or_default() += 1;
        let task = self.task(run);
        let found = if let Some(Storing { place: Place::Target(_), .. }) = &task.store {
            if task.cache.is_some() {
                hit("target_and_cache");
            }
            let place = place?;
            let value = self.world.store.get(place)?;
            hit("target_found");
            let message = format!("Result found at task target {place}");
            let mut state = State::new(Kind::Cached, Message::Is(message), Res::Value(value.clone()));
            state.location = Some(place.to_owned());
            state
        } else {
            let cache = task.cache.as_ref()?;
            let shelf = self.world.shelves.get(key(task, cache))?;
            let inputs = self.seen_inputs(run);
            let kept = shelf.iter().find(|kept| self.fits(task, kept, &inputs, &mut hit))?;
            if kept.task != run.task {
                hit("cache_by_another");
            }
            kept.state.clone()
        };
        if run.child.is_some() {
            hit("found_for_child");
        }
        if self.state(run).looping.is_some() {
            hit("found_while_looping");
        }
        Some(found)
    }

    fn fits(&self, task: &Task, kept: &Kept, inputs: &[(usize, Seen)], hit: &mut dyn FnMut(&'static str)) -> bool {
        let wanted = typed::of(task);
        let same_type = |value: &Val| match value {
            Val::Number(_) => wanted == typed::Type::Number,
            Val::List(_) => wanted == typed::Type::List,
            Val::Lists(_) => wanted == typed::Type::Lists,
            Val::Truth(_) | Val::Unit => false,
        };
        if !matches!(&kept.state.result, Res::Value(value) if same_type(value)) {
            hit("cache_of_another_type");
            return false;
        }
        let validator = &task.cache.as_ref().expect("asked for").validator;
        if *validator == Validator::NeverUse {
            hit("cache_never");
            return false;
        }
        if kept.state.expires.is_some_and(|expires| expires <= self.moment()) {
            hit("cache_expired");
            return false;
        }
        let find = |inputs: &[(usize, Seen)], name: usize| {
            inputs.iter().find(|(number, _)| *number == name).map(|(_, input)| input.clone())
        };
        let same = |name: &usize| match (find(inputs, *name), find(&kept.inputs, *name)) {
            (Some(ours), Some(theirs)) => ours.is_same(&theirs),
            _ => false,
        };
        let parameters = self.parameters();
        match validator {
            Validator::NeverUse | Validator::DurationOnly => true,
            Validator::AllInputs | Validator::Inputs(_) => {
                let holds = match validator {
                    Validator::Inputs(names) => names.iter().all(same),
                    _ => {
                        inputs.len() == kept.inputs.len()
                            && inputs.iter().zip(&kept.inputs).all(|(our, their)| our.0 == their.0 && same(&our.0))
                    }
                };
                hit(if holds { "cache_inputs_same" } else { "cache_inputs_differ" });
                holds
            }
            Validator::AllParameters | Validator::Parameters(_) => {
                let holds = match validator {
                    Validator::Parameters(names) => {
                        names.iter().all(|name| kept.parameters.get(name) == Some(&parameters[name]))
                    }
                    _ => kept.parameters == parameters,
                };
                hit(if holds { "cache_parameters_same" } else { "cache_parameters_differ" });
                holds
            }
        }
    }

    /// The values of the flow's parameters in this run.
    fn parameters(&self) -> BTreeMap<String, i64> {
        let value = |task: &Task| match task.body {
            Body::Parameter(default) => {
                Some((task.name.clone(), *self.occasion.given.get(&task.name).unwrap_or(&default)))
            }
            _ => None,
        };
        self.case.tasks.iter().filter_map(value).collect()
    }

    /// The state of a body that returned: its result is written before anybody hears of it.
    pub(super) fn returned(&mut self, run: RunId, value: Val, place: Option<&str>, hits: &mut Hits) -> State {
        let mut hit = |rule| *hits.entry(rule).or_default() += 1;
        let mut state = bodies::success(value.clone());
        let (Some(store), Some(place)) = (&self.task(run).store, place) else { return state };
        if !store.checkpoint {
            hit("write_nowhere");
            return state;
        }
        let writes = self.world.writes.entry(place.to_owned()).or_default();
        *writes += 1;
        if *writes <= store.trouble {
            hit("write_fails");
            return State::error(Kind::Failed, "Unexpected error: ", "the store is full");
        }
        if self.world.store.insert(place.to_owned(), value).is_some() {
            hit("written_twice");
        }
        state.location = Some(place.to_owned());
        state
    }

    /// What a success becomes whose result is to be kept for later runs. `Ok(None)`: it is not.
    pub(super) fn cached(&self, run: RunId, state: &State) -> Option<State> {
        let cache = self.task(run).cache.as_ref()?;
        (state.kind == Kind::Success).then(|| State {
            kind: Kind::Cached,
            expires: Some(self.moment() + u64::from(cache.seconds)),
            run_count: None,
            start: None,
            looping: None,
            ..state.clone()
        })
    }

    /// Puts a result aside for the shelves, with what its task's own validator looks at. A signal is no result.
    pub(super) fn shelve(&mut self, run: RunId, state: &State, hits: &mut Hits) {
        if state.kind != Kind::Cached || !matches!(state.result, Res::Value(_)) {
            return;
        }
        *hits.entry("cache_kept").or_default() += 1;
        let task = self.task(run);
        let cache = task.cache.as_ref().expect("asked before");
        let inputs = match cache.validator {
            Validator::AllInputs | Validator::Inputs(_) => self.seen_inputs(run),
            _ => Vec::new(),
        };
        let parameters = match cache.validator {
            Validator::AllParameters | Validator::Parameters(_) => self.parameters(),
            _ => BTreeMap::new(),
        };
        let kept = Kept { task: run.task, state: state.clone(), inputs, parameters };
        self.kept.push((run, key(task, cache).to_owned(), kept));
    }
}

/// Counts what handlers made of a result that was found.
pub(super) fn note_found(state: &State, lack: Option<Lack>, hits: &mut Hits) {
    let mut hit = |rule| *hits.entry(rule).or_default() += 1;
    if state.kind.is_pending() {
        hit("found_refused");
    } else if state.kind != Kind::Cached {
        hit("found_replaced");
    } else if lack.is_some() {
        hit("found_without_input");
    }
}

fn key<'a>(task: &'a Task, cache: &'a Caching) -> &'a str {
    cache.key.as_ref().unwrap_or(&task.name)
}
