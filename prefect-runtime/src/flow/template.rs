//! Texts with names in braces: the names of task runs, and where results are kept.
use std::borrow::Cow;
use std::fmt;

/// A text with names in braces, such as `"row {x}"`, that is filled in for each run of a task.
///
/// In braces stand names of the task's parameters, and of the run context: `date`, `today`, `yesterday`, `tomorrow` (the
/// last three also with `_nodash`), `flow_name`, `flow_run_id`, `task_name`, `task_full_name`, `task_slug`, `map_index`,
/// `task_run_count`. A parameter goes before a name of the context. `{{` and `}}` are braces.
///
/// ```
/// use prefect::{TaskDefinition, Template};
///
/// let definition = TaskDefinition::new("load").task_run_name(Template::new("load {path}"));
/// let the_same = TaskDefinition::new("load").task_run_name("load {path}");
/// # let _ = (definition, the_same);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Cow<'static, str>);

/// What a template is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    /// What stands in braces.
    Name(&'a str),
}

/// The names of the run context.
pub(crate) const CONTEXT: [&str; 14] = [
    "date",
    "today",
    "yesterday",
    "tomorrow",
    "today_nodash",
    "yesterday_nodash",
    "tomorrow_nodash",
    "flow_name",
    "flow_run_id",
    "task_name",
    "task_full_name",
    "task_slug",
    "map_index",
    "task_run_count",
];

impl Template {
    /// A template.
    #[must_use]
    pub fn new(template: impl Into<Cow<'static, str>>) -> Self {
        Self(template.into())
    }

    /// The pieces, in their order; or what is wrong with the braces.
    pub(crate) fn pieces(&self) -> Result<Vec<Piece<'_>>, &'static str> {
        let mut pieces = Vec::new();
        let mut rest: &str = &self.0;
        while let Some(at) = rest.find(['{', '}']) {
            let (brace, after) = (&rest[at..=at], &rest[at + 1..]);
            if after.starts_with(brace) {
                // Written twice: the brace itself.
                pieces.push(Piece::Text(&rest[..=at]));
                rest = &after[1..];
                continue;
            }
            if brace == "}" {
                return Err("a `}` closes nothing");
            }
            let end = after.find('}').ok_or("a `{` is not closed")?;
            pieces.push(Piece::Text(&rest[..at]));
            pieces.push(Piece::Name(&after[..end]));
            rest = &after[end + 1..];
        }
        pieces.push(Piece::Text(rest));
        Ok(pieces)
    }

    /// The names in braces; of a template with mistakes, none.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces().unwrap_or_default().into_iter().filter_map(|piece| match piece {
            Piece::Name(name) => Some(name),
            Piece::Text(_) => None,
        })
    }
}

impl<T: Into<Cow<'static, str>>> From<T> for Template {
    fn from(template: T) -> Self {
        Self::new(template)
    }
}

/// As it was written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.0)
    }
}
