//! The graph of a flow as it is recorded, and how another one differs from it.
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use prefect_store::RecordedGraph;
use serde::{Deserialize, Serialize};

use crate::flow::graph::{Graph, id};
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
}

/// A task of a recorded flow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordedTask {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) mapped: bool,
    /// The slugs of what it waits for, in the order of its edges.
    pub(crate) upstream: Vec<String>,
}

fn text(graph: &Graph) -> Text {
    let mut places: HashMap<&str, u32> = HashMap::new();
    let mut names = Vec::new();
    let tasks = (0..id(graph.len())).map(|task| {
        let name = &**graph.name(task);
        let place = *places.entry(name).or_insert_with(|| {
            names.push(name.to_owned());
            id(names.len() - 1)
        });
        (place, graph.upstream(task).to_vec())
    });
    let tasks = tasks.collect();
    let mapped = (0..id(graph.len())).filter(|task| graph.is_mapped(*task)).collect();
    Text { flow: graph.name.to_string(), names, tasks, mapped }
}

/// A flow, to be recorded.
pub(super) fn recorded(graph: &Graph) -> RecordedGraph {
    let text = serde_json::to_string(&text(graph)).expect("texts and numbers");
    let slugs: Vec<String> = graph.slugs().iter().map(ToString::to_string).collect();
    RecordedGraph { hash: digest(&(&text, &slugs)), text, slugs }
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

fn by_slug(tasks: &[RecordedTask]) -> BTreeMap<&str, &RecordedTask> {
    tasks.iter().map(|task| (task.slug.as_str(), task)).collect()
}

fn listed(slugs: &[String]) -> String {
    let slugs: Vec<_> = slugs.iter().map(|slug| format!("`{}`", plain(slug))).collect();
    if slugs.is_empty() { "nothing".to_owned() } else { slugs.join(", ") }
}
