//! Pictures of flows: boxes and arrows for the terminal, SVG, and DOT for other tools.
mod dot;
mod layout;
mod list;
mod ranks;
mod route;
mod svg;
mod text;
mod words;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::StateKind;
use crate::flow::graph::{EdgeUse, Graph, TaskId, id};
use crate::flow::{Flow, Slot};
use crate::plain::{counted, plain};
use crate::run::FlowRun;

/// A picture of a flow: a box for each task, a line for each dependency, the states after a run.
///
/// Shown by `{}` it is text, made of boxes and arrows; [`to_svg`](Self::to_svg) and [`to_dot`](Self::to_dot) give files.
/// The same flow always gives the same picture.
///
/// ```
/// use prefect::prelude::*;
///
/// #[task]
/// fn add(x: i64) -> i64 {
///     x + 1
/// }
///
/// #[task]
/// fn div(x: i64) -> i64 {
///     1 / x
/// }
///
/// let flow = flow!("Add Divide Flow", { div(add(-1)) });
/// let picture = flow.graph().to_string();
/// let expected = "\
/// ┌─────┐
/// │ add │
/// └──┬──┘
///    ▼
/// ┌─────┐
/// │ div │
/// └─────┘
/// ";
/// assert_eq!(picture, expected);
/// ```
///
/// # Lines
///
/// | | text | SVG | DOT |
/// |---|---|---|---|
/// | brings a result | single | solid, with the name of the parameter | the same |
/// | the task only waits | dashed | dashed | dashed |
/// | brings one element to each child of a mapped task | double | double, `each` behind the name | double |
///
/// Lines that leave one task, or that arrive at one, are bundled.
#[derive(Clone, Debug)]
pub struct Picture {
    name: String,
    state: Option<StateKind>,
    boxes: Vec<Drawn>,
    lines: Vec<Line>,
    style: Style,
}

/// How the text is drawn.
#[derive(Clone, Copy, Debug)]
struct Style {
    letters: Letters,
    columns: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    Unicode,
    Ascii,
}

/// One task.
#[derive(Clone, Debug)]
struct Drawn {
    /// Without control characters.
    name: String,
    mapped: bool,
    state: Option<StateKind>,
    /// The children of a mapped task after a run, by state.
    children: BTreeMap<StateKind, usize>,
}

impl Drawn {
    /// What stands below the name.
    fn notes(&self) -> Vec<String> {
        let count: usize = self.children.values().sum();
        if count == 0 {
            let mapped = self.mapped.then(|| "mapped".to_owned());
            return self.state.map(|state| state.to_string()).or(mapped).into_iter().collect();
        }
        let head = self.state.map(|state| format!("{state} ×{count}"));
        head.into_iter().chain(self.children.iter().map(|(kind, count)| format!("{count} {kind}"))).collect()
    }
}

/// What one task has to do with another.
#[derive(Clone, Debug)]
struct Line {
    from: usize,
    to: usize,
    kind: LineKind,
    /// The parameters that take what it brings.
    parameters: Vec<String>,
}

/// The later ones win, where a task reads another in several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LineKind {
    Order,
    Data,
    Element,
}

impl<O> Flow<O> {
    /// A picture of the flow.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn numbers() -> Vec<u32> {
    ///     vec![1, 2]
    /// }
    ///
    /// #[task]
    /// fn double(n: u32) -> u32 {
    ///     2 * n
    /// }
    ///
    /// let flow = flow!("twice", { double::map(numbers()) });
    /// assert!(flow.graph().to_string().contains("║ double  ║\n║ mapped  ║"));
    /// assert!(flow.graph().to_svg().starts_with("<svg "));
    /// assert!(flow.graph().to_dot().starts_with("digraph \"twice\" {"));
    /// ```
    #[must_use]
    pub fn graph(&self) -> Picture {
        Picture::new(&self.graph)
    }
}

impl<O> FlowRun<O> {
    /// A picture of the flow with the states at the end of this run. A mapped task is one box, with its children counted by
    /// state.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn inverse(n: u32) -> u32 {
    ///     12 / n
    /// }
    ///
    /// let run = flow!("inverses", { inverse::map(vec![1, 0, 3]) }).run();
    /// let expected = "\
    /// ╔═══════════╗
    /// ║  inverse  ║
    /// ║ Mapped ×3 ║
    /// ║ 2 Success ║
    /// ║ 1 Failed  ║
    /// ╚═══════════╝
    /// ";
    /// assert_eq!(run.graph().to_string(), expected);
    /// ```
    #[must_use]
    pub fn graph(&self) -> Picture {
        let mut picture = Picture::new(&self.core.graph);
        picture.state = Some(self.state().kind());
        for (task, drawn) in (0..).zip(&mut picture.boxes) {
            drawn.state = Some(self.state_at(task).kind());
            for child in self.children_of(task) {
                *drawn.children.entry(child.kind()).or_default() += 1;
            }
        }
        picture
    }
}

impl Picture {
    fn new(graph: &Arc<Graph>) -> Self {
        let drawn = |task: TaskId| Drawn {
            name: plain(graph.definition(task).name()),
            mapped: graph.is_mapped(task),
            state: None,
            children: BTreeMap::new(),
        };
        let boxes = (0..id(graph.len())).map(drawn).collect();
        let lines = (0..id(graph.len())).flat_map(|task| lines_to(graph, task)).collect();
        let style = Style { letters: Letters::Unicode, columns: 100 };
        Self { name: plain(&graph.name), state: None, boxes, lines, style }
    }

