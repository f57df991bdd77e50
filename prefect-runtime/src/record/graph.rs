//! The graph of a flow as it is recorded, and how another one differs from it.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use prefect_store::RecordedGraph;
use serde::{Deserialize, Serialize};

use crate::flow::graph::{Graph, TaskId, id};
use crate::plain::plain;

/// A flow as text in the store, beside the slugs of its tasks. Short, because it counts for each task of each flow.
#[derive(Serialize, Deserialize)]
struct Text {
    flow: String,
    /// Each name of a task once.
    names: Vec<String>,
    /// By number: which name, and the numbers of what it waits for, in the order of its edges.
    tasks: Vec<(u32, Vec<u32>)>,
    /// The numbers of the mapped ones, in order.
    mapped: Vec<u32>,
    /// The numbers of those that the flow has no more, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<u32>,
}

/// A task of a recorded flow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordedTask {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) mapped: bool,
    /// Whether the flow had it once, and the run goes on without it.
    pub(crate) gone: bool,
    /// The slugs of what it waits for, in the order of its edges.
    pub(crate) upstream: Vec<String>,
}

/// Each name once, and its place.
#[derive(Default)]
struct Names<'a> {
    names: Vec<String>,
    places: HashMap<&'a str, u32>,
}

impl<'a> Names<'a> {
    fn place(&mut self, name: &'a str) -> u32 {
        *self.places.entry(name).or_insert_with(|| {
            self.names.push(name.to_owned());
            id(self.names.len() - 1)
        })
    }
}

impl Text {
    fn recorded(&self, slugs: Vec<String>) -> RecordedGraph {
        let text = serde_json::to_string(self).expect("texts and numbers");
        RecordedGraph { hash: digest(&(&text, &slugs)), text, slugs }
    }
}

/// A flow, to be recorded.
pub(super) fn recorded(graph: &Graph) -> RecordedGraph {
    let mut names = Names::default();
    let tasks =
        (0..id(graph.len())).map(|task| (names.place(graph.name(task)), graph.upstream(task).to_vec())).collect();
    let mapped = (0..id(graph.len())).filter(|task| graph.is_mapped(*task)).collect();
    let text = Text { flow: graph.name.to_string(), names: names.names, tasks, mapped, gone: Vec::new() };
    text.recorded(graph.slugs().iter().map(ToString::to_string).collect())
}

/// The same, for a run that goes on with another flow than it began with: what was recorded keeps its numbers, also of tasks
/// that the flow has no more, and new tasks come behind.
pub(super) fn merged(then: &[RecordedTask], graph: &Graph) -> Result<RecordedGraph, String> {
    let now = read(&recorded(graph))?;
    let old: HashSet<&str> = then.iter().map(|task| task.slug.as_str()).collect();
    let new = now.iter().filter(|task| !old.contains(task.slug.as_str()));
    let by_slug = by_slug(&now);
    let tasks: Vec<(&RecordedTask, bool)> = then
        .iter()
        .map(|task| by_slug.get(task.slug.as_str()).map_or((task, true), |now| (*now, false)))
        .chain(new.map(|task| (task, false)))
        .collect();
    let numbers: HashMap<&str, u32> = tasks.iter().zip(0..).map(|((task, _), number)| (&*task.slug, number)).collect();
    let number = |slug: &String| numbers.get(slug.as_str()).copied().ok_or_else(|| format!("it has no task `{slug}`"));
    let mut names = Names::default();
    let mut text = Text {
        flow: graph.name.to_string(),
        names: Vec::new(),
        tasks: Vec::with_capacity(tasks.len()),
        mapped: Vec::new(),
        gone: Vec::new(),
    };
    for (place, (task, gone)) in (0..).zip(&tasks) {
        let upstream = task.upstream.iter().map(number).collect::<Result<_, _>>()?;
        text.tasks.push((names.place(&task.name), upstream));
        if task.mapped {
            text.mapped.push(place);
        }
        if *gone {
            text.gone.push(place);
        }
    }
    text.names = names.names;
    Ok(text.recorded(tasks.iter().map(|(task, _)| task.slug.clone()).collect()))
}

