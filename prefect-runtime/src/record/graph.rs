//! The graph of a flow as it is recorded, and how another one differs from it.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use prefect_store::RecordedGraph;
use serde::{Deserialize, Serialize};

use crate::flow::graph::{Graph, id};
use crate::plain::plain;

/// A flow, as text in the store.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Recorded {
    flow: String,
    /// By their numbers.
    tasks: Vec<Task>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Task {
    slug: String,
    name: String,
    mapped: bool,
    /// The slugs of what it waits for, in the order of its edges.
    upstream: Vec<String>,
}

impl Recorded {
    fn by_slug(&self) -> BTreeMap<&str, &Task> {
        self.tasks.iter().map(|task| (task.slug.as_str(), task)).collect()
    }
}

fn of(graph: &Graph) -> Recorded {
    let slug = |task: u32| graph.slug(task).to_string();
    let task = |task: u32| Task {
        slug: slug(task),
        name: graph.name(task).to_string(),
        mapped: graph.is_mapped(task),
        upstream: graph.upstream(task).iter().map(|upstream| slug(*upstream)).collect(),
    };
    Recorded { flow: graph.name.to_string(), tasks: (0..id(graph.len())).map(task).collect() }
}

/// A flow, to be recorded.
pub(crate) fn recorded(graph: &Graph) -> RecordedGraph {
    let recorded = of(graph);
    let text = serde_json::to_string(&recorded).expect("texts and flags");
    RecordedGraph { hash: digest(&text), slugs: recorded.tasks.into_iter().map(|task| task.slug).collect(), text }
}

/// Graphs are told apart by 128 bits. Nobody compares them with those of another release: a graph whose digest has changed
/// is recorded once more.
fn digest(text: &str) -> Vec<u8> {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, text).hash(&mut hasher);
        hasher.finish().to_be_bytes()
    };
    [half(0), half(1)].concat()
}

/// What is different in a flow since it was recorded, line by line; empty if nothing is. Tasks that are new, and are
/// upstream of nothing that was there, do no harm, but they are told too.
pub(crate) fn difference(then: &str, graph: &Graph) -> Result<String, serde_json::Error> {
    let then: Recorded = serde_json::from_str(then)?;
    let now = of(graph);
    let mut lines = String::new();
    let (before, after) = (then.by_slug(), now.by_slug());
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
                    let list = |slugs: &[String]| {
                        let slugs: Vec<_> = slugs.iter().map(|slug| format!("`{}`", plain(slug))).collect();
                        if slugs.is_empty() { "nothing".to_owned() } else { slugs.join(", ") }
                    };
                    let (old, new) = (list(&old.upstream), list(&new.upstream));
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