    /// Draws the text with ASCII characters only, for terminals that know no others.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn grüßen() {}
    ///
    /// let flow = flow!("hello", { grüßen(); });
    /// let expected = "\
    /// +-------------------+
    /// | gr\\u{fc}\\u{df}en  |
    /// +-------------------+
    /// ";
    /// assert_eq!(flow.graph().ascii().to_string(), expected);
    /// ```
    #[must_use = "it gives the picture that is drawn so"]
    pub fn ascii(mut self) -> Self {
        self.style.letters = Letters::Ascii;
        self
    }

    /// How many columns the text may have. Default: 100. Ranks that are too long are broken and long names shortened; a
    /// flow that still does not fit becomes a list of its tasks, each with the numbers of those that it waits for.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn part() {}
    ///
    /// let flow = flow!("parts", { part(); part(); });
    /// assert_eq!(flow.graph().to_string().lines().count(), 3);
    /// assert_eq!(flow.graph().columns(10).to_string().lines().count(), 6 + 1);
    /// ```
    #[must_use = "it gives the picture that is drawn so"]
    pub fn columns(mut self, columns: usize) -> Self {
        self.style.columns = columns;
        self
    }

    /// The picture as SVG: one file without scripts or references to others, with a title and a description for readers
    /// that do not see it, in light or dark colours as the reader prefers. States have Prefect's colours.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task(name = "a < b")]
    /// fn smaller() -> bool {
    ///     1 < 2
    /// }
    ///
    /// let svg = flow!("compare", { smaller() }).run().graph().to_svg();
    /// assert!(svg.contains("<title>compare: Success</title>") && svg.contains(">a &lt; b</text>"));
    /// ```
    #[must_use]
    pub fn to_svg(&self) -> String {
        svg::draw(self)
    }

    /// The picture in the language of Graphviz, for layouts and formats of other tools.
    ///
    /// ```
    /// use prefect::prelude::*;
    ///
    /// #[task]
    /// fn load() -> u32 {
    ///     1
    /// }
    ///
    /// #[task]
    /// fn show(n: u32) {}
    ///
    /// let flow = flow!("etl", { show(load()) });
    /// assert!(flow.graph().to_dot().contains("\n  t0 -> t1 [label=\"n\"];\n"));
    /// ```
    #[must_use]
    pub fn to_dot(&self) -> String {
        dot::draw(self)
    }

    /// The same, secrets in names hidden.
    #[cfg(feature = "cli")]
    pub(crate) fn redacted(mut self, redactor: &crate::Redactor) -> Self {
        let parameters = self.lines.iter_mut().flat_map(|line| &mut line.parameters);
        let names = self.boxes.iter_mut().map(|drawn| &mut drawn.name);
        for text in parameters.chain(names).chain([&mut self.name]) {
            *text = redactor.redact(text).into_owned();
        }
        self
    }

    /// `12 tasks, 14 lines: 10 Success, 2 Failed`
    fn description(&self) -> String {
        let mut counts: BTreeMap<StateKind, usize> = BTreeMap::new();
        for state in self.boxes.iter().filter_map(|drawn| drawn.state) {
            *counts.entry(state).or_default() += 1;
        }
        let mut text = format!("{}, {}", counted(self.boxes.len(), "task"), counted(self.lines.len(), "dependency"));
        for (i, (kind, count)) in counts.iter().enumerate() {
            let _ = write!(text, "{} {count} {kind}", if i == 0 { ":" } else { "," });
        }
        text
    }

    /// What the layout has to know of the lines.
    fn links(&self) -> Vec<layout::Link> {
        self.lines.iter().map(|line| layout::Link { from: line.from, to: line.to, style: line.kind as u8 }).collect()
    }
}

/// Boxes and arrows, or a list; see [`Picture::columns`].
impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::draw(self).unwrap_or_else(|| list::draw(self)))
    }
}

/// One line for each task that this one waits for, in the order of its edges.
fn lines_to(graph: &Graph, task: TaskId) -> Vec<Line> {
    let upstream = graph.upstream(task);
    let parameters = graph.kind(task).code.parameters();
    let mut owners: Vec<Option<usize>> = Vec::with_capacity(upstream.len());
    match graph.slots(task) {
        None => owners.extend((0..graph.data_upstream(task).len()).map(Some)),
        Some(slots) => {
            let mut edges = Vec::new();
            for (i, slot) in slots.iter().enumerate() {
                Slot::push_edges(slot, &mut edges);
                owners.resize(edges.len(), Some(i));
            }
        }
    }
    owners.resize(upstream.len(), None);
    let uses = graph.uses(task);
    let mut lines: Vec<Line> = Vec::new();
    let mut known: BTreeMap<TaskId, usize> = BTreeMap::new();
    for (i, (from, owner)) in upstream.iter().zip(owners).enumerate() {
        let kind = match uses.and_then(|uses| uses.get(i)) {
            Some(EdgeUse::Element | EdgeUse::Flattened) => LineKind::Element,
            _ if i < graph.data_upstream(task).len() => LineKind::Data,
            _ => LineKind::Order,
        };
        let line = *known.entry(*from).or_insert_with(|| {
            lines.push(Line { from: *from as usize, to: task as usize, kind, parameters: Vec::new() });
            lines.len() - 1
        });
        let line = &mut lines[line];
        line.kind = line.kind.max(kind);
        if let Some(parameter) = owner.and_then(|owner| parameters.get(owner)) {
            let name = plain(parameter.name());
            if !line.parameters.contains(&name) {
                line.parameters.push(name);
            }
        }
    }
    lines
}