/// The tasks of this flow that were not in it when it was recorded, or were wired in another way.
pub(super) fn changed(then: &[RecordedTask], graph: &Graph) -> Result<Vec<TaskId>, String> {
    let now = read(&recorded(graph))?;
    let before = by_slug(then);
    let differs = |task: &RecordedTask| before.get(task.slug.as_str()).is_none_or(|old| *old != task);
    Ok((0..).zip(&now).filter(|(_, task)| differs(task)).map(|(number, _)| number).collect())
}

/// Graphs are told apart by 128 bits. Nobody compares them with those of another release: a graph whose digest has changed
/// is recorded once more.
fn digest(graph: &impl Hash) -> Vec<u8> {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, graph).hash(&mut hasher);
        hasher.finish().to_be_bytes()
    };
    [half(0), half(1)].concat()
}

/// The tasks of a recorded flow, by their numbers. The error says what is wrong with it.
pub(crate) fn read(graph: &RecordedGraph) -> Result<Vec<RecordedTask>, String> {
    let text: Text = serde_json::from_str(&graph.text).map_err(|error| error.to_string())?;
    let slug = |number: u32| {
        graph.slugs.get(number as usize).cloned().ok_or_else(|| format!("it has no slug for task {number}"))
    };
    let task = |(number, (name, upstream)): (u32, &(u32, Vec<u32>))| {
        let name = text.names.get(*name as usize).ok_or_else(|| format!("it has no name for task {number}"))?;
        Ok(RecordedTask {
            slug: slug(number)?,
            name: name.clone(),
            mapped: text.mapped.binary_search(&number).is_ok(),
            gone: text.gone.binary_search(&number).is_ok(),
            upstream: upstream.iter().map(|number| slug(*number)).collect::<Result<_, String>>()?,
        })
    };
    (0..).zip(&text.tasks).map(task).collect()
}

/// What is different in a flow since it was recorded, line by line; empty if nothing is. The order of the tasks is none.
pub(super) fn difference(then: &[RecordedTask], graph: &Graph) -> Result<String, String> {
    let now = read(&recorded(graph))?;
    let (before, after) = (by_slug(then), by_slug(&now));
    let mut lines = String::new();
    let mut line = |text: String| {
        let _ = writeln!(lines, "  {text}");
    };
    for (slug, old) in &before {
        match after.get(slug) {
            None => line(format!("- task `{}` is gone", plain(slug))),
            Some(new) if new == old => {}
            Some(new) => {
                if new.mapped != old.mapped {
                    let how = |mapped| if mapped { "mapped" } else { "not mapped" };
                    line(format!("~ task `{}` was {} and is {}", plain(slug), how(old.mapped), how(new.mapped)));
                }
                if new.upstream != old.upstream {
                    let (old, new) = (listed(&old.upstream), listed(&new.upstream));
                    line(format!("~ task `{}` waited for {old}, and waits for {new}", plain(slug)));
                }
            }
        }
    }
    for slug in after.keys().filter(|slug| !before.contains_key(*slug)) {
        line(format!("+ task `{}` is new", plain(slug)));
    }
    Ok(lines)
}

/// Without those that are gone.
fn by_slug(tasks: &[RecordedTask]) -> BTreeMap<&str, &RecordedTask> {
    tasks.iter().filter(|task| !task.gone).map(|task| (task.slug.as_str(), task)).collect()
}

fn listed(slugs: &[String]) -> String {
    let slugs: Vec<_> = slugs.iter().map(|slug| format!("`{}`", plain(slug))).collect();
    if slugs.is_empty() { "nothing".to_owned() } else { slugs.join(", ") }
}
