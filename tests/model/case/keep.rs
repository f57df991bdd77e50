//! What a case keeps of its results, for its later runs.
use std::collections::BTreeMap;

use super::super::typed::Type;
use super::{Body, Carries, Case, Outcome, Role, Task};

/// One run of the flow, of several in one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Occasion {
    /// How many seconds after the end of the run before it starts.
    pub after: u32,
    /// What parameters are given, by their names; the others have their defaults.
    pub given: BTreeMap<String, i64>,
    /// The world changes: every body adds this to its sum.
    pub world: i64,
}

/// `cache_for`, and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Caching {
    pub seconds: u32,
    pub validator: Validator,
    /// `None`: the name of the task.
    pub key: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Validator {
    NeverUse,
    DurationOnly,
    AllInputs,
    AllParameters,
    /// By the numbers of the inputs.
    Inputs(Vec<usize>),
    /// By their names.
    Parameters(Vec<String>),
}

/// Where the result of a task is kept for good.
#[derive(Clone, Debug, PartialEq)]
pub struct Storing {
    pub place: Place,
    /// Else it is only looked for.
    pub checkpoint: bool,
    /// So many writes to each place fail.
    pub trouble: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// `target`: looked for before the body.
    Target(Vec<Part>),
    /// A `result` with a location.
    Location(Vec<Part>),
    /// A `result` that says no more than where it is.
    Unnamed,
}

/// What the name of a place is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    TaskName,
    MapIndex,
    RunCount,
    /// By its number.
    Input(usize),
}

impl Case {
    /// Takes out what validators and places name that is not there.
    pub fn tidy(&mut self) {
        let is_parameter = |task: &&Task| matches!(task.body, Body::Parameter(_));
        let names: Vec<String> = self.tasks.iter().filter(is_parameter).map(|task| task.name.clone()).collect();
        for run in &mut self.runs {
            run.given.retain(|name, _| names.contains(name));
        }
        for t in 0..self.tasks.len() {
            let plain = self.plain_inputs(t);
            let task = &mut self.tasks[t];
            let inputs = task.inputs();
            if !task.may_keep() {
                (task.cache, task.store) = (None, None);
            }
            match task.cache.as_mut().map(|cache| &mut cache.validator) {
                Some(Validator::Inputs(named)) => named.retain(|input| inputs.contains(input)),
                Some(Validator::Parameters(named)) => named.retain(|name| names.contains(name)),
                _ => {}
            }
            if !task.gives_one_type() {
                task.store = None;
            }
            let mapped = task.is_mapped();
            if let Some(Place::Target(parts) | Place::Location(parts)) =
                task.store.as_mut().map(|store| &mut store.place)
            {
                parts.retain(|part| !matches!(part, Part::Input(input) if !plain.contains(input)));
                if mapped && !parts.contains(&Part::MapIndex) {
                    parts.push(Part::MapIndex);
                }
            }
        }
    }

    /// The inputs of a task that are values of one run: they can stand in the name of a place.
    pub fn plain_inputs(&self, task: usize) -> Vec<usize> {
        let task = &self.tasks[task];
        let is_plain = |input: &usize| match task.edges.get(*input) {
            None => true,
            Some(edge) => {
                edge.carries.is_mapped() || edge.carries == Carries::Data && !self.tasks[edge.from].is_mapped()
            }
        };
        task.inputs().into_iter().filter(|input| !task.reads.is_outcome(*input)).filter(is_plain).collect()
    }
}

impl Task {
    /// The numbers of its inputs: those that edges bring, then those of constant lists.
    pub fn inputs(&self) -> Vec<usize> {
        let edges = self.edges.iter().enumerate().filter(|(_, edge)| edge.carries != Carries::Order);
        edges.map(|(e, _)| e).chain((0..self.over.len()).map(|i| self.edges.len() + i)).collect()
    }

    /// Whether its body returns values of one type: those of a store are read back as such.
    fn gives_one_type(&self) -> bool {
        let gives = |outcome: &Outcome| match outcome {
            Outcome::List(_) => Some(Type::List),
            Outcome::Lists(_) => Some(Type::Lists),
            Outcome::Linear { .. } | Outcome::Index | Outcome::Returns(_) | Outcome::If { .. } => Some(Type::Number),
            _ => None,
        };
        let mut types = self.outcomes().filter_map(gives);
        types.next().is_none_or(|first| types.all(|other| other == first))
    }

    /// Whether it can say that its results are kept.
    pub fn may_keep(&self) -> bool {
        matches!(self.body, Body::Own(_)) && self.role == Role::Work
    }
}
